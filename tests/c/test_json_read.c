/* layer: json */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json_corpus.h"
#include "json_read.h"
#include "limits.h"

/* A copy without a byte to spare, so that the sanitizer sees a look beyond. */
static struct slice tight(struct slice text)
{
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    return slice_make(copy, text.len);
}

static void drop(struct slice text)
{
    free((char *)(uintptr_t)text.ptr);
}

static void walk(struct slice value, int depth)
{
    struct json_iter it = json_iter(value);
    struct buf out;
    buf_init(&out, value.len);
    json_string(value, &out);
    buf_free(&out);
    while (depth < 200 && json_next(&it)) {
        json_get_slice(value, slice_str("a"));
        walk(it.value, depth + 1);
    }
}

static void check_accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(json_valid); i++) {
        struct slice text = tight(json_valid[i]);
        struct err err = { 0 };
        if (json_check(text, &err) != 0) {
            fail_msg("%.*s: %s", SLICE_ARG(text), err.text);
        }
        walk(text, 0);
        drop(text);
    }
}

static void check_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(json_invalid); i++) {
        struct slice text = tight(json_invalid[i]);
        struct err err = { 0 };
        if (json_check(text, &err) == 0) {
            fail_msg("accepted %zu: %.*s", i, SLICE_ARG(text));
        }
        assert_int_equal(err.kind, ERR_JSON);
        walk(text, 0); /* nonsense perhaps, but safe and soon over */
        drop(text);
    }
    assert_int_equal(json_check(SLICE_NONE, NULL), -1);
}

static void check_bounds(void **state)
{
    static char text[4096];
    (void)state;
    static const struct {
        const char *open, *close;
    } kinds[] = { { "[", "]" }, { "{\"a\":", "}" } };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t n = json_nest(text, LIMIT_JSON_DEPTH, kinds[i].open, "1",
                             kinds[i].close);
        assert_int_equal(json_check(slice_make(text, n), NULL), 0);
        n = json_nest(text, LIMIT_JSON_DEPTH + 1, kinds[i].open, "1",
                      kinds[i].close);
        assert_int_equal(json_check(slice_make(text, n), NULL), -1);
    }
    memset(text, '1', sizeof text);
    assert_int_equal(json_check(slice_make(text, LIMIT_JSON_NUMBER), NULL), 0);
    assert_int_equal(json_check(slice_make(text, LIMIT_JSON_NUMBER + 1), NULL),
                     -1);
}

static void messages_name_the_byte(void **state)
{
    static const char *const cases[][2] = {
        { "{\"a\" 1}", "byte 5: expected ':'" },
        { "[1,]", "byte 3: expected a value" },
        { "[1", "byte 2: expected ',' or ']', but the text ends" },
        { "\"ab\\ud800\"", "byte 3: lone surrogate" },
        { "\"ab\\q\"", "byte 3: bad escape" },
        { "\"ab\n\"", "byte 3: control byte in a string" },
        { "[\"\x80\"]", "byte 2: invalid UTF-8" },
        { "{} {}", "byte 3: text after the value" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err;
        assert_int_equal(json_check(slice_str(cases[i][0]), &err), -1);
        assert_string_equal(err.text, cases[i][1]);
    }
}

static void types_and_scalars(void **state)
{
    (void)state;
    assert_int_equal(json_type(slice_str(" {}")), JSON_OBJECT);
    assert_int_equal(json_type(slice_str("[")), JSON_ARRAY);
    assert_int_equal(json_type(slice_str("\"")), JSON_STRING);
    assert_int_equal(json_type(slice_str("-1")), JSON_NUMBER);
    assert_int_equal(json_type(slice_str("true")), JSON_BOOL);
    assert_int_equal(json_type(slice_str("null")), JSON_NULL);
    assert_int_equal(json_type(slice_str("x")), JSON_NONE);
    assert_int_equal(json_type(slice_str("")), JSON_NONE);
    assert_int_equal(json_type(SLICE_NONE), JSON_NONE);

    bool b = false;
    assert_true(json_bool(slice_str(" true "), &b));
    assert_true(b);
    assert_true(json_bool(slice_str("false"), &b));
    assert_false(b);
    assert_false(json_bool(slice_str("1"), &b));
    assert_false(json_bool(SLICE_NONE, &b));

    double d = 0;
    assert_true(json_double(slice_str("-2.5e1"), &d));
    assert_true(d == -25);
    assert_false(json_double(slice_str("1e400"), &d));
    assert_false(json_double(slice_str("\"1\""), &d));
}

static void integers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { " 42 ", true, 42 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "1700000000000.0", true, 1700000000000 },
        { "50.0", true, 50 },
        { "1e3", true, 1000 },
        { "-1E3", true, -1000 },
        { "9007199254740992.0", true, 9007199254740992 },
        { "9007199254740994.0", false, 0 },
        { "0.5", false, 0 },
        { "1e400", false, 0 },
        { "-1e400", false, 0 },
        { "\"1\"", false, 0 },
        { "true", false, 0 },
        { "", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 0;
        assert_int_equal(json_int(slice_str(cases[i].text), &value),
                         cases[i].ok);
        assert_true(value == cases[i].value);
    }
}

static void strings(void **state)
{
    static const struct {
        const char *json;
        struct slice text;
    } cases[] = {
        { "\"\"", TEXT("") },
        { " \"plain\" ", TEXT("plain") },
        { "\"a\\u0000b\"", TEXT("a\0b") },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t") },
        { "\"\\u00e9\\u20ac\\ud83d\\ude00x\"",
          TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80x") },
        { "\"x\\\\\"", TEXT("x\\") },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice json = slice_str(cases[i].json);
        struct buf out;
        buf_init(&out, 64);
        assert_int_equal(json_check(json, NULL), 0);
        assert_int_equal(json_string(json, &out), 0);
        assert_true(slice_eq(buf_slice(&out), cases[i].text));
        assert_true(json_equals(json, cases[i].text));
        assert_false(json_equals(json, slice_str("other")));
        if (cases[i].text.len > 0) {
            assert_false(json_equals(
                json, slice_make(cases[i].text.ptr, cases[i].text.len - 1)));
        }
        bool escapes = memchr(json.ptr, '\\', json.len) != NULL;
        assert_int_equal(json_plain(json).ptr == NULL, escapes);
        bool nul = memchr(cases[i].text.ptr, '\0', cases[i].text.len) != NULL;
        char *copy = json_dup(json, cases[i].text.len);
        assert_int_equal(copy == NULL, nul);
        if (copy) {
            assert_true(slice_is(cases[i].text, copy));
        }
        free(copy);
        if (cases[i].text.len > 0) {
            assert_null(json_dup(json, cases[i].text.len - 1));
        }
        buf_free(&out);
    }
    struct buf small;
    buf_init(&small, 2);
    assert_int_equal(json_string(slice_str("\"abc\""), &small), -1);
    assert_int_equal(json_string(slice_str("12"), &small), -1);
    assert_int_equal(json_string(slice_str("\""), &small), -1);
    buf_free(&small);
    assert_null(json_plain(slice_str("{}")).ptr);
    assert_null(json_dup(slice_str("7"), 10));
    assert_false(json_equals(slice_str("7"), slice_str("7")));
}

static void members(void **state)
{
    struct slice event = slice_str(
        " { \"type\" : \"m\" , \"content\":{\"body\":\"}\\\"{\",\"n\":[1,[2],"
        "{\"x\":3}]},\"k\\u0065y\":1,\"type\":\"last\",\"e\":{},\"z\":null } ");
    (void)state;
    assert_int_equal(json_check(event, NULL), 0);
    assert_true(slice_is(json_get(event, "type"), "\"last\""));
    assert_true(
        slice_is(json_get(json_get(event, "content"), "body"), "\"}\\\"{\""));
    assert_true(slice_is(json_get(event, "key"), "1"));
    assert_true(slice_is(json_get(event, "e"), "{}"));
    assert_true(slice_is(json_get(event, "z"), "null"));
    assert_null(json_get(event, "body").ptr);
    assert_null(json_get(event, "").ptr);
    assert_null(json_get(json_get(event, "type"), "x").ptr);
    assert_null(json_get(SLICE_NONE, "x").ptr);
    assert_null(json_get(slice_str("[\"x\",1]"), "x").ptr);

    static const char *const items[] = { "1", "[2]", "{\"x\":3}" };
    struct json_iter it = json_iter(json_get(json_get(event, "content"), "n"));
    size_t n = 0;
    while (json_next(&it)) {
        assert_null(it.key.ptr);
        assert_true(slice_is(it.value, items[n++]));
    }
    assert_int_equal(n, 3);
    assert_false(json_next(&it)); /* stays at its end */

    size_t types = 0;
    it = json_iter(event);
    while (json_next(&it)) {
        types += json_equals(it.key, slice_str("type"));
    }
    assert_int_equal(types, 2);
    it = json_iter(slice_str("\"no\""));
    assert_false(json_next(&it));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_accepts),
        cmocka_unit_test(check_refuses),
        cmocka_unit_test(check_bounds),
        cmocka_unit_test(messages_name_the_byte),
        cmocka_unit_test(types_and_scalars),
        cmocka_unit_test(integers),
        cmocka_unit_test(strings),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
