/* layer: delivery */
#include "delivery_fixture.h"

#include "inbox.h"
#include "limits.h"

static struct inbox *inbox;

static int set_up(void **state)
{
    if (set_up_memory(state) < 0)
        return -1;
    inbox = inbox_new(loop, store, &err);
    return inbox ? 0 : -1;
}

static int tear_down(void **state)
{
    inbox_free(inbox);
    return tear_down_memory(state);
}

/* n events $0.. for a script, in batch 1. */
static void deliver(const char *script, int n)
{
    char event_id[16];

    begin();
    for (int i = 0; i < n; i++) {
        snprintf(event_id, sizeof(event_id), "$%d", i);
        struct store_event event = {
            .batch = 1,
            .idx = i,
            .room_id = S("!r"),
            .event_id = S(event_id),
            .section = S("timeline"),
            .type = S("m.room.message"),
            .json = S("{}"),
        };
        int64_t id = 0;
        ok(store_inbox_add(store, &event, &id, &err));
        ok(store_delivery_add(store, id, script, &err));
    }
    commit();
}

struct queued {
    int count;
    int64_t id[64];
    int attempt[64];
    bool redelivered[64];
};

static void add_queued(void *arg, const struct store_delivery_row *row)
{
    struct queued *queued = arg;

    queued->id[queued->count] = row->id;
    queued->attempt[queued->count] = row->attempt;
    queued->redelivered[queued->count++] = row->redelivered;
}

static struct queued read_queued(const char *script)
{
    struct queued queued = { 0 };

    ok(inbox_read(inbox, script, -1, 0, 64, add_queued, &queued, &err));
    return queued;
}

static int claimed, refused;

static void on_claimed(void *arg, const struct err *why)
{
    (void)arg;
    if (why)
        refused++;
    else
        claimed++;
}

static void claim(int64_t id)
{
    claimed = refused = 0;
    assert_non_null(inbox_claim(inbox, id, on_claimed, NULL, &err));
    assert_int_equal(claimed + refused, 0);
    loop_advance(loop, 0);
    assert_int_equal(claimed + refused, 1);
}

static struct inbox_recovery recover(const char *const *names, int count)
{
    struct inbox_recovery recovery = { -1, -1 };

    ok(inbox_recover(inbox, names, count, &recovery, &err));
    return recovery;
}

static const char *const echo[] = { "echo" };

static void claim_then_done_never_comes_again(void **state)
{
    (void)state;
    deliver("echo", 2);
    struct queued queued = read_queued("echo");
    assert_int_equal(queued.count, 2);
    claim(queued.id[0]);
    assert_int_equal(claimed, 1);
    claim(queued.id[0]);
    assert_int_equal(refused, 1); /* one claim a row */
    inbox_mark(inbox, queued.id[0], STORE_DONE, NULL);
    assert_int_equal(inbox_pending(inbox), 1);
    loop_advance(loop, 0);
    assert_int_equal(inbox_pending(inbox), 0);
    assert_int_equal(recover(echo, 1).dead, 0);
    queued = read_queued("echo");
    assert_int_equal(queued.count, 1);
    assert_true(queued.redelivered[0]);
    assert_int_equal(queued.attempt[0], 0);
}

static void a_poisonous_event_dies_after_three_attempts(void **state)
{
    (void)state;
    deliver("echo", 2);
    for (int i = 0; i < LIMIT_ATTEMPTS; i++) {
        struct queued queued = read_queued("echo");
        assert_int_equal(queued.count, 2);
        assert_int_equal(queued.attempt[0], i);
        assert_int_equal(queued.redelivered[0], i > 0);
        claim(queued.id[0]); /* and here the process is killed */
        assert_int_equal(recover(echo, 1).dead, i == LIMIT_ATTEMPTS - 1);
    }
    struct queued queued = read_queued("echo");
    assert_int_equal(queued.count, 1); /* the other one flows */
    assert_int_equal(queued.attempt[0], 0);
    assert_int_equal(recover(echo, 1).dead, 0); /* told once */
}

static void put_back_gives_the_attempt_back(void **state)
{
    (void)state;
    deliver("echo", 1);
    for (int i = 0; i < LIMIT_ATTEMPTS + 2; i++) {
        struct queued queued = read_queued("echo");
        assert_int_equal(queued.count, 1);
        assert_int_equal(queued.attempt[0], 0);
        claim(queued.id[0]);
        inbox_mark(inbox, queued.id[0], STORE_QUEUED, NULL);
        loop_advance(loop, 0);
    }
}

static void rows_of_scripts_that_are_gone_are_dropped(void **state)
{
    (void)state;
    deliver("echo", 1);
    deliver("old", 3); /* the same first event, and two more */
    assert_int_equal(recover(echo, 1).dropped, 3);
    assert_int_equal(read_queued("old").count, 0);
    assert_int_equal(read_queued("echo").count, 1);
}

static void a_forgotten_claim_is_silent_and_can_be_put_back(void **state)
{
    (void)state;
    deliver("echo", 1);
    struct queued queued = read_queued("echo");
    claimed = refused = 0;
    inbox_claim_forget(
        inbox_claim(inbox, queued.id[0], on_claimed, NULL, &err));
    inbox_mark(inbox, queued.id[0], STORE_QUEUED, NULL);
    loop_advance(loop, 0);
    assert_int_equal(claimed + refused, 0);
    queued = read_queued("echo");
    assert_int_equal(queued.count, 1);
    assert_int_equal(queued.attempt[0], 0);
}

static void marks_wait_while_the_disk_is_full(void **state)
{
    (void)state;
    deliver("echo", 1);
    struct queued queued = read_queued("echo");
    claim(queued.id[0]);
    break_disk(true);
    inbox_mark(inbox, queued.id[0], STORE_DONE, NULL);
    loop_advance(loop, 100000);
    assert_int_equal(inbox_pending(inbox), 1);
    break_disk(false);
    loop_advance(loop, LIMIT_RETRY_LAST_MS);
    assert_int_equal(inbox_pending(inbox), 0);
    recover(echo, 1);
    assert_int_equal(read_queued("echo").count, 0);
}

static void free_flushes_what_is_not_on_disk(void **state)
{
    (void)state;
    deliver("echo", 2);
    struct queued queued = read_queued("echo");
    claim(queued.id[0]);
    claim(queued.id[1]);
    inbox_mark(inbox, queued.id[0], STORE_DONE, NULL);
    break_disk(true);
    loop_advance(loop, 10);
    break_disk(false);
    inbox_mark(inbox, queued.id[1], STORE_FAILED, "boom");
    inbox_free(inbox);
    inbox = inbox_new(loop, store, &err);
    recover(echo, 1);
    assert_int_equal(read_queued("echo").count, 0);
}

static void a_claim_survives_the_process(void **state)
{
    char dir[] = "/tmp/lunatrix-inbox-XXXXXX";
    struct store *before = store;

    (void)state;
    assert_non_null(mkdtemp(dir));
    inbox_free(inbox);
    store = store_open(loop, dir, &err);
    assert_non_null(store);
    inbox = inbox_new(loop, store, &err);
    deliver("echo", 2);
    claim(read_queued("echo").id[0]);
    inbox_free(inbox);
    store_close(store);
    store = store_open(loop, dir, &err);
    assert_non_null(store);
    inbox = inbox_new(loop, store, &err);
    recover(echo, 1);
    struct queued queued = read_queued("echo");
    assert_int_equal(queued.count, 2);
    assert_int_equal(queued.attempt[0], 1);
    assert_int_equal(queued.attempt[1], 0);
    inbox_free(inbox);
    store_close(store);
    remove_dir(dir);
    store = before;
    inbox = inbox_new(loop, store, &err);
}

static void full_at_the_limit(void **state)
{
    (void)state;
    begin();
    struct store_event event = {
        .batch = 1,
        .room_id = S("!r"),
        .section = S("timeline"),
        .type = S("m.room.message"),
        .json = S("{}"),
    };
    for (int i = 0; i < LIMIT_UNFINISHED; i++) {
        int64_t id = 0;
        event.idx = i;
        ok(store_inbox_add(store, &event, &id, &err));
        ok(store_delivery_add(store, id, "echo", &err));
        if (i == LIMIT_UNFINISHED - 2)
            assert_false(inbox_full(inbox));
    }
    commit();
    assert_true(inbox_full(inbox));
    struct queued queued = read_queued("echo");
    assert_int_equal(queued.count, 64);
    claim(queued.id[0]);
    assert_true(inbox_full(inbox)); /* started ones count */
    inbox_mark(inbox, queued.id[0], STORE_DONE, NULL);
    loop_advance(loop, 0);
    assert_false(inbox_full(inbox));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(claim_then_done_never_comes_again),
        TEST(a_poisonous_event_dies_after_three_attempts),
        TEST(put_back_gives_the_attempt_back),
        TEST(rows_of_scripts_that_are_gone_are_dropped),
        TEST(a_forgotten_claim_is_silent_and_can_be_put_back),
        TEST(marks_wait_while_the_disk_is_full),
        TEST(free_flushes_what_is_not_on_disk),
        TEST(a_claim_survives_the_process),
        TEST(full_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
