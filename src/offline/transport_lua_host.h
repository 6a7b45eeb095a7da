#ifndef TRANSPORT_LUA_HOST_H
#define TRANSPORT_LUA_HOST_H

#include <lua.h>

#include "loop.h"
#include "transport.h"

/* What the homeserver's state finds: its files as modules, and the module
 * "homeserver.host". Between transport_lua.c and transport_lua_host.c. */

/* The reply to a request, as the server gave it. Valid for the call. */
struct transport_lua_reply {
    int status; /* 0: none, err tells why */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;
    const struct err *err;
};

struct transport_lua_host {
    struct loop *loop;
    void (*reply)(void *arg, lua_Integer id,
                  const struct transport_lua_reply *reply);
    void *arg;
};

/* Raises. Leaves the table of homeserver/init.lua on the stack. */
void transport_lua_host_open(lua_State *L, struct transport_lua_host *host);

#endif
