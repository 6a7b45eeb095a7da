#include "script_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "task.h"

struct work {
    struct list node; /* generation->jobs */
    struct generation *generation;
    struct job_run run;
    char *name;
    struct task *task;
};

/* The index-th live one, or NULL; with a name: the one of that name. */
static struct registration *find(const struct generation *generation, int index,
                                 struct slice name)
{
    list_each(node, &generation->registrations)
    {
        struct registration *r = list_entry(node, struct registration, node);
        if (r->kind == REGISTRATION_JOB && !r->off &&
            (name.ptr ? slice_is(name, r->name) : index-- == 0)) {
            return r;
        }
    }
    return NULL;
}

const char *script_job_name(const struct generation *generation, int index)
{
    const struct registration *r = find(generation, index, SLICE_NONE);
    return r ? r->name : NULL;
}

/* ---- its end ---- */

static void drop(struct work *work, enum job_end end, const char *error)
{
    job_line_end(work->generation->world->jobs, &work->run, end, error);
    list_remove(&work->node);
    free(work->name);
    free(work);
}

static void on_waits(void *arg, struct task *task, bool parks)
{
    const struct work *work = arg;
    (void)task;
    if (parks) {
        job_line_parked(work->generation->world->jobs, work->run.id);
    }
}

static void on_ready(void *arg, struct task *task)
{
    (void)arg;
    task_resume(task);
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct work *work = arg;
    struct generation *generation = work->generation;
    char error[200] = "";
    enum job_end end = JOB_END_DONE;
    if (result->end == TASK_CANCELLED) {
        end = JOB_END_BACK;
    } else if (result->end != TASK_DONE) {
        end = JOB_END_FAILED;
        if (result->file) {
            snprintf(error, sizeof error, "%.100s:%d: %.80s", result->file,
                     result->line, result->err->text);
        } else {
            snprintf(error, sizeof error, "%.199s", result->err->text);
        }
    }
    failure_note(generation, task, result, NULL);
    drop(work, end, *error ? error : NULL);
}

static const struct task_owner owner = { on_waits, on_ready, on_ended };

/* ---- its start ---- */

static int write_job(const struct store_job *job, struct buf *out,
                     struct err *err)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_int(&w, "id", job->id);
    json_member_string(&w, "name", job->name);
    json_key(&w, "at");
    json_put_double(&w, (double)job->due / 1000);
    json_member_int(&w, "attempt", job->attempt);
    json_member_raw(&w, "data", job->data);
    json_object_end(&w);
    return json_finish(&w, "a job", err);
}

/* Its sends are made from the job, not from where the code registered it: a
 * script may have been edited before it comes again. */
static struct task *start_task(struct work *work, const struct registration *r,
                               const struct store_job *job, struct err *err)
{
    char label[200], cause[64];
    struct buf event;
    struct task *task = NULL;
    generation_label(work->generation, r, label, sizeof label);
    snprintf(cause, sizeof cause, "job:%lld:%lld", (long long)job->id,
             (long long)job->created);
    buf_init(&event, LIMIT_CALL_ARGS);
    if (write_job(job, &event, err) == 0) {
        struct task_options options = {
            .handler = r->id,
            .kind = "job",
            .event = buf_slice(&event),
            .info = slice_str("{}"),
            .label = label,
            .cause = { .event = slice_str(cause),
                       .path = slice_str("job"),
                       .delivery = -job->id },
            .owner = &owner,
            .arg = work,
        };
        task = task_start(work->generation->gen, &options, err);
    }
    buf_free(&event);
    return task;
}

static void tell_left_out(const struct generation *generation, int64_t id,
                          const struct err *err)
{
    struct log_fields fields = {
        .account = generation->world->host->account,
        .script = generation->settings->script.name,
        .gen = generation->number,
    };
    log_write(LOG_LEVEL_ERROR, &fields, "cannot start job #%lld: %s",
              (long long)id, err->text);
}

void script_job_start(struct generation *generation,
                      const struct store_job *job)
{
    const struct registration *r = find(generation, 0, job->name);
    struct job_run run = { .id = job->id,
                           .name = r ? r->name : "?",
                           .attempt = job->attempt,
                           .crashes = job->crashes,
                           .retries = r ? r->retries : 0,
                           .backoff_ms = r ? r->backoff_ms : 0 };
    struct work *work = calloc(1, sizeof *work);
    struct err err;
    err_set(&err, ERR_SYSTEM, "out of memory");
    if (work) {
        list_init(&work->node);
        work->generation = generation;
        work->run = run;
        work->name = strdup(run.name);
        work->run.name = work->name ? work->name : "?";
        work->task = r ? start_task(work, r, job, &err) : NULL;
    }
    if (work && work->task) {
        list_push(&generation->jobs, &work->node);
        return;
    }
    tell_left_out(generation, run.id, &err);
    if (work) {
        drop(work, JOB_END_FAILED, err.text);
    } else {
        job_line_end(generation->world->jobs, &run, JOB_END_FAILED, err.text);
    }
}

void script_job_free_all(struct generation *generation)
{
    list_each_safe(node, &generation->jobs)
    {
        drop(list_entry(node, struct work, node), JOB_END_BACK, NULL);
    }
}
