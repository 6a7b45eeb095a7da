#ifndef SANDBOX_BASE_H
#define SANDBOX_BASE_H

#include <lua.h>

/* Base functions that differ from stock Lua: load pcall print setmetatable
 * xpcall. Sets them in the table on top. */
void sandbox_base_open(lua_State *L);
/* From now on new names in the table on top are told, once each. */
void sandbox_base_warn(lua_State *L);

#endif
