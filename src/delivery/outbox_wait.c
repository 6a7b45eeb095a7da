#include "outbox_internal.h"

#include <stdlib.h>

/* Who waits for a send, and how they are told. */

struct outbox_wait {
    struct list node;  /* in its item; or late */
    struct tick *tick; /* for what was settled before it was asked */
    char *event_id;
    struct err *err;
    outbox_done_fn *done;
    void *arg;
};

static void outbox_wait_free(struct outbox_wait *wait)
{
    tick_cancel(wait->tick);
    list_remove(&wait->node);
    free(wait->event_id);
    free(wait->err);
    free(wait);
}

int outbox_wait_answer(struct outbox_item *item, const struct err *err)
{
    struct slice event_id = slice_str(err ? NULL : item->event_id);
    struct list waits;
    struct list *node;
    int count = 0;

    /* The item may be gone before the last of them was told. */
    list_init(&waits);
    while ((node = list_first(&item->waits)) != NULL) {
        list_remove(node);
        list_push(&waits, node);
    }
    char *copy = slice_dup(event_id);
    while ((node = list_first(&waits)) != NULL) {
        struct outbox_wait *wait = list_entry(node, struct outbox_wait, node);
        outbox_done_fn *done = wait->done;
        void *arg = wait->arg;
        outbox_wait_free(wait);
        done(arg, copy ? slice_str(copy) : event_id, err);
        count++;
    }
    free(copy);
    return count;
}

struct outbox_wait *outbox_wait_new(outbox_done_fn *done, void *arg,
                                    struct err *err)
{
    struct outbox_wait *wait = calloc(1, sizeof(*wait));

    if (!wait) {
        err_set(err, ERR_SYSTEM, "cannot send: out of memory");
        return NULL;
    }
    list_init(&wait->node);
    wait->done = done;
    wait->arg = arg;
    return wait;
}

static void on_settled_before(void *arg)
{
    struct outbox_wait *wait = arg;
    struct outbox_wait copy = *wait;

    wait->tick = NULL;
    wait->event_id = NULL;
    wait->err = NULL;
    outbox_wait_free(wait);
    copy.done(copy.arg, slice_str(copy.event_id), copy.err);
    free(copy.event_id);
    free(copy.err);
}

/* Takes why (or NULL: sent, as event_id). */
static struct outbox_wait *answer_later(struct outbox *outbox,
                                        struct slice event_id, struct err *why,
                                        outbox_done_fn *done, void *arg,
                                        struct err *err)
{
    struct outbox_wait *wait = outbox_wait_new(done, arg, err);

    if (!wait) {
        free(why);
        return NULL;
    }
    wait->err = why;
    wait->event_id = why ? NULL : slice_dup(event_id);
    wait->tick = tick_start(outbox->config.loop, on_settled_before, wait, err);
    if (!wait->tick || (!why && !wait->event_id)) {
        err_set(err, ERR_SYSTEM, "cannot send: out of memory");
        outbox_wait_free(wait);
        return NULL;
    }
    list_push(&outbox->late, &wait->node);
    return wait;
}

static struct err *keep_err(const struct err *err)
{
    struct err *copy = malloc(sizeof(*copy));

    if (copy && err)
        *copy = *err;
    else if (copy)
        err_set(copy, ERR_MATRIX, "the send was refused");
    return copy;
}

struct outbox_wait *outbox_wait_item(struct outbox_item *item,
                                     outbox_done_fn *done, void *arg,
                                     struct err *err)
{
    struct outbox_wait *wait;

    if (item->state != OUTBOX_SETTLED) {
        wait = outbox_wait_new(done, arg, err);
        if (wait)
            list_push(&item->waits, &wait->node);
        return wait;
    }
    struct err *why = item->refused ? keep_err(item->err) : NULL;
    return answer_later(item->outbox, slice_str(item->event_id), why, done, arg,
                        err);
}

void outbox_wait_free_all(struct list *waits)
{
    struct list *node;

    while ((node = list_first(waits)) != NULL)
        outbox_wait_free(list_entry(node, struct outbox_wait, node));
}

void outbox_wait_join(struct outbox_wait *wait, struct outbox_item *item)
{
    list_push(&item->waits, &wait->node);
}

void outbox_detach(struct outbox_wait *wait)
{
    if (wait)
        outbox_wait_free(wait);
}

/* A row that is settled on disk. */
struct outbox_wait *outbox_wait_row(struct outbox *outbox,
                                    const struct store_outbox_row *row,
                                    outbox_done_fn *done, void *arg,
                                    struct err *err)
{
    struct err why;

    if (row->state == STORE_SEND_SENT)
        return answer_later(outbox, row->event_id, NULL, done, arg, err);
    outbox_settle_read(row->error, &why);
    struct err *kept = keep_err(&why);
    if (!kept) {
        err_set(err, ERR_SYSTEM, "cannot send: out of memory");
        return NULL;
    }
    return answer_later(outbox, SLICE_NONE, kept, done, arg, err);
}
