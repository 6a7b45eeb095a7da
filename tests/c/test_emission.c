/* layer: script */
#include "manager_fixture.h"

#include "emission.h"

/* Tells the word after "tell". */
static const char teller[] =
    "bot.on('message', function(ev)\n"
    "    local word = ev.content.body:match('tell (.*)')\n"
    "    if word then bot.say('to:' .. bot.call('script.emit',\n"
    "        { name = 'word', data = word })) end\n"
    "end)\n";

#define HEARS(tag)                                                             \
    "bot.on('script:teller:word', function(ev)\n"                              \
    "    bot.say('" tag "' .. ev.data)\n"                                      \
    "    if ev.data == 'slow' then bot.park(30) bot.say('awake') end\n"        \
    "end)\n"

static void tell(const char *word)
{
    char body[64];
    snprintf(body, sizeof body, "tell %s", word);
    say("!a:hs.test", body);
    run(10);
}

static void open_two(const char *hearer)
{
    struct manager_script script = { .drain_ms = 60000 };
    add_script("teller", teller);
    assert_int_equal(add_script_with("hearer", hearer, script), 0);
    load_all(2, 0);
}

/* While a reload holds the receiver they wait, and go to who is in charge. */
static void a_reload_keeps_what_waits(void **state)
{
    (void)state;
    open_two(HEARS("old:"));
    tell("a");
    expect_said("to:1 old:a ");
    write_file("hearer.lua",
               "bot.on('load', function() bot.park(5) end)\n" HEARS("new:"));
    ask_reload("hearer", 0);
    run(10);
    tell("b");
    tell("c");
    expect_said("to:1 to:1 ");
    run(5000);
    expect_said("new:b new:c ");
    write_file("hearer.lua",
               "bot.on('load', function() bot.park(5) error('no') end)\n");
    ask_reload("hearer", 0);
    run(10);
    tell("d");
    expect_said("to:1 ");
    run(5000);
    expect_said("new:d ");
    assert_int_equal(w.refused, 1);
    assert_true(manager_idle(w.manager));
}

/* What old code began it finishes; who does not listen any more is not told. */
static void what_began_stays_where_it_is(void **state)
{
    (void)state;
    open_two(HEARS("old:"));
    tell("slow");
    write_file("hearer.lua", "bot.on('message', function() end)\n");
    reload(false);
    tell("x");
    expect_said("to:1 old:slow to:0 ");
    run(30000);
    expect_said("awake ");
    assert_int_equal(unfinished(), 0);
}

/* The handler of an emission runs in no event: nothing is queued for it, and
 * what is in the inbox is not touched. */
static void a_stop_drops_what_waits(void **state)
{
    (void)state;
    struct manager_script script = { .drain_ms = 2000, .handlers = 1 };
    add_script("teller", teller);
    assert_int_equal(add_script_with("hearer", HEARS("heard:"), script), 0);
    load_all(2, 0);
    tell("slow");
    tell("b");
    expect_said("to:1 heard:slow to:1 ");
    assert_false(manager_idle(w.manager));
    stop(100);
    run(3000);
    assert_int_equal(w.stopped, 1);
    expect_said("");
    assert_int_equal(unfinished(), 0);
    crash();
    open_two(HEARS("heard:"));
    run(100);
    expect_said("");
}

/* It takes a place like an event, and holds up none that has one. */
static void it_takes_a_place(void **state)
{
    (void)state;
    struct manager_script script = { .drain_ms = 2000, .handlers = 1 };
    add_script("teller", teller);
    assert_int_equal(
        add_script_with("hearer",
                        HEARS("heard:") "bot.on('message', function(ev)\n"
                                        "    bot.say('saw') end)\n",
                        script),
        0);
    load_all(2, 0);
    tell("slow");
    expect_said("to:1 saw heard:slow ");
    tell("b");
    expect_said("to:1 ");
    expect_log("handlers run at once");
    run(30000);
    expect_said("awake saw heard:b ");
}

/* The answer of a talk that is an emission ends with it. */
static void it_answers_who_waits(void **state)
{
    (void)state;
    open_two("bot.on('m.room.message', function(ev)\n"
             "    if ev.content.body ~= 'ask' then return end\n"
             "    local e = bot.wait_for('script:teller:word', 60)\n"
             "    bot.say('got:' .. e.data)\n"
             "    e = bot.wait_for('script:teller:word', 60)\n"
             "    bot.say('got:' .. e.data)\n"
             "end)\n");
    tell("early");
    say("!a:hs.test", "ask");
    run(10);
    tell("a");
    tell("b");
    tell("late");
    expect_said("to:0 to:1 got:a to:1 got:b to:0 ");
    assert_int_equal(unfinished(), 0);
    assert_true(manager_idle(w.manager));
}

/* All or nobody. */
static void one_that_is_full_refuses_for_all(void **state)
{
    (void)state;
    add_script("teller", "bot.on('message', function(ev)\n"
                         "    for i = 1, tonumber(ev.content.body) do\n"
                         "        local n, e = bot.call('script.emit',\n"
                         "            { name = 'word', data = ev.data })\n"
                         "        if not n then bot.say(i .. e.kind) end\n"
                         "    end\n"
                         "end)\n");
    add_script("a", "n = 0 bot.on('script:teller:word', function()\n"
                    "    n = n + 1 if n == 1001 then bot.say('a') end end)\n");
    add_script("b", "bot.on('script:teller:word', function() end)\n");
    load_all(3, 0);
    char body[16];
    snprintf(body, sizeof body, "%d", LIMIT_EMISSIONS + 1);
    say("!a:hs.test", body);
    run(1000);
    expect_said("1001limit ");
    say("!a:hs.test", "1");
    run(1000);
    expect_said("a ");
    assert_true(manager_idle(w.manager));
}

static void types(void **state)
{
    static const struct {
        const char *type;
        bool is, fits;
    } rows[] = {
        { "script:a:b", true, true },    { "script:a.b-c:d/e", true, true },
        { "script:", true, false },      { "script:a", true, false },
        { "script:a:", true, false },    { "script::b", true, false },
        { "script:a:b:c", true, false }, { "script:a:b c", true, false },
        { "scripts:a:b", false, false }, { "m.room.message", false, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(emission_is(S(rows[i].type)), rows[i].is);
        if (rows[i].is)
            assert_int_equal(emission_check(S(rows[i].type), &err),
                             rows[i].fits ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reload_keeps_what_waits), TEST(what_began_stays_where_it_is),
        TEST(a_stop_drops_what_waits),   TEST(it_takes_a_place),
        TEST(it_answers_who_waits),      TEST(one_that_is_full_refuses_for_all),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
