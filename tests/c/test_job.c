/* layer: delivery */
#include "delivery_fixture.h"

#include "job.h"
#include "limits.h"
#include "log.h"

#define MINUTE 60000LL

static struct job_line *line;
static const char *names[4]; /* that somebody runs */
static int room;
static char told[4096], lines[8192];
static struct job_run runs[20]; /* of what began, by id */

static const char *name_at(void *arg, int index)
{
    (void)arg;
    return names[index];
}

static int room_left(void *arg)
{
    (void)arg;
    return room - (line ? job_line_running(line) : 0);
}

static void on_start(void *arg, const struct store_job *job)
{
    size_t len = strlen(told);
    (void)arg;
    assert_in_range(job->id, 1, 19);
    runs[job->id] = (struct job_run) { .id = job->id,
                                       .name = "n",
                                       .attempt = job->attempt,
                                       .crashes = job->crashes,
                                       .retries = 3,
                                       .backoff_ms = MINUTE };
    snprintf(told + len, sizeof(told) - len, "%lld.%d ", (long long)job->id,
             job->attempt);
}

static void on_log(void *arg, enum log_level level, struct slice text)
{
    size_t len = strlen(lines);
    (void)arg;
    (void)level;
    snprintf(lines + len, sizeof(lines) - len, "%.*s\n", SLICE_ARG(text));
}

static void open_line(void)
{
    struct job_line_config config = { .loop = loop,
                                      .store = store,
                                      .account = "a",
                                      .script = "s",
                                      .name = name_at,
                                      .room = room_left,
                                      .start = on_start };
    line = NULL;
    line = job_line_new(&config, &err);
    if (!line)
        fail_msg("%s", err.text);
    job_line_renew(line);
}

static int set_up_line(void **state)
{
    if (set_up_memory(state) < 0)
        return -1;
    memset(names, 0, sizeof(names));
    names[0] = "n";
    names[1] = "m";
    room = 100;
    told[0] = lines[0] = '\0';
    log_set_sink(on_log, NULL);
    open_line();
    return 0;
}

static int tear_down_line(void **state)
{
    job_line_free(line);
    log_set_sink(NULL, NULL);
    return tear_down_memory(state);
}

static void put(const char *name, int64_t in)
{
    struct store_job job = { .script = S("s"),
                             .name = S(name),
                             .data = S("1"),
                             .due = loop_wall(loop) + in };
    assert_int_equal(store_job_put(store, &job, 99, KIB(1), &err), 1);
    job_line_look(line);
}

static void expect(const char *text)
{
    loop_advance(loop, 0);
    assert_string_equal(told, text);
    told[0] = '\0';
}

static void end(int id, enum job_end how)
{
    job_line_end(line, &runs[id], how, how == JOB_END_FAILED ? "why" : NULL);
}

static void due_ones_begin_in_order_as_there_is_room(void **state)
{
    (void)state;
    room = 0;
    put("n", 20);
    put("m", 10);
    put("n", 10);
    put("n", 30);
    loop_advance(loop, 25);
    expect("");
    room = 2;
    job_line_look(line);
    expect("2.1 3.1 ");
    end(2, JOB_END_DONE);
    expect("1.1 ");
    loop_advance(loop, 5);
    expect("");
    end(1, JOB_END_DONE);
    end(3, JOB_END_DONE);
    expect("4.1 ");
    end(4, JOB_END_DONE);
    expect("");
    assert_true(job_line_idle(line));
    assert_string_equal(lines, "");
}

static void failures_come_again_later_and_later(void **state)
{
    (void)state;
    int64_t wait = MINUTE;
    put("n", 0);
    expect("1.1 ");
    for (int attempt = 2; attempt <= 4; attempt++) {
        char want[16];
        end(1, JOB_END_FAILED);
        loop_advance(loop, wait - 1);
        expect("");
        loop_advance(loop, 1);
        snprintf(want, sizeof(want), "1.%d ", attempt);
        expect(want);
        wait *= 2;
    }
    end(1, JOB_END_FAILED);
    loop_advance(loop, 30 * 24 * 60 * MINUTE);
    expect("");
    assert_contains(lines, "again in 240 s (retry 3 of 3)");
    assert_contains(lines, "job #1 'n' is set aside: it failed 4 times");
    assert_int_equal(number(&store->scripts, "SELECT error = 'why' FROM job"),
                     1);
}

static void back_off_has_an_end(void **state)
{
    (void)state;
    put("n", 0);
    expect("1.1 ");
    runs[1].retries = 100;
    runs[1].attempt = 90;
    end(1, JOB_END_FAILED);
    loop_advance(loop, LIMIT_JOB_BACKOFF_MS - 1);
    expect("");
    loop_advance(loop, 1);
    expect("1.2 ");
    end(1, JOB_END_BACK);
    expect("1.2 "); /* the attempt did not count */
    end(1, JOB_END_DONE);
}

static void nobody_runs_it_is_told_once(void **state)
{
    (void)state;
    put("x", 10);
    put("x", 20);
    assert_string_equal(lines, "");
    loop_advance(loop, 24 * 60 * MINUTE);
    expect("");
    assert_contains(lines, "job #1 'x' is due and waits");
    assert_null(strstr(lines, "#2"));
    lines[0] = '\0';
    put("n", 0);
    expect("3.1 ");
    end(3, JOB_END_DONE);
    assert_string_equal(lines, "");
    names[2] = "x";
    job_line_renew(line);
    expect("1.1 2.1 ");
    end(1, JOB_END_DONE);
    end(2, JOB_END_DONE);
    assert_string_equal(lines, "");
}

static void what_ran_in_a_crash_runs_alone(void **state)
{
    (void)state;
    put("n", 0);
    put("n", 0);
    expect("1.1 2.1 ");
    job_line_abandon(line);
    end(1, JOB_END_DONE); /* nobody hears of it */
    job_line_free(line);
    open_line();
    put("n", 0);
    expect("1.2 ");
    job_line_parked(line, 2); /* another one: nothing */
    expect("");
    job_line_parked(line, 1);
    expect(""); /* 2 is one, too: it waits until nothing runs */
    end(1, JOB_END_DONE);
    expect("2.2 ");
    job_line_parked(line, 2);
    expect("3.1 ");
    end(3, JOB_END_DONE);
    end(2, JOB_END_FAILED); /* its first failure */
    expect("");
    assert_contains(lines, "(retry 1 of 3)");
}

static int refuse(void *arg)
{
    (void)arg;
    return 1;
}

static void broken(bool yes)
{
    sqlite3_commit_hook(store->scripts.db, yes ? refuse : NULL, NULL);
}

static void disk_that_does_not_take_it_is_told_once(void **state)
{
    (void)state;
    put("n", 0);
    put("n", 0);
    broken(true);
    expect(""); /* no claim, no start */
    loop_advance(loop, 10 * MINUTE);
    expect("");
    broken(false);
    loop_advance(loop, MINUTE);
    expect("1.1 2.1 ");
    broken(true);
    end(1, JOB_END_DONE);
    end(2, JOB_END_FAILED);
    loop_advance(loop, 10 * MINUTE);
    broken(false);
    loop_advance(loop, MINUTE);
    expect("2.2 "); /* due long ago */
    end(2, JOB_END_DONE);
    expect("");
    assert_int_equal(
        number(&store->scripts, "SELECT count(*) FROM job WHERE state = 2"), 2);
    int count = 0;
    for (const char *at = lines; (at = strstr(at, "jobs wait")); at++)
        count++;
    assert_int_equal(count, 2);
}

#define LINE_TEST(name)                                                        \
    cmocka_unit_test_setup_teardown(name, set_up_line, tear_down_line)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINE_TEST(due_ones_begin_in_order_as_there_is_room),
        LINE_TEST(failures_come_again_later_and_later),
        LINE_TEST(back_off_has_an_end),
        LINE_TEST(nobody_runs_it_is_told_once),
        LINE_TEST(what_ran_in_a_crash_runs_alone),
        LINE_TEST(disk_that_does_not_take_it_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
