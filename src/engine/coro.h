#ifndef CORO_H
#define CORO_H

#include <stdbool.h>

#include <lua.h>

/* The script's `coroutine` table, in which waits for the host pass through
 * the script's own coroutines: resume and wrap hand the host's mark up to the
 * task's thread and resume the inner coroutine when the task goes on. While
 * one waits like that, nobody else can resume or close it. */

/* Pushes the table. */
void coro_open(lua_State *L);

/* Suspends L, and all coroutines around it, until the host resumes the task;
 * then k(L, LUA_YIELD, ctx). The end of a C function: `return coro_wait(...)`.
 */
int coro_wait(lua_State *L, lua_KContext ctx, lua_KFunction k);
/* Is it suspended by coro_wait? Its mark is then on top of its stack, to be
 * popped by whoever resumes it. */
bool coro_waits(lua_State *thread);

#endif
