/* layer: script */
#include "manager_fixture.h"

#include "check.h"

static void commands_belong_to_one_script(void **state)
{
    (void)state;
    static const char lists[] =
        "bot.on('message', function()\n"
        "    local all = bot.call('script.commands', {})\n"
        "    local names = {}\n"
        "    for _, c in ipairs(all.commands) do\n"
        "        names[#names + 1] = c.script .. '.' .. c.name end\n"
        "    bot.say(tostring(all.first) .. table.concat(names, ','))\n"
        "end)\n";
    char script[800];
    add_script("plain", lists);
    snprintf(script, sizeof script, "bot.command('roll', print)\n%s", lists);
    add_script("dice", script);
    add_script("other", "bot.command('poll', print)\n"
                        "bot.command('pick', print, { 'choose', 'roll' })\n");
    snprintf(script, sizeof script, "bot.command('vote', print)\n%s", lists);
    add_script("third", script);
    load_all(3, 1);
    expect_log(
        "other.lua:2: command 'roll' is taken by script dice (dice.lua)");
    say("!a:hs.test", "x");
    run(10);
    expect_said("falsedice.roll,third.vote truedice.roll,third.vote "
                "falsedice.roll,third.vote ");
    /* the name is free when its owner gives it up */
    write_file("dice.lua", "bot.on('message', function() end)");
    reload(false); /* of dice, then of other */
    say("!a:hs.test", "x");
    run(10);
    expect_said("falseother.poll,other.pick,third.vote "
                "falseother.poll,other.pick,third.vote ");
}

static void configuration_reaches_the_script(void **state)
{
    (void)state;
    static const char text[] =
        "bot.on('message', function()\n"
        "    local c = bot.call('script.config', {})\n"
        "    local i = bot.call('script.info', {})\n"
        "    bot.say(c.config.k .. c.secrets.s .. i.name .. i.generation ..\n"
        "        tostring(i.previous))\n"
        "end)\n";
    char path[200];
    add_script("echo", text);
    load_all(1, 0);
    say("!a:hs.test", "x");
    run(10);
    expect_said("1hushecho1nil ");
    snprintf(path, sizeof path, "%s/echo.lua", w.dir);
    struct manager_script script = { .name = "echo",
                                     .path = path,
                                     .config = S("{\"k\":1}"),
                                     .secrets = S("{\"s\":\"hush\"}"),
                                     .log_lines = 1000000,
                                     .drain_ms = 2000 };
    assert_int_equal(manager_update(w.manager, &script, &err), 0);
    reload(false);
    assert_non_null(strstr(w.report, "nothing changed"));
    script.config = S("{\"k\":2}");
    assert_int_equal(manager_update(w.manager, &script, &err), 0);
    say("!a:hs.test", "x");
    run(10);
    expect_said("1hushecho1nil "); /* until it is reloaded */
    write_file("echo.lua", "error('no')");
    reload(true);
    write_file("echo.lua", text);
    reload(false); /* they are not forgotten */
    assert_non_null(strstr(w.report, "configuration changed"));
    say("!a:hs.test", "x");
    run(10);
    expect_said("2hushecho21 ");
    script.config = S("{\"k\":3}");
    assert_int_equal(manager_update(w.manager, &script, &err), 0);
    script.config = S("{\"k\":2}"); /* taken back: another script was wrong */
    assert_int_equal(manager_update(w.manager, &script, &err), 0);
    reload(false);
    assert_non_null(strstr(w.report, "nothing changed"));
    script.name = "nobody";
    assert_int_equal(manager_update(w.manager, &script, &err), -1);
    assert_int_equal(
        manager_add(w.manager,
                    &(struct manager_script) { .name = "echo", .path = path },
                    &err),
        -1);
    assert_non_null(strstr(err.text, "two scripts are named echo"));
}

static void count_type(void *arg, const char *section, struct slice type)
{
    (void)section;
    *(int *)arg += slice_is(type, "m.reaction");
}

static void interest_follows_the_generations(void **state)
{
    (void)state;
    int count = 0;
    add_script("a", "bot.on('message', { room = '!a:hs.test' }, print)");
    add_script("b", "bot.on('message', print) bot.on('message', print)");
    add_script("old", "bot.on('m.room.message', { history = true }, print)");
    load_all(3, 0);
    struct new_event events[] = {
        { "!a:hs.test", "$1", "x", false },
        { "!b:hs.test", "$2", "x", false },
        { "!b:hs.test", "$3", "x", true },
    };
    assert_int_equal(put_events(events, 3), 3 + 2 + 1);
    struct sync_interest interest = manager_interest(w.manager);
    interest.types(interest.arg, count_type, &count);
    assert_int_equal(count, 0);
    write_file("a.lua", "bot.on('reaction', print)");
    int changed = w.changed;
    reload(false);
    assert_int_equal(w.changed, changed + 1);
    interest.types(interest.arg, count_type, &count);
    assert_int_equal(count, 1);
    manager_committed(w.manager, false);
    run(100);
    assert_int_equal(unfinished(), 0);
}

static void scripts_do_not_disturb_each_other(void **state)
{
    (void)state;
    add_script("slow", "bot.on('message', function() bot.park(100) end)\n"
                       "bot.on('load', function() bot.park(5) end)\n");
    add_script("fast", "bot.on('message', function(ev)\n"
                       "    bot.say(ev.content.body) end)\n");
    assert_int_equal(manager_load(w.manager, on_all_loaded, NULL, &err), 0);
    run(100);
    say("!a:hs.test", "x");
    run(10);
    expect_said("x ");
    assert_int_equal(w.loaded, 0);
    run(5000);
    assert_int_equal(w.loaded, 1);
    say("!a:hs.test", "y");
    run(10);
    expect_said("y ");
    stop(300);
    run(200);
    assert_int_equal(w.stopped, 0);
    run(300);
    assert_int_equal(w.stopped, 1);
    assert_int_equal(queued("slow"), 1);
    assert_int_equal(
        manager_reload(w.manager, "fast", 0, on_all_reloaded, NULL, &err), -1);
}

static void nobody_is_there(void **state)
{
    (void)state;
    load_all(0, 0);
    assert_true(manager_idle(w.manager));
    reload(false);
    assert_int_equal(
        manager_reload(w.manager, "x", 0, on_all_reloaded, NULL, &err), -1);
    assert_non_null(strstr(err.text, "no script is named x here"));
    stop(100);
    run(1);
    assert_int_equal(w.stopped, 1);
}

static void freed_in_the_middle(void **state)
{
    (void)state;
    add_script("a", "bot.every(1, print)\n"
                    "bot.on('load', function() bot.park(2) end)\n"
                    "bot.on('message', function()\n"
                    "    bot.spawn(function() bot.park(50) end)\n"
                    "    bot.park(50) end)\n");
    assert_int_equal(manager_load(w.manager, on_all_loaded, NULL, &err), 0);
    run(2100);
    say("!a:hs.test", "x");
    run(10);
    ask_reload(NULL, MANAGER_FORCE);
    run(10);
    say("!a:hs.test", "y");
    close_manager();
    assert_int_equal(queued("a"), 2);
    open_manager();
}

static void a_report_tells_what_runs(void **state)
{
    (void)state;
    add_script("a", "bot.every(60, print)\n"
                    "bot.on('message', function()\n"
                    "    bot.park(50)\n"
                    "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "x");
    run(1500);
    struct buf out;
    buf_init(&out, LIMIT_REPORT);
    report_to(&out, 10);
    static const char *const parts[] = {
        "[{\"script\":\"a\",\"file\":\"",
        "\"state\":\"ok\",\"reloading\":false,\"loaded\":17",
        "\"generation\":1,\"handlers\":1,\"commands\":0,\"timers\":1,"
        "\"tasks\":1,\"oldest_task_ms\":1500,\"done\":0,\"failed\":0,"
        "\"memory\":",
        "\"handler\":\"handler for message (a.lua:2)\",\"age_ms\":1500,"
        "\"traceback\":\"",
        "a.lua:3: in ",
        "{\"kind\":\"every\",\"where\":\"",
        "\"ms\":60000,\"next_ms\":58",
        "\"events\":{\"in_memory\":1,\"more_on_disk\":false,\"under_way\":1",
        "\"errors\":[]",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (!strstr(buf_str(&out), parts[i]))
            fail_msg("<%s> is not in\n%s", parts[i], buf_str(&out));
    report_to(&out, 0);
    assert_null(strstr(buf_str(&out), "traceback"));
    buf_free(&out);
}

static void a_report_keeps_what_went_wrong(void **state)
{
    (void)state;
    add_script("a",
               "bot.on('message', function(ev) error(ev.content.body) end)\n");
    load_all(1, 0);
    log_add_secret(S("hunter22"));
    for (int i = 0; i < LIMIT_RECENT + 2; i++) {
        char body[40], id[16];
        snprintf(body, sizeof body, "hunter22 no %d;", i);
        snprintf(id, sizeof id, "$%d", i);
        struct new_event event = { "!a:hs.test", id, body, false };
        assert_int_equal(put_events(&event, 1), 1);
        manager_committed(w.manager, false);
        run(10);
    }
    struct buf out;
    buf_init(&out, LIMIT_REPORT);
    report_to(&out, 0);
    const char *text = buf_str(&out);
    const char *newest = strstr(text, "(secret) no 11;");
    assert_non_null(newest);
    assert_null(strstr(text, "hunter"));
    assert_null(strstr(text, " no 1;")); /* gave way */
    assert_true(strstr(text, " no 2;") > newest);
    assert_non_null(strstr(text, "a.lua:1\",\"handler\":\"handler for "
                                 "message (a.lua:1)\",\"error\":"));
    log_clear_secrets();

    write_file("a.lua", "bot.on(");
    ask_reload(NULL, 0);
    run(10);
    report_to(&out, 0);
    text = buf_str(&out);
    assert_non_null(strstr(text, "\"state\":\"refused\""));
    assert_non_null(strstr(text, "\"refused\":{\"at\":17"));
    assert_non_null(strstr(text, "\"generation\":2,\"error\":\""));
    write_file("a.lua", "bot.on('message', print)");
    ask_reload(NULL, 0);
    run(10);
    report_to(&out, 0);
    assert_non_null(strstr(buf_str(&out), "\"state\":\"ok\""));
    assert_null(strstr(buf_str(&out), "\"refused\""));
    buf_free(&out);
}

static void check_finds_what_would_not_load(void **state)
{
    (void)state;
    char path[200];
    struct buf out;
    write_file("good.lua", "bot.on('message', print)\n"
                           "bot.every(1, print) bot.command('x', print)\n"
                           "bot.call('memory.set', { path = { 'a' }, "
                           "value = 1 })\n"
                           "bot.call('script.commands', {})\n"
                           "bot.call('account.rooms', {})\n");
    write_file("bad.lua", "\nbot.on('mesage', print)\n");
    write_file("matrix/lint.lua",
               "return { check = function() return {}, true end }");
    buf_init(&out, LIMIT_REPORT);
    snprintf(path, sizeof path, "%s/good.lua", w.dir);
    struct manager_script script = { .name = "check", .path = path };
    int found = check_script(w.loop, &script, w.dir, &out, &err);
    assert_string_equal(buf_str(&out), "");
    assert_int_equal(found, 0);
    write_file("matrix/lint.lua",
               "local core = ...\n"
               "local word = core.require 'word'\n"
               "return { check = function(text, file, known)\n"
               "    local line = text:match('mesage') and 1\n"
               "    return line and known.bot and { { line = line, col = 9,\n"
               "        level = 'warning', message = word } } or {}, true\n"
               "end }\n");
    write_file("matrix/word.lua", "return 'odd'");
    snprintf(path, sizeof path, "%s/bad.lua", w.dir);
    assert_int_equal(check_script(w.loop, &script, w.dir, &out, &err), 2);
    assert_non_null(strstr(buf_str(&out), "bad.lua:2:1: error: unknown event "
                                          "'mesage', did you mean"));
    assert_non_null(strstr(buf_str(&out), "bad.lua:1:9: warning: odd\n"));
    snprintf(path, sizeof path, "%s/none.lua", w.dir);
    assert_int_equal(check_script(w.loop, &script, w.dir, &out, &err), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_belong_to_one_script),
        TEST(configuration_reaches_the_script),
        TEST(interest_follows_the_generations),
        TEST(scripts_do_not_disturb_each_other),
        TEST(nobody_is_there),
        TEST(freed_in_the_middle),
        TEST(a_report_tells_what_runs),
        TEST(a_report_keeps_what_went_wrong),
        TEST(check_finds_what_would_not_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
