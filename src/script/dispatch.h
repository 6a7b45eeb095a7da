#ifndef DISPATCH_H
#define DISPATCH_H

#include "generation.h"
#include "inbox.h"

/* Gives one script the events of its inbox: row after row waits for its
 * room's turn, is claimed on disk, and becomes a task for each registration
 * that wants it. Lives as long as the instance: rows that wait belong to
 * nobody yet, a row that began belongs to the generation it began in. */
struct dispatch;

struct dispatch_config {
    struct call_host *host; /* loop, store, session */
    struct inbox *inbox;
    const char *script;
    const struct waiters *waiters; /* rows are offered to these first */
};

/* Borrows. Returns owned. */
struct dispatch *dispatch_new(const struct dispatch_config *config,
                              struct err *err);
/* No row may be bound to a generation. */
void dispatch_free(struct dispatch *dispatch);
/* Rows in memory and rows under way at most; 0: the defaults. */
void dispatch_set_limits(struct dispatch *dispatch, int queue, int handlers);

/* Who gets the rows from now on; NULL: they wait. */
void dispatch_set_generation(struct dispatch *dispatch,
                             struct generation *generation);
/* While held no row begins; what began goes on. */
void dispatch_hold(struct dispatch *dispatch, bool held);
/* Rows may be in the inbox. */
void dispatch_look(struct dispatch *dispatch);

/* An emission, which is in no inbox: it waits in memory, like a row. 0, or -1
 * with ERR_LIMIT or ERR_SYSTEM. */
int dispatch_emit(struct dispatch *dispatch, struct slice json,
                  struct err *err);
/* -1 with ERR_LIMIT: as many wait as may. */
int dispatch_has_room(const struct dispatch *dispatch, struct err *err);

/* From now on nothing begins, also no further handler of a row that began;
 * what does not end by itself will be queued again. */
void dispatch_stop(struct dispatch *dispatch);
/* That generation starts no further handler of rows it began. */
void dispatch_cut(struct dispatch *dispatch,
                  const struct generation *generation);
/* Closes its tasks, nobody of it waits any more; its rows end as cancelled, or
 * are queued again when stopping. */
void dispatch_abandon(struct dispatch *dispatch, struct generation *generation);
/* Rows that began in that generation and have not ended. */
int dispatch_bound(const struct dispatch *dispatch,
                   const struct generation *generation);
/* No row in memory, none on disk that was seen, no claim under way. */
bool dispatch_idle(const struct dispatch *dispatch);
/* A claim is on its way to the disk. */
bool dispatch_claims(const struct dispatch *dispatch);
/* As one object. */
void dispatch_report(const struct dispatch *dispatch, struct json_writer *w);

#endif
