#ifndef SYNC_INGEST_INTERNAL_H
#define SYNC_INGEST_INTERNAL_H

#include "event.h"
#include "limits.h"
#include "sync_ingest.h"

/* Shared by sync_ingest*.c alone: sync_ingest.c walks the stage,
 * sync_ingest_room.c stores what a room's records say, sync_ingest_event.c
 * makes deliveries of events. */

struct sync_ingest {
    struct sync_ingest_config config;
    struct sync_stage *stage;
    sync_ingest_fn *done;
    void *arg;
    struct tick *tick;
    bool open;   /* the transaction is ours */
    bool sliced; /* the first slice is over */
    int64_t batch, idx;
    struct sync_ingest_result result;

    size_t outside;       /* sections outside rooms that were begun */
    size_t room, section; /* where we are inside */
    bool entered, walking;
    struct sync_cursor cursor;

    /* The room at hand. */
    struct sync_room at;
    char before[16]; /* our membership as it was stored, "" unknown */
    char inviter[LIMIT_IDENTIFIER + 1]; /* stored for an open invite */
    bool banned;                        /* how we left */
    int place;                          /* of the next event of the timeline */
    int joined_at; /* place of our own join; what is before is history */

    struct buf plain, content;
};

/* sync_ingest_room.c */
int sync_ingest_enter_room(struct sync_ingest *ingest,
                           const struct sync_room *room, struct err *err);
int sync_ingest_leave_room(struct sync_ingest *ingest, struct err *err);
/* An event of state in the room at hand. */
int sync_ingest_state(struct sync_ingest *ingest, const struct event *event,
                      struct err *err);
/* Only what may never be missed, whatever section it stands in: encryption
 * was switched on, we came or went. */
int sync_ingest_notice(struct sync_ingest *ingest, const struct event *event,
                       struct err *err);
int sync_ingest_direct(struct sync_ingest *ingest, struct slice content,
                       struct err *err);
bool sync_ingest_is_own_member(const struct sync_ingest *ingest,
                               const struct event *event);

/* sync_ingest_event.c */
int sync_ingest_record(struct sync_ingest *ingest,
                       const struct sync_record *record, struct err *err);

#endif
