/* layer: calls */
#include "calls_fixture.h"

static void is(const char *name, const char *args, const char *expected)
{
    assert_string_equal(answer(name, args), expected);
}

static void values_come_back_as_they_went(void **state)
{
    (void)state;
    is("store.get", "{\"key\":\"a\"}", "");
    is("store.set", "{\"key\":\"a\",\"value\":{\"n\": [1, 2.0, null]}}",
       "true");
    is("store.get", "{\"key\":\"a\"}", "{\"value\":{\"n\": [1, 2.0, null]}}");
    is("store.set", "{\"key\":\"a\",\"value\":false}", "true");
    is("store.get", "{\"key\":\"a\"}", "{\"value\":false}");
    is("store.delete", "{\"key\":\"a\"}", "true");
    is("store.delete", "{\"key\":\"a\"}", "true");
    is("store.get", "{\"key\":\"a\"}", "");
}

static void scripts_do_not_see_each_other(void **state)
{
    (void)state;
    is("store.set", "{\"key\":\"a\",\"value\":1}", "true");
    caller.script = "other";
    is("store.get", "{\"key\":\"a\"}", "");
    is("store.keys", "{}", "[]");
    caller.script = "echo";
    is("store.get", "{\"key\":\"a\"}", "{\"value\":1}");
}

static void time_to_live_ends(void **state)
{
    (void)state;
    is("store.set", "{\"key\":\"a\",\"value\":1,\"ttl\":10}", "true");
    /* A virtual loop begins with the year 2026. */
    is("store.get", "{\"key\":\"a\"}", "{\"value\":1,\"expires\":1767225610}");
    loop_advance(loop, 9000);
    is("store.set", "{\"key\":\"b\",\"value\":2,\"expires\":1767225700.5}",
       "true");
    loop_advance(loop, 2000);
    is("store.get", "{\"key\":\"a\"}", "");
    is("store.get", "{\"key\":\"b\"}",
       "{\"value\":2,\"expires\":1767225700.5}");
    is("store.keys", "{}", "[\"b\"]");
}

static void keys_come_in_pages(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char args[64];
        snprintf(args, sizeof(args), "{\"key\":\"v:%d\",\"value\":%d}", i, i);
        is("store.set", args, "true");
    }
    is("store.set", "{\"key\":\"w\",\"value\":0}", "true");
    is("store.keys", "{}", "[\"v:0\",\"v:1\",\"v:2\",\"v:3\",\"v:4\",\"w\"]");
    is("store.keys", "{\"prefix\":\"v:\",\"max\":2}", "[\"v:0\",\"v:1\"]");
    is("store.keys", "{\"prefix\":\"v:\",\"max\":9,\"after\":\"v:3\"}",
       "[\"v:4\"]");
    is("store.keys", "{\"prefix\":\"x\"}", "[]");
}

static void limits_are_failures_and_nonsense_is_misuse(void **state)
{
    static char large[LIMIT_STORE_VALUE + 64];
    (void)state;
    int n = snprintf(large, sizeof(large), "{\"key\":\"a\",\"value\":\"");
    memset(large + n, 'x', LIMIT_STORE_VALUE - 1);
    strcpy(large + n + LIMIT_STORE_VALUE - 1, "\"}");
    refused("store.set", large, ERR_LIMIT, "'a'");
    caller.store_quota = 10;
    refused("store.set", "{\"key\":\"a\",\"value\":\"0123456789\"}", ERR_LIMIT,
            "");
    refused("store.set", "{\"key\":\"a\"}", ERR_MISUSE, "value is missing");
    refused("store.set", "{\"key\":\"\",\"value\":1}", ERR_MISUSE, "key");
    refused("store.set", "{\"key\":\"a\",\"value\":1,\"ttl\":0}", ERR_MISUSE,
            "ttl must be greater than 0");
    refused("store.get", "{\"key\":7}", ERR_MISUSE,
            "store.get: key must be a string");
    refused("store.keys", "{\"max\":100000}", ERR_MISUSE, "max must be 1 to");
}

static void without_an_account_nothing_is_kept(void **state)
{
    (void)state;
    refused("store.get", "{\"key\":\"a\"}", ERR_MISUSE, "no account");
    refused("store.set", "{\"key\":\"a\",\"value\":1}", ERR_MISUSE,
            "no account");
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_account, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_as_they_went),
        TEST(scripts_do_not_see_each_other),
        TEST(time_to_live_ends),
        TEST(keys_come_in_pages),
        TEST(limits_are_failures_and_nonsense_is_misuse),
        cmocka_unit_test_setup_teardown(without_an_account_nothing_is_kept,
                                        set_up_bare, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
