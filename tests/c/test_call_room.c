/* layer: calls */
#include "calls_fixture.h"

#include "log.h"

static void is(const char *name, const char *args, const char *expected)
{
    assert_string_equal(answer(name, args), expected);
}

/* ---- what the account's own copy knows ---- */

static void rooms_are_told_as_the_store_has_them(void **state)
{
    (void)state;
    add_room("!a:t", "join", false);
    add_room("!b:t", "invite", true);
    is("room.info", "{\"room_id\":\"!x:t\"}", "null");
    is("room.info", "{\"room_id\":\"!b:t\"}",
       "{\"room_id\":\"!b:t\",\"membership\":\"invite\",\"encrypted\":true,"
       "\"direct\":false,\"heroes\":[]}");
    is("account.rooms", "{}", "[\"!a:t\"]");
    is("account.rooms", "{\"membership\":\"invite\"}", "[\"!b:t\"]");
    is("account.rooms", "{\"membership\":\"all\"}", "[\"!a:t\",\"!b:t\"]");
    is("account.rooms", "{\"membership\":\"ban\"}", "[]");
}

static void the_account_is_told_without_its_token(void **state)
{
    static const char *const admins[] = { "@ann:t", NULL };
    (void)state;
    host.admins = admins;
    is("account.info", "{}",
       "{\"user_id\":\"@bot:hs.test\",\"device_id\":\"DEVICE\","
       "\"homeserver\":\"https://hs.test\",\"account\":\"main\","
       "\"prefix\":\"!\",\"admins\":[\"@ann:t\"]}");
}

static void state_is_read(void **state)
{
    (void)state;
    add_room("!a:t", "join", false);
    add_state("!a:t", "m.room.topic", "", "@ann:t", "{\"topic\": \"x\"}");
    add_state("!a:t", "t", "b", "@ann:t", "{}");
    add_state("!a:t", "t", "a", "@bob:t", "{}");
    add_state("!a:t", "t", "c", "@bob:t", "{}");
    is("room.state", "{\"room_id\":\"!a:t\",\"type\":\"m.room.topic\"}",
       "{\"content\":{\"topic\": \"x\"},\"sender\":\"@ann:t\","
       "\"event_id\":\"$state\",\"origin_server_ts\":5}");
    is("room.state",
       "{\"room_id\":\"!a:t\",\"type\":\"m.room.topic\",\"state_key\":\"k\"}",
       "null");
    is("room.states", "{\"room_id\":\"!a:t\",\"type\":\"t\",\"max\":2}",
       "[{\"state_key\":\"a\",\"content\":{},\"sender\":\"@bob:t\"},"
       "{\"state_key\":\"b\",\"content\":{},\"sender\":\"@ann:t\"}]");
    is("room.states",
       "{\"room_id\":\"!a:t\",\"type\":\"t\",\"max\":2,\"after\":\"b\"}",
       "[{\"state_key\":\"c\",\"content\":{},\"sender\":\"@bob:t\"}]");
    is("room.states", "{\"room_id\":\"!a:t\",\"type\":\"u\"}", "[]");
}

static void power_is_read(void **state)
{
    (void)state;
    add_room("!a:t", "join", false);
    is("room.power", "{\"room_id\":\"!a:t\",\"user_id\":\"@x:t\"}", "0");
    add_state("!a:t", "m.room.create", "", "@ann:t",
              "{\"room_version\":\"12\"}");
    add_state("!a:t", "m.room.power_levels", "", "@ann:t",
              "{\"users\":{\"@bob:t\":50},\"ban\":60,"
              "\"events\":{\"m.room.topic\":70}}");
    is("room.power", "{\"room_id\":\"!a:t\",\"user_id\":\"@bob:t\"}", "50");
    is("room.power", "{\"room_id\":\"!a:t\",\"user_id\":\"@ann:t\"}",
       "\"creator\"");
    is("room.required_power", "{\"room_id\":\"!a:t\",\"action\":\"ban\"}",
       "60");
    is("room.required_power",
       "{\"room_id\":\"!a:t\",\"action\":\"m.room.topic\",\"state\":true}",
       "70");
}

/* ---- requests ---- */

static void last_is(const char *method, const char *url, const char *body)
{
    const struct fake_seen *seen = &fake->seen[fake->count - 1];
    char full[512];
    snprintf(full, sizeof(full), "https://hs.test/_matrix/client/v3%s", url);
    assert_string_equal(seen->method, method);
    assert_string_equal(seen->url, full);
    assert_string_equal(seen->body ? seen->body : "", body);
    assert_string_equal(fake_header(seen, "authorization"),
                        "Bearer secret-token");
}

static void expect(const char *method, const char *body)
{
    fake_on(fake, method, "hs.test", (struct fake_reply) { .body = body });
}

static void requests_go_out_as_the_specification_says(void **state)
{
    (void)state;
    expect("POST", "{\"room_id\":\"!a:t\",\"extra\":1}");
    is("room.join",
       "{\"room\":\"#a/b:t\",\"via\":[\"x.test\",\"y\"],\"reason\":\"hi\"}",
       "{\"room_id\":\"!a:t\"}");
    last_is("POST", "/join/%23a%2Fb%3At?via=x.test&via=y",
            "{\"reason\":\"hi\"}");
    expect("POST", "{}");
    is("room.leave", "{\"room_id\":\"!a:t\"}", "{}");
    last_is("POST", "/rooms/%21a%3At/leave", "{}");
    expect("POST", "{}");
    is("room.membership",
       "{\"room_id\":\"!a:t\",\"action\":\"kick\",\"user_id\":\"@x:t\","
       "\"reason\":\"spam\"}",
       "{}");
    last_is("POST", "/rooms/%21a%3At/kick",
            "{\"user_id\":\"@x:t\",\"reason\":\"spam\"}");
    expect("PUT", "{\"event_id\":\"$1\"}");
    is("room.set_state",
       "{\"room_id\":\"!a:t\",\"type\":\"m.room.topic\",\"content\":"
       "{\"topic\": \"x\"}}",
       "{\"event_id\":\"$1\"}");
    last_is("PUT", "/rooms/%21a%3At/state/m.room.topic/", "{\"topic\": \"x\"}");
    expect("GET", "{\"room_id\":\"!a:t\",\"servers\":[\"t\"]}");
    is("room.resolve", "{\"alias\":\"#a:t\"}",
       "{\"room_id\":\"!a:t\",\"servers\":[\"t\"]}");
    last_is("GET", "/directory/room/%23a%3At", "");
}

static void refusals_keep_the_servers_words(void **state)
{
    (void)state;
    fake_on(fake, "POST", "/ban",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\",\"x\":1}" });
    struct op *op =
        begin("room.membership", "{\"room_id\":\"!a:t\",\"action\":\"ban\","
                                 "\"user_id\":\"@x:t\"}");
    finish(op, 1000);
    assert_true(op->failed && op->writes);
    assert_int_equal(op->err.status, 403);
    assert_string_equal(op->err.errcode, "M_FORBIDDEN");
    assert_string_equal(buf_str(&op->result),
                        "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"no\","
                        "\"x\":1}");
    op_free(op);
    expect("POST", "{}");
    fails("room.join", "{\"room\":\"!a:t\"}", 1000, ERR_JSON);
}

static void a_join_is_not_repeated_blindly(void **state)
{
    (void)state;
    fake_on(fake, "POST", "/join", (struct fake_reply) { .fault = FAKE_LOST });
    fails("room.join", "{\"room\":\"!a:t\"}", 60000, ERR_NETWORK);
    assert_true(err.unknown);
    assert_int_equal(fake->count, 1);
    fake_on(fake, "PUT", "/state", (struct fake_reply) { .fault = FAKE_LOST });
    expect("PUT", "{\"event_id\":\"$1\"}");
    struct op *op =
        begin("room.set_state", "{\"room_id\":\"!a:t\",\"type\":\"t\","
                                "\"content\":{}}");
    finish(op, 60000);
    assert_false(op->failed);
    assert_int_equal(fake->count, 3);
    op_free(op);
}

static int warnings;

static void count_warnings(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)line;
    warnings += level == LOG_LEVEL_WARN;
}

static void writes_outlive_their_task_and_reads_do_not(void **state)
{
    (void)state;
    warnings = 0;
    log_set_sink(count_warnings, NULL);
    fake_on(fake, "POST", "/leave",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\"}",
                                  .delay_ms = 100 });
    fake_on(fake, "GET", "/directory",
            (struct fake_reply) { .body = "{}", .delay_ms = 100 });
    int before = woken;
    op_free(begin("room.leave", "{\"room_id\":\"!a:t\"}"));
    op_free(begin("room.resolve", "{\"alias\":\"#a:t\"}"));
    assert_int_equal(fake->open, 1);
    loop_advance(loop, 1000);
    assert_int_equal(fake->cancelled, 1);
    assert_int_equal(fake->open, 0);
    assert_int_equal(woken, before);
    assert_int_equal(warnings, 1);
    assert_null(host.detached);
    /* What is still under way at the end is cut, in silence. */
    fake_on(fake, "POST", "/leave",
            (struct fake_reply) { .body = "{}", .delay_ms = 100 });
    op_free(begin("room.leave", "{\"room_id\":\"!a:t\"}"));
    call_host_close(&host);
    assert_int_equal(fake->open, 0);
    log_set_sink(NULL, NULL);
    assert_int_equal(warnings, 1);
}

static void a_dry_run_sends_nothing(void **state)
{
    (void)state;
    host.dry_run = true;
    log_set_sink(count_warnings, NULL);
    is("room.leave", "{\"room_id\":\"!a:t\"}", "{}");
    is("room.join", "{\"room\":\"#a:t\"}", "{\"room_id\":\"!dry-run\"}");
    assert_int_equal(fake->count, 0);
    op_free(begin("room.leave", "{\"room_id\":\"!a:t\"}"));
    assert_int_equal(loop_pending(loop), 0);
    expect("GET", "{\"room_id\":\"!a:t\"}"); /* reads are real */
    is("room.resolve", "{\"alias\":\"#a:t\"}", "{\"room_id\":\"!a:t\"}");
    log_set_sink(NULL, NULL);
}

/* ---- room.members ---- */

#define MEMBER(user, membership, ts)                                           \
    "{\"type\":\"m.room.member\",\"state_key\":\"" user                        \
    "\",\"sender\":\"" user "\",\"event_id\":\"$m\",\"origin_server_ts\":" ts  \
    ",\"content\":{\"membership\":\"" membership                               \
    "\",\"displayname\":\"D\",\"junk\":[1]}}"
#define MEMBERS                                                                \
    "{\"chunk\":[" MEMBER(                                                     \
        "@a:t", "join",                                                        \
        "9") ",7,{\"type\":\"other\"}," MEMBER("@b:t", "leave",                \
                                               "4") "," MEMBER("@c:t", "join", \
                                                               "6") "]}"

static void ask_members(struct op **ops, int count)
{
    for (int i = 0; i < count; i++)
        ops[i] = begin("room.members", "{\"room_id\":\"!a:t\"}");
}

static void members_are_fetched_once_for_all_who_wait(void **state)
{
    struct op *ops[3];
    (void)state;
    add_room("!a:t", "join", false);
    add_state("!a:t", "m.room.member", "@b:t", "@b:t",
              "{\"membership\":\"join\"}"); /* of ts 5: newer than the 4 */
    fake_on(fake, "GET", "/rooms/%21a%3At/members",
            (struct fake_reply) { .body = MEMBERS, .delay_ms = 100 });
    int before = woken;
    ask_members(ops, 3);
    op_free(ops[1]);
    loop_advance(loop, 1000);
    assert_int_equal(woken, before + 2);
    assert_false(ops[0]->failed);
    assert_string_equal(buf_str(&ops[2]->result), "true");
    op_free(ops[0]);
    op_free(ops[2]);
    is("room.states", "{\"room_id\":\"!a:t\",\"type\":\"m.room.member\"}",
       "[{\"state_key\":\"@a:t\",\"content\":{\"membership\":\"join\","
       "\"displayname\":\"D\"},\"sender\":\"@a:t\"},"
       "{\"state_key\":\"@b:t\",\"content\":{\"membership\":\"join\"},"
       "\"sender\":\"@b:t\"},"
       "{\"state_key\":\"@c:t\",\"content\":{\"membership\":\"join\","
       "\"displayname\":\"D\"},\"sender\":\"@c:t\"}]");
    is("room.members", "{\"room_id\":\"!a:t\"}", "true"); /* no request */
    assert_int_equal(fake->count, 1);
}

static void a_fetch_nobody_waits_for_is_cancelled(void **state)
{
    struct op *ops[2];
    (void)state;
    add_room("!a:t", "join", false);
    fake_on(fake, "GET", "/members",
            (struct fake_reply) { .fault = FAKE_SILENT });
    ask_members(ops, 2);
    op_free(ops[0]);
    assert_int_equal(fake->open, 1);
    op_free(ops[1]);
    assert_int_equal(fake->open, 0);
    assert_null(host.member_lists);
}

static void members_that_do_not_come_are_a_failure(void **state)
{
    (void)state;
    add_room("!a:t", "join", false);
    fake_on(fake, "GET", "/members",
            (struct fake_reply) { .fault = FAKE_SILENT });
    fails("room.members", "{\"room_id\":\"!a:t\",\"timeout\":5}", 5000,
          ERR_TIMEOUT);
    assert_int_equal(fake->open, 0);
    expect("GET", "{\"chunk\":3}");
    fails("room.members", "{\"room_id\":\"!a:t\"}", 1000, ERR_JSON);
    fake_on(fake, "GET", "/members",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\"}" });
    fails("room.members", "{\"room_id\":\"!a:t\"}", 1000, ERR_MATRIX);
    refused("room.members", "{\"room_id\":\"!x:t\"}", ERR_DENIED,
            "has not joined !x:t");
}

static void a_write_that_is_queued_survives_the_close(void **state)
{
    struct op *op;
    (void)state;
    add_room("!a:t", "join", false);
    expect("GET", MEMBERS);
    op = begin("room.members", "{\"room_id\":\"!a:t\"}");
    while (fake->open > 0)
        loop_turn(loop);
    op_free(op);
    call_host_close(&host);
    store_flush(host.store);
    loop_advance(loop, 0);
    is("room.members", "{\"room_id\":\"!a:t\"}", "true");
    assert_int_equal(fake->count, 1);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    refused("room.join", "{}", ERR_MISUSE, "room.join: room must be a string");
    refused("room.join", "{\"room\":\"#a:t\",\"via\":[1]}", ERR_MISUSE, "via");
    refused("room.membership",
            "{\"room_id\":\"!a\",\"action\":\"delete\",\"user_id\":\"@a\"}",
            ERR_MISUSE, "action must be");
    refused("room.set_state", "{\"room_id\":\"!a\",\"type\":\"t\"}", ERR_MISUSE,
            "content must be an object");
    refused("room.state", "{\"room_id\":\"!a\"}", ERR_MISUSE, "type must be");
}

static void without_an_account_there_are_no_rooms(void **state)
{
    (void)state;
    refused("room.info", "{\"room_id\":\"!a\"}", ERR_MISUSE, "no account");
    refused("room.leave", "{\"room_id\":\"!a\"}", ERR_MISUSE, "no account");
    refused("room.members", "{\"room_id\":\"!a\"}", ERR_MISUSE, "no account");
    refused("account.rooms", "{}", ERR_MISUSE, "no account");
    is("account.info", "{}",
       "{\"account\":\"main\",\"prefix\":\"!\",\"admins\":[]}");
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_account, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rooms_are_told_as_the_store_has_them),
        TEST(the_account_is_told_without_its_token),
        TEST(state_is_read),
        TEST(power_is_read),
        TEST(requests_go_out_as_the_specification_says),
        TEST(refusals_keep_the_servers_words),
        TEST(a_join_is_not_repeated_blindly),
        TEST(writes_outlive_their_task_and_reads_do_not),
        TEST(a_dry_run_sends_nothing),
        TEST(members_are_fetched_once_for_all_who_wait),
        TEST(a_fetch_nobody_waits_for_is_cancelled),
        TEST(members_that_do_not_come_are_a_failure),
        TEST(a_write_that_is_queued_survives_the_close),
        TEST(nonsense_is_refused),
        cmocka_unit_test_setup_teardown(without_an_account_there_are_no_rooms,
                                        set_up_bare, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
