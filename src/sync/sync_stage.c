#include "sync_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "json_read.h"
#include "limits.h"
#include "sync_stage_internal.h"

struct sync_stage *sync_stage_new(const struct sync_wanted *wanted,
                                  bool keep_body, struct err *err)
{
    struct sync_stage *stage = calloc(1, sizeof(*stage));

    if (!stage) {
        err_set(err, ERR_SYSTEM, "cannot keep a sync response: out of memory");
        return NULL;
    }
    stage->wanted = *wanted;
    stage->keep_body = keep_body;
    stage->fd = -1;
    buf_init(&stage->bytes, LIMIT_SYNC_STAGE_MEMORY + STAGE_RECORD_MAX);
    buf_init(&stage->names, (size_t)LIMIT_SYNC_ROOMS * LIMIT_IDENTIFIER);
    buf_init(&stage->body, LIMIT_JSON_BODY);
    buf_init(&stage->trimmed, LIMIT_SYNC_EVENT);
    return stage;
}

void sync_stage_free(struct sync_stage *stage)
{
    if (!stage)
        return;
    if (stage->fd >= 0)
        close(stage->fd);
    buf_free(&stage->bytes);
    buf_free(&stage->names);
    buf_free(&stage->body);
    buf_free(&stage->trimmed);
    free(stage->rooms);
    free(stage->next_batch);
    free(stage);
}

/* ---- the file ---- */

static void fail(struct sync_stage *stage, enum err_kind kind, const char *why)
{
    if (stage->failed)
        return;
    stage->failed = true;
    err_set(&stage->err, kind, "cannot keep a sync response: %s", why);
}

static int open_in(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    /* Not every file system has O_TMPFILE. */
    struct buf name;
    buf_init(&name, KIB(4));
    if (buf_addf(&name, "%s/lunatrix-sync-XXXXXX", directory) == 0) {
        fd = mkostemp(name.ptr, O_CLOEXEC);
        if (fd >= 0)
            unlink(name.ptr);
    }
    buf_free(&name);
    return fd;
}

/* /var/tmp before /tmp: that one may well be memory. */
static int open_file(void)
{
    const char *const places[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
    int fd = -1;

    for (int i = 0; i < 3 && fd < 0; i++)
        if (places[i] && places[i][0])
            fd = open_in(places[i]);
    return fd;
}

static int write_all(int fd, const char *bytes, size_t len, int64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

/* Moves what is in memory to the end of the file. */
static void spill(struct sync_stage *stage)
{
    if (stage->fd < 0)
        stage->fd = open_file();
    if (stage->fd < 0 || write_all(stage->fd, stage->bytes.ptr,
                                   stage->bytes.len, stage->written) < 0) {
        fail(stage, ERR_SYSTEM, strerror(errno));
        return;
    }
    stage->written += (int64_t)stage->bytes.len;
    buf_clear(&stage->bytes);
}

/* ---- records ---- */

static int64_t end_of(const struct sync_stage *stage)
{
    return stage->written + (int64_t)stage->bytes.len;
}

static void append(struct sync_stage *stage, enum stage_kind kind,
                   struct slice json)
{
    struct stage_record head = { (uint32_t)json.len, kind };

    if (json.len > LIMIT_SYNC_EVENT) {
        stage->faults++;
        return;
    }
    buf_add(&stage->bytes, slice_make((const char *)&head, sizeof(head)));
    buf_add(&stage->bytes, json);
    if (stage->bytes.failed)
        fail(stage, ERR_SYSTEM, "out of memory");
    else if (stage->bytes.len > LIMIT_SYNC_STAGE_MEMORY)
        spill(stage);
}

static struct stage_room *add_room(struct sync_stage *stage,
                                   enum sync_membership membership,
                                   struct slice room_id)
{
    if (stage->room_count == stage->room_cap) {
        size_t cap = stage->room_cap ? stage->room_cap * 2 : 16;
        void *rooms = realloc(stage->rooms, cap * sizeof(*stage->rooms));
        if (!rooms) {
            fail(stage, ERR_SYSTEM, "out of memory");
            return NULL;
        }
        stage->rooms = rooms;
        stage->room_cap = cap;
    }
    struct stage_room *room = &stage->rooms[stage->room_count];
    *room = (struct stage_room) {
        .name = stage->names.len,
        .name_len = (uint32_t)room_id.len,
        .membership = (uint8_t)membership,
        .begin = end_of(stage),
        .end = end_of(stage),
    };
    if (buf_add(&stage->names, room_id) < 0) {
        fail(stage, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    stage->room_count++;
    return room;
}

/* What belongs to a room comes in one piece: the last one, or a new one. */
static struct stage_room *at_room(struct sync_stage *stage,
                                  enum sync_membership membership,
                                  struct slice room_id)
{
    if (stage->failed)
        return NULL;
    if (stage->room_count > 0) {
        struct stage_room *room = &stage->rooms[stage->room_count - 1];
        struct slice name =
            slice_make(stage->names.ptr + room->name, room->name_len);
        if (room->membership == membership && slice_eq(name, room_id))
            return room;
    }
    if (stage->room_count >= LIMIT_SYNC_ROOMS) {
        fail(stage, ERR_LIMIT, "too many rooms in it");
        return NULL;
    }
    return add_room(stage, membership, room_id);
}

void sync_stage_room(struct sync_stage *stage, enum sync_membership membership,
                     struct slice room_id)
{
    at_room(stage, membership, room_id);
}

/* The decoded string, in place or in scratch; absent when it is none. */
static struct slice decoded(struct slice value, struct buf *scratch)
{
    struct slice plain = json_plain(value);

    if (plain.ptr || json_type(value) != JSON_STRING)
        return plain;
    buf_clear(scratch);
    return json_string(value, scratch) == 0 ? buf_slice(scratch) : SLICE_NONE;
}

static bool is_wanted(struct sync_stage *stage, enum sync_section section,
                      enum sync_membership membership, struct slice room_id,
                      struct slice type, struct slice json)
{
    return !stage->wanted.event ||
           stage->wanted.event(stage->wanted.arg, section, membership, room_id,
                               type, json);
}

void sync_stage_event(struct sync_stage *stage, enum sync_section section,
                      enum sync_membership membership, struct slice room_id,
                      struct slice json)
{
    struct buf scratch;

    if (stage->failed)
        return;
    buf_init(&scratch, LIMIT_JSON_KEY);
    struct slice type = decoded(json_get(json, "type"), &scratch);
    if (is_wanted(stage, section, membership, room_id, type, json)) {
        bool state = section == SYNC_STATE || section == SYNC_STATE_AFTER;
        bool member = slice_is(type, "m.room.member");
        struct stage_room *room = at_room(stage, membership, room_id);
        if (state && stage->wanted.trim_members && member)
            json = stage_trim_event(json, &stage->trimmed);
        if (room && json.ptr) {
            append(stage, (enum stage_kind)section, json);
            room->sections |= 1u << section;
            room->has_members |= member && section == SYNC_TIMELINE;
            room->end = end_of(stage);
            stage->events++;
        }
    }
    buf_free(&scratch);
}

void sync_stage_limited(struct sync_stage *stage,
                        enum sync_membership membership, struct slice room_id)
{
    struct stage_room *room = at_room(stage, membership, room_id);

    if (room)
        room->limited = 1;
}

void sync_stage_summary(struct sync_stage *stage,
                        enum sync_membership membership, struct slice room_id,
                        struct slice json)
{
    struct stage_room *room = at_room(stage, membership, room_id);

    if (!room)
        return;
    append(stage, STAGE_SUMMARY, json);
    room->sections |= 1u << STAGE_SUMMARY;
    room->end = end_of(stage);
}

void sync_stage_state_after(struct sync_stage *stage,
                            enum sync_membership membership,
                            struct slice room_id)
{
    struct stage_room *room = at_room(stage, membership, room_id);

    if (room)
        room->has_state_after = 1;
}

void sync_stage_set_next_batch(struct sync_stage *stage, struct slice token)
{
    free(stage->next_batch);
    stage->next_batch = token.len > 0 ? slice_dup(token) : NULL;
    if (token.len > 0 && !stage->next_batch)
        fail(stage, ERR_SYSTEM, "out of memory");
}

void sync_stage_body_piece(struct sync_stage *stage, struct slice piece)
{
    if (!stage->keep_body || stage->body.failed)
        return;
    if (buf_add(&stage->body, piece) < 0) {
        buf_free(&stage->body);
        stage->body.failed = true;
    }
}

void sync_stage_fault(struct sync_stage *stage)
{
    stage->faults++;
}

int sync_stage_finish(struct sync_stage *stage, struct err *err)
{
    if (!stage->failed && !stage->next_batch)
        fail(stage, ERR_JSON, "it has no next_batch");
    if (!stage->failed && stage->fd >= 0)
        spill(stage);
    if (!stage->failed)
        return 0;
    if (err)
        *err = stage->err;
    return -1;
}
