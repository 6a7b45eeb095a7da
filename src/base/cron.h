#ifndef CRON_H
#define CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "slice.h"

/* A crontab's five fields, and when they come next. Days of the month and of
 * the week follow cron(8): when neither begins with "*", one of them is
 * enough. */
struct cron {
    uint64_t minutes; /* a bit each */
    uint32_t hours, days, months, weekdays;
    bool either; /* one of days and weekdays is enough */
};

/* "0 9 * * mon-fri", or "@daily" and its like. -1: err->text says which field
 * is wrong and why; a date that never comes is. */
int cron_parse(struct slice text, struct cron *cron, struct err *err);

/* The first moment after `after`, in seconds since 1970, by the local clock or
 * by UTC's; INT64_MAX: none within LIMIT_CRON_DAYS. A local time that does not
 * exist counts as the first moment after the gap, one that comes twice counts
 * once, the first time; but where all hours are meant, minutes are taken as
 * they come. Pure, but for the zone, which is looked up each time. */
int64_t cron_next(const struct cron *cron, int64_t after, bool utc);

#endif
