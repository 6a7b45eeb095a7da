#ifndef OUTBOX_INTERNAL_H
#define OUTBOX_INTERNAL_H

#include "list.h"
#include "outbox.h"
#include "request.h"

/* Shared by outbox*.c alone: outbox.c takes sends in and answers who waits
 * (outbox_wait.c) for them, outbox_lane.c sends them room by room,
 * outbox_settle.c writes down how they ended. */

#define OUTBOX_BUCKETS 1024

enum outbox_state {
    OUTBOX_STORING, /* its row is not committed */
    OUTBOX_WAITING, /* its turn in the room's lane, or on the wire */
    OUTBOX_SETTLED  /* in no lane; until that is on disk */
};

struct outbox {
    struct outbox_config config;
    struct list items[OUTBOX_BUCKETS]; /* by transaction id */
    struct list lanes[OUTBOX_BUCKETS]; /* by room */
    struct list ready;                 /* lanes to go on with in tick */
    struct list echoed;                /* items whose echo came, likewise */
    struct list late;                  /* waits for what was settled before */
    struct list unsettled; /* items whose end the disk did not take */
    struct tick *tick;
    struct timer *timer; /* for unsettled */
    int64_t wait_ms;
    int pending, wire;
    int writes; /* the store has yet to finish */
    int syncs;  /* how often outbox_synced was called */
    bool held;
    bool recheck; /* a sync was committed: rooms may be encrypted now */
    bool gone;    /* freed with the last write */
};

/* The sends of one room, in order; the first is the one that is tried. */
struct outbox_lane {
    struct list node, ready;
    struct outbox *outbox;
    struct list items;
    bool busy;    /* the first item holds a place on the wire */
    bool checked; /* the server said: not encrypted */
    struct request *request;
    struct timer *timer; /* back-off */
    int failures;        /* in a row */
    size_t len;
    char room_id[];
};

struct outbox_put; /* what is needed until the row is committed */

struct outbox_item {
    struct list node; /* in its lane, or in unsettled */
    struct list hash, echo;
    struct outbox *outbox;
    struct outbox_lane *lane; /* NULL when settled */
    struct outbox_put *put;
    struct list waits;
    enum outbox_state state;
    int64_t id;
    int64_t first_try; /* wall ms; 0: no try is on record */
    int sync_seen;     /* outbox->syncs when it was tried last */
    int writes;        /* the store has yet to finish */
    int odd;           /* replies that made no sense */
    bool maybe;        /* the server may have taken it */
    bool refused;      /* settled, with err (NULL: no memory for it) */
    char *event_id;    /* as the server told it, in whatever way */
    struct err *err;
    char txn_id[];
};

/* outbox.c */
struct outbox_item *outbox_item_new(struct outbox *outbox, struct slice txn_id,
                                    struct slice room_id);
/* Once no write needs it. */
void outbox_item_free(struct outbox_item *item);
/* Starts the tick that goes on with ready lanes and echoed items. */
void outbox_wake(struct outbox *outbox);
/* Queues a write about an item; done must call outbox_written first, which
 * returns false when the item is no more. */
int outbox_write(struct outbox_item *item, store_write_fn *run,
                 store_done_fn *done, struct err *err);
bool outbox_written(struct outbox_item *item);

/* outbox_wait.c */
struct outbox_wait *outbox_wait_new(outbox_done_fn *done, void *arg,
                                    struct err *err);
void outbox_wait_join(struct outbox_wait *wait, struct outbox_item *item);
void outbox_wait_free_all(struct list *waits);
/* Waits for an item; or is told from the loop how it was settled before. */
struct outbox_wait *outbox_wait_item(struct outbox_item *item,
                                     outbox_done_fn *done, void *arg,
                                     struct err *err);
struct outbox_wait *outbox_wait_row(struct outbox *outbox,
                                    const struct store_outbox_row *row,
                                    outbox_done_fn *done, void *arg,
                                    struct err *err);
/* Tells all who wait for a settled or failed item. Returns how many. */
int outbox_wait_answer(struct outbox_item *item, const struct err *err);

/* outbox_lane.c */
struct outbox_lane *outbox_lane_find(struct outbox *outbox,
                                     struct slice room_id);
/* In the next tick: goes on with the lane if there is anything to do and
 * nothing against it; frees it when it is empty. */
void outbox_lane_wake(struct outbox_lane *lane);
/* That tick. */
void outbox_lane_run(struct outbox *outbox);
/* Takes the item out, off the wire too. */
void outbox_lane_drop(struct outbox_item *item);
void outbox_lane_free(struct outbox_lane *lane);
/* Will the first try of a new item follow its commit at once? */
bool outbox_lane_is_first(const struct outbox_item *item);

/* outbox_settle.c */
/* The server has it; item->event_id is set. */
void outbox_settle_sent(struct outbox_item *item);
/* The server, or we, said no. */
void outbox_settle_refused(struct outbox_item *item, const struct err *err);
/* The err that a refused row keeps as JSON. */
void outbox_settle_read(struct slice error, struct err *err);

#endif
