#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "homeserver.h"
#include "slice.h"

/* A login: discovery, logging in and out, refresh, what a 401 means, and the
 * file "session" that keeps it (JSON, 0600: user_id, device_id, homeserver,
 * access_token, refresh_token, expires_at, device_name). A new token is on disk
 * before it is used. One refresh at a time. */

struct session;

enum session_state {
    SESSION_NONE, /* never logged in */
    SESSION_LIVE,
    SESSION_LOCKED, /* M_USER_LOCKED: keep everything, ask again slowly */
    SESSION_SOFT,   /* soft logout: log in again with the same device */
    SESSION_DEAD    /* logged out: token and device are gone */
};

/* Borrows loop and transport. file: the session file's path, or NULL to keep
 * nothing. Returns owned. */
struct session *session_new(struct loop *loop, struct transport *transport,
                            const char *file, bool allow_http, struct err *err);
void session_free(struct session *session);

/* Reads the file. 1 loaded, 0 there is none, -1 (unreadable, readable by
 * others, damaged). */
int session_load(struct session *session, struct err *err);
/* Uses a token somebody else has (client{access_token=}); not saved. */
int session_adopt(struct session *session, struct slice homeserver,
                  struct slice user_id, struct slice device_id,
                  struct slice access_token, struct err *err);
/* Writes the login to another file (client:save). */
int session_save(struct session *session, const char *file, struct err *err);

/* For requests; NULL before a homeserver is known. */
struct homeserver *session_homeserver(struct session *session);
const char *session_user_id(const struct session *session);   /* "" unknown */
const char *session_device_id(const struct session *session); /* "" unknown */
enum session_state session_state(const struct session *session);

/* Called whenever the state changes, with why, or err NULL for a change to the
 * good; and, with the state as it was, when a new token cannot be saved (it is
 * not used then, and tried again). LOCKED ends with the first request that
 * goes well. It only takes note: it cancels no request and does not
 * free the session, but does so in a later turn. */
typedef void session_change_fn(void *arg, enum session_state state,
                               const struct err *err);
void session_on_change(struct session *session, session_change_fn *fn,
                       void *arg);

/* Each of the following runs at most one at a time per session; done once,
 * never from inside; session_cancel ends it in silence. */
typedef void session_done_fn(void *arg, struct slice body,
                             const struct err *err);

/* Server name -> base URL through https://NAME/.well-known/matrix/client,
 * checked with GET /versions. 404: https://NAME itself. A base URL that starts
 * with http is taken as it is. Sets the homeserver; body is the base URL. */
int session_discover(struct session *session, struct slice server,
                     session_done_fn *done, void *arg, struct err *err);

/* Logs in at the homeserver that is set; keeps device_id of the loaded file
 * when options name none and the user is the same. Asks for a refresh token.
 * Saves, then done with the reply's body. The password is wiped. */
struct session_login {
    struct slice user;     /* localpart or user id; absent with a token */
    struct slice password; /* or */
    struct slice token;    /* m.login.token */
    struct slice device_id,
        device_name; /* absent: kept, or the server's choice */
};
int session_login(struct session *session, const struct session_login *login,
                  session_done_fn *done, void *arg, struct err *err);
/* An access token made elsewhere (--token-file): asks whoami, then saves. */
int session_login_access_token(struct session *session, struct slice token,
                               session_done_fn *done, void *arg,
                               struct err *err);
/* Ends the login on the server and removes the file. A token the server no
 * longer knows counts as logged out. */
int session_logout(struct session *session, session_done_fn *done, void *arg,
                   struct err *err);
void session_cancel(struct session *session);

#endif
