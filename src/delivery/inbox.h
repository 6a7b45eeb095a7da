#ifndef INBOX_H
#define INBOX_H

#include "err.h"
#include "loop.h"
#include "store.h"

/* Deliveries of an account: queued -> started -> done, failed, cancelled or
 * dead. A claim is on disk before a handler runs, so an event that kills the
 * process has used up an attempt. Marks are kept and tried again until the
 * disk takes them. */
struct inbox;

/* Borrows loop and store. Returns owned. */
struct inbox *inbox_new(struct loop *loop, struct store *store,
                        struct err *err);
/* Marks not yet on disk are flushed. No claim may be waiting. */
void inbox_free(struct inbox *inbox);

/* Before anything else at start, synchronous: what a crash left started comes
 * again (or is dead after LIMIT_ATTEMPTS), rows of scripts not in names are
 * dropped, old ones pruned. */
struct inbox_recovery {
    int dead, dropped;
};
int inbox_recover(struct inbox *inbox, const char *const *names, int count,
                  struct inbox_recovery *recovery, struct err *err);

/* See store_delivery_read. */
int inbox_read(struct inbox *inbox, const char *script, int64_t batch,
               int64_t idx, int max, store_delivery_fn *fn, void *arg,
               struct err *err);

/* done once, when the claim is on disk or failed. */
typedef void inbox_claimed_fn(void *arg, const struct err *err);
struct inbox_claim;
struct inbox_claim *inbox_claim(struct inbox *inbox, int64_t id,
                                inbox_claimed_fn *done, void *arg,
                                struct err *err);
/* Silences done; the claim itself may still reach the disk. */
void inbox_claim_forget(struct inbox_claim *claim);

/* Ends a started row: STORE_DONE, STORE_FAILED, STORE_CANCELLED; or puts it
 * back: STORE_QUEUED (the attempt is given back). error may be NULL. */
void inbox_mark(struct inbox *inbox, int64_t id, enum store_delivery state,
                const char *error);
/* Marks that are not on disk yet. */
int inbox_pending(const struct inbox *inbox);
/* LIMIT_UNFINISHED reached: the next /sync must wait. */
bool inbox_full(struct inbox *inbox);

#endif
