#ifndef PURE_H
#define PURE_H

#include <lua.h>

/* What needs no host but the clock: adds json_*, html_*, url_encode, strip_*,
 * null, array_metatable, now and monotonic to the table on top (core.md). */
void pure_open(lua_State *L);

#endif
