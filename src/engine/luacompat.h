#ifndef LUACOMPAT_H
#define LUACOMPAT_H

#include <lua.h>

/* Differences between the releases of Lua 5.4. */

/* Runs the pending <close> variables of a thread that does not run and leaves
 * it dead; LUA_OK, or a status with the error on its stack. What <close> runs
 * may not yield. */
#if LUA_VERSION_RELEASE_NUM >= 50406
static inline int luacompat_close_thread(lua_State *thread, lua_State *from)
{
    return lua_closethread(thread, from);
}
#else
static inline int luacompat_close_thread(lua_State *thread, lua_State *from)
{
    (void)from;
    return lua_resetthread(thread);
}
#endif

#endif
