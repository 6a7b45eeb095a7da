#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

#include <lua.h>

#include "buf.h"

/* Where a script is. Frames of C functions and of the library are left out:
 * a script's author sees their own lines. Nothing here allocates in Lua or
 * raises, so it can be used on a thread in any state. */

#define TRACE_FILE 256

struct trace_place {
    char file[TRACE_FILE]; /* "" unknown */
    int line;
};

/* The library's chunks carry this in front of their file name; a script's
 * file has '@' there. */
#define TRACE_LIBRARY "=matrix/"

/* The nearest frame of the script at level or above; false (and *place
 * empty) when there is none. */
bool trace_where(lua_State *L, int level, struct trace_place *place);
/* As a person reads it: one line for each of the script's frames,
 * "file:line: in upvalue 'throw'". */
void trace_write(lua_State *L, struct buf *out);
/* The name by which the script called into the library, NULL unknown. */
const char *trace_called_as(lua_State *L, lua_Debug *ar);
/* Takes "file:line: " off the front of message into *place, with the whole
 * file name where the message has a shortened one; returns what remains. A
 * message without it: *place is the nearest frame of the script. */
const char *trace_split(lua_State *L, const char *message,
                        struct trace_place *place);

#endif
