/* layer: offline */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "limits.h"
#include "transport_lua.h"

#define ROOM "/rooms/!room2:test"

struct bench {
    struct loop *loop;
    struct transport *transport;
    char token[64];
};

struct reply {
    int heads, dones, status;
    struct buf body;
    struct err err;
    bool failed;
};

static void on_head(void *arg, const struct http_head *head)
{
    struct reply *reply = arg;

    reply->heads++;
    reply->status = head->status;
}

static bool on_body(void *arg, struct slice piece)
{
    return buf_add(&((struct reply *)arg)->body, piece) == 0;
}

static void on_done(void *arg, const struct err *err)
{
    struct reply *reply = arg;

    reply->dones++;
    reply->failed = err != NULL;
    if (err)
        reply->err = *err;
}

static const struct http_handlers handlers = { on_head, on_body, on_done };

static void open_reply(struct reply *reply)
{
    *reply = (struct reply) { 0 };
    buf_init(&reply->body, LIMIT_OFFLINE_JSON);
}

static struct transfer *send(struct bench *bench, const char *method,
                             const char *url, const char *body,
                             int64_t total_ms, struct reply *reply)
{
    char address[512], auth[80];
    struct http_header header = { slice_str("Authorization"), { 0 } };
    struct http_request request = { .method = method, .total_ms = total_ms };
    struct err err;

    snprintf(address, sizeof address, "%s%s",
             *url == '/' ? TRANSPORT_LUA_URL "/_matrix/client/v3" : "", url);
    snprintf(auth, sizeof auth, "Bearer %s", bench->token);
    header.value = slice_str(auth);
    request.url = slice_str(address);
    request.headers = &header;
    request.header_count = *bench->token ? 1 : 0;
    if (body)
        request.body = slice_str(body);
    open_reply(reply);
    struct transfer *transfer =
        transport_start(bench->transport, &request, &handlers, reply, &err);
    assert_non_null(transfer);
    assert_int_equal(reply->heads + reply->dones, 0); /* never from inside */
    return transfer;
}

/* An exchange that is over at once: its status. */
static int ask(struct bench *bench, const char *method, const char *url,
               const char *body, struct reply *reply)
{
    send(bench, method, url, body, 0, reply);
    loop_advance(bench->loop, 0);
    assert_int_equal(reply->dones, 1);
    assert_false(reply->failed);
    assert_int_equal(reply->heads, 1);
    return reply->status;
}

static void expect(struct bench *bench, const char *method, const char *url,
                   const char *body, int status, const char *text)
{
    struct reply reply;

    if (ask(bench, method, url, body, &reply) != status)
        fail_msg("%s %s: not %d but %d %s", method, url, status, reply.status,
                 buf_str(&reply.body));
    if (text && !strstr(buf_str(&reply.body), text))
        fail_msg("%s %s: no %s in %s", method, url, text, buf_str(&reply.body));
    buf_free(&reply.body);
}

static void control(struct bench *bench, const char *name, const char *text)
{
    struct err err;

    if (transport_lua_control(bench->transport, name, slice_str(text), NULL,
                              &err) != 0)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    static struct bench bench;
    struct buf out;
    struct err err;

    bench.loop = loop_new(LOOP_VIRTUAL, &err);
    bench.transport = transport_lua_new(bench.loop, &err);
    assert_non_null(bench.transport);
    buf_init(&out, 1000);
    assert_int_equal(transport_lua_control(bench.transport, "account",
                                           slice_str("[\"@bot:test\"]"), &out,
                                           &err),
                     0);
    char *token = json_dup(json_get(buf_slice(&out), "access_token"), 60);
    snprintf(bench.token, sizeof bench.token, "%s", token);
    free(token);
    buf_free(&out);
    control(&bench, "room",
            "[\"@bot:test\", {\"members\": [\"@alice:test\"]}]");
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    transport_free(bench->transport);
    assert_int_equal(loop_pending(bench->loop), 0);
    loop_free(bench->loop);
    return 0;
}

static void test_answers(void **state)
{
    static const struct {
        const char *method, *url, *body;
        int status;
        const char *text;
    } rows[] = {
        { "GET", "/account/whoami", NULL, 200, "\"@bot:test\"" },
        { "GET", "https://test/_matrix/client/versions", NULL, 200, "v1.1" },
        { "GET", "/nothing", NULL, 404, "M_UNRECOGNIZED" },
        { "POST", "/login", "{\"type\":\"m.login.password\",\"user\":\"x\"}",
          403, "M_FORBIDDEN" },
        { "GET", "/joined_rooms", NULL, 200, "[\"!room2:test\"]" },
        { "PUT", ROOM "/send/m.room.message/1", "{", 400, "M_NOT_JSON" },
        { "PUT", "/rooms/!none:test/send/m.room.message/1", "{}", 403,
          "M_FORBIDDEN" },
        { "GET", ROOM "/state/m.room.name", NULL, 404, "M_NOT_FOUND" },
        { "PUT", ROOM "/state/m.room.name/", "{\"name\":\"x\"}", 403,
          "power level 0 here, this needs 50" },
        { "POST", ROOM "/kick", "{\"user_id\":\"@alice:test\"}", 403,
          "M_FORBIDDEN" },
        { "POST", ROOM "/unban", "{\"user_id\":\"@alice:test\"}", 403,
          "not banned" },
        { "PUT", ROOM "/redact/%24none/2", "{}", 200, "event_id" },
        { "GET", "/directory/room/%23none:test", NULL, 404, "M_NOT_FOUND" },
        { "POST", "/createRoom", "{\"room_alias_name\":\"mine\"}", 200,
          "room_id" },
        { "POST", "/createRoom", "{\"room_alias_name\":\"mine\"}", 400,
          "M_ROOM_IN_USE" },
        { "POST", "/join/%23mine:test", "{}", 200, "room_id" },
        { "GET", ROOM "/members?membership=join", NULL, 200, "@alice:test" },
        { "GET", ROOM "/messages?dir=b&limit=1", NULL, 200, "\"end\":" },
        { "GET", "/sync?since=bad", NULL, 400, "Invalid stream token" },
        { "POST", ROOM "/leave", "{}", 200, "{}" },
        { "POST", ROOM "/leave", "{}", 200, "{}" }, /* again */
        { "POST", ROOM "/join", "{}", 403, "M_FORBIDDEN" },
        { "POST", "/logout", NULL, 200, "{}" },
        { "GET", "/account/whoami", NULL, 401, "M_UNKNOWN_TOKEN" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(*state, rows[i].method, rows[i].url, rows[i].body,
               rows[i].status, rows[i].text);
    ((struct bench *)*state)->token[0] = '\0';
    expect(*state, "GET", "/account/whoami", NULL, 401, "M_MISSING_TOKEN");
}

/* The same transaction in a room is the same event, of whatever type, as
 * Synapse has it; a redaction is another endpoint. */
static void test_transactions(void **state)
{
    static const char *const urls[] = { ROOM "/send/m.room.message/t1",
                                        ROOM "/send/org.example/t1",
                                        ROOM "/redact/%24none/t1" };
    struct reply replies[3];

    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(*state, "PUT", urls[i], "{}", &replies[i]), 200);
    assert_string_equal(buf_str(&replies[0].body), buf_str(&replies[1].body));
    assert_string_not_equal(buf_str(&replies[0].body),
                            buf_str(&replies[2].body));
    for (int i = 0; i < 3; i++)
        buf_free(&replies[i].body);
}

static void test_long_poll(void **state)
{
    struct bench *bench = *state;
    struct reply first, second;
    char url[100];

    assert_int_equal(ask(bench, "GET", "/sync", NULL, &first), 200);
    char *batch = json_dup(json_get(buf_slice(&first.body), "next_batch"), 60);
    snprintf(url, sizeof url, "/sync?timeout=30000&since=%s", batch);
    free(batch);
    buf_free(&first.body);

    send(bench, "GET", url, NULL, 0, &first); /* nothing happens */
    loop_advance(bench->loop, 29999);
    assert_int_equal(first.dones, 0);
    loop_advance(bench->loop, 1);
    assert_int_equal(first.dones, 1);
    assert_null(strstr(buf_str(&first.body), "rooms"));
    buf_free(&first.body);

    send(bench, "GET", url, NULL, 0, &first); /* somebody speaks */
    loop_advance(bench->loop, 1000);
    control(bench, "send",
            "[\"!room2:test\",\"@alice:test\",\"m.room.message\",{}]");
    loop_advance(bench->loop, 0);
    assert_int_equal(first.dones, 1);
    assert_non_null(strstr(buf_str(&first.body), "m.room.message"));
    buf_free(&first.body);

    snprintf(url, sizeof url, "/sync?timeout=30000&since=s99");
    struct transfer *transfer = send(bench, "GET", url, NULL, 0, &first);
    send(bench, "GET", url, NULL, 5000, &second); /* its own limit */
    transport_cancel(bench->transport, transfer);
    loop_advance(bench->loop, 60000);
    assert_int_equal(first.dones, 0);
    assert_int_equal(second.dones, 1);
    assert_int_equal(second.err.kind, ERR_TIMEOUT);
    assert_int_equal(loop_pending(bench->loop), 0);
}

/* More than the limit: the newest, and the state that was passed over. */
static void test_limited(void **state)
{
    for (int i = 0; i < 12; i++)
        control(*state, "send",
                "[\"!room2:test\",\"@alice:test\",\"m.room.message\",{}]");
    control(*state, "set_state",
            "[\"!room2:test\",\"m.room.topic\",{\"topic\":\"hidden\"}]");
    control(*state, "send",
            "[\"!room2:test\",\"@alice:test\",\"m.room.message\",{}]");
    expect(*state, "GET",
           "/sync?since=s8&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit"
           "%22:1%7D%7D%7D",
           NULL, 200, "\"limited\":true");
    expect(*state, "GET",
           "/sync?since=s8&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit"
           "%22:1%7D%7D%7D",
           NULL, 200, "hidden");
    expect(*state, "GET",
           "/sync?since=s8&filter=%7B%22room%22:%7B%22timeline%22:%7B%22types"
           "%22:%5B%22m.room.t*%22%5D%7D%7D%7D",
           NULL, 200, "\"limited\":false");
}

static void test_faults(void **state)
{
    struct bench *bench = *state;
    const char *url = ROOM "/send/m.room.message/lost";
    struct reply lost, again;

    control(
        bench, "fail_next",
        "[\"send\",{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":9}]");
    expect(bench, "PUT", url, "{}", 429, "\"retry_after_ms\":9");
    control(bench, "drop_next", "[\"send\"]");
    send(bench, "PUT", url, "{}", 0, &lost);
    loop_advance(bench->loop, 0);
    assert_int_equal(lost.dones, 1);
    assert_int_equal(lost.err.kind, ERR_NETWORK);
    assert_true(lost.err.unknown);
    assert_int_equal(ask(bench, "PUT", url, "{}", &again), 200);
    buf_free(&again.body);
    send(bench, "GET", "https://example.org/", NULL, 0, &lost);
    loop_advance(bench->loop, 0);
    assert_int_equal(lost.err.kind, ERR_NETWORK);
    assert_false(lost.err.unknown);
    struct err err;
    assert_int_equal(transport_lua_control(bench->transport, "drop_next",
                                           slice_str("[\"sned\"]"), NULL, &err),
                     -1);
    assert_non_null(strstr(err.text, "no operation 'sned'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transactions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_poll, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
