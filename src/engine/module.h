#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>

#include <lua.h>

#include "err.h"

/* require, loadfile and dofile: Lua text below the script's own directory,
 * read through its track. */

/* Sets the globals require, package, loadfile and dofile; package.loaded is
 * the table on top of the stack, and becomes the registry's. */
void module_open(lua_State *L);
/* Pushes the compiled file. 0; or -1 with *err filled when it cannot be read
 * (errno tells why); or a status of lua_load with its message pushed. Does
 * not raise. */
int module_load(lua_State *L, const char *path, struct err *err);
/* Does the path have a component ".."? */
bool module_leaves(const char *path);

#endif
