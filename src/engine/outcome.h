#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>

#include "call.h"
#include "list.h"
#include "trace.h"

/* What a spawned task leaves for those who join it. Counted: the task and its
 * handle in Lua hold it. Its results stay in Lua, in the handle. */
struct outcome {
    int refs;
    struct task *task; /* NULL once it has ended */
    bool ended, failed;
    char *error;       /* when failed; NULL: out of memory */
    struct list joins; /* those who wait */
};

struct outcome *outcome_new(void); /* one reference; NULL: out of memory */
void outcome_release(struct outcome *outcome); /* NULL is fine */
/* Once. text NULL: it went well. */
void outcome_end(struct outcome *outcome, const char *text,
                 const struct trace_place *place);

/* "task.join": an op that is done when the outcome named by outcome_target
 * ends. Never failing; the results are in the handle. */
extern const struct call outcome_join;
/* Borrowed for the op_start that follows. */
void outcome_target(struct outcome *outcome);

#endif
