#ifndef SCRIPT_CALLS_INTERNAL_H
#define SCRIPT_CALLS_INTERNAL_H

#include "generation.h"
#include "json_write.h"
#include "op.h"
#include "script_calls.h"

/* What the files script_calls*.c share; nobody else includes this. */

/* NULL with *err filled for a caller that is no generation (exec). */
struct generation *script_calls_generation(struct op *op, struct err *err);
/* The call is done; with text, or with what was written. */
int script_calls_answer(struct op *op, const char *json);
int script_calls_answer_json(struct op *op, struct json_writer *w,
                             struct err *err);
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

/* script_calls_wait.c */
int script_calls_lock(struct op *op, struct slice args, struct slice bytes,
                      struct err *err);
int script_calls_unlock(struct op *op, struct slice args, struct slice bytes,
                        struct err *err);
int script_calls_await(struct op *op, struct slice args, struct slice bytes,
                       struct err *err);
int script_calls_wait(struct op *op, struct slice args, struct slice bytes,
                      struct err *err);
int script_calls_taken(struct op *op, struct slice args, struct slice bytes,
                       struct err *err);
int script_calls_emit(struct op *op, struct slice args, struct slice bytes,
                      struct err *err);

/* script_calls_memory.c */
int script_calls_memory_get(struct op *op, struct slice args,
                            struct slice bytes, struct err *err);
int script_calls_memory_set(struct op *op, struct slice args,
                            struct slice bytes, struct err *err);
int script_calls_memory_keys(struct op *op, struct slice args,
                             struct slice bytes, struct err *err);

/* script_calls_webhook.c */
int script_calls_webhook(struct op *op, struct slice args, struct slice bytes,
                         struct err *err);
int script_calls_webhook_body(struct op *op, struct slice args,
                              struct slice bytes, struct err *err);
int script_calls_webhook_answer(struct op *op, struct slice args,
                                struct slice bytes, struct err *err);

#endif
