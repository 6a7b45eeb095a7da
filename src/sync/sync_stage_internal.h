#ifndef SYNC_STAGE_INTERNAL_H
#define SYNC_STAGE_INTERNAL_H

#include "limits.h"
#include "sync_stage.h"

/* Shared by sync_stage*.c alone: sync_stage.c writes, sync_stage_read.c
 * reads. */

/* A section, or: */
enum stage_kind { STAGE_SUMMARY = 30 };

struct stage_record { /* then len bytes of JSON */
    uint32_t len, kind;
};
#define STAGE_RECORD_MAX (LIMIT_SYNC_EVENT + sizeof(struct stage_record))

struct stage_room {
    int64_t begin, end; /* its records, other rooms' are elsewhere */
    size_t name;        /* in names */
    uint32_t name_len;
    uint32_t sections;
    uint8_t membership, limited, has_state_after, has_members;
};

struct sync_stage {
    struct sync_wanted wanted;
    bool keep_body;
    struct buf bytes; /* all records; with a file, those not yet in it */
    int fd;           /* -1: none */
    int64_t written;  /* bytes in the file */
    struct stage_room *rooms;
    size_t room_count, room_cap;
    struct buf names;
    struct buf body, trimmed;
    char *next_batch;
    size_t events, faults;
    bool failed;
    struct err err;
};

/* A member event without what nobody stores, in out; absent when that fails. */
struct slice stage_trim_event(struct slice json, struct buf *out);

#endif
