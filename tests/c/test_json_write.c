/* layer: json */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_corpus.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

static struct buf out;
static struct json_writer w;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, KIB(8));
    json_writer_init(&w, &out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static void writes_a_tree(void **state)
{
    (void)state;
    json_object_begin(&w);
    json_member_str(&w, "a", "x\"\\\n\x01\x7f\xc3\xa9/");
    json_member_str(&w, "no", NULL);
    json_member_string(&w, "no", SLICE_NONE);
    json_member_raw(&w, "no", SLICE_NONE);
    json_member_string(&w, "nul", slice_make("\0", 1));
    json_member_int(&w, "i", INT64_MIN);
    json_member_bool(&w, "t", true);
    json_member_raw(&w, "r", slice_str("[1,{}]"));
    json_key(&w, "l");
    json_array_begin(&w);
    json_put_null(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_put_bool(&w, false);
    json_put_double(&w, 0.1);
    json_array_end(&w);
    json_member_int(&w, "k\"", 1);
    json_object_end(&w);
    assert_int_equal(json_finish(&w, "it", NULL), 0);
    assert_string_equal(
        buf_str(&out),
        "{\"a\":\"x\\\"\\\\\\n\\u0001\x7f\xc3\xa9/\",\"nul\":\"\\u0000\","
        "\"i\":-9223372036854775808,\"t\":true,\"r\":[1,{}],"
        "\"l\":[null,[],{},false,0.1],\"k\\\"\":1}");
    assert_int_equal(json_check(buf_slice(&out), NULL), 0);
}

static void doubles(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { -2.5, "-2.5" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1e300, "1e300" },
        { 1e-7, "1e-7" },
        { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 9007199254740993.0, "9007199254740992" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&out);
        json_writer_init(&w, &out);
        json_put_double(&w, cases[i].value);
        assert_int_equal(json_finish(&w, "it", NULL), 0);
        assert_string_equal(buf_str(&out), cases[i].text);
        double back;
        assert_true(json_double(buf_slice(&out), &back));
        assert_memory_equal(&back, &cases[i].value, sizeof back);
    }
}

static void bad_nan(void)
{
    json_put_double(&w, NAN);
}
static void bad_infinity(void)
{
    json_put_double(&w, -INFINITY);
}
static void bad_utf8(void)
{
    json_put_string(&w, slice_str("\xff"));
}
static void bad_open(void)
{
    json_array_begin(&w);
}
static void bad_end(void)
{
    json_array_begin(&w);
    json_object_end(&w);
}
static void bad_extra_end(void)
{
    json_object_end(&w);
}
static void bad_no_key(void)
{
    json_object_begin(&w);
    json_put_null(&w);
    json_object_end(&w);
}
static void bad_no_value(void)
{
    json_object_begin(&w);
    json_key(&w, "a");
    json_object_end(&w);
}
static void bad_two_keys(void)
{
    json_object_begin(&w);
    json_key(&w, "a");
    json_member_int(&w, "b", 1);
    json_object_end(&w);
}
static void bad_key_in_array(void)
{
    json_array_begin(&w);
    json_member_int(&w, "b", 1);
    json_array_end(&w);
}
static void bad_second(void)
{
    json_put_null(&w);
    json_put_null(&w);
}
static void bad_raw(void)
{
    json_put_raw(&w, SLICE_NONE);
}
static void bad_nothing(void)
{
}
static void bad_depth(void)
{
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++) {
        json_array_begin(&w);
    }
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++) {
        json_array_end(&w);
    }
}
static void bad_sticks(void)
{
    json_array_begin(&w);
    json_put_double(&w, NAN);
    json_put_null(&w);
    json_array_end(&w);
}

static void failures_stick(void **state)
{
    static void (*const cases[])(void) = {
        bad_nan,     bad_infinity,     bad_utf8,     bad_open,   bad_end,
        bad_no_key,  bad_no_value,     bad_two_keys, bad_raw,    bad_second,
        bad_nothing, bad_key_in_array, bad_depth,    bad_sticks, bad_extra_end,
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&out);
        json_writer_init(&w, &out);
        cases[i]();
        struct err err = { 0 };
        assert_int_equal(json_finish(&w, "the thing", &err), -1);
        assert_int_equal(err.kind, ERR_JSON);
        assert_non_null(strstr(err.text, "the thing"));
    }
}

static void depth_is_ours(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        if (i % 3) {
            json_object_begin(&w);
            json_key(&w, "a");
        } else {
            json_array_begin(&w);
        }
    }
    json_put_int(&w, 1);
    for (int i = LIMIT_JSON_DEPTH; i-- > 0;) {
        if (i % 3) {
            json_object_end(&w);
        } else {
            json_array_end(&w);
        }
    }
    assert_int_equal(json_finish(&w, "it", NULL), 0);
    assert_int_equal(json_check(buf_slice(&out), NULL), 0);
}

static void full_is_a_limit(void **state)
{
    (void)state;
    for (size_t max = 0; max < 13; max++) {
        struct buf small;
        buf_init(&small, max);
        json_writer_init(&w, &small);
        json_object_begin(&w);
        json_member_str(&w, "a", "b\n\n");
        json_object_end(&w);
        struct err err = { 0 };
        bool fits = max >= strlen("{\"a\":\"b\\n\\n\"}");
        assert_int_equal(json_finish(&w, "it", &err), fits ? 0 : -1);
        assert_int_equal(err.kind, fits ? 0 : ERR_LIMIT);
        buf_free(&small);
    }
}

static void quote_is_all_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(json_quote(slice_str("ok"), &out), 0);
    assert_int_equal(json_quote(slice_str("\n\xed\xa0\x80"), &out), -1);
    assert_int_equal(json_quote(SLICE_NONE, &out), -1);
    assert_string_equal(buf_str(&out), "\"ok\"");
    for (int c = 0; c < 0x80; c++) {
        char byte = (char)c;
        buf_clear(&out);
        assert_int_equal(json_quote(slice_make(&byte, 1), &out), 0);
        assert_int_equal(json_check(buf_slice(&out), NULL), 0);
        assert_true(json_equals(buf_slice(&out), slice_make(&byte, 1)));
    }
}

static void canonical(void **state)
{
    static const char *const cases[][2] = {
        /* the specification's own, without the one that breaks its rules */
        { "{}", "{}" },
        { "{ \"one\": 1, \"two\": \"Two\" }", "{\"one\":1,\"two\":\"Two\"}" },
        { "{\"b\":\"2\",\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\"}",
          "{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\"}" },
        { "{\"\xe6\x9c\xac\":2,\"\xe6\x97\xa5\":1}",
          "{\"\xe6\x97\xa5\":1,\"\xe6\x9c\xac\":2}" },
        { "{\"a\":\"\\u65e5\"}", "{\"a\":\"\xe6\x97\xa5\"}" },
        { "{\"a\":null}", "{\"a\":null}" },
        /* deeper */
        { "{\"auth\":{\"success\":true,\"mxid\":\"@a:b\",\"p\":{\"z\":[],"
          "\"x\":[{\"b\":1,\"a\":2}]}}}",
          "{\"auth\":{\"mxid\":\"@a:b\",\"p\":{\"x\":[{\"a\":2,\"b\":1}],"
          "\"z\":[]},\"success\":true}}" },
        { "\"\\/\\u0041\\u001F\\u007f\\u0022\\t\"",
          "\"/A\\u001f\x7f\\\"\\t\"" },
        /* UTF-8 order is not UTF-16 order */
        { "{\"\\ud83d\\ude00\":1,\"\\uff61\":2}",
          "{\"\xef\xbd\xa1\":2,\"\xf0\x9f\x98\x80\":1}" },
        { "{\"a\":1,\"\\u0061\":2,\"b\":0}", "{\"a\":2,\"b\":0}" },
        { "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}" },
        { " [9007199254740991, -9007199254740991 , 0 ] ",
          "[9007199254740991,-9007199254740991,0]" },
        { "[9007199254740992]", NULL },
        { "[-9007199254740992]", NULL },
        { "[1.0]", NULL },
        { "[1e10]", NULL },
        { "[-0]", NULL },
        { "[01]", NULL },
        { "{\"a\":\"\\ud800\"}", NULL },
        { "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = { 0 };
        buf_clear(&out);
        int rc = json_canonical(slice_str(cases[i][0]), &out, &err);
        assert_int_equal(rc, cases[i][1] ? 0 : -1);
        assert_string_equal(buf_str(&out), cases[i][1] ? cases[i][1] : "");
        assert_true(rc == 0 || err.kind == ERR_JSON);
    }
    const char *text = "{\"b\":[\"x\\n\"],\"a\":{}}";
    for (size_t max = 0; max < strlen(text); max++) {
        struct err err = { 0 };
        struct buf small;
        buf_init(&small, max);
        assert_int_equal(json_canonical(slice_str(text), &small, &err), -1);
        assert_int_equal(err.kind, ERR_LIMIT);
        buf_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_a_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_stick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_is_ours, set_up, tear_down),
        cmocka_unit_test(full_is_a_limit),
        cmocka_unit_test_setup_teardown(quote_is_all_or_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(canonical, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
