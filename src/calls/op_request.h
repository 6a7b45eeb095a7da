#ifndef OP_REQUEST_H
#define OP_REQUEST_H

#include <stdbool.h>

#include "err.h"
#include "json_read.h"
#include "op.h"
#include "request.h"

/* An op that is one request to the homeserver, kept in op->state. */

struct op_request; /* gone when the request has ended */

/* A member of the reply that becomes a member of the result. */
struct op_field {
    const char *key;
    enum json_type type;
    bool optional;
};

struct op_request_spec {
    struct homeserver *homeserver;
    struct request_options options; /* copied */
    /* Fills op->result from a good reply; 0, or -1 with *err filled. NULL:
     * the object of `fields`, which end with a NULL key. */
    int (*finish)(struct op *op, const struct reply *reply, struct err *err);
    const struct op_field *fields;
    /* The result under a dry run, in which nothing is sent and the request is
     * logged. NULL: a read, which is sent all the same. */
    const char *dry;
};

/* Returns 0: op_done or op_fail comes from the loop. -1 with *err filled. */
int op_request_start(struct op *op, const struct op_request_spec *spec,
                     struct err *err);
/* For struct call.orphan. Reads: nobody wants the answer. */
void op_request_cancel(struct op *op);
/* Writes: the request goes on; its failure is logged at warn. */
void op_request_detach(struct op *op);

/* Ends in silence the detached requests to that homeserver; NULL: all. */
void op_request_close(struct call_host *host,
                      const struct homeserver *homeserver);

#endif
