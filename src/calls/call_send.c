#include "call_send.h"

#include <stdlib.h>

#include "call_args.h"
#include "call_topics.h"
#include "json_write.h"
#include "limits.h"
#include "outbox.h"
#include "txn.h"

struct sending {
    struct op *op;
    struct outbox_wait *wait;
    struct timer *timer;
    bool tell_txn;
    struct buf txn_id;
};

static void sending_free(struct sending *sending)
{
    outbox_detach(sending->wait);
    timer_cancel(sending->timer);
    buf_free(&sending->txn_id);
    free(sending);
}

static void send_done(void *arg, struct slice event_id,
                      const struct err *failure)
{
    struct sending *sending = arg;
    struct op *op = sending->op;
    struct err err;
    sending->wait = NULL;
    if (!failure) {
        struct json_writer w;
        json_writer_init(&w, &op->result);
        json_object_begin(&w);
        json_member_string(&w, "event_id", event_id);
        if (sending->tell_txn) {
            json_member_string(&w, "txn_id", buf_slice(&sending->txn_id));
        }
        json_object_end(&w);
        failure = json_finish(&w, op->call->name, &err) ? &err : NULL;
    }
    op->state = NULL;
    sending_free(sending);
    if (failure) {
        op_fail(op, failure, SLICE_NONE);
    } else {
        op_done(op);
    }
}

static void send_late(void *arg)
{
    struct sending *sending = arg;
    struct op *op = sending->op;
    struct err err;
    sending->timer = NULL;
    op->state = NULL;
    err_set(&err, ERR_TIMEOUT,
            "%s: no answer in time; it stays in the outbox and is still sent",
            op->call->name);
    err.unknown = true;
    sending_free(sending);
    op_fail(op, &err, SLICE_NONE);
}

void call_send_detach(struct op *op)
{
    if (op->state) {
        sending_free(op->state);
        op->state = NULL;
    }
}

/* The same cause makes the same id, so a handler that runs again does not
 * post twice. */
static int make_txn(const struct op *op, const struct call_send *send,
                    struct buf *out, struct err *err)
{
    struct session *session = op->caller->host->session;
    struct txn_cause cause = {
        .user_id = session ? session_user_id(session) : "",
        .device_id = session ? session_device_id(session) : "",
        .script = op->caller->script,
        .cause = op->cause.event,
        .path = op->cause.path.ptr ? op->cause.path : slice_str(""),
        .ordinal = op->cause.ordinal,
    };
    int made;
    if (send->txn_id.ptr) {
        made = buf_add(out, send->txn_id);
    } else if (op->cause.event.ptr) {
        made = txn_make(&cause, send->room_id, send->type, out);
    } else {
        made = txn_random(out);
    }
    if (made) {
        err_set(err, ERR_SYSTEM, "%s: cannot make a transaction id",
                op->call->name);
    }
    return made;
}

static int check_send(const struct op *op, const struct call_send *send,
                      struct err *err)
{
    if (!op->caller->host->outbox) {
        return err_set(err, ERR_MISUSE, "%s: there is no account to send with",
                       op->call->name);
    }
    if (send->content.len > LIMIT_EVENT_SEND) {
        return err_set(err, ERR_LIMIT,
                       "cannot send %.*s to %.*s: %zu bytes are more than the "
                       "%zu of an event",
                       SLICE_ARG(send->type), SLICE_ARG(send->room_id),
                       send->content.len, LIMIT_EVENT_SEND);
    }
    return 0;
}

int call_send_start(struct op *op, const struct call_send *send,
                    struct err *err)
{
    struct call_host *host = op->caller->host;
    if (check_send(op, send, err)) {
        return -1;
    }
    struct sending *sending = calloc(1, sizeof(*sending));
    if (!sending) {
        return err_set(err, ERR_SYSTEM, "%s: out of memory", op->call->name);
    }
    sending->op = op;
    sending->tell_txn = send->tell_txn;
    buf_init(&sending->txn_id, LIMIT_IDENTIFIER);
    if (make_txn(op, send, &sending->txn_id, err)) {
        goto fail;
    }
    sending->timer =
        timer_start(host->loop, send->timeout_ms, send_late, sending, err);
    if (!sending->timer) {
        goto fail;
    }
    struct outbox_send out = {
        .script = op->caller->script,
        .txn_id = buf_slice(&sending->txn_id),
        .room_id = send->room_id,
        .type = send->type,
        .content = send->content,
        .redacts = send->redacts,
        .cause = op->cause.delivery,
    };
    sending->wait = outbox_put(host->outbox, &out, send_done, sending, err);
    if (!sending->wait) {
        goto fail;
    }
    op->state = sending;
    return 0;
fail:
    sending_free(sending);
    return -1;
}

static int room_send(struct op *op, struct slice object, struct slice bytes,
                     struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct call_send send = {
        .room_id = call_args_id(&args, "room_id"),
        .type = call_args_id(&args, "type"),
        .content = call_args_object(&args, "content"),
        .txn_id = call_args_id_opt(&args, "txn_id"),
        .timeout_ms = call_args_timeout(&args),
        .tell_txn = true,
    };
    (void)bytes;
    return call_args_check(&args) ? -1 : call_send_start(op, &send, err);
}

static int room_redact(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct call_send send = {
        .room_id = call_args_id(&args, "room_id"),
        .type = slice_str("m.room.redaction"),
        .redacts = call_args_id(&args, "event_id"),
        .txn_id = call_args_id_opt(&args, "txn_id"),
        .timeout_ms = call_args_timeout(&args),
    };
    struct slice reason = call_args_string_opt(&args, "reason");
    struct buf content;
    struct json_writer w;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    buf_init(&content, LIMIT_EVENT_SEND);
    json_writer_init(&w, &content);
    json_object_begin(&w);
    json_member_string(&w, "reason", reason);
    json_object_end(&w);
    int result = json_finish(&w, op->call->name, err);
    if (result == 0) {
        send.content = buf_slice(&content);
        result = call_send_start(op, &send, err);
    }
    buf_free(&content);
    return result;
}

const struct call call_send_table[] = {
    { "room.send", CALL_WRITES | CALL_RECORDED | CALL_MATRIX, room_send,
      call_send_detach },
    { "room.redact", CALL_WRITES | CALL_RECORDED, room_redact,
      call_send_detach },
    { 0 },
};
