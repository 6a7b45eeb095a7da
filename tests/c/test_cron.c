/* layer: base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cron.h"

static struct err err;

static void use_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

/* "2026-03-29 01:00", always UTC's. */
static int64_t read_time(const char *text)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
    assert_non_null(end);
    assert_string_equal(end, "");
    return timegm(&tm);
}

static const char *show(int64_t when)
{
    static char text[32];
    time_t t = (time_t)when;
    struct tm tm;
    if (when == INT64_MAX)
        return "never";
    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    return text;
}

/* The times that come after, one after the other, "" at the end. */
struct row {
    const char *spec, *after;
    const char *next[4];
};

static void check(const struct row *rows, size_t count, bool utc)
{
    for (size_t i = 0; i < count; i++) {
        struct cron cron;
        if (cron_parse(slice_str(rows[i].spec), &cron, &err) < 0)
            fail_msg("%s: %s", rows[i].spec, err.text);
        int64_t when = read_time(rows[i].after);
        for (int n = 0; n < 4 && rows[i].next[n]; n++) {
            when = cron_next(&cron, when, utc);
            if (strcmp(show(when), rows[i].next[n]) != 0)
                fail_msg("%s after %s, number %d: %s, not %s", rows[i].spec,
                         rows[i].after, n + 1, show(when), rows[i].next[n]);
        }
    }
}
#define CHECK(rows, utc) check(rows, sizeof(rows) / sizeof(*(rows)), utc)

static void fields_are_understood(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "* * * * *", "2026-01-01 00:00", { "2026-01-01 00:01" } },
        { "*/20 * * * *",
          "2026-01-01 23:30",
          { "2026-01-01 23:40", "2026-01-02 00:00", "2026-01-02 00:20" } },
        { "5-15/10,30 8 * * *",
          "2026-01-01 08:05",
          { "2026-01-01 08:15", "2026-01-01 08:30", "2026-01-02 08:05" } },
        { "0 9 * * mon-fri", /* the 2nd is a Friday */
          "2026-01-02 08:59",
          { "2026-01-02 09:00", "2026-01-05 09:00" } },
        { "0 9 * * SAT-SUN",
          "2026-01-02 08:59",
          { "2026-01-03 09:00", "2026-01-04 09:00", "2026-01-10 09:00" } },
        { "0 0 * * 7", "2026-01-02 00:00", { "2026-01-04 00:00" } },
        { "0 0 * * 0", "2026-01-02 00:00", { "2026-01-04 00:00" } },
        { "0 0 * * 5-7",
          "2026-01-02 00:00",
          { "2026-01-03 00:00", "2026-01-04 00:00", "2026-01-09 00:00" } },
        { "0 12 1 jan,Jul *",
          "2026-01-01 12:00",
          { "2026-07-01 12:00", "2027-01-01 12:00" } },
        { " 0\t0  31 * * ",
          "2026-01-31 00:00",
          { "2026-03-31 00:00", "2026-05-31 00:00" } },
        /* One of the two is enough: the 13th, and Fridays. */
        { "0 0 13 * fri",
          "2026-01-09 00:00",
          { "2026-01-13 00:00", "2026-01-16 00:00" } },
        /* But not where one of them begins with a star: odd Fridays. */
        { "0 0 */2 * fri",
          "2026-01-02 00:00",
          { "2026-01-09 00:00", "2026-01-23 00:00" } },
        { "0 0 29 2 *",
          "2026-01-01 00:00",
          { "2028-02-29 00:00", "2032-02-29 00:00" } },
        { "0 0 29 2 *", "2096-02-29 00:00", { "2104-02-29 00:00" } },
        { "0 0 29 2 */7",
          "2026-01-01 00:00",
          { "2032-02-29 00:00", "2060-02-29 00:00" } },
        { "0 0 30 2 mon", "2026-02-01 00:00", { "2026-02-02 00:00" } },
        { "59 23 31 12 *",
          "2037-12-31 23:59",
          { "2038-12-31 23:59", "2039-12-31 23:59" } },
        { "* * * * *",
          "1969-12-31 23:58",
          { "1969-12-31 23:59", "1970-01-01 00:00" } },
        { "@hourly", "2026-01-01 00:30", { "2026-01-01 01:00" } },
        { "@daily", "2026-01-01 00:30", { "2026-01-02 00:00" } },
        { "@midnight", "2026-01-01 00:30", { "2026-01-02 00:00" } },
        { "@weekly", "2026-01-01 00:30", { "2026-01-04 00:00" } },
        { "@monthly", "2026-01-01 00:30", { "2026-02-01 00:00" } },
        { "@Yearly", "2026-01-01 00:30", { "2027-01-01 00:00" } },
    };
    use_zone("Europe/Berlin"); /* which plays no role */
    CHECK(rows, true);
}

/* 2026: from 02:00 to 03:00 on 29 March, 01:00 UTC; from 03:00 back to 02:00
 * on 25 October, 01:00 UTC. */
static void summer_time_comes_and_goes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* 09:00 stays 09:00. */
        { "0 9 * * *",
          "2026-03-28 00:00",
          { "2026-03-28 08:00", "2026-03-29 07:00", "2026-03-30 07:00" } },
        { "0 9 * * *",
          "2026-10-24 00:00",
          { "2026-10-24 07:00", "2026-10-25 08:00" } },
        /* 02:30 does not exist: the first moment after. */
        { "30 2 * * *",
          "2026-03-28 00:00",
          { "2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30" } },
        /* Nor does any of these: once. */
        { "*/15 2 * * *",
          "2026-03-28 01:40",
          { "2026-03-28 01:45", "2026-03-29 01:00", "2026-03-30 00:00" } },
        { "0,30 2,3 * * *",
          "2026-03-29 00:30",
          { "2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:00" } },
        /* 02:30 comes twice: the first. */
        { "30 2 * * *",
          "2026-10-24 12:00",
          { "2026-10-25 00:30", "2026-10-26 01:30" } },
        { "0 2,3 * * *",
          "2026-10-24 12:00",
          { "2026-10-25 00:00", "2026-10-25 02:00", "2026-10-26 01:00" } },
        /* Asked in the second one: it is over. */
        { "30 2 * * *", "2026-10-25 01:10", { "2026-10-26 01:30" } },
        { "0 */2 * * *",
          "2026-10-24 22:30",
          { "2026-10-25 00:00", "2026-10-25 03:00", "2026-10-25 05:00" } },
        /* All hours: as they pass. */
        { "30 * * * *",
          "2026-03-29 00:00",
          { "2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 02:30" } },
        { "@hourly",
          "2026-10-24 23:30",
          { "2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00" } },
        { "*/30 0-23 * * sun",
          "2026-10-25 00:15",
          { "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30" } },
        /* Months and weeks are the zone's. */
        { "0 0 1 * *",
          "2026-03-15 00:00",
          { "2026-03-31 22:00", "2026-04-30 22:00" } },
        { "* * 1 1 *", "2026-06-01 00:00", { "2026-12-31 23:00" } },
    };
    use_zone("Europe/Berlin");
    CHECK(rows, false);
}

static void other_zones_have_other_habits(void **state)
{
    (void)state;
    /* At midnight: 2018-11-04 begins at 01:00 in Sao Paulo, 03:00 UTC. */
    static const struct row midnights[] = {
        { "0 0 * * *",
          "2018-11-03 12:00",
          { "2018-11-04 03:00", "2018-11-05 02:00" } },
        { "*/5 * 4 11 *", "2018-11-03 12:00", { "2018-11-04 03:00" } },
    };
    use_zone("America/Sao_Paulo");
    CHECK(midnights, false);
    /* By half an hour: 02:00 to 02:30 on 4 October 2026, 15:30 UTC. */
    static const struct row halves[] = {
        { "15,45 2 * * *",
          "2026-10-03 14:00",
          { "2026-10-03 15:30", "2026-10-03 15:45", "2026-10-04 15:15" } },
    };
    use_zone("Australia/Lord_Howe");
    CHECK(halves, false);
    /* A whole day: Samoa had no 30 December 2011. */
    static const struct row days[] = {
        { "0 10 30 12 *",
          "2011-12-29 00:00",
          { "2011-12-30 10:00", "2012-12-29 20:00" } },
    };
    use_zone("Pacific/Apia");
    CHECK(days, false);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *why;
    } rows[] = {
        { "", "'': 0 fields instead of five: minute hour day month weekday" },
        { "* * * *", "4 fields" },
        { "* * * * * *", "6 fields" },
        { "60 * * * *", "'60 * * * *': minute: 60 is not in 0-59" },
        { "* 24 * * *", "hour: 24 is not in 0-23" },
        { "* * 0 * *", "day: 0 is not in 1-31" },
        { "* * * 13 *", "month: 13 is not in 1-12" },
        { "* * * * 8", "weekday: 8 is not in 0-7" },
        { "* * * foo *", "month: a number, the first three letters" },
        { "x * * * *", "minute: a number or * is needed" },
        { "1, * * * *", "minute: a number or *" },
        { "-1 * * * *", "minute: a number or *" },
        { "99999999999 * * * *", "minute: 9999 is not in" },
        { "30-10 * * * *", "minute: a range runs backwards" },
        { "* * * * fri-mon", "weekday: a range runs backwards" },
        { "5/10 * * * *", "minute: a step needs a range" },
        { "*/0 * * * *", "minute: a step is a number above 0" },
        { "*/x * * * *", "minute: a step is" },
        { "1.5 * * * *", "minute: lists, ranges and steps" },
        { "* * * * monday", "weekday: lists, ranges and steps" },
        { "*5 * * * *", "minute: lists" },
        { "0 0 30 2 *", "'0 0 30 2 *': that date never comes" },
        { "0 0 31 2,4,6,9,11 *", "that date never comes" },
        { "@noon", "'@noon': there are @hourly" },
        { "@daily ", "there are @hourly" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cron cron;
        if (cron_parse(slice_str(rows[i].spec), &cron, &err) == 0)
            fail_msg("taken: %s", rows[i].spec);
        assert_int_equal(err.kind, ERR_MISUSE);
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: <%s> lacks <%s>", rows[i].spec, err.text,
                     rows[i].why);
    }
    char longest[400];
    struct cron cron;
    memset(longest, ' ', sizeof(longest));
    assert_int_equal(
        cron_parse(slice_make(longest, sizeof(longest)), &cron, &err), -1);
    assert_int_equal(cron_parse(slice_make("* * * *\0*", 9), &cron, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_understood),
        cmocka_unit_test(summer_time_comes_and_goes),
        cmocka_unit_test(other_zones_have_other_habits),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
