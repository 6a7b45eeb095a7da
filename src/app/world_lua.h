#ifndef WORLD_LUA_H
#define WORLD_LUA_H

#include "err.h"

/* What runs tests: a Lua state with the standard libraries in which test
 * files find the module "matrix.test". One world (world.h) at a time. */

/* Runs these *_test.lua files, tells on standard output. format: "text" or
 * "tap". only: a case runs when its name has this in it; NULL: all. Returns
 * how many failed, or -1. */
int world_lua_run(const char *lua_path, const char *format, const char *only,
                  const char *const *files, int count, struct err *err);

#endif
