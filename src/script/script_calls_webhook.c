#include "limits.h"
#include "script_calls_internal.h"
#include "webhook.h"

/* script.webhook, webhook.body, webhook.answer */

int script_calls_webhook(struct op *op, struct slice args, struct slice bytes,
                         struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    if (generation->registration_count >= LIMIT_REGISTRATIONS) {
        return err_set(err, ERR_MISUSE, "more than %d handlers",
                       LIMIT_REGISTRATIONS);
    }
    if (webhook_add(generation, op, args, err) != 0) {
        return -1;
    }
    generation->registration_count++;
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

/* Requests come to live generations only, which bots have. */
static struct generation *owner_of(struct op *op, struct err *err)
{
    struct generation *generation = gen_owner(gen_of_caller(op->caller));
    if (!generation) {
        err_set(err, ERR_MISUSE, "%s: only in a bot", op->call->name);
    }
    return generation;
}

int script_calls_webhook_body(struct op *op, struct slice args,
                              struct slice bytes, struct err *err)
{
    struct generation *generation = owner_of(op, err);
    (void)bytes;
    return generation ? webhook_body(generation, op, args, err) : -1;
}

int script_calls_webhook_answer(struct op *op, struct slice args,
                                struct slice bytes, struct err *err)
{
    struct generation *generation = owner_of(op, err);
    return generation ? webhook_answer(generation, op, args, bytes, err) : -1;
}
