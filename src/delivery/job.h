#ifndef JOB_H
#define JOB_H

#include <stdbool.h>

#include "err.h"
#include "json_write.h"
#include "loop.h"
#include "store.h"

/* The durable jobs of one script: finds those that are due by the wall clock,
 * claims them on disk before they run, and says what becomes of them. A clock
 * that jumps is noticed within LIMIT_CLOCK_LOOK_MS. Marks are kept and tried
 * again until the disk takes them. Logs what becomes of a job that did not
 * end well, and due ones that nobody runs. */
struct job_line;

struct job_line_config {
    struct loop *loop;
    struct store *store;
    const char *account; /* for log lines */
    const char *script;
    /* The names that somebody runs: index from 0; NULL: no more. */
    const char *(*name)(void *arg, int index);
    /* How many may begin now. Where that grows, call job_line_look. */
    int (*room)(void *arg);
    /* It began: job_line_end when it ended. Slices are valid until the next
     * store call. */
    void (*start)(void *arg, const struct store_job *job);
    void *arg;
};

/* What a crash left running waits again, or is dead after LIMIT_ATTEMPTS.
 * Strings are copied, the rest is borrowed. Returns owned. */
struct job_line *job_line_new(const struct job_line_config *config,
                              struct err *err);
/* Marks not yet on disk are tried once more; job_line_end must not come. */
void job_line_free(struct job_line *line);

/* Jobs, names or room may have changed: looks, from a later turn. */
void job_line_look(struct job_line *line);
/* Other code runs from now on: looks, and tells again what nobody runs. */
void job_line_renew(struct job_line *line);
/* Nothing runs, and nothing is about to. */
bool job_line_idle(const struct job_line *line);
/* Jobs that began and have not ended. */
int job_line_running(const struct job_line *line);

enum job_end {
    JOB_END_DONE,
    JOB_END_FAILED, /* by itself: again later, or set aside */
    JOB_END_BACK    /* through no fault of its own: again, soon */
};
/* What is needed of a job to end it. */
struct job_run {
    int64_t id;
    const char *name;
    int attempt, crashes;
    int retries;        /* how often it may fail and come again */
    int64_t backoff_ms; /* before the second attempt; doubles */
};
/* error: why it failed, or NULL. */
void job_line_end(struct job_line *line, const struct job_run *run,
                  enum job_end end, const char *error);
/* One that was running in a crash runs alone, until it ends or this. */
void job_line_parked(struct job_line *line, int64_t id);
/* The program ends as if it had crashed: ends from now on are ignored. */
void job_line_abandon(struct job_line *line);
/* An object: how many wait, run, are set aside; ms until the next is due. */
void job_line_report(const struct job_line *line, struct json_writer *w);

#endif
