/* layer: engine */
#include "script_fixture.h"

/* Scripts that run away: each is cut at its budget, and the state, its other
 * tasks and the host live on. */

#define LIVE "bot.on(function() matrix.wait(1) return 'alive' end)\n"
#define CPU "(limits.burst)"
#define MEMORY "(limits.memory)"

struct row {
    const char *name, *code, *want;
};

/* burst_ms: enough for a row to reach the limit that it is about. */
static void run_rows(const struct row *rows, size_t count, int64_t burst_ms)
{
    char text[4096];
    struct err err;
    struct gen_config config = fixture_config();
    config.limits.burst_ms = burst_ms;
    config.limits.memory = MIB(8);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text,
                 "function spin() while true do end end\n" LIVE
                 "bot.on(function()\n%s\nend)\n"
                 "bot.on(function() for i = 1, 3 do matrix.wait(1) end "
                 "return 'beside' end)\n",
                 rows[i].code);
        assert_int_equal(fixture_load_with(&config, text, &err), 0);
        fixture_start(3);
        loop_advance(fixture.loop, 1000);
        fixture_start(2);
        loop_run(fixture.loop);
        const struct fixture_end *end = &fixture.ends[0];
        if (fixture.ended != 2 || end->end != TASK_LIMIT ||
            !strstr(end->text, rows[i].want) || end->line < 1) {
            fail_msg("%s: ended %d with <%s> at %s:%d", rows[i].name, end->end,
                     end->text, end->file, end->line);
        }
        assert_string_equal(fixture.ends[1].value, "\"beside\"");
        fixture_alive(1);
        assert_true(gen_memory(fixture.gen) <= MIB(8));
    }
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0], 50)
#define RUN_LONG(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0], 5000)

static void loops_are_cut(void **state)
{
    static const struct row rows[] = {
        { "plain", "spin()", CPU },
        { "empty", "while true do end", CPU },
        { "goto", "::a:: goto a", CPU },
        { "in pcall", "pcall(spin)", CPU },
        { "pcall loop", "while true do pcall(spin) end", CPU },
        { "pcall of error loop", "while true do pcall(error) end", CPU },
        { "pcall sort loop",
          "while true do pcall(table.sort, { 3, 1, 2 }, "
          "spin) end",
          CPU },
        { "xpcall handler", "xpcall(spin, spin)", CPU },
        { "xpcall handler loop", "while true do xpcall(error, spin) end", CPU },
        { "xpcall in a sort",
          "table.sort({ 3, 1, 2 }, function() "
          "xpcall(spin, spin) end)",
          CPU },
        { "xpcall handler loop in a coroutine",
          "coroutine.wrap(function() while true do xpcall(spin, spin) end "
          "end)()",
          CPU },
        { "after a wait", "matrix.wait(1) while true do pcall(spin) end", CPU },
        { "close", "local c <close> = setmetatable({}, { __close = spin })",
          CPU },
        { "close after a limit",
          "local c <close> = setmetatable({}, { "
          "__close = function() while true do pcall(spin) end end }) spin()",
          CPU },
        { "metamethod", "return setmetatable({}, { __index = spin }).x", CPU },
        { "tostring",
          "return tostring(setmetatable({}, { __tostring = spin "
          "}))",
          CPU },
        { "gsub callback", "(('x'):rep(9)):gsub('x', spin)", CPU },
        { "load reader", "while true do load(spin) end", CPU },
        { "load reader in pcall", "while true do pcall(load, spin) end", CPU },
        { "iterator", "for _ in spin do end", CPU },
        { "print", "print(setmetatable({}, { __tostring = spin }))", CPU },
        { "next in pcall",
          "local t = { 1 } while true do pcall(next, t, 1) "
          "end",
          CPU },
    };
    (void)state;
    RUN(rows);
}

static void loops_in_coroutines_are_cut(void **state)
{
    static const struct row rows[] = {
        { "wrap", "coroutine.wrap(spin)()", CPU },
        { "resume loop",
          "while true do coroutine.resume("
          "coroutine.create(spin)) end",
          CPU },
        { "pcall loop inside",
          "coroutine.wrap(function() while true do "
          "pcall(spin) end end)()",
          CPU },
        { "farm",
          "local function f() while true do "
          "coroutine.resume(coroutine.create(f)) end end f()",
          CPU },
        { "ping pong",
          "local co = coroutine.wrap(function() while true do "
          "coroutine.yield() end end) while true do co() end",
          CPU },
        { "pcall of wrap", "while true do pcall(coroutine.wrap(spin)) end",
          CPU },
        { "close of a coroutine",
          "local co = coroutine.create(function() local c <close> = "
          "setmetatable({}, { __close = spin }) coroutine.yield() end) "
          "coroutine.resume(co) while true do coroutine.close(co) spin() end",
          CPU },
        { "iterator in a coroutine after a wait",
          "for _ in coroutine.wrap(function() matrix.wait(1) spin() end) do "
          "end",
          CPU },
    };
    (void)state;
    RUN(rows);
    struct err err;
    struct gen_config config = fixture_config();
    config.limits.burst_ms = 50;
    assert_int_equal(
        fixture_load_with(&config,
                          "local made = coroutine.wrap(function() "
                          "while true do pcall(error) end end)\n" LIVE
                          "bot.on(function() made() end)",
                          &err),
        0);
    assert_int_equal(fixture_run(2)->end, TASK_LIMIT);
    fixture_alive(1);
}

static void memory_is_capped(void **state)
{
    static const struct row rows[] = {
        { "doubling", "local s = 'x' while true do s = s .. s end", MEMORY },
        { "rep", "return ('x'):rep(1 << 28)", MEMORY },
        { "table", "local t = {} for i = 1, 1e8 do t[i] = {} end", MEMORY },
        { "in pcall", "while true do pcall(string.rep, 'x', 1 << 28) end",
          MEMORY },
        { "collector off",
          "collectgarbage('stop') while true do local t = "
          "{ {}, {}, {} } end",
          "(limits." },
        { "in a coroutine",
          "coroutine.resume(coroutine.create(function() "
          "return ('x'):rep(1 << 28) end)) return 'caught'",
          MEMORY },
        { "unpack",
          "return table.unpack(setmetatable({}, { __len = "
          "function() return 1 end }), 1, 1e5), ('x'):rep(1 << 27)",
          MEMORY },
        { "concat",
          "local t, s = {}, ('x'):rep(1000) for i = 1, 2e4 do t[i] "
          "= s end return #table.concat(t)",
          MEMORY },
        { "load",
          "local ok = load('return \"' .. ('x'):rep(3e6) .. '\"') "
          "while true do load('return \"' .. ('y'):rep(5e6) .. '\"') end",
          MEMORY },
        { "closures",
          "local f = print while true do local g = f "
          "f = function() return g end end",
          MEMORY },
    };
    (void)state;
    RUN_LONG(rows);
}

static void memory_errors_are_counted_for_a_minute(void **state)
{
    (void)state;
    fixture_load(LIVE "bot.on(function() return ('x'):rep(1 << 28) end)");
    assert_int_equal(gen_memory_errors(fixture.gen), 0);
    fixture_run(2);
    loop_advance(fixture.loop, 40000);
    fixture_run(2);
    assert_int_equal(gen_memory_errors(fixture.gen), 2);
    loop_advance(fixture.loop, 30000);
    assert_int_equal(gen_memory_errors(fixture.gen), 1);
    loop_advance(fixture.loop, 60000);
    assert_int_equal(gen_memory_errors(fixture.gen), 0);
    fixture_alive(1);
}

static void waits_begin_a_new_burst(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    config.limits.burst_ms = 300;
    assert_int_equal(
        fixture_load_with(&config,
                          "local function work() for i = 1, 2e5 do "
                          "math.sin(i) end end\n"
                          "bot.on(function() for i = 1, 30 do work() "
                          "matrix.wait(1) end return 'alive' end)",
                          &err),
        0);
    fixture_alive(1);
}

static void the_main_chunk_and_closing_have_budgets_too(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    config.limits.load_ms = 50;
    assert_int_equal(fixture_load_with(&config,
                                       "local x = 1\n"
                                       "while true do pcall(function()\n"
                                       "while true do end end) end",
                                       &err),
                     -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_non_null(strstr(err.text, "main.lua:3: computed for more than"));
    assert_int_equal(gen_error(fixture.gen)->line, 3);
    assert_int_equal(
        fixture_load_with(&config, "return ('x'):rep(1 << 28)", &err), -1);
    assert_non_null(strstr(err.text, MEMORY));
    fixture_load("function spin() while true do end end\n"
                 "bot.on(function() local a <close> = setmetatable({}, { "
                 "__close = function() while true do pcall(spin) end end }) "
                 "matrix.wait(9) end)");
    for (int i = 0; i < 5; i++) {
        fixture_start(1);
    }
    loop_advance(fixture.loop, 1);
    fixture_close(); /* hangs without a budget for closing */
}

static void finalizers_are_refused(void **state)
{
    (void)state;
    fixture_load(
        "local spin = function() while true do end end\n"
        "bot.on(function() return { pcall(setmetatable, {}, { __gc = spin })"
        " } end)\n"
        "bot.on(function() local m = {} setmetatable({}, m) m.__gc = spin "
        "matrix.collect() return 'alive' end)\n"
        "bot.on(function() local m = setmetatable({}, { __index = { __gc = "
        "spin } }) setmetatable({}, m) matrix.collect() return 'alive' "
        "end)\n"
        "bot.on(function() local f = io.open('x', 'w') "
        "return { getmetatable(f), getmetatable(''), "
        "pcall(setmetatable, f, {}) } end)");
    assert_string_equal(fixture_run(1)->value,
                        "[false,\"__gc is not for scripts: use <close>\"]");
    fixture_alive(2);
    fixture_alive(3);
    assert_non_null(strstr(fixture_run(4)->value, "[false,false,false,"));
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(loops_are_cut),
        TEST(loops_in_coroutines_are_cut),
        TEST(memory_is_capped),
        TEST(memory_errors_are_counted_for_a_minute),
        TEST(waits_begin_a_new_burst),
        TEST(the_main_chunk_and_closing_have_budgets_too),
        TEST(finalizers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
