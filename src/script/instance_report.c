#include "every.h"
#include "instance_internal.h"
#include "limits.h"
#include "task.h"

/* What an instance is at, for status and SIGUSR1. */

struct tasks {
    struct json_writer *w;
    int most;
    int64_t oldest; /* ms, -1 there is none */
};

static void look_at_age(void *arg, const struct task *task)
{
    struct tasks *tasks = arg;
    int64_t age = task_age(task);
    if (age > tasks->oldest) {
        tasks->oldest = age;
    }
}

static void write_task(void *arg, const struct task *task)
{
    struct tasks *tasks = arg;
    struct buf trace;
    if (tasks->most-- <= 0) {
        return;
    }
    buf_init(&trace, LIMIT_TRACE);
    task_traceback(task, &trace);
    json_object_begin(tasks->w);
    json_member_text(tasks->w, "handler", slice_str(task_label(task)));
    json_member_int(tasks->w, "age_ms", task_age(task));
    json_member_text(tasks->w, "traceback", buf_slice(&trace));
    json_object_end(tasks->w);
    buf_free(&trace);
}

static void write_rows(const struct generation *generation, int rows,
                       struct json_writer *w)
{
    struct tasks tasks = { w, rows, -1 };
    json_key(w, "running");
    json_array_begin(w);
    gen_each_task(generation->gen, write_task, &tasks);
    json_array_end(w);
    json_key(w, "timer_list");
    json_array_begin(w);
    every_report(generation, rows, w);
    json_array_end(w);
}

/* As members of an object that is open. */
static void write_generation(const struct generation *generation, int rows,
                             struct json_writer *w)
{
    struct tasks tasks = { w, 0, -1 };
    size_t limit = generation->settings->script.limits.memory;
    gen_each_task(generation->gen, look_at_age, &tasks);
    json_member_int(w, "generation", generation->number);
    json_member_int(w, "handlers",
                    generation_count(generation, REGISTRATION_EVENT));
    json_member_int(w, "commands",
                    generation_count(generation, REGISTRATION_COMMAND));
    json_member_int(w, "timers", generation->timer_count);
    json_member_int(w, "tasks", gen_tasks(generation->gen));
    if (tasks.oldest >= 0) {
        json_member_int(w, "oldest_task_ms", tasks.oldest);
    }
    json_member_int(w, "done", generation->done);
    json_member_int(w, "failed", generation->failed);
    json_member_int(w, "memory", (int64_t)gen_memory(generation->gen));
    json_member_int(w, "memory_limit",
                    (int64_t)(limit ? limit : LIMIT_SCRIPT_MEMORY));
    if (rows > 0) {
        write_rows(generation, rows, w);
    }
}

static void write_other(const struct drain *drain, const char *what, int rows,
                        struct json_writer *w)
{
    if (!drain) {
        return;
    }
    json_key(w, what);
    json_object_begin(w);
    write_generation(drain_generation(drain), rows, w);
    json_object_end(w);
}

static void write_refusal(const struct instance *instance,
                          struct json_writer *w)
{
    if (instance->refused.len == 0) {
        return;
    }
    json_key(w, "refused");
    json_object_begin(w);
    json_member_int(w, "at", instance->refused_at);
    json_member_int(w, "generation", instance->refused_number);
    json_member_text(w, "error", buf_slice(&instance->refused));
    json_object_end(w);
}

static const char *state_name(const struct instance *instance)
{
    bool refused = instance->refused.len > 0;
    if (instance->current) {
        return refused ? "refused" : "ok";
    }
    return refused ? "failed" : instance->reload ? "loading" : "stopped";
}

void instance_report(const struct instance *instance, int rows,
                     struct json_writer *w)
{
    json_object_begin(w);
    json_member_text(w, "script", slice_str(instance_name(instance)));
    json_member_text(w, "file", slice_str(instance->settings->file));
    json_member_str(w, "state", state_name(instance));
    json_member_bool(w, "reloading", instance->reload != NULL);
    if (instance->current) {
        json_member_int(w, "loaded", instance->loaded);
        write_generation(instance->current, rows, w);
    }
    write_refusal(instance, w);
    write_other(instance->old, "draining", rows, w);
    write_other(instance->last, "stopping", rows, w);
    json_key(w, "events");
    dispatch_report(instance->dispatch, w);
    json_key(w, "jobs");
    job_line_report(instance->jobs, w);
    json_key(w, "errors");
    json_array_begin(w);
    recent_write(&instance->recent, w);
    json_array_end(w);
    json_object_end(w);
}
