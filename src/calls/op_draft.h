#ifndef OP_DRAFT_H
#define OP_DRAFT_H

#include "buf.h"
#include "err.h"
#include "json_write.h"
#include "op.h"
#include "op_request.h"

/* The request of an op while the call's start puts it together: path, query
 * and body go into buffers whose failures are told once, by op_draft_start. */
struct op_draft {
    struct op_request_spec spec;
    struct buf path, query, body;
    struct json_writer w;        /* into body; GET and HEAD have none */
    bool no_body;                /* nor has this one */
    struct http_header *headers; /* copies in header_text */
    struct buf header_text;
};

/* homeserver NULL: op_draft_start fails, there is no account. The request is
 * REQUEST_ONCE until spec.options says otherwise. */
void op_draft_init(struct op_draft *draft, struct homeserver *homeserver,
                   const char *method, int64_t timeout_ms);
/* Copies extra headers into it. 0, or -1 with *err filled. */
int op_draft_headers(struct op_draft *draft, const struct http_header *headers,
                     size_t count, struct err *err);
/* Frees a draft that is not started after all. */
void op_draft_free(struct op_draft *draft);
/* Starts the op's request (see op_request_start) and frees the draft, whatever
 * comes of it. */
int op_draft_start(struct op_draft *draft, struct op *op, struct err *err);

#endif
