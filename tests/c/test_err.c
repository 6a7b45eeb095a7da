/* layer: base */
#include "err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void set_resets_everything_and_keeps_errno(void **state)
{
    (void)state;
    struct err err;
    memset(&err, 0xAA, sizeof err);
    errno = ENOENT;
    assert_int_equal(err_set(&err, ERR_STORE, "cannot open %s", "a.db"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(err.kind, ERR_STORE);
    assert_int_equal(err.status, 0);
    assert_int_equal(err.retry_after_ms, -1);
    assert_false(err.unknown);
    assert_false(err.soft_logout);
    assert_string_equal(err.errcode, "");
    assert_string_equal(err.request, "");
    assert_string_equal(err.text, "cannot open a.db");
}

static void arguments_may_come_from_the_error_itself(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_HTTP, "no answer");
    err_set(&err, ERR_NETWORK, "again: %s", err.text);
    assert_string_equal(err.text, "again: no answer");
    assert_int_equal(err_prefix(&err, "%d (%s)", 7, err.text), -1);
    assert_string_equal(err.text, "7 (again: no answer): again: no answer");
    assert_int_equal(err.kind, ERR_NETWORK);
}

static void null_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_TASK, "x"), -1);
    assert_int_equal(err_prefix(NULL, "x"), -1);
}

/* The text has room for 511 bytes: each row puts one character across that
 * edge, `kept` says how much of what came before it must be there. */
static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        int before;
        const char *character;
        size_t kept;
    } rows[] = {
        { 511, "x", 511 },
        { 510, "\xC3\xA4", 510 },
        { 509, "\xE2\x82\xAC", 509 },
        { 510, "\xE2\x82\xAC", 510 },
        { 508, "\xF0\x9F\x98\x80", 508 },
        { 509, "\xC3\xA4", 511 },
        { 507, "\xF0\x9F\x98\x80", 511 },
    };
    char filler[512];
    memset(filler, 'a', sizeof filler);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err;
        err_set(&err, ERR_LIMIT, "%.*s%szz", rows[i].before, filler,
                rows[i].character);
        assert_int_equal(strlen(err.text), rows[i].kept);
        err_set(&err, ERR_LIMIT, "%szz", rows[i].character);
        err_prefix(&err, "%.*s", rows[i].before - 2, filler);
        assert_int_equal(strlen(err.text), rows[i].kept);
    }
}

static void every_kind_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = { "matrix",  "http",        "network",
                                         "timeout", "json",        "limit",
                                         "denied",  "unsupported", "crypto",
                                         "store",   "task",        "cancelled",
                                         "misuse",  "config",      "system" };
    for (int i = ERR_MATRIX; i <= ERR_SYSTEM; i++) {
        assert_string_equal(err_kind_name((enum err_kind)i), names[i]);
        assert_int_equal(err_kind_parse(names[i]), i);
    }
    assert_int_equal(err_kind_parse("nonsense"), ERR_MISUSE);
    assert_string_equal(err_kind_name((enum err_kind)99), "misuse");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_resets_everything_and_keeps_errno),
        cmocka_unit_test(arguments_may_come_from_the_error_itself),
        cmocka_unit_test(null_is_accepted),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(every_kind_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
