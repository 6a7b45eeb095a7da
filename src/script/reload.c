#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "every.h"
#include "hook.h"
#include "json_write.h"
#include "limits.h"

struct reload {
    struct reload_options options;
    struct generation *candidate;
    bool holds;
    struct buf previous; /* what snapshot returned, "" nothing */
    int64_t deadline;    /* of quiescing */
    struct tick *tick;
    struct timer *timer;
    struct hook *hook;
};

static struct loop *loop_of(const struct reload *reload)
{
    return reload->options.world->host->loop;
}

static void hold(struct reload *reload, bool held)
{
    struct generation *current = reload->options.current;
    if (reload->holds == held) {
        return;
    }
    reload->holds = held;
    if (current) {
        every_hold(current, held);
    }
    dispatch_hold(reload->options.dispatch, held);
    webhooks_hold(reload->options.webhooks, held);
}

static void destroy(struct reload *reload)
{
    tick_cancel(reload->tick);
    timer_cancel(reload->timer);
    hook_cancel(reload->hook);
    buf_free(&reload->previous);
    free(reload);
}

static void count(const struct generation *candidate,
                  struct reload_result *result)
{
    if (candidate) {
        result->handlers = generation_count(candidate, REGISTRATION_EVENT);
        result->commands = generation_count(candidate, REGISTRATION_COMMAND);
        result->timers = candidate->timer_count;
    }
}

/* The last step, whatever came before. */
static void finish(struct reload *reload, const struct failure *failure)
{
    struct reload_options options = reload->options;
    struct reload_result result = { .failure = failure };
    count(reload->candidate, &result);
    if (failure || options.check_only) {
        generation_free(reload->candidate, failure ? &result.track : NULL);
        hold(reload, false);
    } else {
        result.candidate = reload->candidate;
    }
    destroy(reload);
    options.done(options.arg, &result);
}

static void refuse(struct reload *reload, const struct err *err)
{
    struct failure failure;
    failure_init(&failure);
    failure_at(&failure, NULL, err);
    finish(reload, &failure);
    failure_free(&failure);
}

/* ---- COMPILE, REGISTER, VERIFY ---- */

static int build_once(struct reload *reload, struct failure *failure)
{
    const struct reload_options *options = &reload->options;
    struct err err;
    generation_free(reload->candidate, NULL);
    reload->candidate = generation_new(options->world, options->settings,
                                       options->number, &err);
    if (!reload->candidate) {
        failure_at(failure, NULL, &err);
        return -1;
    }
    struct generation *candidate = reload->candidate;
    candidate->previous = options->current ? options->current->number : 0;
    if (gen_load(candidate->gen, candidate->track, &err) != 0) {
        failure_of_load(failure, candidate->gen, &err);
        return -1;
    }
    return 0;
}

/* Its files may change while it is built. */
static int build(struct reload *reload, struct failure *failure)
{
    for (int i = 0; i <= LIMIT_RELOAD_RETRIES; i++) {
        int built = build_once(reload, failure);
        if (!reload->candidate ||
            !track_changed(reload->candidate->track, NULL)) {
            return built;
        }
    }
    struct err err;
    err_set(&err, ERR_TIMEOUT, "its files keep changing");
    failure_at(failure, NULL, &err);
    return -1;
}

/* ---- LOAD ---- */

static void on_loaded(void *arg, const struct failure *failure,
                      struct slice value)
{
    struct reload *reload = arg;
    (void)value;
    reload->hook = NULL;
    finish(reload, failure);
}

static int write_context(const struct reload *reload, struct buf *out,
                         struct err *err)
{
    const struct generation *current = reload->options.current;
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "reason", reload->options.reason);
    if (reload->previous.len) {
        json_member_raw(&w, "previous", buf_slice(&reload->previous));
    }
    if (current && current->version.len) {
        json_member_raw(&w, "from_version", buf_slice(&current->version));
    }
    json_object_end(&w);
    return json_finish(&w, "what load gets", err);
}

static void load(struct reload *reload)
{
    struct err err;
    struct buf info;
    buf_init(&info, LIMIT_CALL_ARGS);
    if (write_context(reload, &info, &err) == 0) {
        struct hook_options options = {
            .generation = reload->candidate,
            .name = "load",
            .info = buf_slice(&info),
            .limit_ms = LIMIT_HOOK_LOAD_MS,
            .done = on_loaded,
            .arg = reload,
        };
        reload->hook = hook_run(&options, &err);
    }
    buf_free(&info);
    if (!reload->hook) {
        refuse(reload, &err);
    }
}

/* ---- HOLD, SNAPSHOT ---- */

static void on_snapshot(void *arg, const struct failure *failure,
                        struct slice value)
{
    struct reload *reload = arg;
    reload->hook = NULL;
    if (failure && !reload->options.force) {
        finish(reload, failure);
        return;
    }
    if (value.ptr && !slice_is(value, "null")) {
        buf_add(&reload->previous, value);
    }
    load(reload);
}

static void snapshot(struct reload *reload)
{
    struct err err;
    struct hook_options options = {
        .generation = reload->options.current,
        .name = "snapshot",
        .info = slice_str("{}"),
        .limit_ms = LIMIT_HOOK_UNLOAD_MS,
        .no_wait = true,
        .done = on_snapshot,
        .arg = reload,
    };
    reload->hook = hook_run(&options, &err);
    if (!reload->hook) {
        refuse(reload, &err);
    }
}

static void quiesce(void *arg)
{
    struct reload *reload = arg;
    const struct generation *current = reload->options.current;
    reload->timer = NULL;
    if (gen_tasks(current->gen) > 0 &&
        loop_now(loop_of(reload)) < reload->deadline) {
        reload->timer = timer_start(loop_of(reload), LIMIT_DRAIN_LOOK_MS,
                                    quiesce, reload, NULL);
        if (reload->timer) {
            return;
        }
    }
    snapshot(reload);
}

static void on_tick(void *arg)
{
    struct reload *reload = arg;
    const struct reload_options *options = &reload->options;
    struct failure failure;
    reload->tick = NULL;
    failure_init(&failure);
    if (build(reload, &failure) != 0 ||
        options->verify(options->arg, reload->candidate, &failure) != 0) {
        finish(reload, &failure);
    } else if (options->check_only) {
        finish(reload, NULL);
    } else {
        hold(reload, true);
        if (!options->current) {
            load(reload);
        } else if (options->current->quiesce) {
            quiesce(reload);
        } else {
            snapshot(reload);
        }
    }
    failure_free(&failure);
}

struct reload *reload_start(const struct reload_options *options,
                            struct err *err)
{
    struct reload *reload = calloc(1, sizeof *reload);
    if (!reload) {
        err_set(err, ERR_SYSTEM, "cannot reload: out of memory");
        return NULL;
    }
    reload->options = *options;
    buf_init(&reload->previous, LIMIT_CALL_ARGS);
    reload->deadline = loop_now(options->world->host->loop) + options->drain_ms;
    reload->tick = tick_start(options->world->host->loop, on_tick, reload, err);
    if (!reload->tick) {
        destroy(reload);
        return NULL;
    }
    return reload;
}

void reload_cancel(struct reload *reload)
{
    if (!reload) {
        return;
    }
    hook_cancel(reload->hook);
    reload->hook = NULL;
    hold(reload, false);
    generation_free(reload->candidate, NULL);
    destroy(reload);
}

const struct generation *reload_candidate(const struct reload *reload)
{
    return reload ? reload->candidate : NULL;
}
