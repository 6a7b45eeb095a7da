/* layer: net */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "buf.h"
#include "http_server.h"
#include "limits.h"
#include "loop.h"
#include "transport_curl.h"
#include "url.h"

extern char **environ;

#define HELLO "hello hello hello hello"

static const unsigned char hello_gz[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
                                          0x00, 0x00, 0x02, 0x03, 0xcb, 0x48,
                                          0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40,
                                          0x27, 0x01, 0xe3, 0x51, 0x3d, 0x8d,
                                          0x17, 0x00, 0x00, 0x00 };

/* ---- the server's side ------------------------------------------------- */

/* A gzip stream of about 258 zero bytes for each 13 bits, without its end. */
static bool answer_bomb(struct connection *c)
{
    static unsigned char bomb[64 * 1024];
    static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3 };
    /* final fixed block, literal 0, then (length 258, distance 1) for ever */
    static const char start[] = "110"
                                "00110000",
                      again[] = "1100010100000";
    size_t bit = sizeof(head) * 8;

    memset(bomb, 0, sizeof(bomb));
    memcpy(bomb, head, sizeof(head));
    for (const char *p = start; *p; p++, bit++)
        bomb[bit / 8] |= (unsigned char)((*p - '0') << (bit % 8));
    while (bit + sizeof(again) < sizeof(bomb) * 8)
        for (const char *p = again; *p; p++, bit++)
            bomb[bit / 8] |= (unsigned char)((*p - '0') << (bit % 8));
    server_reply(c, 200, "Content-Encoding: gzip\r\n", bomb, sizeof(bomb));
    return false;
}

static bool answer_chunked(struct connection *c, int chunks)
{
    char chunk[1040];
    int n = snprintf(chunk, sizeof(chunk), "400\r\n%01024d\r\n", 0);

    server_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < chunks; i++)
        if (!server_write(c, chunk, (size_t)n))
            return false;
    return server_say(c, "0\r\nX-Trailer: late\r\n\r\n");
}

static bool answer_flood(struct connection *c, const char *line)
{
    while (server_say(c, line))
        ;
    return false;
}

static bool answer_drip(struct connection *c)
{
    server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000 && server_say(c, "x"); i++)
        server_pause(c, 10);
    return true;
}

static bool answer_redirect(struct connection *c, const char *to)
{
    char headers[2048];

    snprintf(headers, sizeof(headers), "Location: %s\r\n", to);
    return server_reply(c, 302, headers, "moved", 5);
}

static bool answer(struct connection *c)
{
    const char *at = c->target;

    if (strcmp(at, "/silent") == 0) {
        server_wait_gone(c);
        return false;
    }
    if (strcmp(at, "/close") == 0)
        return false;
    if (strcmp(at, "/head") == 0)
        return server_reply(c, 200, "X-Mixed: Case \r\nX-Empty:\r\n", c->text,
                            strlen(c->text));
    if (strcmp(at, "/gzip") == 0)
        return server_reply(c, 200, "Content-Encoding: gzip\r\n", hello_gz,
                            sizeof(hello_gz));
    if (strcmp(at, "/bomb") == 0)
        return answer_bomb(c);
    if (strncmp(at, "/chunked/", 9) == 0)
        return answer_chunked(c, atoi(at + 9));
    if (strcmp(at, "/cut") == 0) {
        server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        return false;
    }
    if (strcmp(at, "/stall") == 0) {
        server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        server_wait_gone(c);
        return false;
    }
    if (strcmp(at, "/drip") == 0)
        return answer_drip(c);
    if (strcmp(at, "/headers") == 0) {
        server_say(c, "HTTP/1.1 200 OK\r\n");
        return answer_flood(c, "X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    }
    if (strcmp(at, "/longline") == 0) {
        server_say(c, "HTTP/1.1 200 OK\r\nX-Long: ");
        return answer_flood(c, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    if (strcmp(at, "/1xx") == 0)
        return answer_flood(c, "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n");
    if (strcmp(at, "/103") == 0)
        server_say(c, "HTTP/1.1 103 Early Hints\r\nX-Hint: y\r\n\r\n");
    if (strcmp(at, "/loop") == 0)
        return answer_redirect(c, "/loop");
    if (strncmp(at, "/to?", 4) == 0)
        return answer_redirect(c, at + 4);
    if (strcmp(at, "/garbage") == 0) {
        server_say(c, "no http at all\r\n\r\n");
        return false;
    }
    return server_reply(c, 200, "", c->body, c->body_len);
}

/* ---- our side ---------------------------------------------------------- */

struct rig {
    struct loop *loop;
    struct transport *transport;
    struct server *server;
};

struct fetch {
    struct rig *rig;
    struct transfer *transfer;
    struct http_head *head;
    struct buf body;
    size_t read_most; /* the reader stops beyond that */
    int done;
    struct err err;
    bool failed, cancel_in_head, cancel_in_body, stop_loop;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    signal(SIGPIPE, SIG_IGN);
    assert_non_null(rig->loop = loop_new(LOOP_REAL, NULL));
    rig->server = server_new(answer);
    rig->transport = transport_curl_new(rig->loop, NULL);
    assert_non_null(rig->transport);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    transport_free(rig->transport);
    assert_int_equal(loop_pending(rig->loop), 0);
    loop_free(rig->loop);
    server_end(rig->server);
    free(rig);
    return 0;
}

static void cancel(struct fetch *fetch)
{
    struct transfer *transfer = fetch->transfer;

    fetch->transfer = NULL;
    transport_cancel(fetch->rig->transport, transfer);
}

static void on_head(void *arg, const struct http_head *head)
{
    struct fetch *fetch = arg;

    assert_null(fetch->head);
    assert_int_equal(fetch->body.len, 0);
    fetch->head = http_head_dup(head);
    if (fetch->cancel_in_head)
        cancel(fetch);
}

static bool on_piece(void *arg, struct slice piece)
{
    struct fetch *fetch = arg;

    assert_non_null(fetch->head);
    assert_int_equal(buf_add(&fetch->body, piece), 0);
    if (fetch->cancel_in_body)
        cancel(fetch);
    return !fetch->read_most || fetch->body.len <= fetch->read_most;
}

static void on_done(void *arg, const struct err *err)
{
    struct fetch *fetch = arg;

    fetch->transfer = NULL;
    fetch->done++;
    fetch->failed = err;
    if (err)
        fetch->err = *err;
    if (fetch->stop_loop)
        loop_stop(fetch->rig->loop);
}

static const struct http_handlers handlers = { on_head, on_piece, on_done };

static struct http_request to(struct rig *rig, char url[128],
                              const char *method, const char *path)
{
    struct http_request request = { .method = method };

    snprintf(url, 128, "http://127.0.0.1:%d%s", rig->server->port, path);
    request.url = slice_str(url);
    return request;
}

static void start(struct rig *rig, struct fetch *fetch,
                  const struct http_request *request)
{
    fetch->rig = rig;
    buf_init(&fetch->body, MIB(64));
    fetch->transfer =
        transport_start(rig->transport, request, &handlers, fetch, &fetch->err);
    assert_non_null(fetch->transfer);
    assert_int_equal(fetch->done, 0);
}

static void clear(struct fetch *fetch)
{
    buf_free(&fetch->body);
    free(fetch->head);
}

static void too_long(void *arg)
{
    (void)arg;
    fail_msg("nothing happened for 30 s");
}

static void run(struct rig *rig, struct fetch *fetch)
{
    struct timer *guard = timer_start(rig->loop, 30000, too_long, NULL, NULL);

    fetch->stop_loop = true;
    loop_run(rig->loop);
    timer_cancel(guard);
    assert_int_equal(fetch->done, 1);
}

static void fetch(struct rig *rig, struct fetch *fetch,
                  const struct http_request *request)
{
    start(rig, fetch, request);
    run(rig, fetch);
}

/* A run of the loop that lasts ms. */
static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(struct rig *rig, int ms)
{
    timer_start(rig->loop, ms, stop, rig->loop, NULL);
    loop_run(rig->loop);
}

/* ---- tests ------------------------------------------------------------- */

static void request_goes_out_as_it_was_given(void **state)
{
    const struct http_header headers[] = {
        { slice_str("Authorization"), slice_str("Bearer abc") },
        { slice_str("X-Empty"), slice_str("") },
    };
    struct fetch got = { 0 };
    struct rig *rig = *state;
    char url[128];
    struct http_request request = to(rig, url, "PUT", "/head");

    request.body = slice_str("{\"a\":1}");
    request.headers = headers;
    request.header_count = 2;
    fetch(rig, &got, &request);
    assert_false(got.failed);
    assert_int_equal(got.head->status, 200);
    assert_true(slice_is(http_head_get(got.head, "x-mixed"), "Case"));
    assert_true(slice_is(http_head_get(got.head, "x-empty"), ""));
    assert_non_null(strstr(buf_str(&got.body), "PUT /head HTTP/1.1\r\n"));
    assert_non_null(
        strstr(buf_str(&got.body), "Authorization: Bearer abc\r\n"));
    assert_non_null(strstr(buf_str(&got.body), "X-Empty:\r\n"));
    assert_non_null(strstr(buf_str(&got.body), "Content-Length: 7\r\n"));
    assert_non_null(strstr(buf_str(&got.body), "User-Agent: lunatrix/"));
    assert_non_null(strstr(buf_str(&got.body), "gzip"));
    assert_null(strstr(buf_str(&got.body), "Expect"));
    assert_null(strstr(buf_str(&got.body), "Content-Type"));
    clear(&got);
}

static void methods_bodies_and_dots(void **state)
{
    static const struct {
        const char *method, *path, *body, *back;
    } cases[] = {
        { "GET", "/x/../head", NULL, "" },
        { "POST", "/x", "{}", "{}" },
        { "POST", "/x", NULL, "" },
        { "PUT", "/x%2E%2E/%2F", "{}", "{}" },
        { "DELETE", "/x", NULL, "" },
        { "DELETE", "/x", "{}", "{}" },
        { "HEAD", "/x", NULL, "" },
        { "OPTIONS", "/x", NULL, "" },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fetch got = { 0 };
        char url[128];
        struct http_request request =
            to(rig, url, cases[i].method, cases[i].path);
        request.body = slice_str(cases[i].body);
        fetch(rig, &got, &request);
        if (got.failed)
            fail_msg("%s: %s", cases[i].method, got.err.text);
        assert_int_equal(got.head->status, 200);
        assert_string_equal(buf_str(&got.body), cases[i].back);
        clear(&got);
    }
    assert_int_equal(rig->server->requests, 8);
    assert_int_equal(rig->server->connections, 1); /* kept alive */
    assert_string_equal(rig->server->all[0]->target, "/x");
}

static void big_body_both_ways(void **state)
{
    size_t size = MIB(3);
    char *body = malloc(size), url[128];
    struct fetch got = { 0 };
    struct rig *rig = *state;
    struct http_request request = to(rig, url, "PUT", "/echo");

    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 + i / 251);
    request.body = slice_make(body, size);
    fetch(rig, &got, &request);
    assert_false(got.failed);
    assert_int_equal(got.body.len, size);
    assert_memory_equal(got.body.ptr, body, size);
    clear(&got);
    free(body);
}

/* What the reply is, and what becomes of it. */
static void replies(void **state)
{
    static const struct {
        const char *path;
        size_t max_body, read_most;
        int64_t stall_ms, total_ms;
        int redirects;
        int kind; /* -1: fine */
        int status;
        size_t body; /* bytes, when fine */
        size_t most; /* bytes handed on at most, when not */
    } cases[] = {
        { .path = "/chunked/100", .kind = -1, .status = 200, .body = 102400 },
        { .path = "/chunked/0", .kind = -1, .status = 200 },
        { .path = "/chunked/5",
          .max_body = 5120,
          .kind = -1,
          .status = 200,
          .body = 5120 },
        { .path = "/chunked/100",
          .max_body = 5119,
          .kind = ERR_LIMIT,
          .status = 200,
          .most = 5119 },
        { .path = "/chunked/100",
          .read_most = 5000,
          .kind = ERR_CANCELLED,
          .status = 200,
          .most = 5000 + 65536 },
        { .path = "/gzip",
          .kind = -1,
          .status = 200,
          .body = sizeof(HELLO) - 1 },
        { .path = "/bomb",
          .max_body = 1000000,
          .kind = ERR_LIMIT,
          .status = 200,
          .most = 1000000 },
        { .path = "/cut", .kind = ERR_NETWORK, .status = 200, .most = 4 },
        { .path = "/close", .kind = ERR_NETWORK },
        { .path = "/garbage", .kind = ERR_NETWORK },
        { .path = "/silent", .stall_ms = 60, .kind = ERR_TIMEOUT },
        { .path = "/silent", .total_ms = 60, .kind = ERR_TIMEOUT },
        { .path = "/stall",
          .stall_ms = 60,
          .kind = ERR_TIMEOUT,
          .status = 200,
          .most = 4 },
        { .path = "/drip",
          .stall_ms = 2000,
          .total_ms = 150,
          .kind = ERR_TIMEOUT,
          .status = 200,
          .most = 999 },
        { .path = "/headers", .kind = ERR_LIMIT },
        { .path = "/longline", .kind = ERR_LIMIT },
        { .path = "/1xx", .kind = ERR_LIMIT },
        { .path = "/103", .kind = -1, .status = 200 },
        { .path = "/loop", .kind = -1, .status = 302, .body = 5 },
        { .path = "/loop",
          .redirects = 3,
          .kind = ERR_LIMIT,
          .status = 0,
          .most = 0 },
        { .path = "/to?/gzip",
          .redirects = 1,
          .kind = -1,
          .status = 200,
          .body = sizeof(HELLO) - 1 },
        { .path = "/to?file:///etc/passwd",
          .redirects = 1,
          .kind = ERR_DENIED },
        { .path = "/to?ftp://127.0.0.1/x", .redirects = 1, .kind = ERR_DENIED },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fetch got = { .read_most = cases[i].read_most };
        char url[128];
        struct http_request request = to(rig, url, "GET", cases[i].path);
        request.max_body = cases[i].max_body;
        request.stall_ms = cases[i].stall_ms;
        request.total_ms = cases[i].total_ms;
        request.redirects = cases[i].redirects;
        fetch(rig, &got, &request);
        if ((got.failed ? (int)got.err.kind : -1) != cases[i].kind)
            fail_msg("%s: %s", cases[i].path,
                     got.failed ? got.err.text : "went well");
        if ((got.head ? got.head->status : 0) != cases[i].status)
            fail_msg("%s: status %d", cases[i].path,
                     got.head ? got.head->status : 0);
        if (got.failed) {
            assert_true(got.body.len <= cases[i].most);
            assert_true(got.err.unknown);
            assert_non_null(strstr(got.err.text, "127.0.0.1"));
        } else {
            assert_int_equal(got.body.len, cases[i].body);
        }
        clear(&got);
    }
}

static void slow_but_steady_reply_is_no_stall(void **state)
{
    struct fetch got = { 0 };
    struct rig *rig = *state;
    char url[128];
    struct http_request request = to(rig, url, "GET", "/drip");

    request.stall_ms = 150;
    start(rig, &got, &request);
    run_for(rig, 600);
    assert_int_equal(got.done, 0);
    assert_true(got.body.len > 10);
    cancel(&got);
    clear(&got);
}

static void refused_connection_reached_nobody(void **state)
{
    struct fetch got = { 0 };
    struct rig *rig = *state;
    struct http_request request = { .method = "POST" };
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, never listening */
    char url[128];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/secret",
             ntohs(address.sin_port));
    request.url = slice_str(url);
    fetch(rig, &got, &request);
    assert_true(got.failed);
    assert_int_equal(got.err.kind, ERR_NETWORK);
    assert_false(got.err.unknown);
    assert_null(strstr(got.err.text, "secret"));
    clear(&got);
    close(fd);
}

/* A kept connection that breaks: curl by itself would send the POST twice. */
static bool answer_once(struct connection *c)
{
    return c->served == 0 && server_reply(c, 200, "", "first", 5);
}

static void post_is_never_sent_twice(void **state)
{
    static const struct {
        const char *method;
        int requests; /* after the second fetch */
        bool failed;
    } cases[] = { { "POST", 2, true }, { "PUT", 3, false } };
    struct rig *rig = *state;

    for (int i = 0; i < 2; i++) {
        struct server *server = server_new(answer_once);
        char url[128];
        snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", server->port);
        for (int n = 0; n < 2; n++) {
            struct fetch got = { 0 };
            struct http_request request = { .method = cases[i].method,
                                            .url = slice_str(url),
                                            .body = slice_str("{}") };
            fetch(rig, &got, &request);
            assert_int_equal(got.failed, n == 1 && cases[i].failed);
            if (got.failed) {
                assert_int_equal(got.err.kind, ERR_NETWORK);
                assert_true(got.err.unknown);
            }
            clear(&got);
        }
        assert_int_equal(server->requests, cases[i].requests);
        server_end(server);
    }
}

static void only_loopback_speaks_plain_http(void **state)
{
    static const char *const refused[] = {
        "http://example.org/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "127.0.0.1:80/",
        "http://127.0.0.1@example.org/",
        "http://localhost.invalid/",
        "HTTP://10.0.0.1/",
        "http:/127.0.0.1/",
        "javascript:1",
    };
    struct rig *rig = *state;
    struct err err;

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct http_request request = { .method = "GET",
                                        .url = slice_str(refused[i]) };
        if (transport_start(rig->transport, &request, &handlers, NULL, &err))
            fail_msg("%s", refused[i]);
        assert_int_equal(err.kind, ERR_DENIED);
    }
}

static void redirect_leaves_loopback_only_when_allowed(void **state)
{
    struct rig *rig = *state;

    /* 0.0.0.0 reaches this machine, but is not called loopback. */
    for (int allowed = 0; allowed < 2; allowed++) {
        struct fetch got = { 0 };
        char url[128], path[64];
        struct http_request request;
        int before = rig->server->requests;
        snprintf(path, sizeof(path), "/to?http://0.0.0.0:%d/gzip",
                 rig->server->port);
        request = to(rig, url, "GET", path);
        request.redirects = 2;
        request.allow_http = allowed;
        fetch(rig, &got, &request);
        assert_int_equal(got.failed, !allowed);
        assert_int_equal(rig->server->requests - before, 1 + allowed);
        if (got.failed)
            assert_int_equal(got.err.kind, ERR_DENIED);
        else
            assert_true(slice_starts(got.head->url, "http://0.0.0.0:"));
        clear(&got);
    }
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    struct rig *rig = *state;
    struct http_header header = { slice_str("X"), slice_str("a\r\nY: b") };
    struct http_header name = { slice_str("X: y"), slice_str("a") };
    const struct http_request cases[] = {
        { .method = "GE T", .url = slice_str("http://127.0.0.1/") },
        { .method = "", .url = slice_str("http://127.0.0.1/") },
        { .method = "GET", .url = slice_str("http://127.0.0.1/a b") },
        { .method = "GET", .url = slice_str("http://127.0.0.1/\r\nX: y") },
        { .method = "GET", .url = slice_str("") },
        { .method = "GET",
          .url = slice_str("http://127.0.0.1/"),
          .headers = &header,
          .header_count = 1 },
        { .method = "GET",
          .url = slice_str("http://127.0.0.1/"),
          .headers = &name,
          .header_count = 1 },
    };
    struct err err;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_null(
            transport_start(rig->transport, &cases[i], &handlers, NULL, &err));
        assert_int_equal(err.kind, ERR_MISUSE);
    }
}

static void hundred_at_once(void **state)
{
    enum { MANY = 100 };
    static struct fetch got[MANY];
    struct rig *rig = *state;
    struct timer *guard = timer_start(rig->loop, 30000, too_long, NULL, NULL);
    int done = 0;

    memset(got, 0, sizeof(got));
    for (int i = 0; i < MANY; i++) {
        char url[128], body[16];
        struct http_request request = to(rig, url, "PUT", "/echo");
        snprintf(body, sizeof(body), "body %d", i);
        request.body = slice_str(body);
        start(rig, &got[i], &request);
    }
    while (done < MANY) {
        loop_turn(rig->loop);
        done = 0;
        for (int i = 0; i < MANY; i++)
            done += got[i].done;
    }
    for (int i = 0; i < MANY; i++) {
        char body[16];
        snprintf(body, sizeof(body), "body %d", i);
        assert_false(got[i].failed);
        assert_string_equal(buf_str(&got[i].body), body);
        clear(&got[i]);
    }
    timer_cancel(guard);
    assert_int_equal(rig->server->requests, MANY);
    assert_true(rig->server->connections <= LIMIT_HTTP_CONNECTIONS);
}

static void cancel_in_every_phase_is_silent(void **state)
{
    static const char *const paths[] = { "/echo",         "/drip",  "/silent",
                                         "/chunked/3000", "/close", "/gzip" };
    struct rig *rig = *state;

    for (size_t p = 0; p < sizeof(paths) / sizeof(*paths); p++) {
        for (int turns = 0; turns < 12; turns++) {
            struct fetch got = { 0 };
            char url[128];
            struct http_request request = to(rig, url, "GET", paths[p]);
            int done;
            start(rig, &got, &request);
            for (int i = 0; i < turns; i++)
                loop_turn(rig->loop);
            done = got.done;
            cancel(&got);
            for (int i = 0; i < 3; i++)
                loop_turn(rig->loop);
            assert_int_equal(got.done, done);
            clear(&got);
        }
    }
}

static void cancel_from_head_and_body_handlers(void **state)
{
    static const char *const paths[] = { "/chunked/100", "/chunked/0" };
    struct rig *rig = *state;

    for (int i = 0; i < 4; i++) {
        struct fetch got = { .cancel_in_head = i % 2 == 0,
                             .cancel_in_body = i % 2 == 1 };
        char url[128];
        struct http_request request = to(rig, url, "GET", paths[i / 2]);
        start(rig, &got, &request);
        run_for(rig, 50);
        /* an empty body cannot cancel anything */
        assert_int_equal(got.done, i == 3);
        assert_non_null(got.head);
        assert_true(got.body.len <= 65536);
        clear(&got);
    }
}

struct chain {
    struct fetch first, second, victim;
    bool in_body;
};

static void start_second(struct chain *chain)
{
    struct rig *rig = chain->first.rig;
    char url[128];
    struct http_request request = to(rig, url, "GET", "/gzip");

    start(rig, &chain->second, &request);
    chain->second.stop_loop = true;
    cancel(&chain->victim);
}

static bool chain_body(void *arg, struct slice piece)
{
    struct chain *chain = arg;

    (void)piece;
    if (chain->in_body && !chain->second.transfer)
        start_second(chain);
    return true;
}

static void chain_done(void *arg, const struct err *err)
{
    struct chain *chain = arg;

    assert_null(err);
    chain->first.done++;
    if (!chain->in_body)
        start_second(chain);
    else if (chain->second.done) /* it was faster */
        loop_stop(chain->first.rig->loop);
}

static void handlers_may_start_and_cancel_others(void **state)
{
    static const struct http_handlers chained = { NULL, chain_body,
                                                  chain_done };
    struct rig *rig = *state;

    for (int in_body = 0; in_body < 2; in_body++) {
        struct chain chain = { .in_body = in_body };
        char url[128], slow[128];
        struct http_request request = to(rig, url, "GET", "/chunked/1");
        struct http_request never = to(rig, slow, "GET", "/silent");
        start(rig, &chain.victim, &never);
        chain.first.rig = rig;
        assert_non_null(
            transport_start(rig->transport, &request, &chained, &chain, NULL));
        run(rig, &chain.second);
        if (!chain.first.done)
            run(rig, &chain.second);
        assert_int_equal(chain.first.done, 1);
        assert_int_equal(chain.victim.done, 0);
        assert_string_equal(buf_str(&chain.second.body), HELLO);
        clear(&chain.second);
        clear(&chain.victim);
    }
}

static void free_in_done(void *arg, const struct err *err)
{
    struct rig *rig = arg;

    (void)err;
    transport_free(rig->transport);
    rig->transport = NULL;
    loop_stop(rig->loop);
}

static void transport_may_be_freed_from_done(void **state)
{
    static const struct http_handlers last = { NULL, NULL, free_in_done };
    struct fetch other[3] = { { 0 } };
    struct rig *rig = *state;
    char url[128], slow[128];
    struct http_request request = to(rig, url, "GET", "/gzip");
    struct http_request never = to(rig, slow, "GET", "/silent");

    assert_non_null(
        transport_start(rig->transport, &request, &last, rig, NULL));
    for (int i = 0; i < 3; i++)
        start(rig, &other[i], &never);
    loop_run(rig->loop);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(other[i].done, 0);
        clear(&other[i]);
    }
    rig->transport = transport_curl_new(rig->loop, NULL);
}

/* ---- TLS --------------------------------------------------------------- */

struct tls {
    char directory[64], certificate[96], key[96], url[64];
    pid_t pid;
};

static pid_t spawn(char *const argv[], int *output)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *output = ends[0];
    return pid;
}

static bool tls_start(struct tls *tls)
{
    char line[4096] = "", *accept;
    size_t len = 0;
    ssize_t n;
    int out, status;
    pid_t pid;

    snprintf(tls->directory, sizeof(tls->directory), "/tmp/tls-test-XXXXXX");
    assert_non_null(mkdtemp(tls->directory));
    snprintf(tls->certificate, sizeof(tls->certificate), "%s/cert.pem",
             tls->directory);
    snprintf(tls->key, sizeof(tls->key), "%s/key.pem", tls->directory);
    pid = spawn((char *const[]) { "openssl", "req", "-x509", "-newkey", "ec",
                                  "-pkeyopt", "ec_paramgen_curve:P-256",
                                  "-nodes", "-days", "2", "-subj",
                                  "/CN=localhost", "-addext",
                                  "subjectAltName=DNS:localhost", "-out",
                                  tls->certificate, "-keyout", tls->key, NULL },
                &out);
    close(out);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return false;
    tls->pid =
        spawn((char *const[]) { "openssl", "s_server", "-accept", "127.0.0.1:0",
                                "-www", "-cert", tls->certificate, "-key",
                                tls->key, NULL },
              &out);
    while (tls->pid > 0 && len < sizeof(line) - 1 &&
           (n = read(out, line + len, sizeof(line) - 1 - len)) > 0) {
        len += (size_t)n;
        line[len] = '\0';
        accept = strstr(line, "ACCEPT 127.0.0.1:");
        if (!accept || !strchr(accept, '\n'))
            continue;
        snprintf(tls->url, sizeof(tls->url), "https://localhost:%d/",
                 atoi(accept + 17));
        break;
    }
    close(out);
    return tls->url[0];
}

static void tls_end(struct tls *tls)
{
    if (tls->pid > 0) {
        kill(tls->pid, SIGTERM);
        waitpid(tls->pid, NULL, 0);
    }
    unlink(tls->certificate);
    unlink(tls->key);
    rmdir(tls->directory);
}

static void tls_is_verified(void **state)
{
    struct fetch got = { 0 }, trusting = { 0 };
    struct http_request request = { .method = "GET" };
    struct rig *rig = *state;
    struct tls tls = { .pid = -1 };

    if (!tls_start(&tls)) {
        tls_end(&tls);
        print_message("skipped: openssl does not run here\n");
        skip();
    }
    request.url = slice_str(tls.url);
    fetch(rig, &got, &request);
    assert_true(got.failed);
    assert_int_equal(got.err.kind, ERR_NETWORK);
    assert_false(got.err.unknown);
    assert_non_null(strstr(got.err.text, "certificate"));
    clear(&got);

    setenv("CURL_CA_BUNDLE", tls.certificate, 1);
    transport_free(rig->transport);
    rig->transport = transport_curl_new(rig->loop, NULL);
    unsetenv("CURL_CA_BUNDLE");
    fetch(rig, &trusting, &request);
    if (trusting.failed)
        fail_msg("%s", trusting.err.text);
    assert_int_equal(trusting.head->status, 200);
    clear(&trusting);
    tls_end(&tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_goes_out_as_it_was_given),
        TEST(methods_bodies_and_dots),
        TEST(big_body_both_ways),
        TEST(replies),
        TEST(slow_but_steady_reply_is_no_stall),
        TEST(refused_connection_reached_nobody),
        TEST(post_is_never_sent_twice),
        TEST(only_loopback_speaks_plain_http),
        TEST(redirect_leaves_loopback_only_when_allowed),
        TEST(requests_that_make_no_sense_are_refused),
        TEST(hundred_at_once),
        TEST(cancel_in_every_phase_is_silent),
        TEST(cancel_from_head_and_body_handlers),
        TEST(handlers_may_start_and_cancel_others),
        TEST(transport_may_be_freed_from_done),
        TEST(tls_is_verified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
