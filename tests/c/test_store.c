/* layer: store */
#include "store_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limits.h"

/* ---- writes ---- */

struct job {
    const char *key;  /* meta_set(key) */
    bool fails;       /* ... and then fails */
    struct job *next; /* queued by done */
    int runs, dones;
    bool failed;
    int order; /* of done */
    struct err err;
};
static int order;

static int run_job(struct store *s, void *arg, struct err *e)
{
    struct job *job = arg;
    job->runs++;
    if (store_meta_set(s, job->key, S("1"), e) < 0)
        return -1;
    return job->fails ? err_set(e, ERR_DENIED, "no %s", job->key) : 0;
}

static void job_done(void *arg, const struct err *e)
{
    struct job *job = arg;
    job->dones++;
    job->order = ++order;
    job->failed = e != NULL;
    if (e)
        job->err = *e;
    if (job->next &&
        store_write(store, run_job, job_done, job->next, &job->next->err) < 0)
        job->next->failed = true;
}

static void queue(struct job *jobs, int count)
{
    for (int i = 0; i < count; i++)
        ok(store_write(store, run_job, job_done, &jobs[i], &err));
}

static int has(const char *key)
{
    struct buf value;
    buf_init(&value, LIMIT_ROW);
    int found = store_meta_get(store, key, &value, &err);
    ok(found);
    buf_free(&value);
    return found;
}

static int commits, refusals;
static int on_commit(void *arg)
{
    (void)arg;
    commits++;
    return refusals > 0 && refusals-- > 0;
}

static void watch_commits(int refuse)
{
    commits = 0;
    refusals = refuse;
    sqlite3_commit_hook(store->account.db, on_commit, NULL);
}

static void writes_of_a_turn_share_one_commit(void **state)
{
    (void)state;
    struct job jobs[3] = { { .key = "a" }, { .key = "b" }, { .key = "c" } };
    watch_commits(0);
    order = 0;
    queue(jobs, 3);
    assert_int_equal(jobs[0].runs, 0); /* never from inside store_write */
    loop_run(loop);
    assert_int_equal(commits, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].dones, 1);
        assert_int_equal(jobs[i].order, i + 1);
        assert_false(jobs[i].failed);
        assert_int_equal(has(jobs[i].key), 1);
    }
}

struct chain {
    struct job jobs[4];
    int queued;
};

static void queue_next(void *arg)
{
    struct chain *chain = arg;
    queue(chain->jobs + chain->queued++, 1);
    if (chain->queued < 4)
        assert_non_null(tick_start(loop, queue_next, chain, &err));
}

/* The end of a handler, its turn handed on, the claim of the next one. */
static void what_a_write_sets_off_shares_its_commit(void **state)
{
    (void)state;
    struct chain chain = {
        { { .key = "a" }, { .key = "b" }, { .key = "c" }, { .key = "d" } }, 0
    };
    watch_commits(0);
    assert_non_null(tick_start(loop, queue_next, &chain, &err));
    loop_run(loop);
    for (int i = 0; i < 4; i++)
        assert_int_equal(chain.jobs[i].dones, 1);
    assert_int_equal(commits, 2); /* a to c; d came too late */
}

static void failing_write_undoes_only_itself(void **state)
{
    (void)state;
    struct job jobs[3] = { { .key = "a" },
                           { .key = "b", .fails = true },
                           { .key = "c" } };
    queue(jobs, 3);
    loop_run(loop);
    assert_int_equal(has("a"), 1);
    assert_int_equal(has("b"), 0);
    assert_int_equal(has("c"), 1);
    assert_false(jobs[0].failed || jobs[2].failed);
    assert_true(jobs[1].failed);
    assert_int_equal(jobs[1].err.kind, ERR_DENIED);
    assert_string_equal(jobs[1].err.text, "no b");
}

static void failed_commit_moves_nothing_and_work_goes_on(void **state)
{
    (void)state;
    struct job jobs[3] = { { .key = "a" },
                           { .key = "b", .fails = true },
                           { .key = "c" } };
    struct job later = { .key = "later" };
    jobs[2].next = &later;
    watch_commits(1);
    queue(jobs, 3);
    loop_run(loop);
    for (int i = 0; i < 3; i++) {
        assert_true(jobs[i].failed);
        assert_int_equal(jobs[i].dones, 1);
        assert_int_equal(has(jobs[i].key), 0);
    }
    assert_int_equal(jobs[0].err.kind, ERR_STORE);
    assert_contains(jobs[0].err.text, "cannot commit in account.db");
    assert_string_equal(jobs[1].err.text, "no b");
    assert_false(later.failed);
    assert_int_equal(has("later"), 1);
}

static int run_big(struct store *s, void *arg, struct err *e)
{
    ((struct job *)arg)->runs++;
    size_t size = 100000;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'x', size);
    int status = store_meta_set(s, "big", slice_make(bytes, size), e);
    free(bytes);
    /* Even a caller that looks away must not write past a lost transaction. */
    if (status < 0)
        assert_int_equal(store_meta_set(s, "after", S("1"), NULL), -1);
    return status;
}

static void full_disk_fails_the_turn_and_heals(void **state)
{
    (void)state;
    struct job before = { .key = "before" }, big = { 0 };
    struct job behind = { .key = "behind" };
    char pragma[64];
    snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %d",
             (int)number(&store->account, "PRAGMA page_count"));
    number(&store->account, pragma);
    queue(&before, 1);
    ok(store_write(store, run_big, job_done, &big, &err));
    queue(&behind, 1);
    loop_run(loop);
    assert_int_equal(big.runs, 1);
    assert_int_equal(big.dones, 1);
    assert_true(big.failed);
    assert_contains(big.err.text, "full");
    assert_int_equal(has("big") + has("after"), 0);
    /* The others: all in or all out, and told which. */
    assert_int_equal(has("before"), !before.failed);
    assert_int_equal(has("behind"), !behind.failed);

    number(&store->account, "PRAGMA max_page_count = 100000");
    big = (struct job) { 0 };
    ok(store_write(store, run_big, job_done, &big, &err));
    loop_run(loop);
    assert_false(big.failed);
    assert_int_equal(has("big"), 1);
}

static void run_of_a_lost_transaction_fails_all(void **state)
{
    (void)state;
    struct job jobs[2] = { { .key = "a" }, { .key = "c" } }, lost = { 0 };
    queue(jobs, 1);
    ok(store_write(store, run_big, job_done, &lost, &err));
    queue(jobs + 1, 1);
    /* As SQLite does by itself on some I/O errors. */
    sqlite3_exec(store->account.db,
                 "CREATE TEMP TRIGGER lose BEFORE INSERT ON main.meta"
                 " WHEN new.key = 'big' BEGIN"
                 "   SELECT RAISE(ROLLBACK, 'lost'); END",
                 NULL, NULL, NULL);
    loop_run(loop);
    assert_true(jobs[0].failed && lost.failed && jobs[1].failed);
    assert_int_equal(jobs[1].runs, 0);
    assert_int_equal(jobs[0].dones + lost.dones + jobs[1].dones, 3);
    assert_int_equal(has("a") + has("after") + has("c"), 0);
    struct job again = { .key = "again" };
    queue(&again, 1);
    loop_run(loop);
    assert_int_equal(has("again"), 1);
}

static void direct_write_outside_a_transaction_is_refused(void **state)
{
    (void)state;
    assert_int_equal(store_meta_set(store, "a", S("1"), &err), -1);
    assert_contains(err.text, "no transaction");
    assert_int_equal(has("a"), 0);
}

static void larger_than_a_row_is_a_limit(void **state)
{
    (void)state;
    char *bytes = calloc(1, LIMIT_ROW + 1);
    assert_non_null(bytes);
    begin();
    assert_int_equal(
        store_meta_set(store, "a", slice_make(bytes, LIMIT_ROW + 1), &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    free(bytes);
    ok(store_meta_set(store, "b", S("1"), &err)); /* costs only itself */
    commit();
    assert_int_equal(has("a"), 0);
    assert_int_equal(has("b"), 1);
}

/* ---- the gate ---- */

static void writes_wait_while_an_ingest_is_open(void **state)
{
    (void)state;
    static const struct {
        bool commit;
        int refuse;
        int kept;
    } rows[] = { { true, 0, 1 }, { false, 0, 0 }, { true, 1, 0 } };
    for (size_t i = 0; i < 3; i++) {
        struct job jobs[2] = { { .key = "w1" }, { .key = "w2" } };
        watch_commits(rows[i].refuse);
        queue(jobs, 1); /* before the gate shuts */
        begin();
        assert_true(store_ingest_open(store));
        queue(jobs + 1, 1);
        ok(store_meta_set(store, "next_batch", S("s1"), &err));
        for (int turn = 0; turn < 3; turn++)
            loop_turn(loop);
        assert_int_equal(jobs[0].runs + jobs[1].runs, 0);
        assert_int_equal(has("next_batch"), 1); /* reads go on */
        int status = store_ingest_end(store, rows[i].commit, &err);
        assert_int_equal(status, rows[i].refuse ? -1 : 0);
        assert_false(store_ingest_open(store));
        assert_int_equal(jobs[0].runs + jobs[1].runs, 0);
        loop_run(loop);
        assert_int_equal(jobs[0].dones + jobs[1].dones, 2);
        assert_false(jobs[0].failed || jobs[1].failed);
        assert_int_equal(has("next_batch"), rows[i].kept);
        assert_int_equal(commits, 1 + rows[i].commit);
        begin();
        sqlite3_exec(store->account.db, "DELETE FROM meta", NULL, NULL, NULL);
        commit();
    }
}

static int run_ingest(struct store *s, void *arg, struct err *e)
{
    ((struct job *)arg)->runs++;
    return store_ingest_begin(s, e);
}

static void gate_is_shut_and_opened_once(void **state)
{
    (void)state;
    begin();
    assert_int_equal(store_ingest_begin(store, &err), -1);
    assert_int_equal(err.kind, ERR_MISUSE);
    commit();
    assert_int_equal(store_ingest_end(store, true, &err), -1);
    struct job job = { 0 };
    ok(store_write(store, run_ingest, job_done, &job, &err));
    loop_run(loop);
    assert_true(job.failed);
    assert_int_equal(job.err.kind, ERR_MISUSE);
}

static void flush_runs_now_and_close_runs_what_follows(void **state)
{
    (void)state;
    struct job third = { .key = "3" };
    struct job second = { .key = "2", .next = &third };
    struct job first = { .key = "1", .next = &second };
    queue(&first, 1);
    store_flush(store);
    assert_int_equal(first.dones, 1);
    assert_int_equal(second.runs, 0); /* only what was queued then */
    struct job again = { .key = "4", .next = &first };
    first = (struct job) { .key = "1" };
    queue(&again, 1);
    store_close(store); /* runs 2 and 4, then 3 and 1 */
    assert_int_equal(second.dones + again.dones + third.dones + first.dones, 4);
    assert_false(third.failed || first.failed);
    assert_int_equal(loop_pending(loop), 0);
    store = store_open(loop, NULL, &err);
    assert_non_null(store);

    third = (struct job) { .key = "3" };
    second = (struct job) { .key = "2", .next = &third };
    first = (struct job) { .key = "1", .next = &second };
    queue(&first, 1);
    store_close(store);
    assert_int_equal(second.dones, 1);
    assert_int_equal(third.runs, 0); /* an end must come */
    assert_true(third.failed);
    assert_int_equal(third.err.kind, ERR_CANCELLED);
    store = store_open(loop, NULL, &err);
    assert_non_null(store);
}

/* ---- the folder ---- */

static char top[64], folder[96];

static int set_up_folder(void **state)
{
    (void)state;
    loop = loop_new(LOOP_VIRTUAL, &err);
    snprintf(top, sizeof(top), "/tmp/test_store.XXXXXX");
    if (!loop || !mkdtemp(top))
        return -1;
    snprintf(folder, sizeof(folder), "%s/account", top);
    return 0;
}

static int tear_down_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "account.db", "account.db-wal", "account.db-shm",
        "scripts.db", "scripts.db-wal", "scripts.db-shm",
        "lock"
    };
    char path[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0); /* nothing else was left */
    assert_int_equal(rmdir(top), 0);
    assert_int_equal(loop_pending(loop), 0);
    loop_free(loop);
    return 0;
}

static void reopen(void)
{
    store = store_open(loop, folder, &err);
    if (!store)
        fail_msg("%s", err.text);
}

static unsigned mode_of(const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (stat(path, &st) < 0)
        fail_msg("no %s", path);
    return st.st_mode & 07777;
}

static void modes_are_private_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = { 000, 022, 077, 0277 };
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        if (i > 0) {
            tear_down_folder(NULL);
            set_up_folder(NULL);
            mkdir(folder, 0700);
        }
        mode_t old = umask(masks[i]);
        reopen();
        begin();
        ok(store_meta_set(store, "a", S("1"), &err));
        commit();
        ok(store_kv_set(store, "s", S("k"), S("1"), 0, LIMIT_STORE, &err));
        umask(old);
        assert_int_equal(mode_of("."), 0700);
        assert_int_equal(mode_of("account.db"), 0600);
        assert_int_equal(mode_of("account.db-wal"), 0600);
        assert_int_equal(mode_of("account.db-shm"), 0600);
        assert_int_equal(mode_of("scripts.db"), 0600);
        assert_int_equal(mode_of("scripts.db-wal"), 0600);
        assert_int_equal(mode_of("lock"), 0600);
        store_close(store);
    }
}

static void commits_reach_the_disk(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int want;
    } rows[] = {
        { "PRAGMA synchronous", 2 }, /* FULL */
        { "SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1 },
        { "PRAGMA foreign_keys", 1 },
        { "PRAGMA trusted_schema", 0 },
        { "PRAGMA temp_store", 2 },
    };
    reopen();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(number(&store->account, rows[i].sql), rows[i].want);
        assert_int_equal(number(&store->scripts, rows[i].sql), rows[i].want);
    }
    const char *version = "PRAGMA user_version";
    assert_int_equal(number(&store->account, version), 1);
    assert_int_equal(number(&store->scripts, version), 2);
    store_close(store);
}

/* As the first release left it. */
static void make_first_scripts_db(void)
{
    const struct store_schema first = { store_schema_scripts.steps, 1 };
    struct store_file file;
    assert_int_equal(mkdir(folder, 0700), 0);
    ok(store_file_open(&file, folder, "scripts.db", &first, &err));
    assert_int_equal(sqlite3_exec(file.db,
                                  "INSERT INTO kv(script, key, expires, bytes,"
                                  " value) VALUES('s', 'k', 0, 4, '\"v\"')",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    store_file_close(&file);
}

static void older_database_keeps_its_values_and_takes_jobs(void **state)
{
    (void)state;
    struct store_job job = { .script = S("s"), .name = S("n"), .data = S("1") };
    struct buf value;
    make_first_scripts_db();
    for (int i = 0; i < 2; i++) { /* once migrated, once as it is */
        reopen();
        buf_init(&value, 100);
        assert_int_equal(store_kv_get(store, "s", S("k"), &value, NULL, &err),
                         1);
        assert_string_equal(buf_str(&value), "\"v\"");
        buf_free(&value);
        assert_int_equal(store_job_put(store, &job, 9, 99, &err), 1);
        assert_int_equal(job.id, i + 1);
        assert_int_equal(number(&store->scripts, "SELECT bytes FROM usage"),
                         5 + i);
        assert_sound();
        store_close(store);
    }
}

static void laxer_modes_are_refused_with_the_cure(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mode_t mode;
        const char *cure;
    } rows[] = {
        { ".", 0750, "chmod 700" },
        { ".", 0702, "chmod 700" },
        { "account.db", 0640, "chmod 600" },
        { "scripts.db", 0604, "chmod 600" },
        { "lock", 0666, "chmod 600" },
        { "account.db-wal", 0644, "chmod 600" },
        { "scripts.db-shm", 0620, "chmod 600" },
    };
    reopen();
    store_close(store);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", folder, rows[i].name);
        FILE *file = strchr(rows[i].name, '-') ? fopen(path, "a") : NULL;
        if (file)
            fclose(file);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_null(store_open(loop, folder, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_contains(err.text, rows[i].cure);
        assert_contains(err.text, folder);
        assert_int_equal(chmod(path, rows[i].name[0] == '.' ? 0700 : 0600), 0);
        reopen();
        assert_sound();
        store_close(store);
    }
}

/* Runs fn in a second process and returns what it returned. */
static int in_child(int (*fn)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char expected[256];
static int child_is_denied(void)
{
    struct store *second = store_open(loop, folder, &err);
    if (second || err.kind != ERR_DENIED)
        return 1;
    return strcmp(err.text, expected) != 0 ? 2 : 0;
}

static void second_process_is_denied_by_name(void **state)
{
    (void)state;
    reopen();
    snprintf(expected, sizeof(expected),
             "account folder %s is in use by process %ld", folder,
             (long)getpid());
    assert_int_equal(in_child(child_is_denied), 0);
    assert_null(store_open(loop, folder, &err)); /* nor the same process */
    assert_string_equal(err.text, expected);
    store_close(store);
    assert_int_equal(in_child(child_is_denied), 1); /* free again */
    reopen();
    store_close(store);
}

static int child_dies_writing(void)
{
    struct job kept = { .key = "kept" }, torn = { .key = "torn" };
    reopen();
    queue(&kept, 1);
    loop_run(loop);
    ok(store_kv_set(store, "s", S("k"), S("1"), 0, LIMIT_STORE, &err));
    begin();
    ok(store_meta_set(store, "torn", S("1"), &err));
    queue(&torn, 1);
    return kept.dones == 1 && !kept.failed ? 0 : 1;
}

static void what_was_done_survives_a_killed_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(child_dies_writing), 0);
    reopen();
    assert_int_equal(has("kept"), 1);
    assert_int_equal(has("torn"), 0);
    struct buf value;
    buf_init(&value, 16);
    assert_int_equal(store_kv_get(store, "s", S("k"), &value, NULL, &err), 1);
    buf_free(&value);
    assert_sound();
    store_close(store);
}

static void damaged_or_newer_files_are_left_alone(void **state)
{
    (void)state;
    reopen();
    sqlite3_exec(store->scripts.db, "PRAGMA user_version = 99", NULL, NULL,
                 NULL);
    store_close(store);
    assert_null(store_open(loop, folder, &err));
    assert_contains(err.text, "scripts.db: its schema 99 is newer");
    char path[128];
    snprintf(path, sizeof(path), "%s/account.db", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++)
        fputs("garbage ", file);
    fclose(file);
    assert_null(store_open(loop, folder, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_contains(err.text, "not a database");
    assert_contains(err.text, folder);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4096 * 8);
}

static void a_look_needs_no_lock_and_changes_nothing(void **state)
{
    (void)state;
    struct buf value;
    assert_null(store_look(loop, folder, &err)); /* makes no folder */
    assert_int_equal(access(folder, F_OK), -1);
    reopen();
    begin();
    ok(store_meta_set(store, "a", S("1"), &err));
    commit();
    for (int i = 0; i < 2; i++) { /* beside its owner, and alone */
        struct store *looking = store_look(loop, folder, &err);
        if (!looking)
            fail_msg("%s", err.text);
        buf_init(&value, LIMIT_ROW);
        assert_int_equal(store_meta_get(looking, "a", &value, &err), 1);
        assert_string_equal(buf_str(&value), "1");
        buf_free(&value);
        ok(store_ingest_begin(looking, &err));
        assert_int_equal(store_meta_set(looking, "a", S("2"), &err), -1);
        store_ingest_end(looking, false, &err);
        if (i == 0)
            store_close(store);
        else
            reopen(); /* a start is not refused for it */
        store_close(looking);
    }
    ok(sqlite3_exec(store->account.db, "PRAGMA user_version = 0", NULL, NULL,
                    NULL));
    store_close(store);
    assert_null(store_look(loop, folder, &err));
    assert_contains(err.text, "schema");
    char path[256];
    snprintf(path, sizeof(path), "%s/account.db", folder);
    chmod(path, 0640);
    assert_null(store_look(loop, folder, &err));
    assert_contains(err.text, "chmod 600");
}

static void looking_at_scripts_takes_nothing(void **state)
{
    (void)state;
    struct slice key, value;
    int64_t expires;
    assert_null(store_look_scripts(loop, folder, &err));
    assert_int_equal(access(folder, F_OK), -1);
    reopen();
    ok(store_kv_set(store, "s", S("k"), S("1"), 0, 100, &err));
    for (int i = 0; i < 2; i++) { /* beside its owner, and alone */
        struct store *looking = store_look_scripts(loop, folder, &err);
        if (!looking)
            fail_msg("%s", err.text);
        assert_int_equal(store_kv_next(looking, "s", SLICE_NONE, SLICE_NONE,
                                       &key, &value, &expires, &err),
                         1);
        assert_slice(value, "1");
        assert_int_equal(store_kv_delete(looking, "s", S("k"), &err), -1);
        if (i == 0)
            store_close(store);
        else
            reopen();
        store_close(looking);
    }
    store_close(store);
}

static void folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    mkdir(folder, 0700);
    assert_null(store_open(loop, "/dev/null/account", &err));
    assert_contains(err.text, "/dev/null");
}

#define FOLDER_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(writes_of_a_turn_share_one_commit),
        MEMORY_TEST(what_a_write_sets_off_shares_its_commit),
        MEMORY_TEST(failing_write_undoes_only_itself),
        MEMORY_TEST(failed_commit_moves_nothing_and_work_goes_on),
        MEMORY_TEST(full_disk_fails_the_turn_and_heals),
        MEMORY_TEST(run_of_a_lost_transaction_fails_all),
        MEMORY_TEST(direct_write_outside_a_transaction_is_refused),
        MEMORY_TEST(larger_than_a_row_is_a_limit),
        MEMORY_TEST(writes_wait_while_an_ingest_is_open),
        MEMORY_TEST(gate_is_shut_and_opened_once),
        MEMORY_TEST(flush_runs_now_and_close_runs_what_follows),
        FOLDER_TEST(modes_are_private_whatever_the_umask),
        FOLDER_TEST(commits_reach_the_disk),
        FOLDER_TEST(older_database_keeps_its_values_and_takes_jobs),
        FOLDER_TEST(laxer_modes_are_refused_with_the_cure),
        FOLDER_TEST(second_process_is_denied_by_name),
        FOLDER_TEST(what_was_done_survives_a_killed_process),
        FOLDER_TEST(damaged_or_newer_files_are_left_alone),
        FOLDER_TEST(a_look_needs_no_lock_and_changes_nothing),
        FOLDER_TEST(looking_at_scripts_takes_nothing),
        FOLDER_TEST(folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
