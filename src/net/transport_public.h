#ifndef TRANSPORT_PUBLIC_H
#define TRANSPORT_PUBLIC_H

#include "transport.h"

/* Another transport, as somebody may use it who must not reach private
 * addresses: requests are public_only (guard.h), but for those to hosts that
 * are trusted anyway. Its free frees nothing. */
struct transport_public {
    struct transport transport;
    struct transport *inner;
    /* host: "host:port" as in the URL. NULL: none is. */
    bool (*trusts)(void *arg, struct slice host);
    void *arg;
};

/* Borrows inner, which must outlive all transfers. */
void transport_public_init(struct transport_public *transport,
                           struct transport *inner,
                           bool (*trusts)(void *arg, struct slice host),
                           void *arg);

#endif
