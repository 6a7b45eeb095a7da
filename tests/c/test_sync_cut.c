/* layer: sync */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "limits.h"
#include "sync_cut.h"

/* Writes what it is told as text lines, to be compared. */
static void line(void *arg, const char *what, int number, struct slice room,
                 struct slice text)
{
    buf_addf(arg, "%s %d %.*s %.*s\n", what, number, SLICE_ARG(room),
             SLICE_ARG(text));
}

static void on_room(void *arg, enum sync_membership membership,
                    struct slice room)
{
    line(arg, "room", membership, room, SLICE_NONE);
}

static void on_event(void *arg, enum sync_section section,
                     enum sync_membership membership, struct slice room,
                     struct slice json)
{
    (void)membership;
    line(arg, "event", section, room, json);
}

static void on_limited(void *arg, enum sync_membership membership,
                       struct slice room)
{
    line(arg, "limited", membership, room, SLICE_NONE);
}

static void on_summary(void *arg, enum sync_membership membership,
                       struct slice room, struct slice json)
{
    line(arg, "summary", membership, room, json);
}

static void on_state_after(void *arg, enum sync_membership membership,
                           struct slice room)
{
    line(arg, "state_after", membership, room, SLICE_NONE);
}

static void on_next_batch(void *arg, struct slice token)
{
    line(arg, "next", 0, SLICE_NONE, token);
}

static void on_fault(void *arg, enum sync_section section, struct slice room,
                     const char *why)
{
    line(arg, "fault", section, room, slice_str(*why ? "" : "?"));
}

static const struct sync_cut_handlers handlers = {
    on_room,        on_event,      on_limited, on_summary,
    on_state_after, on_next_batch, on_fault
};

/* Feeds text in pieces of n bytes. 0 or -1; what was told is in out. */
static int cut(struct slice text, size_t n, struct buf *out)
{
    struct sync_cut *it = sync_cut_new(&handlers, out);
    int result = 0;

    assert_non_null(it);
    buf_clear(out);
    for (size_t at = 0; at < text.len && result == 0; at += n) {
        size_t left = text.len - at;
        result = sync_cut_feed(
            it, slice_make(text.ptr + at, left < n ? left : n), NULL);
    }
    if (result == 0)
        result = sync_cut_finish(it, NULL);
    sync_cut_free(it);
    return result;
}

static const struct {
    const char *name, *text, *told;
    int result;
} cases[] = {
    { "all sections",
      "{\"account_data\":{\"events\":[{\"a\":1}]},\"presence\":{\"events\":[{}]"
      "},"
      "\"to_device\":{\"events\":[{\"t\":1}]},\"rooms\":{\"join\":{\"!r:x\":{"
      "\"summary\":{\"m.heroes\":[]},\"state\":{\"events\":[{\"s\":1}]},"
      "\"state_after\":{\"events\":[]},\"timeline\":{\"events\":[{\"e\":1},"
      "{\"e\":2}],\"limited\":true,\"prev_batch\":\"p\"},\"ephemeral\":{"
      "\"events\":[{\"y\":1}]},\"account_data\":{\"events\":[{\"d\":1}]}}},"
      "\"invite\":{\"!i:x\":{\"invite_state\":{\"events\":[{\"i\":1}]}}},"
      "\"leave\":{\"!l:x\":{\"timeline\":{\"events\":[{\"l\":1}]}}},"
      "\"knock\":{\"!k:x\":{\"knock_state\":{\"events\":[{\"k\":1}]}}}},"
      "\"next_batch\":\"s1\",\"device_lists\":{\"changed\":[\"@a:x\"]}}",
      "event 0  {\"a\":1}\nevent 1  {}\nevent 2  {\"t\":1}\nroom 0 !r:x \n"
      "summary 0 !r:x {\"m.heroes\":[]}\nevent 3 !r:x {\"s\":1}\n"
      "state_after 0 !r:x \nevent 5 !r:x {\"e\":1}\nevent 5 !r:x {\"e\":2}\n"
      "limited 0 !r:x \nevent 6 !r:x {\"y\":1}\nevent 7 !r:x {\"d\":1}\n"
      "room 1 !i:x \nevent 8 !i:x {\"i\":1}\nroom 2 !l:x \n"
      "event 5 !l:x {\"l\":1}\nroom 3 !k:x \nevent 9 !k:x {\"k\":1}\n"
      "next 0  s1\n",
      0 },
    { "next_batch first, odd spacing, escapes in keys",
      " { \"next_batch\" : \"s\\u0031\" , \"r\\u006foms\" : { \"join\" : { "
      "\"!\\u0072:x\" : { \"timeline\" : { \"events\" : [ { \"x\" : [ ] } ] } "
      "} } } } ",
      "next 0  s1\nroom 0 !r:x \nevent 5 !r:x { \"x\" : [ ] }\n", 0 },
    { "wrong types are absent",
      "{\"rooms\":5,\"account_data\":[],\"presence\":{\"events\":{\"a\":{}}},"
      "\"to_device\":{\"events\":[1,\"x\",[{}],null,{\"ok\":1}]},"
      "\"next_batch\":\"n\"}",
      "event 2  {\"ok\":1}\nnext 0  n\n", 0 },
    { "wrong types of rooms",
      "{\"rooms\":{\"join\":{\"!a:x\":7,\"!b:x\":{\"timeline\":[],\"state\":"
      "\"\","
      "\"summary\":3}},\"leave\":[]},\"next_batch\":\"n\"}",
      "room 0 !b:x \nnext 0  n\n", 0 },
    { "a bad event costs that event",
      "{\"rooms\":{\"join\":{\"!a:x\":{\"timeline\":{\"events\":[{\"b\":"
      "\"\xff\"},"
      "{\"b\":\"\\ud800\"},{\"ok\":1}]}}}},\"next_batch\":\"n\"}",
      "room 0 !a:x \nfault 5 !a:x \nfault 5 !a:x \nevent 5 !a:x {\"ok\":1}\n"
      "next 0  n\n",
      0 },
    { "no next_batch", "{\"rooms\":{}}", "", -1 },
    { "next_batch of a wrong type", "{\"next_batch\":5}", "", -1 },
    { "an empty next_batch", "{\"next_batch\":\"\"}", "", -1 },
    { "cut off", "{\"next_batch\":\"n\",\"rooms\":{", "next 0  n\n", -1 },
    { "more than one value", "{\"next_batch\":\"n\"} {}", "next 0  n\n", -1 },
    { "not an object", "[\"next_batch\",\"n\"]", "", -1 },
    { "not JSON", "<html>", "", -1 },
    { "empty", "", "", -1 },
};

static void every_case_in_pieces_of_every_size(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, MIB(1));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = slice_str(cases[i].text);
        for (size_t n = 1; n <= text.len + 1; n++) {
            int result = cut(text, n, &out);
            if (result != cases[i].result ||
                strcmp(buf_str(&out), cases[i].told) != 0)
                fail_msg("%s, pieces of %zu: %d\n%s", cases[i].name, n, result,
                         buf_str(&out));
        }
    }
    buf_free(&out);
}

static void an_event_too_large_is_dropped_alone(void **state)
{
    struct buf text, out;

    (void)state;
    buf_init(&text, MIB(4));
    buf_init(&out, MIB(4));
    buf_adds(&text, "{\"to_device\":{\"events\":[{\"x\":\"");
    memset(buf_reserve(&text, LIMIT_SYNC_EVENT), 'a', LIMIT_SYNC_EVENT);
    buf_added(&text, LIMIT_SYNC_EVENT);
    buf_adds(&text, "\"},{\"ok\":1}]},\"next_batch\":\"n\"}");
    assert_int_equal(cut(buf_slice(&text), 16384, &out), 0);
    assert_string_equal(buf_str(&out),
                        "fault 2  \nevent 2  {\"ok\":1}\nnext 0  n\n");
    buf_free(&text);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_in_pieces_of_every_size),
        cmocka_unit_test(an_event_too_large_is_dropped_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
