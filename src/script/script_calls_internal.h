#ifndef SCRIPT_CALLS_INTERNAL_H
#define SCRIPT_CALLS_INTERNAL_H

#include "generation.h"
#include "op.h"
#include "script_calls.h"

/* What the files script_calls*.c share; nobody else includes this. */

/* The generation, when registering is allowed; else NULL. */
struct generation *script_calls_loading(struct op *op, struct err *err);
/* Takes made, which may be NULL with *err filled. */
int script_calls_add(struct generation *generation, struct registration *made,
                     struct err *err);

/* script_calls_time.c */
int script_calls_job(struct op *op, struct slice args, struct slice bytes,
                     struct err *err);
int script_calls_cron(struct op *op, struct slice args, struct slice bytes,
                      struct err *err);

/* script_calls_webhook.c */
int script_calls_webhook(struct op *op, struct slice args, struct slice bytes,
                         struct err *err);
int script_calls_webhook_body(struct op *op, struct slice args,
                              struct slice bytes, struct err *err);
int script_calls_webhook_answer(struct op *op, struct slice args,
                                struct slice bytes, struct err *err);

#endif
