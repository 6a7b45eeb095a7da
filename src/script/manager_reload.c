#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "manager_internal.h"

/* One manager_reload: script after script, so that a name one of them gives
 * up is free for the next. */
struct reload_all {
    struct list node;
    struct manager *manager;
    struct list *next; /* the member to ask */
    char *script;      /* NULL: all */
    int flags;
    bool refused;
    struct buf report;
    struct tick *tick;
    manager_reloaded_fn *done;
    void *arg;
};

static void free_reload(struct reload_all *all)
{
    list_remove(&all->node);
    tick_cancel(all->tick);
    buf_free(&all->report);
    free(all->script);
    free(all);
}

void manager_reload_forget(struct manager *manager)
{
    list_each_safe(node, &manager->reloads)
    {
        free_reload(list_entry(node, struct reload_all, node));
    }
}

static void end_reload(struct reload_all *record)
{
    struct reload_all all = *record;
    buf_init(&record->report, LIMIT_RELOAD_REPORT); /* all.report has it */
    free_reload(record);
    all.done(all.arg, all.refused, buf_str(&all.report));
    buf_free(&all.report);
}

static void add_report(struct reload_all *all, bool refused, const char *text)
{
    buf_addf(&all->report, "%s%s", all->report.len ? "\n" : "", text);
    all->refused |= refused;
}

static bool is_meant(const struct instance *instance, const char *name)
{
    return !name || strcmp(instance_name(instance), name) == 0 ||
           strcmp(instance_title(instance), generation_base(name)) == 0;
}

static void on_reloaded(void *arg, bool refused, const char *report);

/* Asks the next one, or ends. */
static void reload_next(struct reload_all *all)
{
    struct err err;
    while (all->next != &all->manager->members && !all->manager->stopped) {
        struct member *member = list_entry(all->next, struct member, node);
        all->next = all->next->next;
        if (!is_meant(member->instance, all->script)) {
            continue;
        }
        if (instance_reload(member->instance, all->flags, false, on_reloaded,
                            all, &err) == 0) {
            return;
        }
        add_report(all, true, err.text);
    }
    end_reload(all);
}

static void on_reloaded(void *arg, bool refused, const char *report)
{
    struct reload_all *all = arg;
    add_report(all, refused, report);
    reload_next(all);
}

static void on_reload_tick(void *arg)
{
    struct reload_all *all = arg;
    all->tick = NULL;
    reload_next(all);
}

static int unknown_script(struct manager *manager, const char *name,
                          struct err *err)
{
    struct buf names;
    buf_init(&names, 256);
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        buf_addf(&names, "%s%s", names.len ? ", " : "",
                 instance_name(member->instance));
    }
    err_set(err, ERR_CONFIG, "no script is named %s here; there are: %s", name,
            names.len ? buf_str(&names) : "none");
    buf_free(&names);
    return -1;
}

static bool is_any_meant(struct manager *manager, const char *name)
{
    bool any = !name;
    list_each(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        any |= is_meant(member->instance, name);
    }
    return any;
}

int manager_reload(struct manager *manager, const char *script, int flags,
                   manager_reloaded_fn *done, void *arg, struct err *err)
{
    if (manager->stopped) {
        return err_set(err, ERR_CANCELLED,
                       "not reloaded: the program is "
                       "stopping");
    }
    if (!is_any_meant(manager, script)) {
        return unknown_script(manager, script, err);
    }
    struct reload_all *all = calloc(1, sizeof *all);
    if (!all) {
        return err_set(err, ERR_SYSTEM, "cannot reload: out of memory");
    }
    buf_init(&all->report, LIMIT_RELOAD_REPORT);
    all->manager = manager;
    all->next = manager->members.next;
    all->flags = flags;
    all->done = done;
    all->arg = arg;
    list_push(&manager->reloads, &all->node);
    all->script = slice_dup(slice_str(script));
    if (script && !all->script) {
        err_set(err, ERR_SYSTEM, "cannot reload: out of memory");
        goto fail;
    }
    all->tick =
        tick_start(manager->config.host->loop, on_reload_tick, all, err);
    if (!all->tick) {
        goto fail;
    }
    return 0;
fail:
    free_reload(all);
    return -1;
}
