#include "call_topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_args.h"
#include "call_wire.h"
#include "json_write.h"
#include "limits.h"
#include "op.h"

/* http.request: the script's own business with any server. It never carries
 * the access token, and any status is a result. */

struct exchange {
    struct op *op;
    struct transport *transport;
    struct transfer *transfer;
    char *url;        /* where it goes, or went in the end */
    char name[160];   /* "GET https://example.org/feed", for errors */
    struct buf head;  /* "status", "headers": members of the result */
    struct err fault; /* why a head was refused */
    bool failed;
};

static void exchange_free(struct exchange *exchange)
{
    transport_cancel(exchange->transport, exchange->transfer);
    buf_free(&exchange->head);
    free(exchange->url);
    free(exchange);
}

static void take_head(void *arg, const struct http_head *head)
{
    struct exchange *exchange = arg;
    struct json_writer w;
    buf_clear(&exchange->head);
    json_writer_init(&w, &exchange->head);
    json_object_begin(&w);
    json_member_int(&w, "status", head->status);
    json_key(&w, "headers");
    call_wire_write_headers(&w, head);
    json_object_end(&w);
    if (json_finish(&w, "the headers", &exchange->fault)) {
        exchange->failed = true;
    }
    char *url = slice_dup(head->url);
    if (url) {
        free(exchange->url);
        exchange->url = url;
    }
}

static bool take_body(void *arg, struct slice piece)
{
    struct exchange *exchange = arg;
    return !exchange->failed && buf_add(&exchange->op->bytes, piece) == 0;
}

static int write_result(struct exchange *exchange, struct err *err)
{
    struct op *op = exchange->op;
    struct slice head = buf_slice(&exchange->head);
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_member_raw(&w, "status", json_get(head, "status"));
    json_member_raw(&w, "headers", json_get(head, "headers"));
    json_member_str(&w, "url", exchange->url);
    json_object_end(&w);
    op->has_bytes = true;
    return json_finish(&w, op->call->name, err);
}

/* What became of it. */
static int conclude(struct exchange *exchange, const struct err *failure,
                    struct err *err)
{
    if (exchange->failed) {
        *err = exchange->fault;
        return -1;
    }
    if (buf_check(&exchange->op->bytes, "the body", err)) {
        return -1; /* and not ERR_CANCELLED, which that came to */
    }
    if (failure) {
        *err = *failure;
        return -1;
    }
    return write_result(exchange, err);
}

/* What was tried goes in front, in place of the host alone. */
static void tell_request(const struct exchange *exchange, struct err *err)
{
    const char *host = strstr(exchange->name, "://");
    size_t len = host ? strcspn(host + 3, "/") : 0;
    if (len > 0 && strncmp(err->text, host + 3, len) == 0 &&
        strncmp(err->text + len, ": ", 2) == 0) {
        memmove(err->text, err->text + len + 2,
                strlen(err->text + len + 2) + 1);
    }
    err_prefix(err, "%s", exchange->name);
    if (!err->request[0]) {
        snprintf(err->request, sizeof(err->request), "%s", exchange->name);
    }
}

static void exchange_done(void *arg, const struct err *failure)
{
    struct exchange *exchange = arg;
    struct op *op = exchange->op;
    struct err err;
    exchange->transfer = NULL;
    int result = conclude(exchange, failure, &err);
    if (result) {
        tell_request(exchange, &err);
    }
    op->state = NULL;
    exchange_free(exchange);
    if (result) {
        op_fail(op, &err, SLICE_NONE);
    } else {
        op_done(op);
    }
}

/* "GET https://example.org/feed": a query may hold secrets, and user names
 * and passwords do. */
static void name_request(struct exchange *exchange, const char *method)
{
    const char *url = exchange->url;
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *end = host + strcspn(host, "/?#");
    const char *at = memchr(host, '@', (size_t)(end - host));
    int scheme = (int)(host - url);
    host = at ? at + 1 : host;
    snprintf(exchange->name, sizeof(exchange->name), "%s %.*s%.*s", method,
             scheme, url, (int)strcspn(host, "?#"), host);
}

static struct exchange *exchange_new(struct op *op, const char *method,
                                     struct slice url, struct err *err)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange || !(exchange->url = slice_dup(url))) {
        free(exchange);
        err_set(err, ERR_SYSTEM, "%s: out of memory", op->call->name);
        return NULL;
    }
    exchange->op = op;
    struct call_host *host = op->caller->host;
    exchange->transport = host->http ? host->http : host->transport;
    buf_init(&exchange->head, LIMIT_CALL_RESULT);
    name_request(exchange, method);
    return exchange;
}

static int exchange_start(struct op *op, struct http_request *request,
                          struct err *err)
{
    static const struct http_handlers handlers = { take_head, take_body,
                                                   exchange_done };
    struct exchange *exchange =
        exchange_new(op, request->method, request->url, err);
    if (!exchange) {
        return -1;
    }
    exchange->transfer =
        transport_start(exchange->transport, request, &handlers, exchange, err);
    if (!exchange->transfer) {
        tell_request(exchange, err);
        exchange_free(exchange);
        return -1;
    }
    op->state = exchange;
    return 0;
}

/* The address with its query; without a fragment, which is not sent. */
static void read_url(struct call_args *args, struct buf *out)
{
    struct slice url = call_args_string(args, "url");
    if (url.ptr && !call_wire_is_url(url)) {
        call_args_fault(args, "url must be a percent-encoded http:// or "
                              "https:// address");
        return;
    }
    const char *fragment = url.ptr ? memchr(url.ptr, '#', url.len) : NULL;
    if (fragment) {
        url.len = (size_t)(fragment - url.ptr);
    }
    struct buf query;
    buf_init(&query, LIMIT_HTTP_URL);
    call_wire_query(args, "query", &query);
    buf_add(out, url);
    if (query.len) {
        buf_addc(out, url.ptr && memchr(url.ptr, '?', url.len) ? '&' : '?');
        buf_add(out, buf_slice(&query));
    }
    out->failed = out->failed || query.failed;
    buf_free(&query);
}

static int http_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct caller *caller = op->caller;
    struct http_header headers[CALL_WIRE_HEADERS];
    size_t most = caller->http_body > LIMIT_HTTP_BODY_MOST
                      ? caller->http_body
                      : LIMIT_HTTP_BODY_MOST;
    int64_t timeout = call_args_timeout(&args);
    struct http_request request = {
        .method = call_wire_method(&args),
        .headers = headers,
        .header_count = call_wire_headers(&args, "headers", headers),
        .body = bytes,
        .total_ms = timeout,
        .stall_ms = timeout, /* a script may poll a slow server */
        .max_body = (size_t)call_args_int(
            &args, "max_bytes", (int64_t)caller->http_body, 1, (int64_t)most),
        .redirects =
            (int)call_args_int(&args, "redirects", LIMIT_HTTP_REDIRECTS, 0,
                               LIMIT_HTTP_REDIRECTS_MOST),
        .allow_http = true,
        .public_only = !caller->http_private,
    };
    struct buf url;
    buf_init(&url, LIMIT_HTTP_URL);
    read_url(&args, &url);
    int result = -1;
    if (call_args_check(&args) == 0 && buf_check(&url, "the url", err) == 0) {
        request.url = buf_slice(&url);
        op->bytes.max = request.max_body;
        result = exchange_start(op, &request, err);
    }
    buf_free(&url);
    return result;
}

static void http_orphan(struct op *op)
{
    if (op->state) {
        exchange_free(op->state);
        op->state = NULL;
    }
}

const struct call call_http_table[] = {
    { "http.request", CALL_PARKS, http_start, http_orphan },
    { 0 },
};
