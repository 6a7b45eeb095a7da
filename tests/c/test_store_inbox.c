/* layer: store */
#include "store_fixture.h"

#include "limits.h"

#define DAY (24 * 3600 * 1000LL)

static struct store_event event_at(int batch, int idx, const char *event_id)
{
    return (struct store_event) {
        .batch = batch,
        .idx = idx,
        .room_id = S("!a"),
        .event_id = S(event_id),
        .section = S("timeline"),
        .type = S("m.room.message"),
        .json = S("{\"a\":1}"),
    };
}

/* An event and its delivery to each script, a letter each; the event's row. */
static int64_t add(int batch, int idx, const char *event_id,
                   const char *scripts)
{
    struct store_event event = event_at(batch, idx, event_id);
    int64_t id = 0;
    assert_int_equal(store_inbox_add(store, &event, &id, &err), 1);
    for (; *scripts; scripts++)
        ok(store_delivery_add(store, id, (char[]) { *scripts, '\0' }, &err));
    return id;
}

/* Rows as the reader tells them: "idx.attempt" and "r" for redelivered. */
static char seen[512];
static int64_t ids[64];
static int count;

static void on_row(void *arg, const struct store_delivery_row *row)
{
    (void)arg;
    char text[64];
    snprintf(text, sizeof(text), "%s%d:%d.%d%s", count ? " " : "",
             (int)row->event.batch, (int)row->event.idx, row->attempt,
             row->redelivered ? "r" : "");
    strncat(seen, text, sizeof(seen) - strlen(seen) - 1);
    ids[count++] = row->id;
}

static const char *queued_after(const char *script, int batch, int idx, int max)
{
    seen[0] = '\0';
    count = 0;
    int got =
        store_delivery_read(store, script, batch, idx, max, on_row, NULL, &err);
    ok(got);
    assert_int_equal(got, count);
    return seen;
}

static const char *queued(const char *script)
{
    return queued_after(script, -1, 0, 64);
}

static char dead_seen[512];
static void on_dead(void *arg, const struct store_delivery_row *row,
                    const char *script, const char *error)
{
    (void)arg;
    char text[200];
    snprintf(text, sizeof(text), "[%s %.*s %d %s]", script,
             SLICE_ARG(row->event.event_id), row->attempt, error);
    strncat(dead_seen, text, sizeof(dead_seen) - strlen(dead_seen) - 1);
}

static const char *dead(int max)
{
    dead_seen[0] = '\0';
    ok(store_delivery_dead(store, max, on_dead, NULL, &err));
    return dead_seen;
}

static int64_t rows(const char *table)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
    return number(&store->account, sql);
}

static void event_is_kept_once(void **state)
{
    (void)state;
    static const struct {
        const char *room, *event_id;
        int added;
        int64_t id;
    } table[] = {
        /* an event that was there costs an id */
        { "!a", "$1", 1, 1 }, { "!a", "$1", 0, 1 }, { "!b", "$1", 1, 3 },
        { "!a", "$2", 1, 4 }, { "!b", "$1", 0, 3 }, { "!a", NULL, 1, 6 },
        { "!a", NULL, 1, 7 }, { "", NULL, 1, 8 },
    };
    begin();
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct store_event event = event_at(1, (int)i, table[i].event_id);
        event.room_id = S(table[i].room);
        int64_t id = 0;
        assert_int_equal(store_inbox_add(store, &event, &id, &err),
                         table[i].added);
        assert_int_equal(id, table[i].id);
    }
    commit();
    assert_int_equal(rows("inbox"), 6);
}

static void on_whole(void *arg, const struct store_delivery_row *row)
{
    int *calls = arg;
    ++*calls;
    assert_int_equal(row->attempt, 0);
    assert_false(row->redelivered);
    assert_int_equal(row->event.id, 1);
    assert_int_equal(row->event.batch, 3);
    assert_int_equal(row->event.idx, -2);
    assert_slice(row->event.room_id, "");
    assert_non_null(row->event.room_id.ptr);
    assert_null(row->event.event_id.ptr);
    assert_slice(row->event.section, "to_device");
    assert_slice(row->event.type, "m.x");
    assert_slice(row->event.json, "{ }");
    assert_true(row->event.history);
}

static void row_comes_back_whole(void **state)
{
    (void)state;
    struct store_event event = { .batch = 3,
                                 .idx = -2,
                                 .room_id = S(""),
                                 .section = S("to_device"),
                                 .type = S("m.x"),
                                 .json = S("{ }"),
                                 .history = true };
    int64_t id;
    int calls = 0;
    begin();
    assert_int_equal(store_inbox_add(store, &event, &id, &err), 1);
    ok(store_delivery_add(store, id, "s", &err));
    ok(store_delivery_add(store, id, "s", &err)); /* once per script */
    assert_int_equal(store_delivery_add(store, 99, "s", &err), -1);
    commit();
    assert_int_equal(
        store_delivery_read(store, "s", -1, 0, 9, on_whole, &calls, &err), 1);
    assert_int_equal(calls, 1);
}

static void queued_rows_come_in_order_from_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int batch, idx, max;
        const char *want;
    } table[] = {
        { "a", -1, 0, 9, "1:0.0 1:2.0 2:-2.0 2:-1.0 2:0.0" },
        { "a", 1, 0, 9, "1:2.0 2:-2.0 2:-1.0 2:0.0" },
        { "a", 1, 0, 2, "1:2.0 2:-2.0" },
        { "a", 2, -2, 9, "2:-1.0 2:0.0" },
        { "a", 2, 0, 9, "" },
        { "a", -1, 0, 0, "" },
        { "b", -1, 0, 9, "1:1.0 2:0.0" },
        { "c", -1, 0, 9, "" },
    };
    begin();
    add(1, 0, "$1", "a");
    add(1, 1, "$2", "b");
    add(1, 2, "$3", "a");
    add(2, 0, "$4", "ab");
    add(2, -1, "$5", "a"); /* filled in later, come earlier */
    add(2, -2, "$6", "a");
    commit();
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_string_equal(queued_after(table[i].script, table[i].batch,
                                         table[i].idx, table[i].max),
                            table[i].want);
    assert_int_equal(store_delivery_unfinished(store, &err), 7);
    /* The index answers it: no sort and no scan, whatever has piled up. */
    sqlite3_stmt *stmt = store->account.statements[STATEMENT_DELIVERY_READ];
    assert_int_equal(sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_SORT, 0), 0);
    assert_int_equal(
        sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
}

static void claim_and_mark_move_a_row(void **state)
{
    (void)state;
    begin();
    add(1, 0, "$1", "a");
    commit();
    queued("a");
    int64_t id = ids[0];
    begin();
    ok(store_delivery_claim(store, id, &err));
    assert_int_equal(store_delivery_claim(store, id, &err), -1);
    assert_contains(err.text, "no queued delivery");
    commit();
    assert_string_equal(queued("a"), "");
    assert_int_equal(store_delivery_unfinished(store, &err), 1);
    begin();
    ok(store_delivery_mark(store, id, STORE_QUEUED, NULL, false, &err));
    commit();
    assert_string_equal(queued("a"), "1:0.1");
    begin();
    ok(store_delivery_claim(store, id, &err));
    ok(store_delivery_mark(store, id, STORE_QUEUED, NULL, true, &err));
    commit();
    assert_string_equal(queued("a"), "1:0.1");
    static const enum store_delivery ends[] = { STORE_DONE, STORE_FAILED,
                                                STORE_CANCELLED, STORE_DEAD };
    for (size_t i = 0; i < 4; i++) {
        begin();
        ok(store_delivery_mark(store, id, ends[i], "why", false, &err));
        commit();
        assert_string_equal(queued("a"), "");
        assert_int_equal(store_delivery_unfinished(store, &err), 0);
        assert_string_equal(dead(9),
                            ends[i] == STORE_DEAD ? "[a $1 1 why]" : "");
    }
    begin();
    assert_int_equal(
        store_delivery_mark(store, 99, STORE_DONE, NULL, false, &err), -1);
    commit();
}

/* An event that kills the process uses up its own attempts alone. */
static void recovery_counts_attempts_up_to_the_dead_letter(void **state)
{
    (void)state;
    static const struct {
        const char *queued;
        int dead;
    } table[] = {
        { "1:0.1r 1:1.0r", 0 },
        { "1:0.2r 1:1.0r", 0 },
        { "1:1.0r", 1 },
        { "1:1.0r", 0 },
    };
    begin();
    add(1, 0, "$poison", "a");
    add(1, 1, "$good", "a");
    commit();
    queued("a");
    int64_t poison = ids[0];
    for (size_t i = 0; i < 4; i++) {
        int died = -1;
        begin();
        if (i < 3)
            ok(store_delivery_claim(store, poison, &err));
        commit();
        begin();
        ok(store_delivery_recover(store, 3, &died, &err));
        commit();
        assert_int_equal(died, table[i].dead);
        assert_string_equal(queued("a"), table[i].queued);
    }
    assert_contains(dead(9), "[a $poison 3 the program ended");
    assert_int_equal(store_delivery_unfinished(store, &err), 1);
}

static void recovery_leaves_finished_rows(void **state)
{
    (void)state;
    int died = -1;
    begin();
    add(1, 0, "$1", "abcd");
    for (int i = 0; i < 4; i++)
        ok(store_delivery_mark(store, i + 1, STORE_DONE + (unsigned)i, NULL,
                               false, &err));
    ok(store_delivery_recover(store, 0, &died, &err));
    commit();
    assert_int_equal(died, 0);
    assert_int_equal(store_delivery_unfinished(store, &err), 0);
    assert_int_equal(rows("delivery WHERE redelivered = 1"), 0);
}

static void rows_of_other_scripts_are_dropped(void **state)
{
    (void)state;
    static const char *const names[] = { "b", "B", "bb" };
    int dropped = -1;
    begin();
    add(1, 0, "$1", "abc");
    add(1, 1, "$2", "abd");
    ok(store_delivery_claim(store, 1, &err));
    ok(store_delivery_mark(store, 3, STORE_DONE, NULL, false, &err));
    ok(store_delivery_drop_others(store, names, 3, &dropped, &err));
    commit();
    assert_int_equal(dropped, 3); /* a twice, d; c was done */
    assert_string_equal(queued("b"), "1:0.0 1:1.0");
    assert_string_equal(queued("a"), "");
    assert_int_equal(rows("delivery WHERE state = 4"), 3);
    assert_int_equal(rows("delivery WHERE state = 2"), 1);
    begin();
    ok(store_delivery_drop_others(store, NULL, 0, &dropped, &err));
    commit();
    assert_int_equal(dropped, 2);
    assert_int_equal(store_delivery_unfinished(store, &err), 0);
}

static void dead_letters_come_newest_first(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++)
        add(1, i, (char[]) { '$', (char)('1' + i), '\0' }, "a");
    commit();
    static const int died_in_this_order[] = { 2, 1, 3 };
    for (int i = 0; i < 3; i++) {
        begin();
        ok(store_delivery_mark(store, died_in_this_order[i], STORE_DEAD, NULL,
                               false, &err));
        commit();
        loop_advance(loop, 1000);
    }
    assert_string_equal(dead(9), "[a $3 0 ][a $1 0 ][a $2 0 ]");
    assert_string_equal(dead(1), "[a $3 0 ]");
}

static void on_count(void *arg, const char *script, int64_t unfinished,
                     int64_t dead)
{
    char *text = arg, row[64];
    snprintf(row, sizeof(row), "[%s %d %d]", script, (int)unfinished,
             (int)dead);
    strcat(text, row);
}

static void rows_are_counted_by_script(void **state)
{
    (void)state;
    char text[256] = "";
    begin();
    for (int i = 0; i < 4; i++)
        add(1, i, (char[]) { '$', (char)('1' + i), '\0' }, "ab");
    add(1, 4, "$c", "c");
    ok(store_delivery_mark(store, 1, STORE_DEAD, NULL, false, &err));
    ok(store_delivery_mark(store, 3, STORE_DONE, NULL, false, &err));
    ok(store_delivery_claim(store, 5, &err));
    for (int i = 2; i <= 8; i += 2)
        ok(store_delivery_mark(store, i, STORE_DONE, NULL, false, &err));
    commit();
    ok(store_delivery_count(store, on_count, text, &err));
    assert_string_equal(text, "[a 2 1][c 1 0]");
}

static void prune(void)
{
    begin();
    ok(store_inbox_prune(store, loop_wall(loop), DAY, &err));
    commit();
}

static void finished_events_go_dead_letters_stay_longer(void **state)
{
    (void)state;
    begin();
    add(1, 0, "$none", "");
    add(1, 1, "$done", "ab");
    add(1, 2, "$half", "ab");
    add(1, 3, "$dead", "ab");
    ok(store_delivery_mark(store, 1, STORE_DONE, NULL, false, &err));
    ok(store_delivery_mark(store, 2, STORE_CANCELLED, NULL, false, &err));
    ok(store_delivery_mark(store, 3, STORE_FAILED, "x", false, &err));
    ok(store_delivery_mark(store, 5, STORE_DEAD, "x", false, &err));
    ok(store_delivery_mark(store, 6, STORE_DONE, NULL, false, &err));
    commit();
    static const struct {
        int64_t ms;
        const char *left;
    } table[] = {
        { DAY, "none done half dead" }, /* not older yet */
        { 1, "half dead" },
        { LIMIT_KEEP_DEAD_MS - DAY - 1, "half dead" },
        { 1, "half" },
        { 365 * DAY, "half" }, /* an unfinished row is never lost */
    };
    static const char *const names[] = { "none", "done", "half", "dead" };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        loop_advance(loop, table[i].ms);
        prune();
        for (int n = 0; n < 4; n++) {
            char sql[64];
            snprintf(sql, sizeof(sql), "inbox WHERE event_id = '$%s'",
                     names[n]);
            assert_int_equal(rows(sql),
                             strstr(table[i].left, names[n]) != NULL);
        }
    }
    /* What ended late is kept for a while: it may come again. */
    begin();
    ok(store_delivery_mark(store, 4, STORE_DONE, NULL, false, &err));
    commit();
    prune();
    assert_int_equal(rows("inbox"), 1);
    loop_advance(loop, DAY + 1);
    prune();
    assert_int_equal(rows("inbox") + rows("delivery"), 0);
    /* Ids are not used twice: sends name them as their cause. */
    begin();
    add(1, 0, "$new", "a");
    commit();
    assert_string_equal(queued("a"), "1:0.0");
    assert_int_equal(ids[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(event_is_kept_once),
        MEMORY_TEST(row_comes_back_whole),
        MEMORY_TEST(queued_rows_come_in_order_from_a_place),
        MEMORY_TEST(claim_and_mark_move_a_row),
        MEMORY_TEST(recovery_counts_attempts_up_to_the_dead_letter),
        MEMORY_TEST(recovery_leaves_finished_rows),
        MEMORY_TEST(rows_of_other_scripts_are_dropped),
        MEMORY_TEST(dead_letters_come_newest_first),
        MEMORY_TEST(rows_are_counted_by_script),
        MEMORY_TEST(finished_events_go_dead_letters_stay_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
