#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>

#include "config.h"
#include "err.h"
#include "loop.h"
#include "manager.h"
#include "outbox.h"
#include "transport.h"

/* One account at work: opens its folder, owns its login, store, outbox,
 * inbox, sync and scripts, and wires them together. */
struct account;

struct account_options {
    struct loop *loop;
    struct transport *transport;
    struct transport *http; /* of scripts' own HTTP; NULL: transport */
    struct config *config;
    const struct config_account *settings;
    const char *lua_path; /* NULL: the embedded library */
    const char *web_url;  /* of web hooks, NULL: no way in */
    bool allow_http;
    bool watch;
    bool dry_run; /* receive, print instead of send */
    /* Given together, all borrowed, in place of the account's folder: nothing
     * of the account is on disk but what scripts write below directory. */
    struct session *session;
    struct store *store;
    const char *directory;
    /* Polling ended for good, with why: the login is dead. Without polling,
     * a request found out. */
    void (*stopped)(void *arg, struct account *account, const struct err *err);
    /* The first response is committed, and every script told. */
    void (*ready)(void *arg, struct account *account);
    void *arg;
};

/* Opens the folder, takes its lock, reads the login. Returns owned, or NULL:
 * ERR_DENIED kind "no login" is ERR_CONFIG naming the command to run. */
struct account *account_open(const struct account_options *options,
                             struct err *err);
/* Closes everything in reverse order; call account_stop first for a clean
 * stop of scripts. */
void account_close(struct account *account);

/* Before account_start. name: unique. settings may be NULL (a script that is
 * in no configuration). */
int account_add_script(struct account *account, const char *name,
                       const char *path, const struct config_script *settings,
                       struct err *err);
/* Another path or other settings for a script's next generation. */
int account_update_script(struct account *account, const char *name,
                          const char *path,
                          const struct config_script *settings,
                          struct err *err);
/* Loads the scripts. loaded comes once; account_sync is to follow. */
int account_start(struct account *account, manager_loaded_fn *loaded, void *arg,
                  struct err *err);
/* Hands out what waits on disk, and begins to sync. */
void account_sync(struct account *account);
/* Ends sync, lets handlers finish for ms, gives unfinished events back.
 * done once. */
void account_stop(struct account *account, int64_t ms, loop_fn *done,
                  void *arg);

/* Nothing queued, running or unsent. */
bool account_idle(struct account *account);
struct manager *account_manager(struct account *account);
struct outbox *account_outbox(struct account *account);
struct session *account_session(struct account *account);
const char *account_name(const struct account *account);
/* Can every secret that its scripts have in config be read? */
int account_check_secrets(const struct account *account,
                          const struct config *config, struct err *err);
/* Reads the configuration's part of each script again. */
int account_reconfigure(struct account *account, struct config *config,
                        struct err *err);

#endif
