#ifndef SPAWN_H
#define SPAWN_H

#include <lua.h>

/* Adds spawn, join and cancel to the table on top (core.md). */
void spawn_open(lua_State *L);

#endif
