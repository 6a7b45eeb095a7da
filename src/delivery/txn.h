#ifndef TXN_H
#define TXN_H

#include "buf.h"
#include "slice.h"

/* Transaction ids. One made from its cause is the same when the cause runs
 * again, so a repeated handler does not post twice; the content is left out
 * on purpose, as a repeated handler often writes another text. */
struct txn_cause {
    const char *user_id, *device_id, *script;
    struct slice cause; /* event id, or another name of what made the call */
    struct slice path;  /* the task's path: handler number, spawn numbers */
    unsigned ordinal;   /* of the call within its task */
};
#define TXN_LENGTH 32
/* base32(SHA-256(account, device, script, cause, path, ordinal, room, type)),
 * cut to TXN_LENGTH. Parts are length-prefixed before hashing. 0 or -1. */
int txn_make(const struct txn_cause *cause, struct slice room_id,
             struct slice type, struct buf *out);
/* A random one of the same length. */
int txn_random(struct buf *out);

#endif
