#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "buf.h"
#include "list.h"
#include "loop.h"
#include "slice.h"
#include "store.h"

/* Shared by store*.c alone. */

struct sqlite3;
struct sqlite3_stmt;

/* One name per statement text; each is prepared once, at its first use. */
enum store_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_SAVEPOINT,
    STATEMENT_ROLLBACK_TO,
    STATEMENT_RELEASE,
    STATEMENT_META_GET,
    STATEMENT_META_SET,

    STATEMENT_ROOM_MEMBERSHIP,
    STATEMENT_ROOM_JOINED_TS,
    STATEMENT_ROOM_SUMMARY,
    STATEMENT_ROOM_COMPLETE,
    STATEMENT_ROOM_INCOMPLETE,
    STATEMENT_ROOM_ENCRYPTED,
    STATEMENT_ROOM_DIRECT_NONE,
    STATEMENT_ROOM_DIRECT,
    STATEMENT_ROOM_DIRECT_INVITE,
    STATEMENT_ROOM_GET,
    STATEMENT_ROOM_EACH,
    STATEMENT_STATE_PUT,
    STATEMENT_STATE_CLEAR,
    STATEMENT_STATE_GET,
    STATEMENT_STATE_EACH,
    STATEMENT_STATE_AFTER,

    STATEMENT_INBOX_ADD,
    STATEMENT_INBOX_FIND,
    STATEMENT_INBOX_PRUNE,
    STATEMENT_DELIVERY_ADD,
    STATEMENT_DELIVERY_READ,
    STATEMENT_DELIVERY_CLAIM,
    STATEMENT_DELIVERY_MARK,
    STATEMENT_DELIVERY_BURY,
    STATEMENT_DELIVERY_REQUEUE,
    STATEMENT_DELIVERY_NEXT_SCRIPT,
    STATEMENT_DELIVERY_DROP,
    STATEMENT_DELIVERY_UNFINISHED,
    STATEMENT_DELIVERY_DEAD,
    STATEMENT_DELIVERY_COUNT,

    STATEMENT_OUTBOX_PUT,
    STATEMENT_OUTBOX_GET,
    STATEMENT_OUTBOX_FIND,
    STATEMENT_OUTBOX_RENEW,
    STATEMENT_OUTBOX_TRIED,
    STATEMENT_OUTBOX_SENT,
    STATEMENT_OUTBOX_REFUSED,
    STATEMENT_OUTBOX_WAITING,
    STATEMENT_OUTBOX_PRUNE,
    STATEMENT_OUTBOX_PRUNE_UNTRIED,

    STATEMENT_KV_GET,
    STATEMENT_KV_EXPIRE,
    STATEMENT_KV_ROOM,
    STATEMENT_KV_SET,
    STATEMENT_KV_DELETE,
    STATEMENT_KV_KEYS_FROM,
    STATEMENT_KV_KEYS_AFTER,
    STATEMENT_KV_NEXT_FROM,
    STATEMENT_KV_NEXT_AFTER,
    STATEMENT_KV_SCRIPTS,

    STATEMENT_JOB_PRUNE,
    STATEMENT_JOB_ORIGIN,
    STATEMENT_JOB_REPLACE,
    STATEMENT_JOB_UNKEY,
    STATEMENT_JOB_ROOM,
    STATEMENT_JOB_ADD,
    STATEMENT_JOB_GET,
    STATEMENT_JOB_EACH,
    STATEMENT_JOB_NEXT,
    STATEMENT_JOB_WHEN,
    STATEMENT_JOB_NAMES,
    STATEMENT_JOB_COUNT,
    STATEMENT_JOB_CLAIM,
    STATEMENT_JOB_END,
    STATEMENT_JOB_CANCEL,
    STATEMENT_JOB_BURY,
    STATEMENT_JOB_REQUEUE,
    STATEMENT_JOB_DEAD,
    STATEMENT_JOB_TRIED,

    STATEMENTS
};

/* ---- store_file.c: one database file ----------------------------------- */

struct store_file {
    struct sqlite3 *db;
    const char *name; /* "account.db", for messages */
    struct sqlite3_stmt *statements[STATEMENTS];
};

/* Steps of a schema: step n leads from user_version n to n + 1. */
struct store_schema {
    const char *const *steps;
    int count;
};
/* ---- store_schema.c */
extern const struct store_schema store_schema_account, store_schema_scripts;

/* Makes (0600) or opens name in directory, NULL: in memory, and migrates. On
 * failure the file is closed. */
int store_file_open(struct store_file *file, const char *directory,
                    const char *name, const struct store_schema *schema,
                    struct err *err);
/* Opens what is there for reading; its schema must be the newest. */
int store_file_look(struct store_file *file, const char *directory,
                    const char *name, const struct store_schema *schema,
                    struct err *err);
/* Makes a file with mode 0600, or checks that nobody else can use it. */
int store_file_private(const char *path, struct err *err);
void store_file_close(struct store_file *file);
/* Whether a transaction is open. After some failures (a full disk) SQLite has
 * rolled back the whole transaction by itself; then it is not. */
bool store_file_in_transaction(const struct store_file *file);
int store_file_begin(struct store_file *file, struct err *err);
/* Commits or rolls back; on failure everything is rolled back. */
int store_file_end(struct store_file *file, bool commit, struct err *err);
/* What SQLite last complained about. Returns -1. */
int store_file_failed(struct store_file *file, const char *what, int code,
                      struct err *err);

/* ---- store_query.c: one use of a statement ------------------------------ */

/* open, values, then run; or open, values, step while it returns 1, close.
 * A failure of open or of a value is reported by run or step. */
struct store_query {
    struct store_file *file;
    struct sqlite3_stmt *stmt;
    const char *what; /* "store a member": cannot <what> in account.db */
    int code;         /* the first failure, an SQLite code */
    bool busy;        /* opened inside a walk of itself */
};
void store_query_open(struct store_query *query, struct store_file *file,
                      enum store_statement which, const char *what,
                      const char *sql);
/* Values count from 1. Bytes are borrowed until close; absent is NULL. */
void store_query_text(struct store_query *query, int at, struct slice value);
void store_query_int(struct store_query *query, int at, int64_t value);
/* 1: a row is there; 0: no more; -1. */
int store_query_step(struct store_query *query, struct err *err);
/* Columns count from 0. Slices are valid until the next step or close. */
struct slice store_query_slice(struct store_query *query, int column);
/* The same, NUL-terminated; "" for NULL and when memory ran out. */
const char *store_query_string(struct store_query *query, int column);
int64_t store_query_number(struct store_query *query, int column);
/* Resets the statement: no read transaction stays open between calls. */
void store_query_close(struct store_query *query);
/* Runs a change to its end and closes. Refused outside a transaction. */
int store_query_run(struct store_query *query, struct err *err);
/* After a run: rows it changed; the id of the row it inserted. */
int store_query_changes(const struct store_query *query);
int64_t store_query_inserted(const struct store_query *query);

/* ---- store.c, store_write.c --------------------------------------------- */

struct store {
    struct loop *loop;
    int lock; /* descriptor, -1 in memory */
    struct store_file account, scripts;

    unsigned job_puts; /* store_job.c: some of them delete old rows */
    struct list queue; /* of struct write */
    int queued;
    struct tick *tick;
    int turns;      /* until the queue is committed */
    bool ingesting; /* the gate is shut */
    bool writing;   /* run functions are being called */
    bool closing;

    struct buf rows[2]; /* what getters returned last and before that */
    int row;
};

/* Copies count slices into the store and makes them point at the copies, so
 * that they outlive the statement they came from. */
int store_keep(struct store *store, struct slice *const *slices, int count,
               struct err *err);
/* ---- store_job.c: appends the ids of jobs that began and will run again, as
 * a JSON array. */
int store_job_tried(struct store *store, struct buf *out, struct err *err);
/* ---- store_lock.c */
/* Returns the descriptor that holds the lock of the folder, or -1. */
int store_lock_take(const char *directory, struct err *err);

#endif
