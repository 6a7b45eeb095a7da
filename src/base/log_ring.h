#ifndef LOG_RING_H
#define LOG_RING_H

#include <stdbool.h>

#include "list.h"
#include "log.h"
#include "slice.h"

/* The last lines of the log, in memory, for who asks the running process:
 * LIMIT_LOG_RING bytes and LIMIT_LOG_RING_LINES lines of them, as they are
 * told to a file: text with the time and without colours, or JSON. */

/* Keeps lines from now on. Without memory a line is not kept. */
void log_ring_start(void);
/* Forgets all; nobody may follow any more. */
void log_ring_stop(void);

/* Which lines: those about that script (NULL: all), and not about another
 * account (NULL: any). Borrowed as long as it is used. */
struct log_ring_filter {
    const char *script, *account;
};
/* line: without a newline at its end. */
typedef void log_ring_fn(void *arg, struct slice line);
/* The last `most` lines that fit, oldest first. fn must not log. */
void log_ring_read(const struct log_ring_filter *filter, int most,
                   log_ring_fn *fn, void *arg);

/* Each further line that fits, from inside log_write: fn must not log, nor
 * begin or end following. Of the caller, who sets filter, fn and arg. */
struct log_follower {
    struct list node;
    struct log_ring_filter filter;
    log_ring_fn *fn;
    void *arg;
};
void log_ring_follow(struct log_follower *follower);
void log_ring_unfollow(struct log_follower *follower);

#endif
