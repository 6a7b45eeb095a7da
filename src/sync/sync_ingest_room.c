#include "sync_ingest_internal.h"

#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "limits.h"

static const char *membership_name(enum sync_membership membership)
{
    switch (membership) {
    case SYNC_JOIN:
        return "join";
    case SYNC_INVITE:
        return "invite";
    case SYNC_KNOCK:
        return "knock";
    default:
        return "leave";
    }
}

static void copy(struct slice from, char *to, size_t size)
{
    size_t len = from.len < size ? from.len : size - 1;

    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

bool sync_ingest_is_own_member(const struct sync_ingest *ingest,
                               const struct event *event)
{
    return slice_is(event->type, "m.room.member") &&
           slice_is(event->state_key, ingest->config.user_id);
}

/* A change to joined, not a new name of somebody who is. */
static bool is_join(const struct event *event)
{
    struct slice before =
        json_get(json_get(event->unsigned_data, "prev_content"), "membership");

    return event_content_is(event, "membership", "join") &&
           !json_equals(before, slice_str("join"));
}

/* Where in the timeline of a room that is new to us we came in. */
static int find_join(struct sync_ingest *ingest, struct err *err)
{
    struct sync_cursor cursor;
    struct sync_record record;
    int found, place = 0;

    ingest->joined_at = 0;
    sync_cursor_init_room(&cursor, ingest->stage, ingest->room,
                          1u << SYNC_TIMELINE);
    while ((found = sync_cursor_next(&cursor, &record, err)) == 1) {
        struct event event;
        if (json_equals(json_get(record.json, "type"),
                        slice_str("m.room.member")) &&
            event_parse(record.json, &event) == 0) {
            if (sync_ingest_is_own_member(ingest, &event) && is_join(&event))
                ingest->joined_at = place;
            event_free(&event);
        }
        place++;
    }
    sync_cursor_free(&cursor);
    return found;
}

/* What the store knew of the room before this response. */
static int read_before(struct sync_ingest *ingest, struct err *err)
{
    struct store *store = ingest->config.store;
    struct slice room_id = ingest->at.room_id;
    struct store_room room;
    struct store_state member;

    ingest->before[0] = '\0';
    ingest->inviter[0] = '\0';
    int found = store_room_get(store, room_id, &room, err);
    if (found <= 0)
        return found;
    copy(room.membership, ingest->before, sizeof(ingest->before));
    if (strcmp(ingest->before, "invite") != 0)
        return 0;
    found = store_state_get(store, room_id, slice_str("m.room.member"),
                            slice_str(ingest->config.user_id), &member, err);
    if (found == 1)
        copy(member.sender, ingest->inviter, sizeof(ingest->inviter));
    return found < 0 ? -1 : 0;
}

static int store_summary(struct sync_ingest *ingest, struct err *err)
{
    struct buf json;
    int64_t joined = -1, invited = -1;

    buf_init(&json, LIMIT_SYNC_EVENT);
    int status =
        sync_stage_room_summary(ingest->stage, ingest->room, &json, err);
    if (status == 1) {
        struct slice heroes = json_get(buf_slice(&json), "m.heroes");
        if (json_type(heroes) != JSON_ARRAY)
            heroes = SLICE_NONE;
        json_int(json_get(buf_slice(&json), "m.joined_member_count"), &joined);
        json_int(json_get(buf_slice(&json), "m.invited_member_count"),
                 &invited);
        status =
            store_room_set_summary(ingest->config.store, ingest->at.room_id,
                                   heroes, joined, invited, err);
    }
    buf_free(&json);
    return status < 0 ? -1 : 0;
}

int sync_ingest_enter_room(struct sync_ingest *ingest,
                           const struct sync_room *room, struct err *err)
{
    struct store *store = ingest->config.store;
    const char *name = membership_name(room->membership);

    ingest->at = *room;
    ingest->banned = false;
    ingest->place = 0;
    ingest->joined_at = 0;
    if (read_before(ingest, err) < 0)
        return -1;
    bool changed = strcmp(ingest->before, name) != 0;
    /* What comes with a new join or invite is all there is to know. */
    if (changed && room->membership != SYNC_LEAVE && ingest->before[0] &&
        store_state_clear(store, room->room_id, err) < 0)
        return -1;
    if (changed && room->membership == SYNC_JOIN && room->has_members &&
        find_join(ingest, err) < 0)
        return -1;
    if (changed && room->membership != SYNC_LEAVE &&
        store_room_set_membership(store, room->room_id, slice_str(name), err) <
            0)
        return -1;
    /* Members are loaded lazily: what happened in the gap to those who say
     * nothing since is not told. */
    if (room->membership == SYNC_JOIN && room->limited &&
        store_room_set_members_incomplete(store, room->room_id, err) < 0)
        return -1;
    return store_summary(ingest, err);
}

/* Only now it is known whether we left, or were banned. */
int sync_ingest_leave_room(struct sync_ingest *ingest, struct err *err)
{
    if (ingest->at.membership != SYNC_LEAVE)
        return 0;
    return store_room_set_membership(
        ingest->config.store, ingest->at.room_id,
        slice_str(ingest->banned ? "ban" : "leave"), err);
}

int sync_ingest_notice(struct sync_ingest *ingest, const struct event *event,
                       struct err *err)
{
    struct store *store = ingest->config.store;
    struct slice room_id = ingest->at.room_id;

    /* Whatever it contains: the latch is one-way. */
    if (slice_is(event->type, "m.room.encryption") && event->state_key.ptr &&
        event->state_key.len == 0)
        return store_room_set_encrypted(store, room_id, err);
    if (!sync_ingest_is_own_member(ingest, event))
        return 0;
    ingest->banned = event_content_is(event, "membership", "ban");
    if (event_content_is(event, "membership", "invite")) {
        bool direct = false;
        json_bool(json_get(event->content, "is_direct"), &direct);
        return store_room_set_invited_direct(store, room_id, direct, err);
    }
    if (ingest->at.membership != SYNC_JOIN || !is_join(event) ||
        event->origin_server_ts <= 0)
        return 0;
    /* State that is sent again tells nothing of what it replaced. */
    if (!event->unsigned_data.ptr && strcmp(ingest->before, "join") == 0)
        return 0;
    return store_room_set_joined_ts(store, room_id, event->origin_server_ts,
                                    err);
}

int sync_ingest_state(struct sync_ingest *ingest, const struct event *event,
                      struct err *err)
{
    struct store_state state = {
        .room_id = ingest->at.room_id,
        .type = event->type,
        .state_key = event->state_key,
        .sender = event->sender,
        .event_id = event->event_id,
        .content = event->content,
        .origin_server_ts = event->origin_server_ts,
    };

    if (sync_ingest_notice(ingest, event, err) < 0)
        return -1;
    if (!sync_filter_stores(ingest->config.filter, event->type) ||
        json_type(event->content) != JSON_OBJECT ||
        event->state_key.len > LIMIT_IDENTIFIER)
        return 0;
    if (slice_is(event->type, "m.room.member")) {
        buf_clear(&ingest->content);
        if (sync_stage_trim_member(event->content, &ingest->content) < 0)
            return 0;
        state.content = buf_slice(&ingest->content);
    }
    return store_state_put(ingest->config.store, &state, err);
}

/* m.direct: user -> array of rooms. */
int sync_ingest_direct(struct sync_ingest *ingest, struct slice content,
                       struct err *err)
{
    struct slice *rooms = NULL;
    size_t count = 0, cap = 0;
    int status = -1;

    for (struct json_iter user = json_iter(content); json_next(&user);) {
        for (struct json_iter it = json_iter(user.value); json_next(&it);) {
            struct slice room_id = json_plain(it.value);
            if (!room_id.ptr || room_id.len == 0 ||
                room_id.len > LIMIT_IDENTIFIER)
                continue;
            if (count == cap) {
                cap = cap ? cap * 2 : 16;
                void *more = realloc(rooms, cap * sizeof(*rooms));
                if (!more) {
                    err_set(err, ERR_SYSTEM,
                            "cannot store m.direct: out of memory");
                    goto done;
                }
                rooms = more;
            }
            rooms[count++] = room_id;
        }
    }
    status = store_room_set_direct(ingest->config.store, rooms, count, err);
done:
    free(rooms);
    return status;
}
