/* layer: calls */
#include "calls_fixture.h"

#include "log.h"

static void sleep_ends_when_it_is_time(void **state)
{
    (void)state;
    struct op *op = begin("timer.sleep", "{\"seconds\":1.5}");
    int64_t before = loop_now(loop);
    loop_advance(loop, 1499);
    assert_false(op->complete);
    finish(op, 1);
    assert_int_equal(loop_now(loop) - before, 1500);
    assert_false(op->failed);
    assert_string_equal(buf_str(&op->result), "true");
    op_free(op);
}

static void sleep_of_no_time_still_waits_a_turn(void **state)
{
    (void)state;
    assert_string_equal(answer("timer.sleep", "{\"seconds\":0}"), "true");
}

static void cancelled_sleep_leaves_nothing(void **state)
{
    (void)state;
    int before = woken;
    op_free(begin("timer.sleep", "{\"seconds\":3600}"));
    assert_int_equal(loop_pending(loop), 0);
    loop_advance(loop, 4000000);
    assert_int_equal(woken, before);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    refused("timer.sleep", "{}", ERR_MISUSE, "timer.sleep: seconds must be");
    refused("timer.sleep", "{\"seconds\":-1}", ERR_MISUSE, "negative");
}

/* ---- log.write: the other call that only needs a clock ---- */

static char lines[256][256];
static int line_count;

static void keep_line(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)level;
    if (line_count < 256)
        snprintf(lines[line_count++], 256, "%.*s", SLICE_ARG(line));
}

static int start_log(void **state)
{
    line_count = 0;
    log_set_sink(keep_line, NULL);
    log_set_format(LOG_JSON);
    log_set_level(LOG_LEVEL_INFO);
    return set_up_bare(state);
}

static int stop_log(void **state)
{
    int result = tear_down(state);
    log_set_sink(NULL, NULL);
    log_set_format(LOG_TEXT);
    return result;
}

static void write_line(const char *text)
{
    char args[256];
    snprintf(args, sizeof(args), "{\"level\":\"info\",\"text\":\"%s\"}", text);
    assert_string_equal(answer("log.write", args), "true");
}

static void a_line_says_where_it_comes_from(void **state)
{
    (void)state;
    answer("log.write", "{\"level\":\"warn\",\"text\":\"100%s\",\"file\":"
                        "\"echo.lua\",\"line\":3,\"room_id\":\"!r\","
                        "\"event_id\":\"$e\",\"handler\":\"message\"}");
    assert_int_equal(line_count, 1);
    static const char *const parts[] = { "100%s",    "\"main\"", "\"echo\"",
                                         "echo.lua", "3",        "!r",
                                         "$e",       "message",  "warn" };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!strstr(lines[0], parts[i]))
            fail_msg("%s is not in %s", parts[i], lines[0]);
    }
}

static void lines_below_the_level_cost_nothing(void **state)
{
    (void)state;
    caller.log_lines = 1;
    answer("log.write", "{\"level\":\"debug\",\"text\":\"x\"}");
    write_line("y");
    assert_int_equal(line_count, 1);
}

static void lines_over_the_rate_are_counted_and_told_once(void **state)
{
    (void)state;
    caller.log_lines = 3;
    loop_advance(loop, 1000 - loop_now(loop) % 1000);
    for (int i = 0; i < 10; i++)
        write_line("flood");
    assert_int_equal(line_count, 3);
    loop_advance(loop, 1000);
    write_line("after");
    assert_int_equal(line_count, 5);
    assert_non_null(strstr(lines[3], "dropped 7 log lines"));
    assert_non_null(strstr(lines[4], "after"));
    write_line("again");
    assert_int_equal(line_count, 6);
}

static void dropped_lines_are_told_at_the_end(void **state)
{
    (void)state;
    caller.log_lines = 1;
    write_line("one");
    write_line("two");
    caller_close(&caller);
    assert_int_equal(line_count, 2);
    assert_non_null(strstr(lines[1], "dropped 1 log lines"));
}

static void unknown_levels_are_refused(void **state)
{
    (void)state;
    refused("log.write", "{\"level\":\"loud\",\"text\":\"x\"}", ERR_MISUSE,
            "level must be");
    refused("log.write", "{\"level\":\"info\"}", ERR_MISUSE, "text must be");
    assert_int_equal(line_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down)
#define LOG(name) cmocka_unit_test_setup_teardown(name, start_log, stop_log)
    const struct CMUnitTest tests[] = {
        TEST(sleep_ends_when_it_is_time),
        TEST(sleep_of_no_time_still_waits_a_turn),
        TEST(cancelled_sleep_leaves_nothing),
        TEST(nonsense_is_refused),
        LOG(a_line_says_where_it_comes_from),
        LOG(lines_below_the_level_cost_nothing),
        LOG(lines_over_the_rate_are_counted_and_told_once),
        LOG(dropped_lines_are_told_at_the_end),
        LOG(unknown_levels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
