#include "budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "limits.h"
#include "log.h"

/* Their addresses are the limit objects. */
static const char limits[BUDGET_CLOSED + 1];

static struct budget *budget_of(lua_State *L)
{
    return *(struct budget **)lua_getextraspace(L);
}

static int64_t cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Lua collects and asks again when the answer is NULL, so two in a row. */
static bool fails_for_test(struct budget *budget)
{
    if (budget->fail_in == 0) {
        return false;
    }
    if (budget->fail_in > 1) {
        budget->fail_in--;
        return false;
    }
    budget->fail_in = budget->fail_in == 1 ? -1 : 0;
    return true;
}

static void *allocate(void *arg, void *ptr, size_t old, size_t wanted)
{
    struct budget *budget = arg;
    old = ptr ? old : 0; /* else it tells the type of the object */
    if (wanted == 0) {
        free(ptr);
        budget->used -= old;
        return NULL;
    }
    size_t max = budget->max + (budget->reserve ? LIMIT_SCRIPT_RESERVE : 0);
    if (wanted > old &&
        (budget->used >= max || wanted - old > max - budget->used ||
         fails_for_test(budget))) {
        return NULL;
    }
    void *moved = realloc(ptr, wanted);
    if (!moved) {
        return wanted <= old ? ptr : NULL; /* Lua counts on that */
    }
    budget->used += wanted - old;
    return moved;
}

static void hook(lua_State *L, lua_Debug *ar)
{
    struct budget *budget = budget_of(L);
    (void)ar;
    if (budget->stress) {
        lua_gc(L, LUA_GCCOLLECT);
    }
    if (!budget->over) {
        if (cpu_now() < budget->deadline) {
            return;
        }
        budget->over = true;
        trace_where(L, 0, &budget->place);
    }
    if (L == budget->own && lua_isyieldable(L)) {
        lua_yield(L, 0);
        return;
    }
    /* At every instruction from here on: whatever catches the error gets no
     * further. */
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    budget_raise(L, BUDGET_CPU);
}

static int panic(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    log_error("Lua: error outside a protected call: %s", text ? text : "?");
    abort();
}

lua_State *budget_new_state(struct budget *budget, size_t memory)
{
    budget->max = memory;
    budget_end(budget);
    lua_State *L = lua_newstate(allocate, budget);
    if (!L) {
        return NULL;
    }
    *(struct budget **)lua_getextraspace(L) = budget;
    lua_atpanic(L, panic);
    budget_arm(L);
    return L;
}

void budget_arm(lua_State *L)
{
    bool stress = budget_of(L)->stress;
    lua_sethook(L, hook, LUA_MASKCOUNT,
                stress ? LIMIT_HOOK_INSTRUCTIONS / 50
                       : LIMIT_HOOK_INSTRUCTIONS);
}

void budget_begin(struct budget *budget, lua_State *own, int64_t ms)
{
    budget->over = false;
    budget->own = own;
    budget->allowed = ms;
    budget->deadline = cpu_now() + ms * 1000000;
}

void budget_end(struct budget *budget)
{
    budget->own = NULL;
    budget->deadline = INT64_MAX;
}

enum budget_limit budget_limit_at(lua_State *L, int index)
{
    if (lua_islightuserdata(L, index)) {
        const void *value = lua_touserdata(L, index);
        for (int limit = BUDGET_CPU; limit <= BUDGET_CLOSED; limit++) {
            if (value == &limits[limit]) {
                return (enum budget_limit)limit;
            }
        }
    }
    return BUDGET_NONE;
}

int budget_raise(lua_State *L, enum budget_limit limit)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&limits[limit]);
    return lua_error(L);
}

void budget_pass(lua_State *L, int status)
{
    if (status == LUA_ERRMEM) {
        budget_raise(L, BUDGET_MEMORY);
    }
    enum budget_limit limit = budget_limit_at(L, -1);
    if (limit != BUDGET_NONE) {
        budget_raise(L, limit);
    }
    if (budget_of(L)->over) {
        budget_raise(L, BUDGET_CPU);
    }
}

int budget_describe(const struct budget *budget, enum budget_limit limit,
                    struct err *err)
{
    switch (limit) {
    case BUDGET_MEMORY:
        return err_set(err, ERR_LIMIT,
                       "needs more than %zu MB of memory (limits.memory)",
                       budget->max / MIB(1));
    case BUDGET_CLOSED:
        return err_set(err, ERR_CANCELLED,
                       "waits again after it was "
                       "cancelled");
    default:
        return err_set(err, ERR_LIMIT,
                       "computed for more than %lld ms without waiting "
                       "(limits.burst)",
                       (long long)budget->allowed);
    }
}
