#ifndef JSON_LUA_H
#define JSON_LUA_H

#include <lua.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* The bridge between JSON text and Lua values.
 *
 * Decoding: numbers without '.' or 'e' that fit 64 bits become integers, all
 * others floats; never a saturated integer. null becomes cjson.null (a light
 * userdata holding NULL). Arrays carry the metatable registered under
 * JSON_LUA_ARRAY, so [] stays []. */
#define JSON_LUA_ARRAY "matrix.array"

/* Pushes the value; checks the text first. Returns 0 with one value pushed,
 * or -1 with *err filled and nothing pushed. May raise a memory error: call
 * it in a protected environment. text must not be collected meanwhile. */
int json_lua_push(lua_State *L, struct slice text, struct err *err);
/* The same for text that already passed json_check. */
void json_lua_push_checked(lua_State *L, struct slice text);
/* Pushes the array metatable, made at first use. */
void json_lua_push_array_metatable(lua_State *L);

enum {
    /* Matrix content: integral floats become integers; other floats and
     * integers beyond 2^53-1 raise. Without it floats are written as such. */
    JSON_LUA_MATRIX = 1,
    /* Two spaces a level, and keys sorted. */
    JSON_LUA_PRETTY = 2,
    /* Keys in byte order (canonical when together with MATRIX). */
    JSON_LUA_SORTED = 4
};

/* Appends the JSON of the value at index. An unmarked {} is an object, 1..n
 * an array. Raises, at no particular level, with the path of what cannot be
 * written ("content.users[3] is a function"): holes, mixed or other keys,
 * functions, userdata, objects (__metatable is a name), NaN, invalid UTF-8,
 * depth, and out's maximum. nil fields do not exist; the value nil itself is
 * written as null. Metamethods are not called. out is left partly written when
 * it raises. */
void json_lua_write(lua_State *L, int index, struct buf *out, int flags);

#endif
