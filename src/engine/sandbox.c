#include "sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

#include "coro.h"
#include "digest.h"
#include "fileio.h"
#include "gen_internal.h"
#include "module.h"
#include "sandbox_base.h"
#include "sandbox_system.h"

static const char *const base_names[] = {
    "_VERSION", "assert", "collectgarbage", "error",    "getmetatable",
    "ipairs",   "next",   "pairs",          "rawequal", "rawget",
    "rawlen",   "rawset", "select",         "tonumber", "tostring",
    "type",     NULL
};
static const char *const string_names[] = {
    "byte",    "char",  "find",   "format", "gmatch",   "gsub",
    "len",     "lower", "match",  "pack",   "packsize", "rep",
    "reverse", "sub",   "unpack", "upper",  NULL
};
static const char *const table_names[] = { "concat", "insert", "move",   "pack",
                                           "remove", "sort",   "unpack", NULL };
static const char *const math_names[] = {
    "abs", "acos",       "asin", "atan",      "ceil", "cos",    "deg",
    "exp", "floor",      "fmod", "huge",      "log",  "max",    "maxinteger",
    "min", "mininteger", "modf", "pi",        "rad",  "random", "randomseed",
    "sin", "sqrt",       "tan",  "tointeger", "type", "ult",    NULL
};
static const char *const utf8_names[] = { "char",  "charpattern", "codepoint",
                                          "codes", "len",         "offset",
                                          NULL };

/* Pushes a new table with those fields of the table at `from`. */
static void push_chosen(lua_State *L, int from, const char *const *names)
{
    from = lua_absindex(L, from);
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        lua_setfield(L, -2, *names);
    }
}

/* The library on top becomes a global and a loaded module. Stack: globals at
 * 1, loaded at 2. */
static void publish(lua_State *L, const char *name)
{
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    lua_setfield(L, 1, name);
}

static void add_library(lua_State *L, const char *name, lua_CFunction open,
                        const char *const *names)
{
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    push_chosen(L, -1, names);
    publish(L, name);
    lua_pop(L, 1);
}

static void add_base(lua_State *L)
{
    lua_pushcfunction(L, luaopen_base); /* into the first globals */
    lua_call(L, 0, 1);
    push_chosen(L, -1, base_names);
    lua_replace(L, 1);
    lua_pop(L, 1);
    lua_pushvalue(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushvalue(L, 1);
    publish(L, "_G");
    lua_pushvalue(L, 1);
    sandbox_base_open(L);
    lua_pop(L, 1);
}

/* s:method() finds the script's `string`; the metatable itself is locked. */
static void lock_strings(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, 1, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* Repeatable where the host's randomness is. */
static void seed_random(lua_State *L)
{
    lua_Integer seed[2];
    digest_random(seed, sizeof seed);
    lua_getfield(L, 1, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, seed[0]);
    lua_pushinteger(L, seed[1]);
    lua_call(L, 2, 0);
    lua_pop(L, 1);
}

/* Pushes copies of the globals and of the tables in them. */
static void push_copies(lua_State *L)
{
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        const char *name = lua_tostring(L, -2);
        if (lua_istable(L, -1) && strcmp(name, "_G") != 0 &&
            strcmp(name, "package") != 0) {
            lua_newtable(L);
            lua_pushnil(L);
            while (lua_next(L, -3)) {
                lua_pushvalue(L, -2);
                lua_insert(L, -2);
                lua_rawset(L, -4);
            }
            lua_setfield(L, -4, name);
        } else {
            lua_pushvalue(L, -1);
            lua_setfield(L, -4, name);
        }
        lua_pop(L, 1);
    }
}

void sandbox_open(lua_State *L)
{
    lua_settop(L, 0);
    lua_newtable(L); /* 1: globals */
    lua_newtable(L); /* 2: loaded */
    add_base(L);
    add_library(L, "string", luaopen_string, string_names);
    add_library(L, "table", luaopen_table, table_names);
    add_library(L, "math", luaopen_math, math_names);
    add_library(L, "utf8", luaopen_utf8, utf8_names);
    lock_strings(L);
    seed_random(L);
    coro_open(L);
    publish(L, "coroutine");
    fileio_open(L);
    publish(L, "io");
    sandbox_os_open(L);
    publish(L, "os");
    sandbox_debug_open(L);
    publish(L, "debug");
    lua_settop(L, 2);
    module_open(L);
    push_copies(L);
    lua_pushvalue(L, 1);
    sandbox_base_warn(L);
    lua_pop(L, 1);
    lua_replace(L, 1);
    lua_settop(L, 1);
}
