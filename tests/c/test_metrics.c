/* layer: app */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "limits.h"
#include "metrics.h"

/* Reports as Prometheus reads them. */

static const struct metrics_process process = { "1.0", 4096, 12345 };
static struct buf out;

static const char *shown(const char *report,
                         const struct metrics_process *about)
{
    struct err err;

    assert_int_equal(json_check(slice_str(report), &err), 0);
    buf_free(&out);
    buf_init(&out, LIMIT_METRICS);
    assert_int_equal(metrics_text(slice_str(report), about, &out, &err), 0);
    return buf_str(&out);
}

/* The samples of one name, without its HELP and TYPE. */
static const char *samples(const char *text, const char *name)
{
    static char found[2000];
    size_t len = strlen(name);

    *found = '\0';
    for (; *text; text += strcspn(text, "\n") + 1) {
        int line = (int)strcspn(text, "\n") + 1;
        if (strncmp(text, name, len) == 0 && strchr("{ ", text[len]))
            snprintf(found + strlen(found), sizeof found - strlen(found),
                     "%.*s", line, text);
    }
    return found;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

#define ACCOUNT                                                                \
    "\"running\":true,\"now\":1000000,\"version\":\"1.0\",\"pid\":7,"          \
    "\"started\":400007,\"user_id\":\"@user:x\",\"device_id\":\"DEVICE\","     \
    "\"homeserver\":\"https://server\","
#define TWO_ACCOUNTS                                                           \
    "{\"accounts\":[{\"account\":\"main\"," ACCOUNT "\"login\":\"live\","      \
    "\"sync\":{\"state\":\"ok\",\"last\":987655},"                             \
    "\"sends\":{\"waiting\":2,\"brake_ms\":3000},"                             \
    "\"queues\":[{\"script\":\"gone\",\"waiting\":0,\"set_aside\":3},"         \
    "{\"script\":\"a\\\"\\\\\\n\\tb\",\"waiting\":4,\"set_aside\":1}],"        \
    "\"events\":{\"waiting\":4,\"set_aside\":4},"                              \
    "\"set_aside\":[{\"script\":\"echo\",\"at\":1000,\"room_id\":\"!room\","   \
    "\"event_id\":\"$event\",\"type\":\"m.x\",\"error\":\"private\"}],"        \
    "\"scripts\":[{\"script\":\"a\\\"\\\\\\n\\tb\",\"state\":\"ok\","          \
    "\"generation\":3,\"timers\":1,\"tasks\":2,\"oldest_task_ms\":1050,"       \
    "\"done\":5,\"failed\":1,\"memory\":1572864,\"memory_limit\":67108864,"    \
    "\"jobs\":{\"waiting\":6,\"running\":7,\"set_aside\":8},"                  \
    "\"errors\":[{\"at\":990000,\"error\":\"private\"}]},"                     \
    "{\"script\":\"bad\",\"state\":\"failed\",\"jobs\":null,"                  \
    "\"refused\":{\"at\":999000,\"error\":\"private\"}}]},"                    \
    "{\"account\":\"ops\"," ACCOUNT "\"login\":\"dead\","                      \
    "\"sync\":{\"state\":\"starting\",\"last\":1000001},"                      \
    "\"sends\":{\"waiting\":0},\"queues\":[],\"scripts\":[]},"                 \
    "{\"account\":\"idle\",\"running\":false,\"now\":5,\"login\":\"stored\","  \
    "\"queues\":[{\"script\":\"x\",\"waiting\":1,\"set_aside\":1}],"           \
    "\"sends\":{\"waiting\":9}}]}"
#define ODD "account=\"main\",script=\"a\\\"\\\\\\n\tb\""

static void each_name_has_its_samples(void **state)
{
    static const char *const rows[][2] = {
        { "lunatrix_info", "{version=\"1.0\"} 1\n" },
        { "process_resident_memory_bytes", " 4096\n" },
        { "process_cpu_seconds_total", " 12.345\n" },
        { "lunatrix_start_time_seconds", "{account=\"main\"} 400.007\n"
                                         "{account=\"ops\"} 400.007\n" },
        { "lunatrix_login_up", "{account=\"main\"} 1\n{account=\"ops\"} 0\n" },
        { "lunatrix_sync_up", "{account=\"main\"} 1\n{account=\"ops\"} 0\n" },
        /* a clock that went back is no negative age */
        { "lunatrix_sync_age_seconds",
          "{account=\"main\"} 12.345\n{account=\"ops\"} 0.000\n" },
        { "lunatrix_sends_waiting",
          "{account=\"main\"} 2\n{account=\"ops\"} 0\n" },
        { "lunatrix_events_waiting",
          "{" ODD "} 4\n{account=\"main\",script=\"bad\"} 0\n"
          "{account=\"main\",script=\"gone\"} 0\n" },
        { "lunatrix_events_set_aside",
          "{" ODD "} 1\n{account=\"main\",script=\"bad\"} 0\n"
          "{account=\"main\",script=\"gone\"} 3\n" },
        { "lunatrix_script_up",
          "{" ODD "} 1\n{account=\"main\",script=\"bad\"} 0\n" },
        { "lunatrix_script_refused",
          "{" ODD "} 0\n{account=\"main\",script=\"bad\"} 1\n" },
        { "lunatrix_script_generation", "{" ODD "} 3\n" },
        { "lunatrix_script_tasks", "{" ODD "} 2\n" },
        { "lunatrix_script_oldest_task_seconds", "{" ODD "} 1.050\n" },
        { "lunatrix_script_timers", "{" ODD "} 1\n" },
        { "lunatrix_script_jobs", "{" ODD ",state=\"waiting\"} 6\n"
                                  "{" ODD ",state=\"running\"} 7\n"
                                  "{" ODD ",state=\"set_aside\"} 8\n" },
        { "lunatrix_script_memory_bytes", "{" ODD "} 1572864\n" },
        { "lunatrix_script_memory_limit_bytes", "{" ODD "} 67108864\n" },
        { "lunatrix_script_handled_total", "{" ODD "} 5\n" },
        { "lunatrix_script_failed_total", "{" ODD "} 1\n" },
    };
    const char *text = shown(TWO_ACCOUNTS, &process);
    size_t names = sizeof rows / sizeof *rows, lines = 0;

    (void)state;
    for (size_t i = 0; i < names; i++) {
        char expected[500] = "", head[100];
        for (const char *row = rows[i][1]; *row;
             row += strcspn(row, "\n") + 1, lines++)
            snprintf(expected + strlen(expected),
                     sizeof expected - strlen(expected), "%s%.*s", rows[i][0],
                     (int)strcspn(row, "\n") + 1, row);
        assert_string_equal(samples(text, rows[i][0]), expected);
        assert_non_null(strstr(text, expected)); /* all in one place */
        snprintf(head, sizeof head, "\n# TYPE %s %s\n%s", rows[i][0],
                 strstr(rows[i][0], "_total") ? "counter" : "gauge",
                 rows[i][0]);
        assert_int_equal(count(text, head), 1);
    }
    assert_int_equal(count(text, "# HELP "), names);
    assert_int_equal(count(text, "# TYPE "), names);
    assert_int_equal(count(text, "\n"), 2 * names + lines);
}

static void nothing_private_is_in_it(void **state)
{
    static const char *const words[] = { "@user",   "DEVICE",  "!room",
                                         "$event",  "private", "m.x",
                                         "https:/", "idle" };
    const char *text = shown(TWO_ACCOUNTS, &process);

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_null(strstr(text, words[i]));
}

static void what_is_not_known_is_left_out(void **state)
{
    const struct metrics_process unknown = { "1.0", -1, 0 };
    const char *text = shown("{\"accounts\":[]}", &unknown);

    (void)state;
    assert_null(strstr(text, "resident"));
    assert_string_equal(samples(text, "process_cpu_seconds_total"),
                        "process_cpu_seconds_total 0.000\n");
    assert_null(strstr(text, "account="));
}

static void a_part_is_not_taken_for_all(void **state)
{
    struct buf small;
    struct err err;

    (void)state;
    buf_init(&small, 1000);
    assert_int_equal(
        metrics_text(slice_str(TWO_ACCOUNTS), &process, &small, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_true(small.len <= 1000);
    buf_free(&small);
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_samples),
        cmocka_unit_test(nothing_private_is_in_it),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(a_part_is_not_taken_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
