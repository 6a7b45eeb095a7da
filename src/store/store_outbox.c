#include "store_internal.h"

#include "limits.h"

/* Statements say `state = 0` and `state > 0` in numbers of enum store_send:
 * that is how SQLite recognises partial indexes. */
_Static_assert(STORE_SEND_WAITING == 0 && STORE_SEND_SENT == 1 &&
                   STORE_SEND_REFUSED == 2,
               "numbers in statements and in files");

int store_outbox_put(struct store *store, const struct store_outbox_row *row,
                     int64_t *id, struct err *err)
{
    struct store_outbox_row known;
    int found = store_outbox_find(store, row->txn_id, &known, err);
    if (found == 1)
        *id = known.id;
    if (found != 0)
        return found < 0 ? -1 : 0;
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_PUT,
                     "store a send",
                     "INSERT INTO outbox(txn_id, script, room_id, type,"
                     "    redacts, content, cause, changed)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    store_query_text(&query, 1, row->txn_id);
    store_query_text(&query, 2, row->script);
    store_query_text(&query, 3, row->room_id);
    store_query_text(&query, 4, row->type);
    store_query_text(&query, 5, row->redacts);
    store_query_text(&query, 6, row->content);
    store_query_int(&query, 7, row->cause);
    store_query_int(&query, 8, loop_wall(store->loop));
    if (store_query_run(&query, err) < 0)
        return -1;
    *id = store_query_inserted(&query);
    return 1;
}

#define COLUMNS                                                                \
    "id, state, txn_id, script, room_id, type, redacts, event_id, error,"      \
    " first_try, last_try, cause, content"

static void read_row(struct store_query *query, struct store_outbox_row *row)
{
    *row = (struct store_outbox_row) {
        .id = store_query_number(query, 0),
        .state = (enum store_send)store_query_number(query, 1),
        .txn_id = store_query_slice(query, 2),
        .script = store_query_slice(query, 3),
        .room_id = store_query_slice(query, 4),
        .type = store_query_slice(query, 5),
        .redacts = store_query_slice(query, 6),
        .event_id = store_query_slice(query, 7),
        .error = store_query_slice(query, 8),
        .first_try = store_query_number(query, 9),
        .last_try = store_query_number(query, 10),
        .cause = store_query_number(query, 11),
        .content = store_query_slice(query, 12),
    };
}

/* Takes the one row of a query, and closes it. */
static int get_row(struct store *store, struct store_query *query,
                   struct store_outbox_row *row, struct err *err)
{
    int found = store_query_step(query, err);
    if (found == 1) {
        struct slice *const texts[] = {
            &row->txn_id,  &row->script,   &row->room_id, &row->type,
            &row->redacts, &row->event_id, &row->error,   &row->content,
        };
        read_row(query, row);
        if (store_keep(store, texts, 8, err) < 0)
            found = -1;
    }
    store_query_close(query);
    return found;
}

int store_outbox_renew(struct store *store, struct slice txn_id,
                       struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_RENEW,
                     "forget a refusal",
                     "DELETE FROM outbox WHERE txn_id = ?1 AND state = 2");
    store_query_text(&query, 1, txn_id);
    return store_query_run(&query, err);
}

int store_outbox_get(struct store *store, int64_t id,
                     struct store_outbox_row *row, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_GET,
                     "read a send",
                     "SELECT " COLUMNS " FROM outbox WHERE id = ?1");
    store_query_int(&query, 1, id);
    return get_row(store, &query, row, err);
}

int store_outbox_find(struct store *store, struct slice txn_id,
                      struct store_outbox_row *row, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_FIND,
                     "look for a send",
                     "SELECT " COLUMNS " FROM outbox WHERE txn_id = ?1");
    store_query_text(&query, 1, txn_id);
    return get_row(store, &query, row, err);
}

/* Runs a change of one send at a time, which must be there. */
static int run_one(struct store_query *query, int64_t id, int64_t now,
                   struct err *err)
{
    store_query_int(query, 1, id);
    store_query_int(query, 2, now);
    const char *what = query->what;
    if (store_query_run(query, err) < 0)
        return -1;
    if (store_query_changes(query) == 1)
        return 0;
    return err_set(err, ERR_STORE, "cannot %s: there is no send %lld", what,
                   (long long)id);
}

int store_outbox_tried(struct store *store, int64_t id, int64_t now,
                       struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_TRIED,
                     "mark a send as tried",
                     "UPDATE outbox SET last_try = ?2,"
                     "    first_try = iif(first_try = 0, ?2, first_try)"
                     " WHERE id = ?1");
    return run_one(&query, id, now, err);
}

int store_outbox_sent(struct store *store, int64_t id, struct slice event_id,
                      int64_t now, struct err *err)
{
    /* Also over a refusal: an echo in /sync is the better witness. The
     * answer and the echo may both come; the first settles. */
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_SENT,
                     "mark a send as sent",
                     "UPDATE outbox SET state = 1, error = NULL,"
                     "    event_id = iif(state = 1, event_id, ?3),"
                     "    changed = iif(state = 1, changed, ?2)"
                     " WHERE id = ?1");
    store_query_text(&query, 3, event_id);
    return run_one(&query, id, now, err);
}

int store_outbox_refused(struct store *store, int64_t id, struct slice error,
                         int64_t now, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_REFUSED,
                     "mark a send as refused",
                     "UPDATE outbox SET state = iif(state = 0, 2, state),"
                     "    error = iif(state = 0, ?3, error),"
                     "    changed = iif(state = 0, ?2, changed)"
                     " WHERE id = ?1");
    store_query_text(&query, 3, error);
    return run_one(&query, id, now, err);
}

int store_outbox_waiting(struct store *store, store_outbox_fn *fn, void *arg,
                         struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_WAITING,
                     "read waiting sends",
                     "SELECT " COLUMNS " FROM outbox WHERE state = 0"
                     " ORDER BY id");
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct store_outbox_row row;
        read_row(&query, &row);
        fn(arg, &row);
    }
    store_query_close(&query);
    return status;
}

int store_outbox_prune(struct store *store, int64_t now, int64_t keep_ms,
                       bool prune_untried, struct err *err)
{
    /* While its handler may run again, a settled send must be found. */
    struct store_query query;
    struct buf jobs;
    buf_init(&jobs, LIMIT_ROW);
    if (store_job_tried(store, &jobs, err) < 0) {
        buf_free(&jobs);
        return -1;
    }
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_PRUNE,
                     "delete old sends",
                     "DELETE FROM outbox WHERE state > 0 AND changed < ?1"
                     " AND NOT EXISTS(SELECT 1 FROM delivery"
                     "    WHERE id = outbox.cause AND state < 2)"
                     " AND (cause >= 0 OR -cause NOT IN"
                     "    (SELECT value FROM json_each(?2)))");
    store_query_int(&query, 1, now - keep_ms);
    store_query_text(&query, 2, buf_slice(&jobs));
    int status = store_query_run(&query, err);
    buf_free(&jobs);
    if (status < 0)
        return -1;
    if (!prune_untried)
        return 0;
    store_query_open(&query, &store->account, STATEMENT_OUTBOX_PRUNE_UNTRIED,
                     "delete sends that will be made again",
                     "DELETE FROM outbox WHERE state = 0 AND first_try = 0"
                     " AND EXISTS(SELECT 1 FROM delivery"
                     "    WHERE id = outbox.cause AND state < 2)");
    return store_query_run(&query, err);
}
