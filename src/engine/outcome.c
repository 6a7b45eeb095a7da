#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "op.h"

struct join { /* op->state */
    struct list node;
    struct op *op;
};

static struct outcome *target; /* between outcome_target and op_start */

struct outcome *outcome_new(void)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome) {
        outcome->refs = 1;
        list_init(&outcome->joins);
    }
    return outcome;
}

void outcome_release(struct outcome *outcome)
{
    if (outcome && --outcome->refs == 0) {
        free(outcome->error);
        free(outcome);
    }
}

static char *error_text(const char *text, const struct trace_place *place)
{
    char whole[1024];
    if (place->line > 0) {
        snprintf(whole, sizeof whole, "%s:%d: %s", place->file, place->line,
                 text);
    } else {
        snprintf(whole, sizeof whole, "%s", text);
    }
    return slice_dup(slice_str(whole));
}

void outcome_end(struct outcome *outcome, const char *text,
                 const struct trace_place *place)
{
    outcome->task = NULL;
    outcome->ended = true;
    outcome->failed = text != NULL;
    outcome->error = text ? error_text(text, place) : NULL;
    while (!list_empty(&outcome->joins)) {
        struct join *join = list_entry(outcome->joins.next, struct join, node);
        struct op *op = join->op;
        list_remove(&join->node);
        free(join);
        op->state = NULL;
        op_done(op); /* wakes the task in a later turn */
    }
}

/* ---- the call ---- */

void outcome_target(struct outcome *outcome)
{
    target = outcome;
}

static int join_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    (void)args;
    (void)bytes;
    struct join *join = malloc(sizeof *join);
    if (!join) {
        return err_set(err, ERR_SYSTEM, "cannot join a task: out of memory");
    }
    join->op = op;
    list_push(&target->joins, &join->node);
    op->state = join;
    return 0;
}

static void join_orphan(struct op *op)
{
    struct join *join = op->state;
    list_remove(&join->node);
    free(join);
}

const struct call outcome_join = { "task.join", CALL_PARKS, join_start,
                                   join_orphan };
