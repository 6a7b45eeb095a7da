#include "outbox_internal.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"

struct outbox_put { /* slices into bytes */
    struct store_outbox_row row;
    bool tried;
    char bytes[];
};

/* ---- items ---- */

static struct list *bucket_of(struct outbox *outbox, struct slice txn_id)
{
    unsigned hash = 2166136261u;

    for (size_t i = 0; i < txn_id.len; i++)
        hash = (hash ^ (unsigned char)txn_id.ptr[i]) * 16777619u;
    return &outbox->items[hash % OUTBOX_BUCKETS];
}

static struct outbox_item *find_item(struct outbox *outbox, struct slice txn_id)
{
    list_each(node, bucket_of(outbox, txn_id))
    {
        struct outbox_item *item = list_entry(node, struct outbox_item, hash);
        if (slice_is(txn_id, item->txn_id))
            return item;
    }
    return NULL;
}

struct outbox_item *outbox_item_new(struct outbox *outbox, struct slice txn_id,
                                    struct slice room_id)
{
    struct outbox_item *item = calloc(1, sizeof(*item) + txn_id.len + 1);
    struct outbox_lane *lane = item ? outbox_lane_find(outbox, room_id) : NULL;

    if (!lane) {
        free(item);
        return NULL;
    }
    item->outbox = outbox;
    item->lane = lane;
    item->sync_seen = outbox->syncs;
    memcpy(item->txn_id, txn_id.ptr, txn_id.len);
    list_init(&item->waits);
    list_init(&item->echo);
    list_push(&lane->items, &item->node);
    list_push(bucket_of(outbox, txn_id), &item->hash);
    outbox->pending++;
    return item;
}

void outbox_item_free(struct outbox_item *item)
{
    outbox_wait_free_all(&item->waits);
    list_remove(&item->node);
    list_remove(&item->hash);
    list_remove(&item->echo);
    free(item->put);
    free(item->event_id);
    free(item->err);
    free(item);
}

int outbox_write(struct outbox_item *item, store_write_fn *run,
                 store_done_fn *done, struct err *err)
{
    if (store_write(item->outbox->config.store, run, done, item, err) < 0)
        return -1;
    item->writes++;
    item->outbox->writes++;
    return 0;
}

bool outbox_written(struct outbox_item *item)
{
    struct outbox *outbox = item->outbox;

    outbox->writes--;
    item->writes--;
    if (!outbox->gone)
        return true;
    if (item->writes == 0)
        outbox_item_free(item);
    if (outbox->writes == 0)
        free(outbox);
    return false;
}

/* ---- taking sends in ---- */

static struct slice keep_slice(char **at, struct slice from)
{
    struct slice kept = { *at, from.len };

    if (!from.ptr)
        return SLICE_NONE;
    memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return kept;
}

static struct outbox_put *keep_put(const struct outbox_send *send,
                                   struct slice type, struct slice content)
{
    struct slice script = slice_str(send->script ? send->script : "");
    size_t size = script.len + send->txn_id.len + send->room_id.len + type.len +
                  content.len + send->redacts.len;
    struct outbox_put *put = calloc(1, sizeof(*put) + size + 1);
    char *at = put ? put->bytes : NULL;

    if (!put)
        return NULL;
    put->row.script = keep_slice(&at, script);
    put->row.txn_id = keep_slice(&at, send->txn_id);
    put->row.room_id = keep_slice(&at, send->room_id);
    put->row.type = keep_slice(&at, type);
    put->row.content = keep_slice(&at, content);
    put->row.redacts = keep_slice(&at, send->redacts);
    put->row.cause = send->cause;
    return put;
}

/* A job that comes again asks the server again what it refused before; a
 * handler is told what it was told. */
static bool is_of_job(int64_t cause)
{
    return cause < 0;
}

/* What goes out at once is marked as tried in the same commit: a commit
 * less, and no try without a mark. */
static int run_put(struct store *store, void *arg, struct err *err)
{
    struct outbox_item *item = arg;
    const struct store_outbox_row *row = &item->put->row;

    if (is_of_job(row->cause) &&
        store_outbox_renew(store, row->txn_id, err) < 0)
        return -1;
    if (store_outbox_put(store, &item->put->row, &item->id, err) < 0)
        return -1;
    item->put->tried = outbox_lane_is_first(item);
    if (!item->put->tried)
        return 0;
    return store_outbox_tried(store, item->id,
                              loop_wall(item->outbox->config.loop), err);
}

static void put_failed(struct outbox_item *item, const struct err *err)
{
    struct outbox *outbox = item->outbox;
    struct outbox_lane *lane = item->lane;
    struct outbox_put *put = item->put;

    item->put = NULL;
    outbox_lane_drop(item);
    outbox->pending--;
    list_remove(&item->hash);
    outbox_lane_wake(lane);
    if (outbox_wait_answer(item, err) == 0)
        outbox->config.lost(outbox->config.arg, &put->row, err);
    outbox_item_free(item);
    free(put);
}

static void on_put(void *arg, const struct err *err)
{
    struct outbox_item *item = arg;

    if (!outbox_written(item))
        return;
    if (err) {
        put_failed(item, err);
        return;
    }
    if (item->put->tried)
        item->first_try = loop_wall(item->outbox->config.loop);
    free(item->put);
    item->put = NULL;
    item->state = OUTBOX_WAITING;
    outbox_lane_wake(item->lane);
}

static struct outbox_wait *put_new(struct outbox *outbox,
                                   const struct outbox_send *send,
                                   struct slice type, struct slice content,
                                   outbox_done_fn *done, void *arg,
                                   struct err *err)
{
    if (outbox->pending >= LIMIT_OUTBOX) {
        err_set(err, ERR_LIMIT, "cannot send to %.*s: %d sends wait already",
                SLICE_ARG(send->room_id), outbox->pending);
        return NULL;
    }
    struct outbox_wait *wait = outbox_wait_new(done, arg, err);
    struct outbox_item *item =
        wait ? outbox_item_new(outbox, send->txn_id, send->room_id) : NULL;
    if (!item) {
        err_set(err, ERR_SYSTEM, "cannot send: out of memory");
        free(wait);
        return NULL;
    }
    outbox_wait_join(wait, item);
    item->put = keep_put(send, type, content);
    if (!item->put)
        err_set(err, ERR_SYSTEM, "cannot send: out of memory");
    else if (outbox_write(item, run_put, on_put, err) == 0)
        return wait;
    struct outbox_lane *lane = item->lane;
    outbox_lane_drop(item);
    outbox_lane_wake(lane);
    outbox->pending--;
    outbox_item_free(item);
    return NULL;
}

/* An id answers for what it was used for: never for another room. */
static int check_room(const struct outbox_send *send, struct slice room_id,
                      struct err *err)
{
    if (slice_eq(send->room_id, room_id))
        return 0;
    return err_set(err, ERR_MISUSE,
                   "cannot send to %.*s: a send to %.*s has the transaction id "
                   "%.*s",
                   SLICE_ARG(send->room_id), SLICE_ARG(room_id),
                   SLICE_ARG(send->txn_id));
}

/* 1 when the room is encrypted and type and content are what may go out. */
static int encrypt(struct outbox *outbox, const struct outbox_send *send,
                   struct buf *type, struct buf *content, struct err *err)
{
    struct store_room room;
    int found = store_room_get(outbox->config.store, send->room_id, &room, err);

    if (found <= 0 || !room.encrypted)
        return found < 0 ? -1 : 0;
    if (crypto_encrypt(outbox->config.crypto, send->room_id, send->type,
                       send->content, type, content, err) < 0)
        return -1;
    return 1;
}

struct outbox_wait *outbox_put(struct outbox *outbox,
                               const struct outbox_send *send,
                               outbox_done_fn *done, void *arg, struct err *err)
{
    struct outbox_item *item = find_item(outbox, send->txn_id);
    struct store_outbox_row row;
    struct buf type, content;
    struct outbox_wait *wait = NULL;

    if (item && item->lane &&
        check_room(send, slice_str(item->lane->room_id), err) < 0)
        return NULL;
    if (item && item->lane)
        return outbox_wait_item(item, done, arg, err);
    int found =
        store_outbox_find(outbox->config.store, send->txn_id, &row, err);
    if (found < 0 || (found == 1 && check_room(send, row.room_id, err) < 0))
        return NULL;
    if (item)
        return outbox_wait_item(item, done, arg, err);
    if (found == 1 && row.state == STORE_SEND_REFUSED && is_of_job(send->cause))
        found = 0;
    if (found == 1 && row.state != STORE_SEND_WAITING)
        return outbox_wait_row(outbox, &row, done, arg, err);
    buf_init(&type, LIMIT_IDENTIFIER);
    buf_init(&content, LIMIT_EVENT_SEND);
    int encrypted = encrypt(outbox, send, &type, &content, err);
    if (encrypted >= 0)
        wait = put_new(outbox, send, encrypted ? buf_slice(&type) : send->type,
                       encrypted ? buf_slice(&content) : send->content, done,
                       arg, err);
    buf_free(&type);
    buf_free(&content);
    return wait;
}

/* ---- the outbox as a whole ---- */

static void on_tick(void *arg)
{
    struct outbox *outbox = arg;
    struct list *node;

    outbox->tick = NULL;
    while ((node = list_first(&outbox->echoed)) != NULL)
        outbox_settle_sent(list_entry(node, struct outbox_item, echo));
    outbox_lane_run(outbox);
}

/* Should there be no memory for a tick, the next call tries again. */
void outbox_wake(struct outbox *outbox)
{
    if (!outbox->tick && !outbox->gone)
        outbox->tick = tick_start(outbox->config.loop, on_tick, outbox, NULL);
}

static void wake_all(struct outbox *outbox)
{
    for (int i = 0; i < OUTBOX_BUCKETS; i++)
        list_each(node, &outbox->lanes[i])
            outbox_lane_wake(list_entry(node, struct outbox_lane, node));
}

struct outbox *outbox_new(const struct outbox_config *config, struct err *err)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));

    if (!outbox) {
        err_set(err, ERR_SYSTEM, "cannot open the outbox: out of memory");
        return NULL;
    }
    outbox->config = *config;
    outbox->wait_ms = LIMIT_RETRY_FIRST_MS;
    list_init(&outbox->ready);
    list_init(&outbox->echoed);
    list_init(&outbox->late);
    list_init(&outbox->unsettled);
    for (int i = 0; i < OUTBOX_BUCKETS; i++) {
        list_init(&outbox->items[i]);
        list_init(&outbox->lanes[i]);
    }
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox)
        return;
    outbox->gone = true;
    tick_cancel(outbox->tick);
    timer_cancel(outbox->timer);
    outbox_wait_free_all(&outbox->late);
    for (int i = 0; i < OUTBOX_BUCKETS; i++) {
        list_each_safe(node, &outbox->items[i])
        {
            struct outbox_item *item =
                list_entry(node, struct outbox_item, hash);
            list_remove(&item->node);
            if (item->writes == 0)
                outbox_item_free(item);
        }
    }
    for (int i = 0; i < OUTBOX_BUCKETS; i++)
        list_each_safe(lane, &outbox->lanes[i])
            outbox_lane_free(list_entry(lane, struct outbox_lane, node));
    if (outbox->writes == 0)
        free(outbox);
    else if (!store_ingest_open(outbox->config.store))
        store_flush(outbox->config.store);
}

static int run_prune(struct store *store, void *arg, struct err *err)
{
    const struct outbox *outbox = arg;

    return store_outbox_prune(store, loop_wall(outbox->config.loop),
                              LIMIT_KEEP_DONE_MS, true, err);
}

struct start {
    struct outbox *outbox;
    bool failed;
};

static void add_waiting(void *arg, const struct store_outbox_row *row)
{
    struct start *start = arg;

    if (find_item(start->outbox, row->txn_id))
        return;
    struct outbox_item *item =
        outbox_item_new(start->outbox, row->txn_id, row->room_id);
    if (!item) {
        start->failed = true;
        return;
    }
    item->id = row->id;
    item->first_try = row->first_try;
    item->maybe = row->first_try > 0;
    item->state = OUTBOX_WAITING;
}

int outbox_start(struct outbox *outbox, struct err *err)
{
    struct start start = { outbox, false };
    struct store *store = outbox->config.store;

    /* What is not pruned now is pruned at another start. */
    if (store_write(store, run_prune, NULL, outbox, err) < 0)
        return -1;
    store_flush(store);
    if (store_outbox_waiting(store, add_waiting, &start, err) < 0)
        return -1;
    if (start.failed)
        return err_set(err, ERR_SYSTEM,
                       "cannot read the waiting sends: out of memory");
    wake_all(outbox);
    return 0;
}

void outbox_synced(struct outbox *outbox)
{
    outbox->syncs++;
    outbox->recheck = true;
    wake_all(outbox);
}

bool outbox_is_synced(const struct outbox *outbox)
{
    return outbox->syncs > 0;
}

int outbox_echo(struct outbox *outbox, struct slice txn_id,
                struct slice event_id, struct err *err)
{
    struct store *store = outbox->config.store;
    struct store_outbox_row row;
    int found = store_outbox_find(store, txn_id, &row, err);

    if (found <= 0 || row.state == STORE_SEND_SENT)
        return found;
    if (store_outbox_sent(store, row.id, event_id,
                          loop_wall(outbox->config.loop), err) < 0)
        return -1;
    struct outbox_item *item = find_item(outbox, txn_id);
    if (!item || item->state != OUTBOX_WAITING || !list_empty(&item->echo))
        return 0;
    free(item->event_id);
    item->event_id = slice_dup(event_id);
    if (!item->event_id)
        return err_set(err, ERR_SYSTEM, "cannot match an echo: out of memory");
    list_push(&outbox->echoed, &item->echo);
    outbox_wake(outbox);
    return 0;
}

int outbox_pending(const struct outbox *outbox)
{
    return outbox->pending;
}

void outbox_hold(struct outbox *outbox, bool hold)
{
    bool held = outbox->held;

    outbox->held = hold;
    if (held && !hold)
        wake_all(outbox);
}
