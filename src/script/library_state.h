#ifndef LIBRARY_STATE_H
#define LIBRARY_STATE_H

#include <lua.h>

/* The Lua library where nothing runs a script: what reads its description
 * needs no host, only core.require. */

/* Raises. Pushes `core`, whose require finds the library's files. lua_path as
 * in gen_config, borrowed while L lives; may be NULL. */
void library_state_push(lua_State *L, const char *lua_path);

#endif
