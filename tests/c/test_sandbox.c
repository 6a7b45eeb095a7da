/* layer: engine */
#include "script_fixture.h"

#include <sys/stat.h>

struct row {
    const char *code, *want; /* JSON of what the handler returns */
};

static void run_rows(const struct row *rows, size_t count)
{
    char text[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "bot.on(function() %s end)", rows[i].code);
        fixture_load(text);
        const struct fixture_end *end = fixture_run(1);
        if (strcmp(end->value, rows[i].want) != 0) {
            fail_msg("%s\ngave <%s> <%s>", rows[i].code, end->value, end->text);
        }
    }
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0])

static void globals_are_the_allowed_ones(void **state)
{
    static const struct row rows[] = {
        { "local t = {} for k in pairs(_G) do t[#t + 1] = k end "
          "table.sort(t) return table.concat(t, ' ')",
          "\"_G _VERSION assert bot collectgarbage coroutine debug dofile "
          "error getmetatable io ipairs load loadfile math matrix next os "
          "package pairs pcall print rawequal rawget rawlen rawset require "
          "select setmetatable string table tonumber tostring type utf8 "
          "xpcall\"" },
        { "local t = {} for _, m in ipairs { 'os', 'io', 'debug', 'package',"
          " 'coroutine' } do for k in pairs(_G[m]) do t[#t + 1] = m .. '.' "
          ".. k end end table.sort(t) return table.concat(t, ' ')",
          "\"coroutine.close coroutine.create coroutine.isyieldable "
          "coroutine.resume coroutine.running coroutine.status "
          "coroutine.wrap coroutine.yield debug.getinfo debug.traceback "
          "io.close io.lines io.open io.type os.clock os.date os.difftime "
          "os.getenv os.time package.config package.cpath package.loaded "
          "package.path package.preload\"" },
        { "local t = {} for k in pairs(package.loaded) do t[#t + 1] = k end "
          "table.sort(t) return table.concat(t, ' ')",
          "\"_G coroutine debug io math matrix os package string table "
          "utf8\"" },
        { "return { string.dump == nil, require 'os' == os, "
          "require '_G' == _G, require 'matrix' == matrix, _G._G == _G }",
          "[true,true,true,true,true]" },
    };
    (void)state;
    RUN(rows);
}

static void escapes_are_closed(void **state)
{
    static const struct row rows[] = {
        { "return (load('\\27Lua')) == nil", "true" },
        { "return (select(2, load('\\27Lua', 'x', 'b')))",
          "\"attempt to load a text chunk (mode is 'b')\"" },
        { "return load('return _G')() == _G", "true" },
        { "return load('x = 1 return x', 'c', 't', { })()", "1" },
        { "local i = 0 return load(function() i = i + 1 return "
          "({ 'return ', '4', '2' })[i] end)()",
          "42" },
        { "return (select(2, load(function() error('r', 0) end)))", "\"r\"" },
        { "return debug.getinfo(1, 'f').func == nil", "true" },
        { "return debug.getinfo(print).what", "\"C\"" },
        { "return debug.getinfo(1, 'l').currentline", "1" },
        { "return { debug.getinfo(99) == nil, "
          "debug.traceback({ 1 })[1] }",
          "[true,1]" },
        { "return getmetatable('')", "false" },
        { "function string.shout(s) return s:upper() .. '!' end "
          "return ('a'):shout()",
          "\"A!\"" },
        { "local j = require 'cjson' return j.encode({ 1 })", "\"[1]\"" },
        { "return require('cjson').null == matrix.core.null", "true" },
        { "local f = string.format string.format = nil local r = "
          "matrix.core.json_encode({ 1 }) string.format = f return r",
          "\"[1]\"" },
        { "_G.pcall = nil return matrix.wait(1).waited", "true" },
        { "return { coroutine.isyieldable(), coroutine.wrap(function() "
          "return coroutine.isyieldable() end)() }",
          "[false,true]" },
        { "return select(2, pcall(coroutine.resume, print)):match("
          "'coroutine expected') ~= nil",
          "true" },
    };
    (void)state;
    RUN(rows);
}

static void io_stays_in_the_data_directory(void **state)
{
    static const struct row rows[] = {
        { "local f = assert(io.open('a.txt', 'w')) f:write('1\\n2\\n') "
          "f:close() local t = {} for l in io.lines('a.txt') do "
          "t[#t + 1] = l end return t",
          "[\"1\",\"2\"]" },
        { "return { io.open('../main.lua') }", NULL },
        { "return { io.open('x/../../main.lua') }", NULL },
        { "return { io.open('/etc/passwd') }", NULL },
        { "return { io.open('link') }", NULL },
        { "return { io.open('linkdir/main.lua') }", NULL },
        { "return { io.open('.') }", NULL },
        { "return { io.open('') }", NULL },
        { "return { io.open('pipe') }", NULL },
        { "return { io.open('..') }", NULL },
        { "return { io.open('missing') }", NULL },
        { "return { pcall(io.open, 'a\\0b') }",
          "[false,\"bad argument #1 to 'io.open' (path holds a NUL)\"]" },
        { "return { pcall(io.open, 'a', 'rz') }",
          "[false,\"bad argument #2 to 'io.open' (invalid mode)\"]" },
        { "local f <close> = io.open('sub/b', 'a+') f:write('x') "
          "f:seek('set') return { f:read('a'), io.type(f) }",
          "[\"x\",\"file\"]" },
        { "local f = io.open('sub/b') return { f:read(1), f:close(), "
          "io.type(f) }",
          "[\"x\",true,\"closed file\"]" },
        { "return { pcall(io.lines) }",
          "[false,\"bad argument #1 to 'io.lines' (string expected, got no "
          "value)\"]" },
        { "return (pcall(io.lines, 'missing'))", "false" },
    };
    char path[200], target[200];
    (void)state;
    fixture_mkdir("data/sub");
    snprintf(path, sizeof path, "%s/data/link", fixture.dir);
    snprintf(target, sizeof target, "%s/main.lua", fixture.dir);
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof path, "%s/data/linkdir", fixture.dir);
    assert_int_equal(symlink(fixture.dir, path), 0);
    snprintf(path, sizeof path, "%s/data/pipe", fixture.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].want) {
            run_rows(&rows[i], 1);
            continue;
        }
        char text[512];
        snprintf(text, sizeof text,
                 "bot.on(function() local t = (function() %s end)() "
                 "return t[1] == nil and type(t[2]) end)",
                 rows[i].code);
        fixture_load(text);
        const struct fixture_end *end = fixture_run(1);
        if (strcmp(end->value, "\"string\"") != 0) {
            fail_msg("%s gave <%s> <%s>", rows[i].code, end->value, end->text);
        }
    }
}

static void the_data_directory_is_made_when_written(void **state)
{
    struct gen_config config = fixture_config();
    struct err err;
    char data[128];
    (void)state;
    snprintf(data, sizeof data, "%s/made/here", fixture.dir);
    config.data_dir = data;
    assert_int_equal(
        fixture_load_with(&config,
                          "bot.on(function() return { io.open('a') "
                          "== nil, io.open('a', 'w') ~= nil, "
                          "io.open('a') ~= nil } end)",
                          &err),
        0);
    assert_string_equal(fixture_run(1)->value, "[true,true,true]");
}

static void time_is_the_loops_when_virtual(void **state)
{
    static const struct row rows[] = {
        { "local a = os.time() matrix.wait(60) return os.time() - a", "60" },
        { "return os.date('!%Y-%m-%d')", "\"2026-01-01\"" },
        { "return os.date('!%Y', 0)", "\"1970\"" },
        { "return os.time { year = 2000, month = 1, day = 2, hour = 0 } - "
          "os.time { year = 2000, month = 1, day = 1, hour = 0 }",
          "86400" },
        { "local a = os.clock() matrix.wait(5) return os.clock() - a", "5.0" },
        { "return math.type(matrix.core.now())", "\"float\"" },
    };
    (void)state;
    RUN(rows);
}

static void require_finds_modules_and_records_what_it_tried(void **state)
{
    char want[300];
    struct buf what;
    (void)state;
    fixture_mkdir("rocks/deep");
    fixture_write("util.lua", "return { name = ..., file = select(2, ...) }");
    fixture_write("rocks/deep/init.lua", "x_loaded = true return { 7 }");
    fixture_write("nothing.lua", "");
    fixture_load("local u = require 'util'\n"
                 "package.path = '/etc/?.lua'\n"
                 "bot.on(function() return { u.name, require 'util' == u, "
                 "require('deep')[1], require 'nothing', package.loaded.util "
                 "== u } end)\n"
                 "bot.on(function() return (select(2, pcall(require, "
                 "'later'))) end)\n"
                 "package.preload.pre = function(n, where) return n .. where "
                 "end\n"
                 "bot.on(function() return require 'pre' end)\n"
                 "bot.on(function() return { pcall(require, '../x'), "
                 "(pcall(require, '')), (pcall(require, 'a\\0b')) } end)\n"
                 "bot.on(function() return { (pcall(require, '.etc.x')), "
                 "(pcall(require, '/etc/x')) } end)\n");
    assert_string_equal(fixture_run(1)->value, "[\"util\",true,7,true,true]");
    snprintf(want, sizeof want,
             "main.lua:4: module 'later' not found:\\n\\tno file "
             "'%s/later.lua'\\n\\tno file '%s/later/init.lua'\\n\\tno file ",
             fixture.dir, fixture.dir);
    assert_non_null(strstr(fixture_run(2)->value, want));
    assert_string_equal(fixture_run(3)->value, "\"pre:preload:\"");
    assert_non_null(strstr(fixture_run(4)->value, "[false,"));
    assert_string_equal(fixture_run(5)->value, "[false,false]");
    buf_init(&what, LIMIT_PATH);
    assert_false(track_changed(fixture.track, &what));
    fixture_write("rocks/later.lua", "return 1");
    assert_true(track_changed(fixture.track, &what));
    assert_non_null(strstr(buf_str(&what), "/rocks/later.lua"));
    buf_free(&what);
}

static void faults_in_modules_point_at_their_own_line(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    char want[200];
    (void)state;
    fixture_write("a.lua", "require 'b'");
    fixture_write("b.lua", "\nrequire 'a'");
    assert_int_equal(fixture_load_with(&config, "require 'a'", &err), -1);
    snprintf(want, sizeof want,
             "%s/b.lua:2: circular require: 'a' requires "
             "'b' requires 'a'",
             fixture.dir);
    assert_string_equal(err.text, want);
    fixture_write("c.lua", "local x = 1\nlocal = 2");
    assert_int_equal(fixture_load_with(&config, "\nrequire 'c'", &err), -1);
    snprintf(want, sizeof want, "%s/c.lua:2: <name> expected near '='",
             fixture.dir);
    assert_string_equal(err.text, want);
    assert_int_equal(gen_error(fixture.gen)->line, 2);
    assert_string_equal(gen_error(fixture.gen)->message,
                        "<name> expected near '='");
    fixture_write("d.lua", "return nil + 1");
    assert_int_equal(fixture_load_with(&config,
                                       "assert(not pcall(require, 'd'))\n"
                                       "require 'd'",
                                       &err),
                     -1);
    assert_non_null(strstr(err.text, "d.lua:1: attempt to perform"));
    assert_non_null(
        strstr(gen_error(fixture.gen)->traceback, "main.lua:2: in main chunk"));
    fixture_write("e.lua", "matrix.wait(1)");
    assert_int_equal(fixture_load_with(&config, "require 'e'", &err), -1);
    assert_non_null(strstr(err.text, "e.lua:1: 'wait' cannot wait in the main "
                                     "chunk"));
    fixture_load("bot.on(function() require 'e' end)");
    assert_non_null(
        strstr(fixture_run(1)->text, "'wait' cannot wait inside 'require'"));
}

static void dofile_and_loadfile_stay_below_the_script(void **state)
{
    static const struct row rows[] = {
        { "return dofile('part.lua').waited", "true" },
        { "return loadfile('part.lua', 't', { matrix = { wait = function() "
          "return 5 end } })()",
          "5" },
        { "return (pcall(dofile, '/etc/passwd'))", "false" },
        { "return (pcall(dofile, '../x.lua'))", "false" },
        { "return { loadfile('missing.lua') == nil, "
          "type(select(2, loadfile('missing.lua'))) }",
          "[true,\"string\"]" },
        { "return (loadfile('binary.lua')) == nil", "true" },
    };
    (void)state;
    fixture_write("part.lua", "#!/usr/bin/env lunatrix\nreturn matrix.wait(1)");
    fixture_write("binary.lua", "\x1bLua");
    RUN(rows);
}

static void
print_and_undeclared_globals_are_logged_with_their_line(void **state)
{
    char want[600];
    (void)state;
    fixture_load("print('a', nil, 1.5)\n"
                 "count = 1\n"
                 "count = 2\n"
                 "bot.on(function() other = 1; other = nil; other = 2\n"
                 "print(setmetatable({}, { __tostring = function() "
                 "return 'bad \\xff' end })) end)\n");
    fixture_run(1);
    snprintf(want, sizeof want,
             "info %s/main.lua:1 a\tnil\t1.5\n"
             "warn %s/main.lua:2 'count' was not declared: write 'local "
             "count', or it is shared by the whole script\n"
             "warn %s/main.lua:4 'other' was not declared: write 'local "
             "other', or it is shared by the whole script\n"
             "info %s/main.lua:5 bad ?\n",
             fixture.dir, fixture.dir, fixture.dir, fixture.dir);
    assert_string_equal(fixture.logged, want);
}

static void plain_lua_still_behaves(void **state)
{
    static const struct row rows[] = {
        { "return { pcall(error, 'x', 0) }", "[false,\"x\"]" },
        { "return { xpcall(function(...) return ... end, print, 1, 2) }",
          "[true,1,2]" },
        { "return { xpcall(error, function(m) return m .. 1 end, 'a', 0) }",
          "[false,\"a1\"]" },
        { "return select('#', pcall(function() return nil, nil end))", "3" },
        { "local t = setmetatable({}, { __metatable = 'no' }) return { "
          "getmetatable(t), pcall(setmetatable, t, {}) }",
          "[\"no\",false,\"cannot change a protected metatable\"]" },
        { "return getmetatable(setmetatable(setmetatable({}, {}), nil)) "
          "== nil",
          "true" },
        { "local co = coroutine.create(function() error('e', 0) end) "
          "return { coroutine.resume(co) , coroutine.status(co), "
          "(coroutine.close(co)) }",
          "[false,\"dead\",false]" },
        { "local co = coroutine.wrap(function() error('e') end) "
          "return (select(2, pcall(co)):match('e$'))",
          "\"e\"" },
        { "return select(2, coroutine.resume(coroutine.create(function() "
          "return coroutine.resume(coroutine.running()) end)))",
          "false" },
        { "return { coroutine.close(coroutine.create(print)) }", "[true]" },
        { "return ('%d %s'):format(3, 'x'):upper()", "\"3 X\"" },
        { "return select(2, coroutine.running())", "false" },
    };
    (void)state;
    RUN(rows);
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(globals_are_the_allowed_ones),
        TEST(escapes_are_closed),
        TEST(io_stays_in_the_data_directory),
        TEST(the_data_directory_is_made_when_written),
        TEST(time_is_the_loops_when_virtual),
        TEST(require_finds_modules_and_records_what_it_tried),
        TEST(faults_in_modules_point_at_their_own_line),
        TEST(dofile_and_loadfile_stay_below_the_script),
        TEST(print_and_undeclared_globals_are_logged_with_their_line),
        TEST(plain_lua_still_behaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
