#ifndef BUDGET_H
#define BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "err.h"
#include "trace.h"

/* What one Lua state may use: memory, through its allocator, and CPU time of
 * this thread between two waits, through a count hook. A pointer to it stands
 * in the state's extra space.
 *
 * A script that goes over is ended by an error it cannot catch: the private
 * limit objects, which our pcall, xpcall, load and coroutine functions hand
 * on (budget_pass). In the handler's own thread it is suspended instead, for
 * good: nothing of it runs again but <close>. */

enum budget_limit {
    BUDGET_NONE,
    BUDGET_CPU,
    BUDGET_MEMORY,
    BUDGET_CLOSED /* no limit: a cancelled task waits where it cannot yield */
};

struct budget {
    size_t used, max; /* bytes of Lua's memory */
    bool reserve;     /* a report is made: LIMIT_SCRIPT_RESERVE on top */
    int64_t deadline; /* CPU clock of the thread, ns */
    int64_t allowed;  /* ms, of the burst that runs */
    bool over;        /* its CPU time is used up */
    lua_State *own;   /* the thread that is suspended when over; NULL none */
    struct trace_place place; /* where it went over */
    /* For tests. */
    bool stress;  /* a full collection at every hook */
    long fail_in; /* that many allocations from now one fails; 0 never */
};

/* Makes the state in the caller's struct; NULL when out of memory. The hook
 * is on its main thread, so every thread made from it has it. */
lua_State *budget_new_state(struct budget *budget, size_t memory);
/* Puts the hook on L as it is on a new thread. */
void budget_arm(lua_State *L);
/* A burst begins: ms of CPU from now. own may be NULL. */
void budget_begin(struct budget *budget, lua_State *own, int64_t ms);
/* It ended: nothing of Lua runs. */
void budget_end(struct budget *budget);

/* Is the value at index a limit object, and which? */
enum budget_limit budget_limit_at(lua_State *L, int index);
/* Raises that limit object. */
int budget_raise(lua_State *L, enum budget_limit limit);
/* After a protected call in the script's name ended with status and the error
 * on top: raises again what a script may not catch, else returns. */
void budget_pass(lua_State *L, int status);
/* ERR_LIMIT (ERR_CANCELLED), naming the limit and its key. Returns -1. */
int budget_describe(const struct budget *budget, enum budget_limit limit,
                    struct err *err);

#endif
