/* layer: net */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"
#include "listen.h"
#include "loop.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LINE "POST /a HTTP/1.1\r\nHost: x\r\n"
#define MOST_BODY 10

static struct loop *loop;
static struct listen *listener;
static struct listen_exchange *waiting[8];
static int heads, requests; /* that the handlers heard of */
static bool later;          /* they are answered later */
static char last[200];      /* "POST /a?b 5 bytes" */
static int port;

/* ---- the side that answers ---- */

static int on_head(void *arg, const struct listen_request *request,
                   size_t *max_body, struct listen_answer *answer)
{
    (void)arg;
    heads++;
    if (slice_is(request->path, "/none")) {
        *answer =
            (struct listen_answer) { .status = 404, .body = slice_str("none") };
        return -1;
    }
    *max_body = MOST_BODY;
    return 0;
}

static void answer(struct listen_exchange *exchange, int status)
{
    struct listen_answer text = { .status = status,
                                  .body = slice_str("answer") };
    listen_answer(exchange, &text);
}

static void on_request(void *arg, struct listen_exchange *exchange,
                       const struct listen_request *request)
{
    (void)arg;
    snprintf(last, sizeof(last), "%.*s %.*s?%.*s %zu",
             SLICE_ARG(request->method), SLICE_ARG(request->path),
             SLICE_ARG(request->query), request->body.len);
    assert_in_range(requests, 0, COUNT(waiting) - 1);
    waiting[requests++] = exchange;
    if (!later)
        answer(exchange, 200);
}

static int set_up(void **state)
{
    static const struct listen_handlers handlers = { on_head, on_request };
    struct err err;

    (void)state;
    heads = requests = 0;
    later = false;
    last[0] = '\0';
    loop = loop_new(LOOP_VIRTUAL, NULL);
    listener = listen_new(loop, "127.0.0.1:0", &handlers, NULL, &err);
    if (!listener)
        fail_msg("%s", err.text);
    port = atoi(strchr(listen_address(listener), ':') + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    listen_free(listener);
    assert_int_equal(loop_pending(loop), 0);
    loop_free(loop);
    return 0;
}

/* ---- the side that asks ---- */

static int say_to(int fd, const char *text)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };

    if (fd < 0) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
    }
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

/* Turns of the loop until so many requests came. */
static void until_requests(int count)
{
    for (int i = 0; requests < count && i < 5000; i++) {
        loop_advance(loop, 0);
        poll(NULL, 0, 1);
    }
    assert_int_equal(requests, count);
}

/* What comes back until there are `count` answers or the peer closes, which is
 * told. */
static const char *hear(int fd, int count, bool *closed)
{
    static char back[4096];
    size_t len = 0;
    int found = 0;

    *closed = false;
    for (int i = 0; i < 5000 && found < count && !*closed; i++) {
        struct pollfd ready = { fd, POLLIN, 0 };
        loop_advance(loop, 0);
        if (poll(&ready, 1, 1) == 0)
            continue;
        ssize_t n = recv(fd, back + len, sizeof(back) - 1 - len, 0);
        *closed = n <= 0;
        len += n > 0 ? (size_t)n : 0;
        back[len] = '\0';
        found = 0;
        for (const char *at = back; (at = strstr(at, "HTTP/1.")); at++)
            found++;
    }
    back[len] = '\0';
    return back;
}

static int status_of(const char *back)
{
    return strncmp(back, "HTTP/1.1 ", 9) == 0 ? atoi(back + 9) : 0;
}

/* ---- tests ---- */

static void requests_and_their_ends(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *heard; /* by the handler; NULL: nothing */
        bool closes;
    } cases[] = {
        { LINE "\r\n", 200, "POST /a? 0", false },
        { LINE "Content-Length: 3\r\n\r\nabc", 200, "POST /a? 3", false },
        { LINE "transfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
          "POST /a? 3", false },
        { "GET /%61?%62=+ HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /%61?%62=+ 0",
          false },
        { "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", 200, "HEAD /a? 0", false },
        { "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200, "OPTIONS *? 0", false },
        { "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL, false },
        { LINE "Content-Length: 11\r\n\r\n01234567890", 413, NULL, false },
        { LINE "Content-Length: 99999999999\r\n\r\n", 413, NULL, true },
        { LINE "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n", 413, NULL,
          true },
        { LINE "Transfer-Encoding: chunked\r\n\r\n"
               "b\r\n01234567890\r\n0\r\n\r\n",
          413, NULL, false },
        /* where a proxy may see another end than we */
        { LINE "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL,
          true },
        { LINE "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n",
          400, NULL, true },
        { LINE "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, NULL,
          true },
        { LINE "Transfer-Encoding: identity\r\n\r\n", 400, NULL, true },
        { LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"
               "0\r\n\r\n",
          400, NULL, true },
        { LINE "Content-Length: +3\r\n\r\nabc", 400, NULL, true },
        { LINE "Content-Length: 0x3\r\n\r\nabc", 400, NULL, true },
        { LINE "Content-Length: 3, 3\r\n\r\nabc", 400, NULL, true },
        { LINE "Content-Length:\r\n\r\nabc", 400, NULL, true },
        { LINE "Content-Length : 3\r\n\r\nabc", 400, NULL, true },
        { LINE "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, NULL,
          true },
        { LINE "X: y\r\n Content-Length: 3\r\n\r\nabc", 400, NULL, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool closed;
        int before = requests = 0;
        int fd = say_to(-1, cases[i].text);
        int status = status_of(hear(fd, 1, &closed));
        if (status != cases[i].status)
            fail_msg("case %zu: %d, not %d", i, status, cases[i].status);
        if (requests != before + (cases[i].heard != NULL) ||
            (cases[i].heard && strcmp(last, cases[i].heard) != 0))
            fail_msg("case %zu: '%s', %d requests", i, last, requests);
        if (cases[i].closes) {
            hear(fd, 1, &closed);
            if (!closed)
                fail_msg("case %zu: the connection stays", i);
        } else {
            say_to(fd, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
            if (status_of(hear(fd, 1, &closed)) != 404)
                fail_msg("case %zu: the connection is of no use", i);
        }
        close(fd);
    }
}

static void answers_come_later_and_in_order(void **state)
{
    bool closed;
    const char *back;

    (void)state;
    later = true;
    int fd = say_to(-1, LINE "\r\n" LINE "Content-Length: 1\r\n\r\nx");
    until_requests(1);
    loop_advance(loop, LIMIT_LISTEN_READ_MS + 1); /* ours is the time */
    answer(waiting[0], 200);
    until_requests(2);
    answer(waiting[1], 201);
    back = hear(fd, 2, &closed);
    assert_int_equal(status_of(back), 200);
    assert_non_null(strstr(back, "HTTP/1.1 201"));
    /* one that goes before its answer is there */
    say_to(fd, LINE "\r\n");
    until_requests(3);
    close(fd);
    loop_advance(loop, 0);
    answer(waiting[2], 200);
    loop_advance(loop, 0);
}

static void who_waits_at_the_end_hears_of_it(void **state)
{
    static const struct listen_handlers handlers = { on_head, on_request };
    bool closed;
    int fd;

    (void)state;
    later = true;
    /* the second of them is read while the first is answered */
    fd = say_to(-1, LINE "\r\n" LINE "\r\n");
    until_requests(1);
    listen_free(listener);
    assert_int_equal(requests, 1);
    assert_int_equal(status_of(hear(fd, 1, &closed)), 503);
    close(fd);
    listener = listen_new(loop, "127.0.0.1:0", &handlers, NULL, NULL);
    assert_non_null(listener);
}

static void a_slow_peer_is_cut(void **state)
{
    bool closed;
    int fd = say_to(-1, "POST /a HTT");

    (void)state;
    for (int i = 0; i < 3; i++) {
        loop_advance(loop, LIMIT_LISTEN_READ_MS / 4);
        say_to(fd, "P"); /* a byte now and then gains nothing */
    }
    loop_advance(loop, LIMIT_LISTEN_READ_MS / 4 + 1);
    hear(fd, 1, &closed);
    assert_true(closed);
    close(fd);
    assert_int_equal(requests, 0);
}

/* A proxy keeps its connection, and the next request may come at its end. */
static void each_request_has_its_whole_time(void **state)
{
    bool closed;
    int fd = say_to(-1, LINE "\r\n");

    (void)state;
    assert_int_equal(status_of(hear(fd, 1, &closed)), 200);
    loop_advance(loop, LIMIT_LISTEN_READ_MS - 1000);
    say_to(fd, LINE "Content-Length: 3\r\n\r\n");
    for (int i = 0; heads < 2 && i < 5000; i++) {
        loop_advance(loop, 0);
        poll(NULL, 0, 1);
    }
    loop_advance(loop, LIMIT_LISTEN_READ_MS - 1000);
    say_to(fd, "abc");
    assert_int_equal(status_of(hear(fd, 1, &closed)), 200);
    close(fd);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_and_their_ends),
        TEST(answers_come_later_and_in_order),
        TEST(who_waits_at_the_end_hears_of_it),
        TEST(a_slow_peer_is_cut),
        TEST(each_request_has_its_whole_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
