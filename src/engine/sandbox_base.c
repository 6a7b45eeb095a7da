#include "sandbox_base.h"

#include <stdio.h>

#include <lauxlib.h>

#include "gen_internal.h"
#include "limits.h"
#include "port.h"

/* ---- pcall and xpcall ---- */

static int call_done(lua_State *L, int status, lua_KContext skip)
{
    if (status == LUA_OK || status == LUA_YIELD) {
        return lua_gettop(L) - (int)skip;
    }
    budget_pass(L, status);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, call_done);
    return call_done(L, status, 0);
}

/* The script's handler, but not for limits: their error may come from inside
 * the hook, and then the handler would run with hooks off. */
static int handle(lua_State *L)
{
    if (budget_limit_at(L, 1) != BUDGET_NONE) {
        return 1;
    }
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int base_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* f, handler, true, f, arguments */
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, call_done);
    return call_done(L, status, 2);
}

/* ---- setmetatable ---- */

static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2,
                     "nil or table");
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "__gc is not for scripts: use <close>");
        }
        lua_pop(L, 1);
    }
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* ---- load: text only ---- */

/* Piece by piece; the last one stays at index 5 while Lua reads it. */
static const char *read_piece(lua_State *L, void *arg, size_t *size)
{
    (void)arg;
    luaL_checkstack(L, 2, "too many nested functions");
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        *size = 0;
        return NULL;
    }
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "reader function must return a string");
    }
    lua_replace(L, 5);
    return lua_tolstring(L, 5, size);
}

static int base_load(lua_State *L)
{
    bool env = !lua_isnone(L, 4);
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    const char *mode = luaL_optstring(L, 3, "bt");
    int status;
    lua_settop(L, 4);
    lua_pushnil(L);
    if (strchr(mode, 't') == NULL) {
        lua_pushnil(L);
        lua_pushfstring(L, "attempt to load a text chunk (mode is '%s')", mode);
        return 2;
    }
    if (text) {
        status =
            luaL_loadbufferx(L, text, len, luaL_optstring(L, 2, text), "t");
    } else {
        const char *name = luaL_optstring(L, 2, "=(load)");
        luaL_checktype(L, 1, LUA_TFUNCTION);
        status = lua_load(L, read_piece, NULL, name, "t");
    }
    if (status != LUA_OK) {
        budget_pass(L, status);
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (env) {
        lua_pushvalue(L, 4);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

/* ---- print ---- */

static int base_print(lua_State *L)
{
    luaL_Buffer b;
    int count = lua_gettop(L);
    size_t len;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addchar(&b, '\t');
        }
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    const char *text = lua_tolstring(L, -1, &len);
    if (gen_from(L)->caller.exec) {
        fwrite(text, 1, len, stdout);
        putchar('\n');
        fflush(stdout); /* as Lua's own does: whoever reads waits for lines */
    } else {
        port_log(L, "info", slice_make(text, len), NULL);
    }
    return 0;
}

/* ---- undeclared globals ---- */

/* __newindex of the globals; upvalue: the names told already. */
static int new_global(lua_State *L)
{
    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING && !lua_isnil(L, 3) &&
        lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL) {
        char text[512];
        snprintf(text, sizeof text,
                 "'%.100s' was not declared: write 'local %.100s', or it is "
                 "shared by the whole script",
                 lua_tostring(L, 2), lua_tostring(L, 2));
        port_log(L, "warn", slice_str(text), NULL);
        lua_pushvalue(L, 2);
        lua_pushboolean(L, 1);
        lua_rawset(L, lua_upvalueindex(1));
    }
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

void sandbox_base_warn(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_newtable(L);
    lua_pushcclosure(L, new_global, 1);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
}

void sandbox_base_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "load", base_load },     { "pcall", base_pcall },
        { "print", base_print },   { "setmetatable", base_setmetatable },
        { "xpcall", base_xpcall }, { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
