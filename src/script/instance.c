#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "every.h"
#include "failure.h"
#include "instance_internal.h"
#include "limits.h"
#include "log.h"
#include "session.h"
#include "script_job.h"
#include "task.h"
#include "turn.h"

struct log_fields instance_fields(const struct instance *instance)
{
    return (struct log_fields) {
        .account = instance->config.host->account,
        .script = instance_name(instance),
        .gen = instance->number,
    };
}

struct loop *instance_loop(const struct instance *instance)
{
    return instance->config.host->loop;
}

int64_t instance_drain_ms(const struct instance *instance)
{
    int64_t ms = instance->settings->script.drain_ms;
    if (ms > 0) {
        return ms;
    }
    return instance->config.watch ? LIMIT_DRAIN_WATCH_MS : LIMIT_DRAIN_MS;
}

const char *instance_name(const struct instance *instance)
{
    return instance->settings->script.name;
}

const char *instance_title(const struct instance *instance)
{
    return instance->settings->title;
}

struct list *instance_evals(struct instance *instance)
{
    return &instance->evals;
}

struct generation *instance_current(const struct instance *instance)
{
    return instance->current;
}

const struct generation *instance_candidate(const struct instance *instance)
{
    return reload_candidate(instance->reload);
}

/* ---- generations ---- */

static void on_drained(void *arg, struct drain *drain)
{
    struct instance *instance = arg;
    if (drain == instance->old) {
        instance->old = NULL;
    }
    if (drain == instance->last) {
        instance->last = NULL;
    }
    if (!instance->current && !instance->stopping) {
        instance->config.changed(instance->config.arg); /* it watches on */
    }
}

void instance_retire(struct instance *instance, struct drain **drain,
                     int64_t ms, const char *reason, struct track **track)
{
    struct drain_options options = {
        .generation = instance->current,
        .dispatch = instance->dispatch,
        .ms = ms,
        .reason = reason,
        .track = track,
        .done = on_drained,
        .arg = instance,
    };
    instance->current = NULL;
    webhooks_set_generation(instance->webhooks, NULL);
    *drain = drain_start(&options);
}

static void on_ready_ended(void *arg, struct task *task,
                           const struct task_result *result)
{
    failure_note(arg, task, result, NULL);
}

static void start_ready(struct generation *generation,
                        const struct registration *registration)
{
    static const struct task_owner owner = { .ended = on_ready_ended };
    char label[160], path[16];
    struct err err;
    generation_label(generation, registration, label, sizeof label);
    snprintf(path, sizeof path, "%d", registration->id);
    struct task_options options = {
        .handler = registration->id,
        .kind = "hook",
        .info = slice_str("{}"),
        .label = label,
        .cause = { .path = slice_str(path) },
        .owner = &owner,
        .arg = generation,
    };
    if (!task_start(generation->gen, &options, &err)) {
        log_error("%s: cannot start %s: %s", generation->settings->script.name,
                  label, err.text);
    }
}

void instance_tell_ready(struct instance *instance)
{
    struct generation *generation = instance->current;
    if (!generation || generation->ready_told || !instance->synced) {
        return;
    }
    generation->ready_told = true;
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        if (r->kind == REGISTRATION_HOOK && !r->off &&
            strcmp(r->name, "ready") == 0) {
            start_ready(generation, r);
        }
    }
}

/* ---- out of memory too often ---- */

static void on_broken_tick(void *arg)
{
    struct instance *instance = arg;
    struct log_fields fields = instance_fields(instance);
    instance->broken = NULL;
    if (!instance->current || instance->stopping) {
        return;
    }
    log_write(LOG_LEVEL_ERROR, &fields,
              "%s is stopped: it ran out of memory twice within a minute "
              "(limits.memory); its events wait until it is reloaded",
              instance_title(instance));
    recent_add(&instance->recent, loop_wall(instance_loop(instance)),
               &(struct recent_failure) {
                   .generation = instance->current->number,
                   .text = "stopped: out of memory twice within a minute",
               });
    if (instance->reload) {
        return; /* the next generation is on its way */
    }
    drain_close(instance->old);
    instance->old = NULL;
    dispatch_set_generation(instance->dispatch, NULL);
    instance_retire(instance, &instance->old, 0, "memory", &instance->failed);
    instance->config.changed(instance->config.arg);
}

static void on_broken(void *arg, struct generation *self)
{
    struct instance *instance = arg;
    if (self == instance->current && !instance->broken) {
        instance->broken =
            tick_start(instance_loop(instance), on_broken_tick, instance, NULL);
    }
}

/* ---- life ---- */

static void write_commands(void *arg, const struct generation *self,
                           struct json_writer *w, bool *answers)
{
    const struct instance *instance = arg;
    instance->config.commands(instance->config.arg, self, w, answers);
}

static void on_listens(void *arg)
{
    const struct instance *instance = arg;
    instance->config.listens(instance->config.arg);
}

static void on_reads(void *arg)
{
    const struct instance *instance = arg;
    instance->config.reads(instance->config.arg);
}

static int emit(void *arg, const struct generation *self, struct slice name,
                struct slice data, struct err *err)
{
    const struct instance *instance = arg;
    return instance->config.emit(instance->config.arg, self, name, data, err);
}

/* ---- jobs ---- */

static const char *job_name(void *arg, int index)
{
    const struct instance *instance = arg;
    return instance->current ? script_job_name(instance->current, index) : NULL;
}

/* None before the first response: what a job wants to send needs a server. */
static int job_room(void *arg)
{
    const struct instance *instance = arg;
    const struct generation *current = instance->current;
    if (!current || current->held || !instance->synced || instance->stopping) {
        return 0;
    }
    int most = current->settings->script.handlers;
    most = most > 0 ? most : LIMIT_HANDLERS;
    if (current->concurrency > 0 && current->concurrency < most) {
        most = current->concurrency;
    }
    return most - job_line_running(instance->jobs);
}

static void start_job(void *arg, const struct store_job *job)
{
    const struct instance *instance = arg;
    script_job_start(instance->current, job);
}

static int open_jobs(struct instance *instance, struct err *err)
{
    struct job_line_config config = {
        .loop = instance->config.host->loop,
        .store = instance->config.host->store,
        .account = instance->config.host->account,
        .script = instance_name(instance),
        .name = job_name,
        .room = job_room,
        .start = start_job,
        .arg = instance,
    };
    instance->jobs = job_line_new(&config, err);
    return instance->jobs ? 0 : -1;
}

static int open_parts(struct instance *instance, struct err *err)
{
    struct dispatch_config config = {
        .host = instance->config.host,
        .inbox = instance->config.inbox,
        .script = instance_name(instance),
        .waiters = &instance->waiters,
    };
    instance->memory = memory_new();
    instance->locks = turn_table_new(instance->config.host->loop);
    if (!instance->memory || !instance->locks) {
        return err_set(err, ERR_SYSTEM, "cannot add a script: out of memory");
    }
    if (open_jobs(instance, err) != 0) {
        return -1;
    }
    instance->world = (struct generation_world) {
        .host = instance->config.host,
        .lua_path = instance->config.lua_path,
        .memory = instance->memory,
        .locks = instance->locks,
        .waiters = &instance->waiters,
        .evals = &instance->evals,
        .jobs = instance->jobs,
        .commands = instance->config.commands ? write_commands : NULL,
        .broken = on_broken,
        .recent = &instance->recent,
        .listens = instance->config.listens ? on_listens : NULL,
        .reads = instance->config.reads ? on_reads : NULL,
        .emit = instance->config.emit ? emit : NULL,
        .arg = instance,
    };
    instance->webhooks = webhooks_new(&instance->world, err);
    instance->dispatch = instance->webhooks ? dispatch_new(&config, err) : NULL;
    return instance->dispatch ? 0 : -1;
}

struct instance *instance_new(const struct instance_config *config,
                              struct settings *settings, struct err *err)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (!instance) {
        settings_unref(settings);
        err_set(err, ERR_SYSTEM, "cannot add a script: out of memory");
        return NULL;
    }
    instance->config = *config;
    instance->settings = settings;
    list_init(&instance->requests);
    list_init(&instance->waiters.list);
    list_init(&instance->evals);
    buf_init(&instance->changed, LIMIT_PATH);
    buf_init(&instance->refused, LIMIT_FAILURE_TEXT);
    if (open_parts(instance, err) != 0) {
        instance_free(instance);
        return NULL;
    }
    return instance;
}

void instance_free(struct instance *instance)
{
    if (!instance) {
        return;
    }
    if (instance->jobs && !instance->stopping) {
        job_line_abandon(instance->jobs);
    }
    instance->stopping = true;
    if (instance->dispatch) {
        dispatch_stop(instance->dispatch);
    }
    instance_forget_all(instance);
    tick_cancel(instance->broken);
    timer_cancel(instance->stop_look);
    drain_close(instance->old);
    drain_close(instance->last);
    if (instance->current) {
        dispatch_abandon(instance->dispatch, instance->current);
        generation_free(instance->current, NULL);
    }
    dispatch_free(instance->dispatch);
    job_line_free(instance->jobs);
    webhooks_free(instance->webhooks);
    memory_free(instance->memory);
    turn_table_free(instance->locks);
    track_free(instance->failed);
    settings_unref(instance->settings);
    buf_free(&instance->changed);
    buf_free(&instance->refused);
    free(instance);
}

void instance_update(struct instance *instance, struct settings *settings)
{
    const struct settings *in_charge =
        instance->current ? instance->current->settings : NULL;
    if (in_charge) { /* what was changed may be taken back */
        instance->settings_changed = !settings_equal(in_charge, settings);
    } else if (!settings_equal(instance->settings, settings)) {
        instance->settings_changed = true;
    }
    settings_unref(instance->settings);
    instance->settings = settings;
}

/* ---- what it is asked ---- */

/* In charge, or the last one that was. */
static const struct generation *listening(const struct instance *instance)
{
    return instance->current ? instance->current
           : instance->last  ? drain_generation(instance->last)
                             : NULL;
}

bool instance_wants(const struct instance *instance,
                    const struct sync_occasion *occasion)
{
    const struct generation *generation = listening(instance);
    const struct session *session = instance->config.host->session;
    const char *user_id = session ? session_user_id(session) : "";
    return (generation && generation_wants(generation, occasion)) ||
           waiter_next(&instance->waiters, 0, occasion, user_id);
}

int instance_has_room(const struct instance *instance, struct err *err)
{
    return dispatch_has_room(instance->dispatch, err);
}

int instance_emit(struct instance *instance, struct slice json, struct err *err)
{
    return dispatch_emit(instance->dispatch, json, err);
}

struct passing {
    sync_type_fn *add;
    void *arg;
};

/* A wait comes and goes: what it needs is not worth all state of that type. */
static void add_passing(void *arg, const char *section, struct slice type)
{
    const struct passing *to = arg;
    bool timeline = strcmp(section, "timeline") == 0;
    to->add(to->arg, timeline ? "passing" : section, type);
}

void instance_types(const struct instance *instance, sync_type_fn *add,
                    void *arg)
{
    const struct generation *generation = listening(instance);
    struct passing passing = { add, arg };
    list_each(node, &instance->waiters.list)
    {
        const struct waiter *waiter = list_entry(node, struct waiter, node);
        registration_types(waiter->registration, add_passing, &passing);
    }
    if (!generation) {
        return;
    }
    list_each(node, &generation->registrations)
    {
        registration_types(list_entry(node, struct registration, node), add,
                           arg);
    }
}

void instance_committed(struct instance *instance, bool synced)
{
    if (synced && !instance->synced) {
        instance->synced = true;
        job_line_look(instance->jobs);
    }
    instance_tell_ready(instance);
    dispatch_look(instance->dispatch);
}

void instance_directories(const struct instance *instance,
                          track_directory_fn *fn, void *arg)
{
    if (instance->current) {
        track_directories(instance->current->track, fn, arg);
    }
    if (instance->failed) {
        track_directories(instance->failed, fn, arg);
    }
}

uint64_t instance_stamp(const struct instance *instance)
{
    uint64_t stamp = 0;
    if (instance->current) {
        stamp = track_stamp(instance->current->track);
    }
    if (instance->failed) {
        stamp = stamp * 31 + track_stamp(instance->failed);
    }
    return stamp;
}

struct webhooks *instance_webhooks(const struct instance *instance)
{
    return instance->webhooks;
}

bool instance_idle(const struct instance *instance)
{
    const struct generation *current = instance->current;
    if (instance->reload || instance->old || instance->last ||
        !webhooks_idle(instance->webhooks)) {
        return false;
    }
    return !current ||
           (dispatch_idle(instance->dispatch) &&
            job_line_idle(instance->jobs) && gen_tasks(current->gen) == 0);
}

/* ---- stopping ---- */

static void on_stop_look(void *arg)
{
    struct instance *instance = arg;
    instance->stop_look = NULL;
    if (instance->old || instance->last ||
        dispatch_claims(instance->dispatch)) {
        instance->stop_look =
            timer_start(instance_loop(instance), LIMIT_DRAIN_LOOK_MS,
                        on_stop_look, instance, NULL);
        if (instance->stop_look) {
            return;
        }
        drain_close(instance->old);
        drain_close(instance->last);
        instance->old = instance->last = NULL;
    }
    instance->stop_done(instance->stop_arg);
}

void instance_stop(struct instance *instance, int64_t ms, loop_fn *done,
                   void *arg)
{
    instance->stopping = true;
    instance->stop_done = done;
    instance->stop_arg = arg;
    dispatch_stop(instance->dispatch);
    webhooks_stop(instance->webhooks);
    instance_refuse_all(instance);
    if (instance->old) {
        drain_hurry(instance->old, ms, "stop");
    }
    if (instance->current) {
        instance_retire(instance, &instance->last, ms, "stop", NULL);
    }
    instance->stop_look =
        timer_start(instance_loop(instance), 0, on_stop_look, instance, NULL);
    if (!instance->stop_look) {
        on_stop_look(instance);
    }
}
