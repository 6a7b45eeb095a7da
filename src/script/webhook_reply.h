#ifndef WEBHOOK_REPLY_H
#define WEBHOOK_REPLY_H

#include "buf.h"
#include "call_args.h"
#include "json_write.h"
#include "limits.h"
#include "listen.h"

/* What a script answered to a request, kept until its task has ended; and
 * what it sees of a query. */

struct webhook_reply {
    int status;   /* 0: none yet */
    bool refused; /* its own verify said no */
    struct buf names[LIMIT_WEBHOOK_FIELDS], values[LIMIT_WEBHOOK_FIELDS];
    size_t count;
    struct buf body;
};

void webhook_reply_init(struct webhook_reply *reply);
void webhook_reply_free(struct webhook_reply *reply);
/* From the arguments of webhook.answer, where faults go. */
void webhook_reply_set(struct webhook_reply *reply, struct call_args *args,
                       struct slice body);
/* *answer borrows from reply and headers. */
void webhook_reply_get(const struct webhook_reply *reply,
                       struct http_header headers[LIMIT_WEBHOOK_FIELDS],
                       struct listen_answer *answer);

/* "a=1&b=%20" as an object; of a name that comes twice the last counts. */
void webhook_reply_write_query(struct json_writer *w, const char *query);

#endif
