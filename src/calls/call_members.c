#include "call_members.h"

#include <stdlib.h>

#include "call_args.h"
#include "call_topics.h"
#include "event.h"
#include "limits.h"
#include "list.h"
#include "op.h"
#include "request.h"
#include "sync_stage.h"
#include "url.h"

/* room.members: the whole member list of a room, fetched once and written to
 * the store in one commit. Whoever asks meanwhile waits for the same fetch. */

struct call_members {
    struct call_members *next; /* in host->member_lists */
    struct call_host *host;    /* NULL: closed while the write was queued */
    struct store *store;
    char *room_id;
    struct list waiters;
    struct request *request;
    struct buf body; /* the reply, until it is written */
};

struct waiter {
    struct list node;
    struct op *op;
    struct call_members *members; /* NULL: the list is there already */
    struct timer *timer;
    struct tick *tick;
};

static void unlink_members(struct call_members *members)
{
    struct call_members **at = &members->host->member_lists;
    while (*at && *at != members) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = members->next;
    }
    members->host = NULL;
}

static void members_free(struct call_members *members)
{
    if (members->host) {
        unlink_members(members);
    }
    request_cancel(members->request);
    buf_free(&members->body);
    free(members->room_id);
    free(members);
}

/* Takes the waiter away from its op, and the fetch from the network when
 * nobody is left who waits for it. Returns the op. */
static struct op *waiter_free(struct waiter *waiter)
{
    struct op *op = waiter->op;
    struct call_members *members = waiter->members;
    list_remove(&waiter->node);
    timer_cancel(waiter->timer);
    tick_cancel(waiter->tick);
    free(waiter);
    op->state = NULL;
    if (members && members->request && list_empty(&members->waiters)) {
        members_free(members);
    }
    return op;
}

static void finish_op(struct op *op, const struct err *err, struct slice body)
{
    if (err) {
        op_fail(op, err, body);
    } else {
        buf_adds(&op->result, "true");
        op_done(op);
    }
}

/* Ends the fetch and every op that waited for it. An op that wakes may free
 * others of them, so each is taken off the list before its turn. */
static void settle(struct call_members *members, const struct err *err,
                   struct slice body)
{
    struct list *node;
    if (members->host) {
        unlink_members(members); /* who asks from now on asks anew */
    }
    while ((node = list_first(&members->waiters)) != NULL) {
        finish_op(waiter_free(list_entry(node, struct waiter, node)), err,
                  body);
    }
    members_free(members);
}

/* Sync may have brought a newer event of this member since the server
 * answered; it stays. */
static int is_stale(struct store *store, const struct store_state *fresh,
                    struct err *err)
{
    struct store_state kept;
    int found = store_state_get(store, fresh->room_id, fresh->type,
                                fresh->state_key, &kept, err);
    return found > 0 ? kept.origin_server_ts > fresh->origin_server_ts : found;
}

static int put_event(struct call_members *members, const struct event *event,
                     struct buf *content, struct err *err)
{
    struct store_state state = {
        .room_id = slice_str(members->room_id),
        .type = event->type,
        .state_key = event->state_key,
        .sender = event->sender,
        .event_id = event->event_id,
        .origin_server_ts = event->origin_server_ts,
    };
    int stale = is_stale(members->store, &state, err);
    if (stale) {
        return stale < 0 ? -1 : 0;
    }
    buf_clear(content);
    if (sync_stage_trim_member(event->content, content)) {
        return err_set(err, ERR_LIMIT, "the membership of %.*s is too large",
                       SLICE_ARG(event->state_key));
    }
    state.content = buf_slice(content);
    return store_state_put(members->store, &state, err);
}

/* What is no member event is passed over. */
static int put_member(struct call_members *members, struct slice raw,
                      struct buf *content, struct err *err)
{
    struct event event;
    int result = 0;
    if (event_parse(raw, &event)) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (event.state_key.ptr && event.sender.ptr &&
        slice_is(event.type, "m.room.member")) {
        result = put_event(members, &event, content, err);
    }
    event_free(&event);
    return result;
}

static int write_members(struct store *store, void *arg, struct err *err)
{
    struct call_members *members = arg;
    struct buf content;
    int result = 0;
    buf_init(&content, LIMIT_ROW);
    struct json_iter it =
        json_iter(json_get(buf_slice(&members->body), "chunk"));
    while (result == 0 && json_next(&it)) {
        result = put_member(members, it.value, &content, err);
    }
    buf_free(&content);
    if (result == 0) {
        result = store_room_set_members_complete(
            store, slice_str(members->room_id), err);
    }
    return result;
}

static void written(void *arg, const struct err *err)
{
    settle(arg, err, SLICE_NONE);
}

static void fetched(void *arg, const struct reply *reply,
                    const struct err *failure)
{
    struct call_members *members = arg;
    struct slice body = reply ? reply->body : SLICE_NONE;
    struct err err;
    members->request = NULL;
    if (!failure) {
        if (json_type(json_get(body, "chunk")) != JSON_ARRAY) {
            err_set(&err, ERR_JSON,
                    "room.members: the server's reply has no chunk");
        } else if (buf_add(&members->body, body)) {
            buf_check(&members->body, "the member list", &err);
        } else if (store_write(members->store, write_members, written, members,
                               &err) == 0) {
            return;
        }
        failure = &err;
        body = SLICE_NONE;
    }
    settle(members, failure, body);
}

static struct call_members *members_find(struct call_host *host,
                                         struct slice room_id)
{
    struct call_members *members = host->member_lists;
    while (members && !slice_eq(slice_str(members->room_id), room_id)) {
        members = members->next;
    }
    return members;
}

static int start_fetch(struct call_members *members, struct err *err)
{
    struct request_options options = {
        .method = "GET",
        .repeat = REQUEST_REPEAT,
        .timeout_ms = LIMIT_MEMBERS_MS, /* each waiter has its own limit */
        .max_body = LIMIT_MEMBERS_BODY,
    };
    struct buf path;
    buf_init(&path, LIMIT_HTTP_URL);
    url_path(&path, "/_matrix/client/v3/rooms/{}/members", 1,
             slice_str(members->room_id));
    if (buf_check(&path, "the path", err) == 0) {
        options.path = buf_slice(&path);
        members->request =
            request_start(session_homeserver(members->host->session), &options,
                          fetched, members, err);
    }
    buf_free(&path);
    return members->request ? 0 : -1;
}

static struct call_members *members_new(struct call_host *host,
                                        struct slice room_id, struct err *err)
{
    struct call_members *members = calloc(1, sizeof(*members));
    if (!members || !(members->room_id = slice_dup(room_id))) {
        free(members);
        err_set(err, ERR_SYSTEM, "room.members: out of memory");
        return NULL;
    }
    members->host = host;
    members->store = host->store;
    buf_init(&members->body, LIMIT_MEMBERS_BODY);
    list_init(&members->waiters);
    members->next = host->member_lists;
    host->member_lists = members;
    if (start_fetch(members, err)) {
        members_free(members);
        return NULL;
    }
    return members;
}

static void waiter_late(void *arg)
{
    struct waiter *waiter = arg;
    struct err err;
    waiter->timer = NULL;
    err_set(&err, ERR_TIMEOUT,
            "room.members: the member list did not come in time");
    op_fail(waiter_free(waiter), &err, SLICE_NONE);
}

static void waiter_ready(void *arg)
{
    struct waiter *waiter = arg;
    waiter->tick = NULL;
    finish_op(waiter_free(waiter), NULL, SLICE_NONE);
}

/* members NULL: there is nothing to wait for but the next turn. */
static int wait_start(struct op *op, struct call_members *members,
                      int64_t timeout_ms, struct err *err)
{
    struct loop *loop = op->caller->host->loop;
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter) {
        return err_set(err, ERR_SYSTEM, "room.members: out of memory");
    }
    waiter->op = op;
    waiter->members = members;
    list_init(&waiter->node);
    if (members) {
        waiter->timer = timer_start(loop, timeout_ms, waiter_late, waiter, err);
    } else {
        waiter->tick = tick_start(loop, waiter_ready, waiter, err);
    }
    if (!waiter->timer && !waiter->tick) {
        free(waiter);
        return -1;
    }
    if (members) {
        list_push(&members->waiters, &waiter->node);
    }
    op->state = waiter;
    return 0;
}

static int start_waiting(struct op *op, struct slice room_id,
                         int64_t timeout_ms, struct err *err)
{
    struct call_host *host = op->caller->host;
    struct store_room room;
    int found = store_room_get(host->store, room_id, &room, err);
    if (found < 0) {
        return -1;
    }
    if (!found || !slice_is(room.membership, "join")) {
        return err_set(err, ERR_DENIED,
                       "room.members: the account has not joined %.*s",
                       SLICE_ARG(room_id));
    }
    if (room.members_complete) {
        return wait_start(op, NULL, 0, err);
    }
    struct call_members *members = members_find(host, room_id);
    if (!members && !(members = members_new(host, room_id, err))) {
        return -1;
    }
    if (wait_start(op, members, timeout_ms, err)) {
        if (members->request && list_empty(&members->waiters)) {
            members_free(members);
        }
        return -1;
    }
    return 0;
}

static int members_start(struct op *op, struct slice object, struct slice bytes,
                         struct err *err)
{
    struct call_host *host = op->caller->host;
    struct call_args args = call_args_of(op, object, err);
    struct slice room_id = call_args_id(&args, "room_id");
    int64_t timeout = call_args_timeout(&args);
    (void)bytes;
    if (!host->store || !host->session || !session_homeserver(host->session)) {
        call_args_fault(&args, "there is no account that knows rooms");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    return start_waiting(op, room_id, timeout, err);
}

static void members_orphan(struct op *op)
{
    if (op->state) {
        waiter_free(op->state);
    }
}

/* What is in a queued write must live until it is done: settle frees it. */
void call_members_close(struct call_host *host)
{
    while (host->member_lists) {
        struct call_members *members = host->member_lists;
        if (members->request) {
            members_free(members);
        } else {
            unlink_members(members);
        }
    }
}

const struct call call_members_table[] = {
    { "room.members", 0, members_start, members_orphan },
    { 0 },
};
