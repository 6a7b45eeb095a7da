#ifndef SANDBOX_SYSTEM_H
#define SANDBOX_SYSTEM_H

#include <lua.h>

/* Push the script's `os` and `debug`: what tells, and changes nothing. */
void sandbox_os_open(lua_State *L);
void sandbox_debug_open(lua_State *L);

#endif
