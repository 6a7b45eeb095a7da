#include "outbox_internal.h"

#include <stdlib.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"

static int write_error(const struct err *err, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "kind", err_kind_name(err->kind));
    if (err->errcode[0])
        json_member_str(&w, "errcode", err->errcode);
    json_member_str(&w, "error", err->text);
    json_member_int(&w, "status", err->status);
    json_member_bool(&w, "unknown", err->unknown);
    json_object_end(&w);
    return json_finish(&w, "an error", NULL);
}

static void copy_text(struct slice value, char *out, size_t size)
{
    char *text = json_dup(value, size - 1);

    if (text)
        memcpy(out, text, strlen(text) + 1);
    free(text);
}

void outbox_settle_read(struct slice error, struct err *err)
{
    char kind[32] = "matrix";
    int64_t status = 0;

    copy_text(json_get(error, "kind"), kind, sizeof(kind));
    err_set(err, err_kind_parse(kind), "refused earlier");
    copy_text(json_get(error, "error"), err->text, sizeof(err->text));
    copy_text(json_get(error, "errcode"), err->errcode, sizeof(err->errcode));
    json_bool(json_get(error, "unknown"), &err->unknown);
    if (json_int(json_get(error, "status"), &status))
        err->status = (int)status;
}

static int run_settle(struct store *store, void *arg, struct err *err)
{
    const struct outbox_item *item = arg;
    int64_t now = loop_wall(item->outbox->config.loop);
    struct buf error;

    if (!item->refused)
        return store_outbox_sent(store, item->id, slice_str(item->event_id),
                                 now, err);
    buf_init(&error, KIB(8));
    /* Text that is no UTF-8 fails; the row then says refused, and no more. */
    if (!item->err || write_error(item->err, &error) < 0) {
        buf_clear(&error);
        buf_adds(&error, "{}");
    }
    int status =
        store_outbox_refused(store, item->id, buf_slice(&error), now, err);
    buf_free(&error);
    return status;
}

static void settle(struct outbox_item *item);

static void on_timer(void *arg)
{
    struct outbox *outbox = arg;
    struct list items;
    struct list *node;

    outbox->timer = NULL;
    list_init(&items);
    while ((node = list_first(&outbox->unsettled)) != NULL) {
        list_remove(node);
        list_push(&items, node);
    }
    while ((node = list_first(&items)) != NULL) {
        list_remove(node);
        settle(list_entry(node, struct outbox_item, node));
    }
}

/* Should it never get on disk, the next start sends it again, with the same
 * transaction id. */
static void settle_later(struct outbox_item *item)
{
    struct outbox *outbox = item->outbox;

    list_push(&outbox->unsettled, &item->node);
    if (outbox->timer)
        return;
    outbox->timer = timer_start(outbox->config.loop, outbox->wait_ms, on_timer,
                                outbox, NULL);
    outbox->wait_ms *= 2;
    if (outbox->wait_ms > LIMIT_RETRY_LAST_MS)
        outbox->wait_ms = LIMIT_RETRY_LAST_MS;
}

static void on_settled(void *arg, const struct err *err)
{
    struct outbox_item *item = arg;

    if (!outbox_written(item))
        return;
    if (err) {
        settle_later(item);
        return;
    }
    item->outbox->wait_ms = LIMIT_RETRY_FIRST_MS;
    outbox_item_free(item);
}

static void settle(struct outbox_item *item)
{
    if (outbox_write(item, run_settle, on_settled, NULL) < 0)
        settle_later(item);
}

/* Out of its lane, and the lane on its way, before anybody is told. */
static void finish(struct outbox_item *item)
{
    struct outbox_lane *lane = item->lane;

    outbox_lane_drop(item);
    item->state = OUTBOX_SETTLED;
    item->outbox->pending--;
    settle(item);
    outbox_lane_wake(lane);
}

void outbox_settle_sent(struct outbox_item *item)
{
    list_remove(&item->echo);
    finish(item);
    outbox_wait_answer(item, NULL);
}

void outbox_settle_refused(struct outbox_item *item, const struct err *err)
{
    struct outbox *outbox = item->outbox;
    struct store_outbox_row row;
    struct err copy = *err; /* it may live in what finish frees */

    if (!list_empty(&item->echo)) {
        outbox_settle_sent(item); /* /sync showed that it was taken */
        return;
    }
    free(item->event_id);
    item->event_id = NULL;
    item->refused = true;
    item->err = malloc(sizeof(*item->err));
    if (item->err)
        *item->err = copy;
    finish(item);
    if (outbox_wait_answer(item, &copy) > 0)
        return;
    if (store_outbox_get(outbox->config.store, item->id, &row, NULL) == 1)
        outbox->config.lost(outbox->config.arg, &row, &copy);
}
