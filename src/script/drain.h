#ifndef DRAIN_H
#define DRAIN_H

#include "dispatch.h"
#include "generation.h"

/* Takes a generation down that is in charge no more: what it started may
 * finish for a while, then is cancelled; its unload hooks run; it is freed. */
struct drain;

struct drain_options {
    struct generation *generation; /* taken */
    struct dispatch *dispatch;
    int64_t ms;           /* until what runs is cancelled */
    const char *reason;   /* for unload: "reload", "stop"; static */
    struct track **track; /* where its track goes, NULL nowhere */
    /* Once, from the loop, after it is freed; not after drain_close. */
    void (*done)(void *arg, struct drain *drain);
    void *arg;
};

/* Returns owned until done; NULL when out of memory: then the generation is
 * closed and freed at once. */
struct drain *drain_start(const struct drain_options *options);
/* At most ms from now; another reason, unless NULL. */
void drain_hurry(struct drain *drain, int64_t ms, const char *reason);
/* Closes and frees the generation now. */
void drain_close(struct drain *drain);
struct generation *drain_generation(const struct drain *drain);

#endif
