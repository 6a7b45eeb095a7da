/* layer: app */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "limits.h"
#include "report.h"

/* Reports as people read them. */

static struct buf out;

static const char *shown(const char *report)
{
    struct err err;

    assert_int_equal(json_check(slice_str(report), &err), 0);
    buf_free(&out);
    buf_init(&out, LIMIT_REPORT);
    report_text(slice_str(report), &out);
    return buf_str(&out);
}

#define HEAD                                                                   \
    "\"account\":\"main\",\"running\":true,\"now\":1000000,"                   \
    "\"version\":\"1.0\",\"pid\":7,\"started\":400000,\"user_id\":\"@b:x\","   \
    "\"device_id\":\"D\",\"homeserver\":\"https://x\",\"login\":\"live\","
#define SCRIPT                                                                 \
    "\"script\":\"echo\",\"state\":\"ok\",\"loaded\":880000,\"generation\":3," \
    "\"handlers\":1,\"commands\":2,\"timers\":1,\"tasks\":2,"                  \
    "\"oldest_task_ms\":1500,\"done\":5,\"failed\":1,\"memory\":1572864,"      \
    "\"memory_limit\":67108864"

static void a_running_bot(void **state)
{
    (void)state;
    assert_string_equal(
        shown("{" HEAD "\"sync\":{\"state\":\"ok\",\"last\":970000},"
              "\"sends\":{\"waiting\":2,\"brake_ms\":3000},"
              "\"queues\":[{\"script\":\"echo\",\"waiting\":4,"
              "\"set_aside\":1}],\"events\":{\"waiting\":4,\"set_aside\":1},"
              "\"set_aside\":[{\"script\":\"echo\",\"at\":1000,"
              "\"room_id\":\"!r\",\"event_id\":\"$e\",\"type\":\"m.x\","
              "\"error\":\"gone\\nbad\"}],"
              "\"scripts\":[{" SCRIPT "},{\"script\":\"a-long-name\","
              "\"state\":\"failed\",\"reloading\":true,"
              "\"refused\":{\"at\":999000,\"generation\":1,"
              "\"error\":\"a.lua:2: bad\"},\"errors\":[{\"at\":990000,"
              "\"generation\":1,\"place\":\"a.lua:9\",\"error\":"
              "\"bo\\u001b\\u009b[om\","
              "\"handler\":\"handler for !x (a.lua:8)\"}]}]}"),
        "account main: @b:x, device D, https://x\n"
        "  process    7, lunatrix 1.0, since 10 min\n"
        "  login      live\n"
        "  sync       ok, last good 30 s ago\n"
        "  sends      2 waiting, the server asked for a pause of 3.0 s\n"
        "  events     4 waiting, 1 set aside\n"
        "\n"
        "  SCRIPT       STATE      GEN     LOADED  HANDLERS      TASKS  TIMERS"
        "  QUEUE         MEMORY  DONE  FAILED\n"
        "  echo         ok           3  2 min ago         3  2 (1.5 s)       1"
        "      4  1.5 of 64 MiB     5       1\n"
        "  a-long-name  failed...    -          -         -          -       -"
        "      0              -     -       -\n"
        "\n"
        "a-long-name: generation 1 was refused 1.0 s ago: a.lua:2: bad\n"
        "\n"
        "a-long-name: the last errors\n"
        "  10 s ago: a.lua:9: bo  [om, in handler for !x (a.lua:8), "
        "generation 1\n"
        "\n"
        "set aside, the newest\n"
        "  16 min ago: echo: m.x $e in !r: gone bad\n");
}

static void every_task(void **state)
{
    (void)state;
    const char *text = shown(
        "{" HEAD "\"scripts\":[{" SCRIPT ",\"running\":[{\"handler\":\"h\","
        "\"age_ms\":1500,\"traceback\":\"a:1: in f\\na:2: in g\"}],"
        "\"timer_list\":[{\"kind\":\"every\",\"where\":\"a.lua:1\","
        "\"ms\":90000,\"next_ms\":1250,\"running\":true}],"
        "\"draining\":{\"generation\":2,\"tasks\":1,\"timers\":0,"
        "\"running\":[{\"handler\":\"old\",\"age_ms\":0,"
        "\"traceback\":\"\"}],\"timer_list\":[]}}]}");
    const char *rows = strstr(text, "\n\n") + 2;
    rows = strstr(rows, "\n\n") + 2;
    assert_string_equal(rows,
                        "echo: generation 3, 2 running\n"
                        "  h, 1.5 s old\n"
                        "    a:1: in f\n"
                        "    a:2: in g\n"
                        "  every 90 s (a.lua:1): next in 1.250 s, running\n"
                        "\n"
                        "echo: generation 2 drains, 1 running\n"
                        "  old, 0.0 s old\n");
}

static void nobody_runs_it(void **state)
{
    (void)state;
    assert_string_equal(
        shown("{\"account\":\"ops\",\"running\":false,\"now\":1,"
              "\"login\":\"unreadable\",\"login_error\":\"chmod 600 it\","
              "\"sends\":{\"waiting\":1},\"queues\":[{\"script\":\"a\","
              "\"waiting\":2,\"set_aside\":0}],"
              "\"events\":{\"waiting\":2,\"set_aside\":0},\"set_aside\":[]}"),
        "account ops\n"
        "  process    none runs it\n"
        "  login      unreadable: chmod 600 it\n"
        "  sends      1 waiting\n"
        "  events     2 waiting, 0 set aside\n"
        "    a: 2 waiting, 0 set aside\n");
}

static void what_needs_a_hand(void **state)
{
    static const struct {
        enum report_health health;
        const char *report;
    } table[] = {
        { REPORT_FINE, "{" HEAD "\"sync\":{\"state\":\"ok\"}}" },
        { REPORT_FINE,
          "{" HEAD "\"sync\":{\"state\":\"starting\"},"
          "\"scripts\":[{\"state\":\"ok\"},{\"state\":\"loading\"}]}" },
        { REPORT_BAD, "{" HEAD "\"sync\":{\"state\":\"failing\"}}" },
        { REPORT_BAD, "{" HEAD "\"sync\":{\"state\":\"ended\"}}" },
        { REPORT_SCRIPT, "{" HEAD "\"scripts\":[{\"state\":\"ok\"},"
                         "{\"state\":\"refused\"}]}" },
        { REPORT_SCRIPT, "{" HEAD "\"scripts\":[{\"state\":\"stopped\"}]}" },
        { REPORT_BAD, "{" HEAD "\"sync\":{\"state\":\"failing\"},"
                      "\"scripts\":[{\"state\":\"refused\"}]}" },
        { REPORT_BAD, "{\"running\":true,\"login\":\"locked\"}" },
        { REPORT_BAD, "{\"running\":false,\"login\":\"stored\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (report_health(slice_str(table[i].report)) != table[i].health)
            fail_msg("%s", table[i].report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_bot),
        cmocka_unit_test(every_task),
        cmocka_unit_test(nobody_runs_it),
        cmocka_unit_test(what_needs_a_hand),
    };
    int failed;

    buf_init(&out, LIMIT_REPORT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&out);
    return failed;
}
