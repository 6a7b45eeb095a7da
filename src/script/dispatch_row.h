#ifndef DISPATCH_ROW_H
#define DISPATCH_ROW_H

#include "dispatch.h"
#include "event.h"
#include "task.h"
#include "turn.h"

/* What dispatch.c and dispatch_row.c share; nobody else includes this. */

enum row_state {
    ROW_WAITS,   /* for its room's turn */
    ROW_READY,   /* has it, or stands aside, and is to be claimed */
    ROW_CLAIMS,  /* the claim is on its way to the disk */
    ROW_CLAIMED, /* it is there, and may not begin since then */
    ROW_RUNS
};

/* Within the row one task has the turn at a time: first those that are woken,
 * then the next handler. The row parks when all its tasks are parked. */
struct row {
    struct list node; /* dispatch->rows */
    struct list line; /* dispatch->ready */
    struct dispatch *dispatch;
    enum row_state state;
    int64_t id, event_row;
    int attempt;
    bool redelivered, history;
    bool suspect; /* it was started when the process ended */
    struct slice room_id, event_id, section, json;
    size_t size;
    struct turn *turn;
    struct inbox_claim *claim;
    struct event event; /* from its begin on */

    struct generation *generation; /* from its begin on */
    int *wanted;                   /* ids of the handlers, in order */
    int count, next;
    bool parked; /* its turn is given up */
    bool back;   /* and asked for again */
    bool cut;    /* no further handler */
    bool failed, cancelled;
    char error[200];        /* of the first failure */
    struct list tasks;      /* alive */
    struct list woken;      /* of them: wait for the row's turn */
    struct handler *holder; /* has the row's turn */
    char text[];
};

struct dispatch {
    struct call_host *host;
    struct inbox *inbox;
    char *script;
    struct turn_table *turns;
    struct generation *generation;
    struct list rows;  /* in order of the inbox */
    struct list ready; /* READY and CLAIMED, in order of their turns */
    int queue, handlers;
    int count;  /* rows in memory */
    int active; /* CLAIMS and RUNS */
    int busy;   /* of them: not parked */
    int claims; /* CLAIMS */
    int backs;  /* rows whose turn was asked for again */
    size_t bytes;
    int64_t batch, idx; /* read so far */
    bool more;          /* there may be rows on disk */
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
void dispatch_pump(struct dispatch *dispatch);

/* dispatch_row.c */
/* It is claimed and has its turn: starts its handlers. */
void dispatch_row_begin(struct row *row);
/* Its turn came back. */
void dispatch_row_go(struct row *row);
/* Closes its tasks and ends it. */
void dispatch_row_close(struct row *row);

#endif
