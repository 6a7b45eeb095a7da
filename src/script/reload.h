#ifndef RELOAD_H
#define RELOAD_H

#include "dispatch.h"
#include "failure.h"
#include "generation.h"
#include "webhook.h"

/* One reload, from COMPILE to just before COMMIT: builds a candidate beside
 * the generation in charge, which notices nothing but that no new event
 * reaches it while the candidate's load hooks run. */
struct reload;

struct reload_result {
    struct generation *candidate;  /* taken by whoever is told; NULL: refused,
                                      or only checked */
    const struct failure *failure; /* NULL: it would do, or does */
    struct track *track;           /* of what was refused, taken; may be NULL */
    int handlers, commands, timers;
};

struct reload_options {
    const struct generation_world *world;
    struct settings *settings;
    int number;
    struct generation *current; /* NULL: there is none */
    struct dispatch *dispatch;
    struct webhooks *webhooks;
    const char *reason; /* "start" or "reload"; static */
    bool force, check_only;
    int64_t drain_ms; /* bot.reload = "quiesce" waits as long */
    /* A last look at a candidate whose main chunk ran. */
    int (*verify)(void *arg, const struct generation *candidate,
                  struct failure *failure);
    /* Once, from the loop. With a candidate: dispatch and the timers of
     * current are held, whoever is told lets go of them. */
    void (*done)(void *arg, const struct reload_result *result);
    void *arg;
};

struct reload *reload_start(const struct reload_options *options,
                            struct err *err);
/* Throws the candidate away and lets go, in silence. NULL is fine. */
void reload_cancel(struct reload *reload);
/* What it is about to put in charge, once its main chunk ran; else NULL. */
const struct generation *reload_candidate(const struct reload *reload);

#endif
