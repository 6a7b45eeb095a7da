/* layer: sync */
#include "sync_fixture.h"

#include "autojoin.h"
#include "session.h"

static struct session *session;
static struct autojoin *autojoin;
static int joined, failures, given_up;
static char last_room[64];

static void on_told(void *arg, const char *room_id, const char *inviter,
                    const struct err *why, bool gave_up)
{
    (void)arg;
    assert_true(inviter[0] == '@');
    joined += !why;
    failures += why && !gave_up;
    given_up += gave_up;
    snprintf(last_room, sizeof(last_room), "%s", room_id);
}

static void open_autojoin(enum autojoin_mode mode)
{
    static const char *const admins[] = { "@boss:hs", "@ann:hs" };
    struct autojoin_config config = {
        .loop = loop,
        .store = store,
        .session = session,
        .mode = mode,
        .admins = admins,
        .admin_count = 2,
        .told = on_told,
    };

    autojoin_free(autojoin);
    autojoin = autojoin_new(&config, &err);
    assert_non_null(autojoin);
}

static int set_up(void **state)
{
    joined = failures = given_up = 0;
    autojoin = NULL;
    if (set_up_sync(state) < 0)
        return -1;
    session = session_new(loop, &fake->transport, NULL, false, &err);
    ok(session_adopt(session, S("https://hs"), S(ME), S("DEV"),
                     S("token-of-the-test"), &err));
    open_autojoin(AUTOJOIN_ADMINS);
    return 0;
}

static int tear_down(void **state)
{
    autojoin_free(autojoin);
    session_free(session);
    return tear_down_sync(state);
}

static void invite(const char *room_id, const char *by)
{
    ingest(rooms("s", "invite", room_id,
                 quoted("{'invite_state':{'events':[{'type':'m.room.member',"
                        "'state_key':'" ME "','sender':'%s',"
                        "'content':{'membership':'invite'}}]}}",
                        by)));
    autojoin_look(autojoin);
}

static void join_is(struct fake_reply reply)
{
    fake_on(fake, "POST", "/join", reply);
}

static void only_of_whom_it_is_allowed(void **state)
{
    (void)state;
    open_autojoin(AUTOJOIN_NEVER);
    invite("!n", "@ann:hs");
    loop_advance(loop, 1000);
    open_autojoin(AUTOJOIN_ADMINS);
    ingest(rooms("s", "leave", "!n", "{}"));
    invite("!x", "@eve:hs");
    loop_advance(loop, 1000);
    assert_int_equal(fake_count(fake, "POST", ""), 0);
    join_is((struct fake_reply) { .body = "{\"room_id\":\"!a\"}" });
    invite("!a", "@ann:hs");
    assert_int_equal(joined, 0);
    loop_advance(loop, 1000);
    assert_int_equal(joined, 1);
    assert_string_equal(last_room, "!a");
    assert_int_equal(fake_count(fake, "POST", "/rooms/%21a/join"), 1);
    ingest(rooms("s", "join", "!a", "{}"));
    open_autojoin(AUTOJOIN_INVITED); /* at start: what is open already */
    join_is((struct fake_reply) { .body = "{}" });
    autojoin_look(autojoin);
    loop_advance(loop, 1000);
    assert_string_equal(last_room, "!x");
}

static void each_look_is_no_other_join(void **state)
{
    (void)state;
    join_is((struct fake_reply) { .body = "{}", .delay_ms = 5000 });
    invite("!a", "@ann:hs");
    for (int i = 0; i < 20; i++) {
        loop_advance(loop, 1000);
        autojoin_look(autojoin);
    }
    assert_int_equal(joined, 1);
}

static void failures_back_off_and_end(void **state)
{
    (void)state;
    join_is(
        (struct fake_reply) { .fault = FAKE_LOST, .times = LIMIT_JOIN_TRIES });
    invite("!a", "@ann:hs");
    loop_advance(loop, 24 * 3600 * 1000);
    assert_int_equal(failures, 1);
    assert_int_equal(given_up, 1);
    for (int i = 3; i < fake->count; i++)
        assert_true(fake->seen[i].at - fake->seen[i - 1].at >= 500);
    join_is((struct fake_reply) { .body = "{}" }); /* another invite */
    invite("!a", "@boss:hs");
    loop_advance(loop, 1000);
    assert_int_equal(joined, 1);
}

static void a_refusal_is_final_and_a_limit_is_not(void **state)
{
    (void)state;
    join_is((struct fake_reply) {
        .status = 429,
        .headers = "retry-after: 30",
        .body = "{\"errcode\":\"M_LIMIT_EXCEEDED\"}",
        .times = 3,
    });
    join_is((struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\"}" });
    invite("!a", "@ann:hs");
    loop_advance(loop, 24 * 3600 * 1000);
    assert_int_equal(given_up, 1);
    assert_int_equal(failures, 1);
    assert_int_equal(joined, 0);
}

static void what_is_no_invite_any_more_is_not_joined(void **state)
{
    (void)state;
    join_is((struct fake_reply) { .fault = FAKE_REFUSED });
    invite("!a", "@ann:hs");
    loop_advance(loop, 10);
    ingest(rooms("s", "leave", "!a", "{}"));
    autojoin_look(autojoin);
    loop_advance(loop, 24 * 3600 * 1000);
    assert_int_equal(joined + given_up, 0);
}

static void modes_have_names(void **state)
{
    enum autojoin_mode mode = AUTOJOIN_NEVER;

    (void)state;
    assert_int_equal(autojoin_parse("invited", &mode), 0);
    assert_int_equal(mode, AUTOJOIN_INVITED);
    assert_int_equal(autojoin_parse("admins", &mode), 0);
    assert_int_equal(mode, AUTOJOIN_ADMINS);
    assert_int_equal(autojoin_parse("everybody", &mode), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(only_of_whom_it_is_allowed),
        TEST(each_look_is_no_other_join),
        TEST(failures_back_off_and_end),
        TEST(a_refusal_is_final_and_a_limit_is_not),
        TEST(what_is_no_invite_any_more_is_not_joined),
        TEST(modes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
