#include <stdlib.h>

#include <lauxlib.h>

#include "json_lua.h"
#include "limits.h"
#include "log.h"
#include "luacompat.h"
#include "outcome.h"
#include "task_internal.h"

/* How tasks end. */

static const char hook_key; /* registry: the library's on_task_end */

void task_ending_init(struct ending *ending, enum task_end end)
{
    *ending = (struct ending) { .end = end };
    err_set(&ending->err, ERR_CANCELLED, "cancelled");
    buf_init(&ending->trace, LIMIT_TRACE);
    buf_init(&ending->value, LIMIT_CALL_ARGS);
}

void task_ending_free(struct ending *ending)
{
    buf_free(&ending->trace);
    buf_free(&ending->value);
}

void task_ending_place(struct task *task, struct ending *ending)
{
    if (task->thread) {
        trace_write(task->thread, &ending->trace);
        trace_where(task->thread, 0, &ending->place);
    }
}

/* ---- reading what lua_resume left ---- */

struct reading {
    struct task *task;
    struct ending *ending;
};

/* Protected. The error stays on the task's thread, for its <close>. */
static int describe(lua_State *L)
{
    const struct reading *reading = lua_touserdata(L, 1);
    lua_State *thread = reading->task->thread;
    if (lua_checkstack(thread, 1)) {
        lua_pushvalue(thread, -1);
        lua_xmove(thread, L, 1);
    } else {
        lua_pushliteral(L, "stack overflow");
    }
    gen_describe(L, LUA_ERRRUN, &reading->ending->err);
    return 0;
}

static void read_limit(struct task *task, enum budget_limit limit,
                       struct ending *ending)
{
    struct budget *budget = &task->gen->budget;
    ending->end = limit == BUDGET_CLOSED ? TASK_CANCELLED : TASK_LIMIT;
    budget_describe(budget, limit, &ending->err);
    task_ending_place(task, ending);
    if (limit == BUDGET_CPU && budget->place.line > 0) {
        ending->place = budget->place; /* perhaps in an inner coroutine */
    }
    if (limit == BUDGET_MEMORY) {
        gen_note_memory(task->gen);
    }
}

static void read_error(struct task *task, struct ending *ending)
{
    struct reading reading = { task, ending };
    struct err err;
    char text[sizeof err.text];
    ending->end = TASK_FAILED;
    trace_write(task->thread, &ending->trace);
    if (gen_protect(task->gen, describe, &reading, LIMIT_BURST_CLOSE_MS,
                    &err) != 0) {
        ending->err = err;
    }
    snprintf(text, sizeof text, "%s", ending->err.text);
    snprintf(ending->err.text, sizeof ending->err.text, "%s",
             trace_split(task->thread, text, &ending->place));
}

/* Protected. */
static int encode(lua_State *L)
{
    const struct reading *reading = lua_touserdata(L, 1);
    lua_xmove(reading->task->thread, L, 1);
    json_lua_write(L, -1, &reading->ending->value, 0);
    return 0;
}

static void read_result(struct task *task, int results, struct ending *ending)
{
    struct reading reading = { task, ending };
    ending->end = TASK_DONE;
    if (results == 0 || task->outcome) {
        buf_adds(&ending->value, "null");
        return;
    }
    lua_pop(task->thread, results - 1);
    if (gen_protect(task->gen, encode, &reading, LIMIT_BURST_CLOSE_MS,
                    &ending->err) == 0) {
        return;
    }
    buf_free(&ending->value);
    if (!task->exec_main) {
        ending->end = TASK_FAILED;
        err_prefix(&ending->err, "what it returned cannot be kept");
    }
}

void task_ending_read(struct task *task, int status, int results,
                      struct ending *ending)
{
    struct gen *gen = task->gen;
    gen->budget.reserve = true;
    enum budget_limit limit = BUDGET_NONE;
    if (status == LUA_ERRMEM) {
        limit = BUDGET_MEMORY;
    } else if (gen->budget.over) {
        limit = BUDGET_CPU;
    } else if (status != LUA_OK && status != LUA_YIELD) {
        limit = budget_limit_at(task->thread, -1);
    }
    if (limit != BUDGET_NONE) {
        read_limit(task, limit, ending);
    } else if (status == LUA_OK) {
        read_result(task, results, ending);
    } else if (status == LUA_YIELD) {
        ending->end = TASK_FAILED;
        err_set(&ending->err, ERR_TASK,
                "yielded outside a coroutine: there is nobody to yield to");
        task_ending_place(task, ending);
    } else {
        read_error(task, ending);
    }
    gen->budget.reserve = false;
}

/* ---- the end ---- */

static void close_thread(struct task *task)
{
    struct gen *gen = task->gen;
    if (!task->thread) {
        return;
    }
    gen->running = task;
    gen->closing = true;
    budget_arm(task->thread); /* it may be at every instruction */
    budget_begin(&gen->budget, NULL, LIMIT_BURST_CLOSE_MS);
    luacompat_close_thread(task->thread, gen->L);
    budget_end(&gen->budget);
    gen->closing = false;
    gen->running = NULL;
    gen_sweep(gen);
    task_forget_thread(task);
}

/* Protected. */
static int call_hook(lua_State *L)
{
    const struct task *task = lua_touserdata(L, 1);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &hook_key) == LUA_TFUNCTION) {
        lua_pushinteger(L, task->number);
        lua_call(L, 1, 0);
    }
    return 0;
}

static void log_failure(const struct task *task, const struct ending *ending)
{
    const struct gen *gen = task->gen;
    struct log_fields fields = {
        .account = gen->caller.host->account,
        .script = gen->script,
        .gen = gen->caller.generation,
        .handler = task_label(task),
        .file = ending->place.line ? ending->place.file : NULL,
        .line = ending->place.line,
        .kind = err_kind_name(ending->err.kind),
        .traceback = ending->trace.len ? buf_str(&ending->trace) : NULL,
    };
    log_write(LOG_LEVEL_ERROR, &fields, "%s", ending->err.text);
}

static void tell_hook(struct task *task)
{
    struct err err;
    if (task->ran && gen_protect(task->gen, call_hook, task,
                                 LIMIT_BURST_CLOSE_MS, &err) != 0) {
        log_error("%s: at the end of a task: %s", task->gen->script, err.text);
    }
}

static void tell_outcome(struct task *task, const struct ending *ending,
                         bool quiet)
{
    struct outcome *outcome = task->outcome;
    bool failed = ending->end != TASK_DONE;
    if (!outcome) {
        return;
    }
    if (failed && ending->end != TASK_CANCELLED && !quiet &&
        list_empty(&outcome->joins)) {
        log_failure(task, ending); /* nobody else will tell */
    }
    outcome_end(outcome, failed ? ending->err.text : NULL, &ending->place);
    outcome_release(outcome);
    task->outcome = NULL;
}

static void tell_owner(struct task *task, const struct ending *ending)
{
    bool failed = ending->end != TASK_DONE;
    struct task_result result = {
        .end = ending->end,
        .value = failed || ending->value.len == 0 ? SLICE_NONE
                                                  : buf_slice(&ending->value),
        .err = failed ? &ending->err : NULL,
        .file = failed && ending->place.line ? ending->place.file : NULL,
        .line = failed ? ending->place.line : 0,
        .traceback =
            failed && ending->trace.len ? buf_str(&ending->trace) : NULL,
    };
    if (task->owner && task->owner->ended) {
        task->owner->ended(task->arg, task, &result);
    }
}

void task_finish(struct task *task, struct ending *ending, bool quiet)
{
    if (task->cancelled && ending->end != TASK_CANCELLED) {
        ending->end = TASK_CANCELLED;
        err_set(&ending->err, ERR_CANCELLED, "cancelled");
    }
    task_disarm(task);
    close_thread(task);
    tell_hook(task);
    list_remove(&task->node);
    task->gen->task_count--;
    tell_outcome(task, ending, quiet);
    if (!quiet) {
        tell_owner(task, ending);
    }
    task_ending_free(ending);
    task_dispose(task);
}

static int on_task_end(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &hook_key);
    return 0;
}

void task_ending_open(lua_State *L)
{
    lua_pushcfunction(L, on_task_end);
    lua_setfield(L, -2, "on_task_end");
}
