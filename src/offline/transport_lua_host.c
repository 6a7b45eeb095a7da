#include "transport_lua_host.h"

#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "embedded.h"
#include "json_lua.h"
#include "limits.h"

static const char host_key; /* registry: struct transport_lua_host */

static struct transport_lua_host *host_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &host_key);
    struct transport_lua_host *host = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return host;
}

static struct slice check_slice(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);
    return slice_make(text, len);
}

/* ---- the module homeserver.host ---------------------------------------- */

/* now(): milliseconds since 1970, on the loop's clock. */
static int host_now(lua_State *L)
{
    lua_pushinteger(L, loop_wall(host_of(L)->loop));
    return 1;
}

/* answer(id, status, headers, body) */
static int host_answer(lua_State *L)
{
    struct http_header headers[32];
    struct transport_lua_reply reply = { .headers = headers };
    reply.status = (int)luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    reply.body = check_slice(L, 4);
    luaL_argcheck(L, reply.status >= 100 && reply.status < 600, 2, "status");
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        luaL_argcheck(L, reply.header_count < 32, 3, "too many headers");
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 3, "header name");
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 3, "header value");
        headers[reply.header_count++] =
            (struct http_header) { check_slice(L, -2), check_slice(L, -1) };
        lua_pop(L, 1); /* the table keeps it */
    }
    struct transport_lua_host *host = host_of(L);
    host->reply(host->arg, luaL_checkinteger(L, 1), &reply);
    return 0;
}

/* lose(id): the server acted, its answer never comes. */
static int host_lose(lua_State *L)
{
    struct err err;
    struct transport_lua_reply reply = { .err = &err };
    struct transport_lua_host *host = host_of(L);
    err_set(&err, ERR_NETWORK, "the connection to test broke");
    err.unknown = true;
    host->reply(host->arg, luaL_checkinteger(L, 1), &reply);
    return 0;
}

/* refuse(id, url): nobody is there. */
static int host_refuse(lua_State *L)
{
    struct err err;
    struct transport_lua_reply reply = { .err = &err };
    struct transport_lua_host *host = host_of(L);
    err_set(&err, ERR_NETWORK, "cannot connect to %.200s: there is no network",
            luaL_checkstring(L, 2));
    host->reply(host->arg, luaL_checkinteger(L, 1), &reply);
    return 0;
}

/* decode(text): nil for what is not JSON. */
static int host_decode(lua_State *L)
{
    if (json_lua_push(L, check_slice(L, 1), NULL) != 0)
        lua_pushnil(L);
    return 1;
}

static int write_json(lua_State *L)
{
    json_lua_write(L, 2, lua_touserdata(L, 1), JSON_LUA_SORTED);
    return 0;
}

static int host_encode(lua_State *L)
{
    struct buf out;
    buf_init(&out, LIMIT_OFFLINE_JSON);
    lua_settop(L, 1);
    lua_pushcfunction(L, write_json);
    lua_pushlightuserdata(L, &out);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        buf_free(&out);
        return lua_error(L);
    }
    lua_pushlstring(L, buf_str(&out), out.len);
    buf_free(&out);
    return 1;
}

/* array(t): t, marked so that {} becomes []. */
static int host_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    json_lua_push_array_metatable(L);
    lua_setmetatable(L, 1);
    return 1;
}

static const luaL_Reg functions[] = {
    { "now", host_now },       { "answer", host_answer },
    { "lose", host_lose },     { "refuse", host_refuse },
    { "decode", host_decode }, { "encode", host_encode },
    { "array", host_array },   { NULL, NULL },
};

/* ---- opening ----------------------------------------------------------- */

/* A value of package.preload: compiles and runs its file. */
static int load_file(lua_State *L)
{
    const struct embedded_file *file = lua_touserdata(L, lua_upvalueindex(1));
    char name[80];
    snprintf(name, sizeof name, "=%s", file->path);
    if (luaL_loadbufferx(L, file->text, file->size, name, "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    return 1;
}

void transport_lua_host_open(lua_State *L, struct transport_lua_host *host)
{
    luaL_openlibs(L);
    lua_pushlightuserdata(L, host);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &host_key);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const struct embedded_file *f = homeserver_files; f->module; f++) {
        lua_pushlightuserdata(L, (void *)f);
        lua_pushcclosure(L, load_file, 1);
        lua_setfield(L, -2, f->module);
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL); /* null, as json_lua has it */
    lua_setfield(L, -2, "null");
    lua_setfield(L, -2, "homeserver.host");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "homeserver");
    lua_call(L, 1, 1);
}
