#ifndef SYNC_FILTER_H
#define SYNC_FILTER_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "slice.h"
#include "sync_interest.h"
#include "sync_stage.h"

/* What we ask the server for, made from what the scripts of an account want:
 * the filter of /sync, what of a response is worth staging, and which state
 * is stored. A snapshot: when the interest changes, another is made. */
struct sync_filter;

/* Returns owned; user_id is copied. */
struct sync_filter *sync_filter_new(const struct sync_interest *interest,
                                    const char *user_id, struct err *err);
void sync_filter_free(struct sync_filter *filter);

/* The filter as JSON text; borrowed. */
struct slice sync_filter_json(const struct sync_filter *filter);
/* Its SHA-256 in hex. */
const char *sync_filter_hash(const struct sync_filter *filter);
/* The registered types that may be state, one a line, sorted: when one is
 * there that the last committed sync did not have, the store lacks it. */
struct slice sync_filter_state_types(const struct sync_filter *filter);
/* Has `now` a line that `before` lacks? */
bool sync_filter_grew(struct slice before, struct slice now);

/* Did somebody register for exactly this? section: a name of store_event. */
bool sync_filter_has(const struct sync_filter *filter, const char *section,
                     struct slice type);
/* Is state of this type stored? */
bool sync_filter_stores(const struct sync_filter *filter, struct slice type);
/* For sync_fetch; borrows the filter. */
struct sync_wanted sync_filter_wanted(const struct sync_filter *filter);

#endif
