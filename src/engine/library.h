#ifndef LIBRARY_H
#define LIBRARY_H

#include <lua.h>

/* The Lua library, lua/matrix: embedded, or read from gen_config.lua_path. */

/* With the library's environment on top, which it pops: runs
 * lua/matrix/init.lua with `core`, and makes `matrix` and `bot` global.
 * Raises. */
void library_open(lua_State *L);

#endif
