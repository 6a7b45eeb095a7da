/* layer: script */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "memory.h"

#define S(text) slice_str(text)

static struct err err;
static struct memory *memory;

static int set_up(void **state)
{
    (void)state;
    memory = memory_new();
    return memory ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    memory_free(memory);
    return 0;
}

static void put(const char *path, const char *value)
{
    if (memory_set(memory, S(path), S(value), &err) != 0)
        fail_msg("%s = %s: %s", path, value, err.text);
}

static void expect(int (*ask)(const struct memory *, struct slice, struct buf *,
                              struct err *),
                   const char *path, const char *wanted)
{
    struct buf out;
    buf_init(&out, LIMIT_CALL_RESULT);
    if (ask(memory, S(path), &out, &err) != 0)
        fail_msg("%s: %s", path, err.text);
    assert_string_equal(buf_str(&out), wanted);
    buf_free(&out);
}

static void get(const char *path, const char *wanted)
{
    expect(memory_get, path, wanted);
}

static void keys(const char *path, const char *wanted)
{
    expect(memory_keys, path, wanted);
}

static void refused(const char *path, const char *value, enum err_kind kind)
{
    assert_int_equal(memory_set(memory, S(path), S(value), &err), -1);
    assert_int_equal(err.kind, kind);
}

#define TABLE "{\"kind\":\"table\"}"
#define NIL "{\"kind\":\"nil\"}"

static void values_and_tables(void **state)
{
    (void)state;
    get("[]", TABLE);
    get("[\"a\"]", NIL);
    put("[\"a\"]", "1.5");
    get("[\"a\"]", "{\"kind\":\"value\",\"value\":1.5}");
    get("[\"a\",\"below a value\"]", NIL);
    put("[\"t\"]", "{\"x\":[1,[2],{\"deep\":false}],\"n\":null,\"e\":{}}");
    get("[\"t\"]", TABLE);
    get("[\"t\",\"x\",1]", "{\"kind\":\"value\",\"value\":1}");
    get("[\"t\",\"x\",3,\"deep\"]", "{\"kind\":\"value\",\"value\":false}");
    get("[\"t\",\"x\",2]", TABLE);
    get("[\"t\",\"n\"]", NIL);
    get("[\"t\",\"e\"]", TABLE);
    keys("[\"t\"]", "[\"e\",\"x\"]");
    put("[\"t\",\"x\",\"y\"]", "\"mixed\"");
    put("[\"t\",\"x\",10]", "true");
    put("[\"t\",\"x\",-1]", "true");
    put("[\"t\",\"x\",\"\"]", "true");
    keys("[\"t\",\"x\"]", "[-1,1,2,3,10,\"\",\"y\"]");
    put("[\"t\",\"x\",2]", "null");
    put("[\"t\",\"x\",2]", "null");
    keys("[\"t\",\"x\"]", "[-1,1,3,10,\"\",\"y\"]");
    /* 1 and "1" are two keys; escapes are decoded */
    put("[\"k\"]", "{\"1\":true,\"a\\u0000b\":1}");
    put("[\"k\",1]", "false");
    keys("[\"k\"]", "[1,\"1\",\"a\\u0000b\"]");
    get("[\"k\",\"a\\u0000b\"]", "{\"kind\":\"value\",\"value\":1}");
    /* a key that comes twice: the last one counts */
    put("[\"d\"]", "{\"k\":1,\"k\":{\"z\":2}}");
    get("[\"d\",\"k\",\"z\"]", "{\"kind\":\"value\",\"value\":2}");
    put("[]", "{\"only\":1}");
    keys("[]", "[\"only\"]");
    put("[]", "null");
    keys("[]", "[]");
}

static void what_is_refused_changes_nothing(void **state)
{
    (void)state;
    put("[\"a\"]", "1");
    refused("[\"a\",\"b\"]", "1", ERR_MISUSE);
    refused("[\"no\",\"b\"]", "1", ERR_MISUSE);
    refused("[true]", "1", ERR_MISUSE);
    refused("[1.5]", "1", ERR_MISUSE);
    refused("[\"a\",true]", "1", ERR_MISUSE);
    refused("\"a\"", "1", ERR_MISUSE);
    refused("[]", "1", ERR_MISUSE);
    keys("[]", "[\"a\"]");
    get("[\"a\"]", "{\"kind\":\"value\",\"value\":1}");
}

/* The limit counts what is there, not what was. */
static void the_limit(void **state)
{
    (void)state;
    size_t size = LIMIT_MEMORY_TREE - 1000;
    char *big = malloc(size + 1);
    memset(big, 'x', size);
    big[0] = big[size - 1] = '"';
    big[size] = '\0';
    for (int i = 0; i < 3; i++) {
        put("[\"t\"]", "{}");
        put("[\"t\",\"big\"]", big);
        refused("[\"t\",\"more\"]", big, ERR_LIMIT);
        refused("[\"two\"]", big, ERR_LIMIT);
        put("[\"t\",\"big\"]", big); /* in its own place */
        keys("[\"t\"]", "[\"big\"]");
        if (i == 0)
            put("[\"t\",\"big\"]", "1");
        else
            put("[\"t\"]", "null");
    }
    keys("[]", "[]");
    char path[400];
    for (size_t depth = 1; depth <= 100; depth++) {
        for (size_t i = 0; i < depth; i++) {
            memcpy(path + 2 * i, i ? ",0" : "[0", 2);
        }
        memcpy(path + 2 * depth, "]", 2);
        if (depth < 100) {
            put(path, "{}");
        }
    }
    put(path, "1");
    put(path, "{}");
    memcpy(path + 200, ",0]", 4);
    refused(path, "1", ERR_LIMIT); /* deeper than JSON may be */
    free(big);
}

static void many_keys_stay_in_order(void **state)
{
    (void)state;
    char path[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "[%d]", (i * 37) % 1000);
        put(path, "0");
    }
    for (int i = 1; i < 999; i++) {
        snprintf(path, sizeof path, "[%d]", (i * 61) % 999 + 0);
        put(path, "null");
    }
    keys("[]", "[0,999]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_and_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_keys_stay_in_order, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
