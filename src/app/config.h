#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

struct config_field;

/* lunatrix.lua: a Lua file that returns a table. It runs in an empty
 * environment with little time, and is checked strictly: an unknown key, or a
 * value of the wrong type, is an error that names the file, the line and what
 * was probably meant. docs/configuration.md shows every key. */

struct config_account {
    char *name;       /* its key in `accounts` */
    char *user_id;    /* NULL: whoever is logged in */
    char *homeserver; /* NULL: the login's */
    char *admin_room; /* NULL: none */
    char *prefix;     /* of commands */
    char *autojoin;   /* "never" "admins" "invited" */
    char **admins;    /* NULL-terminated; never NULL */
    int64_t catch_up_ms;
    bool help; /* the host answers !help */
};

struct config_script {
    char *name;
    char *file;          /* relative names start at the file's folder */
    char *account;       /* NULL: every account */
    struct buf settings; /* `config`, JSON object */
    struct buf places;   /* where that stands, as in manager.h; "" nowhere */
    struct buf secrets;  /* `secrets`, JSON object, not yet looked up */
    char **http;         /* `http`, NULL: none */
    bool http_private;   /* "private" is one of them */
};

struct config_limits { /* 0: the default */
    size_t memory, http_body, store;
    int64_t burst_ms, handler_ms, drain_ms;
    int64_t handlers, queue, log;
};

struct config_listen {
    char *address;    /* "127.0.0.1:9008", NULL: no listening */
    char *public_url; /* where a proxy makes it reachable, NULL: unknown */
    bool metrics;     /* /metrics is answered */
};

struct config {
    char *path;      /* NULL: there is no file */
    char *directory; /* of the file, "." without one */
    struct buf text; /* the file's */
    struct buf json; /* what it returned; "" without one */
    struct config_account *accounts;
    size_t account_count;
    struct config_script *scripts;
    size_t script_count;
    struct config_limits limits;
    struct config_listen listen;
};

/* flag: --config, or NULL. Without a file: one account "main", no script.
 * Returns owned, or NULL with ERR_CONFIG. */
struct config *config_load(const char *flag, struct err *err);
void config_free(struct config *config);

/* What members one entry of `accounts` and of `scripts`, and `limits` and
 * `listen`, can have. */
enum config_part {
    CONFIG_ACCOUNT,
    CONFIG_SCRIPT,
    CONFIG_LIMITS,
    CONFIG_LISTEN
};
const struct config_field *config_fields(enum config_part part);

/* The account with that name; name NULL: the only one, or "main". An unknown
 * name is an account with default settings when there is no file, else
 * ERR_CONFIG with the names there are. */
const struct config_account *config_account(struct config *config,
                                            const char *name, struct err *err);

#endif
