#ifndef TRANSPORT_FAKE_H
#define TRANSPORT_FAKE_H

/* A scripted network for tests: include after <cmocka.h>.
 *
 *     struct fake *fake = fake_new(loop);
 *     fake_on(fake, "GET", "/versions", (struct fake_reply){ .body = "{}" });
 *     ... start things through &fake->transport, then loop_advance() ...
 *     assert_int_equal(fake->count, 1);
 *     assert_string_equal(fake_header(&fake->seen[0], "authorization"), "...");
 *     fake_end(fake);
 *
 * A request takes the first unused reply whose method is the same and whose
 * `url` occurs in its URL; a request nobody expects fails the test. fake_end
 * fails it when a reply was not used or a transfer is still under way. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "limits.h"
#include "list.h"
#include "transport.h"

enum fake_fault {
    FAKE_NONE,
    FAKE_REFUSED, /* no connection: network, nothing left */
    FAKE_LOST,    /* request sent, connection gone: network, unknown */
    FAKE_CUT,     /* head and `cut` bytes of the body, then as FAKE_LOST */
    FAKE_SILENT   /* sent, never answered: the request's own limits end it */
};

struct fake_reply {
    int status;          /* 0: 200 */
    const char *headers; /* "retry-after: 2\nx-y: z"; lower-case names */
    const char *body;    /* NULL: "" */
    size_t body_len;     /* 0: strlen(body) */
    size_t piece;        /* bytes per piece; 0: all at once */
    int64_t delay_ms;    /* before the head */
    int64_t gap_ms;      /* before each piece but the first */
    enum fake_fault fault;
    size_t cut;
    int times; /* 0: once; -1: any number, none included */
};

struct fake_seen {                       /* a request, as it came */
    char *method, *url, *headers, *body; /* headers: "name: value\n" each */
    bool has_body, public_only;
    int64_t at; /* loop_now */
    int64_t total_ms, stall_ms;
};

#define FAKE_SEEN 4096

struct fake {
    struct transport transport;
    struct loop *loop;
    struct list rules, transfers;
    int count; /* requests so far */
    int open;  /* of them under way */
    int cancelled;
    struct fake_seen seen[FAKE_SEEN];
    /* Set: asked before the rules; true when it filled *reply (its strings are
     * copied at once). */
    bool (*answer)(void *arg, const struct fake_seen *seen,
                   struct fake_reply *reply);
    void *answer_arg;
};

struct fake_rule {
    struct list node;
    char *method, *url;
    struct fake_reply reply;
    char *headers, *body;
    int left;
};

struct transfer {
    struct list node;
    struct fake *fake;
    struct http_handlers handlers;
    void *arg;
    struct fake_reply reply;
    char *headers, *body;
    size_t at, end, max_body;
    int64_t started, total_ms, stall_ms;
    struct timer *timer;
    bool began, calling, cancelled, out_of_time;
};

static inline char *fake_copy(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

static inline char *fake_copy_str(const char *text)
{
    return fake_copy(text ? text : "", text ? strlen(text) : 0);
}

static inline void fake_on(struct fake *fake, const char *method,
                           const char *url, struct fake_reply reply)
{
    struct fake_rule *rule = calloc(1, sizeof(*rule));

    assert_non_null(rule);
    if (reply.body_len == 0 && reply.body)
        reply.body_len = strlen(reply.body);
    rule->reply = reply;
    rule->method = fake_copy_str(method);
    rule->url = fake_copy_str(url);
    rule->headers = fake_copy_str(reply.headers);
    rule->body = fake_copy(reply.body, reply.body_len);
    rule->reply.headers = rule->headers;
    rule->reply.body = rule->body;
    rule->left = reply.times ? reply.times : 1;
    list_push(&fake->rules, &rule->node);
}

static inline void fake_transfer_free(struct transfer *transfer)
{
    transfer->fake->open--;
    timer_cancel(transfer->timer);
    list_remove(&transfer->node);
    free(transfer->headers);
    free(transfer->body);
    free(transfer);
}

static inline void fake_finish(struct transfer *transfer, const struct err *err)
{
    struct http_handlers handlers = transfer->handlers;
    void *arg = transfer->arg;

    fake_transfer_free(transfer);
    handlers.done(arg, err);
}

static inline void fake_fail(struct transfer *transfer, enum err_kind kind,
                             bool unknown, const char *text)
{
    struct err err;

    err_set(&err, kind, "%s", text);
    err.unknown = unknown;
    fake_finish(transfer, &err);
}

static inline void fake_step(void *arg);

/* The next step comes after ms, or the request's limits before it. */
static inline void fake_wait(struct transfer *transfer, int64_t ms)
{
    int64_t left =
        transfer->started + transfer->total_ms - loop_now(transfer->fake->loop);

    transfer->out_of_time = ms > transfer->stall_ms;
    if (transfer->out_of_time)
        ms = transfer->stall_ms;
    if (transfer->total_ms > 0 && ms > left) {
        transfer->out_of_time = true;
        ms = left > 0 ? left : 0;
    }
    transfer->timer =
        timer_start(transfer->fake->loop, ms, fake_step, transfer, NULL);
    assert_non_null(transfer->timer);
}

static inline void fake_head(struct transfer *transfer)
{
    struct http_header headers[64];
    struct http_head head = { transfer->reply.status, headers, 0, SLICE_NONE,
                              0 };
    const char *line = transfer->headers;

    while (*line) {
        size_t len = strcspn(line, "\n");
        const char *colon = memchr(line, ':', len);
        const char *value = colon + 1;
        assert_non_null(colon);
        assert_true(head.header_count < 64);
        value += strspn(value, " ");
        headers[head.header_count].name =
            slice_make(line, (size_t)(colon - line));
        headers[head.header_count++].value =
            slice_make(value, len - (size_t)(value - line));
        line += len + (line[len] == '\n');
    }
    if (transfer->handlers.head)
        transfer->handlers.head(transfer->arg, &head);
}

static inline bool fake_piece(struct transfer *transfer)
{
    size_t len = transfer->end - transfer->at;
    struct slice piece = { transfer->body + transfer->at, len };

    if (transfer->reply.piece > 0 && len > transfer->reply.piece)
        piece.len = transfer->reply.piece;
    transfer->at += piece.len;
    return !transfer->handlers.body ||
           transfer->handlers.body(transfer->arg, piece);
}

static inline void fake_step(void *arg)
{
    struct transfer *transfer = arg;
    bool go_on = true;

    transfer->timer = NULL;
    if (transfer->out_of_time) {
        fake_fail(transfer, ERR_TIMEOUT, true, "the test server: no answer");
        return;
    }
    if (transfer->reply.fault == FAKE_REFUSED) {
        fake_fail(transfer, ERR_NETWORK, false,
                  "the test server: connection refused");
        return;
    }
    if (transfer->reply.fault == FAKE_LOST) {
        fake_fail(transfer, ERR_NETWORK, true,
                  "the test server: connection lost");
        return;
    }
    transfer->calling = true;
    if (!transfer->began)
        fake_head(transfer);
    transfer->began = true;
    while (go_on && !transfer->cancelled && transfer->at < transfer->end) {
        if (transfer->at >= transfer->max_body)
            break;
        go_on = fake_piece(transfer);
        if (transfer->reply.gap_ms > 0)
            break;
    }
    transfer->calling = false;
    if (transfer->cancelled)
        fake_transfer_free(transfer);
    else if (!go_on)
        fake_fail(transfer, ERR_CANCELLED, true, "the reader stopped");
    else if (transfer->at < transfer->end && transfer->at >= transfer->max_body)
        fake_fail(transfer, ERR_LIMIT, true, "the reply is too large");
    else if (transfer->at < transfer->end)
        fake_wait(transfer, transfer->reply.gap_ms);
    else if (transfer->reply.fault == FAKE_CUT)
        fake_fail(transfer, ERR_NETWORK, true,
                  "the test server: connection lost in the reply");
    else
        fake_finish(transfer, NULL);
}

static inline struct fake_seen *fake_record(struct fake *fake,
                                            const struct http_request *request)
{
    struct fake_seen *seen = &fake->seen[fake->count];
    struct buf headers;

    if (fake->count == FAKE_SEEN)
        fail_msg("more than %d requests", FAKE_SEEN);
    fake->count++;
    buf_init(&headers, LIMIT_HTTP_HEADERS);
    for (size_t i = 0; i < request->header_count; i++)
        buf_addf(&headers, "%.*s: %.*s\n", SLICE_ARG(request->headers[i].name),
                 SLICE_ARG(request->headers[i].value));
    seen->method = fake_copy_str(request->method);
    seen->url = fake_copy(request->url.ptr, request->url.len);
    seen->headers = fake_copy_str(buf_str(&headers));
    seen->body = fake_copy(request->body.ptr, request->body.len);
    seen->has_body = request->body.ptr;
    seen->public_only = request->public_only;
    seen->at = loop_now(fake->loop);
    seen->total_ms = request->total_ms;
    seen->stall_ms = request->stall_ms;
    buf_free(&headers);
    return seen;
}

static inline struct fake_reply fake_choose(struct fake *fake,
                                            const struct fake_seen *seen)
{
    struct fake_reply reply = { 0 };

    if (fake->answer && fake->answer(fake->answer_arg, seen, &reply))
        return reply;
    list_each(node, &fake->rules)
    {
        struct fake_rule *rule = list_entry(node, struct fake_rule, node);
        if (rule->left == 0 || strcmp(rule->method, seen->method) != 0 ||
            !strstr(seen->url, rule->url))
            continue;
        if (rule->left > 0)
            rule->left--;
        return rule->reply;
    }
    fail_msg("unexpected request: %s %s %s", seen->method, seen->url,
             seen->body);
    return reply;
}

static inline struct transfer *fake_start(struct transport *transport,
                                          const struct http_request *request,
                                          const struct http_handlers *handlers,
                                          void *arg, struct err *err)
{
    struct fake *fake = (struct fake *)(void *)transport;
    struct fake_seen *seen = fake_record(fake, request);
    struct fake_reply reply = fake_choose(fake, seen);
    struct transfer *transfer = calloc(1, sizeof(*transfer));

    (void)err;
    assert_non_null(transfer);
    if (reply.status == 0)
        reply.status = 200;
    if (reply.body_len == 0 && reply.body)
        reply.body_len = strlen(reply.body);
    transfer->fake = fake;
    transfer->handlers = *handlers;
    transfer->arg = arg;
    transfer->reply = reply;
    transfer->headers = fake_copy_str(reply.headers);
    transfer->body = fake_copy(reply.body, reply.body_len);
    transfer->end = reply.fault == FAKE_CUT ? reply.cut : reply.body_len;
    assert_true(transfer->end <= reply.body_len);
    transfer->max_body =
        request->max_body ? request->max_body : LIMIT_HTTP_BODY;
    transfer->started = loop_now(fake->loop);
    transfer->total_ms = request->total_ms;
    transfer->stall_ms =
        request->stall_ms ? request->stall_ms : LIMIT_HTTP_STALL_MS;
    list_push(&fake->transfers, &transfer->node);
    fake->open++;
    fake_wait(transfer,
              reply.fault == FAKE_SILENT ? INT64_MAX : reply.delay_ms);
    return transfer;
}

static inline void fake_cancel(struct transport *transport,
                               struct transfer *transfer)
{
    ((struct fake *)(void *)transport)->cancelled++;
    if (transfer->calling)
        transfer->cancelled = true;
    else
        fake_transfer_free(transfer);
}

static inline void fake_free(struct transport *transport)
{
    struct fake *fake = (struct fake *)(void *)transport;

    list_each_safe(node, &fake->transfers)
        fake_transfer_free(list_entry(node, struct transfer, node));
    list_each_safe(node, &fake->rules)
    {
        struct fake_rule *rule = list_entry(node, struct fake_rule, node);
        free(rule->method);
        free(rule->url);
        free(rule->headers);
        free(rule->body);
        free(rule);
    }
    for (int i = 0; i < fake->count; i++) {
        free(fake->seen[i].method);
        free(fake->seen[i].url);
        free(fake->seen[i].headers);
        free(fake->seen[i].body);
    }
    free(fake);
}

static inline struct fake *fake_new(struct loop *loop)
{
    static const struct transport_ops ops = { fake_start, fake_cancel,
                                              fake_free };
    struct fake *fake = calloc(1, sizeof(*fake));

    assert_non_null(fake);
    fake->transport.ops = &ops;
    fake->loop = loop;
    list_init(&fake->rules);
    list_init(&fake->transfers);
    return fake;
}

/* Frees; fails the test when something is left. */
static inline void fake_end(struct fake *fake)
{
    assert_int_equal(fake->open, 0);
    list_each(node, &fake->rules)
    {
        struct fake_rule *rule = list_entry(node, struct fake_rule, node);
        if (rule->left > 0)
            fail_msg("%d more of %s %s expected", rule->left, rule->method,
                     rule->url);
    }
    fake_free(&fake->transport);
}

/* The value of a header that was sent, "" when it was not. Valid until the
 * next call. */
static inline const char *fake_header(const struct fake_seen *seen,
                                      const char *name)
{
    static char value[1024];
    size_t len = strlen(name);

    for (const char *line = seen->headers; *line;) {
        size_t end = strcspn(line, "\n");
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)(end - len - 2),
                     line + len + 2);
            return value;
        }
        line += end + 1;
    }
    return "";
}

/* How many requests had this method and this in their URL. */
static inline int fake_count(const struct fake *fake, const char *method,
                             const char *url)
{
    int n = 0;

    for (int i = 0; i < fake->count; i++)
        n += strcmp(fake->seen[i].method, method) == 0 &&
             strstr(fake->seen[i].url, url);
    return n;
}

#endif
