/* layer: base */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
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

#define TOKEN "syt_Zm9v_secretsecret_0abcde"

static char last[LIMIT_LOG_LINE + 1];
static size_t last_len;
static int lines;

static void keep(void *arg, enum log_level level, struct slice line)
{
    assert_ptr_equal(arg, &lines);
    assert_true(level >= log_get_level());
    assert_true(line.len <= LIMIT_LOG_LINE);
    memcpy(last, line.ptr, line.len);
    last[line.len] = '\0';
    last_len = line.len;
    lines++;
}

static int set_up(void **state)
{
    (void)state;
    log_set_sink(keep, &lines);
    log_set_format(LOG_TEXT);
    log_set_level(LOG_LEVEL_INFO);
    log_set_account_shown(false);
    lines = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_clear_secrets();
    log_set_sink(NULL, NULL);
    return 0;
}

/* The line without its time; checks that there is one. */
static const char *after_time(void)
{
    int hour, minute, second, len = 0;
    sscanf(last, "%2d:%2d:%2d %n", &hour, &minute, &second, &len);
    assert_int_equal(len, 9);
    return last + len;
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    enum log_level level;
    log_debug("no");
    assert_int_equal(lines, 0);
    assert_int_equal(log_level_parse("error", &level), 0);
    log_set_level(level);
    log_warn("no");
    assert_int_equal(lines, 0);
    log_error("yes");
    assert_int_equal(lines, 1);
    assert_string_equal(after_time(), "error yes");
    assert_int_equal(log_level_parse("ERROR", &level), -1);
    assert_int_equal(log_level_parse("", &level), -1);
}

static void text_begins_with_where_it_happened(void **state)
{
    (void)state;
    struct log_fields fields = { .account = "@b:x", .script = "echo" };
    errno = EPERM;
    log_write(LOG_LEVEL_WARN, &fields, "cannot %s", "send");
    assert_int_equal(errno, EPERM);
    assert_string_equal(after_time(), "warn  echo: cannot send");
    log_set_account_shown(true);
    fields.room_id = "!r:x";
    fields.file = "echo.lua";
    fields.line = 12;
    fields.error = "not shown in text";
    fields.traceback = "stack:\n\t[C]: in ?\x1b[2J";
    log_write(LOG_LEVEL_INFO, &fields, "x");
    assert_string_equal(after_time(), "info  @b:x echo !r:x echo.lua:12: x\n"
                                      "    stack:\n"
                                      "        [C]: in ?\\x1b[2J");
    fields =
        (struct log_fields) { .script = "a.lua", .file = "a.lua", .line = 3 };
    log_write(LOG_LEVEL_INFO, &fields, "x");
    assert_string_equal(after_time(), "info  a.lua:3: x");
}

/* What a room member writes can neither make a line nor drive a terminal. */
static void foreign_bytes_are_shown_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text, *json;
    } rows[] = {
        { "a\nb\tc\rd", "a\\nb    c\\rd", "a\\nb\\tc\\rd" },
        { "\x1b[31m", "\\x1b[31m", "\\u001b[31m" },
        { "\x7f\xC2\x9B", "\\x7f\\x9b", "\\u007f\\u009b" },
        { "say \"hi\" c:\\", "say \"hi\" c:\\", "say \\\"hi\\\" c:\\\\" },
        { "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
          "\xC3\xA4\xE2\x82\xAC"
          "\xF0\x9F\x98\x80",
          "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80" },
        { "\xFF|\xC3|\xC0\x80|\xED\xA0\x80|",
          "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD|"
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|",
          "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD|"
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|" },
        { "\xF4\x90\x80\x80",
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[256];
        log_set_format(LOG_TEXT);
        log_info("%s", rows[i].in);
        assert_string_equal(after_time() + 6, rows[i].text);
        log_set_format(LOG_JSON);
        log_info("%s", rows[i].in);
        snprintf(want, sizeof want, "\"msg\":\"%s\"}", rows[i].json);
        assert_non_null(strstr(last, want));
    }
}

static void json_has_the_keys_in_their_order(void **state)
{
    (void)state;
    const struct log_fields fields = { .account = "a",
                                       .script = "s",
                                       .gen = 7,
                                       .room_id = "r",
                                       .event_id = "e",
                                       .sender = "u",
                                       .handler = "h",
                                       .file = "f",
                                       .line = 9,
                                       .kind = "k",
                                       .errcode = "M_X",
                                       .error = "E",
                                       .traceback = "t\n\tu",
                                       .dur_ms = 1.25 };
    log_set_format(LOG_JSON);
    log_write(LOG_LEVEL_ERROR, &fields, "m");
    int year, day, ms, len = 0;
    sscanf(last, "{\"ts\":\"%4d-%*2d-%2dT%*2d:%*2d:%*2d.%3dZ\"%n", &year, &day,
           &ms, &len);
    assert_int_equal(len, (int)strlen("{\"ts\":\"2026-01-01T00:00:00.000Z\""));
    assert_string_equal(
        last + len,
        ",\"level\":\"error\",\"msg\":\"m\",\"account\":\"a\",\"script\":\"s\","
        "\"gen\":7,\"room_id\":\"r\",\"event_id\":\"e\",\"sender\":\"u\","
        "\"handler\":\"h\",\"file\":\"f\",\"line\":9,\"kind\":\"k\","
        "\"errcode\":\"M_X\",\"error\":\"E\",\"traceback\":\"t\\n\\tu\","
        "\"dur_ms\":1.250}");
    log_info("m");
    assert_string_equal(last + len, ",\"level\":\"info\",\"msg\":\"m\"}");
}

static void secrets_are_taken_out_of_every_part(void **state)
{
    (void)state;
    const struct log_fields fields = { .script = TOKEN,
                                       .room_id = "!" TOKEN,
                                       .error = TOKEN "\"",
                                       .traceback = "a\n" TOKEN "\nb" };
    assert_int_equal(log_add_secret(slice_str(TOKEN)), 0);
    assert_int_equal(log_add_secret(slice_str("two\nlines\"")), 0);
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        log_set_format((enum log_format)format);
        log_write(LOG_LEVEL_WARN, &fields, "%s and %s%s, two\nlines\"", TOKEN,
                  TOKEN, TOKEN);
        assert_null(strstr(last, TOKEN));
        assert_null(strstr(last, "lines"));
        assert_non_null(
            strstr(last, "(secret) and (secret)(secret), (secret)"));
    }
}

static void the_longest_secret_wins_and_short_ones_do_not_count(void **state)
{
    (void)state;
    log_add_secret(slice_str("abc"));
    log_add_secret(slice_str("pass"));
    log_add_secret(slice_str("password"));
    log_add_secret(SLICE_NONE);
    log_info("abc password pass passwor");
    assert_string_equal(after_time() + 6, "abc (secret) (secret) (secret)wor");
    struct buf shown;
    buf_init(&shown, 24);
    buf_adds(&shown, "<");
    log_conceal(slice_str("password pas\npasspass"), &shown);
    assert_string_equal(buf_str(&shown), "<(secret) pas\n(secret)");
    buf_free(&shown);
}

static void the_oldest_secret_is_forgotten_first(void **state)
{
    (void)state;
    char secret[16];
    for (int i = 0; i < LOG_SECRETS; i++) {
        snprintf(secret, sizeof secret, "key-%03d", i);
        log_add_secret(slice_str(secret));
    }
    log_add_secret(slice_str("key-000")); /* new again */
    log_add_secret(slice_str("key-999"));
    log_info("key-000 key-001 key-002 key-999");
    assert_string_equal(after_time() + 6, "(secret) key-001 (secret) (secret)");
    log_clear_secrets();
    log_info("key-000");
    assert_string_equal(after_time() + 6, "key-000");
}

/* Wherever the cut falls, no 4 bytes of the secret are seen: it is replaced
 * before. Also where the message itself is longer than what gets formatted,
 * and where other secrets before it made room for what lies behind. */
static void a_secret_across_the_cut_is_not_shown_in_part(void **state)
{
    (void)state;
    static char text[4 * LIMIT_LOG_LINE];
    char secret[301];
    memset(secret, 'S', 300);
    secret[300] = '\0';
    log_add_secret(slice_str(secret));
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        log_set_format((enum log_format)format);
        for (size_t many = 0; many < 2; many++) {
            for (size_t at = 0; at < 9000; at += at % 300 < 290 ? 290 : 7) {
                memset(text, 'x', sizeof text - 1);
                for (size_t i = at % 300; i <= at; i += many ? 300 : 9000)
                    memcpy(text + i, secret, 300);
                memcpy(text + at, secret, 300);
                log_info("%s", text);
                assert_null(strstr(last, "SSSS"));
                assert_non_null(strstr(last, "\xE2\x80\xA6"));
            }
        }
    }
}

static void a_long_line_is_cut_and_stays_sound(void **state)
{
    (void)state;
    static char text[3 * LIMIT_LOG_LINE + 1];
    for (size_t i = 0; i < sizeof text - 3; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    struct log_fields fields = { .script = text,
                                 .error = text,
                                 .sender = "@u:x",
                                 .traceback = text,
                                 .gen = 4,
                                 .line = 5,
                                 .dur_ms = 2 };
    log_write(LOG_LEVEL_WARN, &fields, "%s", text);
    assert_true(last_len > LIMIT_LOG_LINE - 8);
    assert_string_equal(last + last_len - 3, "\xE2\x80\xA6");
    assert_null(strstr(last, "\xEF\xBF\xBD"));
    log_set_format(LOG_JSON);
    log_write(LOG_LEVEL_WARN, &fields, "%s", text);
    assert_string_equal(last + last_len - 15, "\"dur_ms\":2.000}");
    assert_null(strstr(last, "\xEF\xBF\xBD"));
    assert_int_equal(last[0], '{');
    /* Any length of message: the closing brace is there. */
    fields.script = "s";
    for (size_t i = 0; i < 12000; i += 61) {
        log_write(LOG_LEVEL_WARN, &fields, "%.*s", (int)i, text);
        assert_int_equal(last[last_len - 1], '}');
        assert_non_null(strstr(last, "\"script\":\"s\""));
    }
}

/* What comes out of fd 2 when it is `to`; the log writes there at once. */
static void catch_stderr(int to, int from, char *out, size_t size)
{
    const struct log_fields fields = { .traceback = "one\ntwo" };
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(to, STDERR_FILENO) >= 0);
    log_set_sink(NULL, NULL);
    log_write(LOG_LEVEL_WARN, &fields, "x");
    log_set_sink(keep, &lines);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t len = read(from, out, size - 1);
    assert_true(len > 0);
    out[len] = '\0';
}

static void journal_gets_marks_only_where_it_listens(void **state)
{
    (void)state;
    int pipes[2];
    char stream[64], out[256];
    struct stat st;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(fstat(pipes[1], &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    catch_stderr(pipes[1], pipes[0], out, sizeof out);
    assert_string_equal(out, "<4>warn  x\n<4>    one\n<4>    two\n");
    setenv("JOURNAL_STREAM", "1:1", 1);
    catch_stderr(pipes[1], pipes[0], out, sizeof out);
    assert_int_equal(out[2], ':');
    assert_string_equal(out + 9, "warn  x\n    one\n    two\n");
    unsetenv("JOURNAL_STREAM");
    close(pipes[0]);
    close(pipes[1]);
}

static void colour_only_on_a_terminal(void **state)
{
    (void)state;
    int master, slave;
    char out[256];
    if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
        skip();
    unsetenv("NO_COLOR");
    catch_stderr(slave, master, out, sizeof out);
    assert_non_null(strstr(out, "\x1b[33mwarn  \x1b[0mx"));
    setenv("NO_COLOR", "1", 1);
    catch_stderr(slave, master, out, sizeof out);
    assert_null(strchr(out, '\x1b'));
    unsetenv("NO_COLOR");
    close(master);
    close(slave);
}

#define LOGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGGED(levels_below_the_chosen_one_are_silent),
        LOGGED(text_begins_with_where_it_happened),
        LOGGED(foreign_bytes_are_shown_harmless),
        LOGGED(json_has_the_keys_in_their_order),
        LOGGED(secrets_are_taken_out_of_every_part),
        LOGGED(the_longest_secret_wins_and_short_ones_do_not_count),
        LOGGED(the_oldest_secret_is_forgotten_first),
        LOGGED(a_secret_across_the_cut_is_not_shown_in_part),
        LOGGED(a_long_line_is_cut_and_stays_sound),
        LOGGED(journal_gets_marks_only_where_it_listens),
        LOGGED(colour_only_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
