#include "eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "every.h"
#include "generation.h"
#include "instance.h"
#include "json_write.h"
#include "limits.h"

struct eval {
    struct list node; /* of the instance */
    struct instance *instance;
    const struct eval_owner *owner;
    void *arg;
    int id;
    struct generation *generation; /* has its names; NULL: none */
    int number;                    /* of the last one, 0 none */
    struct task *task;             /* running */
    int pieces;
    bool follows;
};

/* ---- tasks ------------------------------------------------------------- */

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct eval *eval = arg;

    (void)task;
    eval->task = NULL;
    eval->owner->ended(eval->arg, result);
}

static const struct task_owner owner = { .ended = on_ended };

static struct task *start_task(struct eval *eval, const char *what,
                               struct slice text,
                               const struct task_owner *task_owner,
                               struct err *err)
{
    char path[48];
    struct task *task = NULL;
    struct json_writer w;
    struct buf info;

    buf_init(&info, LIMIT_CALL_ARGS);
    json_writer_init(&w, &info);
    json_object_begin(&w);
    json_member_int(&w, "session", eval->id);
    json_key(&w, what);
    json_put_string(&w, text);
    json_object_end(&w);
    snprintf(path, sizeof path, "repl.%d.%d", eval->id, ++eval->pieces);
    struct task_options options = {
        .kind = "repl",
        .info = buf_slice(&info),
        .label = "repl",
        .cause = { .path = slice_str(path) },
        .owner = task_owner,
        .arg = eval,
    };
    if (json_finish(&w, "what was typed", err) == 0)
        task = task_start(eval->generation->gen, &options, err);
    buf_free(&info);
    return task;
}

/* Its names there are forgotten. */
static void leave(struct eval *eval)
{
    static const struct task_owner nobody = { .ended = NULL };
    struct err err;

    if (eval->generation && eval->pieces > 0)
        start_task(eval, "close", slice_str(""), &nobody, &err);
    eval->generation = NULL;
}

static void tell_move(struct eval *eval, int number)
{
    bool moves = eval->number != number;

    eval->number = number;
    if (moves)
        eval->owner->moved(eval->arg, number);
}

/* ---- the conversation -------------------------------------------------- */

struct eval *eval_open(struct manager *manager, const char *script,
                       const struct eval_owner *eval_owner, void *arg,
                       struct err *err)
{
    static int last;
    struct instance *instance = manager_instance(manager, script, err);
    struct eval *eval = instance ? calloc(1, sizeof *eval) : NULL;

    if (instance && !eval)
        err_set(err, ERR_SYSTEM, "cannot talk to a script: out of memory");
    if (!eval)
        return NULL;
    eval->instance = instance;
    eval->owner = eval_owner;
    eval->arg = arg;
    eval->id = ++last;
    eval->number = eval_generation(eval);
    list_push(instance_evals(instance), &eval->node);
    return eval;
}

void eval_close(struct eval *eval)
{
    if (!eval)
        return;
    task_free(eval->task);
    eval->task = NULL;
    leave(eval);
    list_remove(&eval->node);
    free(eval);
}

const char *eval_script(const struct eval *eval)
{
    return instance_name(eval->instance);
}

int eval_generation(const struct eval *eval)
{
    const struct generation *current = instance_current(eval->instance);
    return current ? current->number : 0;
}

int eval_run(struct eval *eval, const char *what, struct slice text,
             struct err *err)
{
    struct generation *current = instance_current(eval->instance);

    if (eval->task)
        return err_set(err, ERR_MISUSE, "what was typed before still runs");
    if (!current)
        return err_set(err, ERR_DENIED,
                       "script %s is not running: it did not load",
                       eval_script(eval));
    if (current != eval->generation) {
        leave(eval);
        eval->generation = current;
        tell_move(eval, current->number);
    }
    eval->task = start_task(eval, what, text, &owner, err);
    return eval->task ? 0 : -1;
}

bool eval_runs(const struct eval *eval)
{
    return eval->task != NULL;
}

void eval_cancel(struct eval *eval)
{
    if (eval->task)
        task_cancel(eval->task);
}

void eval_follow(struct eval *eval, bool on)
{
    eval->follows = on;
}

/* ---- reports ----------------------------------------------------------- */

void eval_handlers(const struct eval *eval, struct buf *out)
{
    const struct generation *current = instance_current(eval->instance);
    char label[400];

    if (!current)
        return;
    list_each(node, &current->registrations)
    {
        const struct registration *registration =
            list_entry(node, struct registration, node);
        if (registration->off)
            continue;
        generation_label(current, registration, label, sizeof label);
        buf_addf(out, "%s\n", label);
    }
}

void eval_timers(const struct eval *eval, struct buf *out)
{
    const struct generation *current = instance_current(eval->instance);

    if (current)
        every_list(current, out);
}

/* ---- from the script layer --------------------------------------------- */

void eval_print(const struct generation *generation, int session,
                struct slice text)
{
    if (!generation->world->evals)
        return;
    list_each(node, generation->world->evals)
    {
        const struct eval *eval = list_entry(node, struct eval, node);
        if (eval->id == session)
            eval->owner->printed(eval->arg, text);
    }
}

void eval_event(const struct generation *generation, struct slice room_id,
                struct slice json)
{
    if (!generation->world->evals)
        return;
    list_each(node, generation->world->evals)
    {
        const struct eval *eval = list_entry(node, struct eval, node);
        if (eval->follows)
            eval->owner->event(eval->arg, room_id, json);
    }
}

void eval_committed(struct generation *generation)
{
    if (!generation->world->evals)
        return;
    list_each(node, generation->world->evals)
    {
        tell_move(list_entry(node, struct eval, node), generation->number);
    }
}

/* Its task ends with the generation, and nobody else would tell. */
static void lose_task(struct eval *eval)
{
    struct err err;
    struct task_result result = { .end = TASK_CANCELLED, .err = &err };

    if (!eval->task)
        return;
    task_free(eval->task);
    eval->task = NULL;
    err_set(&err, ERR_CANCELLED, "the script was replaced");
    eval->owner->ended(eval->arg, &result);
}

void eval_detach(struct generation *generation)
{
    if (!generation->world->evals)
        return;
    list_each(node, generation->world->evals)
    {
        struct eval *eval = list_entry(node, struct eval, node);
        if (eval->generation == generation) {
            lose_task(eval);
            eval->generation = NULL;
        }
    }
}
