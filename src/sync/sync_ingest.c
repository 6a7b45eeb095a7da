#include "sync_ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json_read.h"
#include "limits.h"
#include "sync_ingest_internal.h"

/* What is done with sections, in this order whatever the order on the wire
 * was: keys before what they open, state before what happens under it. */
static const enum sync_section outside[] = {
    SYNC_TO_DEVICE,
    SYNC_ACCOUNT_DATA,
    SYNC_PRESENCE,
};
static const enum sync_section inside[] = {
    SYNC_INVITE_STATE,      SYNC_KNOCK_STATE, SYNC_STATE,
    SYNC_STATE_AFTER,       SYNC_TIMELINE,    SYNC_EPHEMERAL,
    SYNC_ROOM_ACCOUNT_DATA,
};
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- begin and end ---- */

static int read_number(struct store *store, const char *key, int64_t *out,
                       struct err *err)
{
    struct buf text;

    buf_init(&text, 64);
    *out = 0;
    int found = store_meta_get(store, key, &text, err);
    if (found == 1)
        json_int(buf_slice(&text), out);
    buf_free(&text);
    return found < 0 ? -1 : 0;
}

static int write_number(struct store *store, const char *key, int64_t value,
                        struct err *err)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    return store_meta_set(store, key, slice_str(text), err);
}

static int begin(struct sync_ingest *ingest, struct err *err)
{
    if (store_ingest_begin(ingest->config.store, err) < 0)
        return -1;
    ingest->open = true;
    if (read_number(ingest->config.store, "batch", &ingest->batch, err) < 0)
        return -1;
    ingest->batch++;
    return 0;
}

/* Old rows go with the first response of an hour. */
static int prune(struct sync_ingest *ingest, struct err *err)
{
    struct store *store = ingest->config.store;
    int64_t now = loop_wall(ingest->config.loop);
    int64_t last;

    if (read_number(store, "pruned", &last, err) < 0)
        return -1;
    if (now - last < LIMIT_PRUNE_MS && last <= now)
        return 0;
    if (store_inbox_prune(store, now, LIMIT_KEEP_DONE_MS, err) < 0 ||
        store_outbox_prune(store, now, LIMIT_KEEP_DONE_MS, false, err) < 0)
        return -1;
    return write_number(store, "pruned", now, err);
}

static int end(struct sync_ingest *ingest, struct err *err)
{
    struct store *store = ingest->config.store;

    if (prune(ingest, err) < 0 ||
        write_number(store, "batch", ingest->batch, err) < 0 ||
        store_meta_set(store, "state_types",
                       sync_filter_state_types(ingest->config.filter),
                       err) < 0 ||
        store_meta_set(store, "next_batch",
                       slice_str(sync_stage_next_batch(ingest->stage)),
                       err) < 0)
        return -1;
    ingest->open = false;
    return store_ingest_end(store, true, err);
}

static void free_ingest(struct sync_ingest *ingest)
{
    if (ingest->open)
        store_ingest_end(ingest->config.store, false, NULL);
    if (ingest->walking)
        sync_cursor_free(&ingest->cursor);
    tick_cancel(ingest->tick);
    sync_stage_free(ingest->stage);
    buf_free(&ingest->plain);
    buf_free(&ingest->content);
    free(ingest);
}

/* ---- the walk ---- */

static void walk(struct sync_ingest *ingest, unsigned sections, bool in_room)
{
    if (in_room)
        sync_cursor_init_room(&ingest->cursor, ingest->stage, ingest->room,
                              sections);
    else
        sync_cursor_init(&ingest->cursor, ingest->stage, sections);
    ingest->walking = true;
}

/* 1 when a record was taken, 0 when there is no more, -1. */
static int take_record(struct sync_ingest *ingest, struct err *err)
{
    struct sync_record record;
    int found = sync_cursor_next(&ingest->cursor, &record, err);

    if (found == 1) {
        ingest->result.records++;
        return sync_ingest_record(ingest, &record, err) < 0 ? -1 : 1;
    }
    sync_cursor_free(&ingest->cursor);
    ingest->walking = false;
    return found;
}

/* Begins the next section of the room at hand, or the next room. 0 when there
 * are no more rooms. */
static int next_in_rooms(struct sync_ingest *ingest, struct err *err)
{
    if (ingest->room >= sync_stage_rooms(ingest->stage))
        return 0;
    struct sync_room room = sync_stage_room_at(ingest->stage, ingest->room);
    if (room.membership == SYNC_NO_ROOM || ingest->section == COUNT(inside)) {
        if (room.membership != SYNC_NO_ROOM &&
            sync_ingest_leave_room(ingest, err) < 0)
            return -1;
        ingest->room++;
        ingest->section = 0;
        ingest->entered = false;
        return 1;
    }
    if (!ingest->entered && sync_ingest_enter_room(ingest, &room, err) < 0)
        return -1;
    ingest->entered = true;
    enum sync_section section = inside[ingest->section++];
    if (room.sections & 1u << section)
        walk(ingest, 1u << section, true);
    return 1;
}

/* One record, or one step towards the next. 1 more to do, 0 all done, -1. */
static int step(struct sync_ingest *ingest, struct err *err)
{
    if (ingest->walking)
        return take_record(ingest, err) < 0 ? -1 : 1;
    if (ingest->outside < COUNT(outside)) {
        walk(ingest, 1u << outside[ingest->outside++], false);
        return 1;
    }
    return next_in_rooms(ingest, err);
}

/* The thread's own time: a virtual loop's clock stands still meanwhile. */
static int64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first slice ends with a count, so that common responses are one commit
 * in one turn; those that follow end with time. */
static bool is_enough(struct sync_ingest *ingest, int steps, int64_t began)
{
    if (!ingest->sliced)
        return ingest->result.records >= LIMIT_INGEST_BATCH ||
               steps >= 10 * LIMIT_INGEST_BATCH;
    return steps % 16 == 0 && real_ms() - began >= LIMIT_INGEST_SLICE_MS;
}

static int slice(struct sync_ingest *ingest, struct err *err)
{
    int64_t began = real_ms();
    int more = 1;

    if (!ingest->open && begin(ingest, err) < 0)
        return -1;
    for (int steps = 1; more == 1; steps++) {
        more = step(ingest, err);
        if (more == 1 && is_enough(ingest, steps, began))
            break;
    }
    ingest->sliced = true;
    return more == 0 ? end(ingest, err) : more;
}

static void on_tick(void *arg)
{
    struct sync_ingest *ingest = arg;
    struct err err;

    ingest->tick = NULL;
    int more = slice(ingest, &err);
    if (more == 1) {
        ingest->tick = tick_start(ingest->config.loop, on_tick, ingest, &err);
        if (ingest->tick)
            return;
        more = -1;
    }
    sync_ingest_fn *done = ingest->done;
    void *done_arg = ingest->arg;
    struct sync_ingest_result result = ingest->result;
    free_ingest(ingest);
    done(done_arg, more < 0 ? NULL : &result, more < 0 ? &err : NULL);
}

struct sync_ingest *sync_ingest_start(const struct sync_ingest_config *config,
                                      struct sync_stage *stage,
                                      sync_ingest_fn *done, void *arg,
                                      struct err *err)
{
    struct sync_ingest *ingest = calloc(1, sizeof(*ingest));

    if (!ingest) {
        sync_stage_free(stage);
        err_set(err, ERR_SYSTEM, "cannot store a sync: out of memory");
        return NULL;
    }
    ingest->config = *config;
    ingest->stage = stage;
    ingest->done = done;
    ingest->arg = arg;
    buf_init(&ingest->plain, LIMIT_SYNC_EVENT);
    buf_init(&ingest->content, LIMIT_SYNC_EVENT);
    ingest->tick = tick_start(config->loop, on_tick, ingest, err);
    if (ingest->tick)
        return ingest;
    free_ingest(ingest);
    return NULL;
}

void sync_ingest_cancel(struct sync_ingest *ingest)
{
    if (ingest)
        free_ingest(ingest);
}
