#include "store_internal.h"

#include "limits.h"

/* scripts.db. Statements say `state = 0` and its like in numbers of enum
 * store_job_state: that is how SQLite recognises partial indexes. */
_Static_assert(STORE_JOB_WAITING == 0 && STORE_JOB_STARTED == 1 &&
                   STORE_JOB_DONE == 2 && STORE_JOB_DEAD == 3,
               "numbers in statements and in files");

static void open_query(struct store_query *query, struct store *store,
                       enum store_statement which, const char *what,
                       const char *sql)
{
    store_query_open(query, &store->scripts, which, what, sql);
}

/* ---- reading ---- */

#define COLUMNS                                                                \
    "id, script, name, key, due, created, attempt, crashes, data, error"

static void read_job(struct store_query *query, struct store_job *job)
{
    *job = (struct store_job) {
        .id = store_query_number(query, 0),
        .script = store_query_slice(query, 1),
        .name = store_query_slice(query, 2),
        .key = store_query_slice(query, 3),
        .due = store_query_number(query, 4),
        .created = store_query_number(query, 5),
        .attempt = (int)store_query_number(query, 6),
        .crashes = (int)store_query_number(query, 7),
        .data = store_query_slice(query, 8),
        .error = store_query_slice(query, 9),
    };
}

/* The row at hand, so that it outlives its statement. */
static int read_one(struct store *store, struct store_query *query,
                    struct store_job *job, struct err *err)
{
    int found = store_query_step(query, err);
    if (found == 1) {
        read_job(query, job);
        struct slice *slices[] = { &job->script, &job->name, &job->key,
                                   &job->data, &job->error };
        if (store_keep(store, slices, 5, err) < 0)
            found = -1;
    }
    store_query_close(query);
    return found;
}

static int read_all(struct store_query *query, store_job_fn *fn, void *arg,
                    struct err *err)
{
    int count = 0;
    int status;
    while ((status = store_query_step(query, err)) == 1) {
        struct store_job job;
        read_job(query, &job);
        fn(arg, &job);
        count++;
    }
    store_query_close(query);
    return status < 0 ? -1 : count;
}

int store_job_get(struct store *store, const char *script, int64_t id,
                  struct store_job *job, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_GET, "read a job",
               "SELECT " COLUMNS " FROM job"
               " WHERE id = ?1 AND script = ?2 AND state = 0");
    store_query_int(&query, 1, id);
    store_query_text(&query, 2, slice_str(script));
    return read_one(store, &query, job, err);
}

int store_job_each(struct store *store, const char *script, struct slice name,
                   int64_t due, int64_t id, int max, store_job_fn *fn,
                   void *arg, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_EACH, "list jobs",
               "SELECT " COLUMNS " FROM job"
               " WHERE script = ?1 AND name = ?2 AND state = 0"
               "    AND (due, id) > (?3, ?4)"
               " ORDER BY due, id LIMIT ?5");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, name);
    store_query_int(&query, 3, due);
    store_query_int(&query, 4, id);
    store_query_int(&query, 5, max < 0 ? 0 : max);
    return read_all(&query, fn, arg, err);
}

int store_job_next(struct store *store, const char *script, const char *name,
                   int64_t now, struct store_job *job, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_NEXT, "look for due jobs",
               "SELECT " COLUMNS " FROM job"
               " WHERE script = ?1 AND name = ?2 AND state = 0 AND due <= ?3"
               " ORDER BY due, id LIMIT 1");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, slice_str(name));
    store_query_int(&query, 3, now);
    return read_one(store, &query, job, err);
}

int store_job_when(struct store *store, const char *script, int64_t after,
                   int64_t *due, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_WHEN, "look for due jobs",
               "SELECT due FROM job"
               " WHERE script = ?1 AND state = 0 AND due > ?2"
               " ORDER BY due LIMIT 1");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, after);
    int found = store_query_step(&query, err);
    if (found == 1)
        *due = store_query_number(&query, 0);
    store_query_close(&query);
    return found;
}

int store_job_names(struct store *store, const char *script, int64_t now,
                    store_job_fn *fn, void *arg, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_NAMES, "look for due jobs",
               "SELECT " COLUMNS ", min(due) FROM job"
               " WHERE script = ?1 AND state = 0 AND due <= ?2"
               " GROUP BY name");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, now);
    return read_all(&query, fn, arg, err);
}

int store_job_dead(struct store *store, int max, store_job_fn *fn, void *arg,
                   struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_DEAD, "read jobs set aside",
               "SELECT " COLUMNS " FROM job WHERE state = 3"
               " ORDER BY changed DESC, id DESC LIMIT ?1");
    store_query_int(&query, 1, max < 0 ? 0 : max);
    return read_all(&query, fn, arg, err);
}

int store_job_count(struct store *store, const char *script,
                    struct store_job_count *count, struct err *err)
{
    struct store_query query;
    *count = (struct store_job_count) { 0 };
    open_query(&query, store, STATEMENT_JOB_COUNT, "count jobs",
               "SELECT"
               "  (SELECT count(*) FROM job WHERE script = ?1 AND state = 0),"
               "  (SELECT count(*) FROM job WHERE script = ?1 AND state = 1),"
               "  (SELECT count(*) FROM job"
               "    WHERE script = ?1 AND state > 1 AND state = 3)");
    store_query_text(&query, 1, slice_str(script));
    int status = store_query_step(&query, err);
    if (status == 1) {
        count->waiting = (int)store_query_number(&query, 0);
        count->running = (int)store_query_number(&query, 1);
        count->dead = (int)store_query_number(&query, 2);
    }
    store_query_close(&query);
    return status < 0 ? -1 : 0;
}

int store_job_tried(struct store *store, struct buf *out, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_TRIED, "look for jobs",
               "SELECT id FROM job WHERE state = 1"
               " UNION ALL"
               " SELECT id FROM job WHERE state = 0 AND attempt > 0");
    buf_adds(out, "[");
    int status;
    while ((status = store_query_step(&query, err)) == 1)
        buf_addf(out, "%s%lld", out->len > 1 ? "," : "",
                 (long long)store_query_number(&query, 0));
    store_query_close(&query);
    buf_adds(out, "]");
    return status < 0 ? -1 : buf_check(out, "the list of jobs", err);
}

/* ---- adding ---- */

/* What has ended and is not looked for any more; now and then is enough. */
static int prune(struct store *store, struct slice script, struct err *err)
{
    int64_t now = loop_wall(store->loop);
    struct store_query query;
    if (store->job_puts++ % LIMIT_JOB_PAGE != 0)
        return 0;
    open_query(&query, store, STATEMENT_JOB_PRUNE, "delete old jobs",
               "DELETE FROM job WHERE script = ?1 AND state > 1 AND ("
               "  (state = 2 AND changed < ?2)"
               "  OR (state = 3 AND changed < ?3)"
               "  OR id IN (SELECT id FROM job WHERE script = ?1 AND state > 1"
               "    AND state = 2 ORDER BY changed DESC LIMIT -1 OFFSET ?4)"
               "  OR id IN (SELECT id FROM job WHERE script = ?1 AND state > 1"
               "    AND state = 3 ORDER BY changed DESC LIMIT -1 OFFSET ?5))");
    store_query_text(&query, 1, script);
    store_query_int(&query, 2, now - LIMIT_KEEP_DONE_MS);
    store_query_int(&query, 3, now - LIMIT_KEEP_DEAD_MS);
    store_query_int(&query, 4, LIMIT_JOBS);
    store_query_int(&query, 5, LIMIT_JOBS_DEAD);
    return store_query_run(&query, err);
}

/* 1: found, what is known of it is set. */
static int find_origin(struct store *store, struct store_job *job,
                       struct err *err)
{
    struct store_query query;
    if (!job->origin.ptr)
        return 0;
    open_query(&query, store, STATEMENT_JOB_ORIGIN, "look for a job",
               "SELECT id, due, created, attempt FROM job"
               " WHERE script = ?1 AND origin = ?2");
    store_query_text(&query, 1, job->script);
    store_query_text(&query, 2, job->origin);
    int found = store_query_step(&query, err);
    if (found == 1) {
        job->id = store_query_number(&query, 0);
        job->due = store_query_number(&query, 1);
        job->created = store_query_number(&query, 2);
        job->attempt = (int)store_query_number(&query, 3);
    }
    store_query_close(&query);
    return found;
}

/* The key is free for a new job. */
static int replace(struct store *store, const struct store_job *job,
                   struct err *err)
{
    struct store_query query;
    if (!job->key.ptr)
        return 0;
    open_query(&query, store, STATEMENT_JOB_REPLACE, "replace a job",
               "DELETE FROM job WHERE script = ?1 AND name = ?2 AND key = ?3"
               " AND state = 0");
    store_query_text(&query, 1, job->script);
    store_query_text(&query, 2, job->name);
    store_query_text(&query, 3, job->key);
    if (store_query_run(&query, err) < 0)
        return -1;
    open_query(&query, store, STATEMENT_JOB_UNKEY, "replace a job",
               "UPDATE job SET key = NULL"
               " WHERE script = ?1 AND name = ?2 AND key = ?3");
    store_query_text(&query, 1, job->script);
    store_query_text(&query, 2, job->name);
    store_query_text(&query, 3, job->key);
    return store_query_run(&query, err);
}

static int check_room(struct store *store, const struct store_job *job,
                      int most, size_t quota, struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_ROOM, "count jobs",
               "SELECT"
               "  (SELECT count(*) FROM job WHERE script = ?1 AND state = 0),"
               "  coalesce((SELECT bytes FROM usage WHERE script = ?1), 0)");
    store_query_text(&query, 1, job->script);
    int status = store_query_step(&query, err);
    int64_t waiting = status == 1 ? store_query_number(&query, 0) : 0;
    int64_t used = status == 1 ? store_query_number(&query, 1) : 0;
    store_query_close(&query);
    if (status < 0)
        return -1;
    if (waiting >= most)
        return err_set(err, ERR_LIMIT,
                       "cannot keep a job '%.*s': %lld wait already, which is "
                       "the most",
                       SLICE_ARG(job->name), (long long)waiting);
    if (job->data.len > quota || used > (int64_t)(quota - job->data.len))
        return err_set(err, ERR_LIMIT,
                       "cannot keep a job '%.*s': %lld bytes in the store and "
                       "in jobs and %zu now are over the quota of %zu",
                       SLICE_ARG(job->name), (long long)used, job->data.len,
                       quota);
    return 0;
}

static int add(struct store *store, struct store_job *job, struct err *err)
{
    struct store_query query;
    job->created = loop_wall(store->loop);
    open_query(&query, store, STATEMENT_JOB_ADD, "keep a job",
               "INSERT INTO job(script, name, key, origin, due, created,"
               "    changed, bytes, data)"
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)");
    store_query_text(&query, 1, job->script);
    store_query_text(&query, 2, job->name);
    store_query_text(&query, 3, job->key);
    store_query_text(&query, 4, job->origin);
    store_query_int(&query, 5, job->due);
    store_query_int(&query, 6, job->created);
    store_query_int(&query, 7, (int64_t)job->data.len);
    store_query_text(&query, 8, job->data);
    if (store_query_run(&query, err) < 0)
        return -1;
    job->id = store_query_inserted(&query);
    job->attempt = 0;
    return 1;
}

int store_job_put(struct store *store, struct store_job *job, int most,
                  size_t quota, struct err *err)
{
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    int status = prune(store, job->script, err);
    int found = status == 0 ? find_origin(store, job, err) : -1;
    if (found == 0) {
        status = replace(store, job, err);
        if (status == 0)
            status = check_room(store, job, most, quota, err);
        found = status == 0 ? add(store, job, err) : -1;
    } else if (found == 1) {
        found = 0;
    }
    if (found >= 0)
        return store_file_end(&store->scripts, true, err) < 0 ? -1 : found;
    store_file_end(&store->scripts, false, NULL);
    return -1;
}

/* ---- changing ---- */

/* Runs one change in a transaction of its own. Returns how many rows it
 * changed, or -1. */
static int run_alone(struct store *store, struct store_query *query,
                     struct err *err)
{
    if (store_query_run(query, err) < 0) {
        store_file_end(&store->scripts, false, NULL);
        return -1;
    }
    int count = store_query_changes(query);
    return store_file_end(&store->scripts, true, err) < 0 ? -1 : count;
}

/* The same for a job that must be there. */
static int run_one(struct store *store, struct store_query *query, int64_t id,
                   const char *state, struct err *err)
{
    const char *what = query->what;
    int count = run_alone(store, query, err);
    if (count == 0)
        return err_set(err, ERR_STORE, "cannot %s: there is no %s job %lld",
                       what, state, (long long)id);
    return count < 0 ? -1 : 0;
}

int store_job_claim(struct store *store, int64_t id, struct err *err)
{
    struct store_query query;
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    open_query(&query, store, STATEMENT_JOB_CLAIM, "claim a job",
               "UPDATE job SET state = 1, attempt = attempt + 1, changed = ?2"
               " WHERE id = ?1 AND state = 0");
    store_query_int(&query, 1, id);
    store_query_int(&query, 2, loop_wall(store->loop));
    return run_one(store, &query, id, "waiting", err);
}

/* What is done is kept only for its origin, and dead ones have no key: the
 * key is free. */
int store_job_end(struct store *store, int64_t id, enum store_job_state state,
                  int64_t due, bool give_back, const char *error,
                  struct err *err)
{
    struct store_query query;
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    open_query(&query, store, STATEMENT_JOB_END, "mark a job",
               "UPDATE job SET state = ?2, error = ?3, changed = ?4,"
               "    due = iif(?2 = 0 AND ?5 > 0, ?5, due),"
               "    attempt = attempt - ?6,"
               "    key = iif(?2 = 0, key, NULL),"
               "    data = iif(?2 = 2, 'null', data),"
               "    bytes = iif(?2 = 0, bytes, 0)"
               " WHERE id = ?1 AND state = 1");
    store_query_int(&query, 1, id);
    store_query_int(&query, 2, state);
    store_query_text(&query, 3, slice_str(error));
    store_query_int(&query, 4, loop_wall(store->loop));
    store_query_int(&query, 5, due);
    store_query_int(&query, 6, give_back ? 1 : 0);
    return run_one(store, &query, id, "running", err);
}

int store_job_cancel(struct store *store, const char *script, int64_t id,
                     struct err *err)
{
    struct store_query query;
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    open_query(&query, store, STATEMENT_JOB_CANCEL, "cancel a job",
               "DELETE FROM job WHERE id = ?1 AND script = ?2 AND state = 0");
    store_query_int(&query, 1, id);
    store_query_text(&query, 2, slice_str(script));
    return run_alone(store, &query, err);
}

/* What began too often. Returns how many, or -1. */
static int bury(struct store *store, const char *script, int attempts,
                struct err *err)
{
    struct store_query query;
    open_query(&query, store, STATEMENT_JOB_BURY, "set jobs aside",
               "UPDATE job SET state = 3, crashes = crashes + 1, key = NULL,"
               "    bytes = 0, changed = ?3, error ="
               "    'the program ended during each of ' || ?2 || ' attempts'"
               " WHERE script = ?1 AND state = 1 AND crashes + 1 >= ?2");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, attempts);
    store_query_int(&query, 3, loop_wall(store->loop));
    return store_query_run(&query, err) < 0 ? -1 : store_query_changes(&query);
}

int store_job_recover(struct store *store, const char *script, int attempts,
                      int *dead, struct err *err)
{
    struct store_query query;
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    *dead = bury(store, script, attempts, err);
    if (*dead < 0) {
        store_file_end(&store->scripts, false, NULL);
        return -1;
    }
    open_query(&query, store, STATEMENT_JOB_REQUEUE, "queue jobs again",
               "UPDATE job SET state = 0, crashes = crashes + 1, changed = ?2"
               " WHERE script = ?1 AND state = 1");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, loop_wall(store->loop));
    return run_alone(store, &query, err) < 0 ? -1 : 0;
}
