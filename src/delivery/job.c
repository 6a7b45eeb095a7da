#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "list.h"
#include "log.h"

struct job_line {
    struct job_line_config config;
    char *account, *script; /* those of config */
    struct tick *tick;
    struct timer *timer; /* for what is due next */
    int64_t next;        /* when, wall; INT64_MAX: nothing */
    struct timer *retry; /* the disk took something not */
    int64_t retry_ms;
    struct list marks;   /* that it did not take */
    struct list unbound; /* names that were told */
    bool look_unbound;   /* a due job of another name may be there */
    bool abandoned;
    int running;
    int64_t suspect; /* that was running in a crash, and is again; 0 none */
};

struct mark {
    struct list node;
    int64_t id, due;
    enum store_job_state state;
    bool give_back;
    char *error; /* or NULL */
};

struct told {
    struct list node;
    char name[];
};

static void pump(struct job_line *line);

static struct log_fields about(const struct job_line *line)
{
    return (struct log_fields) { .account = line->config.account,
                                 .script = line->config.script };
}

/* ---- a disk that does not take it ---- */

static int write_mark(struct job_line *line, const struct mark *mark,
                      struct err *err)
{
    return store_job_end(line->config.store, mark->id, mark->state, mark->due,
                         mark->give_back, mark->error, err);
}

static void free_mark(struct mark *mark)
{
    list_remove(&mark->node);
    free(mark->error);
    free(mark);
}

static void on_retry(void *arg);

/* Told once, tried again later and later. */
static void put_off(struct job_line *line, const struct err *err)
{
    struct log_fields fields = about(line);
    if (line->retry_ms == 0) {
        log_write(LOG_LEVEL_ERROR, &fields, "jobs wait: %s", err->text);
        line->retry_ms = LIMIT_RETRY_FIRST_MS;
    }
    if (!line->retry) {
        line->retry = timer_start(line->config.loop, line->retry_ms, on_retry,
                                  line, NULL);
        line->retry_ms *= line->retry_ms < LIMIT_RETRY_LAST_MS ? 2 : 1;
    }
}

static void on_retry(void *arg)
{
    struct job_line *line = arg;
    struct err err;
    line->retry = NULL;
    list_each_safe(node, &line->marks)
    {
        struct mark *mark = list_entry(node, struct mark, node);
        if (write_mark(line, mark, &err) < 0) {
            put_off(line, &err);
            return;
        }
        free_mark(mark);
    }
    pump(line);
}

/* Without memory the row stays started and comes again at the next start. */
static void keep_mark(struct job_line *line, const struct mark *mark)
{
    struct mark *kept = calloc(1, sizeof *kept);
    if (!kept)
        return;
    *kept = *mark;
    kept->error = mark->error ? strdup(mark->error) : NULL;
    list_init(&kept->node);
    list_push(&line->marks, &kept->node);
}

/* ---- due jobs that nobody runs ---- */

static bool is_bound(const struct job_line *line, struct slice name)
{
    const char *bound;
    for (int i = 0; (bound = line->config.name(line->config.arg, i)); i++)
        if (slice_is(name, bound))
            return true;
    return false;
}

static void on_due_name(void *arg, const struct store_job *job)
{
    struct job_line *line = arg;
    struct log_fields fields = about(line);
    if (is_bound(line, job->name))
        return;
    list_each(node, &line->unbound)
    {
        if (slice_is(job->name, list_entry(node, struct told, node)->name))
            return;
    }
    struct told *told = calloc(1, sizeof *told + job->name.len + 1);
    if (!told)
        return;
    memcpy(told->name, job->name.ptr, job->name.len);
    list_push(&line->unbound, &told->node);
    log_write(LOG_LEVEL_WARN, &fields,
              "job #%lld '%s' is due and waits: the script has no "
              "bot:job(\"%s\", ...)",
              (long long)job->id, told->name, told->name);
}

static void forget_told(struct job_line *line)
{
    struct list *node;
    while ((node = list_pop(&line->unbound)) != NULL)
        free(list_entry(node, struct told, node));
}

/* ---- the clock ---- */

static int64_t now_of(const struct job_line *line)
{
    return loop_wall(line->config.loop);
}

static void on_timer(void *arg);

static void arm(struct job_line *line)
{
    timer_cancel(line->timer);
    line->timer = NULL;
    if (line->next == INT64_MAX)
        return;
    int64_t left = line->next - now_of(line);
    if (left > LIMIT_CLOCK_LOOK_MS)
        left = LIMIT_CLOCK_LOOK_MS;
    line->timer = timer_start(line->config.loop, left > 0 ? left : 0, on_timer,
                              line, NULL);
}

static void on_timer(void *arg)
{
    struct job_line *line = arg;
    line->timer = NULL;
    if (now_of(line) < line->next) {
        arm(line);
        return;
    }
    line->look_unbound = true;
    pump(line);
}

static void set_clock(struct job_line *line, int64_t now)
{
    struct err err;
    int64_t due = 0;
    int found = store_job_when(line->config.store, line->config.script, now,
                               &due, &err);
    if (found < 0)
        put_off(line, &err);
    line->next = found == 1 ? due : INT64_MAX;
    arm(line);
}

/* ---- beginning ---- */

/* The first due job that somebody runs. 1, 0, -1. */
static int find_next(struct job_line *line, int64_t now, struct store_job *best,
                     struct err *err)
{
    struct store *store = line->config.store;
    const char *script = line->config.script, *name, *first = NULL;
    for (int i = 0; (name = line->config.name(line->config.arg, i)); i++) {
        struct store_job job;
        int found = store_job_next(store, script, name, now, &job, err);
        if (found < 0)
            return -1;
        if (found && (!first || job.due < best->due ||
                      (job.due == best->due && job.id < best->id))) {
            *best = job;
            first = name;
        }
    }
    /* Once more: its slices are those of the last call. */
    return first ? store_job_next(store, script, first, now, best, err) : 0;
}

/* Whether there may be another one to begin. */
static bool begin_next(struct job_line *line, int64_t now)
{
    struct store_job job;
    struct err err;
    if (line->retry || line->suspect ||
        line->config.room(line->config.arg) <= 0)
        return false;
    int found = find_next(line, now, &job, &err);
    if (found == 0 || (found == 1 && job.crashes > 0 && line->running > 0))
        return false;
    if (found < 0 || store_job_claim(line->config.store, job.id, &err) < 0) {
        put_off(line, &err);
        return false;
    }
    line->retry_ms = 0;
    line->running++;
    line->suspect = job.crashes > 0 ? job.id : 0;
    job.attempt++;
    line->config.start(line->config.arg, &job);
    return true;
}

/* One after another, as one that was running in a crash runs alone. */
static void pump(struct job_line *line)
{
    int64_t now = now_of(line);
    if (line->abandoned)
        return;
    while (begin_next(line, now))
        ;
    if (line->look_unbound && line->config.room(line->config.arg) > 0) {
        line->look_unbound = false;
        store_job_names(line->config.store, line->config.script, now,
                        on_due_name, line, NULL);
    }
    set_clock(line, now);
}

static void on_tick(void *arg)
{
    struct job_line *line = arg;
    line->tick = NULL;
    pump(line);
}

void job_line_look(struct job_line *line)
{
    if (!line->tick && !line->abandoned)
        line->tick = tick_start(line->config.loop, on_tick, line, NULL);
}

void job_line_renew(struct job_line *line)
{
    forget_told(line);
    line->look_unbound = true;
    job_line_look(line);
}

/* ---- ending ---- */

static int64_t backoff(const struct job_run *run, int failures)
{
    int64_t ms = run->backoff_ms > 0 ? run->backoff_ms : 1;
    for (int i = 1; i < failures && ms < LIMIT_JOB_BACKOFF_MS; i++)
        ms *= 2;
    return ms < LIMIT_JOB_BACKOFF_MS ? ms : LIMIT_JOB_BACKOFF_MS;
}

static void fail(struct job_line *line, const struct job_run *run,
                 struct mark *mark)
{
    struct log_fields fields = about(line);
    int failures = run->attempt - run->crashes;
    if (failures > run->retries) {
        mark->state = STORE_JOB_DEAD;
        log_write(LOG_LEVEL_WARN, &fields,
                  "job #%lld '%s' is set aside: it failed %d time%s",
                  (long long)run->id, run->name, failures,
                  failures == 1 ? "" : "s");
        return;
    }
    int64_t ms = backoff(run, failures);
    mark->state = STORE_JOB_WAITING;
    mark->due = now_of(line) + ms;
    log_write(LOG_LEVEL_INFO, &fields,
              "job #%lld '%s' failed, again in %.10g s (retry %d of %d)",
              (long long)run->id, run->name, (double)ms / 1000, failures,
              run->retries);
}

void job_line_end(struct job_line *line, const struct job_run *run,
                  enum job_end end, const char *error)
{
    struct mark mark = { .id = run->id, .state = STORE_JOB_DONE };
    struct err err;
    if (line->abandoned)
        return;
    line->running--;
    job_line_parked(line, run->id);
    if (end == JOB_END_BACK) {
        mark.state = STORE_JOB_WAITING;
        mark.give_back = true;
    } else if (end == JOB_END_FAILED) {
        fail(line, run, &mark);
        mark.error = error ? strdup(error) : NULL;
    }
    if (write_mark(line, &mark, &err) < 0) {
        keep_mark(line, &mark);
        put_off(line, &err);
    }
    free(mark.error);
    job_line_look(line);
}

void job_line_parked(struct job_line *line, int64_t id)
{
    if (line->suspect == id) {
        line->suspect = 0;
        job_line_look(line);
    }
}

bool job_line_idle(const struct job_line *line)
{
    return !line->tick && line->running == 0;
}

int job_line_running(const struct job_line *line)
{
    return line->running;
}

void job_line_abandon(struct job_line *line)
{
    line->abandoned = true;
}

/* ---- life ---- */

static int recover(struct job_line *line, struct err *err)
{
    struct log_fields fields = about(line);
    int dead = 0;
    if (store_job_recover(line->config.store, line->config.script,
                          LIMIT_ATTEMPTS, &dead, err) < 0)
        return -1;
    if (dead > 0)
        log_write(LOG_LEVEL_ERROR, &fields,
                  "%d job%s set aside: the program ended during each of %d "
                  "attempts",
                  dead, dead == 1 ? " is" : "s are", LIMIT_ATTEMPTS);
    return 0;
}

struct job_line *job_line_new(const struct job_line_config *config,
                              struct err *err)
{
    struct job_line *line = calloc(1, sizeof *line);
    if (!line) {
        err_set(err, ERR_SYSTEM, "cannot keep jobs: out of memory");
        return NULL;
    }
    list_init(&line->marks);
    list_init(&line->unbound);
    line->config = *config;
    line->next = INT64_MAX;
    line->config.account = line->account =
        strdup(config->account ? config->account : "");
    line->config.script = line->script = strdup(config->script);
    if (!line->account || !line->script) {
        err_set(err, ERR_SYSTEM, "cannot keep jobs: out of memory");
    } else if (recover(line, err) == 0) {
        return line;
    }
    job_line_free(line);
    return NULL;
}

void job_line_free(struct job_line *line)
{
    if (!line)
        return;
    tick_cancel(line->tick);
    timer_cancel(line->timer);
    timer_cancel(line->retry);
    list_each_safe(node, &line->marks)
    {
        struct mark *mark = list_entry(node, struct mark, node);
        if (!line->abandoned)
            write_mark(line, mark, NULL);
        free_mark(mark);
    }
    forget_told(line);
    free(line->account);
    free(line->script);
    free(line);
}

void job_line_report(const struct job_line *line, struct json_writer *w)
{
    struct store_job_count count;
    if (store_job_count(line->config.store, line->config.script, &count, NULL) <
        0) {
        json_put_null(w);
        return;
    }
    int64_t left = line->next - now_of(line);
    json_object_begin(w);
    json_member_int(w, "waiting", count.waiting);
    json_member_int(w, "running", count.running);
    json_member_int(w, "set_aside", count.dead);
    if (line->next != INT64_MAX)
        json_member_int(w, "next_ms", left > 0 ? left : 0);
    json_object_end(w);
}
