/* layer: calls */
#include "calls_fixture.h"

#define HELLO                                                                  \
    "{\"room_id\":\"!r:t\",\"type\":\"m.room.message\","                       \
    "\"content\":{\"body\": \"hi\",\"n\":1}}"

static const char *member(const struct op *op, const char *key)
{
    struct slice text = json_plain(json_get(buf_slice(&op->result), key));
    static char kept[4][256];
    static int next;
    char *out = kept[next++ % 4];
    snprintf(out, 256, "%.*s", SLICE_ARG(text));
    return out;
}

static void the_very_bytes_go_out(void **state)
{
    (void)state;
    add_room("!r:t", "join", false);
    fake_on(fake, "PUT", "/rooms/%21r%3At/send/m.room.message/",
            (struct fake_reply) { .body = "{\"event_id\":\"$1\"}" });
    struct op *op = begin("room.send", HELLO);
    finish(op, 1000);
    assert_false(op->failed);
    assert_string_equal(member(op, "event_id"), "$1");
    assert_int_equal(strlen(member(op, "txn_id")), 32);
    assert_non_null(strstr(fake->seen[0].url, member(op, "txn_id")));
    assert_string_equal(fake->seen[0].body, "{\"body\": \"hi\",\"n\":1}");
    op_free(op);
}

static const char *send_txn(const char *args, struct op_cause why)
{
    cause = why;
    fake_on(
        fake, "PUT", "/send/",
        (struct fake_reply) { .body = "{\"event_id\":\"$1\"}", .times = -1 });
    struct op *op = begin("room.send", args);
    finish(op, 1000);
    const char *txn_id = keep_text(member(op, "txn_id"));
    op_free(op);
    return txn_id;
}

static void the_cause_makes_the_transaction_id(void **state)
{
    struct op_cause event = { S("$e"), S("1"), 1, 0 };
    struct op_cause next = { S("$e"), S("1"), 2, 0 };
    (void)state;
    add_room("!r:t", "join", false);
    const char *first = send_txn(HELLO, event);
    int sent = fake->count;
    assert_string_equal(send_txn(HELLO, event), first);
    assert_int_equal(fake->count, sent); /* settled: nothing goes out */
    assert_string_not_equal(send_txn(HELLO, next), first);
    struct op_cause none = { 0 };
    assert_string_not_equal(send_txn(HELLO, none), send_txn(HELLO, none));
    assert_string_equal(
        send_txn("{\"room_id\":\"!r:t\",\"type\":\"t\",\"content\":{},"
                 "\"txn_id\":\"mine\"}",
                 event),
        "mine");
}

static void a_refusal_is_a_failure(void **state)
{
    (void)state;
    add_room("!r:t", "join", false);
    fake_on(fake, "PUT", "/send/",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\"}" });
    fails("room.send", HELLO, 1000, ERR_MATRIX);
    assert_string_equal(err.errcode, "M_FORBIDDEN");
    assert_int_equal(lost_sends, 0);
}

static void timeout_ends_the_waiting_and_not_the_send(void **state)
{
    (void)state;
    add_room("!r:t", "join", false);
    fake_on(fake, "PUT", "/send/",
            (struct fake_reply) { .body = "{\"event_id\":\"$1\"}",
                                  .delay_ms = 5000 });
    fails("room.send",
          "{\"room_id\":\"!r:t\",\"type\":\"t\",\"content\":{},\"timeout\":2}",
          2000, ERR_TIMEOUT);
    assert_true(err.unknown);
    assert_int_equal(outbox_pending(host.outbox), 1);
    loop_advance(loop, 4000);
    assert_int_equal(outbox_pending(host.outbox), 0);
    assert_int_equal(fake->cancelled, 0);
}

static void a_send_outlives_its_task(void **state)
{
    (void)state;
    add_room("!r:t", "join", false);
    fake_on(fake, "PUT", "/send/",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\"}" });
    int before = woken;
    op_free(begin("room.send", HELLO));
    loop_advance(loop, 1000);
    assert_int_equal(fake->count, 1);
    assert_int_equal(woken, before);
    assert_int_equal(lost_sends, 1); /* the outbox tells of it */
}

static void encrypted_rooms_are_refused(void **state)
{
    (void)state;
    add_room("!r:t", "join", true);
    refused("room.send", HELLO, ERR_UNSUPPORTED, "");
    assert_int_equal(fake->count, 0);
    assert_int_equal(outbox_pending(host.outbox), 0);
}

static void redactions_go_through_the_outbox(void **state)
{
    (void)state;
    add_room("!r:t", "join", false);
    fake_on(fake, "PUT", "/rooms/%21r%3At/redact/%24e/mine",
            (struct fake_reply) { .body = "{\"event_id\":\"$2\"}" });
    assert_string_equal(answer("room.redact",
                               "{\"room_id\":\"!r:t\",\"event_id\":\"$e\","
                               "\"reason\":\"spam\",\"txn_id\":\"mine\"}"),
                        "{\"event_id\":\"$2\"}");
    assert_string_equal(fake->seen[0].body, "{\"reason\":\"spam\"}");
}

static void nonsense_is_refused(void **state)
{
    static char large[LIMIT_EVENT_SEND + 128];
    (void)state;
    refused("room.send", "{\"type\":\"t\",\"content\":{}}", ERR_MISUSE,
            "room.send: room_id must be a string");
    refused("room.send", "{\"room_id\":\"!r\",\"content\":{}}", ERR_MISUSE,
            "type must be");
    refused("room.send", "{\"room_id\":\"!r\",\"type\":\"t\"}", ERR_MISUSE,
            "content must be an object");
    refused("room.redact", "{\"room_id\":\"!r\"}", ERR_MISUSE, "event_id");
    int n = snprintf(large, sizeof(large),
                     "{\"room_id\":\"!r\",\"type\":\"t\",\"content\":"
                     "{\"body\":\"");
    memset(large + n, 'x', LIMIT_EVENT_SEND);
    strcpy(large + n + LIMIT_EVENT_SEND, "\"}}");
    refused("room.send", large, ERR_LIMIT, "cannot send t to !r");
}

static void without_an_account_nothing_is_sent(void **state)
{
    (void)state;
    refused("room.send", HELLO, ERR_MISUSE, "no account");
    refused("room.redact", "{\"room_id\":\"!r\",\"event_id\":\"$e\"}",
            ERR_MISUSE, "no account");
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_account, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_very_bytes_go_out),
        TEST(the_cause_makes_the_transaction_id),
        TEST(a_refusal_is_a_failure),
        TEST(timeout_ends_the_waiting_and_not_the_send),
        TEST(a_send_outlives_its_task),
        TEST(encrypted_rooms_are_refused),
        TEST(redactions_go_through_the_outbox),
        TEST(nonsense_is_refused),
        cmocka_unit_test_setup_teardown(without_an_account_nothing_is_sent,
                                        set_up_bare, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
