#include "pure.h"

#include <lauxlib.h>

#include "gen_internal.h"
#include "html.h"
#include "json_lua.h"
#include "limits.h"
#include "port.h"
#include "url.h"

static struct slice check_text(lua_State *L, int arg)
{
    struct slice text;
    text.ptr = luaL_checklstring(L, arg, &text.len);
    return text;
}

static int push_slice(lua_State *L, struct slice text)
{
    lua_pushlstring(L, text.ptr ? text.ptr : "", text.len);
    return 1;
}

/* ---- JSON ---- */

static int pure_json_encode(lua_State *L)
{
    int flags = 0;
    luaL_checkany(L, 1);
    for (const char *p = luaL_optstring(L, 2, ""); *p; p++) {
        switch (*p) {
        case 'm':
            flags |= JSON_LUA_MATRIX;
            break;
        case 'p':
            flags |= JSON_LUA_PRETTY;
            break;
        case 's':
            flags |= JSON_LUA_SORTED;
            break;
        default:
            return luaL_argerror(L, 2, "flags are m, p and s");
        }
    }
    return push_slice(L, port_write(L, 1, flags, LIMIT_JSON_BODY));
}

static int pure_json_decode(lua_State *L)
{
    struct err err;
    struct slice text = check_text(L, 1);
    if (text.len > LIMIT_JSON_BODY) {
        err_set(&err, ERR_LIMIT, "JSON of more than %zu bytes",
                LIMIT_JSON_BODY);
    } else if (json_lua_push(L, text, &err) == 0) {
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

/* ---- text ---- */

/* fn(text) as a string, through the scratch buffer. */
static int convert(lua_State *L, int (*fn)(struct slice text, struct buf *out))
{
    struct gen *gen = gen_from(L);
    struct slice text = check_text(L, 1);
    struct buf *out = &gen->scratch;
    struct err err;
    buf_clear(out);
    out->max = LIMIT_JSON_BODY;
    fn(text, out);
    if (buf_check(out, "the text", &err) != 0) {
        return port_raise(L, "%s", err.text);
    }
    return push_slice(L, buf_slice(out));
}

static int pure_html_escape(lua_State *L)
{
    return convert(L, html_escape);
}

static int pure_html_unescape(lua_State *L)
{
    return convert(L, html_unescape);
}

static int pure_html_to_text(lua_State *L)
{
    return convert(L, html_to_text);
}

static int pure_url_encode(lua_State *L)
{
    return convert(L, url_encode);
}

static int pure_strip_body(lua_State *L)
{
    return push_slice(L, html_strip_body_fallback(check_text(L, 1)));
}

static int pure_strip_html(lua_State *L)
{
    return push_slice(L, html_strip_reply(check_text(L, 1)));
}

/* ---- time ---- */

static int pure_now(lua_State *L)
{
    const struct loop *loop = gen_from(L)->caller.host->loop;
    lua_pushnumber(L, (lua_Number)loop_wall(loop) / 1000);
    return 1;
}

static int pure_monotonic(lua_State *L)
{
    const struct loop *loop = gen_from(L)->caller.host->loop;
    lua_pushnumber(L, (lua_Number)loop_now(loop) / 1000);
    return 1;
}

void pure_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "json_encode", pure_json_encode },
        { "json_decode", pure_json_decode },
        { "html_escape", pure_html_escape },
        { "html_unescape", pure_html_unescape },
        { "html_to_text", pure_html_to_text },
        { "url_encode", pure_url_encode },
        { "strip_body", pure_strip_body },
        { "strip_html", pure_strip_html },
        { "now", pure_now },
        { "monotonic", pure_monotonic },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    json_lua_push_array_metatable(L);
    lua_setfield(L, -2, "array_metatable");
}
