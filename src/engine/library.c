#include "library.h"

#include <errno.h>
#include <stdio.h>

#include <lauxlib.h>

#include "embedded.h"
#include "file.h"
#include "gen_internal.h"
#include "limits.h"
#include "port.h"
#include "pure.h"
#include "spawn.h"
#include "task_internal.h"
#include "version.h"

static const char env_key;   /* registry: what its chunks see as globals */
static const char core_key;  /* registry: the table `core` */
static const char cache_key; /* registry: name -> value, for core.require */

static int load_text(lua_State *L, const char *file, struct slice text)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s.lua", TRACE_LIBRARY, file);
    return luaL_loadbufferx(L, text.ptr, text.len, name, "t");
}

/* -1: there is no such file under lua_path. */
static int load_override(lua_State *L, const char *file)
{
    const char *directory = gen_from(L)->lua_path;
    char path[LIMIT_PATH];
    struct buf text;
    int status = -1;
    if (!directory) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/matrix/%s.lua", directory, file);
    buf_init(&text, LIMIT_SCRIPT_FILE);
    if (file_read(path, LIMIT_SCRIPT_FILE, &text, NULL) == 0) {
        status = load_text(L, file, buf_slice(&text));
    }
    buf_free(&text);
    return status;
}

static int load_embedded(lua_State *L, const char *file)
{
    char path[64];
    snprintf(path, sizeof path, "matrix/%s.lua", file);
    for (const struct embedded_file *f = matrix_files; f->module; f++) {
        if (strcmp(f->path, path) == 0) {
            return load_text(L, file, slice_make(f->text, f->size));
        }
    }
    return -1;
}

/* Calls the file's chunk with core; leaves its results above the stack as it
 * was, wanted of them. */
static void run_file(lua_State *L, const char *file, int wanted)
{
    int status = load_override(L, file);
    if (status == -1) {
        status = load_embedded(L, file);
    }
    if (status == -1) {
        luaL_error(L, "there is no library file matrix/%s.lua", file);
    }
    if (status != LUA_OK) {
        lua_error(L);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_setupvalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
    lua_call(L, 1, wanted);
}

static int library_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key);
    switch (lua_getfield(L, 2, name)) {
    case LUA_TNIL:
        break;
    case LUA_TBOOLEAN:
        if (!lua_toboolean(L, -1)) {
            return luaL_error(L, "library files require each other: %s", name);
        }
        return 1;
    default:
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, 2, name);
    run_file(L, name, 1);
    if (lua_isnil(L, -1)) {
        lua_pushboolean(L, 1);
        lua_replace(L, -2);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

static void push_core(lua_State *L)
{
    const struct gen *gen = gen_from(L);
    lua_newtable(L);
    port_open(L);
    task_open(L);
    spawn_open(L);
    pure_open(L);
    lua_pushcfunction(L, library_require);
    lua_setfield(L, -2, "require");
    lua_pushboolean(L, gen->caller.exec);
    lua_setfield(L, -2, "exec");
    lua_pushstring(L, gen->script);
    lua_setfield(L, -2, "script");
    lua_pushinteger(L, gen->caller.generation);
    lua_setfield(L, -2, "generation");
    lua_pushliteral(L, LUNATRIX_VERSION);
    lua_setfield(L, -2, "version");
}

/* The value on top, popped, as a global of scripts. */
static void set_raw_global(lua_State *L, const char *name)
{
    lua_pushglobaltable(L);
    lua_insert(L, -2);
    lua_pushstring(L, name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

void library_open(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
    push_core(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cache_key);
    run_file(L, "init", 2);
    set_raw_global(L, "bot");
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "matrix");
    lua_pop(L, 1);
    set_raw_global(L, "matrix");
}
