#ifndef EVAL_H
#define EVAL_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "manager.h"
#include "slice.h"
#include "task.h"

/* A conversation with a script that runs: pieces of Lua, each in a task of the
 * generation that is in charge then, with a script's limits. Names that one
 * piece declares are there for the next, while that generation is in charge.
 * lua/matrix/repl.lua is the other half. */
struct eval;
struct generation;
struct instance;

/* All from the loop; printed also from inside Lua: it must not free. */
struct eval_owner {
    /* What pieces print. */
    void (*printed)(void *arg, struct slice text);
    /* Once for each eval_run, never from inside it. */
    void (*ended)(void *arg, const struct task_result *result);
    /* Another generation is in charge, the names are gone. */
    void (*moved)(void *arg, int generation);
    /* The script's handlers get this event; while eval_follow is on. */
    void (*event)(void *arg, struct slice room_id, struct slice json);
};

/* script NULL: the only one. Before manager_free: eval_close. Returns owned,
 * or NULL with *err naming the scripts there are. */
struct eval *eval_open(struct manager *manager, const char *script,
                       const struct eval_owner *owner, void *arg,
                       struct err *err);
/* What runs is closed in silence. Not from inside Lua. NULL is fine. */
void eval_close(struct eval *eval);

const char *eval_script(const struct eval *eval);
int eval_generation(const struct eval *eval); /* in charge; 0 none */
/* Starts the piece: what is "code" (to run) or "complete" (of the text, its
 * last word). One at a time. */
int eval_run(struct eval *eval, const char *what, struct slice text,
             struct err *err);
bool eval_runs(const struct eval *eval);
/* One error at its wait; ended comes later. */
void eval_cancel(struct eval *eval);
void eval_follow(struct eval *eval, bool on);
/* Lines for people. */
void eval_handlers(const struct eval *eval, struct buf *out);
void eval_timers(const struct eval *eval, struct buf *out);

/* For the script layer. Something was printed in that conversation. */
void eval_print(const struct generation *generation, int session,
                struct slice text);
/* Handlers are about to get it. */
void eval_event(const struct generation *generation, struct slice room_id,
                struct slice json);
/* It is in charge now. */
void eval_committed(struct generation *generation);
/* The generation is going to be freed. */
void eval_detach(struct generation *generation);

#endif
