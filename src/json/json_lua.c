#include "json_lua.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "json_read.h"
#include "json_text.h"
#include "json_write.h"
#include "limits.h"

#define MOST 9007199254740991 /* 2^53 - 1 */

void json_lua_push_array_metatable(lua_State *L)
{
    luaL_newmetatable(L, JSON_LUA_ARRAY);
}

/* ---- text to Lua: one pass over text that passed json_check ---- */

struct cursor {
    const char *p, *end;
};

static void push_value(lua_State *L, struct cursor *c);

static bool take(struct cursor *c, char wanted)
{
    c->p = json_text_space(c->p, c->end);
    if (c->p == c->end || *c->p != wanted) {
        return false;
    }
    c->p++;
    return true;
}

static void push_string(lua_State *L, struct cursor *c)
{
    const char *start = c->p + 1;
    c->p = json_text_skip_string(c->p, c->end);
    struct slice inner = slice_make(start, (size_t)(c->p - start - 1));
    if (memchr(inner.ptr, '\\', inner.len) == NULL) {
        lua_pushlstring(L, inner.ptr, inner.len);
        return;
    }
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, inner.len);
    luaL_pushresultsize(&b, json_text_decode(inner, to));
}

static void push_object(lua_State *L, struct cursor *c)
{
    bool empty = take(c, '}');
    /* Room for a few members: a table that grows from one is built anew at
     * the second, the third and the fifth. */
    lua_createtable(L, 0, empty ? 0 : 4);
    if (empty) {
        return;
    }
    do {
        c->p = json_text_space(c->p, c->end);
        push_string(L, c);
        take(c, ':');
        push_value(L, c);
        lua_rawset(L, -3);
    } while (take(c, ','));
    take(c, '}');
}

static void push_array(lua_State *L, struct cursor *c)
{
    lua_newtable(L);
    json_lua_push_array_metatable(L);
    lua_setmetatable(L, -2);
    if (take(c, ']')) {
        return;
    }
    lua_Integer n = 0;
    do {
        push_value(L, c);
        lua_rawseti(L, -2, ++n);
    } while (take(c, ','));
    take(c, ']');
}

static void push_number(lua_State *L, struct cursor *c)
{
    size_t len = json_text_number(c->p, c->end);
    struct slice text = slice_make(c->p, len);
    int64_t value;
    if (json_text_int(text, &value)) {
        lua_pushinteger(L, value);
    } else {
        lua_pushnumber(L, json_text_to_double(text));
    }
    c->p += len;
}

static void push_value(lua_State *L, struct cursor *c)
{
    luaL_checkstack(L, 6, "JSON"); /* an object's key, value and buffer */
    c->p = json_text_space(c->p, c->end);
    switch (c->p < c->end ? *c->p : 'n') {
    case '{':
        c->p++;
        push_object(L, c);
        break;
    case '[':
        c->p++;
        push_array(L, c);
        break;
    case '"':
        push_string(L, c);
        break;
    case 't':
        c->p += strlen("true");
        lua_pushboolean(L, 1);
        break;
    case 'f':
        c->p += strlen("false");
        lua_pushboolean(L, 0);
        break;
    case 'n':
        c->p += strlen("null");
        lua_pushlightuserdata(L, NULL);
        break;
    default:
        push_number(L, c);
    }
}

void json_lua_push_checked(lua_State *L, struct slice text)
{
    struct cursor c = { text.ptr, text.ptr + text.len };
    push_value(L, &c);
}

int json_lua_push(lua_State *L, struct slice text, struct err *err)
{
    if (json_check(text, err) != 0) {
        return -1;
    }
    json_lua_push_checked(L, text);
    return 0;
}

/* ---- Lua to text ---- */

/* Where we are: one step of the path, on the C stack. */
struct step {
    const struct step *up;
    struct slice key; /* absent: an index */
    lua_Integer index;
};

struct writer {
    lua_State *L;
    struct buf *out;
    int flags;
    int depth;
    const struct step *at;
};

static void write_value(struct writer *w, int index);

static bool is_name(struct slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '_' || (i > 0 && json_text_is_digit(c));
        if (!letter) {
            return false;
        }
    }
    return key.len > 0;
}

/* Appends as much of the path as fits. */
static void add_path(const struct step *at, struct buf *path)
{
    if (at->up) {
        add_path(at->up, path);
    }
    if (path->failed) {
        return;
    }
    if (at->key.ptr == NULL) {
        buf_addf(path, "[%lld]", (long long)at->index);
    } else if (is_name(at->key)) {
        buf_addf(path, "%s%.*s", at->up ? "." : "", SLICE_ARG(at->key));
    } else {
        buf_addf(path, "[\"%.*s\"]", SLICE_ARG(at->key));
    }
}

#define SHOWN_PATH 100 /* bytes */

/* Raises "<path> <what>". */
static void refuse(struct writer *w, const char *what)
{
    char text[512];
    struct buf path;
    buf_init(&path, SHOWN_PATH);
    if (w->at) {
        add_path(w->at, &path);
    } else {
        buf_adds(&path, "the value");
    }
    snprintf(text, sizeof text, "%s%s %s", buf_str(&path),
             path.failed ? "..." : "", what);
    buf_free(&path);
    lua_pushstring(w->L, text);
    lua_error(w->L);
}

static void refuse_type(struct writer *w, const char *has, int index)
{
    char what[64];
    snprintf(what, sizeof what, "%s a %s", has, luaL_typename(w->L, index));
    refuse(w, what);
}

static void full(struct writer *w)
{
    struct err err;
    if (buf_check(w->out, "the JSON", &err) != 0) {
        lua_pushstring(w->L, err.text);
        lua_error(w->L);
    }
}

static void add(struct writer *w, struct slice text)
{
    if (buf_add(w->out, text) != 0) {
        full(w);
    }
}

static void add_str(struct writer *w, const char *text)
{
    add(w, slice_str(text));
}

static void add_string(struct writer *w, struct slice text, const char *what)
{
    if (json_quote(text, w->out) != 0) {
        full(w);
        refuse(w, what);
    }
}

static void new_line(struct writer *w)
{
    if (w->flags & JSON_LUA_PRETTY) {
        add_str(w, "\n");
        for (int i = 0; i < w->depth; i++) {
            add_str(w, "  ");
        }
    }
}

static void write_integer(struct writer *w, lua_Integer value)
{
    char text[24];
    if ((w->flags & JSON_LUA_MATRIX) && (value > MOST || value < -MOST)) {
        refuse(w, "is an integer beyond 2^53 - 1, which Matrix does not have");
    }
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_str(w, text);
}

static void write_float(struct writer *w, lua_Number value)
{
    char text[JSON_TEXT_DOUBLE + 2];
    if (!isfinite(value)) {
        refuse(w, isnan(value) ? "is not a number (NaN)" : "is infinite");
    }
    if (w->flags & JSON_LUA_MATRIX) {
        bool fits = value >= -(double)MOST && value <= (double)MOST;
        if (fits && value == (double)(lua_Integer)value) {
            write_integer(w, (lua_Integer)value);
            return;
        }
        refuse(w, fits ? "is a fraction, which Matrix does not have"
                       : "is beyond 2^53 - 1, which Matrix does not have");
    }
    json_text_double(value, text);
    add_str(w, text);
    if (strpbrk(text, ".e") == NULL) {
        add_str(w, ".0"); /* reads back as a float */
    }
}

static bool is_marked(lua_State *L, int table)
{
    bool marked = false;
    if (lua_getmetatable(L, table)) {
        luaL_getmetatable(L, JSON_LUA_ARRAY);
        marked = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    return marked;
}

/* The length of a table all of whose keys are 1..n; raises for others. */
static lua_Integer list_length(struct writer *w, int table)
{
    lua_State *L = w->L;
    lua_Integer count = 0, most = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            refuse(w, "mixes list items and named fields");
        }
        if (!lua_isinteger(L, -2)) {
            refuse_type(w, "has a key that is", -2);
        }
        lua_Integer key = lua_tointeger(L, -2);
        if (key < 1) {
            refuse(w, "has an index below 1");
        }
        most = key > most ? key : most;
        count++;
        lua_pop(L, 1);
    }
    for (lua_Integer i = 1; count < most; i++) {
        if (lua_rawgeti(L, table, i) == LUA_TNIL) {
            char what[64];
            snprintf(what, sizeof what, "is a list with a hole at %lld",
                     (long long)i);
            refuse(w, what);
        }
        lua_pop(L, 1);
    }
    return count;
}

static void write_list(struct writer *w, int table)
{
    lua_Integer n = list_length(w, table);
    struct step step = { .up = w->at };
    add_str(w, "[");
    w->depth++;
    for (lua_Integer i = 1; i <= n; i++) {
        step.index = i;
        w->at = &step;
        if (i > 1) {
            add_str(w, ",");
        }
        new_line(w);
        lua_rawgeti(w->L, table, i);
        write_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    w->at = step.up;
    w->depth--;
    if (n > 0) {
        new_line(w);
    }
    add_str(w, "]");
}

/* One member; its value is on top of the stack and is popped. */
static void write_member(struct writer *w, struct slice key, bool first)
{
    struct step step = { .up = w->at, .key = key };
    if (!first) {
        add_str(w, ",");
    }
    new_line(w);
    add_string(w, key, "has a key that is no valid UTF-8");
    add_str(w, w->flags & JSON_LUA_PRETTY ? ": " : ":");
    w->at = &step;
    write_value(w, lua_gettop(w->L));
    w->at = step.up;
    lua_pop(w->L, 1);
}

/* The key below the top of the stack, which stays a string. */
static struct slice member_key(struct writer *w)
{
    if (lua_type(w->L, -2) == LUA_TNUMBER) {
        refuse(w, "mixes list items and named fields");
    }
    if (lua_type(w->L, -2) != LUA_TSTRING) {
        refuse_type(w, "has a key that is", -2);
    }
    size_t len;
    const char *key = lua_tolstring(w->L, -2, &len);
    return slice_make(key, len);
}

static int by_bytes(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static bool write_sorted(struct writer *w, int table)
{
    lua_State *L = w->L;
    size_t count = 0, n = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        count++;
        lua_pop(L, 1);
    }
    struct slice *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        keys[n++] = member_key(w); /* the table keeps the string alive */
        lua_pop(L, 1);
    }
    qsort(keys, count, sizeof *keys, by_bytes);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, keys[i].ptr, keys[i].len);
        lua_rawget(L, table);
        write_member(w, keys[i], i == 0);
    }
    lua_pop(L, 1);
    return count > 0;
}

static bool write_members(struct writer *w, int table)
{
    bool first = true;
    lua_pushnil(w->L);
    while (lua_next(w->L, table)) {
        write_member(w, member_key(w), first);
        first = false;
    }
    return !first;
}

static void write_object(struct writer *w, int table)
{
    add_str(w, "{");
    w->depth++;
    bool any = w->flags & (JSON_LUA_PRETTY | JSON_LUA_SORTED)
                   ? write_sorted(w, table)
                   : write_members(w, table);
    w->depth--;
    if (any) {
        new_line(w);
    }
    add_str(w, "}");
}

/* An object hides its metatable behind the name of its class; what can be
 * seen of it here is not what it stands for. */
static void refuse_object(struct writer *w, int table)
{
    lua_State *L = w->L;
    int type = luaL_getmetafield(L, table, "__metatable");
    if (type == LUA_TSTRING) {
        char what[80];
        snprintf(what, sizeof what, "is an object (%.40s)",
                 lua_tostring(L, -1));
        refuse(w, what);
    }
    lua_pop(L, type == LUA_TNIL ? 0 : 1);
}

/* A table that stands for another one, as read-only ones do, names it: pushes
 * that, or the table itself. */
static int push_values(lua_State *L, int table)
{
    int type = luaL_getmetafield(L, table, "__values");
    if (type != LUA_TTABLE) {
        lua_pop(L, type == LUA_TNIL ? 0 : 1);
        lua_pushvalue(L, table);
    }
    return lua_gettop(L);
}

static void write_table(struct writer *w, int index)
{
    lua_State *L = w->L;
    refuse_object(w, index);
    int table = push_values(L, index);
    if (w->depth == LIMIT_JSON_DEPTH) {
        refuse(w, "is nested too deeply, or holds itself");
    }
    bool list = is_marked(L, table);
    if (!list) {
        lua_pushnil(L);
        if (lua_next(L, table)) {
            list = lua_type(L, -2) == LUA_TNUMBER;
            lua_pop(L, 2);
        }
    }
    if (list) {
        write_list(w, table);
    } else {
        write_object(w, table);
    }
    lua_pop(L, 1);
}

static void write_string(struct writer *w, int index)
{
    size_t len;
    const char *text = lua_tolstring(w->L, index, &len);
    add_string(w, slice_make(text, len), "is no valid UTF-8");
}

static void write_value(struct writer *w, int index)
{
    lua_State *L = w->L;
    luaL_checkstack(L, 8, "JSON");
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        add_str(w, "null");
        break;
    case LUA_TBOOLEAN:
        add_str(w, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            write_integer(w, lua_tointeger(L, index));
        } else {
            write_float(w, lua_tonumber(L, index));
        }
        break;
    case LUA_TSTRING:
        write_string(w, index);
        break;
    case LUA_TTABLE:
        write_table(w, index);
        break;
    default:
        if (!lua_islightuserdata(L, index) || lua_touserdata(L, index)) {
            refuse_type(w, "is", index);
        }
        add_str(w, "null");
    }
}

void json_lua_write(lua_State *L, int index, struct buf *out, int flags)
{
    struct writer w = { .L = L, .out = out, .flags = flags };
    write_value(&w, lua_absindex(L, index));
}
