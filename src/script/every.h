#ifndef EVERY_H
#define EVERY_H

#include "buf.h"
#include "cron.h"
#include "generation.h"

/* A script's timers: every, after and cron. They begin to run when their
 * generation is live, and die with it; an every hands its next due time on to
 * the one with the same key (its name, or its interval and ordinal). A cron
 * follows the wall clock: it hands on only a tick that is due. They hold no
 * turn. */

struct every_options {
    int id;
    int64_t ms;
    const struct cron *cron; /* NULL: none; else ms does not count */
    struct slice spec;       /* its text */
    bool utc;                /* by whose clock */
    bool every;              /* else once */
    bool now;                /* the first time at once */
    int64_t jitter;          /* ms, each tick is later by up to that */
    struct slice name;       /* absent: none */
    const char *where;
};

/* ERR_CANCELLED in a retired generation, ERR_LIMIT. */
int every_add(struct generation *generation,
              const struct every_options *options, struct err *err);
/* No tick any more; false when there is no such timer. */
bool every_off(struct generation *generation, int id);
/* The generation is live from now on: its timers begin. before: the one it
 * replaces, whose timers die, or NULL. */
void every_begin(struct generation *generation, struct generation *before);
/* They die; what runs goes on. */
void every_end(struct generation *generation);
/* Sets generation->held; ticks that came while it was set come when it ends. */
void every_hold(struct generation *generation, bool held);
/* After gen_free. */
void every_free_all(struct generation *generation);
/* A line each, for people. */
void every_list(const struct generation *generation, struct buf *out);
/* At most that many of them, as elements of an array that is open. */
void every_report(const struct generation *generation, int most,
                  struct json_writer *w);

#endif
