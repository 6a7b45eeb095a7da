/* layer: json_lua */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua-cjson.h>
#include <lualib.h>

#include "json_corpus.h"
#include "json_lua.h"
#include "json_read.h"
#include "limits.h"

static lua_State *L;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    lua_setglobal(L, "cjson");
    json_lua_push_array_metatable(L);
    lua_setglobal(L, "array_mt");
    buf_init(&out, KIB(64));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(lua_gettop(L), 0);
    lua_close(L);
    buf_free(&out);
    return 0;
}

static int protected_write(lua_State *l)
{
    json_lua_write(l, 1, &out, (int)lua_tointeger(l, 2));
    lua_settop(l, 0);
    return 0;
}

/* Pops a value and writes it; on failure the message is in out. */
static int write_top(int flags)
{
    buf_clear(&out);
    lua_pushcfunction(L, protected_write);
    lua_insert(L, -2);
    lua_pushinteger(L, flags);
    int rc = lua_pcall(L, 2, 0, 0);
    if (rc != LUA_OK) {
        buf_clear(&out);
        buf_adds(&out, lua_tostring(L, -1));
        lua_pop(L, 1);
        return -1;
    }
    return 0;
}

static void run(const char *code)
{
    if (luaL_dostring(L, code) != LUA_OK) {
        fail_msg("%s: %s", code, lua_tostring(L, -1));
    }
}

/* Pushes what the text decodes to. */
static void decode(const char *text)
{
    struct err err = { 0 };
    if (json_lua_push(L, slice_str(text), &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(lua_gettop(L), 1);
}

static void decodes(void **state)
{
    static const char *const cases[][2] = {
        { "7", "v == 7 and math.type(v) == 'integer'" },
        { "-0", "v == 0 and math.type(v) == 'integer'" },
        { "9223372036854775807", "v == math.maxinteger" },
        { "-9223372036854775808", "math.type(v) == 'integer' and v < 0" },
        { "9223372036854775808", "math.type(v) == 'float' and v == 2.0^63" },
        { "1.0", "v == 1 and math.type(v) == 'float'" },
        { "1e2", "v == 100 and math.type(v) == 'float'" },
        { "1e400", "v == math.huge" },
        { "null", "v == cjson.null" },
        { "true", "v == true" },
        { " false ", "v == false" },
        { "\"\"", "v == ''" },
        { "\"a\\u0000\\n\xc3\xa9\\ud83d\\ude00\\\"\"",
          "v == 'a\\0\\n\\u{e9}\\u{1f600}\"'" },
        { "[]", "getmetatable(v) == array_mt and #v == 0" },
        { "{}", "getmetatable(v) == nil and next(v) == nil" },
        { "[1,[null,{}],\"x\"]",
          "#v == 3 and v[2][1] == cjson.null and getmetatable(v[2]) == "
          "array_mt and getmetatable(v[2][2]) == nil and v[3] == 'x'" },
        { " { \"a\" : 1 , \"\\u0061\" : 2 , \"\" : { \"b\" : [ ] } } ",
          "v.a == 2 and #v[''].b == 0" },
        { "{\"a\":1,\"a\":null}", "v.a == cjson.null" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char code[512];
        decode(cases[i][0]);
        lua_setglobal(L, "v");
        snprintf(code, sizeof code, "assert(%s)", cases[i][1]);
        run(code);
    }
    struct err err = { 0 };
    assert_int_equal(json_lua_push(L, slice_str("[1,]"), &err), -1);
    assert_int_equal(err.kind, ERR_JSON);
    assert_int_equal(lua_gettop(L), 0);
}

static void writes(void **state)
{
    static const struct {
        const char *value;
        int flags;
        const char *text;
    } cases[] = {
        { "nil", 0, "null" },
        { "cjson.null", 0, "null" },
        { "true", 0, "true" },
        { "math.mininteger", 0, "-9223372036854775808" },
        { "1.0", 0, "1.0" },
        { "-0.0", 0, "-0.0" },
        { "0.1", 0, "0.1" },
        { "1e300", 0, "1e300" },
        { "2^53", 0, "9007199254740992.0" },
        { "1.0", JSON_LUA_MATRIX, "1" },
        { "-0.0", JSON_LUA_MATRIX, "0" },
        { "2^53-1", JSON_LUA_MATRIX, "9007199254740991" },
        { "-(2^53-1)", JSON_LUA_MATRIX, "-9007199254740991" },
        { "'a\\0\"\\\\\\n/\\127\\u{e9}'", 0,
          "\"a\\u0000\\\"\\\\\\n/\x7f\xc3\xa9\"" },
        { "{}", 0, "{}" },
        { "setmetatable({}, array_mt)", 0, "[]" },
        { "setmetatable({1}, array_mt)", 0, "[1]" },
        { "setmetatable({}, {__index=error,__len=error,__pairs=error})", 0,
          "{}" },
        { "setmetatable({x=1}, {__values={1,setmetatable({}, {__values=1})}})",
          0, "[1,{}]" },
        { "{1,{2,{}},'x'}", 0, "[1,[2,{}],\"x\"]" },
        { "{[2]=2,[1]=1,[3.0]=3}", 0, "[1,2,3]" },
        { "{a=nil}", 0, "{}" },
        { "{['1']=1}", 0, "{\"1\":1}" },
        { "{b=1,a={d=1,c=2},[string.char(0xc3,0xa9)]=3,ab=4,['']=5}",
          JSON_LUA_SORTED,
          "{\"\":5,\"a\":{\"c\":2,\"d\":1},\"ab\":4,\"b\":1,\"\xc3\xa9\":3}" },
        { "{b={},a={1,{x=2}},c=setmetatable({}, array_mt)}", JSON_LUA_PRETTY,
          "{\n  \"a\": [\n    1,\n    {\n      \"x\": 2\n    }\n  ],\n"
          "  \"b\": {},\n  \"c\": []\n}" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char code[512];
        snprintf(code, sizeof code, "v = %s", cases[i].value);
        run(code);
        lua_getglobal(L, "v");
        int rc = write_top(cases[i].flags);
        assert_string_equal(buf_str(&out), cases[i].text);
        assert_int_equal(rc, 0);
        assert_int_equal(json_check(buf_slice(&out), NULL), 0);
    }
}

static void refuses_with_the_path(void **state)
{
    static const struct {
        const char *value;
        int flags;
        const char *message;
    } cases[] = {
        { "print", 0, "the value is a function" },
        { "{content={users={1,2,print}}}", 0,
          "content.users[3] is a function" },
        { "{{a={['x y']=io.stdout}}}", 0, "[1].a[\"x y\"] is a userdata" },
        { "{a={setmetatable({}, {__metatable='Memory'})}}", 0,
          "a[1] is an object (Memory)" },
        { "{a=coroutine.create(print)}", 0, "a is a thread" },
        { "{a=0/0}", 0, "a is not a number (NaN)" },
        { "{a=-math.huge}", 0, "a is infinite" },
        { "{a='\\xff'}", 0, "a is no valid UTF-8" },
        { "{a={['\\xff']=1}}", 0, "a has a key that is no valid UTF-8" },
        { "{a={['\\xff']=1}}", JSON_LUA_SORTED,
          "a has a key that is no valid UTF-8" },
        { "{a={1,nil,3}}", 0, "a is a list with a hole at 2" },
        { "{a={[2]=1}}", 0, "a is a list with a hole at 1" },
        { "{[math.maxinteger]=1}", 0, "the value is a list with a hole at 1" },
        { "{a={[0]=1}}", 0, "a has an index below 1" },
        { "{a={1,x=2}}", 0, "a mixes list items and named fields" },
        { "{a={[1.5]=2}}", 0, "a has a key that is a number" },
        { "{a={[true]=2}}", 0, "a has a key that is a boolean" },
        { "{a={[true]=2}}", JSON_LUA_SORTED, "a has a key that is a boolean" },
        { "{a={1,[print]=2}}", 0, "a has a key that is a function" },
        { "setmetatable({x=1}, array_mt)", 0,
          "the value mixes list items and named fields" },
        { "{x=0.5}", JSON_LUA_MATRIX,
          "x is a fraction, which Matrix does not have" },
        { "{x=2^53}", JSON_LUA_MATRIX,
          "x is beyond 2^53 - 1, which Matrix does not have" },
        { "{x=1<<53}", JSON_LUA_MATRIX,
          "x is an integer beyond 2^53 - 1, which Matrix does not have" },
        { "('x'):rep(70000)", 0, NULL },
        { "(function() local t = {} for i = 1, 70000 do t[i] = 1 end "
          "return t end)()",
          0, NULL },
        { "{[('k'):rep(300)]={a=print}}", 0, "... is a function" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char code[512];
        snprintf(code, sizeof code, "v = %s", cases[i].value);
        run(code);
        lua_getglobal(L, "v");
        assert_int_equal(write_top(cases[i].flags), -1);
        if (cases[i].message) {
            assert_string_equal(buf_str(&out), cases[i].message);
        } else {
            assert_non_null(strstr(buf_str(&out), "65536"));
        }
    }
}

static void depth_is_bounded(void **state)
{
    static char text[4096];
    (void)state;
    json_nest(text, LIMIT_JSON_DEPTH, "[", "", "]");
    decode(text);
    assert_int_equal(write_top(0), 0);
    assert_string_equal(buf_str(&out), text);
    run("v = {} for _ = 1, 100 do v = {v} end");
    lua_getglobal(L, "v");
    assert_int_equal(write_top(0), -1);
    run("v = {a={}} v.a.b = v");
    lua_getglobal(L, "v");
    assert_int_equal(write_top(0), -1);
    assert_non_null(strstr(buf_str(&out), "holds itself"));
    assert_non_null(strstr(buf_str(&out), "a.b.a.b"));
    run("m = {} m.__values = {a=setmetatable({}, m)} v = m.__values");
    lua_getglobal(L, "v");
    assert_int_equal(write_top(0), -1);
    assert_non_null(strstr(buf_str(&out), "holds itself"));
}

/* Everything valid survives a round trip, and lua-cjson sees the same value
 * where it sees right: it knows no arrays and makes all numbers floats. */
static void agrees_with_cjson(void **state)
{
    (void)state;
    run("function same(a, b)"
        "  if type(a) == 'number' then return a + 0.0 == b + 0.0 end"
        "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end"
        "  for k, v in pairs(a) do if not same(v, b[k]) then return false end "
        "end"
        "  for k in pairs(b) do if a[k] == nil then return false end end"
        "  return true end");
    for (size_t i = 0; i < COUNT(json_valid); i++) {
        struct slice text = json_valid[i];
        assert_int_equal(json_lua_push(L, text, NULL), 0);
        lua_pushvalue(L, -1);
        lua_setglobal(L, "ours");
        if (write_top(0) != 0) {
            assert_string_equal(buf_str(&out), "the value is infinite");
            continue;
        }
        assert_int_equal(json_lua_push(L, buf_slice(&out), NULL), 0);
        lua_setglobal(L, "again");
        lua_pushlstring(L, text.ptr, text.len);
        lua_setglobal(L, "text");
        run("theirs = cjson.decode('[' .. text .. ']')[1]"
            "assert(same(ours, again), text) assert(same(ours, theirs), text)");
    }
}

static int deep_decode(lua_State *l)
{
    struct slice *text = lua_touserdata(l, 1);
    json_lua_push_checked(l, *text);
    return 1;
}

/* Fails each allocation in turn: nothing leaks and nothing is half done. */
struct allowance {
    size_t left;
};

static void *stingy(void *arg, void *ptr, size_t old, size_t size)
{
    struct allowance *allowance = arg;
    (void)old;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (ptr == NULL || size > old) {
        if (allowance->left == 0) {
            return NULL;
        }
        allowance->left--;
    }
    return realloc(ptr, size);
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    struct slice text =
        slice_str("{\"a\\n\":[1,2,3,4,5,{\"b\":[\"\\u0041\",{}]}],\"c\":{"
                  "\"d\":null,\"e\":1,\"f\":[[[]]]}}");
    int rc = LUA_ERRMEM;
    for (size_t n = 0; rc != LUA_OK; n++) {
        assert_true(n < 1000);
        struct allowance allowance = { SIZE_MAX };
        lua_State *poor = lua_newstate(stingy, &allowance);
        assert_non_null(poor);
        lua_pushcfunction(poor, deep_decode);
        lua_pushlightuserdata(poor, &text);
        allowance.left = n;
        rc = lua_pcall(poor, 1, 1, 0);
        allowance.left = SIZE_MAX;
        assert_true(rc == LUA_OK || rc == LUA_ERRMEM);
        lua_close(poor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_with_the_path, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(depth_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(agrees_with_cjson, set_up, tear_down),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
