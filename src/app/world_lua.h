#ifndef WORLD_LUA_H
#define WORLD_LUA_H

#include <stdbool.h>

#include "err.h"

/* What runs tests: a Lua state with the standard libraries in which test
 * files find the module "matrix.test". One world (world.h) at a time. */

/* Runs these *_test.lua files, tells on standard output. format: "text",
 * "tap" or "junit". only: a case runs when its name has this in it; NULL: all.
 * Returns how many failed, or -1. */
int world_lua_run(const char *lua_path, const char *format, const char *only,
                  const char *const *files, int count, struct err *err);

/* The chat of `lunatrix try` (lua/matrix/chat.lua). */
struct world_lua_chat {
    const char *script;
    const char *config, *secrets; /* JSON objects, see world_add_script */
    const char *record; /* file for the lines that are typed; NULL: none */
    bool terminal;      /* with the time of day, and reloads on save */
    bool styled;        /* the output shows colours */
};

/* Until the input ends. 0, 1 when the script did not load, or -1. */
int world_lua_chat(const char *lua_path, const struct world_lua_chat *chat,
                   struct err *err);

#endif
