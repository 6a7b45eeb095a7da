/* layer: store */
#include "store_fixture.h"

#include <stdlib.h>

#include "limits.h"

#define QUOTA 100

static int set(const char *script, const char *key, const char *value,
               int64_t expires)
{
    return store_kv_set(store, script, S(key), S(value), expires, QUOTA, &err);
}

/* The value, or "(none)". */
static const char *get(const char *script, const char *key, int64_t *expires)
{
    static char copy[256];
    struct buf value;
    buf_init(&value, 256);
    int found = store_kv_get(store, script, S(key), &value, expires, &err);
    ok(found);
    snprintf(copy, sizeof(copy), "%s", found ? buf_str(&value) : "(none)");
    buf_free(&value);
    return copy;
}

static int64_t used(const char *script)
{
    char sql[128];
    snprintf(
        sql, sizeof(sql),
        "SELECT coalesce((SELECT bytes FROM usage WHERE script = '%s'), 0)",
        script);
    return number(&store->scripts, sql);
}

static char seen[256];
static void on_key(void *arg, struct slice key)
{
    (void)arg;
    strncat(seen, key.ptr, key.len);
    strncat(seen, "|", sizeof(seen) - strlen(seen) - 1);
}

static const char *keys(const char *prefix, const char *after, int max)
{
    seen[0] = '\0';
    int count =
        store_kv_keys(store, "s", S(prefix), S(after), max, on_key, NULL, &err);
    ok(count);
    for (const char *at = seen; *at; at++)
        count -= *at == '|';
    assert_int_equal(count, 0);
    return seen;
}

static void scripts_do_not_see_each_other(void **state)
{
    (void)state;
    ok(set("s", "k", "1", 0));
    ok(set("t", "k", "2", 0));
    assert_string_equal(get("s", "k", NULL), "1");
    assert_string_equal(get("t", "k", NULL), "2");
    ok(store_kv_delete(store, "s", S("k"), &err));
    ok(store_kv_delete(store, "s", S("k"), &err)); /* absent is no failure */
    assert_string_equal(get("s", "k", NULL), "(none)");
    assert_string_equal(get("t", "k", NULL), "2");
    ok(set("t", "k", "3", 0));
    assert_string_equal(get("t", "k", NULL), "3");
    assert_string_equal(get("t", "", NULL), "(none)");
    ok(set("t", "", "empty", 0));
    assert_string_equal(get("t", "", NULL), "empty");
}

static void expired_key_is_absent_and_gives_its_room_back(void **state)
{
    (void)state;
    int64_t expires = -1;
    int64_t end = loop_wall(loop) + 1000;
    ok(set("s", "k", "1", end));
    ok(set("s", "stays", "1", 0));
    loop_advance(loop, 999);
    assert_string_equal(get("s", "k", &expires), "1");
    assert_int_equal(expires, end);
    assert_string_equal(keys("", NULL, 9), "k|stays|");
    loop_advance(loop, 1);
    assert_string_equal(get("s", "k", NULL), "(none)");
    assert_string_equal(keys("", NULL, 9), "stays|");
    assert_string_equal(get("s", "stays", &expires), "1");
    assert_int_equal(expires, 0);
    assert_int_equal(used("s"), 8);
    ok(set("s", "new", "1", 0));
    assert_int_equal(used("s"), 10); /* k is gone for good */
    /* Writing again takes the end away. */
    ok(set("s", "new", "2", loop_wall(loop) + 5));
    ok(set("s", "new", "3", 0));
    loop_advance(loop, 10);
    assert_string_equal(get("s", "new", NULL), "3");
}

static void quota_counts_keys_and_values_of_the_script(void **state)
{
    (void)state;
    static const struct {
        const char *script, *key;
        int size;
        bool fits;
        int used;
    } rows[] = {
        { "s", "a", 59, true, 60 },   { "s", "b", 39, true, 100 },
        { "s", "c", 0, false, 100 },  { "t", "c", 99, true, 100 },
        { "s", "a", 60, false, 100 }, { "s", "a", 58, true, 99 },
        { "s", "c", 1, false, 99 },   { "s", "c", 0, true, 100 },
        { "u", "k", 100, false, 0 },
    };
    char value[128];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snprintf(value, sizeof(value), "%0*d", rows[i].size, 0);
        if (rows[i].size == 0)
            value[0] = '\0';
        int status = set(rows[i].script, rows[i].key, value, 0);
        assert_int_equal(status, rows[i].fits ? 0 : -1);
        if (status < 0)
            assert_int_equal(err.kind, ERR_LIMIT);
        assert_int_equal(used(rows[i].script), rows[i].used);
    }
    ok(store_kv_delete(store, "s", S("a"), &err));
    assert_int_equal(used("s"), 41);
    assert_int_equal(
        number(&store->scripts, "SELECT sum(bytes) FROM kv WHERE script = 's'"),
        41);
}

static const char *walk(const char *prefix)
{
    struct slice key = SLICE_NONE, value;
    int64_t expires;
    int found;
    seen[0] = '\0';
    while ((found = store_kv_next(store, "s", S(prefix), key, &key, &value,
                                  &expires, &err)) == 1) {
        on_key(NULL, key);
        on_key(NULL, value);
        assert_int_equal(expires != 0, slice_is(key, "b2"));
    }
    ok(found);
    return seen;
}

static void on_owner(void *arg, const char *owner, int64_t key_count,
                     int64_t bytes)
{
    (void)arg;
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof(seen) - len, "%s %d %d|", owner, (int)key_count,
             (int)bytes);
}

static void all_that_is_kept_can_be_walked(void **state)
{
    (void)state;
    int64_t now = loop_wall(loop);
    ok(set("s", "b1", "1", 0));
    ok(set("s", "b", "0", 0));
    ok(set("s", "b2", "2", now + 1000));
    ok(set("s", "b3", "3", now + 1));
    ok(set("s", "c", "4", 0));
    ok(set("s/kept", "b", "5", 0));
    loop_advance(loop, 1);
    assert_string_equal(walk(NULL), "b|0|b1|1|b2|2|c|4|");
    assert_string_equal(walk("b"), "b|0|b1|1|b2|2|");
    assert_string_equal(walk("b2"), "b2|2|");
    assert_string_equal(walk("bb"), "");
    ok(store_kv_delete(store, "s/kept", S("b"), &err));
    seen[0] = '\0';
    ok(store_kv_scripts(store, on_owner, NULL, &err));
    assert_string_equal(seen, "s 4 10|s/kept 0 0|"); /* b3 is not there */
}

static void large_keys_and_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t key, value;
        bool fits;
    } rows[] = {
        { LIMIT_STORE_KEY, 1, true },
        { LIMIT_STORE_KEY + 1, 1, false },
        { 1, LIMIT_STORE_VALUE, true },
        { 1, LIMIT_STORE_VALUE + 1, false },
    };
    char *bytes = malloc(LIMIT_STORE_VALUE + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', LIMIT_STORE_VALUE + 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int status = store_kv_set(store, "s", slice_make(bytes, rows[i].key),
                                  slice_make(bytes, rows[i].value), 0,
                                  LIMIT_STORE, &err);
        assert_int_equal(status, rows[i].fits ? 0 : -1);
        if (!rows[i].fits)
            assert_int_equal(err.kind, ERR_LIMIT);
    }
    struct buf small;
    buf_init(&small, 16);
    assert_int_equal(store_kv_get(store, "s", S("x"), &small, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&small);
    free(bytes);
}

static void keys_come_in_byte_order_by_prefix_and_page(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *after;
        int max;
        const char *want;
    } rows[] = {
        { "", NULL, 9, "|A|a|a:1|a:2|a\xff|b|" },
        { NULL, NULL, 3, "|A|a|" },
        { "a", NULL, 9, "a|a:1|a:2|a\xff|" },
        { "a:", NULL, 9, "a:1|a:2|" },
        { "a:", "a:1", 9, "a:2|" },
        { "a:", "a:2", 9, "" },
        { "a:", "A", 9, "a:1|a:2|" }, /* before the prefix: no matter */
        { "a", "a", 2, "a:1|a:2|" },
        { "", "", 9, "A|a|a:1|a:2|a\xff|b|" },
        { "a\xff", NULL, 9, "a\xff|" },
        { "c", NULL, 9, "" },
        { "", NULL, 0, "" },
    };
    static const char *const names[] = { "b", "a:2", "",     "a",
                                         "A", "a:1", "a\xff" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ok(set("s", names[i], "1", 0));
    ok(set("t", "a:3", "1", 0));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(keys(rows[i].prefix, rows[i].after, rows[i].max),
                            rows[i].want);
}

static void key_is_written_while_an_ingest_is_open(void **state)
{
    (void)state;
    begin();
    ok(set("s", "k", "1", 0));
    ok(store_ingest_end(store, false, &err));
    assert_string_equal(get("s", "k", NULL), "1");
}

static int refuse(void *arg)
{
    ++*(int *)arg;
    return 1;
}

static void failed_commit_keeps_the_old_value(void **state)
{
    (void)state;
    int calls = 0;
    ok(set("s", "k", "old", 0));
    sqlite3_commit_hook(store->scripts.db, refuse, &calls);
    assert_int_equal(set("s", "k", "new", 0), -1);
    assert_int_equal(err.kind, ERR_STORE);
    assert_contains(err.text, "scripts.db");
    assert_int_equal(store_kv_delete(store, "s", S("k"), &err), -1);
    assert_int_equal(calls, 2);
    sqlite3_commit_hook(store->scripts.db, NULL, NULL);
    assert_string_equal(get("s", "k", NULL), "old");
    ok(set("s", "k", "new", 0));
    assert_string_equal(get("s", "k", NULL), "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(scripts_do_not_see_each_other),
        MEMORY_TEST(expired_key_is_absent_and_gives_its_room_back),
        MEMORY_TEST(quota_counts_keys_and_values_of_the_script),
        MEMORY_TEST(all_that_is_kept_can_be_walked),
        MEMORY_TEST(large_keys_and_values_are_refused),
        MEMORY_TEST(keys_come_in_byte_order_by_prefix_and_page),
        MEMORY_TEST(key_is_written_while_an_ingest_is_open),
        MEMORY_TEST(failed_commit_keeps_the_old_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
