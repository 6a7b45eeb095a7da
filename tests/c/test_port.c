/* layer: engine */
#include "api_name.h"
#include "script_fixture.h"

struct row {
    const char *code, *want; /* JSON returned, or part of the error */
};

static void run_rows(const struct row *rows, size_t count)
{
    char text[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text,
                 "local call = matrix.core.call\nbot.on(function() %s end)",
                 rows[i].code);
        fixture_load(text);
        const struct fixture_end *end = fixture_run(1);
        const char *got = end->end == TASK_DONE ? end->value : end->text;
        if (end->end == TASK_DONE ? strcmp(got, rows[i].want) != 0
                                  : !strstr(got, rows[i].want)) {
            fail_msg("%s\ngave <%s>", rows[i].code, got);
        }
        if (end->end == TASK_FAILED) {
            assert_int_equal(end->line, 2);
        }
    }
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0])

static void values_cross_as_json(void **state)
{
    static const struct row rows[] = {
        { "return call('test.now')", "{}" },
        { "return call('test.now', {})", "{}" },
        { "return call('test.now', nil, nil)", "{}" },
        { "return call('test.now', { a = { 1, 2.0, 'x', false } })",
          "{\"a\":[1,2.0,\"x\",false]}" },
        { "return call('test.now', { a = matrix.core.null }).a == "
          "matrix.core.null",
          "true" },
        { "return getmetatable(call('test.now', { a = setmetatable({}, "
          "matrix.core.array_metatable) }).a) == matrix.core.array_metatable",
          "true" },
        { "local r, b = call('test.now', {}, 'b\\0ytes') return #b", "6" },
        { "return select('#', call('test.now'))", "1" },
        { "return { call('test.null', { value = true }) == nil, "
          "call('test.null', { value = false }) }",
          "[true,false]" },
        { "return call('test.null') == nil", "true" },
    };
    (void)state;
    RUN(rows);
}

static void nonsense_raises_at_the_scripts_line(void **state)
{
    static const struct row rows[] = {
        { "call('test.now', { a = print })", "a is a function" },
        { "call('test.now', { a = { b = { 1, nil, 3 } } })",
          "a.b is a list with a hole at 2" },
        { "call('test.now', { a = '\\xff' })", "a is no valid UTF-8" },
        { "call('test.now', { 1, 2 })", "test.now: arguments must be named" },
        { "local t = {} t.t = t call('test.now', t)", "nested too deeply" },
        { "call('test.now', { a = 0/0 })", "NaN" },
        { "call('test.matrix', { content = { x = 1.5 } })",
          "content.x is a fraction" },
        { "call('test.misuse', {})", "seconds must be positive" },
        { "call('x')", "there is no host call 'x'" },
        { "call()", "bad argument #1" },
        { "call('test.now', 1)", "bad argument #2" },
        { "call('test.now', {}, {})", "bad argument #3" },
        { "call('test.now', { s = ('x'):rep(17 * 1024 * 1024) })", "the JSON" },
    };
    (void)state;
    RUN(rows);
}

static void matrix_content_takes_a_fraction_as_time_limit(void **state)
{
    static const struct row rows[] = {
        { "return call('test.matrix', { timeout = 1.5 })",
          "{\"timeout\":1.5}" },
        { "local t = { timeout = 2.5, content = { n = 10 / 2 } } "
          "local r = call('test.matrix', t) return { r.timeout, r.content.n, "
          "t.timeout }",
          "[2.5,5,2.5]" },
        { "return call('test.matrix', { timeout = 3 })", "{\"timeout\":3}" },
        { "call('test.matrix', { timeout = 0/0 })", "timeout" },
        { "call('test.matrix', { other = 1.5 })", "other is a fraction" },
    };
    (void)state;
    RUN(rows);
}

static void failures_are_values_made_by_the_library(void **state)
{
    static const struct row rows[] = {
        { "local n, r, e = select('#', call('test.denied')), "
          "call('test.denied') return { n, r == nil, e.kind, e.error, "
          "e.status == nil, e.retry_after_ms == nil, e.unknown == nil, "
          "tostring(e) }",
          "[2,true,\"denied\",\"not allowed\",true,true,true,"
          "\"E:not allowed\"]" },
        { "matrix.core.set_error(function(f, write) return write end) "
          "return { select(2, call('test.fail', { seconds = 1 })), "
          "select(2, call('test.denied')) }",
          "[true,false]" },
        { "matrix.core.set_error(function() error 'in the library' end) "
          "call('test.denied')",
          "in the library" },
    };
    (void)state;
    RUN(rows);
}

static void core_tells_where_the_script_is(void **state)
{
    static const struct row rows[] = {
        { "local f, l = matrix.core.where() return { f:match('main.lua'), "
          "l }",
          "[\"main.lua\",2]" },
        { "return matrix.core.can_wait()", "true" },
        { "local ok table.sort({ 2, 1 }, function(a, b) ok = "
          "matrix.core.can_wait() return a < b end) return ok",
          "false" },
        { "local ok table.sort({ 2, 1 }, function(a, b) ok = "
          "coroutine.wrap(matrix.core.can_wait)() return a < b end) "
          "return ok",
          "false" },
        { "return coroutine.wrap(matrix.core.can_wait)()", "true" },
        { "return matrix.core.task() > 0", "true" },
        { "return { matrix.core.exec, matrix.core.script, "
          "matrix.core.generation }",
          "[false,\"main\",1]" },
        { "matrix.core.raise('that is wrong')", "that is wrong" },
    };
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    RUN(rows);
    assert_int_equal(fixture_load_with(&config,
                                       "assert(matrix.core.task() == 0)\n"
                                       "assert(not matrix.core.can_wait())",
                                       &err),
                     0);
    assert_int_equal(fixture_load_with(&config, "\nmatrix.wait(1)", &err), -1);
    assert_non_null(strstr(err.text, "main.lua:2: 'wait' cannot wait in the "
                                     "main chunk"));
}

static void a_task_that_may_not_wait_says_so(void **state)
{
    struct err err;
    (void)state;
    fixture_load("bot.on(function() return matrix.core.can_wait() end)\n"
                 "bot.on(function() matrix.wait(1) end)");
    for (int i = 1; i <= 2; i++) {
        struct task_options options = { .handler = i,
                                        .kind = "hook",
                                        .label = "on('snapshot')",
                                        .no_wait = true,
                                        .owner = &fixture_owner };
        assert_non_null(task_start(fixture.gen, &options, &err));
    }
    loop_run(fixture.loop);
    assert_string_equal(fixture.ends[0].value, "false");
    assert_string_equal(fixture.ends[1].text,
                        "'wait' cannot wait in on('snapshot')");
}

static void errors_speak_of_what_scripts_call(void **state)
{
    static const struct {
        const char *call, *text, *shown;
        enum err_kind kind, to;
    } rows[] = {
        { "room.send", "room.send: no answer", "room:send: no answer",
          ERR_TIMEOUT, ERR_TIMEOUT },
        { "script.on", "script.on: only while it loads",
          "bot:on: only while it loads", ERR_MISUSE, ERR_MISUSE },
        { "secret.get", "secret.get is only for plain scripts",
          "matrix.secret is only for plain scripts", ERR_MISUSE, ERR_MISUSE },
        { "client.open", "client.open: no login", "matrix.client: no login",
          ERR_CONFIG, ERR_STORE },
        { "room.send", "room.sender: x", "room.sender: x", ERR_SYSTEM,
          ERR_STORE },
        { "room.send", "room.send", "room.send", ERR_LIMIT, ERR_LIMIT },
        { "test.now", "test.now: x", "test.now: x", ERR_JSON, ERR_JSON },
        { NULL, "room.send: x", "room.send: x", ERR_DENIED, ERR_DENIED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err;
        err_set(&err, rows[i].kind, "%s", rows[i].text);
        api_name_error(&err, rows[i].call);
        assert_string_equal(err.text, rows[i].shown);
        assert_int_equal(err.kind, rows[i].to);
    }
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(values_cross_as_json),
        TEST(nonsense_raises_at_the_scripts_line),
        TEST(matrix_content_takes_a_fraction_as_time_limit),
        TEST(failures_are_values_made_by_the_library),
        TEST(core_tells_where_the_script_is),
        TEST(a_task_that_may_not_wait_says_so),
        TEST(errors_speak_of_what_scripts_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
