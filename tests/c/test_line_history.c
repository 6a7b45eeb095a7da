/* layer: app */
#include "line_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "buf.h"
#include "file.h"
#include "limits.h"

#define PATH "state/lunatrix/history-test"

static int enter_folder(void **state)
{
    char *path = strdup("/tmp/test_line.XXXXXX");
    *state = path;
    return mkdtemp(path) && chdir(path) == 0 &&
                   setenv("XDG_STATE_HOME", "state", 1) == 0
               ? 0
               : -1;
}

static int leave_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", (char *)*state);
    int status = chdir("/") == 0 ? system(command) : -1;
    free(*state);
    return status;
}

static void count_lines(void *arg, const char *line)
{
    assert_true(*line != '\0');
    ++*(int *)arg;
}

static int session(const char *const *lines)
{
    int count = 0;
    struct line_history *history =
        line_history_open("test", count_lines, &count);
    assert_non_null(history);
    for (; *lines; lines++)
        line_history_add(history, slice_str(*lines));
    line_history_close(history);
    return count;
}

static void forgets_what_is_delicate(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool wanted;
    } rows[] = {
        { "hello", true },
        { "", false },
        { " a space first", false },
        { "two\nlines", false },
        { "My PassWord is x", false },
        { "bot.secrets.key", false },
        { "{ access_token = 'x' }", false },
        { "syt_Ym90_abc", false },
        { "{ Authorization = 'Basic eDp5' }", false },
        { "get(u, 'Bearer x')", false },
        { "url .. '?api_key=x'", false },
        { "X-Api-Key: x", false },
        { "broken but harmless", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(line_history_wants(slice_str(rows[i].line)),
                         rows[i].wanted);
}

static void keeps_lines_between_sessions(void **state)
{
    (void)state;
    static const char *const first[] = { "one", "one", "token x", "two", NULL };
    static const char *const second[] = { "three", NULL };
    static const char *const none[] = { NULL };
    struct stat st;

    assert_int_equal(session(first), 0);
    assert_int_equal(session(second), 2); /* "one" but once */
    assert_int_equal(session(none), 3);
    assert_int_equal(stat(PATH, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void stays_small(void **state)
{
    (void)state;
    static const char *const none[] = { NULL };
    struct buf text;
    struct stat st;
    struct err err;

    buf_init(&text, MIB(1));
    for (int i = 0; i < 3 * LIMIT_HISTORY_LINES; i++)
        buf_addf(&text, "line %d, and some more of it to fill the file\n", i);
    buf_adds(&text, "no end");
    assert_int_equal(file_write_private(PATH, buf_slice(&text), &err), 0);
    assert_int_equal(session(none), LIMIT_HISTORY_LINES);
    assert_int_equal(stat(PATH, &st), 0);
    assert_true(st.st_size < 60000);
    assert_int_equal(session(none), LIMIT_HISTORY_LINES);
    /* Far too large, and a link: neither is ours. */
    for (int i = 0; i < 9000; i++)
        buf_adds(&text, "line line line line line line line line line line\n");
    assert_int_equal(file_write_private(PATH, buf_slice(&text), &err), 0);
    assert_int_equal(session(none), 0);
    assert_int_equal(access(PATH, F_OK), -1);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_what_is_delicate),
        cmocka_unit_test(keeps_lines_between_sessions),
        cmocka_unit_test(stays_small),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
