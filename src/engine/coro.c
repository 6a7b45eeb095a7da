#include "coro.h"

#include <lauxlib.h>
#include <lualib.h>

#include "gen_internal.h"
#include "luacompat.h"

static const char mark; /* its address is what coro_wait yields */

/* Closes the inner coroutine when the outer one is closed while both wait. */
#define GUARD "lunatrix.guard"
struct guard {
    lua_State *inner; /* NULL: nothing to do; else it is at index 1 */
};

int coro_wait(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&mark);
    return lua_yieldk(L, 1, ctx, k);
}

bool coro_waits(lua_State *thread)
{
    return lua_status(thread) == LUA_YIELD && lua_gettop(thread) > 0 &&
           lua_islightuserdata(thread, -1) &&
           lua_touserdata(thread, -1) == &mark;
}

static lua_State *check_thread(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);
    luaL_argexpected(L, thread, 1, "coroutine");
    return thread;
}

static int guard_close(lua_State *L)
{
    struct guard *guard = luaL_checkudata(L, 1, GUARD);
    lua_State *inner = guard->inner;
    guard->inner = NULL;
    if (inner) {
        luacompat_close_thread(inner, L);
        lua_settop(inner, 0); /* an error in <close>: nobody is left to tell */
    }
    return 0;
}

static void push_guard(lua_State *L)
{
    struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
    guard->inner = NULL;
    luaL_setmetatable(L, GUARD);
    lua_toclose(L, -1);
}

/* ---- resume and wrap; `wrap` raises what resume returns ---- */

static int refuse(lua_State *L, bool wrap, const char *why)
{
    if (wrap) {
        return luaL_error(L, "%s", why);
    }
    lua_pushboolean(L, 0);
    lua_pushstring(L, why);
    return 2;
}

static int failed(lua_State *L, lua_State *co, int status, bool wrap)
{
    int caught = lua_status(co);
    bool died = caught != LUA_OK && caught != LUA_YIELD;
    bool limit = status == LUA_ERRMEM || budget_limit_at(co, -1) ||
                 gen_from(L)->budget.over;
    if (died && (wrap || limit)) {
        luacompat_close_thread(co, L);
    }
    lua_xmove(co, L, 1);
    budget_pass(L, status);
    if (!wrap) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int run(lua_State *L, int count, bool wrap);

static int resumed(lua_State *L, int status, lua_KContext ctx)
{
    lua_State *co = lua_tothread(L, 1);
    (void)status;
    if (!coro_waits(co)) {
        return luaL_error(L, "the coroutine ended while it waited");
    }
    lua_pop(co, 1);
    return run(L, 0, (bool)ctx);
}

static int pass_wait(lua_State *L, lua_State *co, bool wrap)
{
    if (lua_gettop(L) < 2) {
        push_guard(L);
    }
    struct guard *guard = lua_touserdata(L, 2);
    guard->inner = co;
    return coro_wait(L, wrap, resumed);
}

/* The thread at index 1 is resumed with the values on its own stack; at
 * index 2 is the guard, if it has waited before. */
static int run(lua_State *L, int count, bool wrap)
{
    struct gen *gen = gen_from(L);
    lua_State *co = lua_tothread(L, 1);
    bool chain = gen->chain;
    int results = 0;
    if (lua_gettop(L) > 1) {
        ((struct guard *)lua_touserdata(L, 2))->inner = NULL;
    }
    gen->chain = chain && lua_isyieldable(L);
    int status = lua_resume(co, L, count, &results);
    gen->chain = chain;
    if (coro_waits(co)) {
        return pass_wait(L, co, wrap);
    }
    if (status != LUA_OK && status != LUA_YIELD) {
        return failed(L, co, status, wrap);
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        return refuse(L, wrap, "too many results to resume");
    }
    if (!wrap) {
        lua_pushboolean(L, 1);
    }
    lua_xmove(co, L, results);
    return wrap ? results : results + 1;
}

static int start(lua_State *L, bool wrap)
{
    lua_State *co = lua_tothread(L, 1);
    int count = lua_gettop(L) - 1;
    if (coro_waits(co)) {
        return refuse(L, wrap,
                      "cannot resume a coroutine that waits for the host");
    }
    if (co == L || co == gen_from(L)->L) {
        return refuse(L, wrap, "cannot resume non-suspended coroutine");
    }
    if (!lua_checkstack(co, count)) {
        return refuse(L, wrap, "too many arguments to resume");
    }
    lua_xmove(L, co, count);
    return run(L, count, wrap);
}

static int coroutine_resume(lua_State *L)
{
    check_thread(L);
    return start(L, false);
}

static int wrapped(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return start(L, true);
}

static int coroutine_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int coroutine_wrap(lua_State *L)
{
    coroutine_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

/* ---- the rest ---- */

static int coroutine_yield(lua_State *L)
{
    struct gen *gen = gen_from(L);
    if (L == gen->budget.own) {
        return luaL_error(L, "coroutine.yield outside a coroutine: there is "
                             "nobody to yield to (to wait, use matrix.sleep)");
    }
    return lua_yield(L, lua_gettop(L));
}

static const char *status_of(lua_State *L, lua_State *co)
{
    lua_Debug ar;
    if (L == co) {
        return "running";
    }
    if (co == gen_from(L)->L || coro_waits(co)) {
        return "normal"; /* it has begun, and only the host goes on with it */
    }
    switch (lua_status(co)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK:
        if (lua_getstack(co, 0, &ar)) {
            return "normal";
        }
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    default:
        return "dead";
    }
}

static int coroutine_status(lua_State *L)
{
    lua_pushstring(L, status_of(L, check_thread(L)));
    return 1;
}

static int coroutine_close(lua_State *L)
{
    lua_State *co = check_thread(L);
    const char *state = status_of(L, co);
    if (coro_waits(co)) {
        return luaL_error(L,
                          "cannot close a coroutine that waits for the host");
    }
    if (*state != 's' && *state != 'd') {
        return luaL_error(L, "cannot close a %s coroutine", state);
    }
    int status = luacompat_close_thread(co, L);
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_xmove(co, L, 1);
    budget_pass(L, status);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int coroutine_running(lua_State *L)
{
    lua_pushboolean(L, lua_pushthread(L));
    return 2;
}

static int coroutine_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    lua_pushboolean(L, co != gen_from(L)->budget.own && lua_isyieldable(co));
    return 1;
}

void coro_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "create", coroutine_create },
        { "resume", coroutine_resume },
        { "wrap", coroutine_wrap },
        { "yield", coroutine_yield },
        { "status", coroutine_status },
        { "close", coroutine_close },
        { "running", coroutine_running },
        { "isyieldable", coroutine_isyieldable },
        { NULL, NULL },
    };
    luaL_newmetatable(L, GUARD);
    lua_pushcfunction(L, guard_close);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
}
