#ifndef LISTEN_H
#define LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "loop.h"
#include "slice.h"
#include "transport.h"

/* Plain HTTP in, for a few small requests: libmicrohttpd on the loop, no
 * threads. Made to stand behind a reverse proxy that does TLS. Connections,
 * headers, bodies and the time a peer takes are bounded (LIMIT_LISTEN_*);
 * what goes over a bound is answered or cut here and nobody hears of it. */
struct listen;
struct listen_exchange; /* one request that waits for its answer */

struct listen_request {
    struct slice method;
    struct slice path, query; /* as they came, not decoded; no '?' */
    struct http_head head;    /* the headers, names in lower case; no status */
    struct slice body;        /* once it is there */
    const char *peer;         /* numeric address */
};

/* All borrowed. */
struct listen_answer {
    int status;
    const struct http_header *headers;
    size_t header_count;
    struct slice body;
};

struct listen_handlers {
    /* The head is there. 0 and *max_body, or the answer and -1. */
    int (*head)(void *arg, const struct listen_request *request,
                size_t *max_body, struct listen_answer *answer);
    /* All of it is there: call listen_answer, now or later. request is valid
     * until then. */
    void (*request)(void *arg, struct listen_exchange *exchange,
                    const struct listen_request *request);
};

/* address: "127.0.0.1:9008", "[::1]:0" (any free port) or "localhost:80".
 * Returns owned. ERR_CONFIG when the address is none, or cannot be had. */
struct listen *listen_new(struct loop *loop, const char *address,
                          const struct listen_handlers *handlers, void *arg,
                          struct err *err);
/* "127.0.0.1:41235" */
const char *listen_address(const struct listen *listen);
bool listen_is_loopback(const struct listen *listen);
/* No new connection any more. */
void listen_quiesce(struct listen *listen);
/* Whoever still waits is answered with 503. */
void listen_free(struct listen *listen);

/* Once for each exchange, whose end it is. Copies. */
void listen_answer(struct listen_exchange *exchange,
                   const struct listen_answer *answer);

#endif
