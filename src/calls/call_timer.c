#include "call_topics.h"

#include <stdlib.h>

#include "call_args.h"
#include "op.h"

static void sleep_over(void *arg)
{
    struct op *op = arg;
    op->state = NULL;
    buf_adds(&op->result, "true");
    op_done(op);
}

static int sleep_start(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    int64_t ms = call_args_seconds(&args, "seconds");
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    op->state = timer_start(op->caller->host->loop, ms, sleep_over, op, err);
    return op->state ? 0 : -1;
}

static void sleep_orphan(struct op *op)
{
    timer_cancel(op->state);
}

const struct call call_timer_table[] = {
    { "timer.sleep", CALL_PARKS, sleep_start, sleep_orphan },
    { 0 },
};
