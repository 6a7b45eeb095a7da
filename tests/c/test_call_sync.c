/* layer: calls */
#include "calls_fixture.h"

#include "log.h"

/* client.sync and the batches it brings. */

static int warnings, infos;

static void count_lines(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)line;
    warnings += level == LOG_LEVEL_WARN;
    infos += level == LOG_LEVEL_INFO;
}

static int set_up_client(void **state)
{
    int result = set_up_bare(state);
    warnings = infos = 0;
    log_set_sink(count_lines, NULL);
    log_set_level(LOG_LEVEL_INFO);
    caller.exec = true;
    answer("client.open",
           "{\"homeserver\":\"https://hs.test\",\"access_token\":\"tok-1234\","
           "\"user_id\":\"@ann:hs.test\"}");
    return result;
}

static int close_client(void **state)
{
    int result = tear_down(state);
    log_set_sink(NULL, NULL);
    return result;
}

static void is(const char *name, const char *args, const char *expected)
{
    assert_string_equal(answer(name, args), expected);
}

#define EVENT(type, n) "{\"type\":\"" type "\",\"content\":{\"n\":" n "}}"
#define RESPONSE                                                               \
    "{\"rooms\":{\"join\":{\"!a:t\":{"                                         \
    "\"state\":{\"events\":[" EVENT(                                           \
        "m.room.topic",                                                        \
        "0") "]},"                                                             \
             "\"timeline\":{\"events\":[" EVENT(                               \
                 "m.room.message",                                             \
                 "1") "," EVENT("m.reaction",                                  \
                                "2") "," EVENT("m.room.message",               \
                                               "3") "]}},"                     \
                                                    "\"!b:t\":{\"timeline\":{" \
                                                    "\"events\":"              \
                                                    "[" EVENT(                 \
                                                        "m.room.message",      \
                                                        "4") "]}}}},\"to_"     \
                                                             "device\":{"      \
                                                             "\"events\":"     \
                                                             "[" EVENT(        \
                                                                 "x",          \
                                                                 "5") "]},"    \
                                                                      "\"ne"   \
                                                                      "xt_"    \
                                                                      "batc"   \
                                                                      "h\":"   \
                                                                      "\"s1"   \
                                                                      "\"}"

static void respond(const char *body)
{
    fake_on(fake, "GET", "https://hs.test/_matrix/client/v3/sync?",
            (struct fake_reply) { .body = body });
}

static void events_come_in_order_and_in_pages(void **state)
{
    (void)state;
    respond(RESPONSE);
    is("client.sync", "{\"client\":1}",
       "{\"next_batch\":\"s1\",\"initial\":true,\"batch\":1}");
    is("batch.next", "{\"client\":1,\"batch\":1,\"max\":3}",
       "[{\"room_id\":\"!a:t\",\"event\":" EVENT(
           "m.room.message",
           "1") "},{\"room_id\":\"!a:t\",\"event\":" EVENT("m.reaction",
                                                           "2") "},{\"room_"
                                                                "id\":\"!a:t\","
                                                                "\"event\""
                                                                ":" EVENT(
                                                                    "m."
                                                                    "room"
                                                                    ".mes"
                                                                    "sag"
                                                                    "e",
                                                                    "3") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"to_device\"}",
       "[{\"event\":" EVENT("x", "5") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"timeline\"}",
       "[{\"room_id\":\"!b:t\",\"event\":" EVENT("m.room.message", "4") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1}", "[]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"state\"}",
       "[{\"room_id\":\"!a:t\",\"event\":" EVENT("m.room.topic", "0") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"max\":1,\"restart\":true}",
       "[{\"room_id\":\"!a:t\",\"event\":" EVENT("m.room.message", "1") "}]");
    refused("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"x\"}",
            ERR_MISUSE, "no section is named 'x'");
    refused("batch.json", "{\"client\":1,\"batch\":1}", ERR_MISUSE, "");
}

static void state_after_counts_as_state(void **state)
{
    (void)state;
    respond(
        "{\"rooms\":{\"join\":{\"!a:t\":{\"state_after\":{\"events\":[" EVENT(
            "m.room.topic", "0") "]}}}},\"next_batch\":\"s1\"}");
    answer("client.sync", "{\"client\":1}");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"state\"}",
       "[{\"room_id\":\"!a:t\",\"event\":" EVENT("m.room.topic", "0") "}]");
}

static void a_batch_ends_when_the_next_sync_begins(void **state)
{
    (void)state;
    respond(RESPONSE);
    fake_on(fake, "GET", "since=s1",
            (struct fake_reply) { .body = "{\"next_batch\":\"s2\"}",
                                  .delay_ms = 1000 });
    answer("client.sync", "{\"client\":1,\"keep\":true}");
    is("batch.json", "{\"client\":1,\"batch\":1}", RESPONSE);
    struct op *op = begin("client.sync", "{\"client\":1,\"since\":\"s1\"}");
    refused("batch.next", "{\"client\":1,\"batch\":1}", ERR_MISUSE,
            "this batch is gone");
    refused("client.sync", "{\"client\":1}", ERR_MISUSE, "under way");
    finish(op, 2000);
    assert_string_equal(buf_str(&op->result),
                        "{\"next_batch\":\"s2\",\"initial\":false,"
                        "\"batch\":2}");
    op_free(op);
    refused("batch.next", "{\"client\":1,\"batch\":1}", ERR_MISUSE, "gone");
    is("batch.next", "{\"client\":1,\"batch\":2}", "[]");
}

static void options_reach_the_server(void **state)
{
    (void)state;
    respond("{\"next_batch\":\"s1\"}");
    answer("client.sync",
           "{\"client\":1,\"since\":\"s 0\",\"filter\":{\"room\":{}},"
           "\"sync_timeout\":7.5,\"full_state\":true,"
           "\"set_presence\":\"offline\"}");
    static const char *const parts[] = {
        "since=s%200",          "filter=%7B%22room%22%3A%7B%7D%7D",
        "timeout=7500",         "full_state=true",
        "set_presence=offline",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!strstr(fake->seen[0].url, parts[i]))
            fail_msg("%s is not in %s", parts[i], fake->seen[0].url);
    }
    respond("{\"next_batch\":\"s1\"}");
    answer("client.sync", "{\"client\":1,\"filter\":\"7\"}");
    assert_non_null(strstr(fake->seen[1].url, "filter=7"));
    assert_non_null(strstr(fake->seen[1].url, "timeout=30000"));
    assert_null(strstr(fake->seen[1].url, "since="));
}

static void other_types_are_left_out(void **state)
{
    (void)state;
    respond(RESPONSE);
    answer("client.sync",
           "{\"client\":1,\"types\":[\"m.reaction\",\"\\u0078\"]}");
    is("batch.next", "{\"client\":1,\"batch\":1}",
       "[{\"room_id\":\"!a:t\",\"event\":" EVENT("m.reaction", "2") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"to_device\"}",
       "[{\"event\":" EVENT("x", "5") "}]");
    is("batch.next", "{\"client\":1,\"batch\":1,\"section\":\"state\"}", "[]");
}

static void failures_are_backed_off(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .fault = FAKE_REFUSED, .times = 3 });
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .status = 502, .body = "<html>" });
    fake_on(
        fake, "GET", "/sync",
        (struct fake_reply) { .body = RESPONSE, .fault = FAKE_CUT, .cut = 40 });
    respond(RESPONSE);
    int64_t before = loop_now(loop);
    struct op *op = begin("client.sync", "{\"client\":1}");
    finish(op, 120000);
    assert_false(op->failed);
    op_free(op);
    assert_int_equal(fake->count, 6);
    /* 1, 2, 4, 8, 16 s, each between half of it and all of it. */
    for (int i = 1; i < 6; i++) {
        int64_t wait = fake->seen[i].at - fake->seen[i - 1].at;
        assert_in_range(wait, 500 << (i - 1), (1000 << (i - 1)) + 10);
    }
    assert_in_range(fake->seen[5].at - before, 15500, 31100);
    assert_int_equal(warnings, 1);
    assert_int_equal(infos, 1);
}

static void the_wait_does_not_grow_for_ever(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .fault = FAKE_REFUSED, .times = -1 });
    struct op *op = begin("client.sync", "{\"client\":1}");
    loop_advance(loop, 3600 * 1000);
    assert_false(op->complete);
    assert_in_range(fake->count, 60, 130);
    for (int i = 1; i < fake->count; i++)
        assert_in_range(fake->seen[i].at - fake->seen[i - 1].at, 500, 60010);
    op_free(op);
    assert_int_equal(loop_pending(loop), 0);
    assert_int_equal(warnings, 1);
}

static void retry_after_is_obeyed(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .status = 429,
                                  .headers = "retry-after: 20",
                                  .body = "{\"errcode\":"
                                          "\"M_LIMIT_EXCEEDED\"}" });
    respond(RESPONSE);
    struct op *op = begin("client.sync", "{\"client\":1}");
    finish(op, 21000);
    op_free(op);
    assert_in_range(fake->seen[1].at - fake->seen[0].at, 20000, 20010);
}

static void once_means_once(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .fault = FAKE_REFUSED });
    fails("client.sync", "{\"client\":1,\"once\":true}", 1000, ERR_NETWORK);
    assert_int_equal(warnings, 0);
}

static void a_dead_login_ends_it(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .status = 401,
                                  .body = "{\"errcode\":\"M_UNKNOWN_TOKEN\","
                                          "\"error\":\"gone\"}" });
    fails("client.sync", "{\"client\":1}", 1000, ERR_MATRIX);
    assert_string_equal(err.errcode, "M_UNKNOWN_TOKEN");
    assert_int_equal(fake->count, 1);
}

static void freeing_it_is_silent(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/sync", (struct fake_reply) { .fault = FAKE_SILENT });
    int before = woken;
    op_free(begin("client.sync", "{\"client\":1}"));
    assert_int_equal(fake->open, 0);
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .fault = FAKE_REFUSED });
    struct op *op = begin("client.sync", "{\"client\":1}");
    loop_advance(loop, 10); /* it waits to try again */
    op_free(op);
    assert_int_equal(loop_pending(loop), 0);
    assert_int_equal(woken, before);
    respond(RESPONSE); /* and the client is none the worse */
    answer("client.sync", "{\"client\":1}");
}

static void the_server_is_found_first(void **state)
{
    (void)state;
    is("client.open",
       "{\"user_id\":\"@ann:far.test\",\"access_token\":\"tok-1234\"}",
       "{\"client\":2}");
    fake_on(fake, "GET", "https://far.test/.well-known/",
            (struct fake_reply) { .fault = FAKE_REFUSED });
    fake_on(fake, "GET", "https://far.test/.well-known/",
            (struct fake_reply) { .body = "{\"m.homeserver\":{\"base_url\":"
                                          "\"https://m.far.test\"}}" });
    fake_on(fake, "GET", "https://m.far.test/_matrix/client/versions",
            (struct fake_reply) { .body = "{\"versions\":[\"v1.11\"]}" });
    fake_on(fake, "GET", "https://m.far.test/_matrix/client/v3/sync",
            (struct fake_reply) { .body = RESPONSE });
    struct op *op = begin("client.sync", "{\"client\":2}");
    finish(op, 120000);
    if (op->failed)
        fail_msg("%s", op->err.text);
    op_free(op);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_client, close_client)
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_order_and_in_pages),
        TEST(state_after_counts_as_state),
        TEST(a_batch_ends_when_the_next_sync_begins),
        TEST(options_reach_the_server),
        TEST(other_types_are_left_out),
        TEST(failures_are_backed_off),
        TEST(the_wait_does_not_grow_for_ever),
        TEST(retry_after_is_obeyed),
        TEST(once_means_once),
        TEST(a_dead_login_ends_it),
        TEST(freeing_it_is_silent),
        TEST(the_server_is_found_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
