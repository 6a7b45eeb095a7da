#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>

#include "accounts.h"
#include "buf.h"
#include "err.h"
#include "slice.h"

/* What the process is at, as Prometheus reads it: its text format, version
 * 0.0.4. docs/status.md names every metric. Labels are names of accounts and
 * scripts only: no room, no user, no text of an error. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_process {
    const char *version;
    int64_t resident; /* bytes, -1: not known */
    int64_t cpu_ms;
};

/* Appends them. report: as `status --json` prints it; of accounts that no
 * process runs there are none. -1 when out is too small: a part must not be
 * taken for all. */
int metrics_text(struct slice report, const struct metrics_process *process,
                 struct buf *out, struct err *err);
/* The same of this process, now. */
int metrics_collect(const struct accounts *accounts, struct buf *out,
                    struct err *err);

#endif
