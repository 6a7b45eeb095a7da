/* layer: script */
#include "manager_fixture.h"

#define ECHO(version)                                                          \
    "bot.on('message', function(ev)\n"                                         \
    "    bot.say('" version "' .. ev.content.body)\n"                          \
    "end)\n"

static void resolves(int64_t delay)
{
    fake_on(w.fake, "GET", "/directory/room/",
            (struct fake_reply) {
                .body = "{\"room_id\":\"!r:hs.test\",\"servers\":[]}",
                .delay_ms = delay,
                .times = -1 });
}

static void expect_report(const char *text)
{
    if (!strstr(w.report, text))
        fail_msg("<%s> is not in the report:\n%s", text, w.report);
}

static void new_code_takes_over(void **state)
{
    (void)state;
    add_script("echo", ECHO("one:"));
    load_all(1, 0);
    assert_int_equal(w.changed, 1);
    say("!a:hs.test", "x");
    run(10);
    expect_said("one:x ");
    reload(false);
    expect_report("echo.lua: nothing changed (generation 1)");
    write_file("echo.lua", ECHO("two:"));
    reload(false);
    expect_report("✓ echo.lua: generation 2 replaces 1 (");
    expect_report("echo.lua changed, 1 handler");
    say("!a:hs.test", "y");
    run(10);
    expect_said("two:y ");
    ask_reload("echo", MANAGER_FORCE);
    run(1);
    expect_report("generation 3 replaces 2");
    run(100);
    assert_true(manager_idle(w.manager));
}

static void a_refused_save_keeps_the_old_code(void **state)
{
    (void)state;
    static const struct {
        const char *text, *report[3];
    } rows[] = {
        { "bot.on(", { "echo.lua:", "near", NULL } },
        { "local x\n\nx.y = 1\n-- after\n",
          { "echo.lua:3: attempt to index a nil value (local 'x')",
            "\n  →    3 │ x.y = 1\n       4 │ -- after\n  in main chunk "
            "(echo.lua:3)",
            NULL } },
        { "bot.on('mesage', print)",
          { "echo.lua:1: unknown event 'mesage', did you mean 'message'?",
            NULL } },
        { "bot.park(1)", { "echo.lua:1: ", "main chunk", NULL } },
        { "bot.set { reload = 'never' }", { "quiesce", NULL } },
        { "bot.on('load', function() local a = nil + 1 end)",
          { "echo.lua:1: attempt to perform arithmetic",
            "\n  in on(\"load\") (echo.lua:1)", NULL } },
        { "while true do end", { "echo.lua:1: ", "limits.burst", NULL } },
        { "bot.on('snapshot', print) bot.on('snapshot', print)",
          { "'snapshot' has a handler already", NULL } },
        { "require 'nosuch'", { "module 'nosuch' not found", NULL } },
    };
    add_script("echo", ECHO("one:"));
    load_all(1, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_file("echo.lua", rows[i].text);
        say("!a:hs.test", "x");
        reload(true);
        expect_report("✗ echo.lua did not load (generation 2 refused, "
                      "generation 1 keeps running)\n  ");
        for (int j = 0; rows[i].report[j]; j++)
            expect_report(rows[i].report[j]);
        reload(true); /* asked again, told again */
        say("!a:hs.test", "y");
        run(20);
        expect_said("one:x one:y ");
    }
    write_file("echo.lua", ECHO("one:"));
    reload(false);
    expect_report("as it was before (generation 1)");
    assert_int_equal(unfinished(), 0);
}

static void a_first_load_that_fails_waits_for_a_fix(void **state)
{
    (void)state;
    const char *const names[] = { "bad", "good" };
    struct inbox_recovery recovery;
    add_script("bad", ECHO("bad:"));
    load_all(1, 0);
    break_disk(false);
    struct new_event event = { "!a:hs.test", "$early", "x", false };
    assert_int_equal(put_events(&event, 1), 1);
    crash(); /* the row waits on disk */
    assert_int_equal(inbox_recover(w.inbox, names, 2, &recovery, &err), 0);
    add_script("bad", "error('on purpose')");
    add_script("good", ECHO("good:"));
    load_all(1, 1);
    expect_log("✗ bad.lua did not load (generation 1 refused, nothing runs "
               "until it is fixed and reloaded)");
    expect_log("on purpose");
    say("!a:hs.test", "y");
    run(10);
    expect_said("good:y ");
    assert_true(manager_idle(w.manager));
    write_file("bad.lua", ECHO("bad:"));
    reload(false);
    expect_report("✓ bad.lua: generation 1 runs (");
    run(10);
    expect_said("bad:x "); /* what waited for it */
    say("!a:hs.test", "z");
    run(10);
    expect_said("bad:z good:z ");
}

/* Each event is handled once, whatever is saved meanwhile. */
static void reloads_under_load_lose_and_double_nothing(void **state)
{
    (void)state;
    resolves(30);
    static const char text[] =
        "bot.on('load', function() bot.wait() end)\n"
        "bot.on('message', function(ev)\n"
        "    bot.wait() bot.park(0.02) bot.say('<' .. ev.content.body .. '>')\n"
        "end)\n-- %d";
    char script[400];
    snprintf(script, sizeof script, text, 0);
    add_script("echo", script);
    assert_int_equal(manager_load(w.manager, on_all_loaded, NULL, &err), 0);
    run(50);
    for (int i = 1; i <= 60; i++) {
        char room[32], body[16];
        snprintf(room, sizeof room, "!r%d:hs.test", i % 3);
        snprintf(body, sizeof body, "%d", i);
        say(room, body);
        if (i % 5 == 0) {
            snprintf(script, sizeof script, i % 10 ? text : "bot.x.y()", i);
            write_file("echo.lua", script);
            ask_reload(NULL, 0);
        }
        run(17);
    }
    run(10000);
    for (int i = 1; i <= 60; i++) {
        char body[16];
        snprintf(body, sizeof body, "<%d>", i);
        assert_int_equal(count_of(w.said, body), 1);
    }
    assert_int_equal(w.reloaded, 12);
    assert_int_equal(w.refused, 6);
    assert_int_equal(unfinished(), 0);
    assert_int_equal(count_of(w.log, "replaces"), 6);
}

/* What runs ends on the old code; the room's order holds across the switch. */
static void running_handlers_end_on_the_old_code(void **state)
{
    (void)state;
    resolves(500);
    static const char old[] =
        "bot.on('message', function(ev)\n"
        "    bot.say('old<') bot.wait() bot.say('>old')\n"
        "    bot.say(tostring(select(2, bot.after(1, print)).kind))\n"
        "end)\n"
        "bot.on('unload', function(ctx) bot.say('unload') end)\n";
    add_script("echo", old);
    load_all(1, 0);
    say("!a:hs.test", "x");
    say("!a:hs.test", "y");
    run(10);
    write_file("echo.lua", ECHO("new:"));
    reload(false);
    say("!b:hs.test", "z");
    run(10);
    expect_said("old< new:z ");
    run(500);
    run(50);
    expect_said(">old cancelled new:y unload ");
}

static void the_drain_has_an_end(void **state)
{
    (void)state;
    add_script("echo",
               "bot.on('message', function(ev)\n"
               "    local ok, e = pcall(bot.park, 60)\n"
               "    bot.say(e.kind) bot.park(60) bot.say('never')\n"
               "end)\n"
               "bot.on('unload', function(ctx) bot.say('unload') bot.park(9)\n"
               "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "x");
    say("!b:hs.test", "x");
    run(10);
    write_file("echo.lua", ECHO("two:"));
    reload(false);
    run(1900);
    expect_said("");
    assert_int_equal(unfinished(), 2);
    run(200);
    expect_said("cancelled cancelled unload ");
    expect_log("generation 1: cancelled after 2.0 s: "
               "handler for message (echo.lua:1) (2 times)\n");
    assert_int_equal(count_of(w.log, "cancelled after"), 1);
    assert_int_equal(unfinished(), 0);
    /* a third generation closes the first at once */
    write_file("echo.lua", ECHO("three:"));
    reload(false);
    struct buf report;
    buf_init(&report, LIMIT_REPORT);
    report_to(&report, 0);
    assert_int_equal(
        count_of(buf_str(&report), "\"draining\":{\"generation\":2,"), 1);
    assert_null(strstr(buf_str(&report), "\"generation\":1,"));
    buf_free(&report);
    run(2100);
    assert_true(manager_idle(w.manager));
}

static void hooks_hand_over(void **state)
{
    (void)state;
    static const char text[] =
        "bot.set { version = %d }\n"
        "bot.on('snapshot', function() return { n = %d } end)\n"
        "bot.on('load', function(_, ctx)\n"
        "    local p = ctx.previous\n"
        "    bot.say(ctx.reason .. (p and p.n or '-') ..\n"
        "        (ctx.from_version or '-'))\n"
        "end)\n"
        "bot.on('ready', function() bot.say('ready') end)\n"
        "bot.on('unload', function(_, ctx)\n"
        "    bot.say('un' .. ctx.reason) end)\n";
    char script[800];
    snprintf(script, sizeof script, text, 1, 10);
    add_script("echo", script);
    load_all(1, 0);
    expect_said("start-- ");
    manager_committed(w.manager, true);
    manager_committed(w.manager, true);
    run(10);
    expect_said("ready ");
    snprintf(script, sizeof script, text, 2, 20);
    write_file("echo.lua", script);
    reload(false);
    run(100);
    expect_said("reload101 ready unreload ");
    stop(100);
    run(100);
    expect_said("unstop ");
    assert_int_equal(w.stopped, 1);
}

static void a_failing_snapshot_refuses_unless_forced(void **state)
{
    (void)state;
    add_script("echo", "bot.on('snapshot', function() bot.park(1) end)");
    load_all(1, 0);
    write_file("echo.lua", ECHO("two:"));
    reload(true);
    expect_report("on(\"snapshot\")");
    ask_reload("echo.lua", MANAGER_FORCE);
    run(1);
    expect_report("generation 2 replaces 1");
}

static void a_slow_load_hook_is_refused_while_events_wait(void **state)
{
    (void)state;
    add_script("echo", ECHO("one:"));
    load_all(1, 0);
    write_file("echo.lua", "bot.on('load', function() bot.park(60) end)");
    ask_reload(NULL, 0);
    run(100);
    say("!a:hs.test", "x");
    run(9000);
    expect_said("");
    run(1000);
    expect_said("one:x ");
    expect_report("on(\"load\") took longer than 10 s");
    assert_int_equal(w.refused, 1);
    /* and one that is stopped meanwhile */
    ask_reload(NULL, 0);
    run(100);
    stop(100);
    run(100);
    assert_int_equal(w.refused, 2);
    expect_report("stopping");
    assert_int_equal(w.stopped, 1);
}

static void check_only_changes_nothing(void **state)
{
    (void)state;
    add_script("echo", ECHO("one:"));
    load_all(1, 0);
    write_file("echo.lua", ECHO("two:"));
    ask_reload(NULL, MANAGER_CHECK_ONLY);
    run(1);
    expect_report("✓ echo.lua would load");
    write_file("echo.lua", "nonsense");
    ask_reload(NULL, MANAGER_CHECK_ONLY);
    run(1);
    expect_report("✗ echo.lua would not load");
    assert_int_equal(w.refused, 1);
    say("!a:hs.test", "x");
    run(10);
    expect_said("one:x ");
}

static void quiesce_waits_for_what_runs(void **state)
{
    (void)state;
    add_script("echo", "bot.set { reload = 'quiesce' }\n"
                       "bot.on('snapshot', function() bot.say('snap') end)\n"
                       "bot.on('message', function(ev)\n"
                       "    bot.park(1) bot.say('old') end)\n");
    load_all(1, 0);
    say("!a:hs.test", "x");
    run(10);
    write_file("echo.lua", ECHO("new:"));
    ask_reload(NULL, 0);
    run(1);
    say("!a:hs.test", "y");
    run(900);
    expect_said("");
    run(200);
    expect_said("old snap new:y ");
}

static void memory_survives(void **state)
{
    (void)state;
    static const char text[] =
        "bot.on('message', function()\n"
        "    local n = bot.call('memory.get', { path = { 'n' } }).value or 0\n"
        "    bot.call('memory.set', { path = { 'n' }, value = n + 1 })\n"
        "    bot.say('n' .. n)\n"
        "end)\n";
    add_script("echo", text);
    load_all(1, 0);
    say("!a:hs.test", "x");
    run(10);
    for (int i = 0; i < 2; i++) {
        ask_reload(NULL, MANAGER_FORCE);
        run(1);
        say("!a:hs.test", "x");
        run(10);
    }
    expect_said("n0 n1 n2 ");
}

static void timers_keep_their_phase(void **state)
{
    (void)state;
    static const char text[] =
        "bot.every(10, { name = 'a' }, function() bot.say('a%d') end)\n"
        "bot.every(10, function() bot.say('b%d') end)\n"
        "bot.after(12, function() bot.say('after%d') end)\n";
    char script[400];
    snprintf(script, sizeof script, text, 1, 1, 1);
    add_script("echo", script);
    load_all(1, 0);
    run(6000);
    snprintf(script, sizeof script, text, 2, 2, 2);
    write_file("echo.lua", script);
    reload(false);
    run(3900);
    expect_said("");
    run(200);
    expect_said("a2 b2 ");
    run(7700); /* after begins anew at 6 s: due at 18 */
    expect_said("");
    run(300);
    expect_said("after2 ");
    run(2000);
    expect_said("a2 b2 ");
}

#define HOUR (3600 * 1000LL)

static void crons_follow_the_zone(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "AAA0", 1), 0);
    add_script("echo", "bot.cron('0 2 * * *', function() bot.say('two') end)");
    load_all(1, 0);
    run(HOUR / 2);
    assert_int_equal(setenv("TZ", "AAA-1", 1), 0); /* 01:30 */
    run(HOUR / 2);
    expect_said("two ");
    run(23 * HOUR);
    expect_said("");
    run(HOUR);
    expect_said("two ");
    assert_int_equal(setenv("TZ", "AAA+1", 1), 0); /* 00:00 */
    run(HOUR);
    expect_said("");
    run(HOUR);
    expect_said("two ");
    assert_int_equal(setenv("TZ", "AAA0", 1), 0);
}

static void timers_skip_and_stop(void **state)
{
    (void)state;
    add_script("echo", "local id\n"
                       "local n = 0\n"
                       "bot.every(1, { now = true }, function()\n"
                       "    n = n + 1 local m = n\n"
                       "    bot.say('<' .. m) bot.park(1.5) bot.say(m .. '>')\n"
                       "end)\n"
                       "id = bot.every(0.5, function()\n"
                       "    bot.say('off') bot.off(id)\n"
                       "    bot.after(0.1, function() bot.say('once') end)\n"
                       "end)\n"
                       "bot.every(3, function() local x = nil .. 1 end)\n");
    load_all(1, 0);
    run(400);
    expect_said("<1 ");
    run(2000);
    expect_said("off once 1> <2 ");
    run(1000);
    expect_log("timer of 3 s (echo.lua:");
    expect_log("attempt to concatenate");
}

static void a_tick_in_a_reload_is_not_lost(void **state)
{
    (void)state;
    add_script("echo", "bot.every(5, function() bot.say('tick') end)\n"
                       "bot.on('load', function() bot.park(3) end)\n");
    assert_int_equal(manager_load(w.manager, on_all_loaded, NULL, &err), 0);
    run(7000); /* live at 3, so due at 8 */
    ask_reload(NULL, MANAGER_FORCE);
    run(2900);
    expect_said("");
    run(200);
    expect_said("tick ");
    run(2800); /* in phase: 13 */
    expect_said("");
    run(200);
    expect_said("tick ");
}

static void saves_are_noticed(void **state)
{
    (void)state;
    manager_free(w.manager);
    w.config.watch = true;
    w.manager = manager_new(&w.config, &err);
    assert_non_null(w.manager);
    write_file("part.lua", "return 'one:'");
    add_script("echo", "local part = require 'part'\n"
                       "bot.on('message', function(ev)\n"
                       "    bot.say(part .. ev.content.body) end)\n");
    load_all(1, 0);
    run(100);
    write_file("part.lua", "return 'two:'");
    run(200);
    say("!a:hs.test", "x");
    run(10);
    expect_said("two:x ");
    write_file("part.lua", "return nil .. 1");
    run(200);
    expect_log("part.lua:1: attempt to concatenate");
    write_file("part.lua", "return 'two:'");
    run(200);
    expect_log("as it was before (generation 2)");
    write_file("unrelated.lua", "x");
    run(200);
    char path[128];
    snprintf(path, sizeof path, "%s/echo.lua", w.dir);
    assert_int_equal(unlink(path), 0);
    run(500);
    assert_null(strstr(w.log, "is gone"));
    run(1000);
    expect_log("is gone; generation 2 keeps running");
    write_file("echo.lua", ECHO("three:"));
    run(1500);
    say("!a:hs.test", "y");
    run(10);
    expect_said("three:y ");
    assert_int_equal(count_of(w.log, "✗"), 1);
    assert_int_equal(count_of(w.log, "✓"), 3);
}

static void a_fix_on_disk_starts_what_failed(void **state)
{
    (void)state;
    manager_free(w.manager);
    w.config.watch = true;
    w.manager = manager_new(&w.config, &err);
    assert_non_null(w.manager);
    add_script("echo", "require 'part'\n" ECHO("one:"));
    load_all(0, 1);
    expect_log("nothing runs until it is fixed on disk");
    run(100);
    write_file("part.lua", "return nil .. 1");
    run(200);
    write_file("part.lua", "return 1"); /* it was missing */
    run(200);
    say("!a:hs.test", "x");
    run(10);
    expect_said("one:x ");
    assert_int_equal(count_of(w.log, "✗"), 2);
}

static void memory_errors_stop_a_script(void **state)
{
    (void)state;
    struct manager_script script = { .limits.memory = MIB(4) };
    assert_int_equal(
        add_script_with("echo",
                        "bot.on('message', function(ev)\n"
                        "    bot.say(ev.content.body)\n"
                        "    local t = {} while true do t[#t + 1] = {} end\n"
                        "end)\n",
                        script),
        0);
    add_script("other", ECHO("other:"));
    load_all(2, 0);
    for (int i = 0; i < 3; i++) {
        say("!a:hs.test", "x");
        run(10);
    }
    expect_said("x other:x x other:x other:x ");
    expect_log("echo.lua is stopped: it ran out of memory twice");
    run(100);
    write_file("echo.lua", ECHO("fixed:"));
    reload(false);
    say("!a:hs.test", "y");
    run(10);
    expect_said("fixed:y other:y ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_code_takes_over),
        TEST(a_refused_save_keeps_the_old_code),
        TEST(a_first_load_that_fails_waits_for_a_fix),
        TEST(reloads_under_load_lose_and_double_nothing),
        TEST(running_handlers_end_on_the_old_code),
        TEST(the_drain_has_an_end),
        TEST(hooks_hand_over),
        TEST(a_failing_snapshot_refuses_unless_forced),
        TEST(a_slow_load_hook_is_refused_while_events_wait),
        TEST(check_only_changes_nothing),
        TEST(quiesce_waits_for_what_runs),
        TEST(memory_survives),
        TEST(timers_keep_their_phase),
        TEST(crons_follow_the_zone),
        TEST(timers_skip_and_stop),
        TEST(a_tick_in_a_reload_is_not_lost),
        TEST(saves_are_noticed),
        TEST(a_fix_on_disk_starts_what_failed),
        TEST(memory_errors_stop_a_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
