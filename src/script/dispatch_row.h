#ifndef DISPATCH_ROW_H
#define DISPATCH_ROW_H

#include "dispatch.h"
#include "event.h"
#include "task.h"
#include "turn.h"
#include "waiter.h"

/* What the files dispatch*.c share; nobody else includes this. */

enum row_state {
    ROW_WAITS,   /* for its room's turn */
    ROW_READY,   /* has it, or stands aside, and is to be claimed */
    ROW_CLAIMS,  /* the claim is on its way to the disk */
    ROW_OFFERED, /* it is there; whoever waits for such an event is asked */
    ROW_CLAIMED, /* nobody took it, and it may not begin since then */
    ROW_RUNS
};

/* Within the row one task has the turn at a time: first those that are woken,
 * then the next handler. The row parks when all its tasks are parked. */
struct row {
    struct list node; /* dispatch->rows */
    struct list line; /* dispatch->ready */
    struct dispatch *dispatch;
    enum row_state state;
    int64_t id, event_row; /* id 0: an emission, which is in no inbox */
    int attempt;
    bool redelivered, history;
    bool suspect; /* it was started when the process ended */
    struct slice room_id, event_id, section, json;
    size_t size;
    struct turn *turn;
    struct inbox_claim *claim;
    struct event event;  /* raw is absent until it is parsed */
    struct offer *offer; /* OFFERED */
    int64_t passed;      /* waiters up to this serial do not take it */

    struct generation *generation; /* from its begin on */
    int *wanted;                   /* ids of the handlers, in order */
    int count, next;
    bool parked; /* its turn is given up */
    bool back;   /* and asked for again */
    bool idle;   /* all its tasks wait for events: it takes no place */
    bool cut;    /* no further handler */
    bool failed, cancelled;
    char error[200];        /* of the first failure */
    struct list tasks;      /* alive */
    struct list woken;      /* of them: wait for the row's turn */
    struct handler *holder; /* has the row's turn */
    int64_t *answers;       /* rows its tasks took; they end with it */
    int answer_count, answer_room;
    char text[];
};

struct dispatch {
    struct call_host *host;
    struct inbox *inbox;
    char *script;
    const struct waiters *waiters;
    struct turn_table *turns;
    struct generation *generation;
    struct list rows;  /* in order of the inbox */
    struct list ready; /* READY and CLAIMED, in order of their turns */
    int queue, handlers;
    int count;             /* rows in memory */
    int active;            /* CLAIMS, OFFERED and RUNS */
    int busy;              /* of them: not parked */
    int idle;              /* of them: idle */
    int claims;            /* CLAIMS */
    int backs;             /* rows whose turn was asked for again */
    int emissions;         /* that are not active */
    size_t bytes, emitted; /* of rows, of emissions */
    int64_t batch, idx;    /* read so far */
    bool more;             /* there may be rows on disk */
    bool short_of_memory;
    bool held, stopping;
    struct row *suspect; /* runs alone */
    struct timer *retry;
    int64_t retry_ms; /* 0: the disk is well */
    int64_t warned;
    long long ended, failed;
};

/* dispatch.c */
/* Marks the row and frees it; its tasks are gone. */
void dispatch_row_end(struct row *row, enum store_delivery state,
                      const char *error);
void dispatch_row_free(struct row *row);
/* At the end of its room's line. False: out of memory. */
bool dispatch_row_add(struct dispatch *dispatch,
                      const struct store_delivery_row *from);
/* Frees it unmarked. */
void dispatch_row_leave(struct row *row);
/* The row with that id which runs; NULL: there is none, or id is 0. */
struct row *dispatch_row_find(const struct dispatch *dispatch, int64_t id);
/* At its end it is to mark the row `answer` too. -1: it has no room. */
int dispatch_row_keep(struct row *row, int64_t answer);
/* No waiter took it: begins, or waits until it may. */
void dispatch_row_refused(struct row *row);
void dispatch_pump(struct dispatch *dispatch);

/* dispatch_emit.c: where its size is counted. */
size_t *dispatch_row_bytes(const struct row *row);

/* dispatch_offer.c */
/* Claimed: asks those who wait for such an event, then dispatch_row_refused,
 * at once when there is nobody. */
void dispatch_row_offer(struct row *row);
/* Does it look like what somebody waits for? */
bool dispatch_row_awaited(struct row *row);
/* Nobody of that generation waits or is asked any more. */
void dispatch_offers_close(struct dispatch *dispatch,
                           struct generation *generation);

/* dispatch_row.c */
/* 0, or -1 out of memory. */
int dispatch_row_parse(struct row *row);
const char *dispatch_row_user(const struct row *row);
/* Both: once it is parsed. */
struct sync_occasion dispatch_row_occasion(const struct row *row);
int dispatch_row_info(const struct row *row, struct buf *out, struct err *err);
/* It is claimed and has its turn: starts its handlers. */
void dispatch_row_begin(struct row *row);
/* Its turn came back. */
void dispatch_row_go(struct row *row);
/* Parked: asks for its turn again, since a task of it is or will be awake. */
void dispatch_row_return(struct row *row);
/* Closes its tasks and ends it. */
void dispatch_row_close(struct row *row);

#endif
