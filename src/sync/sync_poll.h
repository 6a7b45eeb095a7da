#ifndef SYNC_POLL_H
#define SYNC_POLL_H

#include <stdbool.h>

#include "crypto.h"
#include "err.h"
#include "inbox.h"
#include "loop.h"
#include "outbox.h"
#include "session.h"
#include "store.h"
#include "sync_interest.h"

/* The long poll of an account: idle, polling, ingesting, backing off, dead.
 * One response at a time: fetched, committed (sync_ingest), told, and only
 * then the next request with its next_batch. Failures back off from 1 s to
 * 60 s, half of it random, at most LIMIT_FIRST_MINUTE_REQUESTS in the first
 * minute, each outage told once. */
struct sync_poll;

struct sync_poll_config {
    struct loop *loop;
    struct session *session; /* logged in */
    struct store *store;
    struct inbox *inbox;
    struct outbox *outbox;
    struct crypto *crypto;
    struct sync_interest interest;
    int64_t catch_up_ms;
    /* All from the loop, none NULL. committed: rows may be there; first is
     * true for the first response since start. lost: an outage began (err)
     * or ended (NULL). stopped: the login is dead, polling is over. */
    void (*committed)(void *arg, bool first);
    void (*lost)(void *arg, const struct err *err);
    void (*stopped)(void *arg, const struct err *err);
    void *arg;
};
/* Borrows all. Returns owned. */
struct sync_poll *sync_poll_new(const struct sync_poll_config *config,
                                struct err *err);
void sync_poll_free(struct sync_poll *poll);
void sync_poll_start(struct sync_poll *poll);
/* Ends the request on the wire; an ingest that began is finished first. */
void sync_poll_stop(struct sync_poll *poll);
/* What scripts want has changed: the next request carries a new filter. An
 * idle long poll is ended and begun again. */
void sync_poll_interest_changed(struct sync_poll *poll);
/* loop_wall of the last committed response, 0 never. */
int64_t sync_poll_last(const struct sync_poll *poll);

#endif
