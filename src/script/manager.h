#ifndef MANAGER_H
#define MANAGER_H

#include <stdbool.h>

#include "call.h"
#include "err.h"
#include "gen.h"
#include "inbox.h"
#include "json_write.h"
#include "sync_interest.h"

/* All scripts of one account: loads them, reloads them one at a time, gives
 * them their events, and takes them down. One instance (instance.h) per
 * script; a script that fails or is refused disturbs no other. */
struct manager;

struct manager_script {
    const char *name;     /* unique in the account: letters, digits, - and _ */
    const char *path;     /* a file, or a directory with main.lua */
    const char *data_dir; /* its folder for io, made when first used */
    struct slice config;  /* JSON object: bot.config */
    /* Where that is written, JSON { file, line, keys: { name: line } }; or
     * { absent: true }: what it will be is not known. Absent: nowhere. */
    struct slice config_places;
    struct slice
        secrets; /* JSON object name -> value: bot.secrets; wiped after use */
    struct gen_limits limits;
    size_t store_quota, http_body;
    bool http_private; /* matrix.http may go to private addresses */
    int handlers, queue, log_lines; /* 0: defaults */
    int64_t drain_ms; /* 0: LIMIT_DRAIN_MS, with watch LIMIT_DRAIN_WATCH_MS */
};

struct manager_config {
    struct call_host *host; /* host->store, session, outbox are there */
    struct inbox *inbox;
    const char *lua_path;
    bool watch;      /* reload on save */
    bool watch_poll; /* where inotify cannot be had */
    bool help;       /* the host answers the help command */
    /* What scripts want changed: tell sync_poll_interest_changed. */
    void (*interest_changed)(void *arg);
    void *arg;
};

/* Copies. Returns owned. */
struct manager *manager_new(const struct manager_config *config,
                            struct err *err);
/* Before manager_load. */
int manager_add(struct manager *manager, const struct manager_script *script,
                struct err *err);
/* New settings for a script that is there; its next generation has them. */
int manager_update(struct manager *manager, const struct manager_script *script,
                   struct err *err);
/* First load of every script, main chunks at once, load hooks as tasks; each
 * failure is logged in full and that script waits for a fix on disk (watch,
 * reload). done once when all are live or failed. */
typedef void manager_loaded_fn(void *arg, int live, int failed);
int manager_load(struct manager *manager, manager_loaded_fn *done, void *arg,
                 struct err *err);

/* For sync: who wants what. */
struct sync_interest manager_interest(struct manager *manager);
/* Rows may be in the inbox. first: the first response since start; then each
 * live generation gets "ready" once. */
void manager_committed(struct manager *manager, bool first);

/* script NULL: all whose files changed (force: all). done once per call with
 * a report a person can read and whether any was refused. */
enum { MANAGER_FORCE = 1, MANAGER_CHECK_ONLY = 2 };
typedef void manager_reloaded_fn(void *arg, bool refused, const char *report);
int manager_reload(struct manager *manager, const char *script, int flags,
                   manager_reloaded_fn *done, void *arg, struct err *err);

/* For who watches no files (watch = false) but asks: a number for what the
 * files hold now, and a look at them, which reloads what has changed. */
uint64_t manager_stamp(struct manager *manager);
void manager_look(struct manager *manager);

/* The script of that name; NULL: the only one. NULL with *err naming those
 * there are. For eval.c. */
struct instance;
struct instance *manager_instance(struct manager *manager, const char *script,
                                  struct err *err);

/* No handler starts any more; running ones get ms to finish, then are
 * cancelled; unload hooks run; rows not done are queued again. done once. */
void manager_stop(struct manager *manager, int64_t ms, loop_fn *done,
                  void *arg);
/* The web hooks of that script, NULL: there is no such script. */
struct webhooks *manager_webhooks(struct manager *manager, const char *script);
/* The first script that has a web hook with that name, or NULL. */
const char *manager_webhook_script(struct manager *manager, struct slice name);

/* Nothing queued, claimed or running (for --once). */
bool manager_idle(struct manager *manager);
void manager_free(struct manager *manager);

/* What every script is at, an object each, as elements of an array that is
 * open: docs/cli.md names the members. rows: how many tasks and timers of a
 * generation are told one by one, with their tracebacks. */
void manager_report(const struct manager *manager, int rows,
                    struct json_writer *w);

#endif
