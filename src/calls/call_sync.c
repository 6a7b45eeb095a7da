#include "call_sync.h"

#include <stdlib.h>
#include <string.h>

#include "call_args.h"
#include "call_client.h"
#include "call_topics.h"
#include "digest.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "op.h"
#include "sync_fetch.h"

/* client.sync: one response at a time, cut into events that the script walks.
 * Failures that may pass are backed off in here. */

#define SECTIONS 32 /* bits of sync_cursor */

struct client_sync {
    struct client_hold hold; /* first: found from the hold */
    struct client *client;
    /* The response the script reads, until the next client.sync. */
    struct sync_stage *stage;
    int batch;
    struct sync_cursor cursors[SECTIONS];
    unsigned open; /* cursors that were begun, a bit each */
    /* The call under way. */
    struct op *op;
    struct sync_fetch *fetch;
    struct timer *timer;
    char *since, *filter, *presence, *types; /* types: a JSON array */
    int64_t timeout_ms;
    bool full_state, keep, once;
    int failures; /* in a row */
};

/* ---- life ---- */

static void drop_stage(struct client_sync *sync)
{
    for (int i = 0; i < SECTIONS; i++) {
        if (sync->open & (1u << i)) {
            sync_cursor_free(&sync->cursors[i]);
        }
    }
    sync->open = 0;
    sync_stage_free(sync->stage);
    sync->stage = NULL;
}

/* Ends the call under way, in silence. */
static void drop_call(struct client_sync *sync)
{
    if (sync->op) {
        sync->op->state = NULL;
        sync->op = NULL;
        client_hold_cancel(&sync->hold);
    }
    sync_fetch_cancel(sync->fetch);
    sync->fetch = NULL;
    timer_cancel(sync->timer);
    sync->timer = NULL;
    free(sync->since);
    free(sync->filter);
    free(sync->presence);
    free(sync->types);
    sync->since = sync->filter = sync->presence = sync->types = NULL;
}

void client_sync_free(struct client_sync *sync)
{
    if (sync) {
        drop_call(sync);
        drop_stage(sync);
        free(sync);
    }
}

static struct client_sync *sync_of(struct client *client, struct err *err)
{
    if (!client->sync) {
        client->sync = calloc(1, sizeof(*client->sync));
        if (!client->sync) {
            err_set(err, ERR_SYSTEM, "client.sync: out of memory");
            return NULL;
        }
        client->sync->client = client;
        list_init(&client->sync->hold.node);
    }
    return client->sync;
}

/* ---- trying again ---- */

static int attempt(struct client_sync *sync, struct err *err);

static void fail(struct client_sync *sync, const struct err *err)
{
    struct op *op = sync->op;
    drop_call(sync);
    op_fail(op, err, SLICE_NONE);
}

/* May this pass by itself? */
static bool may_pass(const struct err *err)
{
    return err->kind == ERR_NETWORK || err->kind == ERR_TIMEOUT ||
           err->kind == ERR_JSON || err->status == 429 || err->status >= 500 ||
           strcmp(err->errcode, "M_USER_LOCKED") == 0;
}

/* Doubles from the first wait to the last; half of it is random. */
static int64_t back_off(int failures, const struct err *err)
{
    int64_t wait = LIMIT_RETRY_FIRST_MS;
    uint32_t random;
    for (int i = 1; i < failures && wait < LIMIT_RETRY_LAST_MS; i++) {
        wait *= 2;
    }
    if (wait > LIMIT_RETRY_LAST_MS ||
        strcmp(err->errcode, "M_USER_LOCKED") == 0) {
        wait = LIMIT_RETRY_LAST_MS;
    }
    digest_random(&random, sizeof(random));
    wait = wait / 2 + (int64_t)(random % (uint32_t)(wait / 2 + 1));
    if (err->retry_after_ms > wait) {
        wait = err->retry_after_ms;
    }
    return wait < LIMIT_RETRY_AFTER_MS ? wait : LIMIT_RETRY_AFTER_MS;
}

static void tell_outage(const struct client_sync *sync, const struct err *why)
{
    const struct caller *caller = sync->op->caller;
    struct log_fields fields = { .account = caller->host->account,
                                 .script = caller->script,
                                 .gen = caller->generation,
                                 .kind = err_kind_name(why->kind),
                                 .error = why->text };
    if (sync->failures == 1) {
        log_write(LOG_LEVEL_WARN, &fields,
                  "client.sync failed and will be tried again: %s", why->text);
    } else if (sync->failures == 0) {
        log_write(LOG_LEVEL_INFO, &fields, "client.sync works again");
    }
}

static void try_again(void *arg)
{
    struct client_sync *sync = arg;
    struct err err;
    sync->timer = NULL;
    if (attempt(sync, &err)) {
        fail(sync, &err);
    }
}

static void failed(struct client_sync *sync, const struct err *why)
{
    struct loop *loop = sync->op->caller->host->loop;
    struct err err;
    if (sync->once || !may_pass(why)) {
        fail(sync, why);
        return;
    }
    sync->failures++;
    tell_outage(sync, why);
    sync->timer =
        timer_start(loop, back_off(sync->failures, why), try_again, sync, &err);
    if (!sync->timer) {
        fail(sync, &err);
    }
}

/* ---- one response ---- */

static void fetched(void *arg, struct sync_stage *stage, const struct err *why)
{
    struct client_sync *sync = arg;
    struct op *op = sync->op;
    struct err err;
    sync->fetch = NULL;
    if (!stage) {
        failed(sync, why);
        return;
    }
    if (sync->failures > 0) {
        sync->failures = 0;
        tell_outage(sync, &(struct err) { 0 });
    }
    sync->stage = stage;
    sync->batch++;
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_member_str(&w, "next_batch", sync_stage_next_batch(stage));
    json_member_bool(&w, "initial", sync->since == NULL);
    json_member_int(&w, "batch", sync->batch);
    json_object_end(&w);
    int written = json_finish(&w, op->call->name, &err);
    drop_call(sync);
    if (written) {
        op_fail(op, &err, SLICE_NONE);
    } else {
        op_done(op);
    }
}

static bool is_wanted(void *arg, enum sync_section section,
                      enum sync_membership membership, struct slice room_id,
                      struct slice type, struct slice json)
{
    const struct client_sync *sync = arg;
    struct json_iter it = json_iter(slice_str(sync->types));
    (void)section;
    (void)membership;
    (void)room_id;
    (void)json;
    while (json_next(&it)) {
        if (json_equals(it.value, type)) {
            return true;
        }
    }
    return false;
}

static int fetch(struct client_sync *sync, struct err *err)
{
    struct sync_fetch_options options = {
        .since = slice_str(sync->since),
        .filter = slice_str(sync->filter),
        .timeout_ms = sync->timeout_ms,
        .full_state = sync->full_state,
        .set_presence = slice_str(sync->presence),
        .keep_body = sync->keep,
    };
    if (sync->types) {
        options.wanted.arg = sync;
        options.wanted.event = is_wanted;
    }
    sync->fetch = sync_fetch_start(sync->op->caller->host->loop,
                                   session_homeserver(sync->client->session),
                                   &options, fetched, sync, err);
    return sync->fetch ? 0 : -1;
}

static void server_found(struct client_hold *hold, const struct err *why)
{
    struct client_sync *sync = (struct client_sync *)hold;
    struct err err;
    if (why) {
        failed(sync, why);
    } else if (fetch(sync, &err)) {
        fail(sync, &err);
    }
}

static int attempt(struct client_sync *sync, struct err *err)
{
    sync->hold.op = sync->op;
    sync->hold.go = server_found;
    int ready =
        client_hold(sync->client, &sync->hold, LIMIT_HTTP_TOTAL_MS, err);
    return ready > 0 ? fetch(sync, err) : ready;
}

/* ---- client.sync ---- */

static int keep(char **out, struct slice text, struct err *err)
{
    if (text.ptr && !(*out = slice_dup(text))) {
        return err_set(err, ERR_SYSTEM, "client.sync: out of memory");
    }
    return 0;
}

/* An id, or a filter itself as JSON text. */
static struct slice read_filter(struct call_args *args)
{
    struct slice filter = json_get(args->object, "filter");
    enum json_type type = json_type(filter);
    if (type == JSON_STRING) {
        return call_args_id(args, "filter");
    }
    if (type == JSON_OBJECT) {
        return filter;
    }
    if (type != JSON_NONE && type != JSON_NULL) {
        call_args_fault(args, "filter must be an object or the id of one");
    }
    return SLICE_NONE;
}

static int sync_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct slice since = call_args_string_opt(&args, "since");
    struct slice filter = read_filter(&args);
    struct slice presence = call_args_id_opt(&args, "set_presence");
    struct slice types = call_args_strings_opt(&args, "types");
    int64_t timeout =
        call_args_seconds_or(&args, "sync_timeout", LIMIT_SYNC_TIMEOUT_MS);
    bool full_state = call_args_bool(&args, "full_state", false);
    bool once = call_args_bool(&args, "once", false);
    bool keep_body = call_args_bool(&args, "keep", false);
    (void)bytes;
    if (client && client->sync && client->sync->op) {
        call_args_fault(&args, "another sync of this client is under way");
    }
    struct client_sync *sync =
        call_args_check(&args) ? NULL : sync_of(client, err);
    if (!sync) {
        return -1;
    }
    drop_stage(sync);
    sync->op = op;
    sync->timeout_ms = timeout;
    sync->full_state = full_state;
    sync->once = once;
    sync->keep = keep_body;
    sync->failures = 0;
    if (keep(&sync->since, since, err) || keep(&sync->filter, filter, err) ||
        keep(&sync->presence, presence, err) ||
        keep(&sync->types, types, err) || attempt(sync, err)) {
        drop_call(sync);
        return -1;
    }
    op->state = sync;
    return 0;
}

static void sync_orphan(struct op *op)
{
    if (op->state) {
        drop_call(op->state);
    }
}

/* ---- batch.next, batch.json ---- */

/* The sync whose response has that number. */
static struct client_sync *batch_arg(struct call_args *args)
{
    struct client *client = client_arg(args);
    int64_t batch = call_args_int(args, "batch", 0, 0, INT32_MAX);
    struct client_sync *sync = client ? client->sync : NULL;
    if (!sync || !sync->stage || sync->batch != batch) {
        call_args_fault(args, "this batch is gone: it is valid until the next "
                              "sync of its client");
        return NULL;
    }
    return sync;
}

static enum sync_section section_arg(struct call_args *args)
{
    struct slice name = call_args_string_opt(args, "section");
    enum sync_section section = SYNC_TIMELINE;
    if (name.ptr && sync_stage_section_parse(name, &section)) {
        call_args_fault(args, "no section is named '%.*s'", SLICE_ARG(name));
    }
    return section;
}

static struct sync_cursor *cursor_of(struct client_sync *sync,
                                     enum sync_section section, bool restart)
{
    struct sync_cursor *cursor = &sync->cursors[section];
    unsigned bit = 1u << section;
    if (restart && (sync->open & bit)) {
        sync_cursor_free(cursor);
        sync->open &= ~bit;
    }
    if (!(sync->open & bit)) {
        /* A server sends one of the two, and both mean state. */
        unsigned both =
            section == SYNC_STATE ? bit | 1u << SYNC_STATE_AFTER : bit;
        sync_cursor_init(cursor, sync->stage, both);
        sync->open |= bit;
    }
    return cursor;
}

static int next_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client_sync *sync = batch_arg(&args);
    enum sync_section section = section_arg(&args);
    int64_t max = call_args_int(&args, "max", 50, 1, LIMIT_CALL_ROWS);
    bool restart = call_args_bool(&args, "restart", false);
    struct sync_record record;
    struct json_writer w;
    int more = 1;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    struct sync_cursor *cursor = cursor_of(sync, section, restart);
    json_writer_init(&w, &op->result);
    json_array_begin(&w);
    while (max-- > 0 && op->result.len < LIMIT_JSON_BODY &&
           (more = sync_cursor_next(cursor, &record, err)) == 1) {
        json_object_begin(&w);
        json_member_string(&w, "room_id", record.room_id);
        json_member_raw(&w, "event", record.json);
        json_object_end(&w);
    }
    json_array_end(&w);
    if (more < 0 || json_finish(&w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

static int json_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client_sync *sync = batch_arg(&args);
    struct slice body;
    (void)bytes;
    if (call_args_check(&args) || sync_stage_body(sync->stage, &body, err)) {
        return -1;
    }
    buf_add(&op->result, body);
    op_done(op);
    return 0;
}

const struct call call_sync_table[] = {
    { "client.sync", CALL_EXEC, sync_start, sync_orphan },
    { "batch.next", CALL_NOW, next_start, NULL },
    { "batch.json", CALL_NOW, json_start, NULL },
    { 0 },
};
