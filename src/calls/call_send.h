#ifndef CALL_SEND_H
#define CALL_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "op.h"
#include "slice.h"

/* A send through the account's outbox. */
struct call_send {
    struct slice room_id, type;
    struct slice content; /* object text: these bytes go out */
    struct slice redacts; /* absent but for redactions */
    struct slice txn_id;  /* absent: made from the op's cause, else random */
    int64_t timeout_ms;   /* of the waiting; the send goes on */
    bool tell_txn;        /* the result names the transaction id */
};
/* Uses op->state. 0: op_done or op_fail comes from the loop. */
int call_send_start(struct op *op, const struct call_send *send,
                    struct err *err);
/* For struct call.orphan. */
void call_send_detach(struct op *op);

#endif
