/* layer: script */
#include "manager_fixture.h"

/* Its library gives nothing back: what a generation holds, or waits for, goes
 * with it all the same. */
static const char source[] =
    "bot.after(1, function()\n"
    "    bot.call('script.lock', { id = 1, key = 'k' })\n"
    "    bot.say('in')\n"
    "    bot.park(1000)\n"
    "end)\n"
    "bot.after(2, function()\n"
    "    bot.call('script.lock', { id = 2, key = 'k' })\n"
    "    bot.say('never')\n"
    "end)\n";

static void a_generation_that_ends_holds_nothing(void **state)
{
    (void)state;
    add_script("echo", source);
    load_all(1, 0);
    run(3000);
    expect_said("in ");
    ask_reload("echo", MANAGER_FORCE);
    run(1900); /* the old one drains, and holds it */
    expect_said("");
    run(1000);
    expect_log("cancelled after");
    expect_said("in ");
}

static void it_may_end_at_once(void **state)
{
    (void)state;
    struct manager_script script = { .drain_ms = 60000 };
    assert_int_equal(add_script_with("echo", source, script), 0);
    load_all(1, 0);
    run(3000);
    expect_said("in ");
    ask_reload("echo", MANAGER_FORCE);
    run(3000);
    expect_said("");
    ask_reload("echo", MANAGER_FORCE); /* the third: the first is closed */
    run(10);
    expect_said("in ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_generation_that_ends_holds_nothing),
        TEST(it_may_end_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
