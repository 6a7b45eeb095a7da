/* layer: sync */
#include "sync_fixture.h"

#include "inbox.h"
#include "session.h"
#include "sync_poll.h"

#define MINUTE 60000

static struct session *session;
static struct inbox *inbox;
static struct sync_poll *polling;
static int committed, firsts, lost, found, stopped;
static char last_error[512];

static void on_committed(void *arg, bool first)
{
    (void)arg;
    committed++;
    firsts += first;
}

static void on_lost(void *arg, const struct err *why)
{
    (void)arg;
    lost += why != NULL;
    found += why == NULL;
    if (why)
        snprintf(last_error, sizeof(last_error), "%s", why->text);
}

static void on_stopped(void *arg, const struct err *why)
{
    (void)arg;
    assert_non_null(why);
    stopped++;
}

static void open_poll(void)
{
    struct sync_poll_config config = {
        .loop = loop,
        .session = session,
        .store = store,
        .inbox = inbox,
        .outbox = outbox,
        .crypto = crypto,
        .interest = interest,
        .catch_up_ms = LIMIT_CATCH_UP_MS,
        .committed = on_committed,
        .lost = on_lost,
        .stopped = on_stopped,
    };

    polling = sync_poll_new(&config, &err);
    assert_non_null(polling);
}

static int set_up(void **state)
{
    committed = firsts = lost = found = stopped = 0;
    if (set_up_sync(state) < 0)
        return -1;
    want("echo", "timeline", "m.room.message");
    session = session_new(loop, &fake->transport, NULL, false, &err);
    assert_non_null(session);
    ok(session_adopt(session, S("https://hs"), S(ME), S("DEV"),
                     S("token-of-the-test"), &err));
    inbox = inbox_new(loop, store, &err);
    open_poll();
    return 0;
}

static int tear_down(void **state)
{
    sync_poll_free(polling);
    inbox_free(inbox);
    session_free(session);
    return tear_down_sync(state);
}

static void expect_filter(const char *id)
{
    fake_on(fake, "POST", "/user/%40me%3Ahs/filter",
            (struct fake_reply) {
                .body = quoted("{'filter_id':'%s'}", id),
            });
}

static void expect_sync(const char *url, struct fake_reply reply)
{
    fake_on(fake, "GET", url, reply);
}

static const struct fake_reply silent = { .fault = FAKE_SILENT };

/* The long poll at the end of a test. */
static void expect_rest(void)
{
    expect_sync("/sync", silent);
}

static const char *last_url(void)
{
    return fake->seen[fake->count - 1].url;
}

static int syncs(void)
{
    return fake_count(fake, "GET", "/sync");
}

/* ---- the happy path ---- */

static void the_first_answer_comes_at_once_then_it_polls(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync?timeout=0",
                (struct fake_reply) {
                    .body = rooms("s1", "join", "!a", timeline(msg("$1", 0))),
                });
    expect_sync("/sync?timeout=30000",
                (struct fake_reply) {
                    .body = rooms("s2", "join", "!a", timeline(msg("$2", 0))),
                    .delay_ms = 20000,
                });
    expect_rest();
    sync_poll_start(polling);
    assert_int_equal(fake->count, 0);
    loop_advance(loop, 1000);
    assert_int_equal(committed, 1);
    assert_int_equal(firsts, 1);
    assert_int_equal(sync_poll_last(polling), loop_wall(loop) - 1000);
    assert_contains(fake->seen[1].url, "&use_state_after=true");
    assert_contains(fake->seen[1].url, "&filter=f1");
    assert_null(strstr(fake->seen[1].url, "since="));
    assert_contains(last_url(), "&since=s1");
    loop_advance(loop, 20000);
    assert_int_equal(committed, 2);
    assert_int_equal(firsts, 1);
    assert_contains(last_url(), "&since=s2");
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $1|"
                                           "timeline !a m.room.message $2|");
    assert_int_equal(lost + found + stopped, 0);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("timeout=0", (struct fake_reply) {
                                 .body = rooms("s1", "join", "!a", "{}"),
                             });
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    sync_poll_free(polling);
    open_poll();
    char answer[8192];
    snprintf(answer, sizeof(answer), "%s",
             rooms("s2", "join", "!a",
                   timeline(quoted("%s,%s", msg("$old", 2 * LIMIT_CATCH_UP_MS),
                                   msg("$new", 0)))));
    expect_sync("timeout=0", (struct fake_reply) { .body = answer });
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    assert_int_equal(firsts, 2);
    assert_contains(fake->seen[3].url, "since=s1");
    assert_contains(fake->seen[3].url, "filter=f1"); /* not uploaded again */
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $new|");
}

/* ---- outages ---- */

static void an_outage_costs_few_requests_and_is_told_once(void **state)
{
    (void)state;
    fake_on(fake, "POST", "/filter",
            (struct fake_reply) { .fault = FAKE_REFUSED, .times = -1 });
    sync_poll_start(polling);
    loop_advance(loop, MINUTE);
    assert_in_range(fake->count, 4, LIMIT_FIRST_MINUTE_REQUESTS);
    int before = fake->count;
    loop_advance(loop, 60 * MINUTE);
    assert_in_range(fake->count - before, 58, 121);
    for (int i = before + 1; i < fake->count; i++)
        assert_true(fake->seen[i].at - fake->seen[i - 1].at >= 29999);
    assert_int_equal(lost, 1);
    assert_int_equal(found + stopped + committed, 0);
}

static void its_end_is_told_once_too(void **state)
{
    const struct fake_reply faults[] = {
        { .fault = FAKE_LOST },
        { .status = 502, .body = "<html>" },
        { .status = 500 },
        { .status = 404, .body = "{\"errcode\":\"M_UNRECOGNIZED\"}" },
        { .body = "<html>" },
        { .body = "{\"rooms\":{}}" },               /* no next_batch */
        { .body = "{\"next_batch\":\"s9\",\"roo" }, /* cut */
        { .body = "" },
        { .body = "{\"next_batch\":\"s9\"}", .fault = FAKE_CUT, .cut = 8 },
        { .fault = FAKE_SILENT },
    };

    (void)state;
    expect_filter("f1");
    expect_filter("f2"); /* after the 404 */
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        expect_sync("timeout=0", faults[i]);
    expect_sync("timeout=0", (struct fake_reply) {
                                 .body = rooms("s1", "join", "!a", "{}"),
                             });
    expect_rest();
    sync_poll_start(polling);
    for (int i = 0; i < 900 && committed == 0; i++)
        loop_advance(loop, 1000);
    assert_int_equal(lost, 1);
    assert_int_equal(found, 1);
    assert_int_equal(committed, 1);
    assert_int_equal(firsts, 1);
    assert_string_equal(meta("next_batch"), "s1");
    for (int i = 0; i < fake->count - 1; i++)
        assert_null(strstr(fake->seen[i].url, "since="));
}

static void a_rate_limit_is_waited_for(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync", (struct fake_reply) {
                             .status = 429,
                             .headers = "retry-after: 90",
                             .body = "{\"errcode\":\"M_LIMIT_EXCEEDED\"}",
                         });
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 89000);
    assert_int_equal(syncs(), 1);
    loop_advance(loop, 2000);
    assert_int_equal(syncs(), 2);
}

static void silence_ends_a_long_poll_but_slow_bodies_do_not(void **state)
{
    static char body[8192];

    (void)state;
    expect_filter("f1");
    snprintf(body, sizeof(body), "%s",
             rooms("s1", "join", "!a", timeline(msg("$1", 0))));
    expect_sync("timeout=0", (struct fake_reply) {
                                 .body = body, .piece = 10, .gap_ms = 20000 });
    expect_sync("timeout=30000", silent);
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 20000 * (int64_t)(strlen(body) / 10 + 1));
    assert_int_equal(committed, 1);
    assert_int_equal(lost, 0);
    loop_advance(loop, LIMIT_SYNC_TIMEOUT_MS + LIMIT_SYNC_MARGIN_MS + 2000);
    assert_int_equal(lost, 1);
    assert_int_equal(syncs(), 3);
}

static void a_full_disk_moves_no_token(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync", (struct fake_reply) {
                             .body = rooms("s1", "join", "!a", "{}"),
                         });
    sync_poll_start(polling);
    expect_sync("since=s1",
                (struct fake_reply) {
                    .body = rooms("s2", "join", "!a", timeline(msg("$2", 0))),
                    .times = -1,
                });
    expect_sync("since=s2", silent);
    while (committed == 0)
        loop_turn(loop);
    break_disk(true);
    loop_advance(loop, 10 * MINUTE);
    assert_in_range(syncs(), 8, 40);
    assert_int_equal(lost, 1);
    assert_int_equal(committed, 1);
    assert_string_equal(meta("next_batch"), "s1");
    for (int i = 2; i < fake->count; i++)
        assert_contains(fake->seen[i].url, "since=s1");
    break_disk(false);
    for (int i = 0; i < 120 && found == 0; i++)
        loop_advance(loop, 1000);
    assert_int_equal(found, 1);
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $2|");
}

/* ---- servers that go in circles ---- */

static bool circle(void *arg, const struct fake_seen *seen,
                   struct fake_reply *reply)
{
    const char *mode = arg;
    static char body[4096];

    if (!strstr(seen->url, "/sync"))
        return false;
    *reply = (struct fake_reply) { .body = body };
    if (strcmp(mode, "same") == 0)
        snprintf(body, sizeof(body), "{\"next_batch\":\"s1\"}");
    else if (strcmp(mode, "events") == 0)
        snprintf(body, sizeof(body), "%s",
                 rooms("s1", "join", "!a", timeline(msg("$1", 0))));
    else if (strcmp(mode, "back") == 0)
        snprintf(body, sizeof(body), "{\"next_batch\":\"%s\"}",
                 strstr(seen->url, "since=s1") ? "s2" : "s1");
    else /* new tokens, nothing behind them */
        snprintf(body, sizeof(body), "{\"next_batch\":\"n%d\"}", fake->count);
    return true;
}

static void a_server_in_circles_makes_no_hot_loop(void **state)
{
    static const char *const modes[] = { "same", "events", "back", "new" };

    (void)state;
    expect_filter("f1");
    fake->answer = circle;
    sync_poll_start(polling);
    for (int i = 0; i < 4; i++) {
        fake->answer_arg = (void *)modes[i];
        loop_advance(loop, 5000); /* what the one before left behind */
        int before = syncs();
        loop_advance(loop, MINUTE);
        assert_in_range(syncs() - before, 50, 75);
    }
    assert_int_equal(lost, 0);
    fake->answer = NULL;
    expect_rest();
    loop_advance(loop, 2000);
}

/* ---- logins ---- */

static void a_dead_login_ends_it(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync", (struct fake_reply) {
                             .status = 401,
                             .body = "{\"errcode\":\"M_UNKNOWN_TOKEN\","
                                     "\"soft_logout\":false}",
                         });
    sync_poll_start(polling);
    loop_advance(loop, 60 * MINUTE);
    assert_int_equal(stopped, 1);
    assert_int_equal(lost + committed, 0);
    assert_int_equal(syncs(), 1);
    sync_poll_interest_changed(polling);
    loop_advance(loop, MINUTE);
    assert_int_equal(fake->count, 2);
}

static void a_locked_account_is_looked_at_slowly(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync", (struct fake_reply) {
                             .status = 401,
                             .body = "{\"errcode\":\"M_USER_LOCKED\","
                                     "\"soft_logout\":true}",
                             .times = 10,
                         });
    sync_poll_start(polling);
    loop_advance(loop, 9 * MINUTE + 1000);
    assert_int_equal(syncs(), 10);
    assert_int_equal(lost, 1);
    assert_int_equal(stopped, 0);
    expect_sync("/sync", (struct fake_reply) {
                             .body = rooms("s1", "join", "!a", "{}"),
                         });
    expect_rest();
    loop_advance(loop, MINUTE);
    assert_int_equal(found, 1);
    assert_int_equal(committed, 1);
}

/* ---- bounds, filters, stopping ---- */

static void a_full_inbox_makes_sync_wait(void **state)
{
    int64_t id = 0;

    (void)state;
    begin();
    for (int i = 0; i < LIMIT_UNFINISHED; i++) {
        struct store_event event = {
            .batch = 1,
            .idx = i,
            .room_id = S("!r"),
            .section = S("timeline"),
            .type = S("m.room.message"),
            .json = S("{}"),
        };
        ok(store_inbox_add(store, &event, &id, &err));
        ok(store_delivery_add(store, id, "echo", &err));
    }
    commit();
    sync_poll_start(polling);
    loop_advance(loop, 20000);
    assert_int_equal(fake->count, 0);
    inbox_mark(inbox, 1, STORE_DONE, NULL);
    expect_filter("f1");
    expect_rest();
    loop_advance(loop, 2000);
    assert_int_equal(syncs(), 1);
}

static void another_interest_is_another_filter(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("timeout=0", (struct fake_reply) {
                                 .body = rooms("s1", "join", "!a", "{}"),
                             });
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    sync_poll_interest_changed(polling); /* it did not */
    loop_advance(loop, 1000);
    assert_int_equal(fake->cancelled, 0);
    want("echo", "timeline", "org.example.thing");
    expect_filter("f2");
    expect_sync(
        "filter=f2&full_state=true",
        (struct fake_reply) { .body = rooms("s1", "join", "!a", "{}") });
    expect_rest();
    sync_poll_interest_changed(polling);
    loop_advance(loop, 5000);
    assert_int_equal(fake->cancelled, 1);
    assert_contains(last_url(), "filter=f2");
    assert_null(strstr(last_url(), "full_state"));
    /* Fewer wishes need no state again, nor does a restart. */
    sync_poll_free(polling);
    open_poll();
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    assert_null(strstr(last_url(), "full_state"));
    assert_contains(last_url(), "since=s1");
}

static void a_server_without_filters_gets_them_inline(void **state)
{
    (void)state;
    fake_on(fake, "POST", "/filter",
            (struct fake_reply) {
                .status = 404,
                .body = "{\"errcode\":\"M_UNRECOGNIZED\"}",
            });
    expect_sync("&filter=%7B%22room%22%3A", silent);
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    assert_int_equal(syncs(), 1);
    assert_int_equal(lost, 0);
}

static void a_filter_the_server_lost_is_uploaded_again(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("filter=f1", (struct fake_reply) {
                                 .status = 404,
                                 .body = "{\"errcode\":\"M_NOT_FOUND\"}",
                             });
    expect_filter("f2");
    expect_sync("filter=f2", silent);
    sync_poll_start(polling);
    loop_advance(loop, 2000);
    assert_int_equal(syncs(), 2);
    assert_string_equal(meta("filter_id"), "f2");
}

static void stop_ends_the_request_and_start_goes_on(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    sync_poll_stop(polling);
    assert_int_equal(fake->open, 0);
    loop_advance(loop, MINUTE);
    assert_int_equal(syncs(), 1);
    expect_rest();
    sync_poll_start(polling);
    loop_advance(loop, 1000);
    assert_int_equal(syncs(), 2);
}

static void an_ingest_that_began_is_finished(void **state)
{
    (void)state;
    expect_filter("f1");
    expect_sync("/sync", (struct fake_reply) {
                             .body = rooms("s1", "join", "!a", "{}"),
                         });
    sync_poll_start(polling);
    while (syncs() == 0)
        loop_turn(loop);
    while (fake->open > 0)
        loop_turn(loop); /* now it is here, and not stored */
    sync_poll_stop(polling);
    assert_int_equal(committed, 0);
    loop_advance(loop, MINUTE);
    assert_int_equal(committed, 1);
    assert_string_equal(meta("next_batch"), "s1");
    assert_int_equal(syncs(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_first_answer_comes_at_once_then_it_polls),
        TEST(a_restart_goes_on_where_it_was),
        TEST(an_outage_costs_few_requests_and_is_told_once),
        TEST(its_end_is_told_once_too),
        TEST(a_rate_limit_is_waited_for),
        TEST(silence_ends_a_long_poll_but_slow_bodies_do_not),
        TEST(a_full_disk_moves_no_token),
        TEST(a_server_in_circles_makes_no_hot_loop),
        TEST(a_dead_login_ends_it),
        TEST(a_locked_account_is_looked_at_slowly),
        TEST(a_full_inbox_makes_sync_wait),
        TEST(another_interest_is_another_filter),
        TEST(a_server_without_filters_gets_them_inline),
        TEST(a_filter_the_server_lost_is_uploaded_again),
        TEST(stop_ends_the_request_and_start_goes_on),
        TEST(an_ingest_that_began_is_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
