#include "dispatch_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "json_write.h"
#include "eval.h"
#include "limits.h"
#include "log.h"
#include "session.h"

/* One handler of a row, and its task. */
struct handler {
    struct list node;  /* row->tasks */
    struct list woken; /* row->woken */
    struct row *row;
    struct task *task;
    bool idle; /* waits for an event */
};

static void advance(struct row *row);

int dispatch_row_parse(struct row *row)
{
    return row->event.raw.ptr ? 0 : event_parse(row->json, &row->event);
}

const char *dispatch_row_user(const struct row *row)
{
    const struct session *session = row->dispatch->host->session;
    return session ? session_user_id(session) : "";
}

static bool is_own(const struct row *row)
{
    const char *user = dispatch_row_user(row);
    return *user && slice_is(row->event.sender, user);
}

struct sync_occasion dispatch_row_occasion(const struct row *row)
{
    return (struct sync_occasion) {
        .section = row->section.ptr ? row->section.ptr : "",
        .room_id = row->room_id,
        .event = &row->event,
        .own = is_own(row),
        .history = row->history,
    };
}

/* ---- tasks ---- */

static void drop_handler(struct handler *handler)
{
    struct row *row = handler->row;
    if (row->holder == handler) {
        row->holder = NULL;
    }
    list_remove(&handler->node);
    list_remove(&handler->woken);
    free(handler);
}

static void on_waits(void *arg, struct task *task, bool parks)
{
    struct handler *handler = arg;
    struct row *row = handler->row;
    handler->idle = task_is_idle(task);
    if (parks && row->holder == handler) {
        row->holder = NULL;
        advance(row);
    }
}

static void on_ready(void *arg, struct task *task)
{
    struct handler *handler = arg;
    struct row *row = handler->row;
    (void)task;
    row->dispatch->idle -= row->idle;
    row->idle = handler->idle = false;
    list_push(&row->woken, &handler->woken);
    advance(row);
}

/* The first one is kept with the row. */
static void note_failure(struct row *row, const struct task_result *result)
{
    const char *text = result->err->text;
    size_t size = sizeof row->error;
    if (!row->failed && result->file) {
        snprintf(row->error, size, "%.100s:%d: %.80s", result->file,
                 result->line, text);
    } else if (!row->failed) {
        snprintf(row->error, size, "%.199s", text);
    }
    row->failed = true;
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct handler *handler = arg;
    struct row *row = handler->row;
    char room[256], id[256], sender[256];
    snprintf(room, sizeof room, "%.*s", SLICE_ARG(row->room_id));
    snprintf(id, sizeof id, "%.*s", SLICE_ARG(row->event_id));
    snprintf(sender, sizeof sender, "%.*s", SLICE_ARG(row->event.sender));
    struct log_fields about = { .room_id = *room ? room : NULL,
                                .event_id = *id ? id : NULL,
                                .sender = *sender ? sender : NULL };
    if (result->end == TASK_CANCELLED) {
        row->cancelled = true;
    } else if (result->end != TASK_DONE) {
        note_failure(row, result);
    }
    drop_handler(handler);
    failure_note(row->generation, task, result, &about);
    advance(row);
}

static const struct task_owner owner = { on_waits, on_ready, on_ended };

/* ---- starting a handler ---- */

int dispatch_row_info(const struct row *row, struct buf *out, struct err *err)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "account", row->dispatch->host->account);
    json_member_string(&w, "section", row->section);
    if (row->room_id.len) {
        json_member_string(&w, "room_id", row->room_id);
    }
    json_member_int(&w, "attempt", row->attempt);
    json_member_bool(&w, "redelivered", row->redelivered);
    json_member_bool(&w, "history", row->history);
    json_member_bool(&w, "own", is_own(row));
    json_object_end(&w);
    return json_finish(&w, "an event's facts", err);
}

static struct task *start_task(struct handler *handler,
                               const struct registration *registration,
                               struct err *err)
{
    struct row *row = handler->row;
    char label[400], path[16], id[64];
    struct buf info;
    buf_init(&info, LIMIT_CALL_ARGS);
    generation_label(row->generation, registration, label, sizeof label);
    snprintf(path, sizeof path, "%d", registration->id);
    snprintf(id, sizeof id, "%.*s:%lld", SLICE_ARG(row->section),
             (long long)row->event_row);
    struct slice event = row->event_id.ptr ? row->event_id : slice_str(id);
    bool command = registration->kind == REGISTRATION_COMMAND;
    struct task_options options = {
        .handler = registration->id,
        .kind = command ? "command" : "event",
        .event = row->json,
        .label = label,
        .cause = { .event = row->id ? event : SLICE_NONE, /* as timers have */
                   .path = slice_str(path),
                   .delivery = row->id },
        .owner = &owner,
        .arg = handler,
    };
    struct task *task = NULL;
    if (dispatch_row_info(row, &info, err) == 0) {
        options.info = buf_slice(&info);
        task = task_start(row->generation->gen, &options, err);
    }
    buf_free(&info);
    return task;
}

static void fail_to_start(struct row *row, const struct err *err)
{
    struct log_fields fields = { .account = row->dispatch->host->account,
                                 .script = row->dispatch->script,
                                 .gen = row->generation->number,
                                 .kind = err_kind_name(err->kind) };
    log_write(LOG_LEVEL_ERROR, &fields, "cannot start a handler: %s",
              err->text);
    snprintf(row->error, sizeof row->error, "%.199s", err->text);
    row->failed = true;
}

static void start_next(struct row *row)
{
    const struct registration *registration =
        generation_find(row->generation, row->wanted[row->next++]);
    struct err err;
    if (!registration) { /* cancelled meanwhile */
        return;
    }
    struct handler *handler = calloc(1, sizeof *handler);
    if (!handler) {
        err_set(&err, ERR_SYSTEM, "out of memory");
        fail_to_start(row, &err);
        return;
    }
    handler->row = row;
    list_init(&handler->woken);
    list_push(&row->tasks, &handler->node);
    handler->task = start_task(handler, registration, &err);
    if (!handler->task) {
        drop_handler(handler);
        fail_to_start(row, &err);
        return;
    }
    row->holder = handler;
}

/* ---- turns within the row ---- */

static void end(struct row *row)
{
    bool unfinished = row->cancelled || row->next < row->count;
    const char *error = *row->error ? row->error : NULL;
    if (unfinished && row->dispatch->stopping) {
        dispatch_row_end(row, STORE_QUEUED, NULL);
    } else if (row->failed) {
        dispatch_row_end(row, STORE_FAILED, error);
    } else if (unfinished) {
        dispatch_row_end(row, STORE_CANCELLED, "the script was replaced");
    } else {
        dispatch_row_end(row, STORE_DONE, NULL);
    }
}

static bool has_next(const struct row *row)
{
    return row->next < row->count && !row->cut && !row->dispatch->stopping;
}

static bool is_idle(const struct row *row)
{
    list_each(node, &row->tasks)
    {
        if (!list_entry(node, struct handler, node)->idle) {
            return false;
        }
    }
    return true;
}

static void park(struct row *row)
{
    struct dispatch *d = row->dispatch;
    row->parked = true;
    row->idle = is_idle(row);
    d->idle += row->idle;
    d->busy--;
    d->suspect = d->suspect == row ? NULL : d->suspect;
    turn_park(row->turn);
    dispatch_pump(d);
}

void dispatch_row_return(struct row *row)
{
    if (row->parked && !row->back) {
        row->back = true;
        row->dispatch->backs++;
        turn_return(row->turn);
        dispatch_pump(row->dispatch);
    }
}

/* Whatever there is to do, with the row's turn, or towards getting it. */
static void advance(struct row *row)
{
    while (!row->holder) {
        struct list *woken = list_first(&row->woken);
        bool work = woken || has_next(row);
        if (list_empty(&row->tasks) && !work) {
            end(row);
            return;
        }
        if (row->parked) {
            if (work) {
                dispatch_row_return(row);
            }
            return;
        }
        if (!work) {
            park(row);
            return;
        }
        if (!woken) {
            start_next(row);
            continue;
        }
        struct handler *handler = list_entry(woken, struct handler, woken);
        list_remove(&handler->woken);
        row->holder = handler;
        task_resume(handler->task); /* the row may be gone after this */
        return;
    }
}

void dispatch_row_go(struct row *row)
{
    struct dispatch *d = row->dispatch;
    d->idle -= row->idle;
    d->backs--;
    d->busy++;
    row->parked = row->back = row->idle = false;
    advance(row);
}

/* ---- beginning and closing ---- */

static int choose(struct row *row)
{
    struct generation *generation = row->generation;
    struct sync_occasion occasion = dispatch_row_occasion(row);
    if (generation->registration_count == 0) {
        return 0;
    }
    row->wanted =
        calloc((size_t)generation->registration_count, sizeof *row->wanted);
    if (!row->wanted) {
        return -1;
    }
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        if (registration_matches(r, &occasion, dispatch_row_user(row))) {
            row->wanted[row->count++] = r->id;
        }
    }
    return 0;
}

void dispatch_row_begin(struct row *row)
{
    struct err err;
    err_set(&err, ERR_SYSTEM, "out of memory");
    if (dispatch_row_parse(row) != 0 || choose(row) != 0) {
        fail_to_start(row, &err);
    }
    eval_event(row->generation, row->room_id, row->json);
    advance(row);
}

void dispatch_row_close(struct row *row)
{
    list_each_safe(node, &row->tasks)
    {
        struct handler *handler = list_entry(node, struct handler, node);
        row->cancelled = true;
        task_free(handler->task);
        drop_handler(handler);
    }
    end(row);
}
