#include <lauxlib.h>

#include "api_name.h"
#include "limits.h"
#include "port.h"
#include "task_internal.h"

/* Where a task may wait, and what it finds when it goes on. */

bool task_can_wait(lua_State *L)
{
    const struct gen *gen = gen_from(L);
    return gen->running && !gen->closing && !gen->running->no_wait &&
           gen->chain && lua_isyieldable(L);
}

/* What the script called, when the library is who called name. */
static const char *library_call(lua_State *L, int level, const char *name,
                                lua_Debug *ar)
{
    while (lua_getstack(L, level, ar) && lua_getinfo(L, "Sn", ar) &&
           strncmp(ar->source, TRACE_LIBRARY, strlen(TRACE_LIBRARY)) == 0) {
        name = ar->name ? ar->name : name;
        level++;
    }
    return name;
}

/* The C function, or metamethod, that stands between here and the task. */
static const char *blocking_call(lua_State *L, lua_Debug *ar)
{
    static const char *const yieldable[] = { "pcall", "xpcall", "resume",
                                             "dofile" };
    for (int level = 1; level < LIMIT_TRACE_LEVELS; level++) {
        if (!lua_getstack(L, level, ar)) {
            break;
        }
        lua_getinfo(L, "Sn", ar);
        bool meta = strcmp(ar->namewhat, "metamethod") == 0;
        if (!ar->name || (ar->what[0] != 'C' && !meta)) {
            continue;
        }
        bool passes = false;
        for (size_t i = 0; i < sizeof yieldable / sizeof *yieldable; i++) {
            passes |= strcmp(ar->name, yieldable[i]) == 0;
        }
        if (!passes) {
            return library_call(L, level + 1, ar->name, ar);
        }
    }
    return NULL;
}

static int refuse(lua_State *L, const char *what)
{
    const struct gen *gen = gen_from(L);
    lua_Debug ar, inner;
    const char *called = trace_called_as(L, &ar);
    char shown[API_NAME];
    api_name(what, shown);
    what = called ? called : shown;
    if (gen->closing) {
        return port_raise(L, "'%s' cannot wait: its task is being closed",
                          what);
    }
    if (!gen->running) {
        return port_raise(L,
                          gen->loading
                              ? "'%s' cannot wait in the main chunk: call it "
                                "in a handler"
                              : "'%s' cannot wait outside a task",
                          what);
    }
    if (gen->running->no_wait) {
        return port_raise(L, "'%s' cannot wait in %s", what,
                          task_label(gen->running));
    }
    const char *blocking = blocking_call(L, &inner);
    return port_raise(L, "'%s' cannot wait inside '%s'", what,
                      blocking ? blocking : "a C function");
}

static int raise_cancelled(lua_State *L, struct task *task)
{
    struct err err;
    task->told = true;
    err_set(&err, ERR_CANCELLED, "cancelled: %s", task_label(task));
    port_push_error(L, &err, SLICE_NONE, false);
    return lua_error(L);
}

bool task_enter_wait(lua_State *L, const char *what)
{
    struct gen *gen = gen_from(L);
    struct task *task = gen->running;
    if (task && task->cancelled && !gen->closing) {
        if (!task->told) {
            raise_cancelled(L, task);
        }
        if (!task_can_wait(L)) {
            budget_raise(L, BUDGET_CLOSED);
        }
        return true;
    }
    if (!task_can_wait(L)) {
        refuse(L, what);
    }
    if (task->op) {
        port_raise(L, "this task waits already");
    }
    return false;
}

struct op *task_waited(lua_State *L)
{
    struct task *task = gen_from(L)->running;
    if (task && task->cancelled && !task->told) {
        raise_cancelled(L, task);
    }
    if (!task || !task->done) {
        luaL_error(L, "resumed while still waiting");
    }
    return task->done;
}

struct op_cause task_cause(struct task *task, const struct call *call)
{
    struct op_cause cause = { SLICE_NONE, SLICE_NONE, 0, 0 };
    if (task) {
        task->ordinal += (call->flags & CALL_WRITES) != 0;
        cause.event = slice_str(task->cause_event);
        cause.path = slice_str(task->cause_path);
        cause.ordinal = task->ordinal;
        cause.delivery = task->delivery;
    }
    return cause;
}
