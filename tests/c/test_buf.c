/* layer: base */
#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_to_its_maximum_and_not_further(void **state)
{
    (void)state;
    struct buf buf;
    struct err err;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_addc(&buf, 'x'), 0);
    assert_int_equal(buf_check(&buf, "it", &err), 0);
    assert_true(buf.cap <= 101);
    assert_int_equal(buf_addc(&buf, 'y'), -1);
    assert_int_equal(buf.len, 100);
    assert_int_equal(strlen(buf_str(&buf)), 100);
    assert_int_equal(buf_check(&buf, "the answer", &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.text, "cannot hold the answer: it is larger than "
                                  "the limit of 100 bytes");
    buf_free(&buf);
    assert_int_equal(buf_adds(&buf, "again"), 0);
    assert_int_equal(buf.max, 100);
    buf_free(&buf);
}

/* One append of each sort that is too large, into a buffer with 4 of 8. */
static void a_failed_append_changes_nothing_and_sticks(void **state)
{
    (void)state;
    for (int sort = 0; sort < 4; sort++) {
        struct buf buf;
        buf_init(&buf, 8);
        buf_adds(&buf, "abcd");
        if (sort == 0)
            assert_int_equal(buf_add(&buf, slice_str("12345")), -1);
        if (sort == 1)
            assert_int_equal(buf_addf(&buf, "%05d", 7), -1);
        if (sort == 2)
            assert_null(buf_reserve(&buf, 5));
        if (sort == 3)
            assert_null(buf_reserve(&buf, SIZE_MAX));
        assert_true(buf.failed);
        assert_int_equal(buf_addc(&buf, 'x'), -1); /* it would fit */
        assert_string_equal(buf_str(&buf), "abcd");
        buf_clear(&buf);
        assert_false(buf.failed);
        assert_int_equal(buf_addf(&buf, "%08d", 7), 0);
        assert_string_equal(buf_str(&buf), "00000007");
        buf_free(&buf);
    }
}

static void empty_is_an_empty_string(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_string_equal(buf_str(&buf), "");
    assert_non_null(buf_slice(&buf).ptr);
    assert_int_equal(buf_add(&buf, SLICE_NONE), 0);
    assert_int_equal(buf_adds(&buf, ""), 0);
    assert_int_equal(buf.len, 0);
    buf_consume(&buf, 5);
    buf_truncate(&buf, 0);
    buf_free(&buf);
}

static void bytes_may_hold_nul(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_add(&buf, slice_make("a\0b", 3));
    assert_true(slice_eq(buf_slice(&buf), slice_make("a\0b", 3)));
    buf_free(&buf);
}

static void reserve_consume_truncate(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    char *to = buf_reserve(&buf, 500);
    memset(to, 'a', 500);
    memcpy(to, "0123456789", 10);
    buf_added(&buf, 10);
    assert_string_equal(buf_str(&buf), "0123456789");
    buf_consume(&buf, 3);
    assert_string_equal(buf_str(&buf), "3456789");
    buf_truncate(&buf, 99);
    buf_truncate(&buf, 2);
    assert_string_equal(buf_str(&buf), "34");
    buf_consume(&buf, 99);
    assert_string_equal(buf_str(&buf), "");
    buf_free(&buf);
}

static void slices_compare_by_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = { { "", "", 0 },      { "a", "", 1 },   { "", "a", -1 },
                 { "a", "ab", -1 },  { "b", "ab", 1 }, { "\xFF", "a", 1 },
                 { "abc", "abc", 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int order = slice_compare(slice_str(rows[i].a), slice_str(rows[i].b));
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        assert_int_equal(slice_is(slice_str(rows[i].a), rows[i].b),
                         rows[i].order == 0);
    }
    assert_true(slice_starts(slice_str("!roll"), "!"));
    assert_false(slice_starts(slice_str("!"), "!roll"));
    assert_null(slice_str(NULL).ptr);
}

static void dup_ends_in_nul_and_keeps_absence(void **state)
{
    (void)state;
    assert_null(slice_dup(SLICE_NONE));
    char *copy = slice_dup(slice_make("abcd", 2));
    assert_string_equal(copy, "ab");
    free(copy);
    copy = slice_dup(slice_make("", 0));
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_maximum_and_not_further),
        cmocka_unit_test(a_failed_append_changes_nothing_and_sticks),
        cmocka_unit_test(empty_is_an_empty_string),
        cmocka_unit_test(bytes_may_hold_nul),
        cmocka_unit_test(reserve_consume_truncate),
        cmocka_unit_test(slices_compare_by_bytes),
        cmocka_unit_test(dup_ends_in_nul_and_keeps_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
