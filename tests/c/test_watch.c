/* layer: loop */
#include "watch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "limits.h"
#include "log.h"

static struct loop *loop;
static struct watch *watch;
static char folder[32];
static int calls, logged, soon_calls;

static void count_log(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)line;
    logged += level == LOG_LEVEL_WARN;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_watch.XXXXXX");
    calls = logged = 0;
    log_set_sink(count_log, NULL);
    loop = loop_new(LOOP_VIRTUAL, NULL);
    return loop && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    watch_stop(watch);
    watch = NULL;
    int pending = loop_pending(loop);
    loop_free(loop);
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return pending || chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void sh(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void count_call(void *arg)
{
    assert_ptr_equal(arg, &calls);
    calls++;
}

static void start(bool poll)
{
    watch = watch_start(loop, poll, count_call, NULL, &calls, NULL);
    assert_non_null(watch);
}

#define SET(...)                                                               \
    watch_set(watch, (const char *const[]) { __VA_ARGS__ },                    \
              sizeof((const char *const[]) { __VA_ARGS__ }) /                  \
                  sizeof(const char *))

/* Runs a command; returns how often fn was called for it, once all is quiet,
 * having checked that it was not called too early. */
static int calls_for(const char *command)
{
    calls = 0;
    sh(command);
    loop_advance(loop, LIMIT_WATCH_QUIET_MS - 1);
    assert_int_equal(calls, 0);
    loop_advance(loop, 1);
    int in_time = calls;
    loop_advance(loop, 10000);
    assert_int_equal(calls, in_time);
    return calls;
}

/* How many directories the kernel watches for this process. */
static int kernel_watches(void)
{
    FILE *pipe = popen("cat /proc/$PPID/fdinfo/* 2> /dev/null | "
                       "grep -c '^inotify wd'",
                       "r");
    int count = -1;
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void every_way_to_save_is_told_once(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int calls;
    } rows[] = {
        { "echo 1 > d/f", 1 },
        { "echo 2 >> d/f", 1 },
        { "echo 3 > g; mv g d/f", 1 },
        { "sed -i s/3/4/ d/f", 1 },
        { "cp d/f d/h; mv d/h d/f", 1 },
        { "echo > d/.f.swp; rm d/.f.swp; echo 5 > d/f", 1 },
        { "rm d/f; echo 6 > d/f", 1 },                     /* git checkout */
        { "ln -s v1 d/..tmp; mv -T d/..tmp d/..data", 1 }, /* kubernetes */
        { "mkdir d/sub", 1 },
        { "rm d/f", 1 },
        { "for i in 1 2 3 4 5 6 7 8 9; do echo > d/$i; done", 1 },
        { "cat d/1; ls d > /dev/null; test -f d/2; chmod 600 d/3", 0 },
        { "echo > elsewhere; echo > d/sub/f", 0 },
    };
    sh("mkdir d");
    start(false);
    SET("d");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (calls_for(rows[i].command) != rows[i].calls)
            fail_msg("%s: told %d times", rows[i].command, calls);
    }
    assert_int_equal(logged, 0);
}

static void count_soon(void *arg)
{
    assert_ptr_equal(arg, &calls);
    soon_calls++;
}

static void a_complete_file_is_told_soon(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int soon;
    } rows[] = {
        { "echo 1 > d/f", 1 },
        { "echo 2 > g; mv g d/f", 1 },
        { "for i in 1 2 3; do echo > d/$i; done", 1 },
        { "rm d/1", 0 },
        { "mkdir d/sub", 0 },
        { "echo > elsewhere", 0 },
    };
    sh("mkdir d");
    watch = watch_start(loop, false, count_call, count_soon, &calls, NULL);
    SET("d");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        soon_calls = 0;
        sh(rows[i].command);
        loop_advance(loop, LIMIT_WATCH_SOON_MS);
        if (soon_calls != rows[i].soon)
            fail_msg("%s: told %d times", rows[i].command, soon_calls);
        loop_advance(loop, 10000);
        assert_int_equal(soon_calls, rows[i].soon);
    }
    assert_int_equal(calls, 5);
}

static void a_half_written_file_is_not_news(void **state)
{
    (void)state;
    sh("touch f");
    start(false);
    SET(".");
    FILE *file = fopen("f", "r+");
    fputs("half", file);
    fflush(file);
    loop_advance(loop, 5000);
    assert_int_equal(calls, 0);
    fclose(file);
    loop_advance(loop, LIMIT_WATCH_QUIET_MS);
    assert_int_equal(calls, 1);
}

static void a_steady_stream_is_told_each_second(void **state)
{
    (void)state;
    start(false);
    SET(folder);
    for (int i = 0; i < 50; i++) {
        sh("echo > f");
        loop_advance(loop, 50);
        assert_int_equal(calls, (i + 1) * 50 / LIMIT_WATCH_MOST_MS);
    }
    loop_advance(loop, LIMIT_WATCH_QUIET_MS);
    assert_int_equal(calls, 3);
}

static void a_queue_overflow_is_told_at_once(void **state)
{
    (void)state;
    int most = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (!file || fscanf(file, "%d", &most) != 1 || most > 100000)
        skip();
    fclose(file);
    start(false);
    SET(".");
    for (int i = 0; i < most; i++) {
        fclose(fopen(i % 2 ? "a" : "b", "w"));
        unlink(i % 2 ? "a" : "b");
    }
    loop_advance(loop, 0);
    assert_int_equal(calls, 1);
    loop_advance(loop, 10000);
    assert_int_equal(calls, 1);
    assert_int_equal(calls_for("echo > f"), 1);
}

static void a_directory_that_is_not_there_yet_is_noticed(void **state)
{
    (void)state;
    start(false);
    char path[64];
    snprintf(path, sizeof path, "%s/a//b/c/", folder);
    SET(path, "x/y");
    assert_int_equal(calls_for("echo > unrelated"), 0);
    assert_int_equal(calls_for("mkdir a"), 1);
    assert_int_equal(calls_for("echo > a/unrelated; echo > unrelated"), 0);
    assert_int_equal(calls_for("mkdir -p a/b/c; echo > a/b/c/f"), 1);
    assert_int_equal(calls_for("echo > a/b/c/f"), 1);
    assert_int_equal(calls_for("echo > a/unrelated; echo > a/b/x"), 0);
    assert_int_equal(calls_for("echo > x"), 0); /* a file, not a directory */
    assert_int_equal(calls_for("rm x; mkdir -p x/y; echo > x/y/f"), 1);
    assert_int_equal(calls_for("echo > x/y/f"), 1);
    assert_int_equal(logged, 0);
}

static void a_directory_may_go_and_come_back(void **state)
{
    (void)state;
    sh("mkdir -p d/e");
    start(false);
    SET("d/e");
    assert_int_equal(calls_for("rmdir d/e"), 1);
    assert_int_equal(calls_for("mkdir d/e"), 1);
    assert_int_equal(calls_for("echo > d/e/f"), 1);
    assert_int_equal(calls_for("mv d/e d/old"), 1);
    assert_int_equal(kernel_watches(), 1);
    assert_int_equal(calls_for("echo > d/old/f"), 0);
    assert_int_equal(calls_for("mkdir d/new; mv d/new d/e"), 1);
    assert_int_equal(calls_for("echo > d/e/f"), 1);
    assert_int_equal(calls_for("mv d/e d/old2; mv d/old d/e"), 1);
    assert_int_equal(calls_for("echo > d/e/f"), 1);
    assert_int_equal(calls_for("echo > d/old2/f"), 0);
    assert_int_equal(calls_for("rm -r d"), 1);
    assert_int_equal(calls_for("mkdir -p d/e; echo > d/e/f"), 1);
    assert_int_equal(calls_for("echo > d/e/f"), 1);
}

static void a_swapped_link_is_followed(void **state)
{
    (void)state;
    sh("mkdir -p v1/s v2/s; ln -s v1 now; ln -s now/s script");
    start(false);
    SET(".", "now", "now/s", "script");
    assert_int_equal(calls_for("echo > v1/s/f"), 1);
    assert_int_equal(calls_for("echo > v2/s/f"), 0);
    assert_int_equal(calls_for("ln -s v2 tmp; mv -T tmp now"), 1);
    assert_int_equal(calls_for("echo > v2/s/f"), 1);
    assert_int_equal(calls_for("echo > v1/s/f"), 0);
}

static void set_replaces_the_directories_before(void **state)
{
    (void)state;
    sh("mkdir a b c");
    start(false);
    SET("a", "b", "a");
    SET("b", "c");
    assert_int_equal(calls_for("echo > a/f"), 0);
    assert_int_equal(calls_for("echo > b/f"), 1);
    assert_int_equal(calls_for("echo > c/f"), 1);
    assert_int_equal(kernel_watches(), 2);
    SET("./b", "b/", "a");
    SET("b", "a");
    assert_int_equal(calls_for("echo > c/f"), 0);
    assert_int_equal(calls_for("echo > b/f"), 1);
    watch_set(watch, NULL, 0);
    assert_int_equal(calls_for("echo > a/f; echo > b/f"), 0);
    assert_int_equal(kernel_watches(), 0);
}

static void polling_looks_every_second(void **state)
{
    (void)state;
    start(true);
    SET("nowhere/at/all", ".");
    loop_advance(loop, LIMIT_WATCH_POLL_MS - 1);
    assert_int_equal(calls, 0);
    loop_advance(loop, 1);
    assert_int_equal(calls, 1);
    sh("echo > f");
    loop_advance(loop, 9 * LIMIT_WATCH_POLL_MS);
    assert_int_equal(calls, 10);
    assert_int_equal(logged, 0); /* it was asked for */
}

static void without_inotify_it_polls_and_says_so_once(void **state)
{
    (void)state;
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit) { 0, old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    start(false);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    SET(".");
    SET("/");
    loop_advance(loop, 3 * LIMIT_WATCH_POLL_MS);
    assert_int_equal(calls, 3);
    assert_int_equal(logged, 1);
}

static void what_inotify_refuses_is_polled(void **state)
{
    (void)state;
    char longer[300];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0'; /* ENAMETOOLONG */
    start(false);
    SET(".", longer);
    loop_advance(loop, 2 * LIMIT_WATCH_POLL_MS);
    assert_int_equal(calls, 2);
    sh("echo > f");
    loop_advance(loop, LIMIT_WATCH_QUIET_MS);
    assert_int_equal(calls, 3); /* the others are watched all the same */
    assert_int_equal(logged, 1);
    SET(".");
    calls = 0;
    loop_advance(loop, 5 * LIMIT_WATCH_POLL_MS);
    assert_int_equal(calls, 0);
}

static void stop_within(void *arg)
{
    count_call(arg);
    watch_stop(watch);
    watch = NULL;
}

static void it_may_be_stopped_by_what_it_calls(void **state)
{
    (void)state;
    for (int poll = 0; poll < 2; poll++) {
        watch = watch_start(loop, poll, stop_within, NULL, &calls, NULL);
        SET(".");
        sh("echo > f");
        loop_advance(loop, 5000);
        assert_int_equal(calls, poll + 1);
    }
    start(false);
    SET(".");
    sh("echo > f");
    loop_advance(loop, 1); /* something is on its way: then silence */
    watch_stop(watch);
    watch = NULL;
    loop_advance(loop, 5000);
    assert_int_equal(calls, 2);
    watch_stop(NULL);
}

static int open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void save(void *arg)
{
    (void)arg;
    sh("echo > f");
}

static void on_a_real_loop_it_wakes_the_process(void **state)
{
    (void)state;
    int before = open_files();
    struct loop *virtual = loop;
    loop = loop_new(LOOP_REAL, NULL);
    watch = watch_start(loop, false, stop_within, NULL, &calls, NULL);
    SET(".");
    tick_start(loop, save, NULL, NULL);
    loop_run(loop); /* ends when fn has stopped the watch */
    assert_int_equal(calls, 1);
    loop_free(loop);
    loop = virtual;
    assert_int_equal(open_files(), before);
}

#define WATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH(every_way_to_save_is_told_once),
        WATCH(a_complete_file_is_told_soon),
        WATCH(a_half_written_file_is_not_news),
        WATCH(a_steady_stream_is_told_each_second),
        WATCH(a_queue_overflow_is_told_at_once),
        WATCH(a_directory_that_is_not_there_yet_is_noticed),
        WATCH(a_directory_may_go_and_come_back),
        WATCH(a_swapped_link_is_followed),
        WATCH(set_replaces_the_directories_before),
        WATCH(polling_looks_every_second),
        WATCH(without_inotify_it_polls_and_says_so_once),
        WATCH(what_inotify_refuses_is_polled),
        WATCH(it_may_be_stopped_by_what_it_calls),
        WATCH(on_a_real_loop_it_wakes_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
