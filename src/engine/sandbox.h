#ifndef SANDBOX_H
#define SANDBOX_H

#include <lua.h>

/* What a script finds in its globals: the profile "standard", an allow-list.
 * Differences to stock Lua: pcall, xpcall and coroutine.* hand limit objects
 * on; waits pass through coroutines; chunks are text; no __gc; print writes a
 * log line (a plain script: standard output); the first assignment to a
 * global that does not exist is told; time is the loop's when it is virtual.
 *
 * Fills the state's globals, and pushes a table with copies of them that
 * scripts cannot change: the environment of the library. Protected. */
void sandbox_open(lua_State *L);

#endif
