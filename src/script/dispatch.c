#include "dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_row.h"
#include "limits.h"
#include "log.h"

static void pump(struct dispatch *d);

static struct log_fields about(const struct dispatch *d)
{
    return (struct log_fields) { .account = d->host->account,
                                 .script = d->script };
}

/* ---- which row is next ---- */

static int limit_of(const struct dispatch *d)
{
    int most = d->handlers;
    int wanted = d->generation ? d->generation->concurrency : 0;
    return wanted && wanted < most ? wanted : most;
}

/* What was started when the process ended runs alone, so that a poisonous
 * event spends no other event's attempts. */
static bool may_begin(const struct dispatch *d, const struct row *row)
{
    return !d->held && !d->stopping && d->generation && !d->suspect &&
           d->active - d->idle < limit_of(d) && (!row->suspect || d->busy == 0);
}

/* To those who wait for events: they take no place, and a reload that waits
 * for them is one reason more. */
static bool may_be_offered(const struct dispatch *d, struct row *row)
{
    return row->state == ROW_READY && !d->stopping && !d->suspect &&
           (!row->suspect || d->busy == 0) && dispatch_row_awaited(row);
}

static void on_turn(void *arg)
{
    struct row *row = arg;
    if (row->state == ROW_RUNS) {
        dispatch_row_go(row);
        return;
    }
    if (row->state == ROW_WAITS) {
        row->state = ROW_READY;
    }
    list_push(&row->dispatch->ready, &row->line);
    pump(row->dispatch);
}

static bool is_wanted_back(const struct dispatch *d, const struct row *row)
{
    list_each(node, &d->rows)
    {
        const struct row *other = list_entry(node, struct row, node);
        if (other->back && slice_eq(other->room_id, row->room_id)) {
            return true;
        }
    }
    return false;
}

/* A row that has its room's turn but may not begin stands aside for those
 * that began and are woken: they may be what it waits for. */
static void give_way(struct dispatch *d)
{
    if (d->backs == 0) {
        return;
    }
    list_each_safe(node, &d->ready)
    {
        struct row *row = list_entry(node, struct row, line);
        if (is_wanted_back(d, row)) {
            list_remove(&row->line);
            turn_park(row->turn);
            turn_return(row->turn);
        }
    }
}

static void warn_full(struct dispatch *d)
{
    struct log_fields fields = about(d);
    int64_t now = loop_now(d->host->loop);
    if (d->active - d->idle < limit_of(d) || !d->generation || d->held ||
        (d->warned && now - d->warned < 60000)) {
        return;
    }
    d->warned = now;
    log_write(LOG_LEVEL_WARN, &fields,
              "%d handlers run at once, further events wait (limits.handlers)",
              d->active - d->idle);
}

static void begin(struct row *row)
{
    struct dispatch *d = row->dispatch;
    row->generation = d->generation;
    row->state = ROW_RUNS;
    dispatch_row_begin(row);
}

/* ---- claims ---- */

static void on_retry(void *arg)
{
    struct dispatch *d = arg;
    d->retry = NULL;
    pump(d);
}

/* The disk does not take it: told once, tried again later and later. */
static void put_off(struct row *row, const struct err *err)
{
    struct dispatch *d = row->dispatch;
    struct log_fields fields = about(d);
    if (d->retry_ms == 0) {
        log_write(LOG_LEVEL_ERROR, &fields,
                  "events wait, since they cannot be claimed: %s", err->text);
        d->retry_ms = LIMIT_RETRY_FIRST_MS;
    }
    if (!d->retry) {
        d->retry = timer_start(d->host->loop, d->retry_ms, on_retry, d, NULL);
        d->retry_ms *= d->retry_ms < LIMIT_CLAIM_LAST_MS ? 2 : 1;
    }
    list_push_front(&d->ready, &row->line);
    give_way(d);
}

/* It is under way from now on. */
static void occupy(struct row *row)
{
    struct dispatch *d = row->dispatch;
    d->active++;
    d->busy++;
    d->emissions -= row->id == 0;
}

static void unclaim(struct row *row)
{
    struct dispatch *d = row->dispatch;
    d->active--;
    d->busy--;
    d->emissions += row->id == 0;
    d->suspect = d->suspect == row ? NULL : d->suspect;
}

static void take_up(struct row *row)
{
    row->attempt++;
    if (row->dispatch->stopping) {
        dispatch_row_end(row, STORE_QUEUED, NULL);
    } else {
        dispatch_row_offer(row);
    }
}

static void on_claimed(void *arg, const struct err *err)
{
    struct row *row = arg;
    struct dispatch *d = row->dispatch;
    row->claim = NULL;
    d->claims--;
    if (err) {
        row->state = ROW_READY;
        unclaim(row);
        put_off(row, err);
        return;
    }
    d->retry_ms = 0;
    take_up(row);
}

void dispatch_row_refused(struct row *row)
{
    struct dispatch *d = row->dispatch;
    if (d->stopping) {
        dispatch_row_end(row, STORE_QUEUED, NULL);
    } else if (d->held || !d->generation || d->active - d->idle > limit_of(d)) {
        row->state = ROW_CLAIMED;
        unclaim(row);
        list_push_front(&d->ready, &row->line);
        give_way(d);
    } else {
        begin(row);
    }
}

static void claim(struct row *row)
{
    struct dispatch *d = row->dispatch;
    struct err err;
    row->state = ROW_CLAIMS;
    row->claim = inbox_claim(d->inbox, row->id, on_claimed, row, &err);
    if (row->claim) {
        d->claims++;
        return;
    }
    row->state = ROW_READY;
    unclaim(row);
    put_off(row, &err);
}

static struct row *next_ready(struct dispatch *d)
{
    struct list *first = list_first(&d->ready);
    if (first && may_begin(d, list_entry(first, struct row, line))) {
        return list_entry(first, struct row, line);
    }
    list_each(node, &d->ready)
    {
        struct row *row = list_entry(node, struct row, line);
        if (may_be_offered(d, row)) {
            return row;
        }
    }
    if (first) {
        warn_full(d);
    }
    return NULL;
}

static void start_ready(struct dispatch *d)
{
    struct row *row;
    while (!d->retry && (row = next_ready(d)) != NULL) {
        bool claimed = row->state == ROW_CLAIMED;
        list_remove(&row->line);
        occupy(row);
        d->suspect = row->suspect ? row : NULL;
        if (claimed) {
            begin(row);
        } else if (row->id) {
            claim(row);
        } else {
            take_up(row);
        }
    }
}

/* ---- reading the inbox ---- */

static struct slice keep(char **at, struct slice text)
{
    char *start = *at;
    if (!text.ptr) {
        return SLICE_NONE;
    }
    memcpy(start, text.ptr, text.len);
    start[text.len] = '\0';
    *at += text.len + 1;
    return slice_make(start, text.len);
}

static struct row *make_row(struct dispatch *d,
                            const struct store_delivery_row *from)
{
    const struct store_event *event = &from->event;
    size_t size = event->room_id.len + event->event_id.len +
                  event->section.len + event->json.len + 4;
    struct row *row = calloc(1, sizeof *row + size);
    if (!row) {
        return NULL;
    }
    char *at = row->text;
    row->dispatch = d;
    row->id = from->id;
    row->event_row = event->id;
    row->attempt = from->attempt;
    row->redelivered = from->redelivered;
    row->suspect = from->redelivered && from->attempt > 0;
    row->history = event->history;
    row->room_id = keep(&at, event->room_id);
    row->event_id = keep(&at, event->event_id);
    row->section = keep(&at, event->section);
    row->json = keep(&at, event->json);
    row->size = sizeof *row + size;
    list_init(&row->line);
    list_init(&row->tasks);
    list_init(&row->woken);
    return row;
}

bool dispatch_row_add(struct dispatch *d, const struct store_delivery_row *from)
{
    struct row *row = make_row(d, from);
    struct slice room = from->event.room_id;
    if (row) {
        row->turn =
            turn_wait(d->turns, room.ptr ? room : slice_str(""), on_turn, row);
    }
    if (!row || !row->turn) {
        free(row);
        return false;
    }
    list_push(&d->rows, &row->node);
    d->count++;
    d->emissions += row->id == 0;
    *dispatch_row_bytes(row) += row->size;
    return true;
}

static void on_row(void *arg, const struct store_delivery_row *from)
{
    struct dispatch *d = arg;
    if (d->short_of_memory || !dispatch_row_add(d, from)) {
        d->short_of_memory = true; /* the rest later, in order */
        return;
    }
    d->batch = from->event.batch;
    d->idx = from->event.idx;
}

static int waiting(const struct dispatch *d)
{
    return d->count - d->active - d->emissions;
}

static void fill(struct dispatch *d)
{
    struct log_fields fields = about(d);
    struct err err;
    while (d->more && !d->stopping && waiting(d) < d->queue &&
           (d->bytes < LIMIT_QUEUE_BYTES || waiting(d) == 0) &&
           !store_ingest_open(d->host->store)) {
        int room = d->queue - waiting(d);
        int most = room < LIMIT_QUEUE_READ ? room : LIMIT_QUEUE_READ;
        d->short_of_memory = false;
        int n = inbox_read(d->inbox, d->script, d->batch, d->idx, most, on_row,
                           d, &err);
        if (n < 0) {
            log_write(LOG_LEVEL_ERROR, &fields, "events wait: %s", err.text);
            return; /* until the next commit */
        }
        d->more = n == most || d->short_of_memory;
        if (d->short_of_memory) {
            return;
        }
    }
}

/* Begins what may begin, and reads more when few are left. */
static void pump(struct dispatch *d)
{
    start_ready(d);
    give_way(d);
    if (waiting(d) <= d->queue / 2) {
        fill(d);
    }
}

void dispatch_pump(struct dispatch *d)
{
    pump(d);
}

void dispatch_look(struct dispatch *d)
{
    d->more = true;
    fill(d);
    pump(d);
}

/* ---- the end of a row ---- */

void dispatch_row_end(struct row *row, enum store_delivery state,
                      const char *error)
{
    struct dispatch *d = row->dispatch;
    bool again = state == STORE_QUEUED;
    if (row->id) {
        inbox_mark(d->inbox, row->id, state, error);
    }
    for (int i = 0; i < row->answer_count; i++) {
        inbox_mark(d->inbox, row->answers[i], again ? state : STORE_DONE, NULL);
    }
    d->ended += (state == STORE_DONE) + (again ? 0 : row->answer_count);
    d->failed += state == STORE_FAILED;
    dispatch_row_leave(row);
}

void dispatch_row_leave(struct row *row)
{
    struct dispatch *d = row->dispatch;
    assert(list_empty(&row->tasks) && !row->offer);
    d->active--;
    d->busy -= !row->parked;
    d->suspect = d->suspect == row ? NULL : d->suspect;
    dispatch_row_free(row);
    pump(d);
}

struct row *dispatch_row_find(const struct dispatch *d, int64_t id)
{
    list_each(node, &d->rows)
    {
        struct row *row = list_entry(node, struct row, node);
        if (id && row->id == id && row->state == ROW_RUNS) {
            return row;
        }
    }
    return NULL;
}

int dispatch_row_keep(struct row *row, int64_t answer)
{
    if (row->answer_count >= LIMIT_ANSWERS) {
        return -1;
    }
    if (row->answer_count == row->answer_room) {
        int wanted = row->answer_room ? 2 * row->answer_room : 4;
        int64_t *answers =
            realloc(row->answers, (size_t)wanted * sizeof *answers);
        if (!answers) {
            return -1;
        }
        row->answers = answers;
        row->answer_room = wanted;
    }
    row->answers[row->answer_count++] = answer;
    return 0;
}

void dispatch_row_free(struct row *row)
{
    struct dispatch *d = row->dispatch;
    turn_leave(row->turn);
    inbox_claim_forget(row->claim);
    d->claims -= row->claim != NULL;
    list_remove(&row->node);
    list_remove(&row->line);
    d->count--;
    *dispatch_row_bytes(row) -= row->size;
    d->backs -= row->back;
    d->idle -= row->idle;
    event_free(&row->event);
    free(row->wanted);
    free(row->answers);
    free(row);
}

/* ---- life ---- */

struct dispatch *dispatch_new(const struct dispatch_config *config,
                              struct err *err)
{
    struct dispatch *d = calloc(1, sizeof *d);
    if (d) {
        d->turns = turn_table_new(config->host->loop);
        d->script = slice_dup(slice_str(config->script));
    }
    if (!d || !d->turns || !d->script) {
        if (d) {
            turn_table_free(d->turns);
            free(d->script);
        }
        free(d);
        err_set(err, ERR_SYSTEM, "cannot deliver events: out of memory");
        return NULL;
    }
    d->host = config->host;
    d->inbox = config->inbox;
    d->waiters = config->waiters;
    d->batch = d->idx = INT64_MIN;
    list_init(&d->rows);
    list_init(&d->ready);
    dispatch_set_limits(d, 0, 0);
    return d;
}

void dispatch_free(struct dispatch *d)
{
    if (!d) {
        return;
    }
    timer_cancel(d->retry);
    d->stopping = true;
    list_each_safe(node, &d->rows)
    {
        struct row *row = list_entry(node, struct row, node);
        assert(list_empty(&row->tasks));
        dispatch_row_free(row);
    }
    turn_table_free(d->turns);
    free(d->script);
    free(d);
}

void dispatch_set_limits(struct dispatch *d, int queue, int handlers)
{
    d->queue = queue > 0 ? queue : LIMIT_QUEUE;
    d->handlers = handlers > 0 ? handlers : LIMIT_HANDLERS;
}

void dispatch_set_generation(struct dispatch *d, struct generation *generation)
{
    d->generation = generation;
    pump(d);
}

void dispatch_hold(struct dispatch *d, bool held)
{
    d->held = held;
    pump(d);
}

void dispatch_stop(struct dispatch *d)
{
    d->stopping = true;
    list_each_safe(node, &d->rows)
    {
        struct row *row = list_entry(node, struct row, node);
        if (row->state == ROW_CLAIMED) { /* also when it stands aside */
            occupy(row);
            dispatch_row_end(row, STORE_QUEUED, NULL);
        }
    }
}

void dispatch_cut(struct dispatch *d, const struct generation *generation)
{
    list_each(node, &d->rows)
    {
        struct row *row = list_entry(node, struct row, node);
        row->cut |= row->generation == generation;
    }
}

static struct row *find_bound(const struct dispatch *d,
                              const struct generation *generation)
{
    list_each(node, &d->rows)
    {
        struct row *row = list_entry(node, struct row, node);
        if (row->generation == generation) {
            return row;
        }
    }
    return NULL;
}

/* From the start each time: where one ends others begin, and may be gone. */
void dispatch_abandon(struct dispatch *d, struct generation *generation)
{
    struct row *row;
    dispatch_offers_close(d, generation);
    while ((row = find_bound(d, generation)) != NULL) {
        row->cut = true;
        dispatch_row_close(row);
    }
}

int dispatch_bound(const struct dispatch *d,
                   const struct generation *generation)
{
    int count = 0;
    list_each(node, &d->rows)
    {
        const struct row *row = list_entry(node, struct row, node);
        count += row->generation == generation;
    }
    return count;
}

bool dispatch_idle(const struct dispatch *d)
{
    return d->count == 0 && !d->more && inbox_pending(d->inbox) == 0;
}

bool dispatch_claims(const struct dispatch *d)
{
    return d->claims > 0;
}

void dispatch_report(const struct dispatch *d, struct json_writer *w)
{
    json_object_begin(w);
    json_member_int(w, "in_memory", d->count);
    json_member_bool(w, "more_on_disk", d->more);
    json_member_int(w, "under_way", d->active);
    json_member_int(w, "awaiting_event", d->idle);
    json_member_int(w, "done", d->ended);
    json_member_int(w, "failed", d->failed);
    json_member_bool(w, "held", d->held);
    json_object_end(w);
}
