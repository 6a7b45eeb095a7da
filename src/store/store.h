#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "loop.h"
#include "slice.h"

/* What an account keeps on disk: account.db (events, room state, sends, sync
 * position: one file, so that one commit covers them) and scripts.db (what
 * scripts store: a second file, so that bot.store never waits for a long
 * ingest). SQLite, WAL, synchronous=FULL. Only store*.c know SQL.
 *
 * Writing to account.db goes through store_write: all writes queued within
 * LIMIT_COMMIT_TURNS turns of the loop share one commit, and none runs while
 * an ingest holds the gate. Reading is direct. All strings are UTF-8 slices,
 * copied. */

struct store;

/* directory: the account's folder (0700, made when missing; laxer modes are
 * refused, those of its files too), or NULL for databases in memory. Takes the
 * exclusive lock of the folder: a second process gets ERR_DENIED naming the
 * folder and the first one's pid. Migrates. Returns owned. */
struct store *store_open(struct loop *loop, const char *directory,
                         struct err *err);
/* For a look at account.db while no process has it, without the lock, so that
 * a start is never refused for it. Only readers of that file work. Makes
 * nothing; a file of another version is ERR_STORE. Returns owned. */
struct store *store_look(struct loop *loop, const char *directory,
                         struct err *err);
/* The same for scripts.db, which may be in use: only store_kv_next and
 * store_kv_scripts work. */
struct store *store_look_scripts(struct loop *loop, const char *directory,
                                 struct err *err);
/* Commits what is queued (store_flush), and what its done callbacks queue;
 * what those queue is refused, ERR_CANCELLED. Then closes. An open ingest is
 * rolled back. */
void store_close(struct store *store);

/* Queues a write. run is called once, inside a transaction of account.db,
 * from a later turn; when it fails only its own changes are undone. done is
 * called once: err NULL after the COMMIT is on disk, else why not (run's own
 * failure, or the commit's: then nothing of any write of that turn counts).
 * done may be NULL. arg must live until done. A write cannot be taken back.
 * Whoever repeats a failed write waits first: a disk may stay full. */
typedef int store_write_fn(struct store *store, void *arg, struct err *err);
typedef void store_done_fn(void *arg, const struct err *err);
int store_write(struct store *store, store_write_fn *run, store_done_fn *done,
                void *arg, struct err *err);
/* Runs and commits what is queued now, done callbacks included. Not while an
 * ingest is open, nor from inside a run. */
void store_flush(struct store *store);

/* The gate, for sync_ingest alone: between begin and end every queued write
 * waits, and statements run directly belong to the one open transaction,
 * which may stay open over several turns; readers see what it wrote so far.
 * end commits (commit = true) or rolls back; on a failed commit everything is
 * rolled back. The gate is open after end, whatever it returns. */
int store_ingest_begin(struct store *store, struct err *err);
int store_ingest_end(struct store *store, bool commit, struct err *err);
bool store_ingest_open(const struct store *store);

/* meta: single values. get appends to out and returns 1; 0 when absent; -1.
 * meta_set belongs inside a write or an ingest. */
int store_meta_get(struct store *store, const char *key, struct buf *out,
                   struct err *err);
int store_meta_set(struct store *store, const char *key, struct slice value,
                   struct err *err);

/* ---- store_room.c: rooms, state, members ------------------------------ */

/* What is known of a room. Slices are valid until the next store call. */
struct store_room {
    struct slice room_id;
    struct slice membership; /* join invite leave knock ban */
    bool encrypted;          /* one-way latch */
    bool members_complete;   /* the whole member list was fetched */
    bool direct;             /* listed in m.direct, or we were invited so */
    int64_t joined_ts;       /* origin_server_ts of our latest join, 0 */
    struct slice heroes;     /* JSON array of user ids, or absent */
    int64_t joined_count;    /* -1 unknown */
    int64_t invited_count;   /* -1 unknown */
};
/* Writers belong inside a write or an ingest (elsewhere they are refused);
 * they create what is missing. A room not joined yet has membership "". */
int store_room_set_membership(struct store *store, struct slice room_id,
                              struct slice membership, struct err *err);
int store_room_set_joined_ts(struct store *store, struct slice room_id,
                             int64_t ts, struct err *err);
/* Heroes that are absent and counts below 0 leave what is known. */
int store_room_set_summary(struct store *store, struct slice room_id,
                           struct slice heroes, int64_t joined, int64_t invited,
                           struct err *err);
int store_room_set_members_complete(struct store *store, struct slice room_id,
                                    struct err *err);
/* Members may have changed unseen; a room that is not known stays so. */
int store_room_set_members_incomplete(struct store *store, struct slice room_id,
                                      struct err *err);
int store_room_set_encrypted(struct store *store, struct slice room_id,
                             struct err *err);
/* Replaces the set of rooms listed in m.direct. */
int store_room_set_direct(struct store *store, const struct slice *room_ids,
                          size_t count, struct err *err);
/* Nobody writes m.direct for a bot: what the invite said counts as well. */
int store_room_set_invited_direct(struct store *store, struct slice room_id,
                                  bool direct, struct err *err);
/* 1 found, 0 unknown room, -1. */
int store_room_get(struct store *store, struct slice room_id,
                   struct store_room *room, struct err *err);
/* Walks rooms with that membership (absent: all); the callback returns false
 * to stop. It may call readers, but no second walk of the same kind. */
typedef bool store_room_fn(void *arg, const struct store_room *room);
int store_room_each(struct store *store, struct slice membership,
                    store_room_fn *fn, void *arg, struct err *err);

/* One state event; content is JSON text. */
struct store_state {
    struct slice room_id, type, state_key, sender, event_id, content;
    int64_t origin_server_ts;
};
int store_state_put(struct store *store, const struct store_state *state,
                    struct err *err);
/* Everything of the room's state (before a replacement, or when forgotten);
 * its members are incomplete then. The encryption latch stays. */
int store_state_clear(struct store *store, struct slice room_id,
                      struct err *err);
/* 1 found, 0 absent, -1. Slices valid until the next store call. */
int store_state_get(struct store *store, struct slice room_id,
                    struct slice type, struct slice state_key,
                    struct store_state *state, struct err *err);
typedef bool store_state_fn(void *arg, const struct store_state *state);
/* A type's events in byte order of the state key; after: keys greater than it
 * (absent: from the start). */
int store_state_each(struct store *store, struct slice room_id,
                     struct slice type, struct slice after, store_state_fn *fn,
                     void *arg, struct err *err);

/* ---- store_inbox.c: events to deliver ---------------------------------- */

enum store_delivery {
    STORE_QUEUED,
    STORE_STARTED,
    STORE_DONE,
    STORE_FAILED,
    STORE_CANCELLED,
    STORE_DEAD /* failed after its last attempt: the dead letter */
};

struct store_event {
    int64_t id;            /* row, set by the store */
    int64_t batch, idx;    /* order: batch of the response, place in it */
    struct slice room_id;  /* "" outside rooms */
    struct slice event_id; /* absent for ephemeral, account data, to-device,
                              invites */
    struct slice section;  /* "timeline" "invite" "knock" "ephemeral"
                              "account_data" "room_account_data" "to_device"
                              "presence" */
    struct slice type;
    struct slice json; /* the raw event */
    bool history;      /* older than catch_up, or before we joined */
};
/* Adds an event once. Returns 1 with *id set, 0 when this (room, event id)
 * is there already (*id its row), -1. Inside a write or an ingest. */
int store_inbox_add(struct store *store, const struct store_event *event,
                    int64_t *id, struct err *err);
/* One delivery of an event to a script, state queued; once per script. */
int store_delivery_add(struct store *store, int64_t event, const char *script,
                       struct err *err);
struct store_delivery_row {
    int64_t id; /* of the delivery */
    int attempt;
    bool redelivered;
    int64_t changed; /* of a dead letter: when it was set aside, wall ms */
    struct store_event event;
};
/* Queued rows of a script after (batch, idx), in that order, at most max; the
 * callback must not write. Returns how many, or -1. */
typedef void store_delivery_fn(void *arg, const struct store_delivery_row *row);
int store_delivery_read(struct store *store, const char *script, int64_t batch,
                        int64_t idx, int max, store_delivery_fn *fn, void *arg,
                        struct err *err);
/* started, attempt + 1; -1 for a row that is not queued. Inside a write. */
int store_delivery_claim(struct store *store, int64_t id, struct err *err);
/* error may be NULL. Back to STORE_QUEUED: give_back takes the attempt back. */
int store_delivery_mark(struct store *store, int64_t id,
                        enum store_delivery state, const char *error,
                        bool give_back, struct err *err);
/* At start: started rows become queued and redelivered, or dead when they
 * used up `attempts`; queued rows become redelivered too. *dead: how many
 * died now. Inside a write. */
int store_delivery_recover(struct store *store, int attempts, int *dead,
                           struct err *err);
/* Unfinished rows of scripts not in names become cancelled; *dropped: how
 * many. Inside a write. */
int store_delivery_drop_others(struct store *store, const char *const *names,
                               int count, int *dropped, struct err *err);
/* Unfinished rows of the account (queued and started); -1. */
int64_t store_delivery_unfinished(struct store *store, struct err *err);
/* Dead letters, newest first, at most max. */
typedef void store_dead_fn(void *arg, const struct store_delivery_row *row,
                           const char *script, const char *error);
int store_delivery_dead(struct store *store, int max, store_dead_fn *fn,
                        void *arg, struct err *err);
/* How many rows of each script that has any are unfinished, and dead. */
typedef void store_count_fn(void *arg, const char *script, int64_t unfinished,
                            int64_t dead);
int store_delivery_count(struct store *store, store_count_fn *fn, void *arg,
                         struct err *err);
/* Deletes finished events older than keep_ms; dead letters are kept for
 * LIMIT_KEEP_DEAD_MS. Inside a write. */
int store_inbox_prune(struct store *store, int64_t now_ms, int64_t keep_ms,
                      struct err *err);

/* ---- store_outbox.c: sends --------------------------------------------- */

enum store_send {
    STORE_SEND_WAITING, /* committed, not yet tried or to be tried again */
    STORE_SEND_SENT,    /* settled: event_id is set */
    STORE_SEND_REFUSED  /* settled: the server said no; error is set */
};
struct store_outbox_row {
    int64_t id;
    enum store_send state;
    struct slice txn_id, script, room_id, type;
    struct slice redacts;  /* absent but for redactions */
    struct slice content;  /* JSON, the very bytes that go out */
    struct slice event_id; /* when sent */
    struct slice error;    /* when refused: JSON {errcode, error, status} */
    int64_t first_try, last_try; /* wall ms, 0 never */
    int64_t cause; /* delivery row whose handler made it, or minus a job's id,
                      0 none */
};
/* Adds a send once. 1 added, 0 a row with this txn_id is there; either way
 * *id is set. -1. Inside a write. */
int store_outbox_put(struct store *store, const struct store_outbox_row *row,
                     int64_t *id, struct err *err);
/* Forgets a refusal: the same id may be put again. Inside a write. */
int store_outbox_renew(struct store *store, struct slice txn_id,
                       struct err *err);
/* 1 found, 0, -1; slices valid until the next store call. */
int store_outbox_get(struct store *store, int64_t id,
                     struct store_outbox_row *row, struct err *err);
int store_outbox_find(struct store *store, struct slice txn_id,
                      struct store_outbox_row *row, struct err *err);
/* Inside a write or an ingest. A sent row stays sent, with its first event id;
 * a refused one becomes sent when its echo comes. */
int store_outbox_tried(struct store *store, int64_t id, int64_t now,
                       struct err *err);
int store_outbox_sent(struct store *store, int64_t id, struct slice event_id,
                      int64_t now, struct err *err);
int store_outbox_refused(struct store *store, int64_t id, struct slice error,
                         int64_t now, struct err *err);
/* Waiting rows in order of id. */
typedef void store_outbox_fn(void *arg, const struct store_outbox_row *row);
int store_outbox_waiting(struct store *store, store_outbox_fn *fn, void *arg,
                         struct err *err);
/* Deletes settled rows older than keep_ms, but those whose cause is unfinished
 * (a delivery, or below 0 a job),
 * and waiting rows never tried whose cause is still to be delivered again (at
 * start, prune_untried true). Inside a write. */
int store_outbox_prune(struct store *store, int64_t now, int64_t keep_ms,
                       bool prune_untried, struct err *err);

/* ---- store_kv.c: bot.store, in scripts.db ------------------------------ */

/* Each is one transaction of its own; value is JSON text. expires: wall ms, 0
 * never; an expired key is absent. get: 1, 0, -1; expires may be NULL. set
 * checks the script's quota, which is for the bytes of keys and values:
 * ERR_LIMIT. */
int store_kv_get(struct store *store, const char *script, struct slice key,
                 struct buf *value, int64_t *expires, struct err *err);
int store_kv_set(struct store *store, const char *script, struct slice key,
                 struct slice value, int64_t expires, size_t quota,
                 struct err *err);
int store_kv_delete(struct store *store, const char *script, struct slice key,
                    struct err *err);
/* Keys with that prefix, in byte order, one call each; after: keys greater
 * than it (absent: from the start); at most max. Returns how many, or -1. */
typedef void store_key_fn(void *arg, struct slice key);
int store_kv_keys(struct store *store, const char *script, struct slice prefix,
                  struct slice after, int max, store_key_fn *fn, void *arg,
                  struct err *err);
/* The first key with that prefix after `after` (absent: from the start), in
 * byte order. 1, 0 no more, -1. Slices valid until the next store call but
 * one, so that key may be the next `after`; nothing stays open between two. */
int store_kv_next(struct store *store, const char *script, struct slice prefix,
                  struct slice after, struct slice *key, struct slice *value,
                  int64_t *expires, struct err *err);
/* Every owner of keys or jobs, in byte order: "script", or "script/space" of
 * what the library keeps for one. bytes: of the quota, as it is used now. */
typedef void store_owner_fn(void *arg, const char *owner, int64_t keys,
                            int64_t bytes);
int store_kv_scripts(struct store *store, store_owner_fn *fn, void *arg,
                     struct err *err);

/* Of SQLite, "3.45.1". */
const char *store_version(void);

/* ---- store_job.c: durable jobs, in scripts.db --------------------------- */

enum store_job_state {
    STORE_JOB_WAITING, /* for its time, or for another attempt */
    STORE_JOB_STARTED,
    STORE_JOB_DONE, /* kept for a while, without its data, for its origin */
    STORE_JOB_DEAD  /* set aside */
};
struct store_job {
    int64_t id;
    struct slice script, name;
    struct slice key;     /* of (script, name), absent: none */
    struct slice origin;  /* what made it, absent: nothing that may come again;
                             only for store_job_put */
    struct slice data;    /* JSON */
    int64_t due, created; /* wall ms */
    int attempt;          /* how often it began */
    int crashes;          /* how often of these the program ended */
    struct slice error;   /* of a dead one */
};
/* Each is one transaction of its own, at once.
 *
 * put sets id and created. 1: added; one of the same key that waits is gone
 * then, one that runs loses its key. 0: there is one of the same origin, whose
 * id, due and attempt are set. -1; ERR_LIMIT: `most` wait already, or the
 * script's quota (see store_kv_set) is used up. */
int store_job_put(struct store *store, struct store_job *job, int most,
                  size_t quota, struct err *err);
/* A job that waits. 1; 0: it runs, has ended, is of another script; -1. */
int store_job_get(struct store *store, const char *script, int64_t id,
                  struct store_job *job, struct err *err);
/* Those of a name that wait, after (due, id), in that order. Returns how many,
 * or -1. The callback must not write. */
typedef void store_job_fn(void *arg, const struct store_job *job);
int store_job_each(struct store *store, const char *script, struct slice name,
                   int64_t due, int64_t id, int max, store_job_fn *fn,
                   void *arg, struct err *err);
/* The first of that name that is due by then. 1, 0, -1. */
int store_job_next(struct store *store, const char *script, const char *name,
                   int64_t now, struct store_job *job, struct err *err);
/* When the first one after that moment is due, whatever its name. 1, 0, -1. */
int store_job_when(struct store *store, const char *script, int64_t after,
                   int64_t *due, struct err *err);
/* The first of each name that is due by then. */
int store_job_names(struct store *store, const char *script, int64_t now,
                    store_job_fn *fn, void *arg, struct err *err);
struct store_job_count {
    int waiting, running, dead;
};
int store_job_count(struct store *store, const char *script,
                    struct store_job_count *count, struct err *err);
/* A job that waits has begun: attempt + 1. 0 or -1. */
int store_job_claim(struct store *store, int64_t id, struct err *err);
/* One that began. WAITING: it is due again then (0: as it was); give_back:
 * the attempt does not count. error: of a dead one, or NULL. */
int store_job_end(struct store *store, int64_t id, enum store_job_state state,
                  int64_t due, bool give_back, const char *error,
                  struct err *err);
/* 1: it waited, and is gone. 0, -1. */
int store_job_cancel(struct store *store, const char *script, int64_t id,
                     struct err *err);
/* What that script's jobs began when the program ended: they wait again, or
 * are dead after `attempts` such ends. *dead: how many died now. */
int store_job_recover(struct store *store, const char *script, int attempts,
                      int *dead, struct err *err);
/* Those set aside, of all scripts, newest first. */
int store_job_dead(struct store *store, int max, store_job_fn *fn, void *arg,
                   struct err *err);

#endif
