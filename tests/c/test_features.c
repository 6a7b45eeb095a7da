/* layer: matrix */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "features.h"
#include "limits.h"

static void versions(void **state)
{
    static const struct {
        const char *body;
        int major, minor; /* 0: refused, with kind */
        enum err_kind kind;
    } cases[] = {
        { "{\"versions\":[\"r0.6.1\",\"v1.1\",\"v1.12\",\"v1.9\"]}", 1, 12, 0 },
        { "{\"versions\":[\"v1.10\",\"v1.9\"]}", 1, 10, 0 },
        { "{\"versions\":[\"v1.99\",\"v2.0\"]}", 2, 0, 0 },
        { "{\"versions\":[\"v1.2\",7,null,\"v\",\"v1\",\"v1.\",\"v1.3-x\","
          "\"v1.4.5\",\"V1.5\",\"v9999999999.1\",\"v-1.2\"]}",
          1, 2, 0 },
        { "{\"versions\":[\"\\u0076\\u0031.7\",\"v1.1\"]}", 1, 1, 0 },
        { "{\"versions\":[\"r0.6.1\"]}", 0, 0, ERR_UNSUPPORTED },
        { "{\"versions\":[]}", 0, 0, ERR_UNSUPPORTED },
        { "{\"versions\":{\"a\":\"v1.1\"}}", 0, 0, ERR_JSON },
        { "{}", 0, 0, ERR_JSON },
        { "[\"v1.1\"]", 0, 0, ERR_JSON },
        { "<html>", 0, 0, ERR_JSON },
        { "", 0, 0, ERR_JSON },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct features features;
        struct err err;
        int rc;
        features_init(&features);
        rc = features_read(&features, slice_str(cases[i].body), &err);
        if (rc != (cases[i].major ? 0 : -1) ||
            features.major != cases[i].major ||
            features.minor != cases[i].minor)
            fail_msg("%s: %d.%d", cases[i].body, features.major,
                     features.minor);
        if (rc < 0)
            assert_int_equal(err.kind, cases[i].kind);
        features_free(&features);
    }
}

static void features_compare_as_numbers(void **state)
{
    struct features features;

    (void)state;
    features_init(&features);
    assert_false(features_version(&features, 1, 1)); /* nothing read yet */
    assert_false(features_flag(&features, "a"));
    features_read(&features,
                  slice_str("{\"versions\":[\"v1.10\"],\"unstable_features\":{"
                            "\"a\":true,\"b\":false,\"c\":1,\"d\":\"true\"}}"),
                  NULL);
    assert_true(features_version(&features, 1, 9));
    assert_true(features_version(&features, 1, 10));
    assert_false(features_version(&features, 1, 11));
    assert_false(features_version(&features, 2, 0));
    assert_true(features_flag(&features, "a"));
    assert_false(features_flag(&features, "b"));
    assert_false(features_flag(&features, "c"));
    assert_false(features_flag(&features, "d"));
    assert_false(features_flag(&features, "e"));
    /* read again: the flags are the new ones */
    features_read(&features,
                  slice_str("{\"versions\":[\"v1.11\"],"
                            "\"unstable_features\":[\"a\"]}"),
                  NULL);
    assert_false(features_flag(&features, "a"));
    assert_true(features_version(&features, 1, 11));
    features_free(&features);
}

static void too_many_flags_are_refused(void **state)
{
    struct features features;
    struct buf body;
    struct err err;

    (void)state;
    buf_init(&body, LIMIT_FEATURES * 2);
    buf_adds(&body, "{\"versions\":[\"v1.1\"],\"unstable_features\":{\"a\":\"");
    while (body.len < LIMIT_FEATURES + 100)
        buf_addc(&body, 'x');
    buf_adds(&body, "\"}}");
    features_init(&features);
    assert_int_equal(features_read(&features, buf_slice(&body), &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_false(features_flag(&features, "a"));
    features_free(&features);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(features_compare_as_numbers),
        cmocka_unit_test(too_many_flags_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
