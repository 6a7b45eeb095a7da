/* layer: store */
#include "store_fixture.h"

static int64_t put(const char *txn_id, int64_t cause, int added)
{
    struct store_outbox_row row = {
        .txn_id = S(txn_id),
        .script = S("echo"),
        .room_id = S("!a"),
        .type = S("m.room.message"),
        .content = S("{\"body\":\"x\"}"),
        .cause = cause,
    };
    int64_t id = 0;
    assert_int_equal(store_outbox_put(store, &row, &id, &err), added);
    return id;
}

static struct store_outbox_row get(int64_t id)
{
    struct store_outbox_row row = { 0 };
    assert_int_equal(store_outbox_get(store, id, &row, &err), 1);
    return row;
}

static void send_is_kept_once_with_its_first_bytes(void **state)
{
    (void)state;
    begin();
    int64_t id = put("t1", 7, 1);
    commit();
    struct store_outbox_row again = {
        .txn_id = S("t1"),
        .script = S("other"),
        .room_id = S("!b"),
        .type = S("m.x"),
        .content = S("{\"body\":\"another text\"}"),
    };
    int64_t same = 0;
    begin();
    assert_int_equal(store_outbox_put(store, &again, &same, &err), 0);
    assert_int_equal(same, id);
    assert_true(put("t2", 0, 1) > id);
    commit();
    struct store_outbox_row row = get(id);
    assert_int_equal(row.id, id);
    assert_int_equal(row.state, STORE_SEND_WAITING);
    assert_slice(row.txn_id, "t1");
    assert_slice(row.script, "echo");
    assert_slice(row.room_id, "!a");
    assert_slice(row.type, "m.room.message");
    assert_slice(row.content, "{\"body\":\"x\"}");
    assert_null(row.redacts.ptr);
    assert_null(row.event_id.ptr);
    assert_null(row.error.ptr);
    assert_int_equal(row.first_try + row.last_try, 0);
    assert_int_equal(row.cause, 7);
    assert_int_equal(store_outbox_find(store, S("t2"), &row, &err), 1);
    assert_int_equal(store_outbox_find(store, S("t3"), &row, &err), 0);
    assert_int_equal(store_outbox_get(store, 99, &row, &err), 0);
}

static void redaction_keeps_its_target(void **state)
{
    (void)state;
    struct store_outbox_row row = {
        .txn_id = S("t"),
        .script = S("s"),
        .room_id = S("!a"),
        .type = S("m.room.redaction"),
        .redacts = S("$old"),
        .content = S("{}"),
    };
    int64_t id;
    begin();
    assert_int_equal(store_outbox_put(store, &row, &id, &err), 1);
    commit();
    assert_slice(get(id).redacts, "$old");
}

/* T tried, S sent, R refused, in the order given; answer and echo may cross. */
static void what_settles_first_stays(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        enum store_send state;
        const char *event_id, *error;
        int64_t first, last;
    } table[] = {
        { "", STORE_SEND_WAITING, NULL, NULL, 0, 0 },
        { "TTT", STORE_SEND_WAITING, NULL, NULL, 1, 3 },
        { "TS", STORE_SEND_SENT, "$2", NULL, 1, 1 },
        { "TSS", STORE_SEND_SENT, "$2", NULL, 1, 1 },
        { "TSR", STORE_SEND_SENT, "$2", NULL, 1, 1 },
        { "TR", STORE_SEND_REFUSED, NULL, "2", 1, 1 },
        { "TRR", STORE_SEND_REFUSED, NULL, "2", 1, 1 },
        { "TRS", STORE_SEND_SENT, "$3", NULL, 1, 1 },
        { "S", STORE_SEND_SENT, "$1", NULL, 0, 0 },
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char name[8];
        snprintf(name, sizeof(name), "t%d", (int)i);
        begin();
        int64_t id = put(name, 0, 1);
        for (int n = 1; table[i].steps[n - 1]; n++) {
            char text[8];
            snprintf(text, sizeof(text), "$%d", n);
            if (table[i].steps[n - 1] == 'T')
                ok(store_outbox_tried(store, id, n, &err));
            else if (table[i].steps[n - 1] == 'S')
                ok(store_outbox_sent(store, id, S(text), n, &err));
            else
                ok(store_outbox_refused(store, id, S(text + 1), n, &err));
        }
        commit();
        struct store_outbox_row row = get(id);
        assert_int_equal(row.state, table[i].state);
        assert_true(slice_eq(row.event_id, S(table[i].event_id)));
        assert_true(slice_eq(row.error, S(table[i].error)));
        assert_int_equal(row.first_try, table[i].first);
        assert_int_equal(row.last_try, table[i].last);
    }
    begin();
    assert_int_equal(store_outbox_tried(store, 99, 1, &err), -1);
    assert_int_equal(store_outbox_sent(store, 99, S("$"), 1, &err), -1);
    assert_int_equal(store_outbox_refused(store, 99, S("{}"), 1, &err), -1);
    assert_contains(err.text, "no send 99");
    commit();
}

static char seen[128];
static void on_row(void *arg, const struct store_outbox_row *row)
{
    (void)arg;
    strncat(seen, row->txn_id.ptr, row->txn_id.len);
    assert_slice(row->content, "{\"body\":\"x\"}");
}

static const char *waiting(void)
{
    seen[0] = '\0';
    ok(store_outbox_waiting(store, on_row, NULL, &err));
    return seen;
}

static void waiting_rows_come_in_order(void **state)
{
    (void)state;
    begin();
    put("c", 0, 1);
    int64_t b = put("b", 0, 1);
    int64_t a = put("a", 0, 1);
    put("d", 0, 1);
    commit();
    assert_string_equal(waiting(), "cbad");
    begin();
    ok(store_outbox_sent(store, b, S("$1"), 1, &err));
    ok(store_outbox_tried(store, a, 1, &err));
    commit();
    assert_string_equal(waiting(), "cad");
}

static void prune(int64_t now, bool untried)
{
    begin();
    ok(store_outbox_prune(store, now, 100, untried, &err));
    commit();
}

static void assert_left(const char *names)
{
    struct store_outbox_row row;
    for (const char *name = "abcdefg"; *name; name++)
        assert_int_equal(
            store_outbox_find(store, slice_make(name, 1), &row, &err),
            strchr(names, *name) != NULL);
}

static void prune_keeps_what_a_handler_may_ask_for_again(void **state)
{
    (void)state;
    struct store_event event = { .room_id = S("!a"),
                                 .event_id = S("$1"),
                                 .section = S("timeline"),
                                 .type = S("m"),
                                 .json = S("{}") };
    int64_t id;
    begin();
    assert_int_equal(store_inbox_add(store, &event, &id, &err), 1);
    ok(store_delivery_add(store, id, "open", &err));  /* delivery 1 */
    ok(store_delivery_add(store, id, "ended", &err)); /* delivery 2 */
    ok(store_delivery_mark(store, 2, STORE_DONE, NULL, false, &err));
    ok(store_outbox_sent(store, put("a", 0, 1), S("$"), 1000, &err));
    ok(store_outbox_refused(store, put("b", 2, 1), S("{}"), 1000, &err));
    ok(store_outbox_sent(store, put("c", 1, 1), S("$"), 1000, &err));
    ok(store_outbox_tried(store, put("d", 1, 1), 1000, &err));
    put("e", 1, 1); /* never tried, its handler comes again */
    put("f", 2, 1); /* never tried, its handler is done */
    put("g", 0, 1);
    commit();
    assert_left("abcdefg");
    prune(1100, false);
    assert_left("abcdefg"); /* not older than 100 yet */
    prune(1101, false);
    assert_left("cdefg");
    prune(1101, true);
    assert_left("cdfg");
    assert_string_equal(waiting(), "dfg");
    begin();
    ok(store_delivery_mark(store, 1, STORE_DONE, NULL, false, &err));
    commit();
    prune(1101, true);
    assert_left("dfg");
}

static void prune_keeps_what_a_job_may_ask_for_again(void **state)
{
    (void)state;
    struct store_job job = { .script = S("s"), .name = S("n"), .data = S("1") };
    for (int id = 1; id <= 3; id++) {
        assert_int_equal(store_job_put(store, &job, 9, 99, &err), 1);
        ok(store_job_claim(store, id, &err));
    }
    ok(store_job_end(store, 2, STORE_JOB_DONE, 0, false, NULL, &err));
    ok(store_job_end(store, 3, STORE_JOB_WAITING, 5, false, NULL, &err));
    begin();
    ok(store_outbox_sent(store, put("a", -1, 1), S("$"), 1000, &err));
    ok(store_outbox_sent(store, put("b", -2, 1), S("$"), 1000, &err));
    ok(store_outbox_refused(store, put("c", -3, 1), S("{}"), 1000, &err));
    ok(store_outbox_sent(store, put("d", -3, 1), S("$"), 1000, &err));
    ok(store_outbox_sent(store, put("e", -99, 1), S("$"), 1000, &err));
    commit();
    prune(1101, true);
    assert_left("acd");
    begin();
    ok(store_outbox_renew(store, S("a"), &err));
    ok(store_outbox_renew(store, S("c"), &err));
    commit();
    assert_left("ad");
    ok(store_job_end(store, 1, STORE_JOB_DONE, 0, false, NULL, &err));
    ok(store_job_claim(store, 3, &err));
    ok(store_job_end(store, 3, STORE_JOB_DEAD, 0, false, "why", &err));
    prune(1101, true);
    assert_left("");
}

static void rolled_back_send_never_was(void **state)
{
    (void)state;
    struct store_outbox_row row;
    begin();
    put("t", 0, 1);
    assert_int_equal(store_outbox_find(store, S("t"), &row, &err), 1);
    ok(store_ingest_end(store, false, &err));
    assert_int_equal(store_outbox_find(store, S("t"), &row, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(send_is_kept_once_with_its_first_bytes),
        MEMORY_TEST(redaction_keeps_its_target),
        MEMORY_TEST(what_settles_first_stays),
        MEMORY_TEST(waiting_rows_come_in_order),
        MEMORY_TEST(prune_keeps_what_a_handler_may_ask_for_again),
        MEMORY_TEST(prune_keeps_what_a_job_may_ask_for_again),
        MEMORY_TEST(rolled_back_send_never_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
