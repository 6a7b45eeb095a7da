#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>

#include "loop.h"

/* What the service manager is told, by systemd's notify protocol: datagrams
 * to the socket that $NOTIFY_SOCKET names (a path, or "@" and an abstract
 * name). There is one manager per process, so there is one notify per
 * process, like the log. Without $NOTIFY_SOCKET, and before notify_open,
 * nothing here does anything. What cannot be sent is logged, once. */

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID and takes them out
 * of the environment: they are not for children. If this process is to be
 * watched, WATCHDOG=1 is sent at twice the rate asked for, by a timer of the
 * loop and nothing else: a loop that is stuck sends none. Call it before
 * other threads read the environment. */
void notify_open(struct loop *loop);
/* Ends the watchdog's timer; before the loop is freed. */
void notify_close(void);

/* READY=1, the first time only. what: what `systemctl status` shows from now
 * on. */
void notify_ready(const char *what);
/* Shown behind it, until the next reload; the first trouble of several. Of
 * several lines the first that begins with the mark of a refusal, or the
 * first. */
void notify_trouble(const char *why);

/* Shown before that, until the end: a login that is gone while others go on.
 * What is said later takes the place of what was said before. */
void notify_lost(const char *what);

/* RELOADING=1 when the first of several reloads begins, READY=1 when the last
 * ends. Each begin is followed by one end; notify_trouble in between says
 * that it was refused. by_signal: the manager may have asked, and waits for
 * RELOADING=1 even if another reload is under way. Before READY=1 only the
 * status changes. */
void notify_reload_begin(bool by_signal);
void notify_reload_end(void);

/* STOPPING=1, the first time only. why: shown; NULL: nobody needs to know. */
void notify_stopping(const char *why);

#endif
