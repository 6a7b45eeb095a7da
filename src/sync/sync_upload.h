#ifndef SYNC_UPLOAD_H
#define SYNC_UPLOAD_H

#include "buf.h"
#include "err.h"
#include "homeserver.h"
#include "store.h"
#include "sync_filter.h"

/* The id under which the server keeps our filter: uploaded once, remembered
 * in meta ("filter_hash", "filter_id") for as long as the filter stays the
 * same. */
struct sync_upload;

/* Appends the remembered id. 1, 0 none for this filter, -1. */
int sync_upload_known(struct store *store, const struct sync_filter *filter,
                      struct buf *out, struct err *err);

/* use: what to send as `filter`, an id or, when the server keeps no filters,
 * the filter itself. One try: the caller has its own back-off. */
typedef void sync_upload_fn(void *arg, struct slice use, const struct err *err);
struct sync_upload *sync_upload_start(struct homeserver *homeserver,
                                      struct store *store, const char *user_id,
                                      const struct sync_filter *filter,
                                      sync_upload_fn *done, void *arg,
                                      struct err *err);
void sync_upload_cancel(struct sync_upload *upload);

#endif
