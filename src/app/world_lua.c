#include "world_lua.h"

#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "chat_input.h"
#include "embedded.h"
#include "file.h"
#include "html.h"
#include "json_lua.h"
#include "limits.h"
#include "world.h"

struct bench {
    const char *lua_path, *format, *only;
    const char *const *files;
    int count;
    const struct world_lua_chat *chat; /* instead of files */
    struct world *world;
    struct buf log; /* "<level><line>\0" for each line */
    struct buf text;
    int failed; /* result */
};

static const char bench_key; /* registry: struct bench */
static const char core_key;  /* registry: the table `core` */

static struct bench *bench_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &bench_key);
    struct bench *bench = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return bench;
}

static struct world *world_of(lua_State *L)
{
    struct world *world = bench_of(L)->world;
    if (!world)
        luaL_error(L, "the case is over: its world is gone");
    return world;
}

static struct slice opt_slice(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_optlstring(L, index, NULL, &len);
    return text ? slice_make(text, len) : SLICE_NONE;
}

static int raise(lua_State *L, const struct err *err)
{
    return luaL_error(L, "%s", err->text);
}

/* Pushes and forgets what is in bench->text. */
static int push_text(lua_State *L, struct bench *bench)
{
    lua_pushlstring(L, buf_str(&bench->text), bench->text.len);
    buf_clear(&bench->text);
    return 1;
}

/* ---- JSON -------------------------------------------------------------- */

static int core_json_decode(lua_State *L)
{
    struct err err;
    if (json_lua_push(L, opt_slice(L, 1), &err) != 0)
        return raise(L, &err);
    return 1;
}

static int core_json_encode(lua_State *L)
{
    struct bench *bench = bench_of(L);
    luaL_checkany(L, 1);
    buf_clear(&bench->text);
    json_lua_write(L, 1, &bench->text, JSON_LUA_SORTED);
    return push_text(L, bench);
}

static int core_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    json_lua_push_array_metatable(L);
    lua_setmetatable(L, 1);
    return 1;
}

/* ---- text -------------------------------------------------------------- */

static int core_html_unescape(lua_State *L)
{
    struct bench *bench = bench_of(L);
    buf_clear(&bench->text);
    html_unescape(opt_slice(L, 1), &bench->text);
    return push_text(L, bench);
}

/* Without the <mx-reply> of old clients. */
static int core_strip_html(lua_State *L)
{
    struct slice html = html_strip_reply(opt_slice(L, 1));
    lua_pushlstring(L, html.ptr ? html.ptr : "", html.len);
    return 1;
}

/* ---- the world --------------------------------------------------------- */

static void on_log(void *arg, enum log_level level, struct slice line)
{
    struct bench *bench = arg;
    size_t before = bench->log.len;
    if (level < LOG_LEVEL_INFO || bench->log.failed)
        return;
    buf_addc(&bench->log, (char)('0' + level));
    buf_add(&bench->log, line);
    if (buf_addc(&bench->log, '\0') != 0)
        buf_truncate(&bench->log, before);
}

static int core_world_new(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct err err;
    if (bench->world)
        return luaL_error(L, "one world at a time");
    buf_clear(&bench->log);
    bench->world = world_new(bench->lua_path, on_log, bench, &err);
    return bench->world ? 0 : raise(L, &err);
}

/* nil, or what was left over. */
static int core_world_free(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct world *world = bench->world;
    struct err err;
    bench->world = NULL;
    if (!world || world_free(world, &err) == 0)
        return 0;
    lua_pushstring(L, err.text);
    return 1;
}

static int core_world_script(lua_State *L)
{
    struct err err;
    if (world_add_script(world_of(L), luaL_checkstring(L, 1), opt_slice(L, 2),
                         opt_slice(L, 3), &err) != 0)
        return raise(L, &err);
    return 0;
}

static int core_world_start(lua_State *L)
{
    struct err err;
    return world_start(world_of(L), &err) == 0 ? 0 : raise(L, &err);
}

static int core_world_restart(lua_State *L)
{
    struct err err;
    bool crash = lua_toboolean(L, 1);
    return world_restart(world_of(L), crash, &err) == 0 ? 0 : raise(L, &err);
}

static int core_world_advance(lua_State *L)
{
    world_advance(world_of(L), luaL_checkinteger(L, 1));
    return 0;
}

/* world_control(name, JSON): JSON */
static int core_world_control(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct err err;
    buf_clear(&bench->text);
    if (world_control(world_of(L), luaL_checkstring(L, 1), opt_slice(L, 2),
                      &bench->text, &err) != 0)
        return raise(L, &err);
    return push_text(L, bench);
}

/* world_webhook(name, JSON, body): JSON, body */
static int core_world_webhook(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct buf body;
    struct err err;
    int result;
    buf_init(&body, LIMIT_WEBHOOK_ANSWER);
    buf_clear(&bench->text);
    result = world_webhook(world_of(L), opt_slice(L, 1), opt_slice(L, 2),
                           opt_slice(L, 3), &bench->text, &body, &err);
    push_text(L, bench);
    lua_pushlstring(L, buf_str(&body), body.len);
    buf_free(&body);
    return result == 0 ? 2 : raise(L, &err);
}

/* world_reload(source?): refused, report */
static int core_world_reload(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct err err;
    bool refused;
    buf_clear(&bench->text);
    if (world_reload(world_of(L), opt_slice(L, 1), &refused, &bench->text,
                     &err) != 0)
        return raise(L, &err);
    lua_pushboolean(L, refused);
    return 1 + push_text(L, bench);
}

static int core_world_look(lua_State *L)
{
    world_look(world_of(L));
    return 0;
}

static int core_world_store(lua_State *L)
{
    struct bench *bench = bench_of(L);
    struct err err;
    buf_clear(&bench->text);
    if (world_store(world_of(L), &bench->text, &err) != 0)
        return raise(L, &err);
    return push_text(L, bench);
}

/* All lines since the last call. */
static int core_world_log(lua_State *L)
{
    struct bench *bench = bench_of(L);
    lua_pushlstring(L, buf_str(&bench->log), bench->log.len);
    buf_clear(&bench->log);
    return 1;
}

/* ---- the library ------------------------------------------------------- */

/* 0, or -1 where lua_path does not have it. */
static int read_override(struct bench *bench, const char *file)
{
    char path[LIMIT_PATH];
    buf_clear(&bench->text);
    if (!bench->lua_path)
        return -1;
    snprintf(path, sizeof path, "%s/matrix/%s.lua", bench->lua_path, file);
    return file_read(path, LIMIT_SCRIPT_FILE, &bench->text, NULL);
}

static struct slice find_embedded(lua_State *L, const char *file)
{
    const char *module = lua_pushfstring(L, "matrix.%s", file);
    for (const struct embedded_file *f = matrix_files; f->module; f++) {
        if (strcmp(f->module, module) == 0)
            return slice_make(f->text, f->size);
    }
    luaL_error(L, "there is no library file %s", module);
    return SLICE_NONE;
}

/* core.require(file): each file of lua/matrix gets `core` and runs once. */
static int core_require(lua_State *L)
{
    struct bench *bench = bench_of(L);
    const char *file = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunatrix.library");
    if (lua_getfield(L, 2, file) != LUA_TNIL)
        return 1;
    struct slice text = read_override(bench, file) == 0
                            ? buf_slice(&bench->text)
                            : find_embedded(L, file);
    const char *name = lua_pushfstring(L, "=matrix/%s.lua", file);
    if (luaL_loadbufferx(L, text.ptr, text.len, name, "t") != LUA_OK)
        return lua_error(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
    lua_call(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, file);
    return 1;
}

static int preload_test(lua_State *L)
{
    lua_pushcfunction(L, core_require);
    lua_pushliteral(L, "test");
    lua_call(L, 1, 1);
    return 1;
}

static const luaL_Reg functions[] = {
    { "require", core_require },
    { "json_encode", core_json_encode },
    { "json_decode", core_json_decode },
    { "array", core_array },
    { "html_unescape", core_html_unescape },
    { "strip_html", core_strip_html },
    { "world_new", core_world_new },
    { "world_free", core_world_free },
    { "world_script", core_world_script },
    { "world_start", core_world_start },
    { "world_restart", core_world_restart },
    { "world_advance", core_world_advance },
    { "world_control", core_world_control },
    { "world_reload", core_world_reload },
    { "world_look", core_world_look },
    { "world_webhook", core_world_webhook },
    { "world_store", core_world_store },
    { "world_log", core_world_log },
    { "chat_wait", chat_input_wait },
    { "chat_edits", chat_input_edits },
    { "chat_read", chat_input_read },
    { "chat_interrupted", chat_input_interrupted },
    { "chat_print", chat_input_print },
    { NULL, NULL },
};

static void open_core(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushliteral(L, WORLD_USER);
    lua_setfield(L, -2, "user_id");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, preload_test);
    lua_setfield(L, -2, "matrix.test");
    lua_pop(L, 1);
}

static void push_files(lua_State *L, const struct bench *bench)
{
    lua_createtable(L, bench->count, 0);
    for (int i = 0; i < bench->count; i++) {
        lua_pushstring(L, bench->files[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static int run(lua_State *L)
{
    struct bench *bench = lua_touserdata(L, 1);
    luaL_openlibs(L);
    lua_pushlightuserdata(L, bench);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &bench_key);
    open_core(L);
    lua_pushcfunction(L, core_require);
    lua_pushstring(L, bench->chat ? "chat" : "test_run");
    lua_call(L, 1, 1);
    if (bench->chat) {
        lua_pushstring(L, bench->chat->script);
        lua_pushstring(L, bench->chat->record);
        lua_pushboolean(L, bench->chat->terminal);
        lua_pushboolean(L, bench->chat->styled);
        lua_pushstring(L, bench->chat->config);
        lua_pushstring(L, bench->chat->secrets);
    } else {
        push_files(L, bench);
        lua_pushstring(L, bench->format);
        lua_pushstring(L, bench->only);
    }
    lua_call(L, bench->chat ? 6 : 3, 1);
    bench->failed = (int)luaL_checkinteger(L, -1);
    return 0;
}

static int run_bench(struct bench *bench, struct err *err)
{
    lua_State *L = luaL_newstate();
    int result = -1;

    if (!L)
        return err_set(err, ERR_SYSTEM, "cannot run a bot: out of memory");
    buf_init(&bench->log, LIMIT_TEST_LOG);
    buf_init(&bench->text, LIMIT_OFFLINE_JSON);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, bench);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        result = bench->failed;
    else
        err_set(err, ERR_CONFIG, "%s", luaL_tolstring(L, -1, NULL));
    if (bench->world)
        world_free(bench->world, NULL);
    lua_close(L);
    buf_free(&bench->log);
    buf_free(&bench->text);
    return result;
}

int world_lua_run(const char *lua_path, const char *format, const char *only,
                  const char *const *files, int count, struct err *err)
{
    struct bench bench = { .lua_path = lua_path,
                           .format = format,
                           .only = only,
                           .files = files,
                           .count = count };
    return run_bench(&bench, err);
}

int world_lua_chat(const char *lua_path, const struct world_lua_chat *chat,
                   struct err *err)
{
    struct bench bench = { .lua_path = lua_path, .chat = chat };
    chat_input_start();
    int result = run_bench(&bench, err);
    chat_input_stop();
    return result;
}
