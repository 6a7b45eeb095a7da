#include "event.h"

#include <stdlib.h>

#include "buf.h"
#include "json_read.h"

/* Where each string of an event comes from and goes to. */
struct wanted {
    struct slice key;
    struct slice *out;
};

enum { TOP = 6, STRINGS = 8 };

#define KEY(text)                                                              \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

/* A key whose plain text, if it has one, is known. */
static bool is_key(struct slice key, struct slice plain, struct slice name)
{
    return plain.ptr ? slice_eq(plain, name) : json_equals(key, name);
}

/* Raw values of the wanted strings, content, unsigned and the time, in one
 * walk: a key that comes twice counts as it came last. */
static void find_members(struct event *event, struct wanted *wanted)
{
    struct slice content = KEY("content"), hidden = KEY("unsigned");
    struct slice time = KEY("origin_server_ts");
    struct json_iter it = json_iter(event->raw);

    while (it.object && json_next(&it)) {
        struct slice plain = json_plain(it.key);
        if (is_key(it.key, plain, content)) {
            event->content = it.value;
        } else if (is_key(it.key, plain, hidden)) {
            event->unsigned_data = it.value;
        } else if (is_key(it.key, plain, time)) {
            if (!json_int(it.value, &event->origin_server_ts))
                event->origin_server_ts = 0;
        } else {
            for (int i = 0; i < TOP; i++)
                if (is_key(it.key, plain, wanted[i].key))
                    *wanted[i].out = it.value;
        }
    }
}

/* Replaces raw values by what they say; only those with escapes are copied. */
static int decode(struct event *event, struct wanted *wanted)
{
    size_t most = 0;
    struct buf scratch;

    for (int i = 0; i < STRINGS; i++) {
        struct slice *value = wanted[i].out;
        if (json_type(*value) != JSON_STRING)
            *value = SLICE_NONE;
        else if (!json_plain(*value).ptr)
            most += value->len;
    }
    buf_init(&scratch, most);
    /* decoding shortens, so the room is enough and the bytes stay put */
    if (most > 0 && !buf_reserve(&scratch, most))
        return -1;
    for (int i = 0; i < STRINGS; i++) {
        struct slice *value = wanted[i].out, plain = json_plain(*value);
        size_t from = scratch.len;
        if (!value->ptr)
            continue;
        if (plain.ptr)
            *value = plain;
        else if (json_string(*value, &scratch) == 0)
            *value = slice_make(scratch.ptr + from, scratch.len - from);
        else
            *value = SLICE_NONE;
    }
    event->scratch = scratch.ptr;
    return 0;
}

int event_parse(struct slice raw, struct event *event)
{
    struct wanted wanted[STRINGS] = {
        { KEY("type"), &event->type },
        { KEY("event_id"), &event->event_id },
        { KEY("sender"), &event->sender },
        { KEY("room_id"), &event->room_id },
        { KEY("state_key"), &event->state_key },
        { KEY("redacts"), &event->redacts },
        { KEY("transaction_id"), &event->transaction_id },
    };
    struct slice content_redacts = SLICE_NONE;

    *event = (struct event) { .raw = raw };
    wanted[STRINGS - 1].out = &content_redacts;
    find_members(event, wanted);
    event->transaction_id = json_get(event->unsigned_data, "transaction_id");
    if (json_equals(event->type, slice_str("m.room.redaction")))
        content_redacts = json_get(event->content, "redacts");
    if (decode(event, wanted) < 0)
        return -1;
    /* Up to room version 10 the top level rules; from 11 on servers repeat
     * there what content says. */
    if (!event->redacts.ptr)
        event->redacts = content_redacts;
    return 0;
}

void event_free(struct event *event)
{
    free(event->scratch);
    event->scratch = NULL;
}

bool event_content_is(const struct event *event, const char *key,
                      const char *text)
{
    return json_equals(json_get(event->content, key), slice_str(text));
}

bool event_relates(const struct event *event, const char *rel_type)
{
    struct slice relation = json_get(event->content, "m.relates_to");

    return json_equals(json_get(relation, "rel_type"), slice_str(rel_type));
}
