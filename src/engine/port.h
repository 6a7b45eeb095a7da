#ifndef PORT_H
#define PORT_H

#include <lua.h>

#include "err.h"
#include "slice.h"

/* The one boundary: a call's name and a Lua value in, JSON to the call, JSON
 * back, Lua values out. core.md lists what it adds to `core`. */

/* Adds call, set_error, can_wait, where and raise to the table on top. */
void port_open(lua_State *L);

/* Raises "file:line: message" for the script's line. */
int port_raise(lua_State *L, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Pushes an error object made by the function given to set_error. body: JSON
 * or absent; write: of a call that has CALL_WRITES. */
void port_push_error(lua_State *L, const struct err *err, struct slice body,
                     bool write);
/* Pushes nil and such an object; returns 2. */
int port_fail(lua_State *L, const struct err *err);
/* Writes the value at index as JSON into gen->scratch; raises at the script's
 * line. max: bytes. */
struct slice port_write(lua_State *L, int index, int flags, size_t max);
/* A log line of the script, as log.write makes it. level: "info". place NULL:
 * where the script is. text may hold anything. */
struct trace_place;
void port_log(lua_State *L, const char *level, struct slice text,
              const struct trace_place *place);

#endif
