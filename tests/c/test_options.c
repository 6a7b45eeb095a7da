/* layer: app */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

struct record {
    const char *code;
    bool force;
    const char *file;
    struct option_list room;
};

static const struct option list[] = {
    { "force", OPTION_FLAG, offsetof(struct record, force), NULL, "" },
    { "file", OPTION_TEXT, offsetof(struct record, file), "FILE", "" },
    { "room", OPTION_TEXTS, offsetof(struct record, room), "ROOM", "" },
    { "e", OPTION_TEXT, offsetof(struct record, code), "CODE", "" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

static int read_words(struct record *record, int flags, int argc, char **argv,
                      struct err *err)
{
    memset(record, 0, sizeof *record);
    return options_read(argc, argv, flags, list, record, NULL, NULL, err);
}

static void options_and_arguments_mix(void **state)
{
    struct record r;
    struct err err;
    char *argv[] = { "a",  "--force", "--file=x", "-",  "--room",
                     "r1", "--room",  "r2",       "--", "--force" };

    (void)state;
    assert_int_equal(read_words(&r, 0, 10, argv, &err), 3);
    assert_string_equal(argv[0], "a");
    assert_string_equal(argv[1], "-");
    assert_string_equal(argv[2], "--force");
    assert_true(r.force);
    assert_string_equal(r.file, "x");
    assert_int_equal(r.room.count, 2);
    assert_string_equal(r.room.items[1], "r2");
}

static void one_letter_takes_one_dash(void **state)
{
    struct record r;
    struct err err;
    char *good[] = { "-e", "-x", "a" }, *short_of[] = { "-e" };
    char *unknown[] = { "-f" }, *joined[] = { "-ex" };

    (void)state;
    assert_int_equal(read_words(&r, 0, 3, good, &err), 1);
    assert_string_equal(r.code, "-x");
    assert_int_equal(read_words(&r, 0, 1, short_of, &err), -1);
    assert_string_equal(err.text, "-e needs a value: -e CODE");
    assert_int_equal(read_words(&r, 0, 1, unknown, &err), -1);
    assert_int_equal(read_words(&r, 0, 1, joined, &err), -1);
}

static void options_of_a_script_are_its_own(void **state)
{
    struct record r;
    struct err err;
    char *argv[] = { "--force", "script.lua", "--file", "y" };

    (void)state;
    assert_int_equal(read_words(&r, OPTIONS_STOP_AT_ARGUMENT, 4, argv, &err),
                     3);
    assert_true(r.force);
    assert_null(r.file);
}

static void mistakes_are_told(void **state)
{
    static const struct {
        char *word;
        const char *message;
    } cases[] = { { "--forse", "did you mean --force?" },
                  { "--force=1", "takes no value" },
                  { "--file", "needs a value: --file FILE" },
                  { "-f", "options begin with --" },
                  { "--zzzzzz", "unknown option --zzzzzz" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r;
        struct err err;
        char *argv[] = { cases[i].word };
        assert_int_equal(read_words(&r, 0, 1, argv, &err), -1);
        if (!strstr(err.text, cases[i].message))
            fail_msg("case %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_mix),
        cmocka_unit_test(one_letter_takes_one_dash),
        cmocka_unit_test(options_of_a_script_are_its_own),
        cmocka_unit_test(mistakes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
