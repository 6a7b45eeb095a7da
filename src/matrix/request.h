#ifndef REQUEST_H
#define REQUEST_H

#include "buf.h"
#include "err.h"
#include "homeserver.h"
#include "slice.h"

/* One call of the Client-Server API: the authorization header, error bodies
 * read into struct err, retries with back-off, the 429 brake.
 *
 * Retried within timeout_ms: connections that failed before the request left,
 * 429 (Retry-After in seconds or as a date, then retry_after_ms, clamped to
 * LIMIT_RETRY_AFTER_MS), and for REQUEST_REPEAT also lost replies and 502,
 * 503, 504, with jittered, doubling waits. Each try is the same bytes. */

enum request_repeat {
    REQUEST_REPEAT, /* may be sent again: reads, and writes with a txn id */
    REQUEST_ONCE    /* outcome unknown means err.unknown, no second try */
};

struct request_options {
    const char *method;
    struct slice path;                 /* encoded, from "/_matrix" on */
    struct slice query;                /* encoded, without "?", may be absent */
    struct slice body;                 /* JSON text; absent: none */
    const struct http_header *headers; /* more of them, not Authorization */
    size_t header_count;
    enum request_repeat repeat;
    bool anonymous;     /* without the token */
    bool send;          /* obeys and sets the brake of 429 */
    bool certificate;   /* reply.head->certificate_until is wanted */
    bool no_retry;      /* the caller has its own back-off (sync) */
    int64_t timeout_ms; /* tries and waits together; 0: LIMIT_HTTP_TOTAL_MS */
    int64_t stall_ms;   /* 0: LIMIT_HTTP_STALL_MS */
    size_t max_body;    /* 0: LIMIT_HTTP_BODY */
    /* Set: a 2xx body is handed on in pieces and not collected; false ends it
     * with ERR_LIMIT. Called with piece absent when a new try begins (forget
     * what came), where it may not cancel. */
    bool (*piece)(void *arg, struct slice piece);
};

struct reply {
    int status;
    struct slice body; /* of a 2xx: passed json_check; else as it came */
    const struct http_head *head;
};

/* Exactly once, never from inside start. err NULL: a 2xx whose body (when not
 * streamed) is sound JSON. Otherwise *err says it all: kind matrix with
 * errcode, http, network, timeout, json, limit; err->request is "METHOD path"
 * in short. reply is NULL when no reply came. Both are borrowed. */
typedef void request_done_fn(void *arg, const struct reply *reply,
                             const struct err *err);
struct request; /* gone once done is entered */

struct request *request_start(struct homeserver *homeserver,
                              const struct request_options *options,
                              request_done_fn *done, void *arg,
                              struct err *err);
void request_cancel(struct request *request);

/* "Sun, 06 Nov 1994 08:49:37 GMT" as wall ms; 0 for anything else. */
int64_t request_read_date(struct slice text);
/* Fills *err from an error reply: kind, status, errcode, text,
 * retry_after_ms, soft_logout; knows `errcode` and OAuth's `error`. head may
 * be NULL. For the few who speak through a transport themselves. */
void request_read_error(int status, const struct http_head *head,
                        struct slice body, int64_t wall_ms, struct err *err);

#endif
