/* layer: script */
#include "manager_fixture.h"

#define ECHO "bot.on('message', function(ev) bot.say(ev.content.body) end)\n"

static void resolves(int64_t delay)
{
    fake_on(w.fake, "GET", "/directory/room/",
            (struct fake_reply) {
                .body = "{\"room_id\":\"!r:hs.test\",\"servers\":[]}",
                .delay_ms = delay,
                .times = -1 });
}

static void events_come_in_order_with_their_facts(void **state)
{
    (void)state;
    add_script("echo", "bot.on('message', function(ev, info, kind)\n"
                       "    bot.say(table.concat({ ev.content.body, kind,\n"
                       "        info.section, info.room_id, info.attempt,\n"
                       "        info.account, tostring(info.redelivered),\n"
                       "        tostring(info.own) }, ','))\n"
                       "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "one");
    say("!a:hs.test", "two");
    run(10);
    expect_said("one,event,timeline,!a:hs.test,1,main,false,false "
                "two,event,timeline,!a:hs.test,1,main,false,false ");
    assert_int_equal(unfinished(), 0);
    assert_true(manager_idle(w.manager));
}

static void a_room_takes_turns_rooms_run_side_by_side(void **state)
{
    (void)state;
    resolves(100);
    add_script("echo", "bot.on('message', function(ev)\n"
                       "    bot.say(ev.content.body .. '<')\n"
                       "    bot.wait()\n"
                       "    bot.say('>' .. ev.content.body)\n"
                       "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "a1");
    say("!a:hs.test", "a2");
    say("!b:hs.test", "b1");
    run(50);
    expect_said("a1< b1< ");
    run(100);
    expect_said(">a1 >b1 a2< ");
    run(100);
    expect_said(">a2 ");
    assert_int_equal(unfinished(), 0);
}

static void parking_gives_the_turn_to_the_next(void **state)
{
    (void)state;
    resolves(100);
    add_script("echo",
               "bot.on('message', function(ev)\n"
               "    local b = ev.content.body\n"
               "    bot.say(b .. '1')\n"
               "    if b == 'p' then bot.park(0.05) else bot.wait() end\n"
               "    bot.say(b .. '2')\n"
               "    bot.wait()\n"
               "    bot.say(b .. '3')\n"
               "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "p");
    say("!a:hs.test", "q");
    say("!a:hs.test", "r");
    run(10);
    expect_said("p1 q1 ");
    /* p is awake at 50, and stands before r when q is through. */
    run(100);
    expect_said("q2 ");
    run(100);
    expect_said("q3 p2 ");
    run(100);
    expect_said("p3 r1 ");
    run(300);
    expect_said("r2 r3 ");
    assert_int_equal(unfinished(), 0);
}

static void handlers_of_one_event_start_in_order(void **state)
{
    (void)state;
    resolves(100);
    add_script(
        "echo",
        "for i = 1, 3 do\n"
        "    bot.on(i == 2 and 'm.room.message' or 'message', function()\n"
        "        bot.say(i .. '<')\n"
        "        if i == 1 then bot.wait() else bot.park(0.01) end\n"
        "        bot.say('>' .. i)\n"
        "    end)\n"
        "end\n"
        "bot.command('never', function() bot.say('c') end)\n");
    load_all(1, 0);
    say("!a:hs.test", "x");
    say("!a:hs.test", "y");
    run(99);
    expect_said("1< ");
    run(3);
    expect_said(">1 2< 3< c 1< ");
    run(150);
    expect_said(">1 2< 3< c >2 >3 >2 >3 ");
    assert_int_equal(unfinished(), 0);
}

static void at_most_so_many_at_once(void **state)
{
    (void)state;
    struct manager_script script = { .handlers = 5, .queue = 3 };
    assert_int_equal(add_script_with("echo",
                                     "local n, most = 0, 0\n"
                                     "bot.on('message', function(ev)\n"
                                     "    n = n + 1 most = math.max(n, most)\n"
                                     "    bot.park(1)\n"
                                     "    n = n - 1\n"
                                     "    if ev.content.body == 'last' then\n"
                                     "        bot.say(tostring(most)) end\n"
                                     "end)\n",
                                     script),
                     0);
    load_all(1, 0);
    for (int i = 0; i < 40; i++) {
        char room[32];
        snprintf(room, sizeof room, "!r%d:hs.test", i % 20);
        say(room, i < 39 ? "x" : "last");
    }
    run(7900);
    expect_said("");
    run(200);
    expect_said("5 ");
    expect_log("limits.handlers");
    assert_int_equal(unfinished(), 0);
}

static void concurrency_of_the_script_lowers_it(void **state)
{
    (void)state;
    add_script("echo", "bot.set { concurrency = 1 }\n"
                       "bot.on('message', function(ev)\n"
                       "    bot.say(ev.content.body) bot.park(1)\n"
                       "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "a");
    say("!b:hs.test", "b");
    run(900);
    expect_said("a ");
    run(200);
    expect_said("b ");
}

/* Who waits for a free place does not keep the turn from who has one. */
static void a_full_house_is_no_dead_end(void **state)
{
    (void)state;
    add_script("echo", "bot.set { concurrency = 2 }\n"
                       "bot.on('message', function(ev)\n"
                       "    bot.say(ev.content.body .. '<')\n"
                       "    for i = 1, 3 do bot.park(0.1) end\n"
                       "    bot.say('>' .. ev.content.body)\n"
                       "end)\n");
    load_all(1, 0);
    for (int i = 1; i <= 7; i++) {
        char body[8];
        snprintf(body, sizeof body, "%d", i);
        say("!a:hs.test", body);
    }
    run(350);
    expect_said("1< 2< >1 3< >2 4< ");
    run(1000);
    expect_said(">3 5< >4 6< >5 7< >6 >7 ");
    assert_int_equal(unfinished(), 0);
}

static void a_failing_handler_costs_its_event(void **state)
{
    (void)state;
    add_script("echo", "bot.on('message', function(ev)\n"
                       "    if ev.content.body == 'bad' then\n"
                       "        local x = nil .. 'y'\n"
                       "    end\n"
                       "    bot.say(ev.content.body)\n"
                       "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "bad");
    say("!a:hs.test", "good");
    say("!a:hs.test", "bad");
    run(10);
    expect_said("good ");
    expect_log("echo.lua:3: attempt to concatenate a nil value");
    expect_log("→    3 │         local x = nil .. 'y'");
    expect_log("4 │     end\n      in handler for message (echo.lua:3)");
    assert_int_equal(count_of(w.log, "attempt to concatenate"), 2);
    assert_int_equal(count_of(w.log, "│"), 3); /* its source is shown once */
    assert_int_equal(unfinished(), 0);
}

static void an_event_nobody_wants_any_more_is_done(void **state)
{
    (void)state;
    add_script("echo", "local id\n"
                       "id = bot.on('message', function(ev)\n"
                       "    bot.say(ev.content.body) bot.off(id)\n"
                       "end)\n");
    load_all(1, 0);
    say("!a:hs.test", "one");
    say("!a:hs.test", "two");
    run(10);
    expect_said("one ");
    assert_int_equal(unfinished(), 0);
    struct new_event more = { "!a:hs.test", "$more", "x", false };
    assert_int_equal(put_events(&more, 1), 0);
}

static void rows_beyond_the_queue_wait_on_disk(void **state)
{
    (void)state;
    struct manager_script script = { .queue = 10 };
    assert_int_equal(add_script_with("echo", ECHO, script), 0);
    load_all(1, 0);
    struct new_event events[200];
    char ids[200][8], wanted[2000] = "";
    for (int i = 0; i < 200; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        events[i] = (struct new_event) { "!a:hs.test", ids[i], ids[i], false };
        size_t len = strlen(wanted);
        snprintf(wanted + len, sizeof wanted - len, "%s ", ids[i]);
    }
    assert_int_equal(put_events(events, 200), 200);
    manager_committed(w.manager, false);
    struct buf report;
    buf_init(&report, LIMIT_REPORT);
    report_to(&report, 0);
    assert_non_null(
        strstr(buf_str(&report), "\"in_memory\":10,\"more_on_disk\":true"));
    buf_free(&report);
    run(100);
    expect_said(wanted);
    assert_int_equal(unfinished(), 0);
}

static void nothing_is_read_while_a_response_is_stored(void **state)
{
    (void)state;
    add_script("echo", ECHO);
    load_all(1, 0);
    struct new_event event = { "!a:hs.test", "$1", "x", false };
    assert_int_equal(put_events(&event, 1), 1);
    assert_int_equal(store_ingest_begin(w.host.store, &err), 0);
    manager_committed(w.manager, false);
    run(10);
    expect_said("");
    assert_int_equal(store_ingest_end(w.host.store, true, &err), 0);
    manager_committed(w.manager, false);
    run(10);
    expect_said("x ");
}

/* What was started comes again, alone, and counts its attempts. */
static void a_crash_brings_events_again(void **state)
{
    (void)state;
    static const char script[] =
        "bot.on('message', function(ev, info)\n"
        "    bot.say(ev.content.body .. info.attempt ..\n"
        "        tostring(info.redelivered))\n"
        "    bot.wait()\n"
        "    bot.say('end')\n"
        "end)\n";
    const char *const names[] = { "echo" };
    struct inbox_recovery recovery;
    resolves(1000);
    for (int attempt = 1; attempt <= 3; attempt++) {
        char wanted[200];
        const char *again = attempt > 1 ? "true" : "false";
        add_script("echo", script);
        load_all(1, 0);
        if (attempt == 1) {
            say("!a:hs.test", "a");
            say("!b:hs.test", "b");
            say("!a:hs.test", "c");
            run(100);
            expect_said("a1false b1false ");
        } else {
            run(100);
            snprintf(wanted, sizeof wanted, "a%d%s ", attempt, again);
            expect_said(wanted); /* b waits, it may be the poison */
        }
        crash();
        assert_int_equal(inbox_recover(w.inbox, names, 1, &recovery, &err), 0);
        assert_int_equal(recovery.dead, attempt == 3);
    }
    add_script("echo", script);
    load_all(1, 0);
    run(100);
    expect_said("b2true "); /* alone */
    run(1000);
    expect_said("end c1true ");
    run(1000);
    expect_said("end ");
    assert_int_equal(unfinished(), 0);
}

static void a_stop_gives_back_what_is_not_done(void **state)
{
    (void)state;
    const char *const names[] = { "echo" };
    struct inbox_recovery recovery;
    static const char script[] =
        "bot.on('unload', function(ctx) bot.say('unload') end)\n"
        "bot.on('message', function(ev, info)\n"
        "    bot.say(ev.content.body .. info.attempt)\n"
        "    local ok, e = pcall(bot.park, ev.content.body == 'a' and 60 or "
        "0.5)\n"
        "    bot.say(ok and 'ok' or e.kind)\n"
        "end)\n"
        "bot.on('message', function(ev) bot.say('second') end)\n";
    struct manager_script one = { .handlers = 2 };
    assert_int_equal(add_script_with("echo", script, one), 0);
    load_all(1, 0);
    say("!a:hs.test", "a");
    say("!b:hs.test", "b");
    say("!c:hs.test", "c");
    run(100);
    expect_said("a1 b1 second second ");
    stop(1000);
    run(900);
    expect_said("ok ");
    assert_int_equal(w.stopped, 0);
    run(300);
    expect_said("cancelled unload ");
    assert_int_equal(w.stopped, 1);
    assert_int_equal(queued("echo"), 2);
    crash();
    assert_int_equal(inbox_recover(w.inbox, names, 1, &recovery, &err), 0);
    add_script("echo", script);
    load_all(1, 0);
    run(100);
    expect_said("a1 c1 second second ");
}

static void a_sick_disk_delays_and_doubles_nothing(void **state)
{
    (void)state;
    add_script("echo", ECHO);
    load_all(1, 0);
    say("!a:hs.test", "a");
    say("!b:hs.test", "b");
    say("!a:hs.test", "c");
    break_disk(true);
    run(20000);
    expect_said("");
    assert_int_equal(count_of(w.log, "cannot be claimed"), 1);
    break_disk(false);
    run(70000);
    expect_said("b a c ");
    assert_int_equal(unfinished(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_order_with_their_facts),
        TEST(a_room_takes_turns_rooms_run_side_by_side),
        TEST(parking_gives_the_turn_to_the_next),
        TEST(handlers_of_one_event_start_in_order),
        TEST(at_most_so_many_at_once),
        TEST(concurrency_of_the_script_lowers_it),
        TEST(a_full_house_is_no_dead_end),
        TEST(a_failing_handler_costs_its_event),
        TEST(an_event_nobody_wants_any_more_is_done),
        TEST(rows_beyond_the_queue_wait_on_disk),
        TEST(nothing_is_read_while_a_response_is_stored),
        TEST(a_crash_brings_events_again),
        TEST(a_stop_gives_back_what_is_not_done),
        TEST(a_sick_disk_delays_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
