#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include "request.h"
#include "saved_login.h"
#include "session.h"
#include "transport.h"

/* What session.c (state, the file, 401, refresh) and the operations in
 * session_login.c and session_discover.c share. */

enum session_op { OP_NONE, OP_DISCOVER, OP_LOGIN, OP_WHOAMI, OP_LOGOUT };

struct session {
    struct loop *loop;
    struct transport *transport;
    char *file; /* NULL: keeps nothing */
    bool allow_http;
    struct homeserver *homeserver; /* NULL before one is known */
    struct saved_login login;
    bool in_file; /* `login` is what the file holds */
    enum session_state state;
    session_change_fn *change;
    void *change_arg;

    struct request *refresh;
    struct timer *refresh_timer; /* before expiry, or after a failure */
    int refresh_failures;

    enum session_op op;
    session_done_fn *done;
    void *done_arg;
    struct request *request;
    struct transfer *transfer;  /* of .well-known */
    struct buf received;        /* its body */
    int status;                 /* and status */
    struct homeserver *checked; /* a base URL on trial, or a token */
    char *token;                /* of OP_WHOAMI */
    char *server, *device_name;
};

/* Begins an operation: ERR_MISUSE when one is under way. */
int session_begin(struct session *session, enum session_op op,
                  session_done_fn *done, void *arg, struct err *err);
/* Ends it: all it held is freed, then done is called. */
void session_end(struct session *session, struct slice body,
                 const struct err *err);

/* Makes the base URL the session's. */
int session_use_base(struct session *session, struct slice base,
                     struct err *err);
/* Saves the login, then makes it the session's, in this order; takes the
 * members of *login, also when it fails. */
int session_take_login(struct session *session, struct saved_login *login,
                       struct err *err);
/* Forgets tokens and device, removes the file; the state becomes DEAD. */
void session_drop(struct session *session, const struct err *err);
/* expires_at from the expires_in_ms of a reply; 0 when there is none. */
int64_t session_expiry(const struct session *session, struct slice body);

#endif
