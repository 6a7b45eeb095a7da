#ifndef OP_H
#define OP_H

#include <stdbool.h>

#include "buf.h"
#include "call.h"
#include "err.h"
#include "slice.h"

/* One call under way: its result, and who is to be woken. Knows no Lua.
 *
 * Life: op_start makes it and runs call->start. The call ends it once, with
 * op_done or op_fail: from inside start for CALL_NOW, from the loop for all
 * others. Then op->complete is true and wake comes once. Whoever started it
 * frees it with op_free, complete or not; freeing an op under way runs
 * call->orphan first and nobody is woken. */
struct op {
    const struct call *call;
    struct caller *caller; /* borrowed; outlives the op */
    bool complete;
    bool failed; /* then err, and result holds the decoded error
                    body, or nothing */
    struct err err;
    struct buf result; /* JSON text; empty: null */
    bool has_bytes;    /* bytes is the second result */
    struct buf bytes;
    void (*wake)(void *arg); /* NULL for CALL_NOW */
    void *wake_arg;
    void *state;                   /* the call's own record */
    void (*orphan)(struct op *op); /* call->orphan, unless start knew better */
    /* For transaction ids: set by op_start from struct op_cause. Its slices
     * are absent once start has returned. */
    struct op_cause cause;
    struct buf
        scratch;       /* decoded arguments, until start returns; call_args.c */
    bool writes;       /* CALL_WRITES, but for a client.request that reads */
    bool write_unseen; /* script layer: a failed write nobody looked at */
};

/* bytes: what travels beside the arguments (a file, a body), absent: none.
 * args passed json_check and are an object. Returns owned, or NULL with *err
 * filled: the call could not be started. Kind ERR_MISUSE: the script is wrong;
 * any other kind is an ordinary failure, known before anything was asked of
 * anybody. */
struct op *op_start(struct caller *caller, const struct call *call,
                    const struct op_cause *cause, struct slice args,
                    struct slice bytes, void (*wake)(void *arg), void *wake_arg,
                    struct err *err);
void op_free(struct op *op);

/* For calls. op->result (and bytes) are filled before; a result that went over
 * its maximum becomes a failure here. A call whose task has gone holds no op
 * any more (orphan took it away) and must not call these. The op may be freed
 * when they return. */
void op_done(struct op *op);
/* body: the decoded error reply as JSON, absent: none; what is no JSON is
 * left out. */
void op_fail(struct op *op, const struct err *err, struct slice body);

#endif
