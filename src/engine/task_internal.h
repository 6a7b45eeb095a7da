#ifndef TASK_INTERNAL_H
#define TASK_INTERNAL_H

#include "coro.h"
#include "gen_internal.h"
#include "outcome.h"
#include "task.h"

struct task {
    struct list node; /* in gen->tasks */
    struct gen *gen;
    lua_State
        *thread; /* anchored in the registry; NULL before the first step */
    int nargs;   /* on a thread that has not run yet */
    int number;
    int handler;
    bool exec_main; /* results that are no JSON are nobody's business */
    bool no_wait;
    bool ran;          /* Lua has seen it */
    bool waits, parks; /* suspended in coro_wait */
    bool cancelled;    /* asked for */
    bool told;         /* the error was raised at its wait */
    struct op *op;     /* under way, or complete and not yet looked at */
    struct op *done;   /* what the wait that ends now was for */
    struct tick *tick; /* the next step */
    struct timer *limit;
    int64_t limit_left; /* ms, -1 none */
    int64_t limit_ms;
    int64_t waits_since;
    int64_t started;
    char *label, *kind;
    struct buf event, info; /* until the first step */
    char *cause_event, *cause_path;
    int64_t delivery;
    unsigned ordinal; /* of its last write */
    unsigned spawned;
    const struct task_owner *owner;
    void *arg;
    struct outcome *outcome; /* NULL: not spawned */
};

/* How a task ended, while it is being told. */
struct ending {
    enum task_end end;
    struct err err;
    struct trace_place place;
    struct buf trace, value;
};
void task_ending_init(struct ending *ending, enum task_end end);
void task_ending_free(struct ending *ending);
/* After lua_resume came back with status: results, or the error with its
 * traceback, which must be read before the thread is closed. */
void task_ending_read(struct task *task, int status, int results,
                      struct ending *ending);
/* Where a suspended task is. */
void task_ending_place(struct task *task, struct ending *ending);
/* Runs its <close>, tells the library, then those who join it (quiet: tells
 * nobody else); the record is gone. The owner hears of it last: the
 * generation may be gone on return. */
void task_finish(struct task *task, struct ending *ending, bool quiet);
/* Adds set_entry and task, on_task_end to the table on top. */
void task_open(lua_State *L);
void task_ending_open(lua_State *L);
/* Unanchors it. */
void task_forget_thread(struct task *task);
/* Forgets what it waits for. */
void task_disarm(struct task *task);
/* Frees the record and what it holds but its thread. */
void task_dispose(struct task *task);

/* Makes the record and links it; no thread yet. NULL with *err filled. */
struct task *task_new(struct gen *gen, const struct task_options *options,
                      struct err *err);
/* Its first step comes in the next turn. */
int task_schedule(struct task *task, struct err *err);
/* Undoes task_new for a task that never ran: as if it had not been. */
void task_drop(struct task *task);
/* Makes its thread, anchored, in a protected call; pushes nothing. */
lua_State *task_make_thread(lua_State *L, struct task *task);

/* For port.c and spawn.c, inside Lua: a wait begins. Raises when it may not.
 * True: the task was cancelled and waits again; `return coro_wait` without an
 * op, and it is closed. what: the call, for the message. */
bool task_enter_wait(lua_State *L, const char *what);
/* May a call that waits be made here? */
bool task_can_wait(lua_State *L);
/* In the continuation: the op that is complete; raises when the wait was
 * cancelled. */
struct op *task_waited(lua_State *L);
/* op->wake of every op a task waits for; arg is the task. */
void task_wake(void *arg);
/* For op_start. */
struct op_cause task_cause(struct task *task, const struct call *call);

#endif
