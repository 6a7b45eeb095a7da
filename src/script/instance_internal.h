#ifndef INSTANCE_INTERNAL_H
#define INSTANCE_INTERNAL_H

#include "dispatch.h"
#include "drain.h"
#include "instance.h"
#include "recent.h"
#include "job.h"
#include "reload.h"
#include "waiter.h"

/* What the files instance*.c share; nobody else includes this. */

struct instance {
    struct instance_config config;
    struct generation_world world;
    struct settings *settings; /* for the next generation */
    struct memory *memory;
    struct turn_table *locks;
    struct waiters waiters;
    struct list evals; /* eval.c */
    struct job_line *jobs;
    struct dispatch *dispatch;
    struct webhooks *webhooks;
    struct generation *current;
    struct drain *old;    /* replaced */
    struct drain *last;   /* in charge until the stop */
    struct track *failed; /* files of what was refused; NULL none */
    struct tick *broken;

    struct reload *reload;
    int64_t began;        /* it, ns */
    struct buf changed;   /* the path that caused it */
    struct list requests; /* the first one is being served */
    struct tick *next;    /* the next request is served */
    struct timer *gone;   /* the entry file is not there */

    struct timer *stop_look;
    loop_fn *stop_done;
    void *stop_arg;

    int number;     /* of the last one in charge */
    int64_t loaded; /* when it took over, wall ms */
    struct recent recent;
    struct buf refused; /* why the last reload was, "" it was not */
    int64_t refused_at; /* wall ms */
    int refused_number;

    bool settings_changed;
    bool synced;
    bool look; /* files may have changed since the request */
    bool stopping;
};

struct log_fields instance_fields(const struct instance *instance);
struct loop *instance_loop(const struct instance *instance);
/* Tells "ready" to the generation in charge, once. */
void instance_tell_ready(struct instance *instance);
/* The generation in charge goes; reason: of its unload hooks. */
void instance_retire(struct instance *instance, struct drain **drain,
                     int64_t ms, const char *reason, struct track **track);
int64_t instance_drain_ms(const struct instance *instance);

/* instance_reload.c: ends what is under way and answers all requests. */
void instance_refuse_all(struct instance *instance);
/* Without answering. */
void instance_forget_all(struct instance *instance);

#endif
