#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "list.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "webhook.h"

struct web {
    struct listen *listen;
    const struct accounts *accounts;
    struct list waiting;
    bool metrics;
    char url[512];
};

/* A request that a script has. */
struct visit {
    struct list node;
    struct listen_exchange *exchange;
    struct webhook_call *call;
};

struct place {
    struct slice account, script, name;
};

/* ---- where it goes ----------------------------------------------------- */

static struct slice cut_segment(struct slice *path)
{
    const char *slash = memchr(path->ptr, '/', path->len);
    size_t len = slash ? (size_t)(slash - path->ptr) : path->len;
    struct slice segment = slice_make(path->ptr, len);

    len += slash != NULL;
    *path = slice_make(path->ptr + len, path->len - len);
    return segment;
}

/* "/hook/main/github/push" */
static bool read_path(struct slice path, struct place *place)
{
    static const char prefix[] = "/hook/";
    size_t len = sizeof prefix - 1;

    if (path.len < len || memcmp(path.ptr, prefix, len) != 0)
        return false;
    path = slice_make(path.ptr + len, path.len - len);
    place->account = cut_segment(&path);
    place->script = cut_segment(&path);
    place->name = path;
    return place->name.len > 0 && !memchr(path.ptr, '/', path.len);
}

static struct webhooks *find(const struct web *web, const struct place *place)
{
    struct account *account = accounts_find(web->accounts, place->account);
    char script[80];

    if (!account || place->script.len >= sizeof script)
        return NULL;
    snprintf(script, sizeof script, "%.*s", SLICE_ARG(place->script));
    return manager_webhooks(account_manager(account), script);
}

/* ---- answers of our own ------------------------------------------------ */

static const char *text_of(int status)
{
    switch (status) {
    case 404:
        return "there is no such web hook\n";
    case 405:
        return "not with this method\n";
    case 500:
        return "the report failed; the log says why\n";
    default:
        return "not now\n";
    }
}

static struct listen_answer plain(int status, struct http_header headers[2])
{
    headers[0] =
        (struct http_header) { slice_str("content-type"),
                               slice_str("text/plain; charset=utf-8") };
    return (struct listen_answer) { status, headers,
                                    headers[1].name.ptr ? 2 : 1,
                                    slice_str(text_of(status)) };
}

/* ---- metrics ----------------------------------------------------------- */

static bool is_metrics(const struct web *web,
                       const struct listen_request *request)
{
    return web->metrics && slice_is(request->path, "/metrics");
}

static bool is_read(const struct listen_request *request)
{
    return slice_is(request->method, "GET") ||
           slice_is(request->method, "HEAD");
}

static void answer_metrics(const struct web *web,
                           struct listen_exchange *exchange)
{
    struct http_header headers[2] = { { slice_str("content-type"),
                                        slice_str(METRICS_TYPE) },
                                      { SLICE_NONE, SLICE_NONE } };
    struct listen_answer answer = { 200, headers, 1, SLICE_NONE };
    struct buf text;
    struct err err;

    buf_init(&text, LIMIT_METRICS);
    if (metrics_collect(web->accounts, &text, &err) == 0) {
        answer.body = buf_slice(&text);
    } else {
        log_error("metrics: %s", err.text);
        answer = plain(500, headers);
    }
    listen_answer(exchange, &answer);
    buf_free(&text);
}

/* ---- requests ---------------------------------------------------------- */

/* 0: it is taken; else the status to answer with. */
static int look(const struct web *web, const struct listen_request *request,
                size_t *max_body, const char **methods)
{
    struct webhooks *webhooks;
    struct place place;

    if (!web->accounts)
        return 503; /* the start failed, and this came during the last turns */
    if (is_metrics(web, request)) {
        *methods = "GET, HEAD";
        return is_read(request) ? 0 : 405; /* max_body is 0 */
    }
    webhooks = read_path(request->path, &place) ? find(web, &place) : NULL;
    return webhooks ? webhooks_look(webhooks, place.name, request->method,
                                    max_body, methods)
                    : 404;
}

static int on_head(void *arg, const struct listen_request *request,
                   size_t *max_body, struct listen_answer *answer)
{
    static struct http_header headers[2]; /* until the next call */
    struct web *web = arg;
    const char *methods = NULL;
    int status = look(web, request, max_body, &methods);

    if (status == 0)
        return 0;
    headers[1] = (struct http_header) { SLICE_NONE, SLICE_NONE };
    if (status == 405)
        headers[1] =
            (struct http_header) { slice_str("allow"), slice_str(methods) };
    if (status == 503)
        headers[1] =
            (struct http_header) { slice_str("retry-after"), slice_str("2") };
    *answer = plain(status, headers);
    return -1;
}

static void on_answer(void *arg, const struct listen_answer *answer)
{
    struct visit *visit = arg;

    listen_answer(visit->exchange, answer);
    list_remove(&visit->node);
    free(visit);
}

static void ask_script(struct web *web, struct listen_exchange *exchange,
                       const struct listen_request *request)
{
    struct place place;
    struct visit *visit = calloc(1, sizeof *visit);
    struct webhooks *webhooks =
        read_path(request->path, &place) ? find(web, &place) : NULL;
    struct http_header headers[2] = {
        { SLICE_NONE, SLICE_NONE }, { slice_str("retry-after"), slice_str("2") }
    };

    if (visit && webhooks) {
        struct webhook_request asked = {
            .name = place.name,
            .method = request->method,
            .path = request->path,
            .query = request->query,
            .head = request->head,
            .body = request->body,
        };
        struct err err;
        visit->exchange = exchange;
        visit->call = webhooks_ask(webhooks, &asked, on_answer, visit, &err);
    }
    if (visit && visit->call) {
        list_push(&web->waiting, &visit->node);
        return;
    }
    free(visit);
    struct listen_answer answer = plain(503, headers);
    listen_answer(exchange, &answer);
}

static void on_request(void *arg, struct listen_exchange *exchange,
                       const struct listen_request *request)
{
    struct web *web = arg;

    if (is_metrics(web, request))
        answer_metrics(web, exchange);
    else
        ask_script(web, exchange, request);
}

/* ---- life -------------------------------------------------------------- */

struct web *web_new(struct loop *loop, const struct config_listen *settings,
                    struct err *err)
{
    static const struct listen_handlers handlers = { on_head, on_request };
    struct web *web = calloc(1, sizeof *web);

    if (!web) {
        err_set(err, ERR_SYSTEM, "cannot listen: out of memory");
        return NULL;
    }
    list_init(&web->waiting);
    web->metrics = settings->metrics;
    web->listen = listen_new(loop, settings->address, &handlers, web, err);
    if (!web->listen) {
        free(web);
        return NULL;
    }
    snprintf(web->url, sizeof web->url, "%s%s",
             settings->public_url ? "" : "http://",
             settings->public_url ? settings->public_url
                                  : listen_address(web->listen));
    log_info("web hooks: listening on %s", listen_address(web->listen));
    if (web->metrics)
        log_info("metrics are at http://%s/metrics",
                 listen_address(web->listen));
    if (!listen_is_loopback(web->listen))
        log_warn("web hooks: %s can be reached from other machines, without "
                 "TLS; let a reverse proxy stand in front of 127.0.0.1",
                 listen_address(web->listen));
    return web;
}

const char *web_url(const struct web *web)
{
    return web->url;
}

void web_set_accounts(struct web *web, const struct accounts *accounts)
{
    web->accounts = accounts;
}

void web_quiesce(struct web *web)
{
    if (web)
        listen_quiesce(web->listen);
}

void web_free(struct web *web)
{
    struct list *node;

    if (!web)
        return;
    while ((node = list_first(&web->waiting)) != NULL) {
        struct visit *visit = list_entry(node, struct visit, node);
        webhook_call_forget(visit->call);
        list_remove(node);
        free(visit);
    }
    listen_free(web->listen);
    free(web);
}
