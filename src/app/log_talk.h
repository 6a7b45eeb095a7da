#ifndef LOG_TALK_H
#define LOG_TALK_H

#include "account.h"
#include "err.h"
#include "repl.h"
#include "slice.h"

/* The running process's side of `lunatrix logs`, over the control socket. To
 * {"do":"logs","script":?,"account":?,"lines":n,"follow":bool} it answers with
 * {"line":text} for each of the last n lines that fit (log_ring.h), and then,
 * with follow, for every further one and {"lost":n} for those that nobody
 * read in time, until the other end leaves; else with {"done":{}}. */
struct log_talk;

/* Returns owned, or NULL with *err filled; says nothing then. */
struct log_talk *log_talk_open(struct account *account, struct slice request,
                               repl_say_fn *say, void *arg, struct err *err);
void log_talk_close(struct log_talk *talk); /* NULL is fine */

#endif
