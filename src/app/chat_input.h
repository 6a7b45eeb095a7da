#ifndef CHAT_INPUT_H
#define CHAT_INPUT_H

#include <lua.h>

/* What is typed, for lua/matrix/chat.lua. */

/* From now on SIGINT and SIGTERM end the input instead of the process. */
void chat_input_start(void);
/* Lua: wait(ms): the next line of standard input without its end, nil when ms
 * pass before there is one, or false at the end; and the milliseconds since
 * the last call. ms < 0: for as long as it takes. */
int chat_input_wait(lua_State *L);

#endif
