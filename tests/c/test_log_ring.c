/* layer: base */
#include "log_ring.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "limits.h"

static char seen[4096];
static int count;
static size_t longest;

/* The message, behind the time and the level. */
static void on_line(void *arg, struct slice line)
{
    size_t len = strlen(seen);
    assert_ptr_equal(arg, &count);
    count++;
    longest = line.len > longest ? line.len : longest;
    if (len + line.len < sizeof seen)
        snprintf(seen + len, sizeof seen - len, "%.*s|", (int)(line.len - 15),
                 line.ptr + 15);
}

static const char *last(const char *script, const char *account, int most)
{
    const struct log_ring_filter filter = { script, account };
    seen[0] = '\0';
    count = 0;
    log_ring_read(&filter, most, on_line, &count);
    return seen;
}

static void say(const char *script, const char *account, const char *text)
{
    const struct log_fields about = { .script = script, .account = account };
    log_write(LOG_LEVEL_INFO, &about, "%s", text);
}

static void ignore(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static int set_up(void **state)
{
    (void)state;
    log_set_sink(ignore, NULL);
    log_set_format(LOG_TEXT);
    log_ring_start();
    longest = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_ring_stop();
    assert_string_equal(last(NULL, NULL, 9), "");
    log_set_sink(NULL, NULL);
    return 0;
}

static void lines_are_found_by_script_and_account(void **state)
{
    (void)state;
    static const struct {
        const char *script, *account;
        int most;
        const char *lines;
    } rows[] = {
        { NULL, NULL, 9, "x: a|y: b|c|x: d|x: e|" },
        { NULL, NULL, 2, "x: d|x: e|" },
        { NULL, NULL, 0, "" },
        { "x", NULL, 9, "x: a|x: d|x: e|" },
        { "x", NULL, 1, "x: e|" },
        { "x", "one", 9, "x: a|x: e|" },
        { NULL, "two", 9, "c|x: d|x: e|" },
        { "z", NULL, 9, "" },
    };
    log_debug("not logged, not kept");
    say("x", "one", "a");
    say("y", "one", "b");
    say(NULL, NULL, "c");
    say("x", "two", "d");
    say("x", NULL, "e");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(last(rows[i].script, rows[i].account, rows[i].most),
                            rows[i].lines);
}

static void as_much_as_fits_is_kept(void **state)
{
    (void)state;
    char text[LIMIT_LOG_LINE];
    for (int i = 0; i <= LIMIT_LOG_RING_LINES; i++) {
        snprintf(text, sizeof text, "%d", i);
        say(NULL, NULL, text);
    }
    last(NULL, NULL, LIMIT_LOG_RING_LINES * 2);
    assert_int_equal(count, LIMIT_LOG_RING_LINES);
    assert_memory_equal(seen, "1|2|", 4); /* the first one is gone */
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 100; i++)
        say("long", "one", text);
    last(NULL, NULL, LIMIT_LOG_RING_LINES);
    assert_true(count > 0 && count < 100);
    assert_true(count * longest <= LIMIT_LOG_RING);
    assert_true((count + 1) * (longest + 128) > LIMIT_LOG_RING);
}

static void who_follows_gets_each_line_once(void **state)
{
    (void)state;
    struct log_follower all = { .fn = on_line, .arg = &count };
    struct log_follower some = all;
    some.filter.script = "x";
    seen[0] = '\0';
    count = 0;
    say("x", NULL, "before");
    log_ring_follow(&all);
    say("y", NULL, "a");
    log_ring_follow(&some);
    say("x", NULL, "b");
    say("y", NULL, "c");
    log_ring_unfollow(&all);
    say("x", NULL, "d");
    log_ring_unfollow(&some);
    say("x", NULL, "after");
    assert_string_equal(seen, "y: a|x: b|x: b|y: c|x: d|");
}

/* The journal has its own time; what is kept needs one. */
static void lines_are_kept_as_a_file_gets_them(void **state)
{
    (void)state;
    char path[] = "/tmp/test_log_ring_XXXXXX", stream[64], told[256] = "";
    const struct log_fields about = { .script = "x", .traceback = "t1\nt2" };
    int fd = mkstemp(path), kept = dup(STDERR_FILENO);
    struct stat st;
    assert_true(fd >= 0 && kept >= 0 && fstat(fd, &st) == 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_set_sink(NULL, NULL);
    dup2(fd, STDERR_FILENO);
    log_write(LOG_LEVEL_ERROR, &about, "bad");
    dup2(kept, STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
    assert_true(pread(fd, told, sizeof told - 1, 0) > 0);
    assert_string_equal(told, "<3>error x: bad\n<3>    t1\n<3>    t2\n");
    assert_string_equal(last(NULL, NULL, 1), "x: bad\n    t1\n    t2|");
    close(kept);
    close(fd);
    unlink(path);
}

#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(lines_are_found_by_script_and_account),
        RING_TEST(as_much_as_fits_is_kept),
        RING_TEST(who_follows_gets_each_line_once),
        RING_TEST(lines_are_kept_as_a_file_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
