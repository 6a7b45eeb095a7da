#include "port.h"

#include <stdarg.h>
#include <stdio.h>

#include <lauxlib.h>

#include "api_name.h"
#include "json_lua.h"
#include "json_read.h"
#include "json_text.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "op.h"
#include "task_internal.h"

static const char error_key; /* registry: the function given to set_error */

int port_raise(lua_State *L, const char *format, ...)
{
    char text[1024];
    struct trace_place place;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (trace_where(L, 0, &place)) {
        lua_pushfstring(L, "%s:%d: %s", place.file, place.line, text);
    } else {
        lua_pushstring(L, text);
    }
    return lua_error(L);
}

/* ---- errors ---- */

static void set_string(lua_State *L, const char *key, const char *text)
{
    if (text[0]) {
        lua_pushstring(L, text);
        lua_setfield(L, -2, key);
    }
}

static void push_fields(lua_State *L, const struct err *err, struct slice body)
{
    lua_createtable(L, 0, 8);
    set_string(L, "kind", err_kind_name(err->kind));
    set_string(L, "errcode", err->errcode);
    set_string(L, "error", err->text);
    set_string(L, "request", err->request);
    if (err->status) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    if (err->retry_after_ms >= 0) {
        lua_pushinteger(L, err->retry_after_ms);
        lua_setfield(L, -2, "retry_after_ms");
    }
    if (err->unknown) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "unknown");
    }
    if (body.len > 0 && json_lua_push(L, body, NULL) == 0) {
        lua_setfield(L, -2, "body");
    }
}

void port_push_error(lua_State *L, const struct err *err, struct slice body,
                     bool write)
{
    luaL_checkstack(L, 8, "error");
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        push_fields(L, err, body);
        return;
    }
    push_fields(L, err, body);
    lua_pushboolean(L, write);
    lua_call(L, 2, 1);
}

int port_fail(lua_State *L, const struct err *err)
{
    struct err copy = *err;
    lua_pushnil(L);
    port_push_error(L, &copy, SLICE_NONE, false);
    return 2;
}

/* ---- values to JSON ---- */

struct write {
    struct buf *out;
    int flags;
};

static int write_value(lua_State *L)
{
    const struct write *write = lua_touserdata(L, 2);
    json_lua_write(L, 1, write->out, write->flags);
    return 0;
}

/* json_lua_write raises at no particular place; here it gets the script's. */
static void append_value(lua_State *L, int index, struct buf *out, int flags)
{
    struct write write = { out, flags };
    index = lua_absindex(L, index);
    lua_pushcfunction(L, write_value);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, &write);
    int status = lua_pcall(L, 2, 0, 0);
    if (status != LUA_OK) {
        budget_pass(L, status);
        port_raise(L, "%s", lua_tostring(L, -1));
    }
}

static struct buf *clear_scratch(struct gen *gen, size_t max)
{
    buf_clear(&gen->scratch);
    gen->scratch.max = max;
    return &gen->scratch;
}

struct slice port_write(lua_State *L, int index, int flags, size_t max)
{
    struct buf *out = clear_scratch(gen_from(L), max);
    append_value(L, index, out, flags);
    return buf_slice(out);
}

/* A time limit may be a fraction where Matrix content may not: it is written
 * apart. The arguments are at index 2, and are replaced by a copy. */
static lua_Number take_timeout(lua_State *L)
{
    lua_getfield(L, 2, "timeout");
    lua_Number timeout = lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1)
                             ? lua_tonumber(L, -1)
                             : -1;
    lua_pop(L, 1);
    if (!(timeout >= 0)) {
        return -1;
    }
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_pushnil(L);
    lua_setfield(L, -2, "timeout");
    lua_replace(L, 2);
    return timeout;
}

static void append_timeout(lua_State *L, struct buf *out, lua_Number timeout)
{
    char text[JSON_TEXT_DOUBLE];
    bool alone = out->len == 2; /* {} */
    json_text_double(timeout, text);
    buf_truncate(out, out->len - 1);
    if (buf_addf(out, "%s\"timeout\":%s}", alone ? "" : ",", text) != 0) {
        port_raise(L, "the arguments are too long");
    }
}

/* The arguments at index 2 (a table, or nil for none) as a JSON object. */
static struct slice write_args(lua_State *L, const struct call *call)
{
    struct buf *out = clear_scratch(gen_from(L), LIMIT_CALL_ARGS);
    bool matrix = call->flags & CALL_MATRIX;
    if (lua_isnoneornil(L, 2)) {
        buf_adds(out, "{}");
        return buf_slice(out);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Number timeout = matrix ? take_timeout(L) : -1;
    append_value(L, 2, out, matrix ? JSON_LUA_MATRIX : 0);
    if (json_type(buf_slice(out)) != JSON_OBJECT) {
        port_raise(L, "%s: arguments must be named", call->name);
    }
    if (timeout >= 0) {
        append_timeout(L, out, timeout);
    }
    return buf_slice(out);
}

/* ---- results ---- */

static int push_failure(lua_State *L, const struct op *op)
{
    struct err err = op->err;
    api_name_error(&err, op->call->name);
    if (err.kind == ERR_MISUSE) {
        return port_raise(L, "%s", err.text);
    }
    lua_pushnil(L);
    port_push_error(L, &err, buf_slice(&op->result), op->writes);
    return 2;
}

/* op outlives this, also when it raises. */
static int push_result(lua_State *L, const struct op *op)
{
    if (op->failed) {
        return push_failure(L, op);
    }
    struct err err;
    struct slice result = json_trim(buf_slice(&op->result));
    if (result.len == 0 || json_type(result) == JSON_NULL) {
        lua_pushnil(L);
    } else if (json_lua_push(L, result, &err) != 0) {
        err_prefix(&err, "result of %s", op->call->name);
        return port_fail(L, &err);
    }
    if (!op->has_bytes) {
        return 1;
    }
    struct slice bytes = buf_slice(&op->bytes);
    lua_pushlstring(L, bytes.ptr, bytes.len);
    return 2;
}

static int finish(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    return push_result(L, task_waited(L));
}

/* ---- the call ---- */

static const struct call *find_call(const struct gen *gen, struct slice name)
{
    for (const struct call *call = gen->calls; call && call->name; call++) {
        if (slice_is(name, call->name)) {
            return call;
        }
    }
    return call_find(name);
}

static struct op *start(lua_State *L, const struct call *call,
                        struct slice bytes, struct err *err)
{
    struct gen *gen = gen_from(L);
    struct task *task = gen->running;
    bool now = call->flags & CALL_NOW;
    struct slice args = write_args(L, call);
    struct op_cause cause = task_cause(task, call);
    return op_start(&gen->caller, call, &cause, args, bytes,
                    now ? NULL : task_wake, now ? NULL : task, err);
}

static int port_call(lua_State *L)
{
    struct gen *gen = gen_from(L);
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    const struct call *call = find_call(gen, slice_make(name, len));
    gen_sweep(gen);
    if (!call) {
        return port_raise(L, "there is no host call '%s'", name);
    }
    if ((call->flags & CALL_EXEC) && !gen->caller.exec) {
        char shown[API_NAME];
        api_name(name, shown);
        return port_raise(L, "%s is only for programs run with lunatrix exec",
                          shown);
    }
    struct slice bytes = SLICE_NONE;
    if (!lua_isnoneornil(L, 3)) {
        bytes.ptr = luaL_checklstring(L, 3, &bytes.len);
    }
    if (!(call->flags & CALL_NOW) && task_enter_wait(L, name)) {
        return coro_wait(L, 0, finish);
    }
    struct err err;
    struct op *op = start(L, call, bytes, &err);
    if (!op) {
        api_name_error(&err, call->name);
        return err.kind == ERR_MISUSE ? port_raise(L, "%s", err.text)
                                      : port_fail(L, &err);
    }
    if (call->flags & CALL_NOW) {
        gen->now = op;
        return push_result(L, op);
    }
    gen->running->op = op;
    gen->running->parks = call->flags & CALL_PARKS;
    lua_settop(L, 0);
    return coro_wait(L, 0, finish);
}

/* ---- log lines of the sandbox ---- */

/* JSON takes valid UTF-8 only; '?' stands for every other byte. */
static void add_valid(struct buf *out, struct slice text)
{
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; p < end && !out->failed;) {
        size_t n = json_text_utf8(p, end);
        buf_add(out, n ? slice_make(p, n) : slice_str("?"));
        p += n ? n : 1;
    }
}

static int write_log_args(struct buf *out, const char *level, struct slice text,
                          const struct trace_place *place)
{
    struct json_writer w;
    struct buf valid;
    buf_init(&valid, LIMIT_LOG_LINE);
    add_valid(&valid, text); /* cut when it is too long */
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "level", level);
    json_member_string(&w, "text", buf_slice(&valid));
    if (place->line > 0 && json_text_is_utf8(slice_str(place->file))) {
        json_member_str(&w, "file", place->file);
        json_member_int(&w, "line", place->line);
    }
    json_object_end(&w);
    buf_free(&valid);
    return json_finish(&w, "log line", NULL);
}

void port_log(lua_State *L, const char *level, struct slice text,
              const struct trace_place *place)
{
    struct gen *gen = gen_from(L);
    const struct call *call = find_call(gen, slice_str("log.write"));
    struct trace_place here;
    struct buf args;
    if (!place) {
        trace_where(L, 0, &here);
        place = &here;
    }
    buf_init(&args, LIMIT_LOG_LINE * 8);
    if (call && write_log_args(&args, level, text, place) == 0) {
        struct op_cause cause = task_cause(gen->running, call);
        op_free(op_start(&gen->caller, call, &cause, buf_slice(&args),
                         SLICE_NONE, NULL, NULL, NULL));
    }
    buf_free(&args);
}

/* ---- small parts of core ---- */

static int port_set_error(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    return 0;
}

static int port_can_wait(lua_State *L)
{
    lua_pushboolean(L, task_can_wait(L));
    return 1;
}

static int port_where(lua_State *L)
{
    struct trace_place place;
    lua_Integer skip = luaL_optinteger(L, 1, 0);
    luaL_argcheck(L, skip >= 0 && skip < LIMIT_TRACE_LEVELS, 1, "out of range");
    if (!trace_where(L, (int)skip, &place)) {
        return 0;
    }
    lua_pushstring(L, place.file);
    lua_pushinteger(L, place.line);
    return 2;
}

static int port_raise_message(lua_State *L)
{
    return port_raise(L, "%s", luaL_checkstring(L, 1));
}

void port_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "call", port_call },           { "set_error", port_set_error },
        { "can_wait", port_can_wait },   { "where", port_where },
        { "raise", port_raise_message }, { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
