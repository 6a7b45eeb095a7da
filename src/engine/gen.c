#include "gen.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>

#include "gen_internal.h"
#include "library.h"
#include "limits.h"
#include "log.h"
#include "module.h"
#include "sandbox.h"
#include "task_internal.h"

struct gen *gen_from(lua_State *L)
{
    return *(struct gen **)lua_getextraspace(L);
}

/* ---- the protected call ---- */

/* What a script says in an error is shown in many places, and kept. */
static void set_text(struct err *err, enum err_kind kind, const char *text)
{
    struct buf shown;
    buf_init(&shown, LIMIT_FAILURE_TEXT);
    log_conceal(slice_str(text), &shown);
    err_set(err, kind, "%s", buf_str(&shown));
    buf_free(&shown);
}

void gen_describe(lua_State *L, int status, struct err *err)
{
    const struct gen *gen = gen_from(L);
    enum budget_limit limit =
        status == LUA_ERRMEM ? BUDGET_MEMORY : budget_limit_at(L, -1);
    enum err_kind kind = ERR_TASK;
    if (limit != BUDGET_NONE) {
        budget_describe(&gen->budget, limit, err);
        return;
    }
    char errcode[sizeof err->errcode] = "";
    if (lua_istable(L, -1)) {
        if (lua_getfield(L, -1, "kind") == LUA_TSTRING) {
            kind = err_kind_parse(lua_tostring(L, -1));
        }
        if (lua_getfield(L, -2, "errcode") == LUA_TSTRING) {
            snprintf(errcode, sizeof errcode, "%s", lua_tostring(L, -1));
        }
        lua_pop(L, 2);
    }
    if (kind == ERR_MISUSE) {
        kind = ERR_TASK;
    }
    const char *text = luaL_tolstring(L, -1, NULL);
    if (strncmp(text, "table: 0x", 9) == 0) {
        text = "error object is a table without __tostring";
    }
    set_text(err, kind, text);
    memcpy(err->errcode, errcode, sizeof errcode);
    lua_pop(L, 1);
}

/* Message handler: tells where, while the stack is still there. */
static int on_error(lua_State *L)
{
    struct gen *gen = gen_from(L);
    struct err err;
    if (!gen->loading && !gen->compiling) {
        return 1;
    }
    enum budget_limit limit = budget_limit_at(L, 1);
    buf_clear(&gen->error_trace);
    trace_write(L, &gen->error_trace);
    buf_clear(&gen->error_message);
    gen_describe(L, LUA_ERRRUN, &err);
    if (limit == BUDGET_CPU && gen->budget.place.line > 0) {
        gen->error_place = gen->budget.place;
        buf_adds(&gen->error_message, err.text);
        return 1;
    }
    const char *whole =
        lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : err.text;
    log_conceal(slice_str(trace_split(L, whole, &gen->error_place)),
                &gen->error_message);
    return 1;
}

static void read_failure(struct gen *gen, int status, struct err *err)
{
    lua_State *L = gen->L;
    enum budget_limit limit =
        status == LUA_ERRMEM ? BUDGET_MEMORY : budget_limit_at(L, -1);
    if (limit == BUDGET_MEMORY) {
        gen_note_memory(gen);
    }
    if (limit != BUDGET_NONE) {
        budget_describe(&gen->budget, limit, err);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        set_text(err, ERR_TASK, lua_tostring(L, -1));
    } else {
        err_set(err, ERR_TASK, "error object is a %s", luaL_typename(L, -1));
    }
}

int gen_protect(struct gen *gen, lua_CFunction fn, void *arg, int64_t ms,
                struct err *err)
{
    lua_State *L = gen->L;
    assert(!gen->running);
    lua_settop(L, 0);
    lua_pushcfunction(L, on_error);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    gen->budget.place.line = 0;
    budget_begin(&gen->budget, NULL, ms);
    int status = lua_pcall(L, 1, 0, 1);
    budget_end(&gen->budget);
    budget_arm(L); /* it may be at every instruction */
    if (status != LUA_OK) {
        read_failure(gen, status, err);
    }
    lua_settop(L, 0);
    gen_sweep(gen);
    return status == LUA_OK ? 0 : -1;
}

void gen_sweep(struct gen *gen)
{
    op_free(gen->now);
    gen->now = NULL;
    if (gen->scratch.cap > LIMIT_SCRATCH) {
        buf_free(&gen->scratch);
    }
    if (gen->draft) {
        struct task *draft = gen->draft;
        gen->draft = NULL;
        if (draft->thread) {
            task_forget_thread(draft);
        }
        task_drop(draft);
    }
}

/* ---- making one ---- */

static const char *or_default(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

/* Below the working directory a path is told relative to it. */
static char *copy_path(const char *path)
{
    char here[LIMIT_PATH];
    if (path && path[0] == '/' && getcwd(here, sizeof here)) {
        size_t len = strlen(here);
        if (len > 1 && strncmp(path, here, len) == 0) {
            if (path[len] == '\0') {
                path = ".";
            } else if (path[len] == '/') {
                path += len + 1;
            }
        }
    }
    return slice_dup(slice_str(path));
}

static int64_t pick(int64_t wanted, int64_t otherwise)
{
    return wanted ? wanted : otherwise;
}

static void set_limits(struct gen *gen, const struct gen_config *config)
{
    const struct gen_limits *wanted = &config->limits;
    gen->limits.memory = wanted->memory ? wanted->memory : LIMIT_SCRIPT_MEMORY;
    gen->limits.load_ms = pick(wanted->load_ms, LIMIT_BURST_LOAD_MS);
    /* A plain script has its process for itself. */
    gen->limits.burst_ms = pick(
        wanted->burst_ms, config->exec ? LIMIT_BURST_LOAD_MS : LIMIT_BURST_MS);
    gen->limits.handler_ms = pick(wanted->handler_ms, LIMIT_HANDLER_MS);
}

static void set_caller(struct gen *gen, const struct gen_config *config)
{
    gen->caller = (struct caller) {
        .host = config->host,
        .script = gen->script,
        .generation = config->number,
        .exec = config->exec,
        .data_dir = gen->data_dir,
        .store_quota = config->store_quota ? config->store_quota : LIMIT_STORE,
        .http_body = config->http_body ? config->http_body : LIMIT_HTTP_BODY,
        .http_private = config->http_private || config->exec,
        .log_lines = config->log_lines ? config->log_lines : LIMIT_LOG_LINES,
    };
}

static int copy_config(struct gen *gen, const struct gen_config *config)
{
    gen->script = slice_dup(slice_str(or_default(config->script, "script")));
    gen->file = copy_path(or_default(config->file, "main.lua"));
    gen->directory = copy_path(or_default(config->directory, "."));
    gen->data_dir = slice_dup(slice_str(config->data_dir));
    gen->lua_path = slice_dup(slice_str(config->lua_path));
    gen->calls = config->calls;
    gen->owner = config->owner;
    if (!gen->script || !gen->file || !gen->directory ||
        (config->data_dir && !gen->data_dir) ||
        (config->lua_path && !gen->lua_path)) {
        return -1;
    }
    set_limits(gen, config);
    set_caller(gen, config);
    return 0;
}

/* Protected. */
static int set_up(lua_State *L)
{
    sandbox_open(L);
    library_open(L);
    return 0;
}

struct gen *gen_new(const struct gen_config *config, struct err *err)
{
    struct gen *gen = calloc(1, sizeof *gen);
    if (!gen) {
        err_set(err, ERR_SYSTEM, "cannot make a Lua state: out of memory");
        return NULL;
    }
    list_init(&gen->tasks);
    buf_init(&gen->scratch, LIMIT_CALL_ARGS);
    buf_init(&gen->error_message, LIMIT_TRACE);
    buf_init(&gen->error_trace, LIMIT_TRACE);
    if (copy_config(gen, config) != 0) {
        err_set(err, ERR_SYSTEM, "cannot make a Lua state: out of memory");
        goto fail;
    }
    gen->L = budget_new_state(&gen->budget, gen->limits.memory);
    if (!gen->L) {
        err_set(err, ERR_SYSTEM, "cannot make a Lua state: out of memory");
        goto fail;
    }
    if (gen_protect(gen, set_up, NULL, LIMIT_BURST_LOAD_MS, err) != 0) {
        err_prefix(err, "cannot set up the Lua state of %s", gen->script);
        goto fail;
    }
    return gen;

fail:
    gen_free(gen);
    return NULL;
}

void gen_free(struct gen *gen)
{
    if (!gen) {
        return;
    }
    assert(!gen->running);
    while (!list_empty(&gen->tasks)) {
        task_free(list_entry(gen->tasks.next, struct task, node));
    }
    caller_close(&gen->caller);
    if (gen->L) {
        budget_begin(&gen->budget, NULL, LIMIT_BURST_CLOSE_MS);
        lua_close(gen->L);
    }
    buf_free(&gen->scratch);
    buf_free(&gen->error_message);
    buf_free(&gen->error_trace);
    free(gen->script);
    free(gen->file);
    free(gen->directory);
    free(gen->data_dir);
    free(gen->lua_path);
    free(gen);
}

/* ---- loading ---- */

static void load_entry(lua_State *L)
{
    const struct gen *gen = gen_from(L);
    struct err err;
    int status = module_load(L, gen->file, &err);
    if (status < 0) {
        luaL_error(L, "%s", err.text);
    } else if (status > 0) {
        budget_pass(L, status);
        lua_error(L);
    }
}

/* Protected. */
static int compile_main(lua_State *L)
{
    load_entry(L);
    return 0;
}

/* Protected. */
static int run_main(lua_State *L)
{
    struct gen *gen = gen_from(L);
    load_entry(L);
    gen->loading = true;
    gen->compiling = false;
    lua_call(L, 0, 0);
    return 0;
}

static void keep_error(struct gen *gen, const struct err *err)
{
    if (gen->error_message.len == 0) { /* no memory for the handler */
        buf_adds(&gen->error_message, err->text);
    }
    gen->error.file = gen->error_place.file;
    gen->error.line = gen->error_place.line;
    gen->error.message = buf_str(&gen->error_message);
    gen->error.traceback = buf_str(&gen->error_trace);
}

static void tell_error(const struct gen *gen, struct err *err)
{
    struct slice line = slice_str(gen->error.message);
    const char *end = memchr(line.ptr, '\n', line.len);
    line.len = end ? (size_t)(end - line.ptr) : line.len;
    enum err_kind kind = err->kind;
    if (gen->error.line > 0) {
        err_set(err, kind, "%s:%d: %.*s", gen->error.file, gen->error.line,
                SLICE_ARG(line));
    } else {
        err_set(err, kind, "%.*s", SLICE_ARG(line));
    }
}

static int load_with(struct gen *gen, struct track *track, lua_CFunction fn,
                     void *arg, struct err *err)
{
    struct err own;
    err = err ? err : &own;
    gen->track = track;
    gen->error_place = (struct trace_place) { .line = 0 };
    buf_clear(&gen->error_message);
    buf_clear(&gen->error_trace);
    gen->compiling = true;
    int status = gen_protect(gen, fn, arg, gen->limits.load_ms, err);
    gen->compiling = gen->loading = false;
    if (status != 0) {
        keep_error(gen, err);
        tell_error(gen, err);
    }
    return status;
}

int gen_load(struct gen *gen, struct track *track, struct err *err)
{
    return load_with(gen, track, run_main, NULL, err);
}

int gen_compile(struct gen *gen, struct track *track, struct err *err)
{
    return load_with(gen, track, compile_main, NULL, err);
}

const struct gen_error *gen_error(const struct gen *gen)
{
    return &gen->error;
}

/* ---- a plain script ---- */

struct exec {
    struct task *task;
    int argc;
    char *const *argv;
};

/* Protected. The main chunk with its arguments on a thread of its own. */
static int prepare_exec(lua_State *L)
{
    const struct exec *exec = lua_touserdata(L, 1);
    load_entry(L); /* 2 */
    lua_pushglobaltable(L);
    lua_pushliteral(L, "arg");
    lua_createtable(L, exec->argc, 1);
    lua_pushstring(L, gen_from(L)->file);
    lua_rawseti(L, -2, 0);
    for (int i = 0; i < exec->argc; i++) {
        lua_pushstring(L, exec->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawset(L, -3);
    lua_settop(L, 2);
    luaL_checkstack(L, exec->argc + 4, "too many arguments");
    lua_State *thread = task_make_thread(L, exec->task);
    if (!lua_checkstack(thread, exec->argc + 1)) {
        return luaL_error(L, "too many arguments");
    }
    for (int i = 0; i < exec->argc; i++) {
        lua_pushstring(L, exec->argv[i]);
    }
    lua_xmove(L, thread, exec->argc + 1);
    exec->task->nargs = exec->argc;
    return 0;
}

struct task *gen_exec(struct gen *gen, struct track *track, int argc,
                      char *const *argv, const struct task_owner *owner,
                      void *owner_arg, struct err *err)
{
    struct task_options options = {
        .label = gen->file,
        .limit_ms = -1,
        .owner = owner,
        .arg = owner_arg,
    };
    struct exec exec = { task_new(gen, &options, err), argc, argv };
    if (!exec.task) {
        return NULL;
    }
    exec.task->exec_main = true;
    if (load_with(gen, track, prepare_exec, &exec, err) != 0 ||
        task_schedule(exec.task, err) != 0) {
        if (exec.task->thread) {
            task_forget_thread(exec.task);
        }
        task_drop(exec.task);
        return NULL;
    }
    return exec.task;
}

/* ---- what others ask ---- */

struct caller *gen_caller(struct gen *gen)
{
    return &gen->caller;
}

struct gen *gen_of_caller(struct caller *caller)
{
    return (struct gen *)(void *)((char *)caller -
                                  offsetof(struct gen, caller));
}

void *gen_owner(const struct gen *gen)
{
    return gen->owner;
}

int gen_number(const struct gen *gen)
{
    return gen->caller.generation;
}

size_t gen_memory(const struct gen *gen)
{
    return gen->budget.used;
}

int gen_tasks(const struct gen *gen)
{
    return gen->task_count;
}

void gen_retire(struct gen *gen)
{
    gen->retired = true;
}

bool gen_retired(const struct gen *gen)
{
    return gen->retired;
}

bool gen_loading(const struct gen *gen)
{
    return gen->loading;
}

void gen_cancel_tasks(struct gen *gen)
{
    list_each_safe(node, &gen->tasks)
    {
        task_cancel(list_entry(node, struct task, node));
    }
}

void gen_each_task(struct gen *gen, gen_task_fn *fn, void *arg)
{
    list_each(node, &gen->tasks)
    {
        fn(arg, list_entry(node, struct task, node));
    }
}

void gen_note_memory(struct gen *gen)
{
    int last = GEN_MEMORY_ERRORS - 1;
    memmove(gen->memory_errors + 1, gen->memory_errors,
            (size_t)last * sizeof gen->memory_errors[0]);
    gen->memory_errors[0] = loop_now(gen->caller.host->loop);
    gen->memory_error_count += gen->memory_error_count <= last;
}

int gen_memory_errors(const struct gen *gen)
{
    int64_t since = loop_now(gen->caller.host->loop) - 60000;
    int count = 0;
    while (count < gen->memory_error_count &&
           gen->memory_errors[count] > since) {
        count++;
    }
    return count;
}
