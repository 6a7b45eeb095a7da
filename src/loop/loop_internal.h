#ifndef LOOP_INTERNAL_H
#define LOOP_INTERNAL_H

#include "loop.h"

/* Between loop.c, which knows time and order, and loop_uv.c, which knows
 * libuv. Nobody else includes this. */

struct loop_uv;

/* Returns owned. */
struct loop_uv *loop_uv_new(struct loop *loop, struct err *err);
/* Closes what is open and runs libuv until it has let go of it. */
void loop_uv_free(struct loop_uv *uv);
/* Polls and signals that have not been stopped. */
int loop_uv_count(const struct loop_uv *uv);
/* Whether anything can still come of them: a poll without events cannot. */
bool loop_uv_alive(const struct loop_uv *uv);
/* Runs what is ready; when nothing is, waits for it up to timeout_ms, for ever
 * if that is negative. */
void loop_uv_run(struct loop_uv *uv, int64_t timeout_ms);

/* loop.c's: */
struct loop_uv *loop_get_uv(const struct loop *loop);
/* Called before each callback that libuv brings: the clock has moved while
 * it waited. */
void loop_uv_entered(struct loop *loop);

#endif
