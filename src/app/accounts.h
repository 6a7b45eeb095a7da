#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "account.h"
#include "buf.h"
#include "config.h"
#include "err.h"
#include "loop.h"
#include "transport.h"

/* The accounts of this process, side by side: which scripts each of them
 * runs, and its control socket. A login that dies stops that account only. */
struct accounts;

struct accounts_options {
    struct loop *loop;
    struct transport *transport;
    struct transport *http; /* of scripts' own HTTP; NULL: transport */
    struct config *config;
    const char *only;     /* one account's name; NULL: all */
    const char *web_url;  /* of web hooks, NULL: no way in */
    const char *lua_path; /* NULL: the embedded library */
    bool allow_http;
    bool watch;
    bool dry_run;
    /* All have loaded their scripts, and began to sync but when stop was
     * called from in here: how many scripts run and how many do not. */
    void (*loaded)(void *arg, int live, int failed);
    /* The first sync of each is done, or its login dead. Once. */
    void (*ready)(void *arg);
    /* A login is dead, and others go on; before `ready` if that is next. */
    void (*lost)(void *arg);
    /* The last login is dead. */
    void (*dead)(void *arg);
    void *arg;
};

/* Opens them all; an account that no script runs for is left out. scripts:
 * files, or names in the configuration; none: all of it. A script runs for
 * the account it names, else for every one. Returns owned, or NULL. */
struct accounts *accounts_open(const struct accounts_options *options,
                               int script_count, char *const *scripts,
                               struct err *err);
void accounts_close(struct accounts *accounts);

/* Loads the scripts of all, then syncs. */
int accounts_start(struct accounts *accounts, struct err *err);
/* Stops all; done once. */
void accounts_stop(struct accounts *accounts, int64_t ms, loop_fn *done,
                   void *arg);

/* The new configuration's part of each script, then a reload of what
 * changed. config: borrowed, must stay; on failure the old one holds. */
int accounts_reconfigure(struct accounts *accounts, struct config *config,
                         struct err *err);
void accounts_reload(struct accounts *accounts);

/* Nothing queued, running or unsent, but where the login is dead. */
bool accounts_idle(const struct accounts *accounts);
bool accounts_any_dead(const struct accounts *accounts);
size_t accounts_count(const struct accounts *accounts);
struct account *accounts_at(const struct accounts *accounts, size_t index);
/* By its name; NULL: none. */
struct account *accounts_find(const struct accounts *accounts,
                              struct slice name);
bool accounts_dead(const struct accounts *accounts, size_t index);
/* Appends what each one is at, with every task, as text. */
void accounts_report(const struct accounts *accounts, struct buf *out);

#endif
