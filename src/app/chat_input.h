#ifndef CHAT_INPUT_H
#define CHAT_INPUT_H

#include <lua.h>

/* What is typed, and what is shown meanwhile, for lua/matrix/chat.lua. */

/* From now on SIGINT and SIGTERM end the input instead of the process. Where
 * standard input and output are a terminal, its lines are edited. */
void chat_input_start(void);
/* Gives the terminal back. */
void chat_input_stop(void);

/* Lua: wait(ms): the next line of standard input without its end, nil when ms
 * pass before there is one, or false at the end; and the milliseconds since
 * the last call. ms < 0: for as long as it takes. */
int chat_input_wait(lua_State *L);
/* Lua: edits(): are lines edited? Then read is used instead of wait. */
int chat_input_edits(lua_State *L);
/* Lua: read(prompt, on_idle, on_complete): the next line or false, and the
 * milliseconds as above. Meanwhile on_idle(ms) is called every TICK_MS, and
 * on_complete(text) for Tab: it returns where in the text before the cursor
 * the word begins (from 1) and an array of what that word may become. */
int chat_input_read(lua_State *L);
/* Lua: interrupted(): was Ctrl-C typed, or has a signal come, while something
 * else than reading went on? */
int chat_input_interrupted(lua_State *L);
/* Lua: print(text): a line, that leaves what is being typed whole. */
int chat_input_print(lua_State *L);

#endif
