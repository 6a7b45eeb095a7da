#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "generation.h"
#include "listen.h"
#include "op.h"
#include "webhook_rule.h"

/* Web hooks of one script: requests stand in line while a reload is under way
 * or too many run, are checked against the rule of the generation in charge
 * (webhook_rule.h), and become a task each, without a room's turn. */
struct webhooks;
struct webhook_call; /* one request */

/* What is behind "/hook/<account>/<script>/<name>". Copied by webhooks_ask. */
struct webhook_request {
    struct slice name, method, path, query;
    struct http_head head; /* the headers */
    struct slice body;
};

/* Once, from the loop, unless the call is forgotten. */
typedef void webhook_done_fn(void *arg, const struct listen_answer *answer);

/* world: borrowed. Nothing is served before webhooks_hold(.., false). */
struct webhooks *webhooks_new(const struct generation_world *world,
                              struct err *err);
/* In silence. NULL is fine. */
void webhooks_free(struct webhooks *webhooks);
/* Who is in charge, NULL: nobody. */
void webhooks_set_generation(struct webhooks *webhooks,
                             struct generation *generation);
/* A reload is under way: requests wait. */
void webhooks_hold(struct webhooks *webhooks, bool held);
/* Those in line and all that come are answered with 503. */
void webhooks_stop(struct webhooks *webhooks);
bool webhooks_idle(const struct webhooks *webhooks);

/* The rule in charge, or NULL. */
const struct webhook *webhooks_find(const struct webhooks *webhooks,
                                    struct slice name);
/* May such a request come? 0 and *max_body, or an HTTP status; for 405
 * *methods has those that may. */
int webhooks_look(const struct webhooks *webhooks, struct slice name,
                  struct slice method, size_t *max_body, const char **methods);
/* Returns a handle until done; NULL with *err filled: it cannot be taken now,
 * which is 503. */
struct webhook_call *webhooks_ask(struct webhooks *webhooks,
                                  const struct webhook_request *request,
                                  webhook_done_fn *done, void *arg,
                                  struct err *err);
/* Nobody wants the answer; what runs goes on. */
void webhook_call_forget(struct webhook_call *call);

/* A call script.webhook of a generation that loads. */
int webhook_add(struct generation *generation, struct op *op, struct slice args,
                struct err *err);
bool webhook_off(struct generation *generation, int id);
/* Tells the log where they are. */
void webhook_tell(const struct generation *generation);
/* After gen_free: the rules, and the calls whose tasks are gone. */
void webhook_free_all(struct generation *generation);

/* The calls webhook.body and webhook.answer. */
int webhook_body(struct generation *generation, struct op *op,
                 struct slice args, struct err *err);
int webhook_answer(struct generation *generation, struct op *op,
                   struct slice args, struct slice bytes, struct err *err);

#endif
