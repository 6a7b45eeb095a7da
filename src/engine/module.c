#include "module.h"

#include <errno.h>
#include <stdio.h>

#include <lauxlib.h>
#include <lua-cjson.h>

#include "file.h"
#include "gen_internal.h"
#include "limits.h"
#include "port.h"

static const char loading_key; /* registry: names being required, in order */

/* A first line that begins with '#' is for the system's shell; the line's end
 * stays, so that lines count right. */
static struct slice skip_head(struct slice text)
{
    if (slice_starts(text, "\xEF\xBB\xBF")) {
        text = slice_make(text.ptr + 3, text.len - 3);
    }
    if (slice_starts(text, "#")) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t skip = end ? (size_t)(end - text.ptr) : text.len;
        text = slice_make(text.ptr + skip, text.len - skip);
    }
    return text;
}

int module_load(lua_State *L, const char *path, struct err *err)
{
    struct gen *gen = gen_from(L);
    char name[LIMIT_PATH + 1];
    struct buf text;
    buf_init(&text, LIMIT_SCRIPT_FILE);
    int status;
    if (gen->caller.exec) { /* which may be told to read a pipe */
        status = file_read(path, LIMIT_SCRIPT_FILE, &text, err);
    } else if (gen->track) {
        status = track_read(gen->track, path, &text, err);
    } else {
        status = file_read_regular(path, LIMIT_SCRIPT_FILE, &text, err);
    }
    if (status == 0) {
        struct slice chunk = skip_head(buf_slice(&text));
        snprintf(name, sizeof name, "@%s", path);
        status = luaL_loadbufferx(L, chunk.ptr, chunk.len, name, "t");
    }
    int kept = errno;
    buf_free(&text);
    errno = kept;
    return status;
}

/* ---- require ---- */

#define GUARD "lunatrix.loading"
struct guard {
    lua_Integer depth; /* of the list when this one is through */
};

static int guard_close(lua_State *L)
{
    const struct guard *guard = luaL_checkudata(L, 1, GUARD);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key);
    for (lua_Integer i = luaL_len(L, -1); i > guard->depth; i--) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    return 0;
}

/* "'a' requires 'b' requires 'a'" */
static int raise_circle(lua_State *L, const char *name, lua_Integer first,
                        lua_Integer last)
{
    luaL_Buffer b;
    int list = lua_gettop(L);
    luaL_buffinit(L, &b);
    for (lua_Integer i = first; i <= last; i++) {
        lua_rawgeti(L, list, i);
        lua_pushfstring(L, "'%s' requires ", lua_tostring(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    return port_raise(L, "circular require: %s'%s'", lua_tostring(L, -1), name);
}

/* Notes that name is being loaded, until this function's caller returns. */
static void enter(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key);
    lua_Integer depth = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= depth; i++) {
        lua_rawgeti(L, -1, i);
        bool same = strcmp(lua_tostring(L, -1), name) == 0;
        lua_pop(L, 1);
        if (same) {
            raise_circle(L, name, i, depth);
        }
    }
    struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
    guard->depth = depth;
    luaL_setmetatable(L, GUARD);
    lua_insert(L, -2);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, depth + 1);
    lua_pop(L, 1);
    lua_toclose(L, -1);
}

static const char *const places[] = { "", "", "rocks/", "rocks/" };
static const char *const endings[] = { ".lua", "/init.lua", ".lua",
                                       "/init.lua" };
#define PLACES (sizeof places / sizeof places[0])

static const char *join_path(lua_State *L, size_t place, const char *name)
{
    const char *directory = gen_from(L)->directory;
    bool here = strcmp(directory, ".") == 0;
    return lua_pushfstring(L, "%s%s%s%s%s", here ? "" : directory,
                           here ? "" : "/", places[place], name,
                           endings[place]);
}

/* Stack in require: 1 name, 2 package.loaded, 3 guard; the loader goes to 4
 * and its second argument, the path, to 5. */

static int raise_missing(lua_State *L, const char *name)
{
    luaL_Buffer tried;
    int last = lua_gettop(L);
    luaL_buffinit(L, &tried);
    for (int i = 5; i <= last; i++) {
        lua_pushfstring(L, "\n\tno file '%s'", lua_tostring(L, i));
        luaL_addvalue(&tried);
    }
    luaL_pushresult(&tried);
    return port_raise(L, "module '%s' not found:%s", name, lua_tostring(L, -1));
}

static void find_file(lua_State *L, const char *name)
{
    struct err err;
    const char *file = luaL_gsub(L, name, ".", "/"); /* at 4 */
    for (size_t i = 0; i < PLACES; i++) {
        const char *path = join_path(L, i, file);
        int status = module_load(L, path, &err);
        if (status == LUA_OK) {
            lua_replace(L, 4);
            lua_copy(L, -1, 5);
            lua_settop(L, 5);
            return;
        }
        if (status > 0) {
            budget_pass(L, status);
            lua_error(L); /* the file's own line is in the message */
        }
        if (errno != ENOENT && errno != ENOTDIR) {
            port_raise(L, "module '%s': %s", name, err.text);
        }
    }
    raise_missing(L, name);
}

static void find_loader(lua_State *L, const char *name)
{
    lua_pushvalue(L, lua_upvalueindex(1)); /* package.preload */
    if (lua_getfield(L, 4, name) == LUA_TFUNCTION) {
        lua_replace(L, 4);
        lua_pushliteral(L, ":preload:");
    } else {
        lua_settop(L, 3);
        find_file(L, name);
    }
}

static int module_require(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    lua_settop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, 2, name);
    if (lua_toboolean(L, -1)) {
        return 1;
    }
    lua_pop(L, 1);
    if (strlen(name) != len || len == 0 || strchr("./", name[0])) {
        return port_raise(L, "module '%s': not a name", name);
    }
    enter(L, name);
    find_loader(L, name);
    lua_pushvalue(L, 4);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 5);
    lua_call(L, 2, 1);
    if (!lua_isnil(L, -1)) {
        lua_setfield(L, 2, name);
    }
    if (lua_getfield(L, 2, name) == LUA_TNIL) {
        lua_pushboolean(L, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, 2, name);
    }
    lua_pushvalue(L, 5);
    return 2;
}

/* ---- loadfile and dofile ---- */

/* A script's file name, below its directory (for a plain script: below the
 * working directory); raises for any other. */
static const char *check_file(lua_State *L)
{
    const struct gen *gen = gen_from(L);
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    if (len == 0 || len > LIMIT_PATH / 2 || strlen(name) != len ||
        name[0] == '/' || module_leaves(name)) {
        port_raise(L, "'%s' is not a file below the script's directory", name);
    }
    if (gen->caller.exec || strcmp(gen->directory, ".") == 0) {
        return name;
    }
    return lua_pushfstring(L, "%s/%s", gen->directory, name);
}

bool module_leaves(const char *path)
{
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0')) {
            return true;
        }
        if (*p == '\0') {
            break;
        }
    }
    return false;
}

/* Pushes the chunk: true; or the message. */
static bool load_file(lua_State *L)
{
    struct err err;
    int status = module_load(L, check_file(L), &err);
    if (status < 0) {
        lua_pushstring(L, err.text);
    } else if (status != LUA_OK) {
        budget_pass(L, status);
    }
    return status == LUA_OK;
}

static int module_loadfile(lua_State *L)
{
    bool env = !lua_isnone(L, 3);
    if (!load_file(L)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (env) {
        lua_pushvalue(L, 3);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

static int dofile_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    return lua_gettop(L) - 1;
}

static int module_dofile(lua_State *L)
{
    lua_settop(L, 1);
    if (!load_file(L)) {
        return lua_error(L);
    }
    lua_replace(L, 1); /* drops the path */
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_insert(L, 1);
    lua_callk(L, 0, LUA_MULTRET, 0, dofile_done);
    return dofile_done(L, LUA_OK, 0);
}

/* ---- the table ---- */

static void push_path(lua_State *L)
{
    int first = lua_gettop(L);
    for (size_t i = 0; i < PLACES; i++) {
        join_path(L, i, "?");
        lua_pushliteral(L, ";");
    }
    lua_pop(L, 1);
    lua_concat(L, lua_gettop(L) - first);
}

static void push_package(lua_State *L)
{
    lua_newtable(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_setfield(L, -2, "loaded");
    lua_newtable(L);
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_setfield(L, -2, "preload");
    push_path(L);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pushliteral(L, "/\n;\n?\n!\n-\n");
    lua_setfield(L, -2, "config");
}

void module_open(lua_State *L)
{
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    luaL_newmetatable(L, GUARD);
    lua_pushcfunction(L, guard_close);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loading_key);
    push_package(L);
    lua_pushvalue(L, -1);
    lua_setglobal(L, "package");
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcclosure(L, module_require, 1);
    lua_setglobal(L, "require");
    lua_pop(L, 1);
    lua_pushcfunction(L, module_loadfile);
    lua_setglobal(L, "loadfile");
    lua_pushcfunction(L, module_dofile);
    lua_setglobal(L, "dofile");
}
