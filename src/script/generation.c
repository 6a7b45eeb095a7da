#include "generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "every.h"
#include "failure.h"
#include "limits.h"
#include "lock.h"
#include "script_calls.h"
#include "script_job.h"
#include "session.h"
#include "webhook.h"
#include "waiter.h"

static struct gen *make_gen(struct generation *generation, struct err *err)
{
    const struct settings *settings = generation->settings;
    const struct manager_script *script = &settings->script;
    struct gen_config config = {
        .host = generation->world->host,
        .script = script->name,
        .number = generation->number,
        .file = settings->file,
        .directory = settings->directory,
        .data_dir = script->data_dir,
        .lua_path = generation->world->lua_path,
        .limits = script->limits,
        .store_quota = script->store_quota,
        .http_body = script->http_body,
        .http_private = script->http_private,
        .log_lines = script->log_lines,
        .calls = script_calls,
        .owner = generation,
    };
    return gen_new(&config, err);
}

struct generation *generation_new(const struct generation_world *world,
                                  struct settings *settings, int number,
                                  struct err *err)
{
    struct generation *generation = calloc(1, sizeof *generation);
    if (!generation) {
        err_set(err, ERR_SYSTEM, "cannot load a script: out of memory");
        return NULL;
    }
    generation->world = world;
    generation->settings = settings_ref(settings);
    generation->number = number;
    list_init(&generation->registrations);
    list_init(&generation->timers);
    list_init(&generation->webhooks);
    list_init(&generation->webhook_calls);
    list_init(&generation->locks);
    list_init(&generation->jobs);
    list_init(&generation->places);
    buf_init(&generation->version, LIMIT_STORE_VALUE);
    generation->track = track_new();
    if (!generation->track) {
        err_set(err, ERR_SYSTEM, "cannot load a script: out of memory");
        goto fail;
    }
    generation->gen = make_gen(generation, err);
    if (!generation->gen) {
        goto fail;
    }
    gen_caller(generation->gen)->jobs = world->jobs;
    return generation;
fail:
    generation_free(generation, NULL);
    return NULL;
}

void generation_free(struct generation *generation, struct track **track)
{
    if (!generation) {
        return;
    }
    eval_detach(generation);
    gen_free(generation->gen);
    every_free_all(generation);
    webhook_free_all(generation);
    lock_free_all(generation);
    waiter_free_all(generation);
    script_job_free_all(generation);
    failure_forget(generation);
    list_each_safe(node, &generation->registrations)
    {
        registration_free(list_entry(node, struct registration, node));
    }
    if (track) {
        track_free(*track);
        *track = generation->track;
    } else {
        track_free(generation->track);
    }
    buf_free(&generation->version);
    settings_unref(generation->settings);
    free(generation);
}

int generation_count(const struct generation *generation,
                     enum registration_kind kind)
{
    int count = 0;
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        count += r->kind == kind && !r->off;
    }
    return count;
}

struct registration *generation_find(const struct generation *generation,
                                     int id)
{
    list_each(node, &generation->registrations)
    {
        struct registration *r = list_entry(node, struct registration, node);
        if (r->id == id && !r->off) {
            return r;
        }
    }
    return NULL;
}

bool generation_wants(const struct generation *generation,
                      const struct sync_occasion *occasion)
{
    const struct session *session = generation->world->host->session;
    const char *user_id = session ? session_user_id(session) : "";
    list_each(node, &generation->registrations)
    {
        if (registration_matches(list_entry(node, struct registration, node),
                                 occasion, user_id)) {
            return true;
        }
    }
    return false;
}

const char *generation_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void generation_label(const struct generation *generation,
                      const struct registration *registration, char *out,
                      size_t size)
{
    const char *where = generation_base(registration->where);
    switch (registration->kind) {
    case REGISTRATION_EVENT:
        snprintf(out, size, "handler for %s (%s)", registration->name, where);
        break;
    case REGISTRATION_COMMAND:
        snprintf(out, size, "handler for %s%s (%s)",
                 generation->world->host->prefix, registration->name, where);
        break;
    case REGISTRATION_HOOK:
        snprintf(out, size, "on(\"%s\") (%s)", registration->name, where);
        break;
    case REGISTRATION_JOB:
        snprintf(out, size, "job %s (%s)", registration->name, where);
        break;
    }
}
