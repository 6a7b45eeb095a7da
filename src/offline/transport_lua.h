#ifndef TRANSPORT_LUA_H
#define TRANSPORT_LUA_H

#include "buf.h"
#include "err.h"
#include "transport.h"

/* A transport whose server is Lua in the same process: lua/homeserver, in a
 * state of its own. It gets each request as it would go out, and answers with
 * bytes at once or later (a long poll), on the loop's clock. Nothing is kept
 * but in that state.
 *
 * What the state gets is the module "homeserver.host" (transport_lua_host.h);
 * what it gives is the table of homeserver/init.lua: request, look, cancel,
 * control. */

#define TRANSPORT_LUA_URL "https://test" /* of the homeserver */

/* Borrows loop. Returns owned, for transport_free. */
struct transport *transport_lua_new(struct loop *loop, struct err *err);
/* Calls a function of homeserver/control.lua: arguments is a JSON array, the
 * result is appended to out as JSON (out may be NULL). What it did is told to
 * waiting requests in later turns. ERR_MISUSE with what the server says. */
int transport_lua_control(struct transport *transport, const char *name,
                          struct slice arguments, struct buf *out,
                          struct err *err);

#endif
