#ifndef HOMESERVER_H
#define HOMESERVER_H

#include <stdbool.h>

#include "err.h"
#include "loop.h"
#include "slice.h"
#include "transport.h"

/* Where requests go and in whose name: base URL, access token, and the brake
 * a 429 puts on sends. Holds no socket. session.c sets the token and says what
 * a 401 means; request.c reads both. */
struct homeserver;

/* Borrows loop and transport. base: see url_check_base. Returns owned. */
struct homeserver *homeserver_new(struct loop *loop,
                                  struct transport *transport,
                                  struct slice base, bool allow_http,
                                  struct err *err);
void homeserver_free(struct homeserver *homeserver);
int homeserver_set_base(struct homeserver *homeserver, struct slice base,
                        struct err *err);
const char *homeserver_base(const struct homeserver *homeserver);

/* Copied; told to the log as a secret; the old bytes are wiped. Absent: none. */
int homeserver_set_token(struct homeserver *homeserver, struct slice token,
                         struct err *err);
bool homeserver_has_token(const struct homeserver *homeserver);

/* Called when a request with a token met a 401 that is about the token.
 * Returns true when the request shall wait: the session is refreshing and
 * will call homeserver_resume(ok). false: the request ends with the error. */
typedef bool homeserver_unauthorized_fn(void *arg, const struct err *err);
void homeserver_on_unauthorized(struct homeserver *homeserver,
                                homeserver_unauthorized_fn *fn, void *arg);
/* Lets the waiting requests go again (ok), or ends them with their 401. */
void homeserver_resume(struct homeserver *homeserver, bool ok);

/* Sends wait until then (loop_now); 0 when there is no brake. */
int64_t homeserver_brake_until(const struct homeserver *homeserver);

#endif
