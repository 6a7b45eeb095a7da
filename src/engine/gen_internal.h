#ifndef GEN_INTERNAL_H
#define GEN_INTERNAL_H

#include "budget.h"
#include "buf.h"
#include "gen.h"
#include "list.h"
#include "op.h"

/* What the files of the script engine share; nobody else includes this. */

#define GEN_MEMORY_ERRORS 8 /* remembered times */

struct gen {
    struct budget budget; /* first: the state's extra space points here */
    lua_State *L;         /* main thread; empty stack between calls */
    struct caller caller;
    struct gen_limits limits; /* with the defaults filled in */
    const struct call *calls;
    void *owner;
    char *script, *file, *directory, *data_dir, *lua_path;
    struct track *track; /* borrowed, NULL before a load */

    /* What runs now. */
    struct task *running; /* NULL: main chunk, or nothing */
    bool chain;           /* every coroutine around the running one can yield */
    bool closing;         /* <close> of a dead task */
    bool compiling, loading; /* the entry file; its main chunk */
    bool retired;

    struct list tasks;
    int task_count;
    int last_task;      /* number */
    struct buf scratch; /* JSON of one host call; port.c and pure.c */
    struct op *now;     /* of a call whose result is being pushed */
    struct task *draft; /* being spawned */
    int64_t memory_errors[GEN_MEMORY_ERRORS]; /* times, the last one first */
    int memory_error_count;

    struct gen_error error; /* points to what follows */
    struct trace_place error_place;
    struct buf error_message, error_trace;
};

/* The generation a state belongs to. */
struct gen *gen_from(lua_State *L);

/* Runs fn(arg) on the main thread, protected, ms of CPU; fn gets arg as a
 * light userdata. The only pcall from C. 0, or -1 with *err telling the error
 * (ERR_LIMIT for a limit). Never while a task runs. */
int gen_protect(struct gen *gen, lua_CFunction fn, void *arg, int64_t ms,
                struct err *err);
/* What the error on top of L is, in words; L is in protected mode, or the
 * error is no table. Kind ERR_TASK, or that of a library error object. */
void gen_describe(lua_State *L, int status, struct err *err);
/* A state ran out of memory. */
void gen_note_memory(struct gen *gen);
/* Takes back what a call left behind that ended by an error. */
void gen_sweep(struct gen *gen);

#endif
