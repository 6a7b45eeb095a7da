#ifndef CALL_CLIENT_H
#define CALL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "call_args.h"
#include "err.h"
#include "list.h"
#include "op.h"

/* Raw clients: the numbers that client.open gives out, and what they stand
 * for. call_login.c, call_raw.c and call_sync.c make calls with them. */

struct client_sync; /* call_sync.c */

struct client {
    struct list node;
    int id;
    struct caller *caller;
    struct session *session; /* owned unless own */
    bool own;                /* the bot's own account */
    /* Until the homeserver is known: where to look for it, and the login
     * somebody else made. NULL when there is none. */
    char *server, *user_id, *device_id, *access_token;
    bool discovering;
    int round; /* of discoveries: holds belong to one of them */
    struct list holds;
    const struct op *busy;    /* its login or logout is under way */
    struct client_sync *sync; /* NULL until the first client.sync */
};

/* The client the argument "client" names; NULL after a fault. */
struct client *client_arg(struct call_args *args);

/* "user_id", of the login or as client.open was told; "" when unknown. */
const char *client_user_id(const struct client *client);

/* An op that waits until the client knows its homeserver. go comes once, from
 * the loop, with why not or NULL; the hold is then out of the list, and its
 * owner frees it. */
struct client_hold {
    struct list node;
    struct op *op;
    struct client *client;
    struct timer *timer;
    int round;
    void (*go)(struct client_hold *hold, const struct err *err);
};
/* Finds the homeserver first when it is not known. 1: it is known, no hold is
 * needed. 0: go will come. -1 with *err filled. */
int client_hold(struct client *client, struct client_hold *hold,
                int64_t timeout_ms, struct err *err);
/* Takes the hold out in silence. */
void client_hold_cancel(struct client_hold *hold);
/* The path of a file that a script names. -1 with *err filled: outside of its
 * folder. */
int client_path(const struct caller *caller, const char *name, struct buf *out,
                struct err *err);

#endif
