#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"
#include "slice.h"

/* The seam to the network: one HTTP exchange at a time, bytes in, bytes out.
 * Everything above sees only this; behind it are curl, or a scripted fake.
 * No retries, no cookies, no Matrix here. */

struct http_header {
    struct slice name, value;
};

struct http_request {
    const char *method;
    struct slice url; /* absolute, already percent-encoded */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;  /* absent: none. Copied by start, like all the rest */
    int64_t connect_ms; /* 0: LIMIT_HTTP_CONNECT_MS */
    int64_t total_ms;   /* 0: no limit on the whole exchange */
    int64_t stall_ms;   /* no byte for that long; 0: LIMIT_HTTP_STALL_MS */
    size_t max_body;    /* decompressed bytes; 0: LIMIT_HTTP_BODY */
    int redirects;    /* followed for GET and HEAD; 0: none, 30x is the reply */
    bool allow_http;  /* plain http:// beyond loopback */
    bool certificate; /* http_head.certificate_until is wanted */
    bool public_only; /* connect to public addresses alone (guard.h) */
};

/* What is known once the head of the reply came. Valid for the call. */
struct http_head {
    int status;
    const struct http_header *headers; /* names in lower case, in order */
    size_t header_count;
    struct slice url; /* who answered, after redirects; absent: as asked */
    int64_t certificate_until; /* the server's own, wall ms; 0 unknown */
};

/* Each may be NULL but done. body pieces come as they arrive, decompressed,
 * head before the first of them; returning false ends the transfer with
 * ERR_CANCELLED to done. done comes exactly once, never from inside start,
 * always from the loop; err is NULL when the whole reply came (any status).
 * Its kinds: network, timeout, limit, denied, cancelled; its text names the
 * host, not the path. err->unknown is set when the request may have reached
 * the server. All three may start and cancel transfers; only done may free
 * the transport. */
struct http_handlers {
    void (*head)(void *arg, const struct http_head *head);
    bool (*body)(void *arg, struct slice piece);
    void (*done)(void *arg, const struct err *err);
};

struct transfer; /* gone once done is entered */

struct transport {
    const struct transport_ops *ops;
};

struct transport_ops {
    /* Plain http:// to a host that is not loopback is ERR_DENIED unless
     * allowed; so is every scheme but http and https. */
    struct transfer *(*start)(struct transport *transport,
                              const struct http_request *request,
                              const struct http_handlers *handlers, void *arg,
                              struct err *err);
    void (*cancel)(struct transport *transport, struct transfer *transfer);
    void (*free)(struct transport *transport);
};

static inline struct transfer *
transport_start(struct transport *transport, const struct http_request *request,
                const struct http_handlers *handlers, void *arg,
                struct err *err)
{
    return transport->ops->start(transport, request, handlers, arg, err);
}

static inline void transport_cancel(struct transport *transport,
                                    struct transfer *transfer)
{
    if (transfer)
        transport->ops->cancel(transport, transfer);
}

static inline void transport_free(struct transport *transport)
{
    if (transport)
        transport->ops->free(transport);
}

/* The header's value, absent when there is none. name in lower case. */
struct slice http_head_get(const struct http_head *head, const char *name);
/* Returns owned: a copy to keep, freed with free(); NULL out of memory. */
struct http_head *http_head_dup(const struct http_head *head);

#endif
