#ifndef SYNC_CUT_H
#define SYNC_CUT_H

#include <stdbool.h>

#include "err.h"
#include "slice.h"

/* Follows the reply of GET /sync as its bytes arrive and hands out what is in
 * it, event by event, as raw bytes. Pure: no I/O, no clock. Keys may come in
 * any order; a value of the wrong type means "absent"; a fault inside one
 * event costs that event. It keeps no more than the event being cut (at most
 * LIMIT_SYNC_EVENT; a larger one is dropped and told). */

enum sync_section {
    SYNC_ACCOUNT_DATA,
    SYNC_PRESENCE,
    SYNC_TO_DEVICE,
    SYNC_STATE,
    SYNC_STATE_AFTER,
    SYNC_TIMELINE,
    SYNC_EPHEMERAL,
    SYNC_ROOM_ACCOUNT_DATA,
    SYNC_INVITE_STATE,
    SYNC_KNOCK_STATE
};
enum sync_membership {
    SYNC_JOIN,
    SYNC_INVITE,
    SYNC_LEAVE,
    SYNC_KNOCK,
    SYNC_NO_ROOM /* outside of rooms */
};

/* None may be NULL. Slices are valid for the call. room_id is decoded, absent
 * outside rooms; json passed json_check and is an object. */
struct sync_cut_handlers {
    void (*room)(void *arg, enum sync_membership membership,
                 struct slice room_id);
    void (*event)(void *arg, enum sync_section section,
                  enum sync_membership membership, struct slice room_id,
                  struct slice json);
    /* timeline.limited was true. */
    void (*limited)(void *arg, enum sync_membership membership,
                    struct slice room_id);
    void (*summary)(void *arg, enum sync_membership membership,
                    struct slice room_id, struct slice json);
    /* state_after was there, if only empty. */
    void (*state_after)(void *arg, enum sync_membership membership,
                        struct slice room_id);
    void (*next_batch)(void *arg, struct slice token);
    /* An event was dropped: too large, or `why` is wrong inside it. */
    void (*fault)(void *arg, enum sync_section section, struct slice room_id,
                  const char *why);
};

struct sync_cut;
/* Borrows handlers. Returns owned, NULL when out of memory. */
struct sync_cut *sync_cut_new(const struct sync_cut_handlers *handlers,
                              void *arg);
void sync_cut_free(struct sync_cut *cut);
/* 0, or -1: the structure is broken and the reply worth nothing. */
int sync_cut_feed(struct sync_cut *cut, struct slice piece, struct err *err);
/* 0 when the body was one whole object with a next_batch, else -1. */
int sync_cut_finish(struct sync_cut *cut, struct err *err);

#endif
