/* layer: script */
#include "manager_fixture.h"

static void resolves(int64_t delay)
{
    fake_on(w.fake, "GET", "/directory/room/",
            (struct fake_reply) {
                .body = "{\"room_id\":\"!r:hs.test\",\"servers\":[]}",
                .delay_ms = delay,
                .times = -1 });
}

static const char talk[] =
    "bot.on('message', function(ev, info)\n"
    "    local b = ev.content.body\n"
    "    if b ~= 'order' then bot.say('heard:' .. b) return end\n"
    "    bot.say('q1:' .. info.attempt)\n"
    "    local x = bot.wait_for('message', 60)\n"
    "    bot.say('q2:' .. x.content.body)\n"
    "    local y = bot.wait_for('message', 60)\n"
    "    bot.say('got:' .. x.content.body .. y.content.body)\n"
    "end)\n";

/* Its waiter is slow to say whether an event is "go". */
static const char slow[] =
    "bot.on('message', function(ev)\n"
    "    local b = ev.content.body\n"
    "    if b ~= 'ask' then bot.say('heard:' .. b) return end\n"
    "    local x = bot.wait_for('message', 60, function(e)\n"
    "        bot.wait()\n"
    "        return e.content.body == 'go'\n"
    "    end)\n"
    "    bot.say(x and 'got:' .. x.content.body or 'late')\n"
    "end)\n";

static void say_and_run(const char *body)
{
    say("!a:hs.test", body);
    run(10);
}

static void recover(void)
{
    const char *const names[] = { "bot" };
    struct inbox_recovery recovery;
    assert_int_equal(inbox_recover(w.inbox, names, 1, &recovery, &err), 0);
    assert_int_equal(recovery.dead, 0);
}

/* What it took ends with the row that took it, and comes again with it. */
static void a_crash_repeats_the_talk(void **state)
{
    (void)state;
    add_script("bot", talk);
    load_all(1, 0);
    say_and_run("order");
    say_and_run("x");
    expect_said("q1:1 q2:x ");
    assert_int_equal(unfinished(), 2);
    crash();
    recover();
    add_script("bot", talk);
    load_all(1, 0);
    run(10);
    expect_said("q1:2 q2:x ");
    say_and_run("y");
    expect_said("got:xy ");
    say_and_run("z");
    expect_said("heard:z ");
    assert_int_equal(unfinished(), 0);
    assert_true(manager_idle(w.manager));
}

static void a_stop_gives_the_talk_back(void **state)
{
    (void)state;
    add_script("bot", talk);
    load_all(1, 0);
    say_and_run("order");
    say_and_run("x");
    expect_said("q1:1 q2:x ");
    stop(1000);
    run(1500);
    assert_int_equal(w.stopped, 1);
    assert_int_equal(queued("bot"), 2);
    crash();
    recover();
    add_script("bot", talk);
    load_all(1, 0);
    say_and_run("y");
    expect_said("q1:1 q2:x got:xy ");
    assert_int_equal(unfinished(), 0);
}

static void a_slow_look_takes_or_leaves(void **state)
{
    (void)state;
    resolves(100);
    add_script("bot", slow);
    load_all(1, 0);
    say_and_run("ask");
    say_and_run("no");
    expect_said("");
    run(100);
    expect_said("heard:no ");
    say_and_run("go");
    say_and_run("later");
    expect_said("");
    run(100);
    expect_said("got:go heard:later ");
    assert_int_equal(unfinished(), 0);
}

/* Two events in two rooms, and both are looked at: one is taken. */
static void one_event_for_one_wait(void **state)
{
    (void)state;
    resolves(100);
    add_script("bot", slow);
    load_all(1, 0);
    say_and_run("ask");
    say("!b:hs.test", "go");
    say_and_run("go");
    run(200);
    expect_said("heard:go got:go ");
    assert_int_equal(unfinished(), 0);
}

static void time_is_over_while_it_looks(void **state)
{
    (void)state;
    resolves(100);
    add_script("bot", slow);
    load_all(1, 0);
    say_and_run("ask");
    run(59950);
    say_and_run("go");
    run(200);
    expect_said("heard:go late ");
    assert_int_equal(unfinished(), 0);
}

static void a_look_that_fails_takes_nothing(void **state)
{
    (void)state;
    add_script("bot", "bot.on('message', function(ev)\n"
                      "    if ev.content.body ~= 'ask' then\n"
                      "        bot.say('heard') return end\n"
                      "    bot.wait_for('message', 60, function(e)\n"
                      "        error('no such luck') end)\n"
                      "    bot.say('over')\n"
                      "end)\n");
    load_all(1, 0);
    say_and_run("ask");
    say_and_run("x");
    expect_said("heard ");
    expect_log("no such luck");
    expect_log("waiting for message (bot.lua:5)");
    run(60000);
    expect_said("over ");
    assert_int_equal(unfinished(), 0);
}

/* Old code looks at an event while it is taken down: new code gets it. */
static void what_old_code_looks_at_is_not_lost(void **state)
{
    (void)state;
    resolves(30000);
    add_script("bot", slow);
    load_all(1, 0);
    say_and_run("ask");
    say_and_run("go");
    write_file("bot.lua", "bot.on('message', function(ev)\n"
                          "    bot.say('new:' .. ev.content.body) end)\n");
    reload(false);
    say_and_run("x");
    expect_said("");
    run(3000);
    expect_said("new:go new:x ");
    expect_log("cancelled after");
    assert_int_equal(unfinished(), 0);
}

/* The same when the program ends at once: it is there at the next start. */
static void closed_while_it_looks(void **state)
{
    (void)state;
    resolves(30000);
    add_script("bot", slow);
    load_all(1, 0);
    say_and_run("ask");
    say_and_run("go");
    close_manager();
    store_flush(w.host.store);
    open_manager();
    assert_int_equal(queued("bot"), 2);
}

/* Claimed, not wanted, and no place is free: it stands aside for whoever has
 * its room's turn when the program stops. It was not begun. */
static void what_stands_aside_is_given_back(void **state)
{
    static const char text[] =
        "bot.on('message', function(ev, info)\n"
        "    local b = ev.content.body\n"
        "    if b == 'long' then bot.park(60) return end\n"
        "    if b ~= 'ask' then bot.say(b .. info.attempt) return end\n"
        "    bot.wait_for('message', 1, function() return false end)\n"
        "    bot.wait()\n"
        "end)\n";
    struct manager_script script = { .handlers = 1 };
    (void)state;
    resolves(100);
    add_script_with("bot", text, script);
    load_all(1, 0);
    say_and_run("ask");
    say("!b:hs.test", "long");
    run(10);
    say_and_run("no");
    run(1000);
    stop(1000);
    run(1500);
    assert_int_equal(w.stopped, 1);
    assert_int_equal(queued("bot"), 2);
    crash();
    recover();
    add_script("bot", text);
    load_all(1, 0);
    run(10);
    expect_said("no1 ");
}

/* Many waits take no places; they have a limit of their own. */
static void so_many_and_no_more(void **state)
{
    (void)state;
    struct manager_script script = { .handlers = 2 };
    add_script_with("bot",
                    "local n = 0\n"
                    "bot.on('message', function(ev)\n"
                    "    if ev.content.body ~= 'ask' then return end\n"
                    "    local x, e = bot.wait_for('m.reaction', 600)\n"
                    "    n = n + 1\n"
                    "    if e then bot.say(n .. ':' .. e.kind) end\n"
                    "end)\n"
                    "bot.on('m.room.name', function() bot.say(n) end)\n",
                    script);
    load_all(1, 0);
    for (int i = 0; i < LIMIT_WAITERS + 1; i++) {
        say("!a:hs.test", "ask");
    }
    run(1000);
    expect_said("1:limit ");
    struct buf report;
    buf_init(&report, LIMIT_REPORT);
    report_to(&report, 0);
    assert_non_null(strstr(buf_str(&report), "\"awaiting_event\":1000,"));
    buf_free(&report);
    run(600000);
    assert_int_equal(unfinished(), 0);
}

static void not_before_it_is_live(void **state)
{
    (void)state;
    add_script("bot", "bot.on('load', function()\n"
                      "    bot.wait_for('message', 1) end)\n");
    load_all(0, 1);
    expect_log("before the script is live");
}

/* Sync is told of the type, and of the event. */
static void it_is_heard_without_a_handler(void **state)
{
    (void)state;
    add_script("bot", "bot.on('ready', function()\n"
                      "    local x = bot.wait_for('message', 60)\n"
                      "    bot.say('got:' .. x.content.body)\n"
                      "end)\n");
    load_all(1, 0);
    int changed = w.changed;
    manager_committed(w.manager, true);
    run(10);
    assert_int_equal(w.changed, changed + 1);
    say_and_run("x");
    expect_said("got:x ");
    struct new_event more = { "!a:hs.test", "$more", "y", false };
    assert_int_equal(put_events(&more, 1), 0);
    assert_int_equal(unfinished(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_crash_repeats_the_talk),
        TEST(a_stop_gives_the_talk_back),
        TEST(a_slow_look_takes_or_leaves),
        TEST(one_event_for_one_wait),
        TEST(time_is_over_while_it_looks),
        TEST(a_look_that_fails_takes_nothing),
        TEST(what_old_code_looks_at_is_not_lost),
        TEST(closed_while_it_looks),
        TEST(what_stands_aside_is_given_back),
        TEST(so_many_and_no_more),
        TEST(not_before_it_is_live),
        TEST(it_is_heard_without_a_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
