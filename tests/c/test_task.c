/* layer: engine */
#include "script_fixture.h"

#define LIVE "bot.on(function() matrix.wait(1) return 'alive' end)\n"

struct row {
    const char *name, *code;
    enum task_end end;
    const char *want; /* value when done, else part of the text */
};

static void check(const struct row *row, const struct fixture_end *end)
{
    bool same = end->end == row->end;
    same &= row->end == TASK_DONE ? strcmp(end->value, row->want) == 0
                                  : strstr(end->text, row->want) != NULL;
    if (!same) {
        fail_msg("%s: ended %d with <%s> <%s> %s:%d", row->name, end->end,
                 end->value, end->text, end->file, end->line);
    }
}

static void run_rows(const struct row *rows, size_t count)
{
    char text[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text,
                 LIVE "bot.on(function(ev, info, kind)\n%s\nend)\n",
                 rows[i].code);
        fixture_load(text);
        check(&rows[i], fixture_run(2));
        fixture_alive(1);
        assert_int_equal(gen_tasks(fixture.gen), 0);
    }
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0])

static void waits_pass_through_everything_that_can_yield(void **state)
{
    static const struct row rows[] = {
        { "plain", "return matrix.wait(1).waited", TASK_DONE, "true" },
        { "event", "return { ev.type, ev.n[1], ev.n[2], kind }", TASK_DONE,
          "[\"m.test\",1,2.5,\"event\"]" },
        { "pcall", "return select('#', pcall(matrix.wait, 1))", TASK_DONE,
          "2" },
        { "xpcall",
          "local ok, e = xpcall(function() matrix.wait(1) error('x', 0) end, "
          "function(m) return m .. '!' end) return e",
          TASK_DONE, "\"x!\"" },
        { "coroutine",
          "local co = coroutine.create(function(a) local b = "
          "coroutine.yield(a + 1) matrix.wait(1) return b * 2 end) "
          "local _, x = coroutine.resume(co, 1) "
          "local _, y = coroutine.resume(co, 21) "
          "return { x, y, coroutine.status(co) }",
          TASK_DONE, "[2,42,\"dead\"]" },
        { "wrap as an iterator",
          "local sum = 0 for i in coroutine.wrap(function() for i = 1, 3 do "
          "matrix.wait(1) coroutine.yield(i) matrix.sleep(1) end end) do "
          "sum = sum + i end return sum",
          TASK_DONE, "6" },
        { "three coroutines deep",
          "local function deep(n) if n == 0 then matrix.wait(1) return 1 end "
          "return 1 + coroutine.wrap(deep)(n - 1) end return deep(3)",
          TASK_DONE, "4" },
        { "error in a coroutine after a wait",
          "local co = coroutine.create(function() matrix.wait(1) "
          "error({}) end) return (coroutine.resume(co))",
          TASK_DONE, "false" },
        { "pcall in coroutine in pcall",
          "return select(2, pcall(coroutine.wrap(function() return "
          "select(2, pcall(matrix.wait, 1)).waited end)))",
          TASK_DONE, "true" },
        { "for iterator",
          "local n = 0 for _ in function(_, i) i = (i or 0) + 1 "
          "matrix.wait(1) if i < 4 then return i end end do n = n + 1 end "
          "return n",
          TASK_DONE, "3" },
        { "metamethods",
          "local t = setmetatable({}, { __index = function(_, k) "
          "matrix.wait(1) return k end, __add = function() matrix.wait(1) "
          "return 5 end, __call = function() matrix.wait(1) return 2 end }) "
          "return t.a .. (t + 1) .. t()",
          TASK_DONE, "\"a52\"" },
        { "close in normal flow",
          "local n = 0 do local x <close> = setmetatable({}, { __close = "
          "function() matrix.wait(1) n = n + 1 end }) end return n",
          TASK_DONE, "1" },
        { "failure",
          "local r, e = matrix.wait(1, 'fail') return { r == nil, "
          "e.kind, e.errcode, e.status, e.body.x, tostring(e) }",
          TASK_DONE,
          "[true,\"matrix\",\"M_FORBIDDEN\",403,1,\"E:the server said no\"]" },
        { "assert rethrows the object",
          "local ok, e = pcall(function() return assert(matrix.wait(1, "
          "'fail')) end) return e.errcode",
          TASK_DONE, "\"M_FORBIDDEN\"" },
        { "start refused",
          "local r, e = matrix.wait(1, 'denied') "
          "return e.kind",
          TASK_DONE, "\"denied\"" },
        { "generator values stay intact",
          "local g = coroutine.wrap(function() local got = "
          "coroutine.yield(1, 2) matrix.wait(1) return got, 4 end) "
          "local a, b = g() local c, d = g(3) return { a, b, c, d }",
          TASK_DONE, "[1,2,3,4]" },
    };
    (void)state;
    RUN(rows);
}

static void waits_where_lua_cannot_yield_raise_at_the_line(void **state)
{
    static const struct row rows[] = {
        { "sort",
          "table.sort({ 2, 1, 3 }, function(a, b) matrix.wait(1) "
          "return a < b end)",
          TASK_FAILED, "'wait' cannot wait inside 'sort'" },
        { "gsub", "return (('x'):gsub('x', function() matrix.wait(1) end))",
          TASK_FAILED, "'wait' cannot wait inside 'gsub'" },
        { "coroutine in sort",
          "table.sort({ 2, 1 }, function(a, b) coroutine.wrap(function() "
          "matrix.wait(1) end)() return a < b end)",
          TASK_FAILED, "cannot wait inside 'a C function'" },
        { "tostring",
          "return tostring(setmetatable({}, { __tostring = "
          "function() matrix.wait(1) end }))",
          TASK_FAILED, "'wait' cannot wait inside 'tostring'" },
        { "misuse", "matrix.wait(1, 'misuse')", TASK_FAILED,
          "seconds must be positive" },
        { "unknown call", "matrix.core.call('nonsense')", TASK_FAILED,
          "there is no host call 'nonsense'" },
        { "exec call", "matrix.core.call('test.exec')", TASK_FAILED,
          "only for programs run with lunatrix exec" },
        { "bare yield", "coroutine.yield(1)", TASK_FAILED,
          "coroutine.yield outside a coroutine" },
        { "bad result", "return { print }", TASK_FAILED,
          "what it returned cannot be kept" },
        { "error with a table", "error({ 1 })", TASK_FAILED,
          "a table without __tostring" },
        { "error with __tostring",
          "error(setmetatable({}, { __tostring = "
          "function() return 'told' end }))",
          TASK_FAILED, "told" },
        { "error whose __tostring loops",
          "error(setmetatable({}, { "
          "__tostring = function() while true do end end }))",
          TASK_FAILED, "computed for more than 50 ms" },
        { "nil error", "error()", TASK_FAILED, "nil" },
        { "deep recursion", "local function f() return 1 + f() end f()",
          TASK_LIMIT, "(limits." },
    };
    (void)state;
    RUN(rows);
}

static void errors_tell_file_line_and_the_scripts_own_frames(void **state)
{
    (void)state;
    fixture_load("local function throw(x)\n"
                 "    return x.y.z\n"
                 "end\n"
                 "bot.on(function()\n"
                 "    matrix.wait(1)\n"
                 "    throw({})\n"
                 "end)\n"
                 "bot.on(function() matrix.core.raise('my fault') end)\n");
    char file[128];
    snprintf(file, sizeof file, "%s/main.lua", fixture.dir);
    const struct fixture_end *end = fixture_run(1);
    assert_int_equal(end->end, TASK_FAILED);
    assert_string_equal(end->file, file);
    assert_int_equal(end->line, 2);
    assert_string_equal(end->text, "attempt to index a nil value (field 'y')");
    assert_non_null(strstr(end->trace, "main.lua:2: in upvalue 'throw'\n"));
    assert_non_null(strstr(end->trace, "main.lua:6: in function <"));
    assert_null(strstr(end->trace, "matrix/"));
    assert_null(strstr(end->trace, "[C]"));
    end = fixture_run(2);
    assert_string_equal(end->text, "my fault");
    assert_int_equal(end->line, 8);
}

static void
completion_comes_in_a_later_turn_and_parks_ask_for_the_turn(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.wait(1) matrix.sleep(1) "
                 "return 1 end)");
    fixture.hold = true;
    fixture_start(1);
    assert_int_equal(fixture.waited, 0);
    loop_run(fixture.loop);
    assert_int_equal(fixture.waited, 2);
    assert_int_equal(fixture.readied, 1);
    assert_int_equal(fixture.ended, 0);
    task_resume(fixture.ready);
    assert_int_equal(fixture.ended, 1);
    assert_int_equal(fixture.ends[0].end, TASK_DONE);
    fixture.hold = false;
}

static void cancel_raises_once_and_then_closes(void **state)
{
    static const struct row rows[] = {
        { "uncaught", "matrix.wait(100)", TASK_CANCELLED, "cancelled" },
        { "caught",
          "local ok, e = pcall(matrix.wait, 100) log = e.kind return 1",
          TASK_CANCELLED, "cancelled" },
        { "waits again",
          "pcall(matrix.wait, 100) log = 'once' "
          "pcall(matrix.wait, 100) log = 'twice'",
          TASK_CANCELLED, "cancelled" },
        { "loops", "while true do pcall(matrix.wait, 100) log = 'once' end",
          TASK_CANCELLED, "cancelled" },
        { "in a coroutine",
          "coroutine.wrap(function() local c <close> = setmetatable({}, { "
          "__close = function() log = 'once' end }) matrix.wait(100) end)()",
          TASK_CANCELLED, "cancelled" },
        { "in a coroutine, waits again",
          "coroutine.wrap(function() local c <close> = setmetatable({}, { "
          "__close = function() log = 'once' end }) pcall(matrix.wait, 100) "
          "matrix.wait(100) end)() log = 'twice'",
          TASK_CANCELLED, "cancelled" },
        { "resume catches, waits again",
          "coroutine.resume(coroutine.create(function() matrix.wait(100) "
          "end)) log = 'once' matrix.wait(1) log = 'twice'",
          TASK_CANCELLED, "cancelled" },
        { "in an iterator",
          "for _ in function() matrix.wait(100) return 1 end do log = 'x' "
          "end",
          TASK_CANCELLED, "cancelled" },
        { "in a metamethod",
          "return setmetatable({}, { __index = function() matrix.wait(100) "
          "end }).x",
          TASK_CANCELLED, "cancelled" },
        { "in xpcall",
          "xpcall(matrix.wait, function(e) log = 'once' end, 100) "
          "matrix.wait(1)",
          TASK_CANCELLED, "cancelled" },
        { "again in a sort",
          "pcall(matrix.wait, 100) log = 'once' "
          "pcall(table.sort, { 2, 1 }, function() pcall(matrix.wait, 1) "
          "log = 'twice' end) log = 'thrice'",
          TASK_CANCELLED, "cancelled" },
        { "clean-up computes",
          "pcall(matrix.wait, 100) log = 'once' "
          "while true do end",
          TASK_CANCELLED, "cancelled" },
        { "close waits",
          "local c <close> = setmetatable({}, { __close = "
          "function() log = 'once' while true do pcall(matrix.wait, 1) end "
          "end }) pcall(matrix.wait, 100) matrix.wait(1)",
          TASK_CANCELLED, "cancelled" },
        { "joining",
          "matrix.join(matrix.spawn(function() matrix.wait(5) "
          "end))",
          TASK_CANCELLED, "cancelled" },
    };
    char text[4096];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text,
                 LIVE "log = 'none'\nbot.on(function()\n%s\nend)\n"
                      "bot.on(function() return log end)\n",
                 rows[i].code);
        fixture_load(text);
        struct task *task = fixture_start(2);
        loop_advance(fixture.loop, 10);
        assert_int_equal(fixture.live_ops > 0, true);
        task_cancel(task);
        task_cancel(task);
        loop_advance(fixture.loop, 10);
        assert_int_equal(fixture.ended, 1);
        check(&rows[i], &fixture.ends[0]);
        fixture_run(3);
        const char *log = fixture.ends[1].value;
        if (strstr(rows[i].code, "'once'")) {
            if (strcmp(log, "\"once\"") != 0) {
                fail_msg("%s: logged %s", rows[i].name, log);
            }
        } else if (strstr(rows[i].code, "e.kind")) {
            assert_string_equal(log, "\"cancelled\"");
        }
        fixture_alive(1);
    }
}

static void cancel_before_the_first_step_runs_nothing(void **state)
{
    (void)state;
    fixture_load(LIVE "log = 1 bot.on(function() log = 2 end) "
                      "bot.on(function() return log end)");
    task_cancel(fixture_start(2));
    assert_int_equal(fixture.ended, 0);
    loop_run(fixture.loop);
    assert_int_equal(fixture.ends[0].end, TASK_CANCELLED);
    assert_string_equal(fixture_run(3)->value, "1");
}

static void others_cannot_touch_a_coroutine_that_waits(void **state)
{
    static const char *const tries[] = {
        "return { coroutine.status(co), coroutine.resume(co) }",
        "return { pcall(coroutine.close, co) }",
        "return { coroutine.status(main), coroutine.resume(main) }",
        "return { pcall(coroutine.close, main) }",
        "return { pcall(wrapped) }",
    };
    static const char *const wants[] = {
        "[\"normal\",false,\"cannot resume a coroutine that waits for the "
        "host\"]",
        "[false,\"cannot close a coroutine that waits for the host\"]",
        "[\"normal\",false,\"cannot resume a coroutine that waits for the "
        "host\"]",
        "[false,\"cannot close a coroutine that waits for the host\"]",
        "[false,\"cannot resume a coroutine that waits for the host\"]",
    };
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        bool wrapped = strstr(tries[i], "wrapped") != NULL;
        snprintf(text, sizeof text,
                 "local co, main, wrapped\n"
                 "bot.on(function() main = coroutine.running()\n"
                 "co = coroutine.create(function() return matrix.wait(5) end)\n"
                 "wrapped = coroutine.wrap(function() return matrix.wait(5) "
                 "end)\n"
                 "local _, r = %s return r.waited end)\n"
                 "bot.on(function() %s end)\n"
                 "bot.on(function() return { coroutine.status(main), "
                 "(coroutine.resume(main)) } end)\n",
                 wrapped ? "1, wrapped()" : "coroutine.resume(co)", tries[i]);
        fixture_load(text);
        fixture_start(1);
        loop_advance(fixture.loop, 1000);
        fixture_start(2);
        loop_advance(fixture.loop, 1000);
        assert_int_equal(fixture.ended, 1);
        assert_string_equal(fixture.ends[0].text, "");
        assert_string_equal(fixture.ends[0].value, wants[i]);
        loop_run(fixture.loop);
        assert_int_equal(fixture.ended, 2);
        assert_string_equal(fixture.ends[1].value, "true");
        assert_string_equal(fixture_run(3)->value, "[\"dead\",false]");
    }
}

static void spawned_tasks_run_and_are_joined(void **state)
{
    static const struct row rows[] = {
        { "results",
          "local t = matrix.spawn(function(a, b) matrix.wait(1) "
          "return a, nil, b end, 1, 3) local n = select('#', matrix.join(t)) "
          "local a, b, c = matrix.join(t) return { n, a, b == nil, c }",
          TASK_DONE, "[3,1,true,3]" },
        { "failure",
          "local t = matrix.spawn(function() matrix.wait(1) "
          "error('oops', 0) end) local r, e = matrix.join(t) "
          "return { r == nil, e.kind, e.error }",
          TASK_DONE, "[true,\"task\",\"" },
        { "itself",
          "local t t = matrix.spawn(function() return "
          "pcall(matrix.join, t) end) return select(2, matrix.join(t))",
          TASK_DONE, "" },
        { "several",
          "local t, n = {}, 0 for i = 1, 50 do t[i] = "
          "matrix.spawn(function() matrix.sleep(i) return i end) end "
          "for i = 50, 1, -1 do n = n + matrix.join(t[i]) end return n",
          TASK_DONE, "1275" },
        { "a limit in it",
          "local t = matrix.spawn(function() while true do "
          "end end) local _, e = matrix.join(t) return e.kind",
          TASK_DONE, "\"task\"" },
        { "other values",
          "local t = matrix.spawn(function(f) return f end, "
          "print) return matrix.join(t) == print",
          TASK_DONE, "true" },
        { "cancelled while it waits",
          "local seen local t = matrix.spawn(function() "
          "local ok, e = pcall(matrix.wait, 1000) seen = e.kind end) "
          "matrix.wait(1) local did = matrix.cancel(t) "
          "local r, e = matrix.join(t) "
          "return { did, r == nil, e.kind, seen, matrix.cancel(t) }",
          TASK_DONE, "[true,true,\"task\",\"cancelled\",false]" },
        { "cancelled before it began",
          "local n = 0 local t = matrix.spawn(function() n = 1 end) "
          "matrix.cancel(t) matrix.cancel(t) local r = matrix.join(t) "
          "return { r == nil, n }",
          TASK_DONE, "[true,0]" },
        { "cancelled, and waits again",
          "local n = 0 local t = matrix.spawn(function() "
          "local x <close> = setmetatable({}, { __close = function() n = n + 1 "
          "end }) while true do pcall(matrix.wait, 1000) end end) "
          "matrix.wait(1) matrix.cancel(t) matrix.join(t) return n",
          TASK_DONE, "1" },
        { "cancelled while it joins",
          "local a = matrix.spawn(matrix.wait, 5) "
          "local b = matrix.spawn(function() matrix.join(a) end) "
          "matrix.wait(1) matrix.cancel(b) local r = matrix.join(b) "
          "return { r == nil, matrix.join(a) ~= nil }",
          TASK_DONE, "[true,true]" },
        { "cancelled when what it waits for is there",
          "local t = matrix.spawn(function() matrix.wait(5) return 1 end) "
          "matrix.wait(5) matrix.cancel(t) return (matrix.join(t))",
          TASK_DONE, "null" },
        { "cancel itself",
          "local t t = matrix.spawn(function() matrix.cancel(t) end) "
          "local _, e = matrix.join(t) "
          "return e.error:match('cannot cancel itself')",
          TASK_DONE, "\"cannot cancel itself\"" },
        { "wrong handle", "matrix.join({})", TASK_FAILED, "lunatrix.task" },
        { "forgotten handle",
          "matrix.spawn(function() matrix.wait(2) end) "
          "matrix.collect() return 1",
          TASK_DONE, "1" },
    };
    char text[1024];
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, LIVE "bot.on(function()\n%s\nend)\n",
                 rows[i].code);
        fixture_load(text);
        const struct fixture_end *end = fixture_run(2);
        assert_int_equal(gen_tasks(fixture.gen), 0);
        if (i == 1 || i == 2) {
            assert_int_equal(end->end, TASK_DONE);
            assert_non_null(strstr(end->value, i == 1 ? "oops" : "itself"));
        } else {
            check(&rows[i], end);
        }
    }
}

static char last_log[1024];

static void keep_log(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    (void)level;
    snprintf(last_log, sizeof last_log, "%.*s", SLICE_ARG(line));
}

static void a_spawned_failure_nobody_joins_is_logged(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.spawn(function()\n"
                 "error 'lost' end) end)");
    log_set_sink(keep_log, NULL);
    last_log[0] = '\0';
    fixture_run(1);
    log_set_sink(NULL, NULL);
    assert_non_null(strstr(last_log, "main.lua:2"));
    assert_non_null(strstr(last_log, "lost"));
}

static void spawning_in_the_main_chunk_or_retired_is_refused(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    assert_int_equal(fixture_load_with(&config, "matrix.spawn(print)", &err),
                     -1);
    assert_non_null(strstr(err.text, "main.lua:1: a task can only be spawned"));
    fixture_load("bot.on(function() local t, e = matrix.spawn(print) "
                 "return { t == nil, e.kind } end)");
    gen_retire(fixture.gen);
    assert_string_equal(fixture_run(1)->value, "[true,\"cancelled\"]");
}

static void causes_count_writes_by_task_and_spawn(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.wait(0) matrix.wait(0, 'write') "
                 "matrix.wait(0, 'write')\n"
                 "matrix.join(matrix.spawn(function() "
                 "matrix.wait(0, 'write') end))\n"
                 "matrix.join(matrix.spawn(function() matrix.wait(0, 'write')"
                 " end)) end)");
    assert_int_equal(fixture_run(1)->end, TASK_DONE);
    assert_string_equal(fixture.causes, "$ev/1/0 $ev/1/1 $ev/1/2 $ev/1.1/1 "
                                        "$ev/1.2/1 ");
}

static void no_two_tasks_have_the_same_cause(void **state)
{
    char *before = NULL;
    int count = 0;
    (void)state;
    fixture_load("local function go(n) "
                 "if n < 3 then matrix.wait(0, 'write') end "
                 "if n > 0 then matrix.join(matrix.spawn(go, n - 1)) end end\n"
                 "bot.on(function() go(200) end)");
    fixture.causes[0] = '\0';
    assert_int_equal(fixture_run(1)->end, TASK_DONE);
    for (char *cause = strtok(fixture.causes, " "); cause;
         cause = strtok(NULL, " ")) {
        assert_true(!before || strcmp(before, cause) != 0);
        before = cause;
        count++;
    }
    assert_int_equal(count, 3);
}

static void handler_time_counts_waits_but_not_parking(void **state)
{
    struct gen_config config = fixture_config();
    struct err err;
    (void)state;
    config.limits.handler_ms = 10000;
    assert_int_equal(
        fixture_load_with(&config,
                          "bot.on(function() matrix.sleep(3600) matrix.wait(9) "
                          "matrix.sleep(3600) return 1 end)\n"
                          "bot.on(function() matrix.wait(6) matrix.sleep(60)\n"
                          "pcall(matrix.wait, 6) return 1 end)",
                          &err),
        0);
    assert_int_equal(fixture_run(1)->end, TASK_DONE);
    const struct fixture_end *end = fixture_run(2);
    assert_int_equal(end->end, TASK_LIMIT);
    assert_string_equal(end->text, "took longer than 10 s (limits.handler)");
    assert_int_equal(end->line, 3);
    assert_int_equal(fixture.orphans, 1);
}

static void end_hook_comes_once_for_every_task(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.wait(1) end)\n"
                 "bot.on(function() error 'x' end)\n"
                 "bot.on(function() while true do end end)\n"
                 "bot.on(function() return matrix.ended end)\n");
    fixture_run(1);
    fixture_run(2);
    fixture_run(3);
    task_free(fixture_start(1)); /* never ran: nothing to tell */
    struct task *task = fixture_start(1);
    loop_advance(fixture.loop, 1);
    task_free(task);
    assert_string_equal(fixture_run(4)->value, "[1,2,3,5]");
    assert_int_equal(fixture.ended, 4);
}

static void many_tasks_end_in_one_line_without_nesting(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.sleep(1) end)");
    fixture.hold = true;
    static struct task *tasks[60];
    for (int i = 0; i < 60; i++) {
        tasks[i] = fixture_start(1);
    }
    loop_run(fixture.loop);
    for (int i = 0; i < 60; i++) {
        task_resume(tasks[i]);
    }
    loop_run(fixture.loop);
    assert_int_equal(fixture.ended, 60);
    fixture.hold = false;
}

static void
closing_with_ops_in_flight_runs_close_and_leaves_nothing(void **state)
{
    (void)state;
    fixture_load(
        "bot.on(function() local c <close> = setmetatable({}, { __close = "
        "function() matrix.core.call('log.write', { level = 'info', text = "
        "'outer' }) end })\n"
        "coroutine.wrap(function() local c <close> = setmetatable({}, { "
        "__close = function() matrix.core.call('log.write', { level = 'info',"
        " text = 'inner' }) end }) matrix.wait(100) end)() end)\n"
        "bot.on(function() matrix.spawn(function() matrix.sleep(50) end) "
        "matrix.join(matrix.spawn(function() matrix.wait(1000) end)) end)");
    for (int i = 0; i < 3; i++) {
        fixture_start(1);
        fixture_start(2);
    }
    loop_advance(fixture.loop, 100);
    fixture_start(1);
    assert_int_equal(fixture.live_ops, 9);
    gen_free(fixture.gen);
    fixture.gen = NULL;
    assert_int_equal(fixture.live_ops, 0);
    assert_int_equal(fixture.ended, 0);
    const char *p = fixture.logged;
    for (int i = 0; i < 3; i++) {
        p = strstr(p, "inner");
        assert_non_null(p);
        p = strstr(p, "outer");
        assert_non_null(p);
    }
    assert_null(strstr(p + 1, "inner"));
}

static void all_of_it_under_an_aggressive_collector(void **state)
{
    (void)state;
    fixture_load(LIVE
                 "bot.on(function(ev) local sum = 0\n"
                 "for i in coroutine.wrap(function() for i = 1, 5 do "
                 "pcall(matrix.wait, 1) coroutine.yield(i) end end) do\n"
                 "local t = matrix.spawn(function(x) matrix.sleep(1) "
                 "return { x } end, i)\n"
                 "sum = sum + matrix.join(t)[1] + ev.n[1] end return sum end)");
    fixture.gen->budget.stress = true;
    budget_arm(fixture.gen->L);
    assert_string_equal(fixture_run(2)->value, "20");
    fixture_alive(1);
}

static void every_failed_allocation_ends_one_task_only(void **state)
{
    (void)state;
    fixture_load(LIVE "bot.on(function(ev) local t = matrix.spawn(function(x) "
                      "matrix.sleep(1) return x end, { ev.type })\n"
                      "coroutine.wrap(function() matrix.wait(1) end)()\n"
                      "return matrix.join(t) end)");
    log_set_sink(keep_log, NULL);
    int failures = 0;
    for (int n = 1; n < 400; n++) {
        fixture.ended = 0;
        fixture.gen->budget.fail_in = n;
        fixture_start(2);
        loop_run(fixture.loop);
        fixture.gen->budget.fail_in = 0;
        assert_int_equal(fixture.ended, 1);
        failures += fixture.ends[0].end != TASK_DONE;
        assert_int_equal(fixture.live_ops, 0);
        assert_int_equal(gen_tasks(fixture.gen), 0);
        fixture_alive(1);
    }
    log_set_sink(NULL, NULL);
    assert_true(failures > 20);
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(waits_pass_through_everything_that_can_yield),
        TEST(waits_where_lua_cannot_yield_raise_at_the_line),
        TEST(errors_tell_file_line_and_the_scripts_own_frames),
        TEST(completion_comes_in_a_later_turn_and_parks_ask_for_the_turn),
        TEST(cancel_raises_once_and_then_closes),
        TEST(cancel_before_the_first_step_runs_nothing),
        TEST(others_cannot_touch_a_coroutine_that_waits),
        TEST(spawned_tasks_run_and_are_joined),
        TEST(a_spawned_failure_nobody_joins_is_logged),
        TEST(spawning_in_the_main_chunk_or_retired_is_refused),
        TEST(causes_count_writes_by_task_and_spawn),
        TEST(no_two_tasks_have_the_same_cause),
        TEST(handler_time_counts_waits_but_not_parking),
        TEST(end_hook_comes_once_for_every_task),
        TEST(many_tasks_end_in_one_line_without_nesting),
        TEST(closing_with_ops_in_flight_runs_close_and_leaves_nothing),
        TEST(all_of_it_under_an_aggressive_collector),
        TEST(every_failed_allocation_ends_one_task_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
