#include "manager.h"

#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "manager_internal.h"
#include "script_calls.h"
#include "watch.h"

/* ---- commands of all scripts ---- */

static bool has_commands(const struct generation *generation)
{
    return generation && generation_count(generation, REGISTRATION_COMMAND) > 0;
}

/* The generation that asks stands for its script, also as a candidate. */
static const struct generation *seen_by(const struct generation *self,
                                        const struct member *member)
{
    const struct generation *current = instance_current(member->instance);
    const char *name = instance_name(member->instance);
    return strcmp(name, self->settings->script.name) == 0 ? self : current;
}

static void write_commands(void *arg, const struct generation *self,
                           struct json_writer *w, bool *answers)
{
    struct manager *manager = arg;
    const struct generation *first = NULL;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        const struct generation *generation = seen_by(self, member);
        if (!first && has_commands(generation)) {
            first = generation;
        }
        if (generation) {
            script_calls_commands(generation, w);
        }
    }
    *answers = manager->config.help && first == self;
}

static int refuse_command(const struct registration *mine, struct slice word,
                          const struct instance *other, struct failure *failure)
{
    struct err err;
    struct slice text = json_plain(word);
    err_set(&err, ERR_DENIED, "command '%.*s' is taken by script %s (%s)",
            SLICE_ARG(text), instance_name(other), instance_title(other));
    failure_at(failure, mine->where, &err);
    return -1;
}

/* Does a command of candidate belong to other? */
static int check_against(const struct generation *candidate,
                         const struct generation *theirs,
                         const struct instance *other, struct failure *failure)
{
    list_each(a, &candidate->registrations)
    {
        const struct registration *mine =
            list_entry(a, struct registration, node);
        if (mine->kind != REGISTRATION_COMMAND || mine->off || !theirs) {
            continue;
        }
        list_each(b, &theirs->registrations)
        {
            const struct registration *r =
                list_entry(b, struct registration, node);
            struct slice word =
                r->off ? SLICE_NONE : registration_clash(mine, r);
            if (word.ptr) {
                return refuse_command(mine, word, other, failure);
            }
        }
    }
    return 0;
}

static int verify(void *arg, const struct generation *candidate,
                  struct failure *failure)
{
    struct manager *manager = arg;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        const struct instance *other = member->instance;
        if (strcmp(instance_name(other), candidate->settings->script.name) ==
            0) {
            continue;
        }
        if (check_against(candidate, instance_current(other), other, failure) !=
                0 ||
            check_against(candidate, instance_candidate(other), other,
                          failure) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- watching ---- */

struct directories {
    char **names;
    size_t count, cap;
};

static void add_directory(void *arg, const char *directory)
{
    struct directories *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->names[i], directory) == 0) {
            return;
        }
    }
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 16;
        char **names = realloc(all->names, cap * sizeof *names);
        if (!names) {
            return;
        }
        all->names = names;
        all->cap = cap;
    }
    char *copy = slice_dup(slice_str(directory));
    if (copy && all->count < LIMIT_WATCH_DIRECTORIES) {
        all->names[all->count++] = copy;
    } else {
        free(copy);
    }
}

static void on_rewatch(void *arg)
{
    struct manager *manager = arg;
    struct directories all = { 0 };
    manager->rewatch = NULL;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        instance_directories(member->instance, add_directory, &all);
    }
    watch_set(manager->watch, (const char *const *)all.names, (int)all.count);
    for (size_t i = 0; i < all.count; i++) {
        free(all.names[i]);
    }
    free(all.names);
}

void manager_look(struct manager *manager)
{
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        instance_look(member->instance);
    }
}

uint64_t manager_stamp(struct manager *manager)
{
    uint64_t stamp = 0;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        stamp = stamp * 31 + instance_stamp(member->instance);
    }
    return stamp;
}

static void on_watch(void *arg)
{
    manager_look(arg);
}

/* A file is complete: enough for scripts that are one file. */
static void on_watch_soon(void *arg)
{
    struct manager *manager = arg;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        instance_look_soon(member->instance);
    }
}

static void on_listens(void *arg)
{
    struct manager *manager = arg;
    if (manager->config.interest_changed) {
        manager->config.interest_changed(manager->config.arg);
    }
}

static void on_reads(void *arg)
{
    struct manager *manager = arg;
    if (manager->watch && !manager->rewatch) {
        manager->rewatch =
            tick_start(manager->config.host->loop, on_rewatch, manager, NULL);
    }
}

static void on_changed(void *arg)
{
    on_reads(arg);
    on_listens(arg);
}

/* ---- life ---- */

struct manager *manager_new(const struct manager_config *config,
                            struct err *err)
{
    struct manager *manager = calloc(1, sizeof *manager);
    if (!manager) {
        err_set(err, ERR_SYSTEM, "cannot manage scripts: out of memory");
        return NULL;
    }
    manager->config = *config;
    list_init(&manager->members);
    list_init(&manager->reloads);
    if (config->watch) {
        manager->watch = watch_start(config->host->loop, config->watch_poll,
                                     on_watch, on_watch_soon, manager, err);
        if (!manager->watch) {
            free(manager);
            return NULL;
        }
    }
    return manager;
}

static struct member *find(struct manager *manager, const char *name)
{
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        if (strcmp(instance_name(member->instance), name) == 0) {
            return member;
        }
    }
    return NULL;
}

int manager_add(struct manager *manager, const struct manager_script *script,
                struct err *err)
{
    struct instance_config config = {
        .host = manager->config.host,
        .inbox = manager->config.inbox,
        .lua_path = manager->config.lua_path,
        .watch = manager->config.watch,
        .commands = write_commands,
        .verify = verify,
        .changed = on_changed,
        .listens = on_listens,
        .reads = on_reads,
        .emit = manager_emit,
        .arg = manager,
    };
    if (find(manager, script->name)) {
        return err_set(err, ERR_CONFIG, "two scripts are named %s",
                       script->name);
    }
    struct member *member = calloc(1, sizeof *member);
    struct settings *settings = member ? settings_new(script, err) : NULL;
    if (!settings) {
        free(member);
        return member ? -1
                      : err_set(err, ERR_SYSTEM,
                                "cannot add a script: out of memory");
    }
    member->manager = manager;
    member->instance = instance_new(&config, settings, err);
    if (!member->instance) {
        free(member);
        return -1;
    }
    list_push(&manager->members, &member->node);
    return 0;
}

int manager_update(struct manager *manager, const struct manager_script *script,
                   struct err *err)
{
    struct member *member = find(manager, script->name);
    struct settings *settings = member ? settings_new(script, err) : NULL;
    if (!member) {
        return err_set(err, ERR_CONFIG, "there is no script %s", script->name);
    }
    if (!settings) {
        return -1;
    }
    instance_update(member->instance, settings);
    return 0;
}

struct instance *manager_instance(struct manager *manager, const char *script,
                                  struct err *err)
{
    struct member *found = script ? find(manager, script) : NULL;
    struct list *first = list_first(&manager->members);
    struct buf names;

    if (!script && first && first->next == &manager->members) {
        found = list_entry(first, struct member, node);
    }
    if (found) {
        return found->instance;
    }
    buf_init(&names, KIB(1));
    list_each(node, &manager->members)
    {
        const struct member *member = list_entry(node, struct member, node);
        buf_addf(&names, "%s%s", node == first ? "" : ", ",
                 instance_name(member->instance));
    }
    if (script) {
        err_set(err, ERR_CONFIG, "there is no script %.80s here, but: %s",
                script, buf_str(&names));
    } else {
        err_set(err, ERR_CONFIG, "which script? Here are: %s", buf_str(&names));
    }
    buf_free(&names);
    return NULL;
}

void manager_free(struct manager *manager)
{
    if (!manager) {
        return;
    }
    watch_stop(manager->watch);
    manager->watch = NULL;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        list_remove(&member->node);
        instance_free(member->instance);
        free(member);
    }
    tick_cancel(manager->rewatch);
    tick_cancel(manager->loaded_tick);
    tick_cancel(manager->stopped_tick);
    manager_reload_forget(manager);
    free(manager);
}

/* ---- first load ---- */

static void on_all_loaded(void *arg)
{
    struct manager *manager = arg;
    manager->loaded_tick = NULL;
    manager->loaded(manager->loaded_arg, manager->live, manager->failed);
}

static void on_loaded(void *arg, bool refused, const char *report)
{
    struct manager *manager = arg;
    (void)report;
    manager->live += !refused;
    manager->failed += refused;
    if (--manager->loading > 0) {
        return;
    }
    manager->loaded_tick =
        tick_start(manager->config.host->loop, on_all_loaded, manager, NULL);
    if (!manager->loaded_tick) {
        on_all_loaded(manager);
    }
}

int manager_load(struct manager *manager, manager_loaded_fn *done, void *arg,
                 struct err *err)
{
    manager->loaded = done;
    manager->loaded_arg = arg;
    manager->loading = 1; /* the last word is ours */
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        manager->loading++;
        if (instance_reload(member->instance, 0, true, on_loaded, manager,
                            err) != 0) {
            return -1;
        }
    }
    if (--manager->loading == 0) {
        manager->loaded_tick =
            tick_start(manager->config.host->loop, on_all_loaded, manager, err);
        return manager->loaded_tick ? 0 : -1;
    }
    return 0;
}

/* ---- events ---- */

static void match(void *arg, const struct sync_occasion *occasion,
                  sync_script_fn *add, void *add_arg)
{
    struct manager *manager = arg;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        if (instance_wants(member->instance, occasion)) {
            add(add_arg, instance_name(member->instance));
        }
    }
}

static void types(void *arg, sync_type_fn *add, void *add_arg)
{
    struct manager *manager = arg;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        instance_types(member->instance, add, add_arg);
    }
}

struct sync_interest manager_interest(struct manager *manager)
{
    return (struct sync_interest) { .arg = manager,
                                    .match = match,
                                    .types = types };
}

void manager_committed(struct manager *manager, bool first)
{
    manager->synced |= first;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        instance_committed(member->instance, manager->synced);
    }
}

bool manager_idle(struct manager *manager)
{
    bool idle = list_empty(&manager->reloads);
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        idle &= instance_idle(member->instance);
    }
    return idle;
}

/* ---- web hooks ---- */

struct webhooks *manager_webhooks(struct manager *manager, const char *script)
{
    struct member *member = find(manager, script);
    return member ? instance_webhooks(member->instance) : NULL;
}

const char *manager_webhook_script(struct manager *manager, struct slice name)
{
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        if (webhooks_find(instance_webhooks(member->instance), name)) {
            return instance_name(member->instance);
        }
    }
    return NULL;
}

/* ---- stopping ---- */

static void on_all_stopped(void *arg)
{
    struct manager *manager = arg;
    manager->stopped_tick = NULL;
    manager->stopped(manager->stopped_arg);
}

static void on_stopped(void *arg)
{
    struct member *member = arg;
    struct manager *manager = member->manager;
    if (--manager->stopping > 0) {
        return;
    }
    manager->stopped_tick =
        tick_start(manager->config.host->loop, on_all_stopped, manager, NULL);
    if (!manager->stopped_tick) {
        on_all_stopped(manager);
    }
}

void manager_stop(struct manager *manager, int64_t ms, loop_fn *done, void *arg)
{
    manager->stopped = done;
    manager->stopped_arg = arg;
    manager->stopping = 1;
    watch_stop(manager->watch);
    manager->watch = NULL;
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        manager->stopping++;
        instance_stop(member->instance, ms, on_stopped, member);
    }
    if (--manager->stopping == 0) {
        manager->stopped_tick = tick_start(manager->config.host->loop,
                                           on_all_stopped, manager, NULL);
    }
}

void manager_report(const struct manager *manager, int rows,
                    struct json_writer *w)
{
    list_each(node, &manager->members)
    {
        const struct member *member = list_entry(node, struct member, node);
        instance_report(member->instance, rows, w);
    }
}
