#include "sandbox_system.h"

#include <limits.h>

#include <lauxlib.h>
#include <lualib.h>

#include "gen_internal.h"
#include "limits.h"

/* ---- os; under a virtual loop its clock is the time ---- */

static const struct loop *virtual_loop(lua_State *L)
{
    const struct loop *loop = gen_from(L)->caller.host->loop;
    return loop_is_virtual(loop) ? loop : NULL;
}

/* Calls the stock function, which is the upvalue. */
static int call_stock(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int os_time(lua_State *L)
{
    const struct loop *loop = virtual_loop(L);
    if (loop && lua_isnoneornil(L, 1)) {
        lua_pushinteger(L, loop_wall(loop) / 1000);
        return 1;
    }
    return call_stock(L);
}

static int os_date(lua_State *L)
{
    const struct loop *loop = virtual_loop(L);
    if (loop && lua_isnoneornil(L, 2)) {
        if (lua_isnone(L, 1)) {
            lua_pushliteral(L, "%c");
        }
        lua_settop(L, 1);
        lua_pushinteger(L, loop_wall(loop) / 1000);
    }
    return call_stock(L);
}

static int os_clock(lua_State *L)
{
    const struct loop *loop = virtual_loop(L);
    if (loop) {
        lua_pushnumber(L, (lua_Number)loop_now(loop) / 1000);
        return 1;
    }
    return call_stock(L);
}

static void wrap(lua_State *L, int stock, const char *name, lua_CFunction fn)
{
    lua_getfield(L, stock, name);
    lua_pushcclosure(L, fn, 1);
    lua_setfield(L, -2, name);
}

void sandbox_os_open(lua_State *L)
{
    static const char *const names[] = { "difftime", "getenv", NULL };
    lua_pushcfunction(L, luaopen_os);
    lua_call(L, 0, 1);
    int stock = lua_gettop(L);
    lua_newtable(L);
    for (const char *const *name = names; *name; name++) {
        lua_getfield(L, stock, *name);
        lua_setfield(L, -2, *name);
    }
    wrap(L, stock, "time", os_time);
    wrap(L, stock, "date", os_date);
    wrap(L, stock, "clock", os_clock);
    lua_remove(L, stock);
}

/* ---- debug ---- */

/* Those two take a thread first, if they like. */
static lua_State *thread_arg(lua_State *L, int *arg)
{
    *arg = lua_isthread(L, 1) ? 1 : 0;
    return *arg ? lua_tothread(L, 1) : L;
}

static int debug_traceback(lua_State *L)
{
    int arg;
    struct gen *gen = gen_from(L);
    lua_State *thread = thread_arg(L, &arg);
    if (!lua_isnoneornil(L, arg + 1) && !lua_isstring(L, arg + 1)) {
        lua_settop(L, arg + 1);
        return 1;
    }
    const char *message = lua_tostring(L, arg + 1);
    buf_clear(&gen->scratch);
    gen->scratch.max = LIMIT_TRACE;
    trace_write(thread, &gen->scratch);
    lua_pushfstring(L, "%s%sstack traceback:\n%s", message ? message : "",
                    message ? "\n" : "", "");
    luaL_gsub(L, buf_str(&gen->scratch), "\n", "\n\t");
    lua_pushfstring(L, "%s\t%s", lua_tostring(L, -2), lua_tostring(L, -1));
    return 1;
}

static void set_field(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, int value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

/* Never the function itself: it could be the library's. */
static int debug_getinfo(lua_State *L)
{
    int arg;
    lua_Debug ar;
    lua_State *thread = thread_arg(L, &arg);
    if (lua_isfunction(L, arg + 1)) {
        lua_pushvalue(L, arg + 1);
        lua_getinfo(L, ">Sut", &ar);
        ar.currentline = -1;
        ar.name = NULL;
        ar.namewhat = "";
    } else {
        lua_Integer level = luaL_checkinteger(L, arg + 1);
        if (level < 0 || level > INT_MAX ||
            !lua_getstack(thread, (int)level, &ar)) {
            lua_pushnil(L);
            return 1;
        }
        lua_getinfo(thread, "Slnut", &ar);
    }
    lua_createtable(L, 0, 12);
    set_field(L, "source", ar.source);
    set_field(L, "short_src", ar.short_src);
    set_field(L, "what", ar.what);
    set_number(L, "currentline", ar.currentline);
    set_number(L, "linedefined", ar.linedefined);
    set_number(L, "lastlinedefined", ar.lastlinedefined);
    set_field(L, "name", ar.name);
    set_field(L, "namewhat", ar.namewhat);
    set_number(L, "nups", ar.nups);
    set_number(L, "nparams", ar.nparams);
    lua_pushboolean(L, ar.isvararg);
    lua_setfield(L, -2, "isvararg");
    lua_pushboolean(L, ar.istailcall);
    lua_setfield(L, -2, "istailcall");
    return 1;
}

void sandbox_debug_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "traceback", debug_traceback },
        { "getinfo", debug_getinfo },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
}
