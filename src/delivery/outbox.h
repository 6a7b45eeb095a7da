#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>

#include "crypto.h"
#include "err.h"
#include "homeserver.h"
#include "loop.h"
#include "store.h"

/* Sends of an account. A send is a committed row before its first byte goes
 * out; one FIFO per room, rooms side by side; every try carries the same
 * transaction id, across restarts and reloads. 429, 502-504 and lost
 * connections are tried again for as long as it takes, with back-off and the
 * account's brake; a refusal (any other 4xx) is final. */
struct outbox;

struct outbox_config {
    struct loop *loop;
    struct store *store;
    struct homeserver *homeserver;
    struct crypto *crypto;
    bool dry_run; /* log instead of sending: events get made-up ids */
    /* A refusal nobody waits for: the dead letter of a send. Never NULL. */
    void (*lost)(void *arg, const struct store_outbox_row *row,
                 const struct err *err);
    void *arg;
};
/* Borrows all. Returns owned. */
struct outbox *outbox_new(const struct outbox_config *config, struct err *err);
/* Cancels what is on the wire; its rows go out at the next start. */
void outbox_free(struct outbox *outbox);

/* At start: rows never tried whose handler will run again are dropped, the
 * others go out again; those tried over LIMIT_RESEND_AGE_MS ago wait for
 * outbox_synced, to be matched by their echo first. */
int outbox_start(struct outbox *outbox, struct err *err);
void outbox_synced(struct outbox *outbox);
/* Was it called yet? Before that, what is known of rooms may be old. */
bool outbox_is_synced(const struct outbox *outbox);

struct outbox_send {
    const char *script;
    struct slice txn_id, room_id, type;
    struct slice content; /* JSON object text: these bytes go out */
    struct slice redacts; /* set: a redaction of that event, content {reason} */
    int64_t cause;        /* delivery row, minus a job's id, 0 none */
};
/* The event id, or why not. */
typedef void outbox_done_fn(void *arg, struct slice event_id,
                            const struct err *err);
struct outbox_wait; /* gone once done is entered */
/* Refuses encrypted rooms through crypto_encrypt (error from start). A row
 * with that txn_id that is settled answers with the same event id; one still
 * waiting is waited for; a row of another room refuses (ERR_MISUSE). */
struct outbox_wait *outbox_put(struct outbox *outbox,
                               const struct outbox_send *send,
                               outbox_done_fn *done, void *arg,
                               struct err *err);
/* The send goes on, nobody waits for it. */
void outbox_detach(struct outbox_wait *wait);

/* Inside ingest: our own event came back with this transaction id. */
int outbox_echo(struct outbox *outbox, struct slice txn_id,
                struct slice event_id, struct err *err);
/* Rows not settled (waiting, on the wire). */
int outbox_pending(const struct outbox *outbox);
/* No new tries begin while held (session locked or dead). */
void outbox_hold(struct outbox *outbox, bool hold);

#endif
