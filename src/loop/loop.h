#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* The event loop: one thread, timers, things to do in the next tick, and the
 * clock everything else reads. On a virtual loop time stands still until all
 * there is to do is done, then jumps to the next timer: the same code, no
 * waiting. File descriptors and signals are in loop_uv.h.
 *
 * Start returns a handle, or NULL with *err filled. The callback comes once,
 * never from inside start, and its handle is gone once it is entered: the
 * owner sets its pointer to NULL first thing. Before that, cancel frees the
 * handle and promises silence; cancelling NULL does nothing. */

enum loop_clock { LOOP_REAL, LOOP_VIRTUAL };

struct loop;
struct timer;
struct tick;

typedef void loop_fn(void *arg);

/* Returns owned. */
struct loop *loop_new(enum loop_clock clock, struct err *err);
/* Every timer, tick, poll and signal must be gone; asserts it. */
void loop_free(struct loop *loop);

/* Monotonic milliseconds; any origin. Read once per turn of the loop. */
int64_t loop_now(const struct loop *loop);
/* Milliseconds since 1970. A virtual loop starts at 2026-01-01T00:00:00Z. */
int64_t loop_wall(const struct loop *loop);
bool loop_is_virtual(const struct loop *loop);

/* Turns until loop_stop, or until nothing is pending (no timer, tick, poll
 * or signal). Ticks queued during a turn run in the next, timers due run in
 * order of their time, then of their start. Not from inside a callback; nor
 * are loop_turn and loop_advance. */
void loop_run(struct loop *loop);
/* Ends loop_run with the turn it is in; the next loop_run, when none runs. */
void loop_stop(struct loop *loop);
/* One turn, waiting for nothing. Returns whether anything was run. */
bool loop_turn(struct loop *loop);
/* Virtual only: runs until ms have passed, jumping from timer to timer and
 * running to rest at each; polls are looked at, never waited for. */
void loop_advance(struct loop *loop, int64_t ms);
/* How many timers and ticks are pending: 0 at the end of a clean test. */
int loop_pending(const struct loop *loop);

/* Calls fn(arg) no sooner than ms from now (0: next turn). */
struct timer *timer_start(struct loop *loop, int64_t ms, loop_fn *fn, void *arg,
                          struct err *err);
void timer_cancel(struct timer *timer);
/* Milliseconds until it is due, never below 0. */
int64_t timer_left(const struct timer *timer);

/* Calls fn(arg) in the next turn, in the order of tick_start. */
struct tick *tick_start(struct loop *loop, loop_fn *fn, void *arg,
                        struct err *err);
void tick_cancel(struct tick *tick);

#endif
