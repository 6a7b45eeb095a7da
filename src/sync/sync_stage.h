#ifndef SYNC_STAGE_H
#define SYNC_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "slice.h"
#include "sync_cut.h"

/* A sync response on its way from the wire to whoever reads it, cut into
 * events. Up to LIMIT_SYNC_STAGE_MEMORY it lies in memory, beyond that in an
 * unlinked file below $TMPDIR; what stays in memory is one small entry per
 * room. Written once, in the order of the wire, then read as often as wanted,
 * in any order of rooms and sections. */
struct sync_stage;

/* What is worth keeping. All zero: everything, as it came. */
struct sync_wanted {
    void *arg;
    /* NULL: every event. type is decoded, absent when the event has none. */
    bool (*event)(void *arg, enum sync_section section,
                  enum sync_membership membership, struct slice room_id,
                  struct slice type, struct slice json);
    /* m.room.member in state and state_after is cut down to what a store
     * keeps of it. */
    bool trim_members;
};

/* Returns owned. */
struct sync_stage *sync_stage_new(const struct sync_wanted *wanted,
                                  bool keep_body, struct err *err);
void sync_stage_free(struct sync_stage *stage);

/* ---- writing; the first failure sticks, sync_stage_finish reports it ---- */

/* Room id and json are copied. room_id is absent outside rooms. */
void sync_stage_room(struct sync_stage *stage, enum sync_membership membership,
                     struct slice room_id);
void sync_stage_event(struct sync_stage *stage, enum sync_section section,
                      enum sync_membership membership, struct slice room_id,
                      struct slice json);
void sync_stage_limited(struct sync_stage *stage,
                        enum sync_membership membership, struct slice room_id);
void sync_stage_summary(struct sync_stage *stage,
                        enum sync_membership membership, struct slice room_id,
                        struct slice json);
/* state_after was there, if only empty. */
void sync_stage_state_after(struct sync_stage *stage,
                            enum sync_membership membership,
                            struct slice room_id);
void sync_stage_set_next_batch(struct sync_stage *stage, struct slice token);
/* Bytes of the body as they came, when keep_body is set. */
void sync_stage_body_piece(struct sync_stage *stage, struct slice piece);
/* An event that was lost to a fault inside it. */
void sync_stage_fault(struct sync_stage *stage);
/* Nothing is written after this. 0, or -1 with the first failure: memory, the
 * temporary file, LIMIT_SYNC_ROOMS, or no next_batch. */
int sync_stage_finish(struct sync_stage *stage, struct err *err);

/* ---- reading ----------------------------------------------------------- */

const char *sync_stage_next_batch(const struct sync_stage *stage);
/* Events kept; of them those that are outside sections of rooms too. */
size_t sync_stage_events(const struct sync_stage *stage);
/* Events lost to faults inside them. */
size_t sync_stage_faults(const struct sync_stage *stage);
/* The whole body; ERR_LIMIT when it was above LIMIT_JSON_BODY, ERR_MISUSE
 * when it was not kept. Borrowed from the stage. */
int sync_stage_body(const struct sync_stage *stage, struct slice *body,
                    struct err *err);

/* "account_data" "presence" "to_device" "state" "state_after" "timeline"
 * "ephemeral" "room_account_data" "invite" "knock": static. */
const char *sync_stage_section_name(enum sync_section section);
/* 0 and the section with that name, else -1. */
int sync_stage_section_parse(struct slice name, enum sync_section *section);

/* A room of the response, or (membership SYNC_NO_ROOM, no room id) a run of
 * what stands outside of rooms. Numbered in the order of the wire. */
struct sync_room {
    enum sync_membership membership;
    struct slice room_id;
    bool limited, has_state_after;
    bool has_members;  /* its timeline holds member events */
    unsigned sections; /* bit 1u << section for each that has events */
};
size_t sync_stage_rooms(const struct sync_stage *stage);
struct sync_room sync_stage_room_at(const struct sync_stage *stage, size_t i);
/* The room's summary, JSON text, appended to out. 1, 0 none, -1. */
int sync_stage_room_summary(const struct sync_stage *stage, size_t i,
                            struct buf *out, struct err *err);

/* Walks events of the given sections (bits), in the order of the wire.
 *     struct sync_cursor cursor;
 *     sync_cursor_init(&cursor, stage, 1u << SYNC_TIMELINE);
 *     while ((more = sync_cursor_next(&cursor, &record, &err)) == 1) ...
 *     sync_cursor_free(&cursor);
 * Borrows the stage; several may walk at a time. */
struct sync_record {
    enum sync_section section;
    enum sync_membership membership;
    struct slice room_id; /* absent outside rooms */
    struct slice json;    /* passed json_check; valid until the next call */
};
struct sync_cursor {
    const struct sync_stage *stage;
    unsigned sections;
    size_t room, last_room;
    int64_t at;
    struct buf window; /* of the file: bytes from window_at on */
    int64_t window_at;
};
void sync_cursor_init(struct sync_cursor *cursor,
                      const struct sync_stage *stage, unsigned sections);
/* The same for one room. */
void sync_cursor_init_room(struct sync_cursor *cursor,
                           const struct sync_stage *stage, size_t room,
                           unsigned sections);
/* 1 with *record filled, 0 at the end, -1. */
int sync_cursor_next(struct sync_cursor *cursor, struct sync_record *record,
                     struct err *err);
void sync_cursor_free(struct sync_cursor *cursor);

/* What a store keeps of a member event's content, appended to out. */
int sync_stage_trim_member(struct slice content, struct buf *out);

#endif
