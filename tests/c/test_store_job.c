/* layer: store */
#include "store_fixture.h"

#include "limits.h"

#define QUOTA 1000
#define MOST 4

static int64_t now(void)
{
    return loop_wall(loop);
}

/* Its id; 0 below: there already, -1: refused. */
static int64_t put(const char *name, const char *key, const char *origin,
                   int64_t due, int *result)
{
    struct store_job job = { .script = S("s"),
                             .name = S(name),
                             .key = key ? S(key) : SLICE_NONE,
                             .origin = origin ? S(origin) : SLICE_NONE,
                             .data = S("[1]"),
                             .due = due };
    int status = store_job_put(store, &job, MOST, QUOTA, &err);
    if (result)
        *result = status;
    return status < 0 ? -1 : job.id;
}

static char seen[256];
static void on_job(void *arg, const struct store_job *job)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof(seen) - len, "%lld:%.*s ", (long long)job->id,
             SLICE_ARG(job->name));
}

static const char *listed(const char *name, int64_t due, int64_t id, int max)
{
    seen[0] = '\0';
    ok(store_job_each(store, "s", S(name), due, id, max, on_job, NULL, &err));
    return seen;
}

static void job_comes_back_as_it_was_put(void **state)
{
    (void)state;
    struct store_job job;
    assert_int_equal(put("n", "k", NULL, 42, NULL), 1);
    assert_int_equal(store_job_get(store, "s", 1, &job, &err), 1);
    assert_slice(job.script, "s");
    assert_slice(job.name, "n");
    assert_slice(job.key, "k");
    assert_slice(job.data, "[1]");
    assert_int_equal(job.due, 42);
    assert_int_equal(job.created, now());
    assert_int_equal(job.attempt + job.crashes, 0);
    assert_int_equal(store_job_get(store, "other", 1, &job, &err), 0);
    assert_int_equal(store_job_get(store, "s", 2, &job, &err), 0);
    assert_int_equal(store_job_cancel(store, "other", 1, &err), 0);
    assert_int_equal(store_job_cancel(store, "s", 1, &err), 1);
    assert_int_equal(store_job_cancel(store, "s", 1, &err), 0);
    assert_int_equal(put("n", NULL, NULL, 1, NULL), 2); /* never 1 again */
}

static void key_is_for_one_that_waits(void **state)
{
    (void)state;
    assert_int_equal(put("n", "k", NULL, 1, NULL), 1);
    assert_int_equal(put("m", "k", NULL, 1, NULL), 2); /* of another name */
    assert_int_equal(put("n", "k", NULL, 2, NULL), 3);
    assert_string_equal(listed("n", INT64_MIN, 0, 9), "3:n ");
    ok(store_job_claim(store, 3, &err));
    assert_int_equal(put("n", "k", NULL, 3, NULL), 4);
    /* The one that ran waits for another attempt: nothing takes its place. */
    ok(store_job_end(store, 3, STORE_JOB_WAITING, 9, false, NULL, &err));
    assert_int_equal(put("n", "k", NULL, 5, NULL), 5);
    assert_string_equal(listed("n", INT64_MIN, 0, 9), "5:n 3:n ");
}

static void origin_makes_one_job(void **state)
{
    (void)state;
    int result;
    assert_int_equal(put("n", NULL, "o", 7, &result), 1);
    assert_int_equal(result, 1);
    assert_int_equal(put("n", NULL, "o", 99, &result), 1);
    assert_int_equal(result, 0);
    ok(store_job_claim(store, 1, &err));
    ok(store_job_end(store, 1, STORE_JOB_DONE, 0, false, NULL, &err));
    assert_int_equal(put("n", NULL, "o", 99, &result), 1);
    assert_int_equal(result, 0);
    assert_int_equal(number(&store->scripts, "SELECT due FROM job"), 7);
    assert_int_equal(number(&store->scripts, "SELECT bytes FROM usage"), 0);
    /* In the end it is forgotten; not each put looks. */
    loop_advance(loop, LIMIT_KEEP_DONE_MS + 1);
    for (int i = 0; i < LIMIT_JOB_PAGE; i++)
        assert_int_equal(
            store_job_cancel(store, "s", put("n", NULL, NULL, 1, NULL), &err),
            1);
    assert_int_equal(number(&store->scripts, "SELECT count(*) FROM job"), 0);
}

/* Some that have ended, and new ones until somebody looks. */
static void add_ended(int count, int status)
{
    char sql[400];
    snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL"
        "   SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO job(script, name, due, created, state, changed,"
        "   bytes, data) SELECT 's', 'n', 1, 1, %d, %lld, 0, 'null' FROM n",
        count, status, (long long)now());
    assert_int_equal(sqlite3_exec(store->scripts.db, sql, NULL, NULL, NULL),
                     SQLITE_OK);
    loop_advance(loop, 1);
    for (int i = 0; i < LIMIT_JOB_PAGE; i++)
        assert_int_equal(
            store_job_cancel(store, "s", put("n", NULL, NULL, 1, NULL), &err),
            1);
}

/* Those set aside keep their data, which no quota counts: they are fewer, and
 * what goes well does not push them out. */
static void ended_ones_are_bounded(void **state)
{
    (void)state;
    static const char dead[] = "SELECT count(*) FROM job WHERE state = 3";
    static const char done[] = "SELECT count(*) FROM job WHERE state = 2";
    add_ended(LIMIT_JOBS_DEAD + 5, STORE_JOB_DEAD);
    assert_int_equal(number(&store->scripts, dead), LIMIT_JOBS_DEAD);
    add_ended(LIMIT_JOBS + 5, STORE_JOB_DONE);
    assert_int_equal(number(&store->scripts, done), LIMIT_JOBS);
    assert_int_equal(number(&store->scripts, dead), LIMIT_JOBS_DEAD);
}

static void lines_have_an_end(void **state)
{
    (void)state;
    int result;
    for (int i = 0; i < MOST; i++)
        assert_int_equal(put("n", i ? NULL : "k", NULL, 1, NULL), i + 1);
    assert_int_equal(put("n", NULL, NULL, 1, &result), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_contains(err.text, "4 wait already");
    assert_int_equal(put("n", "k", NULL, 1, NULL), MOST + 1); /* replaces */
    /* What is refused replaces nothing. */
    struct store_job job = {
        .script = S("s"), .name = S("n"), .key = S("k"), .data = S("123456789")
    };
    assert_int_equal(store_job_put(store, &job, MOST, 12, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_contains(err.text, "quota of 12");
    assert_int_equal(
        number(&store->scripts, "SELECT count(*) FROM job WHERE key = 'k'"), 1);
    /* Jobs and keys share the quota. */
    assert_int_equal(
        store_kv_set(store, "s", S("k"), S("1"), 0, MOST * 3 + 1, &err), -1);
    ok(store_kv_set(store, "s", S("k"), S("1"), 0, MOST * 3 + 2, &err));
}

static void due_jobs_are_found_by_name_and_time(void **state)
{
    (void)state;
    struct store_job job;
    int64_t due;
    assert_int_equal(put("a", NULL, NULL, 30, NULL), 1);
    assert_int_equal(put("b", NULL, NULL, 10, NULL), 2);
    assert_int_equal(put("a", NULL, NULL, 20, NULL), 3);
    assert_int_equal(put("a", NULL, NULL, 20, NULL), 4);
    assert_int_equal(store_job_next(store, "s", "a", 19, &job, &err), 0);
    assert_int_equal(store_job_next(store, "s", "a", 20, &job, &err), 1);
    assert_int_equal(job.id, 3);
    assert_int_equal(store_job_when(store, "s", 0, &due, &err), 1);
    assert_int_equal(due, 10);
    assert_int_equal(store_job_when(store, "s", 20, &due, &err), 1);
    assert_int_equal(due, 30);
    assert_int_equal(store_job_when(store, "s", 30, &due, &err), 0);
    assert_int_equal(store_job_when(store, "t", 0, &due, &err), 0);
    assert_string_equal(listed("a", INT64_MIN, 0, 2), "3:a 4:a ");
    assert_string_equal(listed("a", 20, 3, 9), "4:a 1:a ");
    seen[0] = '\0';
    ok(store_job_names(store, "s", 20, on_job, NULL, &err));
    assert_string_equal(seen, "3:a 2:b ");
}

static void started_job_ends_as_it_should(void **state)
{
    (void)state;
    struct store_job job;
    struct store_job_count count;
    put("n", NULL, NULL, 7, NULL);
    ok(store_job_claim(store, 1, &err));
    assert_int_equal(store_job_claim(store, 1, &err), -1);
    assert_int_equal(store_job_get(store, "s", 1, &job, &err), 0);
    ok(store_job_end(store, 1, STORE_JOB_WAITING, 0, true, NULL, &err));
    assert_int_equal(store_job_get(store, "s", 1, &job, &err), 1);
    assert_int_equal(job.due, 7);
    assert_int_equal(job.attempt, 0);
    ok(store_job_claim(store, 1, &err));
    ok(store_job_end(store, 1, STORE_JOB_WAITING, 9, false, NULL, &err));
    assert_int_equal(store_job_get(store, "s", 1, &job, &err), 1);
    assert_int_equal(job.due, 9);
    assert_int_equal(job.attempt, 1);
    ok(store_job_claim(store, 1, &err));
    ok(store_job_end(store, 1, STORE_JOB_DEAD, 0, false, "why", &err));
    assert_int_equal(
        store_job_end(store, 1, STORE_JOB_DONE, 0, false, NULL, &err), -1);
    put("n", NULL, NULL, 7, NULL);
    ok(store_job_count(store, "s", &count, &err));
    assert_int_equal(count.waiting, 1);
    assert_int_equal(count.running, 0);
    assert_int_equal(count.dead, 1);
    seen[0] = '\0';
    ok(store_job_dead(store, 9, on_job, NULL, &err));
    assert_string_equal(seen, "1:n ");
}

static void crash_puts_back_and_in_the_end_aside(void **state)
{
    (void)state;
    struct store_job job;
    int dead;
    put("n", "k", NULL, 7, NULL);
    put("n", NULL, NULL, 7, NULL);
    for (int crash = 1; crash <= 3; crash++) {
        ok(store_job_claim(store, 1, &err));
        ok(store_job_recover(store, "other", 3, &dead, &err));
        ok(store_job_recover(store, "s", 3, &dead, &err));
        assert_int_equal(dead, crash == 3);
        assert_int_equal(store_job_get(store, "s", 1, &job, &err), crash < 3);
        if (crash < 3) {
            assert_int_equal(job.attempt, crash);
            assert_int_equal(job.crashes, crash);
            assert_slice(job.key, "k");
        }
    }
    assert_int_equal(store_job_get(store, "s", 2, &job, &err), 1);
    assert_int_equal(job.crashes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(job_comes_back_as_it_was_put),
        MEMORY_TEST(key_is_for_one_that_waits),
        MEMORY_TEST(origin_makes_one_job),
        MEMORY_TEST(ended_ones_are_bounded),
        MEMORY_TEST(lines_have_an_end),
        MEMORY_TEST(due_jobs_are_found_by_name_and_time),
        MEMORY_TEST(started_job_ends_as_it_should),
        MEMORY_TEST(crash_puts_back_and_in_the_end_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
