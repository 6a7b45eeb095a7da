#include "transport_lua.h"

#include <assert.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "limits.h"
#include "list.h"
#include "transport_lua_host.h"
#include "url.h"

struct transfer {
    struct list node;
    struct transport_lua *owner;
    lua_Integer id;
    struct http_handlers handlers;
    void *arg;
    size_t max_body;
    struct timer *limit; /* of the whole exchange */
    struct tick *tick;   /* once there is an answer */
    struct http_head *head;
    char *body;
    size_t body_len;
    struct err err;
    bool failed;
};

struct transport_lua {
    struct transport base;
    struct transport_lua_host host;
    lua_State *L; /* the server's table is at index 1 */
    struct list transfers;
    lua_Integer last_id;
    struct timer *look; /* when something parked is due */
};

static struct transport_lua *of(struct transport *transport)
{
    return (struct transport_lua *)(void *)transport;
}

static void free_transfer(struct transfer *transfer)
{
    list_remove(&transfer->node);
    timer_cancel(transfer->limit);
    tick_cancel(transfer->tick);
    free(transfer->head);
    free(transfer->body);
    free(transfer);
}

/* ---- calling the server ------------------------------------------------ */

struct call {
    const char *function;
    lua_Integer id;
    const struct http_request *request;
    const char *name;  /* of control */
    struct slice text; /* its arguments */
    struct buf *out;   /* its result; may be NULL */
    int64_t due;       /* result: -1 none */
};

static void push_slice(lua_State *L, struct slice text)
{
    lua_pushlstring(L, text.len ? text.ptr : "", text.len);
}

static int push_request(lua_State *L, const struct call *call)
{
    const struct http_request *request = call->request;

    lua_pushinteger(L, call->id);
    lua_pushstring(L, request->method);
    push_slice(L, request->url);
    lua_newtable(L);
    for (size_t i = 0; i < request->header_count; i++) {
        luaL_Buffer lower;
        struct slice name = request->headers[i].name;
        char *at = luaL_buffinitsize(L, &lower, name.len);
        for (size_t j = 0; j < name.len; j++) {
            char c = name.ptr[j];
            at[j] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        luaL_pushresultsize(&lower, name.len);
        push_slice(L, request->headers[i].value);
        lua_rawset(L, -3);
    }
    push_slice(L, request->body);
    return 5;
}

static int push_arguments(lua_State *L, const struct call *call)
{
    if (call->request)
        return push_request(L, call);
    if (call->name) {
        lua_pushstring(L, call->name);
        push_slice(L, call->text);
        return 2;
    }
    lua_pushinteger(L, call->id);
    return 1;
}

/* The one protected entry. */
static int enter(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    size_t len;

    lua_getfield(L, lua_upvalueindex(1), call->function);
    lua_call(L, push_arguments(L, call), 2);
    call->due = lua_isnil(L, -2) ? -1 : (int64_t)luaL_checknumber(L, -2);
    if (call->out) {
        const char *text = luaL_checklstring(L, -1, &len);
        buf_add(call->out, slice_make(text, len));
    }
    return 0;
}

static void on_look(void *arg);

/* A mistake of the server is a mistake of ours; err tells what it said. */
static int call_server(struct transport_lua *server, struct call *call,
                       struct err *err)
{
    lua_State *L = server->L;
    int result = 0;

    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, call);
    call->due = -1;
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        result = err_set(err, ERR_MISUSE, "%s", luaL_tolstring(L, -1, NULL));
        lua_pop(L, 2);
        return result;
    }
    timer_cancel(server->look);
    server->look = NULL;
    if (call->due >= 0) {
        server->look =
            timer_start(server->host.loop, call->due, on_look, server, err);
        result = server->look ? 0 : -1;
    }
    if (result == 0 && call->out)
        result = buf_check(call->out, "the server's answer", err);
    return result;
}

static void on_look(void *arg)
{
    struct transport_lua *server = arg;
    struct call call = { .function = "look" };
    struct err err;

    server->look = NULL;
    if (call_server(server, &call, &err) != 0)
        assert(!"the homeserver failed");
}

int transport_lua_control(struct transport *transport, const char *name,
                          struct slice arguments, struct buf *out,
                          struct err *err)
{
    struct call call = {
        .function = "control", .name = name, .text = arguments, .out = out
    };

    return call_server(of(transport), &call, err);
}

/* ---- answers ----------------------------------------------------------- */

static void finish(struct transfer *transfer, const struct err *err)
{
    struct http_handlers handlers = transfer->handlers;
    struct err copy;
    void *arg = transfer->arg;

    if (err)
        copy = *err;
    free_transfer(transfer);
    handlers.done(arg, err ? &copy : NULL);
}

/* Its callbacks may cancel it. */
static bool is_there(struct transport_lua *server, lua_Integer id)
{
    list_each(node, &server->transfers)
    {
        if (list_entry(node, struct transfer, node)->id == id)
            return true;
    }
    return false;
}

static void on_answer(void *arg)
{
    struct transfer *transfer = arg;
    struct transport_lua *server = transfer->owner;
    lua_Integer id = transfer->id;
    struct slice body = slice_make(transfer->body, transfer->body_len);

    transfer->tick = NULL;
    if (transfer->failed) {
        finish(transfer, &transfer->err);
        return;
    }
    if (transfer->handlers.head)
        transfer->handlers.head(transfer->arg, transfer->head);
    if (!is_there(server, id))
        return;
    if (body.len > 0 && transfer->handlers.body &&
        !transfer->handlers.body(transfer->arg, body)) {
        if (!is_there(server, id))
            return;
        err_set(&transfer->err, ERR_CANCELLED, "the transfer was ended");
        transfer->failed = true;
    } else if (!is_there(server, id)) {
        return;
    }
    finish(transfer, transfer->failed ? &transfer->err : NULL);
}

static void on_limit(void *arg)
{
    struct transfer *transfer = arg;
    struct transport_lua *server = transfer->owner;
    struct call call = { .function = "cancel", .id = transfer->id };

    transfer->limit = NULL;
    err_set(&transfer->err, ERR_TIMEOUT, "test did not answer in time");
    transfer->err.unknown = true;
    call_server(server, &call, NULL);
    finish(transfer, &transfer->err);
}

static void keep(struct transfer *transfer,
                 const struct transport_lua_reply *reply)
{
    struct http_head head = { reply->status, reply->headers,
                              reply->header_count, SLICE_NONE, 0 };

    if (reply->err) {
        transfer->err = *reply->err;
        transfer->failed = true;
        return;
    }
    if (reply->body.len > transfer->max_body) {
        transfer->failed = true;
        err_set(&transfer->err, ERR_LIMIT, "the reply is larger than %zu bytes",
                transfer->max_body);
        transfer->err.unknown = true;
        return;
    }
    transfer->head = http_head_dup(&head);
    transfer->body = slice_dup(reply->body);
    transfer->body_len = reply->body.len;
    if (!transfer->head || !transfer->body) {
        transfer->failed = true;
        err_set(&transfer->err, ERR_SYSTEM, "out of memory");
    }
}

static void on_reply(void *arg, lua_Integer id,
                     const struct transport_lua_reply *reply)
{
    struct transport_lua *server = arg;

    list_each(node, &server->transfers)
    {
        struct transfer *transfer = list_entry(node, struct transfer, node);
        if (transfer->id != id)
            continue;
        assert(!transfer->tick);
        keep(transfer, reply);
        timer_cancel(transfer->limit);
        transfer->limit = NULL;
        transfer->tick =
            tick_start(server->host.loop, on_answer, transfer, NULL);
        assert(transfer->tick);
        return;
    }
}

/* ---- the seam ---------------------------------------------------------- */

static int check_url(const struct http_request *request, struct err *err)
{
    bool plain = slice_starts(request->url, "http://");

    if (!plain && !slice_starts(request->url, "https://"))
        return err_set(err, ERR_DENIED, "only http and https are allowed");
    if (plain && !request->allow_http && !url_is_loopback(request->url))
        return err_set(err, ERR_DENIED, "plain http:// to %.*s is not allowed",
                       SLICE_ARG(url_authority(request->url)));
    return 0;
}

static struct transfer *start(struct transport *transport,
                              const struct http_request *request,
                              const struct http_handlers *handlers, void *arg,
                              struct err *err)
{
    struct transport_lua *server = of(transport);
    struct transfer *transfer;
    struct call call = { .function = "request", .request = request };

    if (check_url(request, err) != 0)
        return NULL;
    transfer = calloc(1, sizeof *transfer);
    if (!transfer) {
        err_set(err, ERR_SYSTEM, "cannot send a request: out of memory");
        return NULL;
    }
    *transfer = (struct transfer) {
        .owner = server,
        .id = ++server->last_id,
        .handlers = *handlers,
        .arg = arg,
        .max_body = request->max_body ? request->max_body : LIMIT_HTTP_BODY,
    };
    list_push(&server->transfers, &transfer->node);
    call.id = transfer->id;
    if (request->total_ms > 0) {
        transfer->limit = timer_start(server->host.loop, request->total_ms,
                                      on_limit, transfer, err);
        if (!transfer->limit)
            goto fail;
    }
    if (call_server(server, &call, err) == 0)
        return transfer;
fail:
    free_transfer(transfer);
    return NULL;
}

static void cancel(struct transport *transport, struct transfer *transfer)
{
    struct call call = { .function = "cancel", .id = transfer->id };

    free_transfer(transfer);
    call_server(of(transport), &call, NULL);
}

static void free_server(struct transport *transport)
{
    struct transport_lua *server = of(transport);

    assert(list_empty(&server->transfers));
    timer_cancel(server->look);
    if (server->L)
        lua_close(server->L);
    free(server);
}

static const struct transport_ops ops = { start, cancel, free_server };

/* ---- opening ----------------------------------------------------------- */

static int open_state(lua_State *L)
{
    transport_lua_host_open(L, lua_touserdata(L, 1));
    lua_pushcclosure(L, enter, 1);
    return 1;
}

struct transport *transport_lua_new(struct loop *loop, struct err *err)
{
    struct transport_lua *server = calloc(1, sizeof *server);

    if (!server)
        goto memory;
    server->base.ops = &ops;
    server->host = (struct transport_lua_host) { loop, on_reply, server };
    list_init(&server->transfers);
    server->L = luaL_newstate();
    if (!server->L)
        goto memory;
    lua_pushcfunction(server->L, open_state);
    lua_pushlightuserdata(server->L, &server->host);
    if (lua_pcall(server->L, 1, 1, 0) == LUA_OK)
        return &server->base;
    err_set(err, ERR_SYSTEM, "cannot open the homeserver: %s",
            luaL_tolstring(server->L, -1, NULL));
    free_server(&server->base);
    return NULL;
memory:
    err_set(err, ERR_SYSTEM, "cannot open the homeserver: out of memory");
    if (server)
        free_server(&server->base);
    return NULL;
}
