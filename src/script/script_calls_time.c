#include "script_calls_internal.h"

#include "call_args.h"
#include "cron.h"
#include "every.h"
#include "limits.h"

/* What is registered to run at its time: script.job and script.cron. */

static int answer(struct op *op)
{
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

static const struct registration *find_job(const struct generation *generation,
                                           struct slice name)
{
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        if (r->kind == REGISTRATION_JOB && slice_is(name, r->name)) {
            return r;
        }
    }
    return NULL;
}

int script_calls_job(struct op *op, struct slice args, struct slice bytes,
                     struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    struct slice name = call_args_id(&a, "name");
    int retries = (int)call_args_int(&a, "retries", 0, 0, LIMIT_JOB_RETRIES);
    int64_t backoff = call_args_seconds_or(&a, "backoff", 0);
    const char *where = call_args_text_opt(&a, "where");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    const struct registration *twice = find_job(generation, name);
    if (twice) {
        return err_set(err, ERR_MISUSE,
                       "the job '%.*s' has a function already (%s)",
                       SLICE_ARG(name), twice->where);
    }
    if (script_calls_add(
            generation,
            registration_job(id, name, retries, backoff, where, err),
            err) != 0) {
        return -1;
    }
    return answer(op);
}

int script_calls_cron(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    struct cron cron;
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    struct every_options options = {
        .id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX),
        .cron = &cron,
        .spec = call_args_string(&a, "spec"),
        .utc = call_args_bool(&a, "utc", false),
        .every = true,
        .name = call_args_string_opt(&a, "name"),
        .jitter = call_args_seconds_or(&a, "jitter", 0),
        .where = call_args_text_opt(&a, "where"),
    };
    if (call_args_check(&a) != 0) {
        return -1;
    }
    if (cron_parse(options.spec, &cron, err) != 0) {
        return err_prefix(err, "bot:cron");
    }
    if (every_add(generation, &options, err) != 0) {
        return -1;
    }
    return answer(op);
}
