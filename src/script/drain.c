#include "drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "every.h"
#include "hook.h"
#include "limits.h"
#include "log.h"

struct drain {
    struct drain_options options;
    int64_t started, deadline;
    bool unloading; /* the hooks run or ran */
    bool cut;       /* told that handlers are cancelled */
    struct timer *timer;
    struct hook *hook;
};

static struct loop *loop_of(const struct drain *drain)
{
    return drain->options.generation->world->host->loop;
}

static void close_generation(const struct drain_options *options)
{
    dispatch_abandon(options->dispatch, options->generation);
    generation_free(options->generation, options->track);
}

static void finish(struct drain *drain)
{
    struct drain_options options = drain->options;
    timer_cancel(drain->timer);
    hook_cancel(drain->hook);
    close_generation(&options);
    options.done(options.arg, drain);
    free(drain);
}

static void on_unloaded(void *arg, const struct failure *failure,
                        struct slice value)
{
    struct drain *drain = arg;
    const struct generation *generation = drain->options.generation;
    (void)value;
    drain->hook = NULL;
    if (failure) {
        struct log_fields fields = {
            .account = generation->world->host->account,
            .script = generation->settings->script.name,
            .gen = generation->number,
            .file = failure->line ? failure->file : NULL,
            .line = failure->line,
            .kind = err_kind_name(failure->err.kind),
        };
        log_write(LOG_LEVEL_ERROR, &fields, "unload: %s", failure->err.text);
    }
}

/* Without memory for it, it is left out. */
static void unload(struct drain *drain)
{
    struct generation *generation = drain->options.generation;
    char info[64];
    snprintf(info, sizeof info, "{\"reason\":\"%s\"}", drain->options.reason);
    struct hook_options options = {
        .generation = generation,
        .name = "unload",
        .info = slice_str(info),
        .limit_ms = LIMIT_HOOK_UNLOAD_MS,
        .done = on_unloaded,
        .arg = drain,
    };
    gen_retire(generation->gen);
    drain->unloading = true;
    drain->hook = hook_run(&options, NULL);
}

struct cut {
    struct buf names;
    const char *last; /* of the label that was added */
    int count;        /* how often in a row */
};

static void end_name(struct cut *cut)
{
    if (cut->count > 1) {
        buf_addf(&cut->names, " (%d times)", cut->count);
    }
    cut->count = 0;
}

static void add_task(void *arg, const struct task *task)
{
    struct cut *cut = arg;
    const char *label = task_label(task);
    if (!cut->last || strcmp(cut->last, label) != 0) {
        end_name(cut);
        buf_addf(&cut->names, "%s%s", cut->last ? ", " : "", label);
    }
    cut->last = label;
    cut->count++;
}

static void tell_cut(struct drain *drain)
{
    const struct generation *generation = drain->options.generation;
    struct log_fields fields = { .account = generation->world->host->account,
                                 .script = generation->settings->script.name,
                                 .gen = generation->number };
    struct cut cut = { .last = NULL };
    if (drain->cut || gen_tasks(generation->gen) == 0) {
        return;
    }
    drain->cut = true;
    buf_init(&cut.names, LIMIT_FAILURE_TEXT);
    gen_each_task(generation->gen, add_task, &cut);
    end_name(&cut);
    log_write(LOG_LEVEL_WARN, &fields,
              "generation %d: cancelled after %.1f s: %s", generation->number,
              (double)(loop_now(loop_of(drain)) - drain->started) / 1000,
              buf_str(&cut.names));
    buf_free(&cut.names);
}

static void cancel(struct drain *drain)
{
    struct generation *generation = drain->options.generation;
    tell_cut(drain);
    dispatch_cut(drain->options.dispatch, generation);
    gen_cancel_tasks(generation->gen);
}

static bool is_quiet(const struct drain *drain)
{
    const struct generation *generation = drain->options.generation;
    return gen_tasks(generation->gen) == 0 &&
           dispatch_bound(drain->options.dispatch, generation) == 0;
}

static void on_look(void *arg)
{
    struct drain *drain = arg;
    bool late = loop_now(loop_of(drain)) >= drain->deadline;
    bool unloaded = drain->unloading && !drain->hook;
    drain->timer = NULL;
    if (is_quiet(drain) && unloaded) {
        finish(drain);
        return;
    }
    if (is_quiet(drain) && !drain->unloading) {
        unload(drain);
    } else if (unloaded || (late && !drain->unloading)) {
        cancel(drain); /* also what an unload hook left behind */
    }
    drain->timer =
        timer_start(loop_of(drain), LIMIT_DRAIN_LOOK_MS, on_look, drain, NULL);
    if (!drain->timer) {
        finish(drain);
    }
}

struct drain *drain_start(const struct drain_options *options)
{
    struct drain *drain = calloc(1, sizeof *drain);
    struct loop *loop = options->generation->world->host->loop;
    options->generation->state = GENERATION_RETIRED; /* no new timers */
    every_end(options->generation);
    if (drain) {
        drain->options = *options;
        drain->started = loop_now(loop);
        drain->deadline = drain->started + options->ms;
        drain->timer = timer_start(loop, 0, on_look, drain, NULL);
    }
    if (!drain || !drain->timer) {
        free(drain);
        close_generation(options);
        return NULL;
    }
    return drain;
}

void drain_hurry(struct drain *drain, int64_t ms, const char *reason)
{
    int64_t deadline = loop_now(loop_of(drain)) + ms;
    if (deadline < drain->deadline) {
        drain->deadline = deadline;
    }
    drain->options.reason = reason ? reason : drain->options.reason;
}

void drain_close(struct drain *drain)
{
    if (drain) {
        timer_cancel(drain->timer);
        hook_cancel(drain->hook);
        close_generation(&drain->options);
        free(drain);
    }
}

struct generation *drain_generation(const struct drain *drain)
{
    return drain->options.generation;
}
