#include "store_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "limits.h"

/* Group commit: what is queued runs in one transaction, each write in a
 * savepoint of its own, so that a failing one undoes only itself.
 *
 * The commit comes LIMIT_COMMIT_TURNS turns after the first write. A sync of
 * the disk takes milliseconds, a turn that waits for nothing microseconds; and
 * what a settled send sets off (its handler ends, the next event of the room
 * is claimed) is queued one turn after the other. */

struct write {
    struct list node;
    store_write_fn *run;
    store_done_fn *done;
    void *arg;
    bool failed;
    struct err *err; /* why, owned; NULL: no memory was left to keep it */
};

static const struct err no_memory = {
    .kind = ERR_SYSTEM,
    .retry_after_ms = -1,
    .text = "cannot store: out of memory",
};

static const struct err no_reason = {
    .kind = ERR_STORE,
    .retry_after_ms = -1,
    .text = "cannot store: no reason was given",
};

static void fail_write(struct write *write, const struct err *err)
{
    write->failed = true;
    write->err = malloc(sizeof(*write->err));
    if (write->err)
        *write->err = *err;
}

static int savepoint(struct store *store, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_SAVEPOINT,
                     "begin a write", "SAVEPOINT write");
    return store_query_run(&query, err);
}

static int roll_back_to(struct store *store, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROLLBACK_TO,
                     "undo a write", "ROLLBACK TO write");
    return store_query_run(&query, err);
}

static int release(struct store *store, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_RELEASE, "end a write",
                     "RELEASE write");
    return store_query_run(&query, err);
}

/* -1 only when the transaction as a whole is lost. */
static int run_write(struct store *store, struct write *write, struct err *err)
{
    if (savepoint(store, err) < 0)
        return -1;
    struct err why = no_reason;
    if (write->run(store, write->arg, &why) < 0) {
        fail_write(write, &why);
        if (!store_file_in_transaction(&store->account)) {
            *err = why;
            return -1;
        }
        if (roll_back_to(store, err) < 0)
            return -1;
    }
    return release(store, err);
}

static int commit_batch(struct store *store, struct list *batch,
                        struct err *err)
{
    if (store_file_begin(&store->account, err) < 0)
        return -1;
    int status = 0;
    store->writing = true;
    list_each(node, batch)
    {
        status = run_write(store, list_entry(node, struct write, node), err);
        if (status < 0)
            break;
    }
    store->writing = false;
    if (status == 0)
        return store_file_end(&store->account, true, err);
    store_file_end(&store->account, false, NULL);
    return -1;
}

/* err: why the whole batch failed, or NULL. */
static void finish_batch(struct list *batch, const struct err *err)
{
    struct list *node;
    while ((node = list_first(batch)) != NULL) {
        list_remove(node);
        struct write write = *list_entry(node, struct write, node);
        free(list_entry(node, struct write, node));
        const struct err *why = err;
        if (write.failed)
            why = write.err ? write.err : &no_memory;
        if (write.done)
            write.done(write.arg, why);
        free(write.err);
    }
}

static void run_queue(struct store *store)
{
    if (list_empty(&store->queue))
        return;
    struct list batch;
    struct list *node;
    list_init(&batch);
    while ((node = list_first(&store->queue)) != NULL) {
        list_remove(node);
        list_push(&batch, node);
    }
    store->queued = 0;
    struct err err;
    bool failed = commit_batch(store, &batch, &err) < 0;
    finish_batch(&batch, failed ? &err : NULL);
}

static void on_tick(void *arg)
{
    struct store *store = arg;
    store->tick = NULL;
    if (store->ingesting)
        return;
    if (--store->turns > 0)
        store->tick = tick_start(store->loop, on_tick, store, NULL);
    if (!store->tick) /* or no memory for it: early is better than never */
        run_queue(store);
}

static int wake(struct store *store, struct err *err)
{
    if (store->tick || store->ingesting || list_empty(&store->queue))
        return 0;
    store->turns = LIMIT_COMMIT_TURNS;
    store->tick = tick_start(store->loop, on_tick, store, err);
    return store->tick ? 0 : -1;
}

static int refuse(const struct store *store, struct err *err)
{
    if (store->closing)
        return err_set(err, ERR_CANCELLED,
                       "cannot store: the account is being closed");
    return err_set(err, ERR_LIMIT, "cannot store: %d writes wait already",
                   store->queued);
}

int store_write(struct store *store, store_write_fn *run, store_done_fn *done,
                void *arg, struct err *err)
{
    if (store->closing || store->queued >= LIMIT_WRITES)
        return refuse(store, err);
    struct write *write = calloc(1, sizeof(*write));
    if (!write)
        return err_set(err, ERR_SYSTEM, "cannot store: out of memory");
    write->run = run;
    write->done = done;
    write->arg = arg;
    list_push(&store->queue, &write->node);
    if (wake(store, err) < 0) {
        list_remove(&write->node);
        free(write);
        return -1;
    }
    store->queued++;
    return 0;
}

void store_flush(struct store *store)
{
    assert(!store->ingesting && !store->writing);
    tick_cancel(store->tick);
    store->tick = NULL;
    run_queue(store);
}

int store_ingest_begin(struct store *store, struct err *err)
{
    if (store->ingesting || store->writing)
        return err_set(err, ERR_MISUSE,
                       "cannot begin an ingest: a transaction is open");
    if (store_file_begin(&store->account, err) < 0)
        return -1;
    store->ingesting = true;
    return 0;
}

int store_ingest_end(struct store *store, bool commit, struct err *err)
{
    if (!store->ingesting)
        return err_set(err, ERR_MISUSE, "cannot end an ingest: none has begun");
    int status = store_file_end(&store->account, commit, err);
    store->ingesting = false;
    /* Without memory for a tick they run now: early is better than never. */
    if (wake(store, NULL) < 0)
        run_queue(store);
    return status;
}

bool store_ingest_open(const struct store *store)
{
    return store->ingesting;
}
