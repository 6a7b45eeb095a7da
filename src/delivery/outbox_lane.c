#include "outbox_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"
#include "url.h"

static struct list *bucket_of(struct outbox *outbox, struct slice room_id)
{
    unsigned hash = 2166136261u;

    for (size_t i = 0; i < room_id.len; i++)
        hash = (hash ^ (unsigned char)room_id.ptr[i]) * 16777619u;
    return &outbox->lanes[hash % OUTBOX_BUCKETS];
}

static struct slice room_of(const struct outbox_lane *lane)
{
    return slice_make(lane->room_id, lane->len);
}

struct outbox_lane *outbox_lane_find(struct outbox *outbox,
                                     struct slice room_id)
{
    struct list *bucket = bucket_of(outbox, room_id);

    list_each(node, bucket)
    {
        struct outbox_lane *lane = list_entry(node, struct outbox_lane, node);
        if (slice_eq(room_of(lane), room_id))
            return lane;
    }
    struct outbox_lane *lane = calloc(1, sizeof(*lane) + room_id.len + 1);
    if (!lane)
        return NULL;
    lane->outbox = outbox;
    list_init(&lane->items);
    list_init(&lane->ready);
    lane->len = room_id.len;
    if (room_id.len > 0)
        memcpy(lane->room_id, room_id.ptr, room_id.len);
    list_push(bucket, &lane->node);
    return lane;
}

void outbox_lane_free(struct outbox_lane *lane)
{
    request_cancel(lane->request);
    timer_cancel(lane->timer);
    list_remove(&lane->ready);
    list_remove(&lane->node);
    free(lane);
}

static struct outbox_item *first_of(const struct outbox_lane *lane)
{
    struct list *node = list_first(&lane->items);

    return node ? list_entry(node, struct outbox_item, node) : NULL;
}

bool outbox_lane_is_first(const struct outbox_item *item)
{
    const struct outbox *outbox = item->outbox;

    /* Lanes go before their outbox does. */
    return !outbox->gone && !outbox->held && first_of(item->lane) == item &&
           !item->lane->timer;
}

/* ---- the wire: so many lanes at once, the others in line ---- */

void outbox_lane_wake(struct outbox_lane *lane)
{
    if (list_empty(&lane->ready))
        list_push(&lane->outbox->ready, &lane->ready);
    outbox_wake(lane->outbox);
}

static void leave_place(struct outbox_lane *lane)
{
    if (!lane->busy)
        return;
    lane->busy = false;
    lane->outbox->wire--;
    outbox_wake(lane->outbox); /* another may have it */
}

static void on_pause(void *arg)
{
    struct outbox_lane *lane = arg;

    lane->timer = NULL;
    outbox_lane_wake(lane);
}

/* Not now: the first item is tried again after a while. */
static void pause_lane(struct outbox_lane *lane, int64_t at_least)
{
    int64_t wait = LIMIT_RETRY_FIRST_MS;
    uint32_t dice;

    for (int i = 0; i < lane->failures && wait < LIMIT_RETRY_LAST_MS; i++)
        wait *= 2;
    if (wait > LIMIT_RETRY_LAST_MS)
        wait = LIMIT_RETRY_LAST_MS;
    digest_random(&dice, sizeof(dice));
    wait = wait / 2 + dice % (wait / 2 + 1);
    if (wait < at_least)
        wait = at_least;
    lane->failures++;
    lane->timer =
        timer_start(lane->outbox->config.loop, wait, on_pause, lane, NULL);
    leave_place(lane);
}

void outbox_lane_drop(struct outbox_item *item)
{
    struct outbox_lane *lane = item->lane;

    if (!lane)
        return;
    if (first_of(lane) == item) {
        request_cancel(lane->request);
        lane->request = NULL;
        timer_cancel(lane->timer);
        lane->timer = NULL;
        lane->failures = 0;
        leave_place(lane);
    }
    list_remove(&item->node);
    item->lane = NULL;
}

/* ---- what a failure means ---- */

enum verdict { PASSING, ODD, FINAL };

/* ODD: the server was reached and what it says makes no sense. Worth a few
 * tries, as the next one may meet a server in better health. */
static enum verdict judge(const struct err *err)
{
    switch (err->status) {
    case 401: /* about the login, not about this send */
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
        return PASSING;
    default:
        break;
    }
    if (err->status >= 400 && err->status < 500)
        return FINAL;
    switch (err->kind) {
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_CANCELLED:
    case ERR_SYSTEM:
    case ERR_STORE:
        return PASSING;
    case ERR_MATRIX:
    case ERR_HTTP:
    case ERR_JSON:
    case ERR_LIMIT:
        return ODD;
    default:
        return FINAL;
    }
}

static void fail(struct outbox_item *item, const struct err *err)
{
    enum verdict verdict = judge(err);

    item->maybe |= err->unknown;
    if (verdict == ODD && ++item->odd < LIMIT_OUTBOX_ODD)
        verdict = PASSING;
    if (verdict == PASSING)
        pause_lane(item->lane, err->retry_after_ms);
    else
        outbox_settle_refused(item, err);
}

/* ---- one try: on record, not into an encrypted room, sent ---- */

static void on_sent(void *arg, const struct reply *reply, const struct err *err)
{
    struct outbox_item *item = arg;
    struct err odd;

    item->lane->request = NULL;
    if (err) {
        fail(item, err);
        return;
    }
    free(item->event_id);
    item->event_id =
        json_dup(json_get(reply->body, "event_id"), LIMIT_HTTP_URL);
    if (item->event_id) {
        outbox_settle_sent(item);
        return;
    }
    err_set(&odd, ERR_JSON, "cannot send to %s: the answer has no event_id",
            item->lane->room_id);
    odd.status = reply->status;
    odd.unknown = true;
    fail(item, &odd);
}

static void on_dry(void *arg)
{
    struct outbox_lane *lane = arg;

    lane->timer = NULL;
    outbox_settle_sent(first_of(lane));
}

static int send_dry(struct outbox_lane *lane, struct outbox_item *item,
                    const struct store_outbox_row *row, struct err *err)
{
    char id[64];

    snprintf(id, sizeof(id), "$dry-run-%s", item->txn_id);
    free(item->event_id);
    item->event_id = strdup(id);
    lane->timer = item->event_id ? timer_start(lane->outbox->config.loop, 0,
                                               on_dry, lane, err)
                                 : NULL;
    if (!lane->timer)
        return err_set(err, ERR_SYSTEM, "cannot send: out of memory");
    struct log_fields fields = { .room_id = lane->room_id };
    log_write(LOG_LEVEL_INFO, &fields, "dry run: not sent: %.*s %.*s",
              SLICE_ARG(row->type), SLICE_ARG(row->content));
    return 0;
}

static int send_row(struct outbox_lane *lane, struct outbox_item *item,
                    const struct store_outbox_row *row, struct err *err)
{
    struct buf path;
    struct request_options options = {
        .method = "PUT",
        .body = row->content,
        .repeat = REQUEST_REPEAT,
        .send = true,
    };

    if (lane->outbox->config.dry_run)
        return send_dry(lane, item, row, err);
    buf_init(&path, LIMIT_HTTP_URL);
    if (row->redacts.ptr)
        url_path(&path, "/_matrix/client/v3/rooms/{}/redact/{}/{}", 3,
                 row->room_id, row->redacts, row->txn_id);
    else
        url_path(&path, "/_matrix/client/v3/rooms/{}/send/{}/{}", 3,
                 row->room_id, row->type, row->txn_id);
    options.path = buf_slice(&path);
    if (buf_check(&path, "the path of a send", err) == 0)
        lane->request = request_start(lane->outbox->config.homeserver, &options,
                                      on_sent, item, err);
    item->sync_seen = lane->outbox->syncs;
    buf_free(&path);
    return lane->request ? 0 : -1;
}

static void refuse_encrypted(struct outbox_item *item)
{
    struct err err;

    err_set(&err, ERR_UNSUPPORTED,
            "cannot send to %s: the room is encrypted, and this event is not",
            item->lane->room_id);
    err.unknown = item->maybe;
    outbox_settle_refused(item, &err);
}

static void send_first(struct outbox_item *item)
{
    struct outbox_lane *lane = item->lane;
    struct store_outbox_row row;
    struct err err;

    int found =
        store_outbox_get(lane->outbox->config.store, item->id, &row, &err);
    if (found == 0)
        found = err_set(&err, ERR_MISUSE, "cannot send to %s: its row is gone",
                        lane->room_id);
    if (found < 0 || send_row(lane, item, &row, &err) < 0)
        fail(item, &err);
}

/* Only "there is no such state" says that the room is not encrypted. */
static void on_checked(void *arg, const struct reply *reply,
                       const struct err *err)
{
    struct outbox_item *item = arg;
    struct err why;

    (void)reply;
    item->lane->request = NULL;
    if (!err) {
        refuse_encrypted(item);
    } else if (err->status == 404 && strcmp(err->errcode, "M_NOT_FOUND") == 0) {
        item->lane->checked = true;
        send_first(item);
    } else {
        why = *err;
        why.unknown = false; /* nothing was sent */
        err_prefix(&why, "cannot tell whether %s is encrypted",
                   item->lane->room_id);
        fail(item, &why);
    }
}

static void ask_server(struct outbox_item *item)
{
    struct outbox_lane *lane = item->lane;
    struct request_options options = {
        .method = "GET",
        .repeat = REQUEST_REPEAT,
    };
    struct buf path;
    struct err err;

    buf_init(&path, LIMIT_HTTP_URL);
    url_path(&path, "/_matrix/client/v3/rooms/{}/state/m.room.encryption", 1,
             room_of(lane));
    options.path = buf_slice(&path);
    if (buf_check(&path, "a room id", &err) == 0)
        lane->request = request_start(lane->outbox->config.homeserver, &options,
                                      on_checked, item, &err);
    buf_free(&path);
    if (!lane->request)
        fail(item, &err);
}

/* How a row may go out. */
enum way { IN_CLEAR, NOT_AT_ALL, UNSURE };

static int find_way(const struct outbox_item *item, enum way *way,
                    struct err *err)
{
    struct store *store = item->outbox->config.store;
    struct store_outbox_row row;
    struct store_room room;

    int found = store_outbox_get(store, item->id, &row, err);
    bool plain = found == 1 && !slice_is(row.type, "m.room.encrypted");
    if (found >= 0)
        found = store_room_get(store, room_of(item->lane), &room, err);
    if (found < 0)
        return -1;
    *way = UNSURE;
    if (!plain || item->lane->checked ||
        (found == 1 && slice_is(room.membership, "join") &&
         outbox_is_synced(item->outbox)))
        *way = IN_CLEAR;
    if (found == 1 && room.encrypted && plain)
        *way = NOT_AT_ALL;
    return 0;
}

/* The latch may have closed since the send was made, so it is read before
 * every try. A room that sync never brought as joined is asked about, and any
 * room before the first sync: it may have closed while nobody looked. */
static void check_first(struct outbox_item *item)
{
    enum way way;
    struct err err;

    if (find_way(item, &way, &err) < 0)
        fail(item, &err);
    else if (way == NOT_AT_ALL)
        refuse_encrypted(item);
    else if (way == IN_CLEAR)
        send_first(item);
    else
        ask_server(item);
}

/* While a request lives it may try again by itself. */
static void check_again(struct outbox_item *item)
{
    enum way way;

    if (!item->lane->request || find_way(item, &way, NULL) < 0 ||
        way != NOT_AT_ALL)
        return;
    item->maybe = true;
    refuse_encrypted(item);
}

static int run_tried(struct store *store, void *arg, struct err *err)
{
    struct outbox_item *item = arg;

    return store_outbox_tried(store, item->id,
                              loop_wall(item->outbox->config.loop), err);
}

static void on_tried(void *arg, const struct err *err)
{
    struct outbox_item *item = arg;

    if (!outbox_written(item) || item->state != OUTBOX_WAITING)
        return;
    if (err) {
        fail(item, err);
        return;
    }
    item->first_try = loop_wall(item->outbox->config.loop);
    if (item->outbox->held)
        leave_place(item->lane);
    else
        check_first(item);
}

/* Tried so long ago that the server may have forgotten its transaction id:
 * a sync since then would have brought the event back, had it been taken. */
static bool must_be_matched(const struct outbox_item *item)
{
    const struct outbox *outbox = item->outbox;

    return item->first_try > 0 && item->sync_seen == outbox->syncs &&
           loop_wall(outbox->config.loop) - item->first_try >
               LIMIT_RESEND_AGE_MS;
}

static void go(struct outbox_lane *lane)
{
    struct outbox_item *item = first_of(lane);
    struct err err;

    if (!item) {
        outbox_lane_free(lane);
        return;
    }
    if (lane->busy || lane->timer || lane->outbox->held ||
        item->state == OUTBOX_STORING || must_be_matched(item))
        return;
    lane->busy = true;
    lane->outbox->wire++;
    if (item->first_try > 0)
        check_first(item);
    else if (outbox_write(item, run_tried, on_tried, &err) < 0)
        fail(item, &err);
}

static void check_all_again(struct outbox *outbox)
{
    for (int i = 0; i < OUTBOX_BUCKETS; i++) {
        list_each_safe(node, &outbox->lanes[i])
        {
            struct outbox_lane *lane =
                list_entry(node, struct outbox_lane, node);
            if (lane->busy)
                check_again(first_of(lane));
        }
    }
}

void outbox_lane_run(struct outbox *outbox)
{
    struct list *node;

    if (outbox->recheck)
        check_all_again(outbox);
    outbox->recheck = false;
    while (outbox->wire < LIMIT_OUTBOX_WIRE &&
           (node = list_first(&outbox->ready)) != NULL) {
        list_remove(node);
        go(list_entry(node, struct outbox_lane, ready));
    }
}
