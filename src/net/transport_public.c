#include "transport_public.h"

#include "url.h"

static struct transport_public *public_of(struct transport *transport)
{
    return (struct transport_public *)(void *)transport;
}

static struct transfer *public_start(struct transport *transport,
                                     const struct http_request *request,
                                     const struct http_handlers *handlers,
                                     void *arg, struct err *err)
{
    const struct transport_public *public = public_of(transport);
    struct http_request guarded = *request;

    guarded.public_only =
        !public->trusts ||
        !public->trusts(public->arg, url_authority(request->url));
    return transport_start(public->inner, &guarded, handlers, arg, err);
}

static void public_cancel(struct transport *transport,
                          struct transfer *transfer)
{
    transport_cancel(public_of(transport)->inner, transfer);
}

static void public_free(struct transport *transport)
{
    (void)transport;
}

void transport_public_init(struct transport_public *transport,
                           struct transport *inner,
                           bool (*trusts)(void *arg, struct slice host),
                           void *arg)
{
    static const struct transport_ops ops = { public_start, public_cancel,
                                              public_free };

    *transport = (struct transport_public) {
        .transport = { &ops }, .inner = inner, .trusts = trusts, .arg = arg
    };
}
