#ifndef PURE_H
#define PURE_H

#include <lua.h>

/* What needs no host but the clock: JSON, text, digests, random bytes, the time
 * of day; added to the table on top (core.md says which names). */
void pure_open(lua_State *L);

#endif
