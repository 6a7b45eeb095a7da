#include "op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "limits.h"

static int check_start(const struct caller *caller, const struct call *call,
                       struct slice args, struct err *err)
{
    if ((call->flags & CALL_EXEC) && !caller->exec) {
        return err_set(err, ERR_MISUSE,
                       "%s: only for programs run with lunatrix exec",
                       call->name);
    }
    if (json_type(json_trim(args)) != JSON_OBJECT) {
        return err_set(err, ERR_MISUSE, "%s: arguments must be an object",
                       call->name);
    }
    return 0;
}

struct op *op_start(struct caller *caller, const struct call *call,
                    const struct op_cause *cause, struct slice args,
                    struct slice bytes, void (*wake)(void *arg), void *wake_arg,
                    struct err *err)
{
    if (check_start(caller, call, args, err)) {
        return NULL;
    }
    struct op *op = calloc(1, sizeof(*op));
    if (!op) {
        err_set(err, ERR_SYSTEM, "%s: out of memory", call->name);
        return NULL;
    }
    op->call = call;
    op->caller = caller;
    op->writes = (call->flags & CALL_WRITES) != 0;
    op->orphan = call->orphan;
    op->wake = wake;
    op->wake_arg = wake_arg;
    if (cause) {
        op->cause = *cause;
    }
    buf_init(&op->result, LIMIT_CALL_RESULT);
    buf_init(&op->bytes, LIMIT_CALL_RESULT);
    buf_init(&op->scratch, LIMIT_CALL_ARGS);
    int started = call->start(op, args, bytes, err);
    if (op->scratch.ptr) {
        explicit_bzero(op->scratch.ptr, op->scratch.cap); /* passwords, too */
    }
    buf_free(&op->scratch);
    op->cause.event = op->cause.path = SLICE_NONE;
    if (started) {
        op->complete = true; /* no orphan for what never began */
        op_free(op);
        return NULL;
    }
    assert(op->complete == ((call->flags & CALL_NOW) != 0));
    return op;
}

void op_free(struct op *op)
{
    if (!op) {
        return;
    }
    if (!op->complete && op->orphan) {
        op->orphan(op);
    }
    buf_free(&op->result);
    buf_free(&op->bytes);
    buf_free(&op->scratch);
    free(op);
}

static void finish(struct op *op)
{
    assert(!op->complete);
    op->complete = true;
    if (op->wake && !(op->call->flags & CALL_NOW)) {
        op->wake(op->wake_arg);
    }
}

static void set_failure(struct op *op, const struct err *err)
{
    op->failed = true;
    op->err = *err;
    op->has_bytes = false;
    buf_free(&op->bytes);
    buf_free(&op->result);
}

void op_done(struct op *op)
{
    struct err err;
    if (buf_check(&op->result, "the result", &err) ||
        buf_check(&op->bytes, "the result", &err)) {
        err_prefix(&err, "%s", op->call->name);
        set_failure(op, &err);
    }
    finish(op);
}

void op_fail(struct op *op, const struct err *err, struct slice body)
{
    set_failure(op, err);
    if (body.ptr && json_check(body, NULL) == 0 &&
        buf_add(&op->result, json_trim(body))) {
        buf_free(&op->result);
    }
    finish(op);
}
