#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* One event as a client sees it: slices into its raw JSON. Nothing may be
 * assumed of what a server sends: a member of the wrong type is absent. */
struct event {
    struct slice raw;
    /* decoded strings; absent when missing or no string */
    struct slice type, event_id, sender, room_id, state_key, redacts;
    struct slice transaction_id; /* unsigned.transaction_id */
    /* JSON text; absent when missing */
    struct slice content, unsigned_data;
    int64_t origin_server_ts; /* 0 when missing */
    char *scratch;            /* decoded strings that held escapes */
};

/* raw passed json_check and is borrowed; it must outlive the event. A
 * redaction's redacts is found where the room version puts it (top level or
 * content). 0, or -1 out of
 * memory. Pair with event_free. */
int event_parse(struct slice raw, struct event *event);
void event_free(struct event *event);

/* A string inside content, decoded into nothing: true if content.<key> is
 * exactly `text`. */
bool event_content_is(const struct event *event, const char *key,
                      const char *text);
/* content.m.relates_to.rel_type is `rel_type`. */
bool event_relates(const struct event *event, const char *rel_type);

#endif
