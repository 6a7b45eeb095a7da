#include "task.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "json_lua.h"
#include "limits.h"
#include "op.h"
#include "task_internal.h"

static const char threads_key; /* registry: task -> thread */
static const char entry_key;   /* registry: the library's entry */

/* Inside a step: one loop, one thread. A step begun from within another one
 * is put off, or a long line of tasks would nest without end. */
static int stepping;

static void step(struct task *task);

/* ---- records ---- */

static char *copy_text(const char *text, bool *failed)
{
    char *copy = text ? slice_dup(slice_str(text)) : NULL;
    *failed |= text && !copy;
    return copy;
}

static int copy_options(struct task *task, const struct task_options *options)
{
    bool failed = false;
    task->label = copy_text(options->label, &failed);
    task->kind = copy_text(options->kind, &failed);
    task->cause_event = slice_dup(options->cause.event);
    task->cause_path = slice_dup(options->cause.path);
    failed |= options->cause.event.ptr && !task->cause_event;
    failed |= options->cause.path.ptr && !task->cause_path;
    if (options->event.ptr) {
        failed |= buf_add(&task->event, options->event) != 0;
    }
    if (options->info.ptr) {
        failed |= buf_add(&task->info, options->info) != 0;
    }
    return failed ? -1 : 0;
}

struct task *task_new(struct gen *gen, const struct task_options *options,
                      struct err *err)
{
    if (gen->task_count >= LIMIT_TASKS) {
        err_set(err, ERR_LIMIT, "%s has %d tasks, which is the most",
                gen->script, LIMIT_TASKS);
        return NULL;
    }
    struct task *task = calloc(1, sizeof *task);
    if (!task) {
        err_set(err, ERR_SYSTEM, "cannot start a task: out of memory");
        return NULL;
    }
    task->gen = gen;
    task->number = ++gen->last_task;
    task->handler = options->handler;
    task->no_wait = options->no_wait;
    task->limit_ms = task->limit_left =
        options->limit_ms ? options->limit_ms : gen->limits.handler_ms;
    task->delivery = options->cause.delivery;
    task->owner = options->owner;
    task->arg = options->arg;
    task->started = loop_now(gen->caller.host->loop);
    buf_init(&task->event, LIMIT_CALL_ARGS);
    buf_init(&task->info, LIMIT_CALL_ARGS);
    list_push(&gen->tasks, &task->node);
    gen->task_count++;
    if (copy_options(task, options) != 0) {
        err_set(err, ERR_SYSTEM, "cannot start a task: out of memory");
        task_drop(task);
        return NULL;
    }
    return task;
}

void task_disarm(struct task *task)
{
    timer_cancel(task->limit);
    task->limit = NULL;
    tick_cancel(task->tick);
    task->tick = NULL;
    op_free(task->op);
    task->op = NULL;
    op_free(task->done);
    task->done = NULL;
}

void task_dispose(struct task *task)
{
    free(task->label);
    free(task->kind);
    free(task->cause_event);
    free(task->cause_path);
    buf_free(&task->event);
    buf_free(&task->info);
    free(task);
}

void task_drop(struct task *task)
{
    task_disarm(task);
    list_remove(&task->node);
    task->gen->task_count--;
    task_dispose(task);
}

/* ---- its thread ---- */

lua_State *task_make_thread(lua_State *L, struct task *task)
{
    luaL_checkstack(L, 4, "task");
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &threads_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &threads_key);
    }
    lua_State *thread = lua_newthread(L);
    budget_arm(thread); /* a script's coroutine may be the one that makes it */
    lua_rawsetp(L, -2, task);
    lua_pop(L, 1);
    task->thread = thread;
    return thread;
}

static void push_json(lua_State *L, const struct buf *text)
{
    struct err err;
    if (text->len == 0) {
        lua_pushnil(L);
    } else if (json_lua_push(L, buf_slice(text), &err) != 0) {
        luaL_error(L, "cannot give a handler its event: %s", err.text);
    }
}

/* Protected: the thread of a task that the host started. */
static int prepare(lua_State *L)
{
    struct task *task = lua_touserdata(L, 1);
    lua_State *thread = task_make_thread(L, task);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &entry_key) != LUA_TFUNCTION) {
        return luaL_error(L, "the library has set no entry");
    }
    lua_pushstring(L, task->kind ? task->kind : "event");
    lua_pushinteger(L, task->handler);
    push_json(L, &task->event);
    push_json(L, &task->info);
    lua_xmove(L, thread, 5);
    task->nargs = 4;
    return 0;
}

/* ---- steps ---- */

static void on_limit(void *arg)
{
    struct task *task = arg;
    struct ending ending;
    task->limit = NULL;
    task_ending_init(&ending, TASK_LIMIT);
    task_ending_place(task, &ending);
    err_set(&ending.err, ERR_LIMIT, "took longer than %.10g s (limits.handler)",
            (double)task->limit_ms / 1000);
    stepping++;
    task_finish(task, &ending, false);
    stepping--;
}

/* Its time runs while it waits, unless it parks. */
static void start_limit(struct task *task)
{
    struct loop *loop = task->gen->caller.host->loop;
    if (task->limit_left >= 0 && !task->parks) {
        task->waits_since = loop_now(loop);
        task->limit = timer_start(loop, task->limit_left, on_limit, task, NULL);
    }
}

static void stop_limit(struct task *task)
{
    if (task->limit) {
        int64_t now = loop_now(task->gen->caller.host->loop);
        int64_t left = task->limit_left - (now - task->waits_since);
        task->limit_left = left > 0 ? left : 0;
        timer_cancel(task->limit);
        task->limit = NULL;
    }
}

static int64_t burst_of(const struct task *task)
{
    return task->cancelled ? LIMIT_BURST_CLOSE_MS : task->gen->limits.burst_ms;
}

/* The one lua_resume from C. Returns its status. */
static int resume(struct task *task, int *results)
{
    struct gen *gen = task->gen;
    int count = task->nargs;
    if (task->waits) {
        lua_pop(task->thread, 1); /* the mark */
        count = 0;
    }
    task->waits = false;
    task->ran = true;
    task->done = task->op;
    task->op = NULL;
    gen->running = task;
    gen->chain = true;
    budget_begin(&gen->budget, task->thread, burst_of(task));
    int status = lua_resume(task->thread, gen->L, count, results);
    budget_end(&gen->budget);
    gen->running = NULL;
    op_free(task->done);
    task->done = NULL;
    gen_sweep(gen);
    return status;
}

/* It waits: true. It ended: false, and *ending says how. */
static bool run(struct task *task, struct ending *ending)
{
    int results = 0;
    if (task->cancelled && !task->ran) {
        return false;
    }
    if (!task->thread && gen_protect(task->gen, prepare, task,
                                     LIMIT_BURST_LOAD_MS, &ending->err) != 0) {
        ending->end = ending->err.kind == ERR_LIMIT ? TASK_LIMIT : TASK_FAILED;
        return false;
    }
    buf_free(&task->event);
    buf_free(&task->info);
    int status = resume(task, &results);
    if (status == LUA_YIELD && coro_waits(task->thread)) {
        task->waits = true;
        if (task->op) {
            return true;
        }
        ending->end = TASK_CANCELLED; /* it was, and waits again */
        return false;
    }
    task_ending_read(task, status, results, ending);
    return false;
}

static void step(struct task *task)
{
    struct ending ending;
    stop_limit(task);
    stepping++;
    task_ending_init(&ending, TASK_DONE);
    if (run(task, &ending)) {
        task_ending_free(&ending);
        start_limit(task);
        if (task->owner && task->owner->waits) {
            task->owner->waits(task->arg, task, task->parks);
        }
    } else {
        task_finish(task, &ending, false);
    }
    stepping--;
}

static void on_tick(void *arg)
{
    struct task *task = arg;
    task->tick = NULL;
    step(task);
}

int task_schedule(struct task *task, struct err *err)
{
    if (!task->tick) {
        task->tick =
            tick_start(task->gen->caller.host->loop, on_tick, task, err);
    }
    return task->tick ? 0 : -1;
}

static void on_complete(void *arg)
{
    struct task *task = arg;
    task->tick = NULL;
    if (task->parks && !task->cancelled && task->owner && task->owner->ready) {
        task->owner->ready(task->arg, task);
    } else {
        step(task);
    }
}

void task_wake(void *arg)
{
    struct task *task = arg;
    task->tick =
        tick_start(task->gen->caller.host->loop, on_complete, task, NULL);
    if (!task->tick) { /* no memory for being polite */
        on_complete(task);
    }
}

/* ---- for the host ---- */

struct task *task_start(struct gen *gen, const struct task_options *options,
                        struct err *err)
{
    struct task *task = task_new(gen, options, err);
    if (task && task_schedule(task, err) != 0) {
        task_drop(task);
        task = NULL;
    }
    return task;
}

void task_resume(struct task *task)
{
    if (task->tick || !task->op || !task->op->complete) {
        return;
    }
    if (stepping == 0 || task_schedule(task, NULL) != 0) {
        step(task);
    }
}

void task_cancel(struct task *task)
{
    if (task->cancelled) {
        return;
    }
    task->cancelled = true;
    if (task == task->gen->running) {
        return; /* at its next wait */
    }
    op_free(task->op);
    task->op = NULL;
    stop_limit(task);
    if (task_schedule(task, NULL) != 0) {
        step(task);
    }
}

void task_free(struct task *task)
{
    struct ending ending;
    if (!task) {
        return;
    }
    task_ending_init(&ending, TASK_CANCELLED);
    err_set(&ending.err, ERR_CANCELLED, "closed");
    task_finish(task, &ending, true);
}

struct gen *task_gen(const struct task *task)
{
    return task->gen;
}

const char *task_label(const struct task *task)
{
    return task->label ? task->label : "task";
}

int64_t task_age(const struct task *task)
{
    return loop_now(task->gen->caller.host->loop) - task->started;
}

bool task_is_idle(const struct task *task)
{
    return task->op && (task->op->call->flags & CALL_IDLE);
}

void task_traceback(const struct task *task, struct buf *out)
{
    if (task->thread) {
        trace_write(task->thread, out);
    }
}

/* ---- small parts of core ---- */

static int task_set_entry(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &entry_key);
    return 0;
}

static int task_number(lua_State *L)
{
    const struct task *task = gen_from(L)->running;
    lua_pushinteger(L, task ? task->number : 0);
    return 1;
}

void task_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "set_entry", task_set_entry },
        { "task", task_number },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
    task_ending_open(L);
}

void task_forget_thread(struct task *task)
{
    lua_State *L = task->gen->L;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &threads_key) == LUA_TTABLE) {
        lua_pushnil(L);
        lua_rawsetp(L, -2, task); /* the key is there: no allocation */
    }
    lua_pop(L, 1);
    task->thread = NULL;
}
