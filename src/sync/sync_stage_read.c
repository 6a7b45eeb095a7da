#include "sync_stage.h"

#include <errno.h>
#include <unistd.h>

#include "json_read.h"
#include "json_write.h"
#include "sync_stage_internal.h"

#define WINDOW KIB(64)

static const char *const names[] = {
    [SYNC_ACCOUNT_DATA] = "account_data",
    [SYNC_PRESENCE] = "presence",
    [SYNC_TO_DEVICE] = "to_device",
    [SYNC_STATE] = "state",
    [SYNC_STATE_AFTER] = "state_after",
    [SYNC_TIMELINE] = "timeline",
    [SYNC_EPHEMERAL] = "ephemeral",
    [SYNC_ROOM_ACCOUNT_DATA] = "room_account_data",
    [SYNC_INVITE_STATE] = "invite",
    [SYNC_KNOCK_STATE] = "knock",
};
#define NAMES (sizeof(names) / sizeof(*names))

const char *sync_stage_section_name(enum sync_section section)
{
    return names[section];
}

int sync_stage_section_parse(struct slice name, enum sync_section *section)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (slice_is(name, names[i])) {
            *section = (enum sync_section)i;
            return 0;
        }
    }
    return -1;
}

const char *sync_stage_next_batch(const struct sync_stage *stage)
{
    return stage->next_batch ? stage->next_batch : "";
}

size_t sync_stage_events(const struct sync_stage *stage)
{
    return stage->events;
}

size_t sync_stage_faults(const struct sync_stage *stage)
{
    return stage->faults;
}

int sync_stage_body(const struct sync_stage *stage, struct slice *body,
                    struct err *err)
{
    if (!stage->keep_body)
        return err_set(err, ERR_MISUSE, "the sync response was not kept");
    if (stage->body.failed)
        return err_set(err, ERR_LIMIT,
                       "the sync response is larger than %zu bytes",
                       LIMIT_JSON_BODY);
    *body = buf_slice(&stage->body);
    return 0;
}

size_t sync_stage_rooms(const struct sync_stage *stage)
{
    return stage->room_count;
}

struct sync_room sync_stage_room_at(const struct sync_stage *stage, size_t i)
{
    const struct stage_room *room = &stage->rooms[i];
    struct sync_room out = {
        .membership = (enum sync_membership)room->membership,
        .limited = room->limited,
        .has_state_after = room->has_state_after,
        .has_members = room->has_members,
        .sections = room->sections,
    };

    if (out.membership != SYNC_NO_ROOM)
        out.room_id =
            slice_make(buf_str(&stage->names) + room->name, room->name_len);
    return out;
}

/* ---- cursors ---- */

static void init(struct sync_cursor *cursor, const struct sync_stage *stage,
                 size_t first, size_t last, unsigned sections)
{
    *cursor = (struct sync_cursor) {
        .stage = stage,
        .sections = sections,
        .room = first,
        .last_room = last,
        .at = first < last ? stage->rooms[first].begin : 0,
    };
    buf_init(&cursor->window, STAGE_RECORD_MAX + WINDOW);
}

void sync_cursor_init(struct sync_cursor *cursor,
                      const struct sync_stage *stage, unsigned sections)
{
    init(cursor, stage, 0, stage->room_count, sections);
}

void sync_cursor_init_room(struct sync_cursor *cursor,
                           const struct sync_stage *stage, size_t room,
                           unsigned sections)
{
    init(cursor, stage, room, room + 1, sections);
}

void sync_cursor_free(struct sync_cursor *cursor)
{
    buf_free(&cursor->window);
}

static int read_error(const char *why, struct err *err)
{
    err_set(err, ERR_SYSTEM, "cannot read a kept sync response: %s", why);
    return -1;
}

/* len bytes from `at` on, in the file's window; it moves as far as the read
 * needs, with a stretch of what follows. */
static int load(struct sync_cursor *cursor, int64_t at, size_t len,
                struct slice *out, struct err *err)
{
    int64_t left = cursor->stage->written - at;
    size_t want = len > WINDOW ? len : WINDOW;

    if (at >= cursor->window_at &&
        at + (int64_t)len <= cursor->window_at + (int64_t)cursor->window.len) {
        *out = slice_make(cursor->window.ptr + (at - cursor->window_at), len);
        return 0;
    }
    if ((int64_t)len > left)
        return read_error("it ends early", err);
    if ((int64_t)want > left)
        want = (size_t)left;
    buf_clear(&cursor->window);
    cursor->window_at = at;
    char *to = buf_reserve(&cursor->window, want);
    if (!to)
        return read_error("out of memory", err);
    while (cursor->window.len < want) {
        ssize_t n =
            pread(cursor->stage->fd, to + cursor->window.len,
                  want - cursor->window.len, at + (int64_t)cursor->window.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return read_error(n < 0 ? strerror(errno) : "it ends early", err);
        buf_added(&cursor->window, (size_t)n);
    }
    *out = slice_make(cursor->window.ptr, len);
    return 0;
}

static int read_at(struct sync_cursor *cursor, int64_t at, size_t len,
                   struct slice *out, struct err *err)
{
    const struct sync_stage *stage = cursor->stage;

    if (stage->fd >= 0)
        return load(cursor, at, len, out, err);
    if (at + (int64_t)len > (int64_t)stage->bytes.len)
        return read_error("it ends early", err);
    *out = slice_make(stage->bytes.ptr + at, len);
    return 0;
}

/* The next record of the room at hand whose kind is among `kinds`. */
static int next_in_room(struct sync_cursor *cursor, unsigned kinds,
                        unsigned *kind, struct slice *json, struct err *err)
{
    const struct stage_room *room = &cursor->stage->rooms[cursor->room];

    if (!(room->sections & kinds))
        return 0;
    while (cursor->at < room->end) {
        struct stage_record head;
        struct slice bytes;
        if (read_at(cursor, cursor->at, sizeof(head), &bytes, err) < 0)
            return -1;
        memcpy(&head, bytes.ptr, sizeof(head));
        int64_t at = cursor->at + (int64_t)sizeof(head);
        cursor->at = at + head.len;
        if (!(kinds & 1u << head.kind))
            continue;
        *kind = head.kind;
        return read_at(cursor, at, head.len, json, err) < 0 ? -1 : 1;
    }
    return 0;
}

int sync_cursor_next(struct sync_cursor *cursor, struct sync_record *record,
                     struct err *err)
{
    while (cursor->room < cursor->last_room) {
        unsigned kind = 0;
        int found =
            next_in_room(cursor, cursor->sections, &kind, &record->json, err);
        if (found < 0)
            return -1;
        if (found == 1) {
            struct sync_room room =
                sync_stage_room_at(cursor->stage, cursor->room);
            record->section = (enum sync_section)kind;
            record->membership = room.membership;
            record->room_id = room.room_id;
            return 1;
        }
        if (++cursor->room < cursor->last_room)
            cursor->at = cursor->stage->rooms[cursor->room].begin;
    }
    return 0;
}

int sync_stage_room_summary(const struct sync_stage *stage, size_t i,
                            struct buf *out, struct err *err)
{
    struct sync_cursor cursor;
    struct slice json = SLICE_NONE;
    unsigned kind = 0;

    sync_cursor_init_room(&cursor, stage, i, 0);
    int found = next_in_room(&cursor, 1u << STAGE_SUMMARY, &kind, &json, err);
    if (found == 1 && buf_add(out, json) < 0)
        found = read_error("out of memory", err);
    sync_cursor_free(&cursor);
    return found;
}

/* ---- members ---- */

static void put_member(struct json_writer *w, struct slice object,
                       const char *key, enum json_type type)
{
    struct slice value = json_get(object, key);

    if (json_type(value) == type)
        json_member_raw(w, key, value);
}

static void put_content(struct json_writer *w, struct slice content)
{
    json_object_begin(w);
    put_member(w, content, "membership", JSON_STRING);
    put_member(w, content, "displayname", JSON_STRING);
    put_member(w, content, "avatar_url", JSON_STRING);
    put_member(w, content, "reason", JSON_STRING);
    json_object_end(w);
}

int sync_stage_trim_member(struct slice content, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    put_content(&w, content);
    return json_finish(&w, "a member", NULL);
}

struct slice stage_trim_event(struct slice json, struct buf *out)
{
    struct json_writer w;

    buf_clear(out);
    json_writer_init(&w, out);
    json_object_begin(&w);
    put_member(&w, json, "type", JSON_STRING);
    put_member(&w, json, "state_key", JSON_STRING);
    put_member(&w, json, "sender", JSON_STRING);
    put_member(&w, json, "event_id", JSON_STRING);
    put_member(&w, json, "origin_server_ts", JSON_NUMBER);
    json_key(&w, "content");
    put_content(&w, json_get(json, "content"));
    json_object_end(&w);
    return json_finish(&w, "a member", NULL) == 0 ? buf_slice(out) : SLICE_NONE;
}
