#ifndef HOMESERVER_H
#define HOMESERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "list.h"
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

/* Copied; told to the log as a secret; the old bytes are wiped. Absent: none.
 */
int homeserver_set_token(struct homeserver *homeserver, struct slice token,
                         struct err *err);
/* 0, or -1 when set_token would refuse it: blanks, control characters. */
int homeserver_check_token(struct slice token, struct err *err);
bool homeserver_has_token(const struct homeserver *homeserver);

/* Called when a request with a token met a 401 that is about the token.
 * Returns true when the request shall wait: the session is refreshing and
 * will call homeserver_resume(ok). false: the request ends with the error.
 * Called once more, with err NULL, when a request with the token goes well
 * after that: what was said then no longer holds. */
typedef bool homeserver_unauthorized_fn(void *arg, const struct err *err);
void homeserver_on_unauthorized(struct homeserver *homeserver,
                                homeserver_unauthorized_fn *fn, void *arg);
/* Lets the waiting requests go again (ok), or ends them with their 401. */
void homeserver_resume(struct homeserver *homeserver, bool ok);

/* Sends wait until then (loop_now); 0 when there is no brake. */
int64_t homeserver_brake_until(const struct homeserver *homeserver);

/* ---- for request.c ----------------------------------------------------- */

struct loop *homeserver_loop(const struct homeserver *homeserver);
struct transport *homeserver_transport(const struct homeserver *homeserver);
bool homeserver_allow_http(const struct homeserver *homeserver);
/* "Bearer ...", absent when there is no token. */
struct slice homeserver_authorization(const struct homeserver *homeserver);
/* Another number after each homeserver_set_token. */
uint64_t homeserver_token_version(const struct homeserver *homeserver);

/* A place in one of the queues below, embedded in what waits. go is called at
 * most once for each time it was queued, always from the loop. */
struct homeserver_wait {
    struct list node;
    uint64_t order; /* of first asking for a turn; 0 before */
    void (*go)(void *arg, bool ok);
    void *arg;
};
void homeserver_wait_init(struct homeserver_wait *wait,
                          void (*go)(void *arg, bool ok), void *arg);

/* A request with the token met err. true: queued until homeserver_resume. */
bool homeserver_refused(struct homeserver *homeserver, const struct err *err,
                        struct homeserver_wait *wait);
/* A request with the token went well. */
void homeserver_accepted(struct homeserver *homeserver);

/* The brake. A send asks for a turn before each try. true: it may go now.
 * false: queued; go is called when it may. After a 429 the sends that wait go
 * one by one, in the order of their first asking, each after the one before
 * was answered; when none waits any more, sends go side by side again. */
bool homeserver_turn(struct homeserver *homeserver,
                     struct homeserver_wait *wait);
/* Its try met a 429: no send goes for ms. Ends its turn. */
void homeserver_brake(struct homeserver *homeserver, int64_t ms,
                      struct homeserver_wait *wait);
/* Ends its turn, or its wait in either queue. */
void homeserver_leave(struct homeserver *homeserver,
                      struct homeserver_wait *wait);

#endif
