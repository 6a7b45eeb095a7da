#ifndef HOOK_H
#define HOOK_H

#include "failure.h"
#include "generation.h"

/* Runs a generation's handlers of one hook ("load", "snapshot", "unload"),
 * one after the other, each a task. The first failure ends it. */
struct hook;

/* Once, from the loop, never from inside hook_run. failure NULL: all went
 * well, also when there were none; value: what the last one returned, JSON,
 * absent when there was none. */
typedef void hook_done_fn(void *arg, const struct failure *failure,
                          struct slice value);

struct hook_options {
    struct generation *generation;
    const char *name;
    struct slice info; /* JSON object: what the handler gets */
    int64_t limit_ms;  /* for all of them together, parked time too */
    bool no_wait;
    hook_done_fn *done;
    void *arg;
};

/* Copies name and info. Returns a handle, or NULL with *err filled. */
struct hook *hook_run(const struct hook_options *options, struct err *err);
/* Closes what runs, in silence. NULL is fine. */
void hook_cancel(struct hook *hook);

#endif
