#ifndef SYNC_INGEST_H
#define SYNC_INGEST_H

#include <stdbool.h>

#include "crypto.h"
#include "err.h"
#include "loop.h"
#include "outbox.h"
#include "store.h"
#include "sync_filter.h"
#include "sync_interest.h"
#include "sync_stage.h"

/* A staged response into the store: one transaction with to-device messages,
 * room state, events and deliveries, and the new position. Nothing of it
 * counts before the commit. Up to LIMIT_INGEST_BATCH records at once, beyond
 * that LIMIT_INGEST_SLICE_MS per turn of the loop with the store's gate shut.
 *
 * meta: "next_batch"; "batch", the number of the last committed response;
 * "state_types", see sync_filter_state_types. */
struct sync_ingest;

struct sync_ingest_config {
    struct loop *loop;
    struct store *store;
    struct outbox *outbox;
    struct crypto *crypto;
    struct sync_interest interest;
    const struct sync_filter *filter;
    const char *user_id;
    int64_t catch_up_ms;
    bool catching_up; /* the first response since start, or an initial one:
                         what is older than catch_up_ms is history */
};

struct sync_ingest_result {
    int events; /* new in the inbox */
    int deliveries;
    int records; /* looked at */
};
/* result only when err is NULL: it is on the disk. */
typedef void sync_ingest_fn(void *arg, const struct sync_ingest_result *result,
                            const struct err *err);
/* Borrows what config points to; takes the stage, also when it fails. */
struct sync_ingest *sync_ingest_start(const struct sync_ingest_config *config,
                                      struct sync_stage *stage,
                                      sync_ingest_fn *done, void *arg,
                                      struct err *err);
/* Rolls back. */
void sync_ingest_cancel(struct sync_ingest *ingest);

#endif
