#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "json_read.h"
#include "limits.h"
#include "request_name.h"

/* A request is at any time in one of these: a try is on its way (transfer),
 * or it waits for its next try (timer), for a turn among the sends (turn; the
 * timer then is its deadline), or for a new token (token; likewise). */

#define TRIES_JSON 2  /* of replies that are no sound JSON */
#define TRIES_TOKEN 3 /* with one new token after the other */

struct request {
    struct homeserver *homeserver;
    struct request_options options; /* its slices point into `kept` */
    struct buf kept;
    struct buf url;
    struct http_header *headers; /* the extra ones, and room for two more */
    request_done_fn *done;
    void *arg;

    struct transfer *transfer;
    struct timer *timer;
    struct homeserver_wait turn, token;
    int64_t deadline;
    int tries, backoffs, json_tries, token_tries;
    uint64_t token_version; /* of the try under way */
    bool authorized;        /* it carries a token */
    bool unknown;           /* an earlier one may have reached the server */

    struct http_head *head; /* of the reply, NULL before it came */
    struct buf body;
    struct err err; /* what the request ends with if it cannot go on */
};

/* ---- life -------------------------------------------------------------- */

static void wipe(struct buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->cap);
    buf_free(buf);
}

static void forget_reply(struct request *request)
{
    free(request->head);
    request->head = NULL;
    wipe(&request->body); /* replies hold tokens, too */
}

static void request_free(struct request *request)
{
    timer_cancel(request->timer);
    forget_reply(request);
    wipe(&request->kept); /* bodies hold passwords and refresh tokens */
    buf_free(&request->url);
    free(request->headers);
    free(request);
}

/* Nothing of it is pending any more. */
static void withdraw(struct request *request)
{
    transport_cancel(homeserver_transport(request->homeserver),
                     request->transfer);
    request->transfer = NULL;
    timer_cancel(request->timer);
    request->timer = NULL;
    homeserver_leave(request->homeserver, &request->turn);
    homeserver_leave(request->homeserver, &request->token);
}

void request_cancel(struct request *request)
{
    if (!request)
        return;
    withdraw(request);
    request_free(request);
}

static void finish(struct request *request, bool ok)
{
    struct reply reply = { 0 };

    withdraw(request);
    if (request->head) {
        reply.status = request->head->status;
        reply.body = buf_slice(&request->body);
        reply.head = request->head;
    }
    request->done(request->arg, request->head ? &reply : NULL,
                  ok ? NULL : &request->err);
    request_free(request);
}

/* Fills request->err; the text says which request it was. */
static void fault(struct request *request, const struct err *err)
{
    char name[sizeof(err->request)];

    request_name(request->options.method, request->options.path, name,
                 sizeof(name));
    request->err = *err;
    memcpy(request->err.request, name, sizeof(name));
    err_prefix(&request->err, "%s", name);
}

static int64_t time_left(const struct request *request)
{
    int64_t left =
        request->deadline - loop_now(homeserver_loop(request->homeserver));

    return left > 0 ? left : 0;
}

/* ---- waiting ----------------------------------------------------------- */

static void try_again(struct request *request);

static void on_time(void *arg)
{
    struct request *request = arg;

    request->timer = NULL;
    try_again(request);
}

static void on_deadline(void *arg)
{
    struct request *request = arg;

    request->timer = NULL;
    finish(request, false);
}

/* What it ends with must not read as a lost login. */
static void on_no_token(void *arg)
{
    struct request *request = arg;
    struct err err;

    request->timer = NULL;
    err_set(&err, ERR_TIMEOUT, "no new access token came in time");
    fault(request, &err);
    finish(request, false);
}

/* It is in a queue; but not for ever. */
static void limit_wait(struct request *request, int64_t ms, loop_fn *fn)
{
    timer_cancel(request->timer);
    request->timer = timer_start(homeserver_loop(request->homeserver), ms, fn,
                                 request, NULL);
}

/* Half of it fixed, half random: clients that failed together do not come
 * back together. */
static int64_t next_backoff(struct request *request)
{
    int64_t ms = LIMIT_RETRY_FIRST_MS;
    uint32_t random;

    for (int i = 0; i < request->backoffs && ms < LIMIT_RETRY_LAST_MS; i++)
        ms *= 2;
    if (ms > LIMIT_RETRY_LAST_MS)
        ms = LIMIT_RETRY_LAST_MS;
    request->backoffs++;
    digest_random(&random, sizeof(random));
    return ms / 2 + (int64_t)(random % (uint32_t)(ms / 2 + 1));
}

static bool may_wait(const struct request *request, int64_t ms)
{
    return !request->options.no_retry && ms < time_left(request);
}

static void retry_in(struct request *request, int64_t ms)
{
    if (!may_wait(request, ms)) {
        finish(request, false);
        return;
    }
    request->timer = timer_start(homeserver_loop(request->homeserver), ms,
                                 on_time, request, NULL);
    if (!request->timer)
        finish(request, false);
}

static void on_turn(void *arg, bool ok)
{
    struct request *request = arg;

    (void)ok;
    timer_cancel(request->timer);
    request->timer = NULL;
    try_again(request);
}

/* ok: there is a new token. */
static void on_token(void *arg, bool ok)
{
    struct request *request = arg;

    timer_cancel(request->timer);
    request->timer = NULL;
    if (ok)
        try_again(request);
    else
        finish(request, false);
}

/* In the queue of held sends. If the brake lasts longer than the request may,
 * it ends in the next turn: to wait would be in vain. */
static void wait_for_turn(struct request *request)
{
    int64_t now = loop_now(homeserver_loop(request->homeserver));
    int64_t brake = homeserver_brake_until(request->homeserver);
    struct err err;

    if (request->err.status != 429) {
        err_set(&err, ERR_MATRIX,
                "M_LIMIT_EXCEEDED: the server has asked for a pause in "
                "sending");
        err.status = 429;
        memcpy(err.errcode, "M_LIMIT_EXCEEDED", sizeof("M_LIMIT_EXCEEDED"));
        err.retry_after_ms = brake > now ? brake - now : -1;
        err.unknown = request->unknown;
        fault(request, &err);
    }
    limit_wait(request, brake > request->deadline ? 0 : time_left(request),
               on_deadline);
}

/* ---- replies ----------------------------------------------------------- */

static void on_head(void *arg, const struct http_head *head)
{
    struct request *request = arg;

    request->head = http_head_dup(head);
}

static bool on_body(void *arg, struct slice piece)
{
    struct request *request = arg;

    if (!request->head)
        return false;
    if (request->options.piece && request->head->status / 100 == 2)
        return request->options.piece(request->arg, piece);
    return buf_add(&request->body, piece) == 0;
}

static void on_failure(struct request *request, const struct err *cause)
{
    bool lost = cause->kind == ERR_NETWORK || cause->kind == ERR_TIMEOUT;
    struct err err = *cause;

    if (err.kind == ERR_CANCELLED) { /* by on_body */
        err_set(&err, ERR_LIMIT, "the reply is more than can be taken");
        err.unknown = cause->unknown;
    }
    forget_reply(request);
    request->unknown = request->unknown || err.unknown;
    err.unknown = request->unknown;
    fault(request, &err);
    if (lost &&
        (request->options.repeat == REQUEST_REPEAT || !request->unknown))
        retry_in(request, next_backoff(request));
    else
        finish(request, false);
}

static void on_unsound(struct request *request, const struct err *cause)
{
    struct err err = *cause;

    err_prefix(&err, "the reply is damaged");
    err.status = request->head->status;
    err.unknown = request->options.repeat == REQUEST_ONCE;
    fault(request, &err);
    /* cut short without a length, a reply ends like a whole one */
    if (request->options.repeat == REQUEST_REPEAT &&
        ++request->json_tries < TRIES_JSON) {
        retry_in(request, next_backoff(request));
        return;
    }
    finish(request, false);
}

static void on_success(struct request *request)
{
    struct err err;

    if (request->authorized)
        homeserver_accepted(request->homeserver);
    if (!request->options.piece &&
        json_check(buf_slice(&request->body), &err) < 0)
        on_unsound(request, &err);
    else
        finish(request, true);
}

static bool is_about_token(const struct request *request)
{
    struct slice body = buf_slice(&request->body);

    if (request->head->status != 401 || !request->authorized)
        return false;
    /* interactive authentication: the caller's matter, whatever its code */
    if (json_check(body, NULL) == 0 && json_get(body, "flows").ptr)
        return false;
    return strcmp(request->err.errcode, "M_USER_LOCKED") == 0 ||
           strcmp(request->err.errcode, "M_UNKNOWN_TOKEN") == 0;
}

static void on_refused_token(struct request *request)
{
    struct homeserver *homeserver = request->homeserver;

    if (++request->token_tries >= TRIES_TOKEN) {
        finish(request, false);
        return;
    }
    /* another request's 401 has brought a new token meanwhile */
    if (request->token_version != homeserver_token_version(homeserver) &&
        homeserver_has_token(homeserver)) {
        try_again(request);
        return;
    }
    if (!homeserver_refused(homeserver, &request->err, &request->token)) {
        finish(request, false);
        return;
    }
    limit_wait(request, time_left(request), on_no_token);
}

static void on_limited(struct request *request)
{
    int64_t ms = request->err.retry_after_ms;

    if (ms < LIMIT_RETRY_FIRST_MS / 10) /* none named, or as good as none */
        ms = next_backoff(request);
    if (!request->options.send) {
        retry_in(request, ms);
        return;
    }
    homeserver_brake(request->homeserver, ms, &request->turn);
    if (may_wait(request, ms))
        try_again(request); /* that is: queue up */
    else
        finish(request, false);
}

static void on_error_status(struct request *request)
{
    int status = request->head->status;
    struct err err;

    request_read_error(status, request->head, buf_slice(&request->body),
                       loop_wall(homeserver_loop(request->homeserver)), &err);
    /* a proxy's word, not the homeserver's */
    err.unknown = status >= 500 && !err.errcode[0];
    fault(request, &err);
    if (is_about_token(request)) {
        on_refused_token(request);
    } else if (status == 429) {
        on_limited(request);
    } else if (status >= 502 && status <= 504) {
        request->err.unknown = true;
        if (request->options.repeat == REQUEST_REPEAT)
            retry_in(request, next_backoff(request));
        else
            finish(request, false);
    } else {
        finish(request, false);
    }
}

static void on_done(void *arg, const struct err *err)
{
    struct request *request = arg;

    request->transfer = NULL;
    if (!err && !request->head) {
        err_set(&request->err, ERR_SYSTEM, "out of memory");
        err = &request->err;
    }
    /* a 429 gives its turn back itself, with the brake */
    if (err || request->head->status != 429)
        homeserver_leave(request->homeserver, &request->turn);
    if (err)
        on_failure(request, err);
    else if (request->head->status / 100 == 2)
        on_success(request);
    else
        on_error_status(request);
}

/* ---- tries ------------------------------------------------------------- */

static bool has_type(const struct request *request)
{
    for (size_t i = 0; i < request->options.header_count; i++) {
        struct slice name = request->headers[i].name;
        if (name.len == 12 && strncasecmp(name.ptr, "content-type", 12) == 0)
            return true;
    }
    return false;
}

static size_t fill_headers(struct request *request)
{
    struct slice authorization = homeserver_authorization(request->homeserver);
    size_t n = request->options.header_count;

    request->authorized = !request->options.anonymous && authorization.ptr;
    request->token_version = homeserver_token_version(request->homeserver);
    if (request->authorized)
        request->headers[n++] =
            (struct http_header) { slice_str("Authorization"), authorization };
    if (request->options.body.ptr && !has_type(request))
        request->headers[n++] =
            (struct http_header) { slice_str("Content-Type"),
                                   slice_str("application/json") };
    return n;
}

static int fill_url(struct request *request, struct err *err)
{
    const struct request_options *options = &request->options;

    buf_clear(&request->url);
    buf_adds(&request->url, homeserver_base(request->homeserver));
    buf_add(&request->url, options->path);
    if (options->query.len > 0) {
        buf_addc(&request->url, '?');
        buf_add(&request->url, options->query);
    }
    return buf_check(&request->url, "the URL", err);
}

static int start_try(struct request *request, struct err *err)
{
    static const struct http_handlers handlers = { on_head, on_body, on_done };
    const struct request_options *options = &request->options;
    struct homeserver *homeserver = request->homeserver;
    struct http_request http = {
        .method = options->method,
        .headers = request->headers,
        .header_count = fill_headers(request),
        .body = options->body,
        .total_ms = time_left(request),
        .stall_ms = options->stall_ms,
        .max_body = options->max_body,
        .allow_http = homeserver_allow_http(homeserver),
        .certificate = options->certificate,
    };

    forget_reply(request);
    if (fill_url(request, err) < 0)
        return -1;
    if (options->piece && request->tries > 0)
        options->piece(request->arg, SLICE_NONE);
    request->tries++;
    http.url = buf_slice(&request->url);
    request->transfer = transport_start(homeserver_transport(homeserver), &http,
                                        &handlers, request, err);
    return request->transfer ? 0 : -1;
}

/* From the loop only. */
static void try_again(struct request *request)
{
    struct err err;

    if (time_left(request) == 0) {
        finish(request, false);
        return;
    }
    if (request->options.send &&
        !homeserver_turn(request->homeserver, &request->turn)) {
        wait_for_turn(request);
        return;
    }
    if (start_try(request, &err) == 0)
        return;
    fault(request, &err);
    finish(request, false);
}

/* ---- starting ---------------------------------------------------------- */

static struct slice keep(struct request *request, struct slice bytes)
{
    char *to = request->kept.ptr + request->kept.len;

    if (!bytes.ptr)
        return SLICE_NONE;
    buf_add(&request->kept, bytes);
    buf_addc(&request->kept, '\0');
    return slice_make(to, bytes.len);
}

/* Copies all that the options point to into one block. */
static int keep_options(struct request *request,
                        const struct request_options *options)
{
    size_t size = strlen(options->method) + options->path.len +
                  options->query.len + options->body.len + 4;

    for (size_t i = 0; i < options->header_count; i++)
        size +=
            options->headers[i].name.len + options->headers[i].value.len + 2;
    request->headers =
        calloc(options->header_count + 2, sizeof(*request->headers));
    buf_init(&request->kept, size);
    /* room for all, so that nothing moves */
    if (!request->headers || !buf_reserve(&request->kept, size))
        return -1;
    request->options = *options;
    request->options.method = keep(request, slice_str(options->method)).ptr;
    request->options.path = keep(request, options->path);
    request->options.query = keep(request, options->query);
    request->options.body = keep(request, options->body);
    for (size_t i = 0; i < options->header_count; i++) {
        request->headers[i].name = keep(request, options->headers[i].name);
        request->headers[i].value = keep(request, options->headers[i].value);
    }
    return 0;
}

struct request *request_start(struct homeserver *homeserver,
                              const struct request_options *options,
                              request_done_fn *done, void *arg, struct err *err)
{
    struct request *request = calloc(1, sizeof(*request));
    struct err cause;

    if (!request)
        goto no_memory;
    request->homeserver = homeserver;
    request->done = done;
    request->arg = arg;
    homeserver_wait_init(&request->turn, on_turn, request);
    homeserver_wait_init(&request->token, on_token, request);
    buf_init(&request->url, LIMIT_HTTP_URL);
    /* of a stream only errors are collected */
    buf_init(&request->body, options->max_body && !options->piece
                                 ? options->max_body
                                 : LIMIT_HTTP_BODY);
    if (keep_options(request, options) < 0)
        goto no_memory;
    request->deadline =
        loop_now(homeserver_loop(homeserver)) +
        (options->timeout_ms ? options->timeout_ms : LIMIT_HTTP_TOTAL_MS);
    if (options->send && !homeserver_turn(homeserver, &request->turn)) {
        wait_for_turn(request);
        return request;
    }
    if (start_try(request, &cause) == 0)
        return request;
    fault(request, &cause);
    if (err)
        *err = request->err;
    request_cancel(request);
    return NULL;

no_memory:
    if (request)
        request_free(request);
    err_set(err, ERR_SYSTEM, "%s %.*s: out of memory", options->method,
            SLICE_ARG(options->path));
    return NULL;
}
