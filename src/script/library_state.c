#include "library_state.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "embedded.h"
#include "file.h"
#include "limits.h"

/* Pushes the compiled library file. */
static void load_file(lua_State *L, const char *lua_path, const char *name)
{
    char path[LIMIT_PATH], file[100];
    struct buf text;
    int status = -1;
    snprintf(file, sizeof file, "matrix/%s.lua", name);
    buf_init(&text, LIMIT_SCRIPT_FILE);
    if (lua_path) {
        snprintf(path, sizeof path, "%s/%s", lua_path, file);
        if (file_read(path, LIMIT_SCRIPT_FILE, &text, NULL) == 0) {
            status = luaL_loadbufferx(L, buf_str(&text), text.len, file, "t");
        }
    }
    buf_free(&text);
    for (const struct embedded_file *f = matrix_files; status < 0 && f->module;
         f++) {
        if (strcmp(f->path, file) == 0) {
            status = luaL_loadbufferx(L, f->text, f->size, file, "t");
        }
    }
    if (status < 0) {
        luaL_error(L, "there is no library file %s", name);
    }
    if (status > 0) {
        lua_error(L);
    }
}

/* core.require: upvalue 1 is core, 2 the cache, 3 the path. */
static int require_file(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (lua_getfield(L, lua_upvalueindex(2), name) != LUA_TNIL) {
        return 1;
    }
    load_file(L, lua_touserdata(L, lua_upvalueindex(3)), name);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_call(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(2), name);
    return 1;
}

void library_state_push(lua_State *L, const char *lua_path)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)lua_path);
    lua_pushcclosure(L, require_file, 3);
    lua_setfield(L, -2, "require");
}
