/* layer: matrix */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "digest.h"
#include "homeserver.h"
#include "limits.h"
#include "loop.h"
#include "request.h"
#include "transport_fake.h"

#define SEND "/_matrix/client/v3/rooms/%21a%3Ab/send/m.room.message/t1"
#define LIMITED                                                                \
    "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"error\":\"Too Many Requests\"}"

struct rig {
    struct loop *loop;
    struct fake *fake;
    struct homeserver *homeserver;
    char order[256]; /* one letter for each request that ended */
};

struct call {
    struct rig *rig;
    char letter;
    struct request *request;
    int done;
    bool ok;
    struct err err;
    int status;
    struct buf body, pieces;
    int restarts;
    bool refuse;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    digest_seed(7);
    rig->loop = loop_new(LOOP_VIRTUAL, NULL);
    rig->fake = fake_new(rig->loop);
    rig->homeserver =
        homeserver_new(rig->loop, &rig->fake->transport,
                       slice_str("https://hs.test/"), false, NULL);
    assert_non_null(rig->homeserver);
    homeserver_set_token(rig->homeserver, slice_str("tok1"), NULL);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    loop_advance(rig->loop, 0);
    homeserver_free(rig->homeserver);
    fake_end(rig->fake);
    assert_int_equal(loop_pending(rig->loop), 0);
    loop_free(rig->loop);
    digest_seed(0);
    free(rig);
    return 0;
}

static void on_done(void *arg, const struct reply *reply, const struct err *err)
{
    struct call *call = arg;
    size_t len = strlen(call->rig->order);

    call->request = NULL;
    call->done++;
    call->ok = !err;
    if (err)
        call->err = *err;
    call->status = reply ? reply->status : 0;
    buf_clear(&call->body);
    if (reply)
        buf_add(&call->body, reply->body);
    if (call->letter)
        call->rig->order[len] = call->letter;
}

static bool on_piece(void *arg, struct slice piece)
{
    struct call *call = arg;

    if (!piece.ptr) {
        call->restarts++;
        buf_clear(&call->pieces);
        return true;
    }
    buf_add(&call->pieces, piece);
    return !call->refuse;
}

static void start(struct rig *rig, struct call *call,
                  const struct request_options *options)
{
    call->rig = rig;
    buf_init(&call->body, LIMIT_HTTP_BODY);
    buf_init(&call->pieces, LIMIT_HTTP_BODY);
    call->request =
        request_start(rig->homeserver, options, on_done, call, &call->err);
    assert_non_null(call->request);
    assert_int_equal(call->done, 0);
}

static void clear(struct call *call)
{
    buf_free(&call->body);
    buf_free(&call->pieces);
}

static struct request_options get(const char *path)
{
    return (struct request_options) { .method = "GET",
                                      .path = slice_str(path) };
}

static struct request_options put(const char *path)
{
    return (struct request_options) { .method = "PUT",
                                      .path = slice_str(path),
                                      .body = slice_str("{\"a\":1}"),
                                      .send = true };
}

static struct request_options post(const char *path)
{
    return (struct request_options) { .method = "POST",
                                      .path = slice_str(path),
                                      .body = slice_str("{}"),
                                      .repeat = REQUEST_ONCE };
}

/* Runs one request to its end. */
static void run(struct rig *rig, struct call *call,
                const struct request_options *options)
{
    start(rig, call, options);
    loop_advance(rig->loop, 3600 * 1000);
    assert_int_equal(call->done, 1);
}

static void request_carries_token_type_and_query(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    const struct http_header extra = { slice_str("X-A"), slice_str("b") };
    struct request_options options = put(SEND);

    options.query = slice_str("a=b");
    options.headers = &extra;
    options.header_count = 1;
    fake_on(rig->fake, "PUT", "https://hs.test" SEND "?a=b",
            (struct fake_reply) { .body = "{\"event_id\":\"$1\"}" });
    run(rig, &call, &options);
    assert_true(call.ok);
    assert_int_equal(call.status, 200);
    assert_string_equal(buf_str(&call.body), "{\"event_id\":\"$1\"}");
    assert_string_equal(fake_header(&rig->fake->seen[0], "authorization"),
                        "Bearer tok1");
    assert_string_equal(fake_header(&rig->fake->seen[0], "content-type"),
                        "application/json");
    assert_string_equal(fake_header(&rig->fake->seen[0], "x-a"), "b");
    assert_string_equal(rig->fake->seen[0].body, "{\"a\":1}");
    clear(&call);
}

static void anonymous_request_carries_no_token(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    struct request_options options = get("/_matrix/client/versions");

    options.anonymous = true;
    fake_on(rig->fake, "GET", "/versions",
            (struct fake_reply) { .body = "{}" });
    run(rig, &call, &options);
    assert_string_equal(rig->fake->seen[0].headers, "");
    clear(&call);
}

/* One try, and what it ends with. */
static void error_replies(void **state)
{
    static const struct {
        struct fake_reply reply;
        enum err_kind kind;
        const char *errcode, *text;
        bool soft_logout;
    } cases[] = {
        { { .status = 403,
            .body = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"You don't have "
                    "permission\"}" },
          ERR_MATRIX,
          "M_FORBIDDEN",
          "PUT /rooms/!a:b/send/m.room.message: M_FORBIDDEN: You don't have "
          "permission",
          false },
        { { .status = 400, .body = "{\"errcode\":\"M_NEW_CODE\"}" },
          ERR_MATRIX,
          "M_NEW_CODE",
          ": M_NEW_CODE",
          false },
        { { .status = 400,
            .body = "{\"error\":\"invalid_grant\",\"error_description\":\"it "
                    "is old\"}" },
          ERR_MATRIX,
          "invalid_grant",
          ": invalid_grant: it is old",
          false },
        { { .status = 404, .body = "<html>" },
          ERR_HTTP,
          "",
          ": the server answered with HTTP status 404",
          false },
        { { .status = 404, .body = "{\"error\":\"no such thing\"}" },
          ERR_HTTP,
          "",
          "404: no such thing",
          false },
        { { .status = 500, .body = "{\"errcode\":7,\"error\":[]}" },
          ERR_HTTP,
          "",
          "500",
          false },
        { { .status = 500, .body = "" }, ERR_HTTP, "", "500", false },
        { { .status = 302, .headers = "location: /x" },
          ERR_HTTP,
          "",
          "302",
          false },
        { { .status = 400, .body = "{\"errcode\":\"\\u0007\\u0000\"}" },
          ERR_HTTP,
          "",
          "400",
          false },
        { { .status = 401,
            .body = "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}" },
          ERR_MATRIX,
          "M_UNKNOWN_TOKEN",
          "",
          true },
        { { .status = 401, .body = "{\"flows\":[],\"session\":\"x\"}" },
          ERR_HTTP,
          "",
          "further steps",
          false },
        { { .status = 401,
            .body = "{\"flows\":[],\"errcode\":\"M_FORBIDDEN\"}" },
          ERR_MATRIX,
          "M_FORBIDDEN",
          "",
          false },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct call call = { 0 };
        struct request_options options = put(SEND);
        fake_on(rig->fake, "PUT", SEND, cases[i].reply);
        run(rig, &call, &options);
        assert_false(call.ok);
        assert_int_equal(call.err.kind, cases[i].kind);
        assert_string_equal(call.err.errcode, cases[i].errcode);
        assert_int_equal(call.err.status, cases[i].reply.status);
        assert_int_equal(call.status, cases[i].reply.status);
        assert_string_equal(call.err.request,
                            "PUT /rooms/!a:b/send/m.room.message");
        if (!strstr(call.err.text, cases[i].text))
            fail_msg("%s", call.err.text);
        assert_int_equal(call.err.soft_logout, cases[i].soft_logout);
        assert_int_equal(call.err.retry_after_ms, -1);
        assert_string_equal(buf_str(&call.body),
                            cases[i].reply.body ? cases[i].reply.body : "");
        clear(&call);
    }
    assert_int_equal(rig->fake->count, sizeof(cases) / sizeof(*cases));
}

static void names_are_short_and_readable(void **state)
{
    static const struct {
        const char *path, *name;
    } cases[] = {
        { "/_matrix/client/v3/sync", "GET /sync" },
        { "/_matrix/client/versions", "GET /versions" },
        { "/_matrix/media/v3/upload", "GET /media/upload" },
        { "/_matrix/client/unstable/org.x/y", "GET /org.x/y" },
        { "/_matrix/client/v3/rooms/%21a%3Ab/redact/%24e%2Ff/txn",
          "GET /rooms/!a:b/redact/$e/f" },
        { "/_matrix/client/v3/sendToDevice/m.x/txn", "GET /sendToDevice/m.x" },
        { "/_matrix/client/v3/directory/room/%23%C3%A4%0A%00%25:b",
          "GET /directory/room/#%C3%A4%0A%00%:b" },
        { "/other", "GET /other" },
        { "/_matrix/client/v3/x/%4", "GET /x/%4" },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct call call = { 0 };
        struct request_options options = get(cases[i].path);
        fake_on(rig->fake, "GET", cases[i].path,
                (struct fake_reply) { .status = 400 });
        run(rig, &call, &options);
        assert_string_equal(call.err.request, cases[i].name);
        clear(&call);
    }
}

/* How often a failure is tried, and whether the outcome is unknown. */
static void tries(void **state)
{
    static const struct {
        struct fake_reply reply;
        bool once, no_retry;
        int more; /* tries beyond the first: 0 none, 1 at least one */
        enum err_kind kind;
        bool unknown;
    } cases[] = {
        { { .fault = FAKE_REFUSED }, false, false, 1, ERR_NETWORK, false },
        { { .fault = FAKE_REFUSED }, true, false, 1, ERR_NETWORK, false },
        { { .fault = FAKE_REFUSED }, false, true, 0, ERR_NETWORK, false },
        { { .fault = FAKE_LOST }, false, false, 1, ERR_NETWORK, true },
        { { .fault = FAKE_LOST }, true, false, 0, ERR_NETWORK, true },
        { { .fault = FAKE_CUT, .body = "{}", .cut = 1 },
          false,
          false,
          1,
          ERR_NETWORK,
          true },
        { { .fault = FAKE_CUT, .body = "{}", .cut = 1 },
          true,
          false,
          0,
          ERR_NETWORK,
          true },
        { { .fault = FAKE_SILENT }, false, false, 1, ERR_TIMEOUT, true },
        { { .fault = FAKE_SILENT }, true, false, 0, ERR_TIMEOUT, true },
        { { .status = 502 }, false, false, 1, ERR_HTTP, true },
        { { .status = 502 }, true, false, 0, ERR_HTTP, true },
        { { .status = 503 }, false, false, 1, ERR_HTTP, true },
        { { .status = 504 }, false, true, 0, ERR_HTTP, true },
        { { .status = 500 }, false, false, 0, ERR_HTTP, true },
        { { .status = 500, .body = "{\"errcode\":\"M_UNKNOWN\"}" },
          true,
          false,
          0,
          ERR_MATRIX,
          false },
        { { .status = 429 }, false, false, 1, ERR_HTTP, false },
        { { .status = 429, .body = LIMITED },
          true,
          false,
          1,
          ERR_MATRIX,
          false },
        { { .status = 429, .body = LIMITED },
          true,
          true,
          0,
          ERR_MATRIX,
          false },
        { { .status = 404 }, false, false, 0, ERR_HTTP, false },
        { { .status = 408 }, false, false, 0, ERR_HTTP, false },
        { { .status = 413 }, false, false, 0, ERR_HTTP, false },
        { { .body = "" }, false, false, 1, ERR_JSON, false },
        { { .body = "{\"a\":" }, false, false, 1, ERR_JSON, false },
        { { .body = "{} trailing" }, true, false, 0, ERR_JSON, true },
        { { .body = "\xef\xbb\xbf{}" }, false, true, 0, ERR_JSON, false },
        { { .status = 204 }, true, false, 0, ERR_JSON, true },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct call call = { 0 };
        struct request_options options = post("/_matrix/client/v3/join/x");
        struct fake_reply reply = cases[i].reply;
        int before = rig->fake->count, count;
        int64_t started = loop_now(rig->loop);
        if (!cases[i].once)
            options.repeat = REQUEST_REPEAT;
        options.no_retry = cases[i].no_retry;
        reply.times = -1;
        fake_on(rig->fake, "POST", "/join", reply);
        run(rig, &call, &options);
        count = rig->fake->count - before;
        if (call.ok || call.err.kind != cases[i].kind ||
            call.err.unknown != cases[i].unknown ||
            (count > 1) != cases[i].more)
            fail_msg("case %zu: %d tries, %s, unknown %d: %s", i, count,
                     err_kind_name(call.err.kind), call.err.unknown,
                     call.err.text);
        for (int n = before; n < rig->fake->count; n++) {
            assert_string_equal(rig->fake->seen[n].body, "{}");
            assert_true(rig->fake->seen[n].at - started <= LIMIT_HTTP_TOTAL_MS);
            assert_true(rig->fake->seen[n].total_ms <=
                        LIMIT_HTTP_TOTAL_MS -
                            (rig->fake->seen[n].at - started));
        }
        assert_int_equal(call.status != 0, cases[i].reply.fault == FAKE_NONE);
        clear(&call);
        /* the rule stays for ever: make the next one win */
        list_each(node, &rig->fake->rules)
            list_entry(node, struct fake_rule, node)
                ->left = 0;
    }
}

static void outage_heals(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    struct request_options options = put(SEND);

    fake_on(rig->fake, "PUT", SEND, (struct fake_reply) { .fault = FAKE_LOST });
    fake_on(rig->fake, "PUT", SEND, (struct fake_reply) { .status = 502 });
    fake_on(rig->fake, "PUT", SEND,
            (struct fake_reply) { .body = "[1", .body_len = 2 });
    fake_on(rig->fake, "PUT", SEND, (struct fake_reply) { .body = "[1]" });
    run(rig, &call, &options);
    assert_true(call.ok);
    assert_string_equal(buf_str(&call.body), "[1]");
    clear(&call);
}

static void backoff_is_polite_and_jittered(void **state)
{
    int64_t firsts[8];
    struct rig *rig = *state;
    int differing = 0;

    for (int run_no = 0; run_no < 8; run_no++) {
        struct call call = { 0 };
        struct request_options options = get("/_matrix/client/v3/sync");
        int before = rig->fake->count, first_minute = 0;
        options.timeout_ms = 10 * 60 * 1000;
        fake_on(rig->fake, "GET", "/sync",
                (struct fake_reply) { .fault = FAKE_REFUSED, .times = -1 });
        run(rig, &call, &options);
        for (int i = before; i < rig->fake->count; i++) {
            struct fake_seen *seen = &rig->fake->seen[i];
            int64_t gap = i > before ? seen->at - seen[-1].at : 0, most = 1000;
            first_minute += seen->at - rig->fake->seen[before].at < 60000;
            for (int n = before + 1; n < i && most < 60000; n++)
                most *= 2;
            if (most > 60000)
                most = 60000;
            if (i > before)
                assert_true(gap >= most / 2 && gap <= most);
        }
        assert_in_range(first_minute, 4, 12);
        assert_in_range(rig->fake->count - before, 12, 30);
        firsts[run_no] =
            rig->fake->seen[before + 1].at - rig->fake->seen[before].at;
        differing += run_no > 0 && firsts[run_no] != firsts[0];
        clear(&call);
    }
    assert_true(differing >= 5);
}

/* The wait a 429 asks for, in all its forms. */
static void limits_are_obeyed(void **state)
{
    static const struct {
        const char *headers, *body;
        int64_t ms; /* -1: our own back-off */
    } cases[] = {
        { "retry-after: 7", NULL, 7000 },
        { "retry-after: 7",
          "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":123}", 7000 },
        { NULL, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":1234}",
          1234 },
        { "retry-after: @DATE+90@", NULL, 90000 },
        { "retry-after: @DATE-90@", NULL, -1 },
        { "retry-after: 0", NULL, -1 },
        { "retry-after: 99999999999999999999999", NULL, 600000 },
        { "retry-after: Fri, 01 Jan 2999 00:00:00 GMT", NULL, 600000 },
        { "retry-after: soon", "{\"retry_after_ms\":2000}", 2000 },
        { "retry-after: -5", NULL, -1 },
        { "retry-after: 1e3", NULL, -1 },
        { "retry-after: ", NULL, -1 },
        { NULL, "{\"retry_after_ms\":-5}", -1 },
        { NULL, "{\"retry_after_ms\":1e300}", -1 },
        { NULL, "{\"retry_after_ms\":\"5\"}", -1 },
        { NULL, "{\"retry_after_ms\":999999999999}", 600000 },
        { NULL, "<html>", -1 },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct call call = { 0 };
        struct request_options options = get("/_matrix/client/v3/x");
        struct fake_reply reply = { .status = 429, .body = cases[i].body };
        char headers[128];
        const char *mark =
            cases[i].headers ? strstr(cases[i].headers, "@DATE") : NULL;
        int n = rig->fake->count;
        int64_t waited;
        reply.headers = cases[i].headers;
        if (mark) {
            time_t then = (time_t)(loop_wall(rig->loop) / 1000 +
                                   strtol(mark + 5, NULL, 10));
            struct tm tm;
            strftime(headers, sizeof(headers),
                     "retry-after: %a, %d %b %Y %H:%M:%S GMT",
                     gmtime_r(&then, &tm));
            reply.headers = headers;
        }
        options.timeout_ms = 3000 * 1000;
        fake_on(rig->fake, "GET", "/x", reply);
        fake_on(rig->fake, "GET", "/x", (struct fake_reply) { .body = "{}" });
        run(rig, &call, &options);
        assert_true(call.ok);
        waited = rig->fake->seen[n + 1].at - rig->fake->seen[n].at;
        if (cases[i].ms < 0
                ? waited < 500 || waited > 1000
                : waited < cases[i].ms - 1000 || waited > cases[i].ms)
            fail_msg("case %zu: waited %d ms", i, (int)waited);
        assert_int_equal(homeserver_brake_until(rig->homeserver), 0);
        clear(&call);
    }
}

static void wait_longer_than_the_timeout_ends_at_once(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    struct request_options options = get("/_matrix/client/v3/x");

    fake_on(rig->fake, "GET", "/x",
            (struct fake_reply) {
                .status = 429, .headers = "retry-after: 61", .body = LIMITED });
    start(rig, &call, &options);
    loop_advance(rig->loop, 0);
    assert_int_equal(call.done, 1);
    assert_int_equal(call.err.retry_after_ms, 61000);
    assert_string_equal(call.err.errcode, "M_LIMIT_EXCEEDED");
    clear(&call);
}

/* ---- the brake --------------------------------------------------------- */

/* A server that lets `burst` sends through, then one each 5 s. */
struct limiter {
    struct rig *rig;
    int64_t next;
    int burst, refused;
};

static bool limit(void *arg, const struct fake_seen *seen,
                  struct fake_reply *reply)
{
    struct limiter *limiter = arg;
    int64_t now = loop_now(limiter->rig->loop);

    reply->body = "{}";
    reply->delay_ms = 20;
    if (strcmp(seen->method, "PUT") != 0)
        return true;
    if (limiter->burst > 0) {
        limiter->burst--;
        return true;
    }
    if (now >= limiter->next) {
        limiter->next = now + 5000;
        return true;
    }
    limiter->refused++;
    reply->status = 429;
    reply->headers = "retry-after: 5";
    reply->body = LIMITED;
    return true;
}

static void brake_keeps_order_and_reads_go_on(void **state)
{
    enum { SENDS = 20 };
    struct rig *rig = *state;
    struct limiter limiter = { .rig = rig, .next = 5000, .burst = 3 };
    struct call sends[SENDS] = { { 0 } }, read = { .letter = '*' };
    struct request_options options = put(SEND);
    struct request_options reading = get("/_matrix/client/v3/sync");

    limiter.next += loop_now(rig->loop);
    rig->fake->answer = limit;
    rig->fake->answer_arg = &limiter;
    options.timeout_ms = 3600 * 1000;
    for (int i = 0; i < SENDS; i++) {
        sends[i].letter = (char)('a' + i);
        start(rig, &sends[i], &options);
    }
    loop_advance(rig->loop, 1000);
    assert_string_equal(rig->order, "abc");
    assert_true(homeserver_brake_until(rig->homeserver) > 0);
    start(rig, &read, &reading);
    loop_advance(rig->loop, 100);
    assert_string_equal(rig->order, "abc*");
    loop_advance(rig->loop, 1800 * 1000);
    assert_string_equal(rig->order, "abc*defghijklmnopqrst");
    /* those under way when the brake came, then one probe for each that went */
    assert_in_range(limiter.refused, 17, 17 + 20);
    for (int i = 0; i < SENDS; i++) {
        assert_int_equal(sends[i].done, 1);
        assert_true(sends[i].ok);
        clear(&sends[i]);
    }
    clear(&read);
}

static void brake_survives_cancel_of_those_that_wait(void **state)
{
    struct rig *rig = *state;
    struct limiter limiter = { .rig = rig, .next = 0 };
    struct call sends[4] = { { 0 } };
    struct request_options options = put(SEND);

    limiter.next = loop_now(rig->loop) + 5000;
    rig->fake->answer = limit;
    rig->fake->answer_arg = &limiter;
    options.timeout_ms = 3600 * 1000;
    for (int i = 0; i < 4; i++) {
        sends[i].letter = (char)('a' + i);
        start(rig, &sends[i], &options);
    }
    loop_advance(rig->loop, 100);
    request_cancel(sends[1].request); /* held */
    loop_advance(rig->loop, 4930);    /* the first is on its way again */
    request_cancel(sends[0].request);
    loop_advance(rig->loop, 60000);
    assert_string_equal(rig->order, "cd");
    for (int i = 0; i < 4; i++)
        clear(&sends[i]);
}

static void held_send_ends_when_its_time_is_up(void **state)
{
    struct rig *rig = *state;
    struct call first = { 0 }, held = { 0 };
    struct request_options options = put(SEND);

    options.timeout_ms = 100000;
    fake_on(rig->fake, "PUT", SEND,
            (struct fake_reply) {
                .status = 429, .headers = "retry-after: 50", .body = LIMITED });
    fake_on(rig->fake, "PUT", SEND, (struct fake_reply) { .body = "{}" });
    start(rig, &first, &options);
    loop_advance(rig->loop, 10);
    options.timeout_ms = 20000; /* shorter than the brake */
    start(rig, &held, &options);
    loop_advance(rig->loop, 10);
    assert_int_equal(held.done, 1);
    assert_string_equal(held.err.errcode, "M_LIMIT_EXCEEDED");
    assert_int_equal(held.err.status, 429);
    assert_in_range(held.err.retry_after_ms, 49000, 50000);
    assert_false(held.err.unknown);
    loop_advance(rig->loop, 50000);
    assert_true(first.ok);
    clear(&first);
    clear(&held);
}

/* ---- 401 --------------------------------------------------------------- */

struct keeper { /* stands in for the session */
    struct rig *rig;
    int told, cleared;
    bool hold;
    struct err err;
};

static bool on_unauthorized(void *arg, const struct err *err)
{
    struct keeper *keeper = arg;

    if (!err) {
        keeper->cleared++;
        return false;
    }
    keeper->told++;
    keeper->err = *err;
    return keeper->hold;
}

static bool check_token(void *arg, const struct fake_seen *seen,
                        struct fake_reply *reply)
{
    (void)arg;
    reply->delay_ms = 10;
    reply->body = "{}";
    if (strcmp(fake_header(seen, "authorization"), "Bearer tok1") == 0) {
        reply->status = 401;
        reply->body = "{\"errcode\":\"M_UNKNOWN_TOKEN\"}";
    }
    return true;
}

static void requests_wait_for_a_new_token(void **state)
{
    struct rig *rig = *state;
    struct keeper keeper = { .rig = rig, .hold = true };
    struct call calls[4] = { { 0 } };
    struct request_options options = post("/_matrix/client/v3/x");

    rig->fake->answer = check_token;
    homeserver_on_unauthorized(rig->homeserver, on_unauthorized, &keeper);
    for (int i = 0; i < 3; i++)
        start(rig, &calls[i], &options);
    loop_advance(rig->loop, 5);
    start(rig, &calls[3], &options);
    loop_advance(rig->loop, 5);
    assert_int_equal(keeper.told, 3);
    homeserver_set_token(rig->homeserver, slice_str("tok2"), NULL);
    homeserver_resume(rig->homeserver, true);
    loop_advance(rig->loop, 100);
    for (int i = 0; i < 4; i++) {
        assert_true(calls[i].ok);
        clear(&calls[i]);
    }
    /* the late one met its 401 after the change: no second complaint */
    assert_int_equal(keeper.told, 3);
    assert_int_equal(keeper.cleared, 1);
    assert_int_equal(rig->fake->count, 8);
}

static void other_401_are_the_callers(void **state)
{
    static const char *const bodies[] = {
        "{\"flows\":[],\"errcode\":\"M_UNKNOWN_TOKEN\"}",
        "{\"errcode\":\"M_MISSING_TOKEN\"}",
        "{\"errcode\":\"M_FORBIDDEN\"}",
        "nothing",
    };
    struct rig *rig = *state;
    struct keeper keeper = { .rig = rig, .hold = true };

    homeserver_on_unauthorized(rig->homeserver, on_unauthorized, &keeper);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct call call = { 0 };
        struct request_options options = post("/_matrix/client/v3/x");
        fake_on(rig->fake, "POST", "/x",
                (struct fake_reply) { .status = 401, .body = bodies[i] });
        run(rig, &call, &options);
        assert_int_equal(call.err.status, 401);
        assert_int_equal(keeper.told, 0);
        clear(&call);
    }
}

static void refused_token_ends_or_times_out(void **state)
{
    struct rig *rig = *state;
    struct keeper keeper = { .rig = rig };
    struct request_options options = post("/_matrix/client/v3/x");

    rig->fake->answer = check_token;
    homeserver_on_unauthorized(rig->homeserver, on_unauthorized, &keeper);
    for (int way = 0; way < 4; way++) {
        struct call call = { 0 };
        keeper.hold = way > 0;
        start(rig, &call, &options);
        loop_advance(rig->loop, 50);
        assert_int_equal(call.done, way == 0);
        if (way == 1)
            homeserver_resume(rig->homeserver, false);
        if (way == 2)
            loop_advance(rig->loop, 60000);
        if (way == 3) {
            request_cancel(call.request);
            homeserver_resume(rig->homeserver, true);
        }
        assert_int_equal(call.done, way < 3);
        if (way == 2)
            assert_int_equal(call.err.kind, ERR_TIMEOUT);
        else if (way < 2)
            assert_string_equal(call.err.errcode, "M_UNKNOWN_TOKEN");
        clear(&call);
    }
    assert_int_equal(keeper.told, 4);
}

static void server_that_refuses_every_token_ends_it(void **state)
{
    struct rig *rig = *state;
    struct keeper keeper = { .rig = rig, .hold = true };
    struct call call = { 0 };
    struct request_options options = post("/_matrix/client/v3/x");

    rig->fake->answer = check_token;
    homeserver_on_unauthorized(rig->homeserver, on_unauthorized, &keeper);
    start(rig, &call, &options);
    for (int i = 0; i < 10 && !call.done; i++) {
        loop_advance(rig->loop, 50);
        homeserver_resume(rig->homeserver, true);
    }
    assert_int_equal(call.done, 1);
    assert_in_range(rig->fake->count, 2, 4);
    clear(&call);
}

/* ---- streams, limits, cancelling --------------------------------------- */

static void stream_starts_over_on_a_new_try(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    struct request_options options = get("/_matrix/client/v3/sync");

    options.piece = on_piece;
    options.max_body = LIMIT_SYNC_BODY;
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) { .status = 503, .body = "no" });
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) {
                .body = "{\"a\":1}", .piece = 1, .fault = FAKE_CUT, .cut = 4 });
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) { .body = "{\"b\":2}", .piece = 2 });
    run(rig, &call, &options);
    assert_true(call.ok);
    assert_int_equal(call.restarts, 2);
    assert_string_equal(buf_str(&call.pieces), "{\"b\":2}");
    assert_int_equal(call.body.len, 0);
    clear(&call);
}

static void stream_reader_may_refuse(void **state)
{
    struct rig *rig = *state;
    struct call call = { .refuse = true };
    struct request_options options = get("/_matrix/client/v3/sync");

    options.piece = on_piece;
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) { .body = "{\"a\":1}", .piece = 3 });
    run(rig, &call, &options);
    assert_int_equal(call.err.kind, ERR_LIMIT);
    assert_int_equal(call.pieces.len, 3);
    clear(&call);
}

static void large_reply_is_refused(void **state)
{
    struct rig *rig = *state;
    struct call call = { 0 };
    struct request_options options = get("/_matrix/client/v3/x");

    options.max_body = 10;
    fake_on(rig->fake, "GET", "/x",
            (struct fake_reply) { .body = "[1,2,3,4,5,6,7]", .piece = 4 });
    run(rig, &call, &options);
    assert_int_equal(call.err.kind, ERR_LIMIT);
    assert_int_equal(call.status, 0);
    clear(&call);
}

static void cancel_is_silent_in_every_state(void **state)
{
    static const struct fake_reply replies[] = {
        { .delay_ms = 10, .body = "{}" },
        { .fault = FAKE_SILENT },
        { .fault = FAKE_REFUSED },
        { .status = 503 },
        { .status = 429 },
        { .body = "{}", .piece = 1, .gap_ms = 5 },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
        for (int ms = -1; ms < 8; ms++) {
            struct call call = { 0 };
            struct request_options options = put(SEND);
            struct fake_reply reply = replies[i];
            reply.times = -1;
            fake_on(rig->fake, "PUT", SEND, reply);
            loop_advance(rig->loop, 3600 * 1000); /* past the brake */
            start(rig, &call, &options);
            if (ms >= 0)
                loop_advance(rig->loop, ms);
            if (call.request)
                request_cancel(call.request);
            else
                assert_int_equal(call.done, 1);
            assert_int_equal(rig->fake->open, 0);
            clear(&call);
            list_each(node, &rig->fake->rules)
                list_entry(node, struct fake_rule, node)
                    ->left = 0;
        }
    }
    request_cancel(NULL);
}

static void base_and_token_are_checked(void **state)
{
    struct rig *rig = *state;
    struct err err;

    assert_int_equal(
        homeserver_set_base(rig->homeserver, slice_str("ftp://x"), &err), -1);
    assert_string_equal(homeserver_base(rig->homeserver), "https://hs.test");
    assert_int_equal(
        homeserver_set_token(rig->homeserver, slice_str("a\r\nb"), &err), -1);
    assert_true(homeserver_has_token(rig->homeserver));
    assert_int_equal(homeserver_set_token(rig->homeserver, SLICE_NONE, &err),
                     0);
    assert_false(homeserver_has_token(rig->homeserver));
    assert_null(homeserver_new(rig->loop, &rig->fake->transport,
                               slice_str("nonsense"), false, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_carries_token_type_and_query),
        TEST(anonymous_request_carries_no_token),
        TEST(error_replies),
        TEST(names_are_short_and_readable),
        TEST(tries),
        TEST(outage_heals),
        TEST(backoff_is_polite_and_jittered),
        TEST(limits_are_obeyed),
        TEST(wait_longer_than_the_timeout_ends_at_once),
        TEST(brake_keeps_order_and_reads_go_on),
        TEST(brake_survives_cancel_of_those_that_wait),
        TEST(held_send_ends_when_its_time_is_up),
        TEST(requests_wait_for_a_new_token),
        TEST(other_401_are_the_callers),
        TEST(refused_token_ends_or_times_out),
        TEST(server_that_refuses_every_token_ends_it),
        TEST(stream_starts_over_on_a_new_try),
        TEST(stream_reader_may_refuse),
        TEST(large_reply_is_refused),
        TEST(cancel_is_silent_in_every_state),
        TEST(base_and_token_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
