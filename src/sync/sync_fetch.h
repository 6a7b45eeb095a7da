#ifndef SYNC_FETCH_H
#define SYNC_FETCH_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "homeserver.h"
#include "slice.h"
#include "sync_stage.h"

/* One GET /sync: bytes -> sync_cut -> stage, while they arrive. */
struct sync_fetch_options {
    struct slice since;  /* absent: initial */
    struct slice filter; /* an id or JSON text; absent: none */
    int64_t timeout_ms;  /* asked of the server */
    bool full_state;
    struct slice set_presence; /* absent: the server's default */
    bool keep_body;            /* up to LIMIT_JSON_BODY, for batch:json() */
    struct sync_wanted wanted; /* what is worth staging; sync_stage.h */
};
/* stage (owned by the callee from now on) holds a response that parsed to
 * its end and had a next_batch; NULL and err otherwise. */
typedef void sync_fetch_fn(void *arg, struct sync_stage *stage,
                           const struct err *err);
struct sync_fetch;
struct sync_fetch *sync_fetch_start(struct loop *loop,
                                    struct homeserver *homeserver,
                                    const struct sync_fetch_options *options,
                                    sync_fetch_fn *done, void *arg,
                                    struct err *err);
void sync_fetch_cancel(struct sync_fetch *fetch);
/* Nothing of the response came yet. */
bool sync_fetch_idle(const struct sync_fetch *fetch);

#endif
