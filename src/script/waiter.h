#ifndef WAITER_H
#define WAITER_H

#include "generation.h"
#include "op.h"

/* bot:wait_for and ev:ask: a registration that a task makes for one event.
 * A row that begins is offered to those that want it, the oldest first
 * (dispatch_offer.c), also to those of a generation that drains; the library
 * decides what slices cannot. Whoever takes the row has it alone. */
struct waiter {
    struct list node; /* waiters->list */
    struct generation *generation;
    struct registration *registration; /* its id is the library's */
    int64_t serial;                    /* from 1, counted by the instance */
    int64_t delivery;                  /* of the row whose task waits, 0 none */
    struct op *op;                     /* of that task; NULL: armed only */
    struct timer *timer;               /* with op */
};

/* Of an instance, in the order in which they were armed. */
struct waiters {
    struct list list;
    int64_t last; /* serial */
    int count;
};

struct waiter_options {
    int id;
    struct slice name, filter;
    const char *where;
    int64_t delivery;
};

/* From now on events are offered to it. 0, or -1 with *err filled: also as
 * registration_event. */
int waiter_arm(struct generation *generation,
               const struct waiter_options *options, struct err *err);
/* op is done when it has an event (true), or after ms (false); then the waiter
 * is gone. */
int waiter_wait(struct generation *generation, int id, int64_t ms,
                struct op *op, struct err *err);
/* For an op of waiter_wait under way: the waiter goes. */
void waiter_orphan(struct op *op);
/* It has an event, and goes. False when it was gone already. */
bool waiter_answer(struct generation *generation, int id);
/* Does nothing when it is gone. */
void waiter_drop(struct generation *generation, int id);
/* The ops are left alone: their tasks are closed by the caller. */
void waiter_free_all(struct generation *generation);

/* The first one after that serial that matches; NULL: none. */
struct waiter *waiter_next(const struct waiters *waiters, int64_t after,
                           const struct sync_occasion *occasion,
                           const char *user_id);

#endif
