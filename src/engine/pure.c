#include "pure.h"

#include <lauxlib.h>

#include "digest.h"
#include "gen_internal.h"
#include "html.h"
#include "json_lua.h"
#include "limits.h"
#include "markdown.h"
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

/* nil, message when it is too long: a message can be refused like any other
 * that is. */
static int pure_markdown(lua_State *L)
{
    struct slice text = check_text(L, 1);
    if (text.len > LIMIT_MARKDOWN) {
        lua_pushnil(L);
        lua_pushfstring(L, "Markdown of more than %d bytes",
                        (int)LIMIT_MARKDOWN);
        return 2;
    }
    return convert(L, markdown_to_html);
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

/* ---- digests ---- */

static int push_digest(lua_State *L, const unsigned char digest[SHA256_SIZE])
{
    lua_pushlstring(L, (const char *)digest, SHA256_SIZE);
    return 1;
}

static int pure_sha256(lua_State *L)
{
    unsigned char digest[SHA256_SIZE];
    digest_sha256(check_text(L, 1), digest);
    return push_digest(L, digest);
}

static int pure_hmac(lua_State *L)
{
    unsigned char digest[SHA256_SIZE];
    struct slice key = check_text(L, 1);
    digest_hmac(key, check_text(L, 2), digest);
    return push_digest(L, digest);
}

static int pure_equal(lua_State *L)
{
    struct slice a = check_text(L, 1);
    lua_pushboolean(L, digest_equal(a, check_text(L, 2)));
    return 1;
}

static int pure_hex(lua_State *L)
{
    return convert(L, digest_hex);
}

static int encode_base64(struct slice bytes, struct buf *out)
{
    return digest_base64(bytes, true, out);
}

static int pure_base64_encode(lua_State *L)
{
    return convert(L, encode_base64);
}

static int pure_base64_decode(lua_State *L)
{
    struct buf *out = &gen_from(L)->scratch;
    struct slice text = check_text(L, 1);
    buf_clear(out);
    out->max = LIMIT_JSON_BODY;
    if (digest_base64_decode(text, out) != 0) {
        lua_pushnil(L);
        return 1;
    }
    return push_slice(L, buf_slice(out));
}

static int pure_random(lua_State *L)
{
    char bytes[64];
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 0 && n <= (lua_Integer)sizeof bytes, 1,
                  "too many bytes");
    digest_random(bytes, (size_t)n);
    lua_pushlstring(L, bytes, (size_t)n);
    return 1;
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
        { "markdown", pure_markdown },
        { "sha256", pure_sha256 },
        { "hmac", pure_hmac },
        { "equal", pure_equal },
        { "hex", pure_hex },
        { "base64_encode", pure_base64_encode },
        { "base64_decode", pure_base64_decode },
        { "random", pure_random },
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
