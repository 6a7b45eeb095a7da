/* layer: matrix */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "event.h"
#include "json_read.h"

static void parse(const char *text, struct event *event)
{
    /* exact bounds: reading past the end is seen */
    size_t len = strlen(text);
    char *copy = malloc(len);

    memcpy(copy, text, len);
    assert_int_equal(json_check(slice_make(copy, len), NULL), 0);
    assert_int_equal(event_parse(slice_make(copy, len), event), 0);
}

static void done(struct event *event)
{
    event_free(event);
    free((char *)event->raw.ptr);
}

static void check(struct slice got, const char *wanted)
{
    if (wanted && !(got.ptr && slice_is(got, wanted)))
        fail_msg("%s: got %.*s", wanted, SLICE_ARG(got));
    if (!wanted)
        assert_null(got.ptr);
}

static void members_are_found(void **state)
{
    struct event event;

    (void)state;
    parse("{\"type\":\"m.room.message\",\"event_id\":\"$x\",\"sender\":"
          "\"@a:b\",\"room_id\":\"!r\",\"state_key\":\"\",\"origin_server_ts\":"
          "1700000000123,\"content\":{\"msgtype\":\"m.text\",\"body\":\"hi\"},"
          "\"unsigned\":{\"transaction_id\":\"t1\",\"age\":5},\"extra\":[1]}",
          &event);
    check(event.type, "m.room.message");
    check(event.event_id, "$x");
    check(event.sender, "@a:b");
    check(event.room_id, "!r");
    check(event.state_key, "");
    check(event.redacts, NULL);
    check(event.transaction_id, "t1");
    check(event.content, "{\"msgtype\":\"m.text\",\"body\":\"hi\"}");
    check(event.unsigned_data, "{\"transaction_id\":\"t1\",\"age\":5}");
    assert_true(event.origin_server_ts == 1700000000123);
    assert_null(event.scratch);
    assert_true(event_content_is(&event, "msgtype", "m.text"));
    assert_false(event_content_is(&event, "msgtype", "m.tex"));
    assert_false(event_content_is(&event, "missing", ""));
    done(&event);
}

static void strings_with_escapes_are_decoded(void **state)
{
    struct event event;

    (void)state;
    parse("{\"ty\\u0070e\":\"m\\u002eroom\",\"sender\":\"@\\ud83d\\ude00:b\","
          "\"event_id\":\"$\\/\\\"\\\\\",\"state_key\":\"a\\u0000b\","
          "\"content\":{\"m\\u0073gtype\":\"m.\\u0074ext\"},"
          "\"unsigned\":{\"transaction_id\":\"\\n\"}}",
          &event);
    check(event.type, "m.room");
    check(event.sender, "@\xf0\x9f\x98\x80:b");
    check(event.event_id, "$/\"\\");
    assert_true(slice_eq(event.state_key, slice_make("a\0b", 3)));
    check(event.transaction_id, "\n");
    assert_true(event_content_is(&event, "msgtype", "m.text"));
    done(&event);
}

/* Whatever the sender put there: a wrong type is the same as nothing. */
static void nothing_may_be_assumed(void **state)
{
    static const char *const hostile[] = {
        "{}",
        "[]",
        "\"type\"",
        "7",
        "null",
        "{\"type\":7,\"event_id\":null,\"sender\":[\"@a:b\"],\"room_id\":{},"
        "\"state_key\":false,\"redacts\":{\"a\":1},\"origin_server_ts\":\"1\","
        "\"unsigned\":[{\"transaction_id\":\"x\"}]}",
        "{\"unsigned\":{\"transaction_id\":{}},\"origin_server_ts\":1e400}",
        "{\"type\":\"a\",\"type\":7,\"origin_server_ts\":1,"
        "\"origin_server_ts\":\"x\"}",
        "[\"type\",\"m.room.message\"]",
        "{\"content\":\"text\",\"unsigned\":\"text\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
        struct event event;
        parse(hostile[i], &event);
        check(event.type, NULL);
        check(event.event_id, NULL);
        check(event.sender, NULL);
        check(event.room_id, NULL);
        check(event.state_key, NULL);
        check(event.redacts, NULL);
        check(event.transaction_id, NULL);
        assert_int_equal(event.origin_server_ts, 0);
        assert_false(event_relates(&event, "m.replace"));
        assert_false(event_content_is(&event, "body", "x"));
        done(&event);
    }
}

static void last_of_duplicate_keys_wins(void **state)
{
    struct event event;

    (void)state;
    parse("{\"type\":\"a\",\"sender\":1,\"type\":\"b\",\"sender\":\"c\"}",
          &event);
    check(event.type, "b");
    check(event.sender, "c");
    done(&event);
}

#define R "{\"type\":\"m.room.redaction\","

static void redacts_is_where_the_room_version_puts_it(void **state)
{
    static const struct {
        const char *text, *redacts;
    } cases[] = {
        { R "\"redacts\":\"$a\",\"content\":{}}", "$a" },
        { R "\"content\":{\"redacts\":\"$b\"}}", "$b" },
        { R "\"redacts\":\"$a\",\"content\":{\"redacts\":\"$b\"}}", "$a" },
        { R "\"redacts\":7,\"content\":{\"redacts\":\"$\\u0062\"}}", "$b" },
        { R "\"content\":{\"redacts\":[\"$b\"]}}", NULL },
        { R "\"content\":\"redacts\"}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct event event;
        parse(cases[i].text, &event);
        check(event.redacts, cases[i].redacts);
        done(&event);
    }
}

static void relations(void **state)
{
    struct event event;

    (void)state;
    parse("{\"content\":{\"m.relates_to\":{\"rel_type\":\"m.replace\"}}}",
          &event);
    assert_true(event_relates(&event, "m.replace"));
    assert_false(event_relates(&event, "m.thread"));
    done(&event);
    parse("{\"content\":{\"m.relates_to\":\"m.replace\"}}", &event);
    assert_false(event_relates(&event, "m.replace"));
    done(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(strings_with_escapes_are_decoded),
        cmocka_unit_test(nothing_may_be_assumed),
        cmocka_unit_test(last_of_duplicate_keys_wins),
        cmocka_unit_test(redacts_is_where_the_room_version_puts_it),
        cmocka_unit_test(relations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
