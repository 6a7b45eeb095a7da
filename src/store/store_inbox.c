#include "store_internal.h"

#include "limits.h"

/* Statements say `state < 2` (unfinished) and `state = 5` (dead) in numbers
 * of enum store_delivery: that is how SQLite recognises partial indexes. */
_Static_assert(STORE_QUEUED == 0 && STORE_STARTED == 1 && STORE_DONE == 2 &&
                   STORE_CANCELLED == 4 && STORE_DEAD == 5,
               "numbers in statements and in files");

/* ---- events ---- */

/* 1 found, 0, -1. */
static int find_event(struct store *store, const struct store_event *event,
                      int64_t *id, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_INBOX_FIND,
                     "look for an event",
                     "SELECT id FROM inbox"
                     " WHERE room_id = ?1 AND event_id = ?2");
    store_query_text(&query, 1, event->room_id);
    store_query_text(&query, 2, event->event_id);
    int found = store_query_step(&query, err);
    if (found == 1)
        *id = store_query_number(&query, 0);
    store_query_close(&query);
    return found;
}

int store_inbox_add(struct store *store, const struct store_event *event,
                    int64_t *id, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_INBOX_ADD,
                     "store an event",
                     "INSERT INTO inbox(batch, idx, room_id, event_id,"
                     "    section, type, json, history, added)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                     " ON CONFLICT(room_id, event_id)"
                     "    WHERE event_id IS NOT NULL DO NOTHING");
    store_query_int(&query, 1, event->batch);
    store_query_int(&query, 2, event->idx);
    store_query_text(&query, 3, event->room_id);
    store_query_text(&query, 4, event->event_id);
    store_query_text(&query, 5, event->section);
    store_query_text(&query, 6, event->type);
    store_query_text(&query, 7, event->json);
    store_query_int(&query, 8, event->history);
    store_query_int(&query, 9, loop_wall(store->loop));
    if (store_query_run(&query, err) < 0)
        return -1;
    if (store_query_changes(&query) == 0)
        return find_event(store, event, id, err) < 0 ? -1 : 0;
    *id = store_query_inserted(&query);
    return 1;
}

int store_inbox_prune(struct store *store, int64_t now_ms, int64_t keep_ms,
                      struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_INBOX_PRUNE,
                     "delete old events",
                     "DELETE FROM inbox WHERE added < ?1 AND NOT EXISTS("
                     "  SELECT 1 FROM delivery WHERE event = inbox.id AND ("
                     "    state < 2 OR changed >= ?1"
                     "    OR (state = 5 AND changed >= ?2)))");
    store_query_int(&query, 1, now_ms - keep_ms);
    store_query_int(&query, 2, now_ms - LIMIT_KEEP_DEAD_MS);
    return store_query_run(&query, err);
}

/* ---- deliveries ---- */

int store_delivery_add(struct store *store, int64_t event, const char *script,
                       struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_ADD,
                     "store a delivery",
                     "INSERT INTO delivery(event, script, batch, idx, changed)"
                     " VALUES(?1, ?2,"
                     "    (SELECT batch FROM inbox WHERE id = ?1),"
                     "    (SELECT idx FROM inbox WHERE id = ?1), ?3)"
                     " ON CONFLICT(event, script) DO NOTHING");
    store_query_int(&query, 1, event);
    store_query_text(&query, 2, slice_str(script));
    store_query_int(&query, 3, loop_wall(store->loop));
    return store_query_run(&query, err);
}

#define ROW_COLUMNS                                                            \
    "d.id, d.attempt, d.redelivered, e.id, e.batch, e.idx, e.room_id,"         \
    " e.event_id, e.section, e.type, e.json, e.history"

static void read_row(struct store_query *query, struct store_delivery_row *row)
{
    *row = (struct store_delivery_row) {
        .id = store_query_number(query, 0),
        .attempt = (int)store_query_number(query, 1),
        .redelivered = store_query_number(query, 2) != 0,
        .event = {
            .id = store_query_number(query, 3),
            .batch = store_query_number(query, 4),
            .idx = store_query_number(query, 5),
            .room_id = store_query_slice(query, 6),
            .event_id = store_query_slice(query, 7),
            .section = store_query_slice(query, 8),
            .type = store_query_slice(query, 9),
            .json = store_query_slice(query, 10),
            .history = store_query_number(query, 11) != 0,
        },
    };
}

int store_delivery_read(struct store *store, const char *script, int64_t batch,
                        int64_t idx, int max, store_delivery_fn *fn, void *arg,
                        struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_READ,
                     "read queued events",
                     "SELECT " ROW_COLUMNS
                     " FROM delivery AS d JOIN inbox AS e ON e.id = d.event"
                     " WHERE d.script = ?1 AND d.state < 2 AND d.state = 0"
                     "    AND (d.batch, d.idx) > (?2, ?3)"
                     " ORDER BY d.batch, d.idx LIMIT ?4");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, batch);
    store_query_int(&query, 3, idx);
    store_query_int(&query, 4, max < 0 ? 0 : max);
    int count = 0;
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct store_delivery_row row;
        read_row(&query, &row);
        fn(arg, &row);
        count++;
    }
    store_query_close(&query);
    return status < 0 ? -1 : count;
}

/* Runs a change of one delivery, which must be there. */
static int run_one(struct store_query *query, int64_t id, const char *state,
                   struct err *err)
{
    store_query_int(query, 1, id);
    const char *what = query->what;
    if (store_query_run(query, err) < 0)
        return -1;
    if (store_query_changes(query) == 1)
        return 0;
    return err_set(err, ERR_STORE, "cannot %s: there is no %s delivery %lld",
                   what, state, (long long)id);
}

int store_delivery_claim(struct store *store, int64_t id, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_CLAIM,
                     "claim a delivery",
                     "UPDATE delivery"
                     " SET state = 1, attempt = attempt + 1, changed = ?2"
                     " WHERE id = ?1 AND state = 0");
    store_query_int(&query, 2, loop_wall(store->loop));
    return run_one(&query, id, "queued", err);
}

int store_delivery_mark(struct store *store, int64_t id,
                        enum store_delivery state, const char *error,
                        bool give_back, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_MARK,
                     "mark a delivery",
                     "UPDATE delivery SET state = ?2, error = ?3,"
                     "    attempt = max(attempt - ?4, 0), changed = ?5"
                     " WHERE id = ?1");
    store_query_int(&query, 2, state);
    store_query_text(&query, 3, slice_str(error));
    store_query_int(&query, 4, give_back ? 1 : 0);
    store_query_int(&query, 5, loop_wall(store->loop));
    return run_one(&query, id, "such", err);
}

/* What was started and has no attempt left. */
static int bury(struct store *store, int attempts, int *dead, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_BURY,
                     "set deliveries aside",
                     "UPDATE delivery SET state = 5, changed = ?2,"
                     "    error = 'the program ended during each of ' ||"
                     "        attempt || ' attempts'"
                     " WHERE state < 2 AND state = 1 AND attempt >= ?1");
    store_query_int(&query, 1, attempts);
    store_query_int(&query, 2, loop_wall(store->loop));
    if (store_query_run(&query, err) < 0)
        return -1;
    *dead = store_query_changes(&query);
    return 0;
}

int store_delivery_recover(struct store *store, int attempts, int *dead,
                           struct err *err)
{
    if (bury(store, attempts, dead, err) < 0)
        return -1;
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_REQUEUE,
                     "queue deliveries again",
                     "UPDATE delivery SET state = 0, redelivered = 1"
                     " WHERE state < 2");
    return store_query_run(&query, err);
}

static bool is_among(struct slice script, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (slice_is(script, names[i]))
            return true;
    return false;
}

/* The next script with unfinished rows, by bytes; after absent: the first. */
static int next_script(struct store *store, struct slice after,
                       struct slice *script, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_NEXT_SCRIPT,
                     "look for scripts",
                     "SELECT script FROM delivery"
                     " WHERE state < 2 AND script > coalesce(?1, '')"
                     " ORDER BY script LIMIT 1");
    store_query_text(&query, 1, after);
    int found = store_query_step(&query, err);
    if (found == 1) {
        *script = store_query_slice(&query, 0);
        if (store_keep(store, &script, 1, err) < 0)
            found = -1;
    }
    store_query_close(&query);
    return found;
}

static int drop_script(struct store *store, struct slice script, int *dropped,
                       struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_DROP,
                     "drop deliveries",
                     "UPDATE delivery SET state = 4, changed = ?2,"
                     "    error = 'the script is not configured any more'"
                     " WHERE state < 2 AND script = ?1");
    store_query_text(&query, 1, script);
    store_query_int(&query, 2, loop_wall(store->loop));
    if (store_query_run(&query, err) < 0)
        return -1;
    *dropped += store_query_changes(&query);
    return 0;
}

int store_delivery_drop_others(struct store *store, const char *const *names,
                               int count, int *dropped, struct err *err)
{
    struct slice script = SLICE_NONE;
    int found;
    *dropped = 0;
    while ((found = next_script(store, script, &script, err)) == 1)
        if (!is_among(script, names, count) &&
            drop_script(store, script, dropped, err) < 0)
            return -1;
    return found;
}

int64_t store_delivery_unfinished(struct store *store, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_UNFINISHED,
                     "count deliveries",
                     "SELECT count(*) FROM delivery WHERE state < 2");
    int64_t count = -1;
    if (store_query_step(&query, err) == 1)
        count = store_query_number(&query, 0);
    store_query_close(&query);
    return count;
}

int store_delivery_dead(struct store *store, int max, store_dead_fn *fn,
                        void *arg, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_DEAD,
                     "read dead letters",
                     "SELECT " ROW_COLUMNS ", d.script, coalesce(d.error, ''),"
                     "    d.changed"
                     " FROM delivery AS d JOIN inbox AS e ON e.id = d.event"
                     " WHERE d.state = 5"
                     " ORDER BY d.changed DESC, d.id DESC LIMIT ?1");
    store_query_int(&query, 1, max < 0 ? 0 : max);
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct store_delivery_row row;
        read_row(&query, &row);
        row.changed = store_query_number(&query, 14);
        fn(arg, &row, store_query_string(&query, 12),
           store_query_string(&query, 13));
    }
    store_query_close(&query);
    return status;
}

int store_delivery_count(struct store *store, store_count_fn *fn, void *arg,
                         struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_DELIVERY_COUNT,
                     "count deliveries",
                     "SELECT script, sum(open), sum(dead) FROM ("
                     "    SELECT script, count(*) AS open, 0 AS dead"
                     "    FROM delivery WHERE state < 2 GROUP BY script"
                     "    UNION ALL"
                     "    SELECT script, 0, count(*)"
                     "    FROM delivery WHERE state = 5 GROUP BY script)"
                     " GROUP BY script ORDER BY script");
    int status;
    while ((status = store_query_step(&query, err)) == 1)
        fn(arg, store_query_string(&query, 0), store_query_number(&query, 1),
           store_query_number(&query, 2));
    store_query_close(&query);
    return status;
}
