#ifndef LOOP_UV_H
#define LOOP_UV_H

#include "loop.h"

/* File descriptors and signals, on libuv. Unlike timers these stay armed
 * until stopped, and their callback may come many times. Stopping frees the
 * handle (once libuv has closed it) and promises silence. Stop before closing
 * the descriptor. */

enum { POLL_READ = 1, POLL_WRITE = 2, POLL_ERROR = 4 };

struct poll;
struct signal_watch;

/* events: POLL_READ and POLL_WRITE together or alone, or 0 for a pause. fn gets
 * what is ready; POLL_ERROR when the descriptor is broken: the owner must then
 * stop it. A closed other end is readable. One poll per descriptor; regular
 * files and /dev/null cannot be polled (they never make anyone wait), that is
 * an err. The descriptor's own flags stay as they are. */
typedef void poll_fn(void *arg, int events);
struct poll *poll_start(struct loop *loop, int fd, int events, poll_fn *fn,
                        void *arg, struct err *err);
void poll_set(struct poll *poll, int events);
void poll_stop(struct poll *poll);

struct signal_watch *signal_start(struct loop *loop, int signum, loop_fn *fn,
                                  void *arg, struct err *err);
void signal_stop(struct signal_watch *watch);

/* Of libuv, "1.48.0". */
const char *loop_uv_version(void);

#endif
