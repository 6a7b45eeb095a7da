/* layer: script */
#include "manager_fixture.h"

#include "eval.h"

/* What conversations are told, a word each. */
static char told[4096];
static int answers;

static void tell(const char *format, ...)
{
    size_t len = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + len, sizeof told - len, format, args);
    va_end(args);
}

static void expect_told(const char *text)
{
    if (strcmp(told, text) != 0)
        fail_msg("told <%s>, not <%s>; log:\n%s", told, text, w.log);
    told[0] = '\0';
}

static void on_printed(void *arg, struct slice text)
{
    tell("%s:print %.*s;", (char *)arg, SLICE_ARG(text));
}

static void on_ended(void *arg, const struct task_result *result)
{
    answers++;
    if (result->end == TASK_DONE)
        tell("%s:%.*s;", (char *)arg, SLICE_ARG(result->value));
    else
        tell("%s:!%s;", (char *)arg, err_kind_name(result->err->kind));
}

static void on_moved(void *arg, int generation)
{
    tell("%s:moved %d;", (char *)arg, generation);
}

static void on_event(void *arg, struct slice room_id, struct slice json)
{
    assert_true(json.len > 0);
    tell("%s:event %.*s;", (char *)arg, SLICE_ARG(room_id));
}

static const struct eval_owner owner = { on_printed, on_ended, on_moved,
                                         on_event };

static char A[] = "a", B[] = "b";

static struct eval *open_eval(char *name)
{
    struct eval *eval = eval_open(w.manager, NULL, &owner, name, &err);
    told[0] = '\0';
    assert_non_null(eval);
    return eval;
}

static void ask(struct eval *eval, const char *code)
{
    int before = answers;
    assert_int_equal(eval_run(eval, "code", S(code), &err), 0);
    assert_int_equal(answers, before); /* never from inside */
}

static const char echo[] = "bot.on('message', function() end) x = 1";

static void pieces_run_in_the_script(void **state)
{
    (void)state;
    add_script("echo", echo);
    load_all(1, 0);
    struct eval *a = open_eval(A), *b = open_eval(B);
    ask(a, "x = x + 1 return x");
    run(1);
    ask(b, "return x");
    run(1);
    ask(a, "bot.park(5)");
    assert_int_equal(eval_run(a, "code", S("return 1"), &err), -1);
    assert_int_equal(err.kind, ERR_MISUSE);
    ask(b, "error('no')");
    run(1);
    expect_told("a:2;b:2;b:!task;");
    run(5000);
    expect_told("a:null;");
    ask(a, "bot.park(600)");
    run(1);
    assert_true(eval_runs(a));
    eval_cancel(a);
    expect_told("");
    run(1);
    expect_told("a:!cancelled;");
    ask(a, "while true do end");
    run(1);
    expect_told("a:!limit;");
    eval_follow(b, true);
    say("!a:hs.test", "hi");
    run(10);
    expect_told("b:event !a:hs.test;");
    eval_close(b);
    say("!a:hs.test", "hi");
    run(10);
    ask(a, "bot.park(600)");
    run(1);
    eval_close(a); /* in silence */
    run(1000);
    expect_told("");
    assert_null(eval_open(w.manager, "other", &owner, A, &err));
    assert_non_null(strstr(err.text, "echo"));
}

static void reloads_move_it_on(void **state)
{
    (void)state;
    add_script("echo", echo);
    load_all(1, 0);
    struct eval *a = open_eval(A), *b = open_eval(B);
    ask(a, "bot.park(1) return 'old ' .. x");
    run(1);
    write_file("echo.lua", "x = 2");
    reload(false);
    expect_told("a:moved 2;b:moved 2;");
    ask(b, "return x");
    run(1000); /* a's drains */
    expect_told("b:2;a:\"old 1\";");
    ask(a, "return x");
    run(1);
    expect_told("a:2;");
    /* Two more: the generation in which a still runs is closed at once. */
    ask(a, "bot.park(600)");
    run(1);
    write_file("echo.lua", "x = 3");
    reload(false);
    expect_told("a:moved 3;b:moved 3;");
    write_file("echo.lua", "x = 4");
    reload(false);
    expect_told("a:!cancelled;a:moved 4;b:moved 4;");
    ask(a, "return x");
    run(1);
    expect_told("a:4;");
    /* The drain's end cancels what still runs. */
    ask(a, "bot.park(600)");
    run(1);
    write_file("echo.lua", "x = 5");
    reload(false);
    run(3000);
    expect_told("a:moved 5;b:moved 5;a:!cancelled;");
    eval_close(a);
    eval_close(b);
}

static void a_script_that_did_not_load_says_so(void **state)
{
    (void)state;
    add_script("echo", "x = = 1");
    load_all(0, 1);
    struct eval *a = open_eval(A);
    assert_int_equal(eval_generation(a), 0);
    assert_int_equal(eval_run(a, "code", S("return 1"), &err), -1);
    assert_non_null(strstr(err.text, "did not load"));
    write_file("echo.lua", echo);
    reload(false);
    ask(a, "return x");
    run(1);
    expect_told("a:moved 1;a:1;");
    ask(a, "bot.park(600)");
    run(1);
    eval_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_run_in_the_script, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reloads_move_it_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_did_not_load_says_so,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
