#include "hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

struct hook {
    struct generation *generation;
    char *name;
    struct buf info, value;
    bool no_wait;
    int64_t limit_ms;
    struct list *next; /* the registration to look at */
    struct task *task;
    struct tick *tick;
    struct timer *timer;
    bool late;
    hook_done_fn *done;
    void *arg;
};

static void destroy(struct hook *hook)
{
    tick_cancel(hook->tick);
    timer_cancel(hook->timer);
    buf_free(&hook->info);
    buf_free(&hook->value);
    free(hook->name);
    free(hook);
}

/* failure may be NULL. */
static void finish(struct hook *hook, const struct failure *failure)
{
    hook_done_fn *done = hook->done;
    void *arg = hook->arg;
    struct buf value = hook->value;
    buf_init(&hook->value, LIMIT_CALL_ARGS);
    destroy(hook);
    done(arg, failure, value.len && !failure ? buf_slice(&value) : SLICE_NONE);
    buf_free(&value);
}

static void step(struct hook *hook);

static void fail(struct hook *hook, const char *where, const struct err *err)
{
    struct failure failure;
    failure_init(&failure);
    failure_at(&failure, where, err);
    finish(hook, &failure);
    failure_free(&failure);
}

static void fail_late(struct hook *hook, const struct task *task,
                      const struct task_result *result)
{
    struct failure failure;
    failure_init(&failure);
    if (result->err) {
        failure_of_task(&failure, task, result);
    }
    err_set(&failure.err, ERR_TIMEOUT, "on(\"%s\") took longer than %.10g s",
            hook->name, (double)hook->limit_ms / 1000);
    finish(hook, &failure);
    failure_free(&failure);
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct hook *hook = arg;
    hook->task = NULL;
    if (hook->late) {
        fail_late(hook, task, result);
    } else if (result->end != TASK_DONE) {
        struct failure failure;
        failure_init(&failure);
        failure_of_task(&failure, task, result);
        finish(hook, &failure);
        failure_free(&failure);
    } else {
        buf_clear(&hook->value);
        buf_add(&hook->value, result->value);
        step(hook);
    }
}

static const struct task_owner owner = { .ended = on_ended };

static void start(struct hook *hook, const struct registration *registration)
{
    char label[160], path[16];
    struct err err;
    generation_label(hook->generation, registration, label, sizeof label);
    snprintf(path, sizeof path, "%d", registration->id);
    struct task_options options = {
        .handler = registration->id,
        .kind = "hook",
        .info = buf_slice(&hook->info),
        .label = label,
        .cause = { .path = slice_str(path) },
        .no_wait = hook->no_wait,
        .limit_ms = -1, /* hook->timer */
        .owner = &owner,
        .arg = hook,
    };
    hook->task = task_start(hook->generation->gen, &options, &err);
    if (!hook->task) {
        fail(hook, registration->where, &err);
    }
}

/* Starts the next one, or ends. */
static void step(struct hook *hook)
{
    struct list *head = &hook->generation->registrations;
    while (hook->next != head) {
        const struct registration *registration =
            list_entry(hook->next, struct registration, node);
        hook->next = hook->next->next;
        if (registration->kind == REGISTRATION_HOOK && !registration->off &&
            strcmp(registration->name, hook->name) == 0) {
            start(hook, registration);
            return;
        }
    }
    finish(hook, NULL);
}

static void on_tick(void *arg)
{
    struct hook *hook = arg;
    hook->tick = NULL;
    step(hook);
}

static void on_timer(void *arg)
{
    struct hook *hook = arg;
    hook->timer = NULL;
    hook->late = true;
    if (hook->task) {
        task_cancel(hook->task);
    }
}

struct hook *hook_run(const struct hook_options *options, struct err *err)
{
    struct loop *loop = options->generation->world->host->loop;
    struct hook *hook = calloc(1, sizeof *hook);
    if (!hook) {
        err_set(err, ERR_SYSTEM, "cannot run a hook: out of memory");
        return NULL;
    }
    buf_init(&hook->info, LIMIT_CALL_ARGS);
    buf_init(&hook->value, LIMIT_CALL_ARGS);
    hook->generation = options->generation;
    hook->no_wait = options->no_wait;
    hook->limit_ms = options->limit_ms;
    hook->next = options->generation->registrations.next;
    hook->done = options->done;
    hook->arg = options->arg;
    hook->name = slice_dup(slice_str(options->name));
    buf_add(&hook->info, options->info);
    if (!hook->name || hook->info.failed) {
        err_set(err, ERR_SYSTEM, "cannot run a hook: out of memory");
        goto fail;
    }
    hook->tick = tick_start(loop, on_tick, hook, err);
    hook->timer =
        hook->tick ? timer_start(loop, options->limit_ms, on_timer, hook, err)
                   : NULL;
    if (!hook->timer) {
        goto fail;
    }
    return hook;
fail:
    destroy(hook);
    return NULL;
}

void hook_cancel(struct hook *hook)
{
    if (hook) {
        task_free(hook->task);
        destroy(hook);
    }
}
