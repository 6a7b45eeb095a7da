#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "eval.h"
#include "every.h"
#include "instance_internal.h"
#include "limits.h"
#include "log.h"

/* Reloads of an instance: what asks for them, COMMIT, and what is told. */

struct request {
    struct list node;
    int flags;
    bool first;
    bool watch; /* asked for by the watcher: nobody waits */
    instance_reload_fn *fn;
    void *arg;
};

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct request *serving(const struct instance *instance)
{
    struct list *first = list_first(&instance->requests);
    return first ? list_entry(first, struct request, node) : NULL;
}

/* ---- answers ---- */

static void on_next(void *arg);

static void serve_later(struct instance *instance)
{
    if (!instance->next && !instance->reload &&
        !list_empty(&instance->requests)) {
        instance->next =
            tick_start(instance_loop(instance), on_next, instance, NULL);
    }
}

/* Ends the request being served. */
static void answer(struct instance *instance, bool refused, const char *report)
{
    struct request request = *serving(instance);
    struct list *node = list_pop(&instance->requests);
    free(list_entry(node, struct request, node));
    if (instance->look && !instance->stopping) {
        instance->look = false;
        instance_look(instance);
    }
    serve_later(instance);
    if (request.fn) {
        request.fn(request.arg, refused, report);
    }
}

/* A line for the log, with what is below it, and for whoever asked. */
static void tell(struct instance *instance, enum log_level level,
                 const struct failure *failure, const char *head)
{
    struct log_fields fields = instance_fields(instance);
    struct buf below, report, error;
    buf_init(&below, LIMIT_FAILURE_TEXT);
    buf_init(&report, 2 * LIMIT_FAILURE_TEXT);
    buf_init(&error, LIMIT_FAILURE_TEXT);
    if (failure) {
        failure_write(failure, &below);
        if (failure->line) {
            buf_addf(&error, "%s:%d: ", failure->file, failure->line);
        }
        buf_adds(&error, failure->err.text);
        fields.kind = err_kind_name(failure->err.kind);
        fields.error = buf_str(&error);
        fields.traceback = buf_str(&below);
    }
    fields.dur_ms = (double)(clock_ns() - instance->began) / 1e6;
    log_write(level, &fields, "%s", head);
    buf_addf(&report, "%s%s%s", head, below.len ? "\n" : "", buf_str(&below));
    answer(instance, failure != NULL, buf_str(&report));
    buf_free(&below);
    buf_free(&report);
    buf_free(&error);
}

static void add_count(struct buf *out, int count, const char *what)
{
    if (count > 0) {
        bool first = out->ptr[out->len - 1] == '(';
        buf_addf(out, "%s%d %s%s", first ? "" : ", ", count, what,
                 count == 1 ? "" : "s");
    }
}

static void write_success(const struct instance *instance,
                          const struct reload_result *result, int replaced,
                          struct buf *out)
{
    const char *title = instance_title(instance);
    double ms = (double)(clock_ns() - instance->began) / 1e6;
    if (!result->candidate) {
        buf_addf(out, "✓ %s would load (", title);
    } else if (replaced) {
        buf_addf(out, "✓ %s: generation %d replaces %d (", title,
                 result->candidate->number, replaced);
    } else {
        buf_addf(out, "✓ %s: generation %d runs (", title,
                 result->candidate->number);
    }
    if (instance->changed.len) {
        buf_addf(out, "%s changed", buf_str(&instance->changed));
    }
    add_count(out, result->handlers, "handler");
    add_count(out, result->commands, "command");
    add_count(out, result->timers, "timer");
    buf_addf(out, "%s%.1f ms)", out->ptr[out->len - 1] == '(' ? "" : ", ", ms);
}

static void write_refusal(const struct instance *instance, bool check_only,
                          struct buf *out)
{
    const char *title = instance_title(instance);
    int number = instance->number + 1;
    if (check_only) {
        buf_addf(out, "✗ %s would not load", title);
    } else if (instance->current) {
        buf_addf(out,
                 "✗ %s did not load (generation %d refused, generation %d "
                 "keeps running)",
                 title, number, instance->current->number);
    } else {
        buf_addf(out,
                 "✗ %s did not load (generation %d refused, nothing runs "
                 "until %s)",
                 title, number,
                 instance->config.watch ? "it is fixed on disk"
                                        : "it is fixed and reloaded");
    }
}

/* ---- COMMIT ---- */

static void commit(struct instance *instance, struct generation *candidate)
{
    struct generation *before = instance->current;
    const struct manager_script *script = &candidate->settings->script;
    candidate->state = GENERATION_LIVE;
    instance->number = candidate->number;
    every_begin(candidate, before);
    if (before) {
        every_hold(before, false);
        gen_retire(before->gen);
        drain_close(instance->old); /* a third one: the oldest goes now */
        instance->old = NULL;
        instance_retire(instance, &instance->old, instance_drain_ms(instance),
                        "reload", NULL);
    }
    instance->current = candidate;
    eval_committed(candidate);
    instance->loaded = loop_wall(instance_loop(instance));
    buf_clear(&instance->refused);
    instance->settings_changed = candidate->settings != instance->settings;
    track_free(instance->failed);
    instance->failed = NULL;
    dispatch_set_limits(instance->dispatch, script->queue, script->handlers);
    dispatch_set_generation(instance->dispatch, candidate);
    dispatch_hold(instance->dispatch, false);
    webhooks_set_generation(instance->webhooks, candidate);
    webhook_tell(candidate);
    instance->config.changed(instance->config.arg);
    instance_tell_ready(instance);
    dispatch_look(instance->dispatch);
    job_line_renew(instance->jobs);
}

/* For reports. */
static void note_refusal(struct instance *instance,
                         const struct failure *failure)
{
    buf_clear(&instance->refused);
    if (failure->line) {
        buf_addf(&instance->refused, "%s:%d: ", failure->file, failure->line);
    }
    buf_adds(&instance->refused, failure->err.text);
    instance->refused_at = loop_wall(instance_loop(instance));
    instance->refused_number = instance->number + 1;
}

static void on_reloaded(void *arg, const struct reload_result *result)
{
    struct instance *instance = arg;
    int replaced = instance->current ? instance->current->number : 0;
    bool check_only = serving(instance)->flags & MANAGER_CHECK_ONLY;
    enum log_level level = LOG_LEVEL_INFO;
    struct buf head;
    instance->reload = NULL;
    buf_init(&head, LIMIT_FAILURE_TEXT);
    if (result->failure) {
        level = LOG_LEVEL_ERROR;
        write_refusal(instance, check_only, &head);
        job_line_look(instance->jobs); /* they were held */
        if (check_only) {
            track_free(result->track);
        } else {
            track_free(instance->failed);
            instance->failed = result->track;
            note_refusal(instance, result->failure);
        }
        instance->config.changed(instance->config.arg);
    } else {
        if (result->candidate) {
            commit(instance, result->candidate);
        }
        write_success(instance, result, replaced, &head);
    }
    webhooks_hold(instance->webhooks, false);
    tell(instance, level, result->failure, buf_str(&head));
    buf_free(&head);
}

static int verify(void *arg, const struct generation *candidate,
                  struct failure *failure)
{
    const struct instance *instance = arg;
    return instance->config.verify(instance->config.arg, candidate, failure);
}

/* ---- COLLECT ---- */

static void begin(struct instance *instance)
{
    const struct request *request = serving(instance);
    struct err err;
    struct reload_options options = {
        .world = &instance->world,
        .settings = instance->settings,
        .number = instance->number + 1,
        .current = instance->current,
        .dispatch = instance->dispatch,
        .webhooks = instance->webhooks,
        .reason = request->first ? "start" : "reload",
        .force = request->flags & MANAGER_FORCE,
        .check_only = request->flags & MANAGER_CHECK_ONLY,
        .drain_ms = instance_drain_ms(instance),
        .verify = verify,
        .done = on_reloaded,
        .arg = instance,
    };
    instance->reload = reload_start(&options, &err);
    if (!instance->reload) {
        struct failure failure;
        failure_init(&failure);
        failure_at(&failure, NULL, &err);
        tell(instance, LOG_LEVEL_ERROR, &failure, "✗ cannot reload");
        failure_free(&failure);
    }
}

/* Is the code in charge the code on disk? */
static bool is_current(struct instance *instance, struct buf *what)
{
    if (instance->settings_changed) {
        buf_adds(what, "configuration");
        return false;
    }
    return instance->current && !track_changed(instance->current->track, what);
}

static void serve(struct instance *instance)
{
    const struct request *request = serving(instance);
    bool forced = request->first || (request->flags & MANAGER_FORCE);
    struct buf head;
    instance->began = clock_ns();
    buf_clear(&instance->changed);
    if (!is_current(instance, &instance->changed) || forced) {
        begin(instance);
        return;
    }
    bool back = instance->failed != NULL;
    track_free(instance->failed);
    instance->failed = NULL;
    buf_clear(&instance->refused);
    buf_init(&head, LIMIT_FAILURE_TEXT);
    buf_addf(&head, "%s: %s (generation %d)", instance_title(instance),
             back ? "as it was before" : "nothing changed",
             instance->current->number);
    if (request->watch && !back) {
        answer(instance, false, buf_str(&head));
    } else {
        tell(instance, LOG_LEVEL_INFO, NULL, buf_str(&head));
    }
    buf_free(&head);
}

static void on_next(void *arg)
{
    struct instance *instance = arg;
    instance->next = NULL;
    if (!instance->reload && serving(instance)) {
        serve(instance);
    }
}

static int ask(struct instance *instance, const struct request *wanted,
               struct err *err)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request) {
        return err_set(err, ERR_SYSTEM, "cannot reload: out of memory");
    }
    *request = *wanted;
    list_push(&instance->requests, &request->node);
    serve_later(instance);
    if (!instance->reload && !instance->next) {
        list_remove(&request->node);
        free(request);
        return err_set(err, ERR_SYSTEM, "cannot reload: out of memory");
    }
    return 0;
}

int instance_reload(struct instance *instance, int flags, bool first,
                    instance_reload_fn *fn, void *arg, struct err *err)
{
    struct request request = {
        .flags = flags, .first = first, .fn = fn, .arg = arg
    };
    if (instance->stopping) {
        return err_set(err, ERR_CANCELLED, "cannot reload %s: it is stopping",
                       instance_title(instance));
    }
    return ask(instance, &request, err);
}

/* ---- the watcher ---- */

static bool has_vanished(const struct instance *instance)
{
    struct stat info;
    return stat(instance->settings->file, &info) != 0 && errno == ENOENT;
}

static void on_gone(void *arg)
{
    struct instance *instance = arg;
    struct log_fields fields = instance_fields(instance);
    instance->gone = NULL;
    if (!has_vanished(instance)) {
        instance_look(instance);
    } else if (instance->current) {
        log_write(LOG_LEVEL_WARN, &fields,
                  "%s is gone; generation %d keeps running",
                  instance->settings->file, instance->current->number);
    }
}

/* What the files are compared with; NULL: nothing was read yet. */
static const struct track *last_track(const struct instance *instance)
{
    return instance->failed    ? instance->failed
           : instance->current ? instance->current->track
                               : NULL;
}

void instance_look(struct instance *instance)
{
    struct request request = { .watch = true };
    const struct track *last = last_track(instance);
    if (instance->stopping || instance->gone) {
        return;
    }
    if (serving(instance)) {
        instance->look = true;           /* when it is through */
    } else if (has_vanished(instance)) { /* perhaps in mid-save */
        instance->gone = timer_start(instance_loop(instance), LIMIT_GONE_MS,
                                     on_gone, instance, NULL);
    } else if (!last || track_changed(last, NULL)) {
        ask(instance, &request, NULL);
    }
}

/* An empty file is one that is written in two steps. */
static bool has_content(const struct instance *instance)
{
    struct stat info;
    return stat(instance->settings->file, &info) == 0 && info.st_size > 0;
}

void instance_look_soon(struct instance *instance)
{
    const struct track *last = last_track(instance);
    if (last && track_count(last) == 1 && has_content(instance)) {
        instance_look(instance);
    }
}

/* ---- the end ---- */

static void stop_all(struct instance *instance)
{
    reload_cancel(instance->reload);
    instance->reload = NULL;
    tick_cancel(instance->next);
    instance->next = NULL;
    timer_cancel(instance->gone);
    instance->gone = NULL;
}

void instance_refuse_all(struct instance *instance)
{
    stop_all(instance);
    while (serving(instance)) {
        answer(instance, true, "not reloaded: the program is stopping");
        tick_cancel(instance->next);
        instance->next = NULL;
    }
}

void instance_forget_all(struct instance *instance)
{
    struct list *node;
    stop_all(instance);
    while ((node = list_pop(&instance->requests)) != NULL) {
        free(list_entry(node, struct request, node));
    }
}
