/* layer: calls */
#include "calls_fixture.h"

#include "call_args.h"

/* Calls made for the test: they record what is done to them. */

static struct op *waiting;
static int orphans;

static int now_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *why)
{
    (void)why;
    buf_add(&op->result, args);
    if (bytes.ptr) {
        op->has_bytes = true;
        buf_add(&op->bytes, bytes);
    }
    op_done(op);
    return 0;
}

static int wait_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *why)
{
    (void)args;
    (void)bytes;
    (void)why;
    assert_true(slice_is(op->cause.event, "$event"));
    waiting = op;
    return 0;
}

static void wait_orphan(struct op *op)
{
    assert_ptr_equal(op, waiting);
    waiting = NULL;
    orphans++;
}

static int bad_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *why)
{
    (void)args;
    (void)bytes;
    return err_set(why, ERR_UNSUPPORTED, "%s: not today", op->call->name);
}

static const struct call now_call = { "test.now", CALL_NOW, now_start, NULL };
static const struct call wait_call = { "test.wait", CALL_WRITES, wait_start,
                                       wait_orphan };
static const struct call bad_call = { "test.bad", 0, bad_start, wait_orphan };
static const struct call exec_call = { "test.exec", CALL_NOW | CALL_EXEC,
                                       now_start, NULL };

static int wakes;

static struct op *start(const struct call *call, const char *args,
                        struct slice bytes)
{
    struct op_cause why = { .event = S("$event"), .delivery = 7 };
    wakes = orphans = 0;
    return op_start(&caller, call, &why, S(args), bytes, count_wake, &wakes,
                    &err);
}

static void now_answers_inside_start(void **state)
{
    (void)state;
    struct op *op = start(&now_call, "{\"a\":1}", S("raw"));
    assert_true(op->complete);
    assert_false(op->failed);
    assert_false(op->writes);
    assert_string_equal(buf_str(&op->result), "{\"a\":1}");
    assert_true(op->has_bytes);
    assert_string_equal(buf_str(&op->bytes), "raw");
    assert_int_equal(wakes, 0);
    op_free(op);
    op_free(NULL);
}

static void waiting_op_wakes_once(void **state)
{
    (void)state;
    struct op *op = start(&wait_call, " {} ", SLICE_NONE);
    assert_false(op->complete);
    assert_true(op->writes);
    assert_null(op->cause.event.ptr); /* was borrowed */
    assert_int_equal(op->cause.delivery, 7);
    assert_int_equal(wakes, 0);
    buf_adds(&op->result, "true");
    op_done(op);
    assert_true(op->complete);
    assert_int_equal(wakes, 1);
    op_free(op);
    assert_int_equal(orphans, 0);
    assert_int_equal(wakes, 1);
}

static void failure_keeps_the_decoded_body(void **state)
{
    static const struct {
        const char *body, *kept;
    } cases[] = {
        { " {\"errcode\":\"M_X\"} ", "{\"errcode\":\"M_X\"}" },
        { "<html>", "" },
        { "{\"a\":", "" },
        { NULL, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct op *op = start(&wait_call, "{}", SLICE_NONE);
        buf_adds(&op->result, "{\"half\":");
        err_set(&err, ERR_MATRIX, "no");
        op_fail(op, &err, S(cases[i].body));
        assert_true(op->complete && op->failed);
        assert_int_equal(op->err.kind, ERR_MATRIX);
        assert_string_equal(buf_str(&op->result), cases[i].kept);
        assert_int_equal(wakes, 1);
        op_free(op);
    }
}

static void freeing_an_op_under_way_is_silent(void **state)
{
    (void)state;
    struct op *op = start(&wait_call, "{}", SLICE_NONE);
    op_free(op);
    assert_int_equal(orphans, 1);
    assert_int_equal(wakes, 0);
}

static void what_never_began_has_no_orphan(void **state)
{
    (void)state;
    assert_null(start(&bad_call, "{}", SLICE_NONE));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_int_equal(orphans + wakes, 0);
}

static void calls_of_exec_are_refused_to_bots(void **state)
{
    (void)state;
    assert_null(start(&exec_call, "{}", SLICE_NONE));
    assert_int_equal(err.kind, ERR_MISUSE);
    assert_non_null(strstr(err.text, "test.exec"));
    caller.exec = true;
    struct op *op = start(&exec_call, "{}", SLICE_NONE);
    assert_non_null(op);
    op_free(op);
}

static void arguments_are_an_object(void **state)
{
    (void)state;
    assert_null(start(&now_call, "[]", SLICE_NONE));
    assert_int_equal(err.kind, ERR_MISUSE);
    assert_non_null(strstr(err.text, "must be an object"));
}

static void a_result_above_its_maximum_is_a_failure(void **state)
{
    (void)state;
    struct op *op = start(&wait_call, "{}", SLICE_NONE);
    op->result.max = 4;
    buf_adds(&op->result, "\"far too long\"");
    op_done(op);
    assert_true(op->failed);
    assert_int_equal(op->err.kind, ERR_LIMIT);
    assert_non_null(strstr(op->err.text, "test.wait"));
    assert_int_equal(op->result.len, 0);
    op_free(op);
}

/* ---- the tables ---- */

static void every_call_is_found_by_its_name(void **state)
{
    int count = 0;
    (void)state;
    for (const struct call *call; (call = call_at(count)) != NULL; count++) {
        assert_ptr_equal(call_find(S(call->name)), call);
        assert_non_null(strchr(call->name, '.'));
        assert_non_null(call->start);
        if (!(call->flags & CALL_NOW) && !call->orphan)
            fail_msg("%s waits and has no orphan", call->name);
        if ((call->flags & CALL_NOW) && (call->flags & CALL_PARKS))
            fail_msg("%s answers at once and parks", call->name);
    }
    assert_true(count > 30);
    assert_null(call_find(S("room.sen")));
    assert_null(call_find(S("")));
    assert_null(call_find(SLICE_NONE));
    assert_null(call_at(count + 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(now_answers_inside_start),
        TEST(waiting_op_wakes_once),
        TEST(failure_keeps_the_decoded_body),
        TEST(freeing_an_op_under_way_is_silent),
        TEST(what_never_began_has_no_orphan),
        TEST(calls_of_exec_are_refused_to_bots),
        TEST(arguments_are_an_object),
        TEST(a_result_above_its_maximum_is_a_failure),
        cmocka_unit_test(every_call_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
