/* layer: engine */
#include "script_fixture.h"

static void a_failed_load_tells_file_line_and_traceback(void **state)
{
    static const struct {
        const char *code, *message;
        int line;
        const char *trace;
    } rows[] = {
        { "local x = 1\nx = = 2", "unexpected symbol near '='", 2, "" },
        { "local function f() error('bad config') end\nlocal t = {}\nf()",
          "bad config", 1, "main.lua:3: in main chunk" },
        { "error('no place', 0)", "no place", 1, "main.lua:1: in main" },
        { "error({ code = 5 })", "error object is a table without", 1,
          "main.lua:1" },
        { "\nerror(setmetatable({}, { __tostring = function() return 'told' "
          "end }))",
          "told", 2, "main.lua:2" },
        { "\nerror(nil)", "nil", 2, "main.lua:2" },
        { "\nx.y = 1", "attempt to index a nil value (global 'x')", 2,
          "main.lua:2" },
        { "\x1bLua", "attempt to load a binary chunk", 0, "" },
    };
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(fixture_load_with(&config, rows[i].code, &err), -1);
        const struct gen_error *error = gen_error(fixture.gen);
        if (!strstr(error->message, rows[i].message) ||
            error->line != rows[i].line ||
            !strstr(error->traceback, rows[i].trace) ||
            !strstr(err.text, rows[i].message) || strchr(err.text, '\n')) {
            fail_msg("%s: <%s> line %d <%s> err <%s>", rows[i].code,
                     error->message, error->line, error->traceback, err.text);
        }
        assert_false(gen_loading(fixture.gen));
    }
}

static void a_missing_file_is_recorded_and_told(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    config.file = "/nonexistent/main.lua";
    assert_int_equal(fixture_load_with(&config, "", &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/main.lua"));
}

static void compile_runs_nothing(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    fixture_load("");
    fixture_write("main.lua", "print('ran') error('ran')");
    assert_int_equal(gen_compile(fixture.gen, fixture.track, &err), 0);
    assert_string_equal(fixture.logged, "");
    fixture_write("main.lua", "print(");
    assert_int_equal(gen_compile(fixture.gen, fixture.track, &err), -1);
    assert_int_equal(gen_error(fixture.gen)->line, 1);
    (void)config;
}

static void paths_below_the_working_directory_are_told_short(void **state)
{
    struct err err;
    char before[4096];
    struct gen_config config = fixture_config();
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    fixture_write("m.lua", "error 'x'");
    assert_int_equal(chdir(fixture.dir), 0);
    assert_int_equal(fixture_load_with(&config, "require 'm'", &err), -1);
    assert_int_equal(chdir(before), 0);
    assert_string_equal(err.text, "m.lua:1: x");
}

static void two_generations_know_nothing_of_each_other(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    fixture_load("x = 1 string.y = 2 matrix.z = 3 bot.on(function() "
                 "return 'alive' end)");
    fixture_write("main.lua", "assert(x == nil and string.y == nil and "
                              "matrix.z == nil)");
    config.number = 2;
    struct track *track = track_new();
    struct gen *other = gen_new(&config, &err);
    assert_non_null(other);
    assert_int_equal(gen_load(other, track, &err), 0);
    assert_int_equal(gen_number(other), 2);
    assert_ptr_equal(gen_of_caller(gen_caller(other)), other);
    gen_free(other);
    track_free(track);
    fixture_alive(1);
}

static void the_host_is_told_what_it_asks(void **state)
{
    (void)state;
    fixture_load("bot.on(function() matrix.wait(5) end)");
    size_t before = gen_memory(fixture.gen);
    assert_true(before > 10000 && before < MIB(1));
    struct task *task = fixture_start(1);
    loop_advance(fixture.loop, 2000);
    assert_int_equal(gen_tasks(fixture.gen), 1);
    assert_int_equal(task_age(task), 2000);
    assert_string_equal(task_label(task), "handler");
    assert_ptr_equal(task_gen(task), fixture.gen);
    struct buf trace;
    buf_init(&trace, LIMIT_TRACE);
    task_traceback(task, &trace);
    assert_non_null(strstr(buf_str(&trace), "main.lua:1: in function <"));
    buf_free(&trace);
    gen_cancel_tasks(fixture.gen);
    assert_int_equal(fixture.ended, 0);
    loop_run(fixture.loop);
    assert_int_equal(fixture.ended, 1);
    assert_int_equal(fixture.ends[0].end, TASK_CANCELLED);
}

static void free_gen(void *arg, struct task *task,
                     const struct task_result *result)
{
    (void)arg;
    (void)task;
    assert_int_equal(result->end, TASK_DONE);
    gen_free(fixture.gen);
    fixture.gen = NULL;
}

static void free_in_the_middle_of_the_last_end(void **state)
{
    static const struct task_owner owner = { NULL, NULL, free_gen };
    struct err err;
    (void)state;
    fixture_load("bot.on(function() matrix.sleep(1) return 1 end)");
    struct task_options options = { .handler = 1, .owner = &owner };
    fixture_start(1);
    loop_advance(fixture.loop, 500);
    assert_non_null(task_start(fixture.gen, &options, &err));
    loop_advance(fixture.loop, 500);
    loop_run(fixture.loop);
    assert_null(fixture.gen);
    assert_int_equal(fixture.ended, 1);
}

static const struct fixture_end *run_exec(const char *text, int argc,
                                          char *const *argv)
{
    struct err err;
    struct gen_config config = fixture_config();
    config.exec = true;
    fixture_close();
    fixture.ended = 0;
    fixture_write("main.lua", text);
    fixture.track = track_new();
    fixture.gen = gen_new(&config, &err);
    assert_non_null(fixture.gen);
    if (!gen_exec(fixture.gen, fixture.track, argc, argv, &fixture_owner, NULL,
                  &err)) {
        snprintf(fixture.ends[0].text, sizeof fixture.ends[0].text, "%s",
                 err.text);
        assert_int_equal(gen_tasks(fixture.gen), 0);
        return &fixture.ends[0];
    }
    loop_run(fixture.loop);
    assert_int_equal(fixture.ended, 1);
    return &fixture.ends[0];
}

static void a_plain_script_is_a_task(void **state)
{
    char *const argv[] = { "one", "two" };
    (void)state;
    const struct fixture_end *end =
        run_exec("local a, b = ...\nmatrix.wait(1)\n"
                 "matrix.spawn(function() matrix.wait(2) end)\n"
                 "return { arg[0]:match('main.lua'), arg[1], arg[2], a, b, "
                 "#arg, bot == nil, io.write ~= nil }",
                 2, argv);
    assert_string_equal(end->value, "[\"main.lua\",\"one\",\"two\",\"one\","
                                    "\"two\",2,true,true]");
    assert_string_equal(run_exec("return 3", 0, NULL)->value, "3");
    assert_string_equal(run_exec("return print", 0, NULL)->value, "");
    assert_int_equal(fixture.ends[0].end, TASK_DONE);
    assert_string_equal(
        run_exec("return matrix.core.call('test.exec', { a = 1 }).a", 0, NULL)
            ->value,
        "1");
    end = run_exec("\nerror 'x'", 0, NULL);
    assert_int_equal(end->end, TASK_FAILED);
    assert_int_equal(end->line, 2);
    end = run_exec("\nmatrix.wait(3600) x = = 1", 0, NULL);
    assert_non_null(strstr(end->text, "main.lua:2: unexpected symbol"));
    assert_string_equal(run_exec("matrix.wait(3600) return 1", 0, NULL)->value,
                        "1");
}

static void tiny_memory_fails_cleanly(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    int made = 0;
    (void)state;
    fixture_write("main.lua", "local t = {} for i = 1, 100 do t[i] = {} end");
    for (size_t memory = 1; memory < KIB(80); memory += 307) {
        config.limits.memory = memory;
        struct gen *gen = gen_new(&config, &err);
        struct track *track = track_new();
        if (gen) {
            made++;
            gen_load(gen, track, &err);
        } else {
            assert_true(err.text[0] != '\0');
        }
        gen_free(gen);
        track_free(track);
    }
    assert_true(made > 0 && made < 200);
}

static void library_faults_are_told(void **state)
{
    struct err err;
    struct gen_config config = fixture_config();
    (void)state;
    fixture_write("lib/matrix/init.lua", "local core = ...\nerror('broken')");
    assert_null(gen_new(&config, &err));
    assert_non_null(strstr(err.text, "matrix/init.lua:2: broken"));
    fixture_write("lib/matrix/init.lua", "local core = ...\n"
                                         "core.require 'missing_file'");
    assert_null(gen_new(&config, &err));
    assert_non_null(strstr(err.text, "missing_file"));
    fixture_write("lib/matrix/init.lua", fixture_library);
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_failed_load_tells_file_line_and_traceback),
        TEST(a_missing_file_is_recorded_and_told),
        TEST(compile_runs_nothing),
        TEST(paths_below_the_working_directory_are_told_short),
        TEST(two_generations_know_nothing_of_each_other),
        TEST(the_host_is_told_what_it_asks),
        TEST(free_in_the_middle_of_the_last_end),
        TEST(a_plain_script_is_a_task),
        TEST(tiny_memory_fails_cleanly),
        TEST(library_faults_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
