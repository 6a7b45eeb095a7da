#include "transport_curl_internal.h"

#include "url.h"

static void explain_private(struct transfer *transfer)
{
    struct slice host = url_authority(slice_str(transfer->url));

    err_set(&transfer->err, ERR_DENIED,
            "%.*s: %s is no public address; http = { \"private\" } in the "
            "script's entry of lunatrix.lua allows it",
            SLICE_ARG(host), transfer->refused);
}

void transport_curl_explain_stop(struct transfer *transfer)
{
    struct slice host = url_authority(slice_str(transfer->url));
    struct err *err = &transfer->err;

    switch (transfer->stop) {
    case STOP_BODY:
        err_set(err, ERR_LIMIT, "%.*s: the reply is larger than %zu bytes",
                SLICE_ARG(host), transfer->max_body);
        break;
    case STOP_HEAD:
        err_set(err, ERR_LIMIT,
                "%.*s: the headers of the reply are larger than %zu bytes",
                SLICE_ARG(host), LIMIT_HTTP_HEADERS);
        break;
    case STOP_READER:
        err_set(err, ERR_CANCELLED, "%.*s: the reader of the reply stopped",
                SLICE_ARG(host));
        break;
    case STOP_DENIED:
        err_set(err, ERR_DENIED,
                "%.*s: plain http is allowed to this machine only",
                SLICE_ARG(host));
        break;
    case STOP_REPEAT:
        err_set(err, ERR_NETWORK,
                "%.*s: the connection was lost before a reply came",
                SLICE_ARG(host));
        break;
    case STOP_STALLED:
        err_set(err, ERR_TIMEOUT, "%.*s: nothing came for %lld ms",
                SLICE_ARG(host), (long long)transfer->stall_ms);
        break;
    case STOP_PRIVATE:
        explain_private(transfer);
        break;
    case STOP_MEMORY:
    case STOP_NOT:
        err_set(err, ERR_SYSTEM, "%.*s: out of memory", SLICE_ARG(host));
        break;
    }
}

/* How curl calls a header line longer than its own 100 KiB. */
static bool is_too_large(CURLcode code)
{
#if LIBCURL_VERSION_NUM >= 0x080600
    if (code == CURLE_TOO_LARGE)
        return true;
#endif
    return code == CURLE_OUT_OF_MEMORY;
}

static enum err_kind kind_of(const struct transfer *transfer, CURLcode code)
{
    if (is_too_large(code))
        return ERR_LIMIT;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_TOO_MANY_REDIRECTS:
        return ERR_LIMIT;
    case CURLE_UNSUPPORTED_PROTOCOL:
        /* where a redirect leads; else curl means a reply that is no HTTP */
        return transfer->head.status / 100 == 3 ? ERR_DENIED : ERR_NETWORK;
    default:
        return ERR_NETWORK;
    }
}

void transport_curl_explain(struct transfer *transfer, CURLcode code)
{
    struct slice host = url_authority(slice_str(transfer->url));
    long sent = 0;

    if (transfer->stop)
        transport_curl_explain_stop(transfer);
    else if (transfer->refused[0] && code == CURLE_COULDNT_CONNECT)
        explain_private(transfer);
    else if (is_too_large(code))
        err_set(&transfer->err, kind_of(transfer, code),
                "%.*s: a header of the reply is too long, or memory ran out",
                SLICE_ARG(host));
    else
        err_set(&transfer->err, kind_of(transfer, code), "%.*s: %s",
                SLICE_ARG(host),
                transfer->reason[0] ? transfer->reason
                                    : curl_easy_strerror(code));
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    transfer->err.unknown = transfer->attempts > 0 && sent > 0;
}
