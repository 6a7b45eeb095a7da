#ifndef WATCH_H
#define WATCH_H

#include "loop.h"

/* Says "look again" when something may have changed in directories. It knows
 * no file: whoever is told compares hashes. inotify on directories through a
 * polled descriptor (CLOSE_WRITE MOVED_TO CREATE DELETE MOVED_FROM
 * DELETE_SELF MOVE_SELF, never MODIFY: a half-written file is not news);
 * where inotify fails, or with poll = true, "look again" comes every
 * LIMIT_WATCH_POLL_MS. fn comes LIMIT_WATCH_QUIET_MS after the last event,
 * LIMIT_WATCH_MOST_MS after the first at the latest, and at once for a queue
 * overflow. A directory is watched by its path: when a link above it is
 * swapped the new target is watched, as long as the directory the link lies in
 * is watched as well.
 *
 * Who depends on one file alone need not wait for the rest of a batch: soon
 * comes LIMIT_WATCH_SOON_MS after the first file that was closed after
 * writing or moved into place. fn comes all the same. */

struct watch;

/* fn and soon may come many times; soon may be NULL. Returns owned, or NULL
 * with *err filled. */
struct watch *watch_start(struct loop *loop, bool poll, loop_fn *fn,
                          loop_fn *soon, void *arg, struct err *err);
/* The directories to watch from now on, replacing those before; copied.
 * One that does not exist is tried through its nearest existing parent, so
 * its appearance is noticed. Never fails as a whole: what inotify refuses
 * falls back to polling, logged once. */
void watch_set(struct watch *watch, const char *const *directories, int count);
void watch_stop(struct watch *watch);

#endif
