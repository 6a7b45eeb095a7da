#include "config_run.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

#include "json_lua.h"
#include "limits.h"

/* The file's state: little time, little memory, nothing in it. */
struct runner {
    struct slice text;
    const char *path;
    struct buf *json;
    size_t memory;
    clock_t deadline;
};

static void *runner_allocate(void *arg, void *ptr, size_t old, size_t size)
{
    struct runner *run = arg;

    if (!ptr)
        old = 0;
    if (size == 0) {
        free(ptr);
        run->memory -= old;
        return NULL;
    }
    if (size > old && run->memory + size - old > LIMIT_CONFIG_MEMORY)
        return NULL;
    void *grown = realloc(ptr, size);
    if (grown)
        run->memory += size - old;
    return grown;
}

static void runner_hook(lua_State *L, lua_Debug *ar)
{
    void *arg;

    (void)ar;
    lua_getallocf(L, &arg);
    if (clock() > ((struct runner *)arg)->deadline)
        luaL_error(L, "it runs for too long (%d ms)", LIMIT_CONFIG_CPU_MS);
}

/* The protected function: compiles the text, runs it in an empty environment,
 * and writes what it returns as JSON. */
static int runner_main(lua_State *L)
{
    struct runner *run = lua_touserdata(L, 1);
    char name[256];

    snprintf(name, sizeof name, "@%s", run->path);
    if (luaL_loadbufferx(L, run->text.ptr, run->text.len, name, "t") != LUA_OK)
        return lua_error(L);
    lua_newtable(L);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1))
        return luaL_error(L, "%s:1: it must return a table", run->path);
    json_lua_write(L, lua_gettop(L), run->json, 0);
    return 0;
}

int config_run(const char *path, struct slice text, struct buf *json,
               struct err *err)
{
    struct runner run = { text, path, json, 0,
                          clock() +
                              LIMIT_CONFIG_CPU_MS * CLOCKS_PER_SEC / 1000 };
    lua_State *L = lua_newstate(runner_allocate, &run);
    int result = 0;

    if (!L)
        return err_set(err, ERR_LIMIT, "cannot run %s: out of memory", path);
    lua_sethook(L, runner_hook, LUA_MASKCOUNT, LIMIT_HOOK_INSTRUCTIONS);
    lua_pushcfunction(L, runner_main);
    lua_pushlightuserdata(L, &run);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        bool placed = message && strncmp(message, path, strlen(path)) == 0;
        result = err_set(err, ERR_CONFIG, "%s%s%s", placed ? "" : path,
                         placed ? "" : ": ",
                         message ? message : "it raised an error");
    }
    lua_close(L);
    return result;
}
