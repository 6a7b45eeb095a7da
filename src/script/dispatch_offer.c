#include <stdio.h>
#include <stdlib.h>

#include "dispatch_row.h"
#include "failure.h"
#include "limits.h"
#include "log.h"
#include "waiter.h"

/* A row that is claimed, before its handlers: whoever waits for such an event
 * is asked first, the oldest first. The library looks at what slices cannot
 * tell, in a task of the waiter's generation; true: it took the event. */
struct offer {
    struct row *row;
    struct generation *generation;
    int64_t delivery; /* the row whose task waits */
    struct task *task;
};

static void next(struct row *row);

static struct waiter *find_waiter(const struct row *row)
{
    const struct waiters *waiters = row->dispatch->waiters;
    struct sync_occasion occasion = dispatch_row_occasion(row);
    return waiter_next(waiters, row->passed, &occasion, dispatch_row_user(row));
}

bool dispatch_row_awaited(struct row *row)
{
    int64_t last = row->dispatch->waiters->last;
    if (row->passed >= last || dispatch_row_parse(row) != 0) {
        return false;
    }
    if (find_waiter(row)) {
        return true;
    }
    row->passed = last;
    return false;
}

/* It comes to its end with the row of the task that took it: when that one is
 * queued again so is this, and the whole talk is had once more. That task is
 * about to wake: its row stands before what comes after this one. */
static void take(struct row *row, int64_t delivery)
{
    struct row *taker = dispatch_row_find(row->dispatch, delivery);
    if (taker) {
        dispatch_row_return(taker);
    }
    if (taker && row->id && dispatch_row_keep(taker, row->id) == 0) {
        dispatch_row_leave(row);
    } else {
        dispatch_row_end(row, STORE_DONE, NULL);
    }
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct offer offer = *(struct offer *)arg;
    bool taken = result->end == TASK_DONE && slice_is(result->value, "true");
    free(arg);
    offer.row->offer = NULL;
    if (result->end != TASK_DONE) {
        failure_note(offer.generation, task, result, NULL);
    }
    if (taken) {
        take(offer.row, offer.delivery);
    } else {
        next(offer.row);
    }
}

static struct task *start_task(struct offer *offer, const struct waiter *waiter,
                               struct err *err)
{
    static const struct task_owner owner = { .ended = on_ended };
    const struct registration *wanted = waiter->registration;
    char label[400];
    struct buf info;
    struct task *task = NULL;
    snprintf(label, sizeof label, "waiting for %s (%s)", wanted->name,
             generation_base(wanted->where));
    buf_init(&info, LIMIT_CALL_ARGS);
    if (dispatch_row_info(offer->row, &info, err) == 0) {
        struct task_options options = { .handler = wanted->id,
                                        .kind = "waiter",
                                        .event = offer->row->json,
                                        .info = buf_slice(&info),
                                        .label = label,
                                        .owner = &owner,
                                        .arg = offer };
        task = task_start(offer->generation->gen, &options, err);
    }
    buf_free(&info);
    return task;
}

static int offer_to(struct row *row, const struct waiter *waiter)
{
    struct err err;
    struct offer *offer = calloc(1, sizeof *offer);
    if (offer) {
        offer->row = row;
        offer->generation = waiter->generation;
        offer->delivery = waiter->delivery;
        offer->task = start_task(offer, waiter, &err);
    }
    if (!offer || !offer->task) {
        log_error("%s: cannot give an event to whoever waits for it: %s",
                  row->dispatch->script, offer ? err.text : "out of memory");
        free(offer);
        return -1;
    }
    row->offer = offer;
    return 0;
}

static void next(struct row *row)
{
    struct waiter *waiter;
    while ((waiter = find_waiter(row)) != NULL) {
        row->passed = waiter->serial;
        if (offer_to(row, waiter) == 0) {
            return;
        }
    }
    dispatch_row_refused(row);
}

void dispatch_row_offer(struct row *row)
{
    row->state = ROW_OFFERED;
    if (row->dispatch->waiters->count > 0 && dispatch_row_parse(row) == 0) {
        next(row);
    } else {
        dispatch_row_refused(row);
    }
}

static struct offer *find_offer(const struct dispatch *d,
                                const struct generation *generation)
{
    list_each(node, &d->rows)
    {
        const struct row *row = list_entry(node, struct row, node);
        if (row->offer && row->offer->generation == generation) {
            return row->offer;
        }
    }
    return NULL;
}

void dispatch_offers_close(struct dispatch *d, struct generation *generation)
{
    struct offer *offer;
    waiter_free_all(generation);
    while ((offer = find_offer(d, generation)) != NULL) {
        struct row *row = offer->row;
        row->offer = NULL;
        task_free(offer->task);
        free(offer);
        next(row);
    }
}
