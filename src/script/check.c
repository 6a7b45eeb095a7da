#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "failure.h"
#include "file.h"
#include "gen_internal.h"
#include "generation.h"
#include "library_state.h"
#include "limits.h"
#include "turn.h"
#include "waiter.h"

struct check {
    const char *lua_path;
    const char *file;
    struct buf text;    /* of the script */
    struct buf globals; /* what a script finds, one name a line */
    struct buf *out;
    int findings;
    bool is_bot; /* its text names `bot`: its main chunk only registers */
};

static void add_finding(struct check *check, const char *file, int line,
                        int column, const char *level, const char *message)
{
    buf_addf(check->out, "%s:%d:%d: %s: %s\n", file, line, column, level,
             message);
    check->findings++;
}

/* ---- the main chunk ---- */

/* Protected, in the script's state before anything of it ran. */
static int list_globals(lua_State *L)
{
    struct check *check = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            buf_addf(&check->globals, "%s\n", lua_tostring(L, -2));
        }
        lua_pop(L, 1);
    }
    return 0;
}

/* Was something found on that line already? */
static bool has_finding(const struct check *check, const char *file, int line)
{
    char place[LIMIT_PATH];
    snprintf(place, sizeof place, "%s:%d:", file, line);
    return strstr(buf_str(check->out), place) != NULL;
}

/* "lunatrix.lua:7: config: 'every' must be ...": a line of what
 * lua/matrix/config_schema.lua raises. True when it is one and was added. */
static bool add_config_finding(struct check *check, char *text)
{
    char *config = strstr(text, ": config: ");
    char *colon = NULL;
    if (!config) {
        return false;
    }
    *config = '\0';
    colon = strrchr(text, ':');
    if (colon) {
        *colon = '\0';
        add_finding(check, text, atoi(colon + 1), 1, "error", config + 2);
    }
    return colon != NULL;
}

static void add_load_findings(struct check *check, const char *file, int line,
                              struct err err)
{
    char *rest = err.text, *one;
    if (!strstr(rest, ": config: ")) {
        add_finding(check, file, line, 1, "error", rest);
        return;
    }
    while ((one = strsep(&rest, "\n")) != NULL) {
        if (!add_config_finding(check, one)) {
            add_finding(check, file, line, 1, "error", one);
        }
    }
}

/* What reading the text did not find. */
static void run_chunk(struct check *check, struct generation *generation)
{
    struct err err;
    struct failure failure;
    if (gen_load(generation->gen, generation->track, &err) == 0) {
        return;
    }
    failure_init(&failure);
    failure_of_load(&failure, generation->gen, &err);
    const char *file = failure.line > 0 ? failure.file : check->file;
    int line = failure.line > 0 ? failure.line : 1;
    if (!has_finding(check, file, line)) {
        add_load_findings(check, file, line, failure.err);
    }
    failure_free(&failure);
}

static void read_text(struct check *check);

/* A plain script is read only: running it would be running it for real. */
static void look(struct check *check, struct generation *generation)
{
    gen_protect(generation->gen, list_globals, check, LIMIT_BURST_MS, NULL);
    read_text(check);
    if (check->is_bot) {
        run_chunk(check, generation);
    }
}

static int load_script(struct check *check, struct loop *loop,
                       struct settings *settings, struct err *err)
{
    struct call_host host = {
        .loop = loop, .account = "check", .prefix = "!", .offline = true
    };
    struct memory *memory = memory_new();
    struct turn_table *locks = turn_table_new(loop);
    struct waiters waiters = { 0 };
    struct generation_world world = { .host = &host,
                                      .lua_path = check->lua_path,
                                      .memory = memory,
                                      .locks = locks,
                                      .waiters = &waiters };
    struct generation *generation = NULL;
    int result = -1;
    list_init(&waiters.list);
    if (!memory || !locks) {
        err_set(err, ERR_SYSTEM, "cannot check: out of memory");
        goto out;
    }
    host.store = store_open(loop, NULL, err); /* in memory, empty */
    if (host.store) {
        generation = generation_new(&world, settings, 1, err);
    }
    if (generation) {
        look(check, generation);
        result = 0;
    }
    generation_free(generation, NULL);
    call_host_close(&host);
    store_close(host.store);
out:
    turn_table_free(locks);
    memory_free(memory);
    return result;
}

/* ---- the text: lua/matrix/lint.lua, in a state of its own ---- */

/* A table with every name as key and as element. */
static void push_globals(lua_State *L, const struct check *check)
{
    const char *p = buf_str(&check->globals), *end;
    lua_newtable(L);
    for (lua_Integer i = 1; (end = strchr(p, '\n')) != NULL; i++) {
        lua_pushlstring(L, p, (size_t)(end - p));
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, i);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        p = end + 1;
    }
}

/* A field of the table on top, as text: kept on the stack until the end. */
static const char *text_field(lua_State *L, int table, const char *key,
                              const char *otherwise)
{
    lua_getfield(L, table, key);
    const char *text = lua_tostring(L, -1);
    return text ? text : otherwise;
}

static void add_findings(lua_State *L, struct check *check)
{
    int list = lua_gettop(L);
    lua_Integer count = lua_istable(L, list) ? luaL_len(L, list) : 0;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_settop(L, list);
        if (lua_rawgeti(L, list, i) != LUA_TTABLE) {
            continue;
        }
        const char *level = text_field(L, list + 1, "level", "error");
        const char *message = text_field(L, list + 1, "message", "?");
        lua_getfield(L, list + 1, "line");
        lua_getfield(L, list + 1, "col");
        add_finding(check, check->file, (int)lua_tointeger(L, -2),
                    (int)lua_tointeger(L, -1), level, message);
    }
}

/* Protected. */
static int lint(lua_State *L)
{
    struct check *check = lua_touserdata(L, 1);
    luaL_openlibs(L);
    library_state_push(L, check->lua_path);
    lua_getfield(L, -1, "require");
    lua_pushstring(L, "lint");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "check");
    struct slice text = buf_slice(&check->text);
    lua_pushlstring(L, text.ptr, text.len);
    lua_pushstring(L, check->file);
    push_globals(L, check);
    lua_call(L, 3, 2);
    check->is_bot = lua_toboolean(L, -1);
    lua_pop(L, 1);
    add_findings(L, check);
    return 0;
}

static void read_text(struct check *check)
{
    lua_State *L = luaL_newstate();
    if (!L) {
        return;
    }
    lua_pushcfunction(L, lint);
    lua_pushlightuserdata(L, check);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        const char *text = lua_tostring(L, -1);
        add_finding(check, check->file, 1, 1, "error",
                    text ? text : "the checker failed");
    }
    lua_close(L);
}

int check_script(struct loop *loop, const struct manager_script *script,
                 const char *lua_path, struct buf *out, struct err *err)
{
    struct settings *settings = settings_new(script, err);
    struct check check = { .lua_path = lua_path, .out = out, .is_bot = true };
    int result = -1;
    if (!settings) {
        return -1;
    }
    check.file = settings->file;
    buf_init(&check.text, LIMIT_SCRIPT_FILE);
    buf_init(&check.globals, LIMIT_REPORT);
    if (file_read(check.file, LIMIT_SCRIPT_FILE, &check.text, err) == 0 &&
        load_script(&check, loop, settings, err) == 0) {
        result = buf_check(out, "the findings", err) == 0 ? check.findings : -1;
    }
    buf_free(&check.text);
    buf_free(&check.globals);
    settings_unref(settings);
    return result;
}
