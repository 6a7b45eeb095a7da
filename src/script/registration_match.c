#include "registration.h"

#include <string.h>

#include "emission.h"
#include "event_name.h"
#include "json_read.h"
#include "limits.h"

struct membership {
    struct slice now, before; /* JSON strings; before absent: unknown */
    bool by_self;
};

static struct membership read_membership(const struct event *event)
{
    struct slice before = json_get(event->unsigned_data, "prev_content");
    if (!before.ptr) {
        before = json_get(event->raw, "prev_content");
    }
    return (struct membership) {
        .now = json_get(event->content, "membership"),
        .before = json_get(before, "membership"),
        .by_self = slice_eq(event->sender, event->state_key),
    };
}

static bool matches_membership(enum event_name name,
                               const struct sync_occasion *occasion)
{
    struct membership m = read_membership(occasion->event);
    struct slice wanted = slice_str(
        name == EVENT_NAME_KICK ? "leave"
                                : event_name_at(name)); /* as Matrix says */
    if (!occasion->event->state_key.ptr || !json_equals(m.now, wanted) ||
        json_equals(m.before, wanted)) {
        return false;
    }
    if (name == EVENT_NAME_LEAVE) {
        return m.by_self;
    }
    if (name == EVENT_NAME_KICK) { /* after a ban it is an unban */
        return !m.by_self && !json_equals(m.before, slice_str("ban"));
    }
    return true;
}

static bool matches_short(enum event_name name,
                          const struct sync_occasion *occasion)
{
    const struct event *event = occasion->event;
    bool invites =
        name == EVENT_NAME_INVITE && strcmp(occasion->section, "invite") == 0;
    if (occasion->own || occasion->history ||
        (strcmp(occasion->section, "timeline") != 0 && !invites) ||
        !slice_is(event->type, event_name_type(name))) {
        return false;
    }
    if (name >= EVENT_NAME_JOIN) {
        return matches_membership(name, occasion);
    }
    if (event->state_key.ptr) {
        return false; /* whatever it is, nobody said it */
    }
    if (name <= EVENT_NAME_DM) {
        return !event_content_is(event, "msgtype", "m.notice") &&
               !event_relates(event, "m.replace");
    }
    return name != EVENT_NAME_EDIT || event_relates(event, "m.replace");
}

static bool contains(struct slice wanted, struct slice text)
{
    if (json_type(wanted) != JSON_ARRAY) {
        return json_equals(wanted, text);
    }
    struct json_iter it = json_iter(wanted);
    while (json_next(&it)) {
        if (json_equals(it.value, text)) {
            return true;
        }
    }
    return false;
}

/* Compares as decoded text what are both JSON. */
static bool contains_value(struct slice wanted, struct slice value)
{
    struct slice plain = json_plain(value);
    if (plain.ptr || json_type(value) != JSON_STRING) {
        return plain.ptr && contains(wanted, plain);
    }
    struct buf text;
    buf_init(&text, LIMIT_SYNC_EVENT);
    bool found =
        json_string(value, &text) == 0 && contains(wanted, buf_slice(&text));
    buf_free(&text);
    return found;
}

static bool matches_thread(struct slice wanted, const struct event *event)
{
    struct slice relation = json_get(event->content, "m.relates_to");
    bool inside = event_relates(event, "m.thread"), flag;
    struct slice one = slice_make(wanted.ptr, wanted.len);
    struct json_iter it = json_iter(wanted);
    bool list = json_type(wanted) == JSON_ARRAY;
    while (!list || json_next(&it)) {
        one = list ? it.value : one;
        if (json_bool(one, &flag)
                ? flag == inside
                : inside &&
                      contains_value(one, json_get(relation, "event_id"))) {
            return true;
        }
        if (!list) {
            break;
        }
    }
    return false;
}

static bool is_flag(struct slice wanted, bool value)
{
    if (json_type(wanted) != JSON_ARRAY) {
        return slice_is(wanted, value ? "true" : "false");
    }
    struct json_iter it = json_iter(wanted);
    while (json_next(&it)) {
        if (slice_is(it.value, value ? "true" : "false")) {
            return true;
        }
    }
    return false;
}

static bool matches_filter(struct slice filter,
                           const struct sync_occasion *occasion,
                           const char *user_id)
{
    const struct event *event = occasion->event;
    struct slice wanted = json_get(filter, "room");
    if (wanted.ptr && !contains(wanted, occasion->room_id)) {
        return false;
    }
    wanted = json_get(filter, "sender");
    if (wanted.ptr && !contains(wanted, event->sender)) {
        return false;
    }
    wanted = json_get(filter, "msgtype");
    if (wanted.ptr &&
        !contains_value(wanted, json_get(event->content, "msgtype"))) {
        return false;
    }
    wanted = json_get(filter, "thread");
    if (wanted.ptr && !matches_thread(wanted, event)) {
        return false;
    }
    wanted = json_get(filter, "is_me");
    bool me = event->state_key.ptr && slice_is(event->state_key, user_id);
    return !wanted.ptr || is_flag(wanted, me);
}

/* Does it wait for events? */
static bool hears(const struct registration *registration)
{
    return !registration->off && (registration->kind == REGISTRATION_EVENT ||
                                  registration->kind == REGISTRATION_COMMAND);
}

bool registration_matches(const struct registration *registration,
                          const struct sync_occasion *occasion,
                          const char *user_id)
{
    struct slice filter = buf_slice(&registration->filter);
    if (!hears(registration)) {
        return false;
    }
    enum event_name name = registration->kind == REGISTRATION_COMMAND
                               ? EVENT_NAME_MESSAGE
                               : event_name_find(slice_str(registration->name));
    if (name != EVENT_NAME_EXACT) {
        return matches_short(name, occasion) &&
               matches_filter(filter, occasion, user_id);
    }
    struct slice history = json_get(filter, "history");
    bool emitted = strcmp(occasion->section, EMISSION_SECTION) == 0;
    return emitted == emission_is(slice_str(registration->name)) &&
           slice_is(occasion->event->type, registration->name) &&
           (!occasion->history || (history.ptr && is_flag(history, true))) &&
           matches_filter(filter, occasion, user_id);
}

void registration_types(const struct registration *registration,
                        sync_type_fn *add, void *arg)
{
    static const char *const sections[] = {
        "timeline",  "invite",       "knock",
        "ephemeral", "account_data", "room_account_data",
        "to_device", "presence",
    };
    if (!hears(registration) || emission_is(slice_str(registration->name))) {
        return;
    }
    enum event_name name = registration->kind == REGISTRATION_COMMAND
                               ? EVENT_NAME_MESSAGE
                               : event_name_find(slice_str(registration->name));
    if (name != EVENT_NAME_EXACT) {
        add(arg, "timeline", slice_str(event_name_type(name)));
        if (name == EVENT_NAME_INVITE) {
            add(arg, "invite", slice_str(event_name_type(name)));
        }
        return;
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        add(arg, sections[i], slice_str(registration->name));
    }
}
