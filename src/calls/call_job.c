#include "call_topics.h"

#include "call_args.h"
#include "json_write.h"
#include "limits.h"
#include "op.h"

/* Durable jobs: each call is one transaction and answers at once. */

#define ORIGIN 1024 /* an event id, a task's path, a job's name */

static struct store *need_store(struct call_args *args)
{
    struct store *store = args->op->caller->host->store;
    if (!store) {
        call_args_fault(args, "there is no account to keep it");
    }
    return store;
}

static void write_job(struct json_writer *w, const struct store_job *job)
{
    json_object_begin(w);
    json_member_int(w, "id", job->id);
    json_member_string(w, "name", job->name);
    json_key(w, "at");
    json_put_double(w, (double)job->due / 1000);
    json_member_int(w, "attempt", job->attempt);
    json_member_raw(w, "data", job->data);
    json_object_end(w);
}

static int finish(struct op *op, struct json_writer *w, struct err *err)
{
    if (json_finish(w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

/* A handler that runs again after a crash finds the job it made before. */
static void add_origin(const struct op *op, struct slice name, struct buf *out)
{
    const struct op_cause *cause = &op->cause;
    if (cause->event.ptr) {
        buf_addf(out, "%.*s\n%.*s\n%u\n%.*s", SLICE_ARG(cause->event),
                 SLICE_ARG(cause->path), cause->ordinal, SLICE_ARG(name));
    }
}

static int put(struct op *op, struct store *store, struct store_job *job,
               struct err *err)
{
    struct buf origin;
    buf_init(&origin, ORIGIN);
    add_origin(op, job->name, &origin);
    if (origin.len > 0 && !origin.failed) {
        job->origin = buf_slice(&origin);
    }
    int status =
        store_job_put(store, job, LIMIT_JOBS, op->caller->store_quota, err);
    buf_free(&origin);
    if (status > 0 && op->caller->jobs) {
        job_line_look(op->caller->jobs);
    }
    return status < 0 ? -1 : 0;
}

static int job_enqueue(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    int64_t now = loop_wall(op->caller->host->loop);
    struct store_job job = {
        .script = slice_str(op->caller->script),
        .name = call_args_id(&args, "name"),
        .key = call_args_id_opt(&args, "key"),
        .data = json_get(object, "data"),
        .due = now + call_args_seconds_or(&args, "after", 0),
    };
    job.due = call_args_seconds_or(&args, "at", job.due);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    if (!job.data.ptr) {
        job.data = slice_str("null");
    }
    if (job.data.len > LIMIT_JOB_DATA) {
        return err_set(err, ERR_LIMIT,
                       "cannot keep a job '%.*s': %zu bytes of data are more "
                       "than %zu",
                       SLICE_ARG(job.name), job.data.len, LIMIT_JOB_DATA);
    }
    if (put(op, store, &job, err) != 0) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    write_job(&w, &job);
    return finish(op, &w, err);
}

static int job_get(struct op *op, struct slice object, struct slice bytes,
                   struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    int64_t id = call_args_int(&args, "id", 0, INT64_MIN, INT64_MAX);
    struct slice name = call_args_id(&args, "name");
    struct store_job job;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    int found = store_job_get(store, op->caller->script, id, &job, err);
    if (found < 0) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    if (found && slice_eq(job.name, name)) {
        write_job(&w, &job);
    } else {
        json_put_null(&w);
    }
    return finish(op, &w, err);
}

static void add_job(void *arg, const struct store_job *job)
{
    write_job(arg, job);
}

static int job_list(struct op *op, struct slice object, struct slice bytes,
                    struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice name = call_args_id(&args, "name");
    int64_t due = call_args_seconds_or(&args, "at", INT64_MIN);
    int64_t id = call_args_int(&args, "id", 0, INT64_MIN, INT64_MAX);
    int max =
        (int)call_args_int(&args, "max", LIMIT_JOB_PAGE, 1, LIMIT_JOB_PAGE);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_array_begin(&w);
    if (store_job_each(store, op->caller->script, name, due, id, max, add_job,
                       &w, err) < 0) {
        return -1;
    }
    json_array_end(&w);
    return finish(op, &w, err);
}

static int job_cancel(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    int64_t id = call_args_int(&args, "id", 0, INT64_MIN, INT64_MAX);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    int found = store_job_cancel(store, op->caller->script, id, err);
    if (found < 0) {
        return -1;
    }
    buf_adds(&op->result, found ? "true" : "false");
    op_done(op);
    return 0;
}

const struct call call_job_table[] = {
    { "job.enqueue", CALL_NOW | CALL_WRITES, job_enqueue, NULL },
    { "job.get", CALL_NOW, job_get, NULL },
    { "job.list", CALL_NOW, job_list, NULL },
    { "job.cancel", CALL_NOW, job_cancel, NULL },
    { 0 },
};
