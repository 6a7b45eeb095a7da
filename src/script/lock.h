#ifndef LOCK_H
#define LOCK_H

#include "generation.h"
#include "op.h"
#include "turn.h"

/* bot:lock: one holder per key and script, first come first served. The lines
 * (world->locks) belong to the instance, so that old code which still runs
 * after a reload and the new code keep each other out; who stands in them
 * belongs to a generation. */
struct lock;

/* Joins the key's line; op is done, from the loop, when the lock is its own.
 * id: of the lock within its generation. 0, or -1 with *err filled. */
int lock_take(struct generation *generation, int64_t id, struct slice key,
              struct op *op, struct err *err);
/* For an op of lock_take under way: leaves the line. */
void lock_orphan(struct op *op);
/* Gives it to the next in line; does nothing when it is not held. */
void lock_give(struct generation *generation, int64_t id);
/* Its tasks are gone: gives back what they could not. */
void lock_free_all(struct generation *generation);

#endif
