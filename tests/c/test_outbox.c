/* layer: delivery */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transport_fake.h"

#include "delivery_fixture.h"

#include "homeserver.h"
#include "limits.h"
#include "log.h"
#include "outbox.h"

static struct fake *fake;
static struct homeserver *homeserver;
static struct crypto *crypto;
static struct outbox *outbox;
static bool dry_run;
static bool synced; /* before the outbox starts */

/* ---- rig ---- */

static int lost;
static char lost_text[256];

static void on_lost(void *arg, const struct store_outbox_row *row,
                    const struct err *why)
{
    (void)arg;
    lost++;
    snprintf(lost_text, sizeof(lost_text), "%.*s %.*s: %s",
             SLICE_ARG(row->room_id), SLICE_ARG(row->txn_id), why->errcode);
}

static void open_outbox(void)
{
    struct outbox_config config = {
        .loop = loop,
        .store = store,
        .homeserver = homeserver,
        .crypto = crypto,
        .dry_run = dry_run,
        .lost = on_lost,
    };

    outbox = outbox_new(&config, &err);
    assert_non_null(outbox);
    if (synced)
        outbox_synced(outbox);
    ok(outbox_start(outbox, &err));
}

static void open_network(void)
{
    fake = fake_new(loop);
    homeserver =
        homeserver_new(loop, &fake->transport, S("https://hs"), false, &err);
    assert_non_null(homeserver);
    ok(homeserver_set_token(homeserver, S("token-of-the-test"), &err));
}

static void close_network(void)
{
    homeserver_free(homeserver);
    fake_end(fake);
}

static void join_room(const char *room_id)
{
    begin();
    ok(store_room_set_membership(store, S(room_id), S("join"), &err));
    commit();
}

static int set_up(void **state)
{
    if (set_up_memory(state) < 0)
        return -1;
    lost = 0;
    dry_run = false;
    synced = true;
    crypto = crypto_new(store, &err);
    open_network();
    open_outbox();
    join_room("!r");
    join_room("!s");
    return 0;
}

static int tear_down(void **state)
{
    outbox_free(outbox);
    close_network();
    crypto_free(crypto);
    return tear_down_memory(state);
}

/* As after kill -9: what is in memory is gone, what is on disk is not. */
static void restart(void)
{
    outbox_free(outbox);
    homeserver_free(homeserver);
    fake_free(&fake->transport);
    open_network();
    open_outbox();
}

struct sent {
    struct outbox_wait *wait;
    struct err err; /* when done and not ok */
    int done;
    bool ok;
    char event_id[64];
};

static void on_done(void *arg, struct slice event_id, const struct err *why)
{
    struct sent *sent = arg;

    sent->wait = NULL;
    sent->done++;
    sent->ok = !why;
    snprintf(sent->event_id, sizeof(sent->event_id), "%.*s",
             SLICE_ARG(event_id));
    if (why)
        sent->err = *why;
}

static struct outbox_send message(const char *room_id, const char *txn_id)
{
    return (struct outbox_send) {
        .script = "echo",
        .txn_id = S(txn_id),
        .room_id = S(room_id),
        .type = S("m.room.message"),
        .content = S("{\"body\":\"hello\"}"),
    };
}

static void put(struct sent *sent, const char *room_id, const char *txn_id)
{
    struct outbox_send send = message(room_id, txn_id);

    memset(sent, 0, sizeof(*sent));
    sent->wait = outbox_put(outbox, &send, on_done, sent, &err);
    if (!sent->wait)
        fail_msg("%s", err.text);
    assert_int_equal(sent->done, 0);
}

static const struct fake_reply taken = { .body = "{\"event_id\":\"$e\"}" };

static void expect(const char *url, struct fake_reply reply)
{
    fake_on(fake, "PUT", url, reply);
}

/* ---- tests ---- */

static void the_row_is_on_disk_before_the_first_byte(void **state)
{
    struct sent sent;
    struct store_outbox_row row;

    (void)state;
    expect("/rooms/%21r/send/m.room.message/t1", taken);
    break_disk(true);
    put(&sent, "!r", "t0");
    loop_advance(loop, 1000);
    assert_int_equal(sent.done, 1);
    assert_false(sent.ok);
    assert_int_equal(sent.err.kind, ERR_STORE);
    assert_int_equal(fake->count, 0);
    break_disk(false);
    put(&sent, "!r", "t1");
    assert_int_equal(fake->count, 0);
    assert_int_equal(outbox_pending(outbox), 1);
    loop_advance(loop, 0);
    assert_int_equal(sent.done, 1);
    assert_string_equal(sent.event_id, "$e");
    assert_string_equal(fake->seen[0].body, "{\"body\":\"hello\"}");
    assert_int_equal(outbox_pending(outbox), 0);
    assert_int_equal(store_outbox_find(store, S("t1"), &row, &err), 1);
    assert_int_equal(row.state, STORE_SEND_SENT);
    assert_slice(row.event_id, "$e");
    assert_int_equal(lost, 0);
}

static void the_same_id_again_answers_the_same(void **state)
{
    struct sent a, b, c;

    (void)state;
    expect("/t1", (struct fake_reply) { .body = taken.body, .delay_ms = 50 });
    put(&a, "!r", "t1");
    put(&b, "!r", "t1"); /* waits for the one on its way */
    loop_advance(loop, 10);
    outbox_detach(a.wait);
    loop_advance(loop, 100);
    assert_int_equal(a.done, 0);
    assert_int_equal(b.done, 1);
    put(&c, "!r", "t1"); /* settled */
    loop_advance(loop, 0);
    assert_int_equal(c.done, 1);
    assert_string_equal(c.event_id, "$e");
    assert_int_equal(fake->count, 1);
    put(&a, "!r", "t1");
    outbox_detach(a.wait); /* before it was told */
    loop_advance(loop, 0);
    assert_int_equal(a.done, 0);
}

static void in_order_per_room_rooms_side_by_side(void **state)
{
    struct sent sent[6];
    char txn_id[8];

    (void)state;
    fake_on(fake, "PUT", "/rooms/%21r/",
            (struct fake_reply) {
                .body = taken.body, .delay_ms = 100, .times = 3 });
    fake_on(fake, "PUT", "/rooms/%21s/",
            (struct fake_reply) { .body = taken.body, .times = 3 });
    for (int i = 0; i < 6; i++) {
        snprintf(txn_id, sizeof(txn_id), "t%d", i);
        put(&sent[i], i % 2 ? "!s" : "!r", txn_id);
    }
    loop_advance(loop, 50);
    assert_int_equal(fake_count(fake, "PUT", "/rooms/%21r/"), 1);
    assert_int_equal(fake_count(fake, "PUT", "/rooms/%21s/"), 3);
    assert_int_equal(fake->open, 1);
    loop_advance(loop, 1000);
    const char *before = "";
    for (int i = 0; i < fake->count; i++) {
        if (!strstr(fake->seen[i].url, "%21r"))
            continue;
        const char *txn = strrchr(fake->seen[i].url, '/');
        assert_true(strcmp(before, txn) < 0);
        before = txn;
    }
    for (int i = 0; i < 6; i++)
        assert_int_equal(sent[i].done, 1);
}

static void a_lost_reply_is_asked_for_with_the_same_id(void **state)
{
    struct sent sent;

    (void)state;
    expect("/t1", (struct fake_reply) { .fault = FAKE_LOST, .times = 2 });
    expect("/t1", (struct fake_reply) {
                      .body = taken.body, .fault = FAKE_CUT, .cut = 5 });
    expect("/t1", (struct fake_reply) { .status = 502, .body = "<html>" });
    expect("/t1", taken);
    put(&sent, "!r", "t1");
    loop_advance(loop, 300000);
    assert_int_equal(sent.done, 1);
    assert_true(sent.ok);
    for (int i = 0; i < fake->count; i++)
        assert_string_equal(fake->seen[i].url, fake->seen[0].url);
}

static void a_long_outage_ends_in_one_send(void **state)
{
    struct sent sent[2];

    (void)state;
    fake_on(fake, "PUT", "/rooms/",
            (struct fake_reply) { .fault = FAKE_REFUSED, .times = 30 });
    fake_on(fake, "PUT", "/rooms/",
            (struct fake_reply) { .body = taken.body, .times = 2 });
    put(&sent[0], "!r", "t1");
    put(&sent[1], "!r", "t2");
    loop_advance(loop, 3600 * 1000);
    assert_int_equal(sent[0].done + sent[1].done, 2);
    assert_int_equal(fake->count, 32);
    assert_non_null(strstr(fake->seen[30].url, "/t1"));
    assert_non_null(strstr(fake->seen[31].url, "/t2"));
}

static void limits_brake_but_lose_nothing(void **state)
{
    const struct {
        const char *headers, *body;
        int64_t at_least, at_most;
    } cases[] = {
        { "retry-after: 5", "{\"errcode\":\"M_LIMIT_EXCEEDED\"}", 5000, 8000 },
        { "", "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":7000}",
          7000, 10000 },
        { "retry-after: 99999999", "{\"errcode\":\"M_LIMIT_EXCEEDED\"}",
          LIMIT_RETRY_AFTER_MS, LIMIT_RETRY_AFTER_MS + 130000 },
        { "retry-after: -5", "{\"errcode\":\"M_LIMIT_EXCEEDED\"}", 0, 70000 },
    };

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct sent a, b;
        char one[8], two[8];
        snprintf(one, sizeof(one), "a%d", i);
        snprintf(two, sizeof(two), "b%d", i);
        expect(one, (struct fake_reply) { .status = 429,
                                          .headers = cases[i].headers,
                                          .body = cases[i].body });
        expect(one, taken);
        expect(two, taken);
        put(&a, "!r", one);
        put(&b, "!r", two);
        int before = fake->count;
        loop_advance(loop, 1000000);
        assert_int_equal(a.done + b.done, 2);
        assert_true(a.ok && b.ok);
        int64_t gap = fake->seen[before + 1].at - fake->seen[before].at;
        assert_in_range(gap, cases[i].at_least, cases[i].at_most);
        assert_non_null(strstr(fake->seen[before + 2].url, two));
    }
}

static void a_refusal_is_final_and_the_next_one_goes(void **state)
{
    struct sent a, b;

    (void)state;
    expect("/t1", (struct fake_reply) {
                      .status = 403,
                      .body = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"no\"}",
                  });
    expect("/t2", taken);
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    loop_advance(loop, 1000);
    assert_int_equal(a.done, 1);
    assert_false(a.ok);
    assert_string_equal(a.err.errcode, "M_FORBIDDEN");
    assert_true(b.ok);
    /* Asked again, by a handler that runs again: the same answer. */
    put(&a, "!r", "t1");
    loop_advance(loop, 1000);
    assert_int_equal(a.done, 1);
    assert_string_equal(a.err.errcode, "M_FORBIDDEN");
    assert_int_equal(a.err.status, 403);
    assert_int_equal(fake->count, 2);
    assert_int_equal(lost, 0);
}

static void a_refusal_nobody_waits_for_is_a_dead_letter(void **state)
{
    struct sent a;

    (void)state;
    expect("/t1", (struct fake_reply) {
                      .status = 403,
                      .body = "{\"errcode\":\"M_FORBIDDEN\"}",
                      .delay_ms = 10,
                  });
    put(&a, "!r", "t1");
    outbox_detach(a.wait);
    loop_advance(loop, 1000);
    assert_int_equal(a.done, 0);
    assert_int_equal(lost, 1);
    assert_string_equal(lost_text, "!r t1: M_FORBIDDEN");
}

static void senseless_answers_are_given_up_after_some_tries(void **state)
{
    struct sent a, b;

    (void)state;
    expect("/t1", (struct fake_reply) { .body = "{}" });
    expect("/t1", (struct fake_reply) { .body = "" });
    expect("/t1", (struct fake_reply) { .status = 500, .body = "oops" });
    expect("/t1", taken);
    expect("/t2",
           (struct fake_reply) { .status = 520, .times = LIMIT_OUTBOX_ODD });
    put(&a, "!r", "t1");
    loop_advance(loop, 600000);
    assert_int_equal(a.done, 1);
    assert_true(a.ok);
    put(&b, "!r", "t2");
    loop_advance(loop, 600000);
    assert_int_equal(b.done, 1);
    assert_int_equal(b.err.status, 520);
}

static void what_was_sent_is_settled_when_the_disk_is_well_again(void **state)
{
    struct sent a;
    struct store_outbox_row row;

    (void)state;
    expect("/t1", (struct fake_reply) { .body = taken.body, .delay_ms = 100 });
    put(&a, "!r", "t1");
    loop_advance(loop, 50);
    break_disk(true);
    loop_advance(loop, 100000);
    assert_int_equal(a.done, 1); /* it is sent, that is true already */
    assert_true(a.ok);
    assert_int_equal(store_outbox_find(store, S("t1"), &row, &err), 1);
    assert_int_equal(row.state, STORE_SEND_WAITING);
    put(&a, "!r", "t1");
    loop_advance(loop, 0);
    assert_string_equal(a.event_id, "$e");
    break_disk(false);
    loop_advance(loop, LIMIT_RETRY_LAST_MS);
    assert_int_equal(store_outbox_find(store, S("t1"), &row, &err), 1);
    assert_int_equal(row.state, STORE_SEND_SENT);
    assert_int_equal(fake->count, 1);
}

static void a_redaction_has_its_own_path(void **state)
{
    struct sent sent = { 0 };
    struct outbox_send send = message("!r", "t1");

    (void)state;
    send.type = S("m.room.redaction");
    send.redacts = S("$a/b+c");
    send.content = S("{\"reason\":\"spam\"}");
    expect("/_matrix/client/v3/rooms/%21r/redact/%24a%2Fb%2Bc/t1", taken);
    sent.wait = outbox_put(outbox, &send, on_done, &sent, &err);
    loop_advance(loop, 0);
    assert_true(sent.ok);
}

/* ---- restarts ---- */

static void after_a_crash_the_same_ids_go_out_in_order(void **state)
{
    struct sent a, b, c;

    (void)state;
    expect("/t1", (struct fake_reply) { .fault = FAKE_SILENT });
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    put(&c, "!s", "t3");
    expect("/t3", (struct fake_reply) { .fault = FAKE_SILENT });
    loop_advance(loop, 10);
    assert_int_equal(fake->count, 2);
    restart();
    fake_on(fake, "PUT", "/rooms/",
            (struct fake_reply) { .body = taken.body, .times = 3 });
    assert_int_equal(outbox_pending(outbox), 3);
    put(&a, "!r", "t1"); /* the handler runs again, and waits for its row */
    loop_advance(loop, 1000);
    assert_int_equal(a.done, 1);
    assert_int_equal(fake->count, 3);
    assert_int_equal(fake_count(fake, "PUT", "/t1"), 1);
    assert_int_equal(fake_count(fake, "PUT", "/t2"), 1);
    restart();
    loop_advance(loop, 1000);
    assert_int_equal(fake->count, 0); /* all settled */
}

static void untried_rows_of_handlers_that_run_again_are_dropped(void **state)
{
    struct store_event event = {
        .batch = 1,
        .room_id = S("!r"),
        .event_id = S("$1"),
        .section = S("timeline"),
        .type = S("m.room.message"),
        .json = S("{}"),
    };
    struct outbox_send send = message("!r", "t2");
    struct sent a;
    int64_t id = 0;

    (void)state;
    begin();
    ok(store_inbox_add(store, &event, &id, &err));
    ok(store_delivery_add(store, id, "echo", &err));
    commit();
    expect("/t1", (struct fake_reply) { .fault = FAKE_SILENT });
    put(&a, "!r", "t1");
    loop_advance(loop, 0);
    send.cause = number(&store->account, "SELECT id FROM delivery");
    outbox_detach(outbox_put(outbox, &send, on_done, NULL, &err));
    loop_advance(loop, 0);
    assert_int_equal(outbox_pending(outbox), 2);
    restart();
    expect("/t1", taken);
    loop_advance(loop, 1000);
    assert_int_equal(outbox_pending(outbox), 0);
    assert_int_equal(fake->count, 1);
}

static void a_row_tried_long_ago_waits_for_its_echo(void **state)
{
    struct sent a, b;

    (void)state;
    expect("/t1", (struct fake_reply) { .fault = FAKE_SILENT });
    expect("/t2", (struct fake_reply) { .fault = FAKE_SILENT });
    put(&a, "!r", "t1");
    put(&b, "!s", "t2");
    loop_advance(loop, 1000);
    outbox_free(outbox);
    loop_advance(loop, LIMIT_RESEND_AGE_MS);
    homeserver_free(homeserver);
    fake_free(&fake->transport);
    open_network();
    open_outbox();
    loop_advance(loop, 60000);
    assert_int_equal(fake->count, 0);
    /* The first came back in a sync; the second one did not. */
    put(&a, "!r", "t1");
    begin();
    ok(outbox_echo(outbox, S("t1"), S("$echo"), &err));
    ok(outbox_echo(outbox, S("unknown"), S("$other"), &err));
    commit();
    outbox_synced(outbox);
    expect("/t2", taken);
    loop_advance(loop, 1000);
    assert_int_equal(a.done, 1);
    assert_string_equal(a.event_id, "$echo");
    assert_int_equal(fake->count, 1);
    assert_int_equal(outbox_pending(outbox), 0);
}

static void an_echo_settles_what_is_on_the_wire(void **state)
{
    struct sent a, b;

    (void)state;
    expect("/t1", (struct fake_reply) { .fault = FAKE_SILENT });
    expect("/t2", taken);
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    loop_advance(loop, 100);
    begin();
    ok(outbox_echo(outbox, S("t1"), S("$echo"), &err));
    assert_int_equal(a.done, 0);
    commit();
    loop_advance(loop, 100);
    assert_int_equal(a.done, 1);
    assert_string_equal(a.event_id, "$echo");
    assert_int_equal(b.done, 1);
    assert_int_equal(fake->cancelled, 1);
    restart();
    assert_int_equal(outbox_pending(outbox), 0);
}

static void what_is_not_committed_yet_outlives_the_outbox(void **state)
{
    struct sent a, b;

    (void)state;
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    restart(); /* its rows are committed while it goes */
    assert_int_equal(a.done + b.done, 0);
    assert_int_equal(outbox_pending(outbox), 2);
    fake_on(fake, "PUT", "/rooms/%21r/",
            (struct fake_reply) { .body = taken.body, .times = 2 });
    loop_advance(loop, 1000);
    assert_int_equal(fake->count, 2);
    assert_non_null(strstr(fake->seen[0].url, "/t1"));
    assert_int_equal(outbox_pending(outbox), 0);
}

static void an_id_belongs_to_one_room(void **state)
{
    struct sent a, b;
    struct outbox_send send = message("!s", "t1");

    (void)state;
    expect("/rooms/%21r/send/m.room.message/t1", taken);
    put(&a, "!r", "t1");
    for (int i = 0; i < 3; i++) { /* stored, on the wire, settled */
        assert_null(outbox_put(outbox, &send, on_done, &b, &err));
        assert_int_equal(err.kind, ERR_MISUSE);
        assert_non_null(strstr(err.text, "!r"));
        loop_advance(loop, i * 1000);
    }
    assert_true(a.ok);
    assert_int_equal(fake->count, 1);
}

/* ---- encryption ---- */

static void encrypt_room(const char *room_id)
{
    begin();
    ok(store_room_set_encrypted(store, S(room_id), &err));
    commit();
}

static void nothing_goes_into_an_encrypted_room(void **state)
{
    struct sent a = { 0 };
    struct outbox_send send = message("!r", "t1");

    (void)state;
    encrypt_room("!r");
    assert_null(outbox_put(outbox, &send, on_done, &a, &err));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    send.redacts = S("$e");
    assert_null(outbox_put(outbox, &send, on_done, &a, &err));
    loop_advance(loop, 1000);
    assert_int_equal(fake->count + a.done, 0);
    assert_int_equal(outbox_pending(outbox), 0);
}

static void the_latch_counts_for_what_waits_already(void **state)
{
    struct sent a, b;

    (void)state;
    expect("/t1", (struct fake_reply) { .fault = FAKE_LOST, .delay_ms = 100 });
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    loop_advance(loop, 10);
    encrypt_room("!r");
    outbox_synced(outbox); /* the response that brought it is committed */
    loop_advance(loop, 1000000);
    assert_int_equal(fake->count, 1);
    assert_int_equal(a.err.kind, ERR_UNSUPPORTED);
    assert_true(a.err.unknown); /* the first try may have got through */
    assert_int_equal(b.err.kind, ERR_UNSUPPORTED);
    assert_false(b.err.unknown);
}

static void a_room_sync_never_brought_is_asked_about(void **state)
{
    static const char url[] =
        "/_matrix/client/v3/rooms/%21new/state/m.room.encryption";
    const struct {
        struct fake_reply reply;
        bool sent;
        enum err_kind kind;
    } cases[] = {
        { { .status = 404, .body = "{\"errcode\":\"M_NOT_FOUND\"}" }, true, 0 },
        { { .body = "{\"algorithm\":\"m.megolm.v1.aes-sha2\"}" },
          false,
          ERR_UNSUPPORTED },
        { { .body = "{}" }, false, ERR_UNSUPPORTED },
        { { .status = 403, .body = "{\"errcode\":\"M_FORBIDDEN\"}" },
          false,
          ERR_MATRIX },
        { { .status = 404, .body = "{\"errcode\":\"M_UNRECOGNIZED\"}" },
          false,
          ERR_MATRIX },
        { { .status = 404, .body = "<html>" }, false, ERR_HTTP },
        { { .status = 500, .body = "x", .times = LIMIT_OUTBOX_ODD },
          false,
          ERR_HTTP },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sent a;
        char txn_id[8];
        int puts = fake_count(fake, "PUT", "");
        snprintf(txn_id, sizeof(txn_id), "t%zu", i);
        fake_on(fake, "GET", url, cases[i].reply);
        if (cases[i].sent)
            expect(txn_id, taken);
        put(&a, "!new", txn_id);
        loop_advance(loop, 1000000);
        assert_int_equal(a.done, 1);
        assert_int_equal(a.ok, cases[i].sent);
        assert_int_equal(fake_count(fake, "PUT", "") - puts, cases[i].sent);
        if (!a.ok)
            assert_int_equal(a.err.kind, cases[i].kind);
    }
}

static void what_was_known_before_the_first_sync_may_be_old(void **state)
{
    static const char url[] =
        "/_matrix/client/v3/rooms/%21r/state/m.room.encryption";
    struct sent a, b;

    (void)state;
    synced = false;
    restart();
    fake_on(fake, "GET", url, (struct fake_reply) { .body = "{}" });
    put(&a, "!r", "t1");
    loop_advance(loop, 1000);
    assert_int_equal(a.err.kind, ERR_UNSUPPORTED);
    assert_int_equal(fake->count, 1);
    outbox_synced(outbox);
    expect("/t2", taken);
    put(&b, "!r", "t2");
    loop_advance(loop, 1000);
    assert_true(b.ok);
    assert_int_equal(fake->count, 2);
}

/* ---- the rest ---- */

static void held_sends_wait(void **state)
{
    struct sent a, b;

    (void)state;
    outbox_hold(outbox, true);
    put(&a, "!r", "t1");
    put(&b, "!s", "t2");
    loop_advance(loop, 600000);
    assert_int_equal(fake->count, 0);
    fake_on(fake, "PUT", "/rooms/",
            (struct fake_reply) { .body = taken.body, .times = 2 });
    outbox_hold(outbox, false);
    loop_advance(loop, 0);
    assert_int_equal(a.done + b.done, 2);
}

static void a_dead_login_loses_nothing(void **state)
{
    struct sent a;

    (void)state;
    expect("/t1", (struct fake_reply) {
                      .status = 401,
                      .body = "{\"errcode\":\"M_UNKNOWN_TOKEN\"}",
                  });
    put(&a, "!r", "t1");
    loop_advance(loop, 0);
    outbox_hold(outbox, true);
    loop_advance(loop, 3600 * 1000);
    assert_int_equal(a.done, 0);
    assert_int_equal(outbox_pending(outbox), 1);
    assert_int_equal(fake->count, 1);
}

static void many_rooms_share_the_wire(void **state)
{
    static struct sent sent[500];
    char room_id[16], txn_id[16];

    (void)state;
    fake_on(fake, "PUT", "/rooms/",
            (struct fake_reply) {
                .body = taken.body, .delay_ms = 100, .times = 500 });
    for (int i = 0; i < 500; i++) {
        snprintf(room_id, sizeof(room_id), "!%d", i);
        snprintf(txn_id, sizeof(txn_id), "t%d", i);
        join_room(room_id);
        put(&sent[i], room_id, txn_id);
    }
    loop_advance(loop, 50);
    assert_int_equal(fake->open, LIMIT_OUTBOX_WIRE);
    loop_advance(loop, 10000);
    for (int i = 0; i < 500; i++)
        assert_int_equal(sent[i].done, 1);
}

static void dry_run_sends_nothing(void **state)
{
    struct sent a, b;

    (void)state;
    outbox_free(outbox);
    dry_run = true;
    open_outbox();
    put(&a, "!r", "t1");
    put(&b, "!r", "t2");
    loop_advance(loop, 1000);
    assert_true(a.ok && b.ok);
    assert_string_not_equal(a.event_id, b.event_id);
    assert_int_equal(fake->count, 0);
}

static void silence(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)level;
    (void)line;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_row_is_on_disk_before_the_first_byte),
        TEST(the_same_id_again_answers_the_same),
        TEST(in_order_per_room_rooms_side_by_side),
        TEST(a_lost_reply_is_asked_for_with_the_same_id),
        TEST(a_long_outage_ends_in_one_send),
        TEST(limits_brake_but_lose_nothing),
        TEST(a_refusal_is_final_and_the_next_one_goes),
        TEST(a_refusal_nobody_waits_for_is_a_dead_letter),
        TEST(senseless_answers_are_given_up_after_some_tries),
        TEST(what_was_sent_is_settled_when_the_disk_is_well_again),
        TEST(a_redaction_has_its_own_path),
        TEST(after_a_crash_the_same_ids_go_out_in_order),
        TEST(untried_rows_of_handlers_that_run_again_are_dropped),
        TEST(a_row_tried_long_ago_waits_for_its_echo),
        TEST(an_echo_settles_what_is_on_the_wire),
        TEST(what_is_not_committed_yet_outlives_the_outbox),
        TEST(an_id_belongs_to_one_room),
        TEST(nothing_goes_into_an_encrypted_room),
        TEST(the_latch_counts_for_what_waits_already),
        TEST(a_room_sync_never_brought_is_asked_about),
        TEST(what_was_known_before_the_first_sync_may_be_old),
        TEST(held_sends_wait),
        TEST(a_dead_login_loses_nothing),
        TEST(many_rooms_share_the_wire),
        TEST(dry_run_sends_nothing),
    };

    log_set_sink(silence, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
