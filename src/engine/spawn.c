#include "spawn.h"

#include <stdio.h>

#include <lauxlib.h>

#include "digest.h"
#include "limits.h"
#include "port.h"
#include "task_internal.h"

/* The handle: its user value is the table of results once there are some. */
#define HANDLE "lunatrix.task"
struct handle {
    struct outcome *outcome; /* NULL: the task was never started */
};

static struct handle *check_handle(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    luaL_argcheck(L, handle->outcome, 1, "task was not started");
    return handle;
}

static int handle_gc(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    outcome_release(handle->outcome);
    handle->outcome = NULL;
    return 0;
}

/* ---- the task's own thread: handle, function, arguments ---- */

static int body_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    int count = lua_gettop(L) - 1;
    lua_createtable(L, count, 1);
    lua_insert(L, 2);
    for (int i = count; i > 0; i--) {
        lua_rawseti(L, 2, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, 2, "n");
    lua_setiuservalue(L, 1, 1);
    return 0;
}

static int body(lua_State *L)
{
    lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, body_done);
    return body_done(L, LUA_OK, 0);
}

/* ---- spawn ---- */

static struct handle *push_handle(lua_State *L)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
    handle->outcome = NULL;
    luaL_setmetatable(L, HANDLE);
    handle->outcome = outcome_new();
    if (!handle->outcome) {
        luaL_error(L, "cannot spawn a task: out of memory");
    }
    return handle;
}

#define PATH_MOST 128 /* then it goes on from its hash */

/* "3.1.2": no two tasks of an event have the same, however long the line of
 * those that spawned each other. */
static void write_path(struct task *parent, char *path, size_t size)
{
    const char *from = parent->cause_path ? parent->cause_path : "0";
    unsigned char hash[SHA256_SIZE];
    struct buf text;
    buf_init(&text, 2 * SHA256_SIZE);
    if (strlen(from) > PATH_MOST) {
        digest_sha256(slice_str(from), hash);
        digest_hex(slice_make((const char *)hash, sizeof hash), &text);
        from = buf_str(&text);
    }
    snprintf(path, size, "%s.%u", from, ++parent->spawned);
    buf_free(&text);
}

static struct task *new_task(lua_State *L, struct task *parent, struct err *err)
{
    char label[TRACE_FILE + 32], path[PATH_MOST + 16];
    struct trace_place place;
    bool known = trace_where(L, 0, &place);
    snprintf(label, sizeof label, "task spawned at %s:%d",
             known ? place.file : "?", place.line);
    write_path(parent, path, sizeof path);
    struct task_options options = {
        .label = label,
        .cause = { slice_str(parent->cause_event), slice_str(path), 0,
                   parent->delivery },
        .limit_ms = parent->limit_ms,
    };
    return task_new(gen_from(L), &options, err);
}

/* Stack: handle, function, arguments. */
static void fill_thread(lua_State *L, struct task *task)
{
    int count = lua_gettop(L);
    lua_State *thread = task_make_thread(L, task);
    luaL_checkstack(L, count, "too many arguments");
    if (!lua_checkstack(thread, count + 1)) {
        luaL_error(L, "too many arguments");
    }
    lua_pushcfunction(thread, body);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
    }
    lua_xmove(L, thread, count);
    task->nargs = count;
}

static int spawn_spawn(lua_State *L)
{
    struct gen *gen = gen_from(L);
    struct err err;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    gen_sweep(gen);
    if (!gen->running || gen->closing) {
        return port_raise(L, "a task can only be spawned in a task");
    }
    if (gen->retired) {
        err_set(&err, ERR_CANCELLED,
                "cannot spawn a task: this script is being replaced");
        return port_fail(L, &err);
    }
    struct handle *handle = push_handle(L);
    lua_insert(L, 1);
    struct task *task = gen->draft = new_task(L, gen->running, &err);
    if (!task) {
        return port_fail(L, &err);
    }
    fill_thread(L, task); /* may raise: then gen_sweep takes the task back */
    if (task_schedule(task, &err) != 0) {
        return port_fail(L, &err);
    }
    gen->draft = NULL;
    task->outcome = handle->outcome;
    task->outcome->task = task;
    handle->outcome->refs++;
    lua_settop(L, 1);
    return 1;
}

/* ---- cancel ---- */

static int spawn_cancel(lua_State *L)
{
    struct err err;
    struct task *task = check_handle(L)->outcome->task;
    if (!task) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (task == task->gen->running) {
        return port_raise(L, "a task cannot cancel itself");
    }
    /* Its step in a later turn first: without one task_cancel would have to
     * take it here, inside another task. */
    if (task_schedule(task, &err) != 0) {
        return port_fail(L, &err);
    }
    task_cancel(task);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- join ---- */

static int push_results(lua_State *L, const struct outcome *outcome)
{
    if (outcome->failed) {
        struct err err;
        err_set(&err, ERR_TASK, "%s",
                outcome->error ? outcome->error : "out of memory");
        return port_fail(L, &err);
    }
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, 2, "n");
    int count = (int)lua_tointeger(L, -1);
    luaL_checkstack(L, count, "too many results");
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
    }
    return count;
}

static int joined(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    task_waited(L);
    return push_results(L, check_handle(L)->outcome);
}

static int spawn_join(lua_State *L)
{
    struct gen *gen = gen_from(L);
    struct err err;
    struct outcome *outcome = check_handle(L)->outcome;
    lua_settop(L, 1);
    if (outcome->ended) {
        return push_results(L, outcome);
    }
    if (gen->running && gen->running->outcome == outcome) {
        return port_raise(L, "a task cannot join itself");
    }
    if (task_enter_wait(L, "join")) {
        return coro_wait(L, 0, joined);
    }
    outcome_target(outcome);
    struct op *op = op_start(&gen->caller, &outcome_join, NULL, slice_str("{}"),
                             SLICE_NONE, task_wake, gen->running, &err);
    if (!op) {
        return port_fail(L, &err);
    }
    gen->running->op = op;
    gen->running->parks = true;
    return coro_wait(L, 0, joined);
}

void spawn_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "spawn", spawn_spawn },
        { "join", spawn_join },
        { "cancel", spawn_cancel },
        { NULL, NULL },
    };
    luaL_newmetatable(L, HANDLE);
    lua_pushcfunction(L, handle_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
