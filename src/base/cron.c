#include "cron.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "limits.h"

#define DAY 86400
#define ALL_HOURS 0xffffffU

/* ---- reading ---- */

static const char *const months[] = { "jan", "feb", "mar", "apr", "may",
                                      "jun", "jul", "aug", "sep", "oct",
                                      "nov", "dec", NULL };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed",
                                        "thu", "fri", "sat", NULL };

/* A weekday may be 7, for Sunday. */
static const struct field {
    const char *name;
    int least, most;
    const char *const *words; /* for least, least + 1, ... */
} fields[] = {
    { "minute", 0, 59, NULL },     { "hour", 0, 23, NULL },
    { "day", 1, 31, NULL },        { "month", 1, 12, months },
    { "weekday", 0, 7, weekdays },
};
#define FIELDS 5

static const struct {
    const char *name, *spec;
} nicknames[] = {
    { "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },
    { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
    { "@monthly", "0 0 1 * *" },  { "@yearly", "0 0 1 1 *" },
    { "@annually", "0 0 1 1 *" },
};

struct reader {
    const char *at;
    const struct field *field;
    struct err *err;
};

static int fail(const struct reader *r, const char *why)
{
    return err_set(r->err, ERR_MISUSE, "%s: %s", r->field->name, why);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends(const struct reader *r)
{
    return *r->at == '\0' || is_space(*r->at);
}

static int read_number(struct reader *r, int *value)
{
    int digits = 0;
    *value = 0;
    while (*r->at >= '0' && *r->at <= '9' && digits < 4) {
        *value = *value * 10 + (*r->at++ - '0');
        digits++;
    }
    return digits > 0 ? 0 : -1;
}

static int read_word(struct reader *r, int *value)
{
    for (int i = 0; r->field->words && r->field->words[i]; i++) {
        if (strncasecmp(r->at, r->field->words[i], 3) == 0) {
            r->at += 3;
            *value = r->field->least + i;
            return 0;
        }
    }
    return fail(r, r->field->words
                       ? "a number, the first three letters of a name, or *"
                       : "a number or * is needed");
}

static int read_value(struct reader *r, int *value)
{
    if (read_number(r, value) < 0 && read_word(r, value) < 0)
        return -1;
    if (*value < r->field->least || *value > r->field->most)
        return err_set(r->err, ERR_MISUSE, "%s: %d is not in %d-%d",
                       r->field->name, *value, r->field->least, r->field->most);
    return 0;
}

static int read_range(struct reader *r, int *first, int *last, bool *single)
{
    *single = false;
    if (*r->at == '*') {
        r->at++;
        *first = r->field->least;
        *last = r->field->words == weekdays ? 6 : r->field->most;
        return 0;
    }
    if (read_value(r, first) < 0)
        return -1;
    *last = *first;
    if (*r->at != '-') {
        *single = true;
        return 0;
    }
    r->at++;
    if (read_value(r, last) < 0)
        return -1;
    if (*last == 0 && *first > 0 && r->field->words == weekdays)
        *last = 7; /* sat-sun */
    return *last < *first ? fail(r, "a range runs backwards") : 0;
}

static int read_item(struct reader *r, uint64_t *bits)
{
    int first, last, step = 1;
    bool single;
    if (read_range(r, &first, &last, &single) < 0)
        return -1;
    if (*r->at == '/') {
        r->at++;
        if (single)
            return fail(r, "a step needs a range or *, as in 5-59/10");
        if (read_number(r, &step) < 0 || step < 1)
            return fail(r, "a step is a number above 0");
    }
    for (int i = first; i <= last; i += step)
        *bits |= (uint64_t)1 << i;
    return 0;
}

static int read_field(struct reader *r, uint64_t *bits)
{
    *bits = 0;
    for (;;) {
        if (read_item(r, bits) < 0)
            return -1;
        if (*r->at != ',')
            break;
        r->at++;
    }
    if (!ends(r))
        return fail(r, "lists, ranges and steps are 1,15 or 1-5 or */10");
    return 0;
}

static const char *skip_space(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

static int count_fields(const char *at)
{
    int count = 0;
    for (at = skip_space(at); *at; at = skip_space(at)) {
        count++;
        while (*at && !is_space(*at))
            at++;
    }
    return count;
}

/* Does some month that is meant have some day that is? */
static bool comes(const struct cron *cron)
{
    static const int lengths[] = { 31, 29, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31 };
    for (int month = 1; month <= 12; month++) {
        uint64_t within = ((uint64_t)1 << (lengths[month - 1] + 1)) - 1;
        if ((cron->months >> month & 1) && (cron->days & within))
            return true;
    }
    return cron->either;
}

static int read_fields(const char *text, struct cron *cron, struct err *err)
{
    struct reader r = { .at = text, .err = err };
    uint64_t bits[FIELDS];
    bool star[FIELDS];
    int count = count_fields(text);
    if (count != FIELDS)
        return err_set(err, ERR_MISUSE,
                       "%d field%s instead of five: minute hour day month "
                       "weekday",
                       count, count == 1 ? "" : "s");
    for (int i = 0; i < FIELDS; i++) {
        r.field = &fields[i];
        r.at = skip_space(r.at);
        star[i] = *r.at == '*';
        if (read_field(&r, &bits[i]) < 0)
            return -1;
    }
    *cron = (struct cron) {
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint32_t)bits[3],
        .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
        .either = !star[2] && !star[4],
    };
    return comes(cron) ? 0 : err_set(err, ERR_MISUSE, "that date never comes");
}

static int read_nickname(const char *text, struct cron *cron, struct err *err)
{
    for (size_t i = 0; i < sizeof(nicknames) / sizeof(*nicknames); i++)
        if (strcasecmp(text, nicknames[i].name) == 0)
            return read_fields(nicknames[i].spec, cron, err);
    return err_set(err, ERR_MISUSE,
                   "there are @hourly, @daily, @weekly, @monthly and @yearly");
}

int cron_parse(struct slice text, struct cron *cron, struct err *err)
{
    char copy[LIMIT_CRON_SPEC + 1];
    int status;
    if (text.len > LIMIT_CRON_SPEC || memchr(text.ptr, '\0', text.len))
        return err_set(err, ERR_MISUSE, "no crontab line: longer than %d bytes",
                       LIMIT_CRON_SPEC);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    status = *copy == '@' ? read_nickname(copy, cron, err)
                          : read_fields(copy, cron, err);
    return status < 0 ? err_prefix(err, "'%s'", copy) : 0;
}

/* ---- the clock ---- */

/* A "naive" time is a local one, counted as if it were UTC's. */

static int64_t offset_at(int64_t when, bool utc)
{
    time_t t = (time_t)when;
    struct tm tm;
    return utc || !localtime_r(&t, &tm) ? 0 : tm.tm_gmtoff;
}

/* The first moment in (from, to] with the offset of `to`. */
static int64_t find_change(int64_t from, int64_t to, bool utc)
{
    int64_t offset = offset_at(to, utc);
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (offset_at(middle, utc) == offset)
            to = middle;
        else
            from = middle;
    }
    return to;
}

static int64_t moment_of(int64_t naive, bool utc)
{
    int64_t before = offset_at(naive - DAY, utc);
    int64_t after = offset_at(naive + DAY, utc);
    int64_t early = naive - (before > after ? before : after);
    int64_t late = naive - (before > after ? after : before);
    if (early + offset_at(early, utc) == naive)
        return early; /* also the first of two */
    if (late + offset_at(late, utc) == naive)
        return late;
    return find_change(early, late, utc);
}

static bool is_day(const struct cron *cron, int64_t naive)
{
    time_t t = (time_t)naive;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !(cron->months >> (tm.tm_mon + 1) & 1))
        return false;
    bool day = cron->days >> tm.tm_mday & 1;
    bool weekday = cron->weekdays >> tm.tm_wday & 1;
    return cron->either ? day || weekday : day && weekday;
}

static int64_t midnight(int64_t naive)
{
    int64_t rest = naive % DAY;
    return naive - (rest < 0 ? rest + DAY : rest);
}

/* All hours are meant: minute for minute, as they pass. */
static int64_t next_minute(const struct cron *cron, int64_t after, bool utc)
{
    int64_t when = after - ((after % 60) + 60) % 60 + 60;
    int64_t end = after + (int64_t)LIMIT_CRON_DAYS * DAY;
    while (when < end) {
        int64_t naive = when + offset_at(when, utc);
        if (!is_day(cron, naive)) {
            int64_t next = moment_of(midnight(naive) + DAY, utc);
            when = next > when ? next : when + 60;
        } else if (cron->minutes >> (naive - midnight(naive)) / 60 % 60 & 1) {
            return when;
        } else {
            when += 60;
        }
    }
    return INT64_MAX;
}

/* The first of that day after `after`; INT64_MAX: none. */
static int64_t next_of_day(const struct cron *cron, int64_t day, int64_t after,
                           bool utc)
{
    for (int minute = 0; minute < DAY / 60; minute++) {
        if (!(cron->hours >> minute / 60 & 1) ||
            !(cron->minutes >> minute % 60 & 1))
            continue;
        int64_t when = moment_of(day + (int64_t)minute * 60, utc);
        if (when > after)
            return when;
    }
    return INT64_MAX;
}

int64_t cron_next(const struct cron *cron, int64_t after, bool utc)
{
    if (!utc)
        tzset(); /* the machine's zone may have been changed */
    if (cron->hours == ALL_HOURS)
        return next_minute(cron, after, utc);
    int64_t day = midnight(after + offset_at(after, utc));
    for (int i = 0; i < LIMIT_CRON_DAYS; i++, day += DAY) {
        if (!is_day(cron, day))
            continue;
        int64_t when = next_of_day(cron, day, after, utc);
        if (when != INT64_MAX)
            return when;
    }
    return INT64_MAX;
}
