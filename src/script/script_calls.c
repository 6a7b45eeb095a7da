#include "script_calls_internal.h"

#include "call_args.h"
#include "eval.h"
#include "every.h"
#include "generation.h"
#include "json_write.h"
#include "limits.h"
#include "lock.h"
#include "memory.h"
#include "resource.h"
#include "waiter.h"
#include "webhook.h"

/* ---- helpers ---- */

struct generation *script_calls_generation(struct op *op, struct err *err)
{
    struct generation *generation = gen_owner(gen_of_caller(op->caller));
    if (!generation) {
        err_set(err, ERR_MISUSE, "%s: only in a bot", op->call->name);
    }
    return generation;
}

int script_calls_answer(struct op *op, const char *json)
{
    buf_adds(&op->result, json);
    op_done(op);
    return 0;
}

int script_calls_answer_json(struct op *op, struct json_writer *w,
                             struct err *err)
{
    if (json_finish(w, op->call->name, err) != 0) {
        return -1;
    }
    op_done(op);
    return 0;
}

struct generation *script_calls_loading(struct op *op, struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    if (generation && !gen_loading(generation->gen)) {
        err_set(err, ERR_MISUSE,
                "%s: only at the top level of the script, while it loads",
                op->call->name);
        return NULL;
    }
    return generation;
}

/* ---- about the script ---- */

static int info_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    struct json_writer w;
    (void)args;
    (void)bytes;
    if (!generation) {
        return -1;
    }
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_member_str(&w, "name", generation->settings->script.name);
    json_member_int(&w, "generation", generation->number);
    json_member_bool(&w, "exec", op->caller->exec);
    json_member_str(&w, "file", generation->settings->file);
    if (generation->version.len) {
        json_member_raw(&w, "version", buf_slice(&generation->version));
    }
    if (generation->previous) {
        json_member_int(&w, "previous", generation->previous);
    }
    json_object_end(&w);
    return script_calls_answer_json(op, &w, err);
}

static int config_start(struct op *op, struct slice args, struct slice bytes,
                        struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    struct json_writer w;
    (void)args;
    (void)bytes;
    if (!generation) {
        return -1;
    }
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_member_raw(&w, "config", generation->settings->script.config);
    json_member_raw(&w, "places", generation->settings->script.config_places);
    json_member_raw(&w, "secrets", generation->settings->script.secrets);
    json_object_end(&w);
    return script_calls_answer_json(op, &w, err);
}

static int set_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    struct slice version = json_get(args, "version");
    const char *reload = call_args_text_opt(&a, "reload");
    int64_t concurrency = call_args_int(&a, "concurrency", 0, 1, LIMIT_TASKS);
    if (reload && strcmp(reload, "quiesce") != 0) {
        call_args_fault(&a, "reload can be \"quiesce\" only, not \"%s\"",
                        reload);
    }
    if (call_args_check(&a) != 0) {
        return -1;
    }
    if (version.ptr) {
        buf_clear(&generation->version);
        buf_add(&generation->version, version);
    }
    generation->quiesce |= reload != NULL;
    if (concurrency) {
        generation->concurrency = (int)concurrency;
    }
    return script_calls_answer(op, "true");
}

/* ---- registering ---- */

static int check_room(const struct generation *generation, struct err *err)
{
    if (generation->registration_count < LIMIT_REGISTRATIONS) {
        return 0;
    }
    return err_set(err, ERR_MISUSE, "more than %d handlers and commands",
                   LIMIT_REGISTRATIONS);
}

static void add(struct generation *generation, struct registration *made)
{
    list_push(&generation->registrations, &made->node);
    generation->registration_count++;
}

int script_calls_add(struct generation *generation, struct registration *made,
                     struct err *err)
{
    if (!made || check_room(generation, err) != 0) {
        registration_free(made);
        return -1;
    }
    add(generation, made);
    return 0;
}

/* A second snapshot would have nowhere to go. */
static int check_twice(const struct generation *generation,
                       const struct registration *made, struct err *err)
{
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        if (made->kind == REGISTRATION_HOOK && !r->off &&
            r->kind == REGISTRATION_HOOK &&
            strcmp(made->name, "snapshot") == 0 &&
            strcmp(r->name, made->name) == 0) {
            return err_set(err, ERR_MISUSE,
                           "'snapshot' has a handler already (%s)", r->where);
        }
    }
    return 0;
}

static int on_start(struct op *op, struct slice args, struct slice bytes,
                    struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    (void)bytes;
    if (!generation || check_room(generation, err) != 0) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    struct slice name = call_args_string(&a, "name");
    const char *where = call_args_text_opt(&a, "where");
    struct slice filter = json_get(args, "filter");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    if (json_type(filter) == JSON_NULL) {
        filter = SLICE_NONE;
    }
    struct registration *made =
        registration_event(id, name, filter, where, err);
    if (!made) {
        return -1;
    }
    if (check_twice(generation, made, err) != 0) {
        registration_free(made);
        return -1;
    }
    add(generation, made);
    return script_calls_answer(op, "true");
}

static int command_start(struct op *op, struct slice args, struct slice bytes,
                         struct err *err)
{
    struct generation *generation = script_calls_loading(op, err);
    (void)bytes;
    if (!generation || check_room(generation, err) != 0) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    const char *where = call_args_text_opt(&a, "where");
    call_args_bool(&a, "hidden", false);
    call_args_string_opt(&a, "usage");
    call_args_string_opt(&a, "help");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    struct registration *made = registration_command(id, args, where, err);
    if (!made) {
        return -1;
    }
    add(generation, made);
    return script_calls_answer(op, "true");
}

static int off_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    if (call_args_check(&a) != 0) {
        return -1;
    }
    struct registration *found = generation_find(generation, id);
    if (found) {
        found->off = true;
    } else {
        every_off(generation, id);
        webhook_off(generation, id);
        waiter_drop(generation, id);
    }
    return script_calls_answer(op, "true");
}

static int timer_start_call(struct op *op, struct slice args,
                            struct slice bytes, struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    struct every_options options = {
        .id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX),
        .ms = call_args_seconds(&a, "seconds"),
        .every = call_args_bool(&a, "every", false),
        .now = call_args_bool(&a, "now", false),
        .jitter = call_args_seconds_or(&a, "jitter", 0),
        .where = call_args_text_opt(&a, "where"),
    };
    const char *name = call_args_text_opt(&a, "name");
    options.name = slice_str(name);
    if (options.every && options.ms < 1) {
        call_args_fault(&a, "the interval must be above 0");
    }
    if (call_args_check(&a) != 0 || every_add(generation, &options, err) != 0) {
        return -1;
    }
    return script_calls_answer(op, "true");
}

/* ---- commands of all scripts ---- */

void script_calls_commands(const struct generation *generation,
                           struct json_writer *w)
{
    list_each(node, &generation->registrations)
    {
        const struct registration *r =
            list_entry(node, struct registration, node);
        if (r->kind != REGISTRATION_COMMAND || r->off) {
            continue;
        }
        struct json_iter it = json_iter(buf_slice(&r->command));
        json_object_begin(w);
        json_member_str(w, "script", generation->settings->script.name);
        while (json_next(&it)) {
            json_key_slice(w, json_plain(it.key));
            json_put_raw(w, it.value);
        }
        json_object_end(w);
    }
}

static int commands_start(struct op *op, struct slice args, struct slice bytes,
                          struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    bool answers = false;
    struct json_writer w;
    (void)args;
    (void)bytes;
    if (!generation) {
        return -1;
    }
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_key(&w, "commands");
    json_array_begin(&w);
    if (generation->world->commands) {
        generation->world->commands(generation->world->arg, generation, &w,
                                    &answers);
    } else {
        script_calls_commands(generation, &w);
    }
    json_array_end(&w);
    json_member_bool(&w, "first", answers);
    json_object_end(&w);
    return script_calls_answer_json(op, &w, err);
}

/* ---- files beside the script ---- */

static int resource_start(struct op *op, struct slice args, struct slice bytes,
                          struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    const char *path = call_args_text_opt(&a, "path");
    if (call_args_check(&a) != 0 ||
        resource_read(generation, path ? path : "", &op->bytes, err) != 0) {
        return -1;
    }
    op->has_bytes = true;
    return script_calls_answer(op, "true");
}

/* ---- repl ---- */

static int print_start(struct op *op, struct slice args, struct slice bytes,
                       struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    struct buf text;
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int session = (int)call_args_int(&a, "session", 0, 0, INT32_MAX);
    if (call_args_check(&a) != 0) {
        return -1;
    }
    buf_init(&text, LIMIT_CALL_ARGS);
    if (json_string(json_get(args, "text"), &text) == 0) {
        eval_print(generation, session, buf_slice(&text));
    }
    buf_free(&text);
    return script_calls_answer(op, "true");
}

const struct call script_calls[] = {
    { "script.info", CALL_NOW, info_start, NULL },
    { "script.config", CALL_NOW, config_start, NULL },
    { "script.on", CALL_NOW, on_start, NULL },
    { "script.command", CALL_NOW, command_start, NULL },
    { "script.commands", CALL_NOW, commands_start, NULL },
    { "script.job", CALL_NOW, script_calls_job, NULL },
    { "script.off", CALL_NOW, off_start, NULL },
    { "script.cron", CALL_NOW, script_calls_cron, NULL },
    { "script.timer", CALL_NOW, timer_start_call, NULL },
    { "script.set", CALL_NOW, set_start, NULL },
    { "script.lock", CALL_PARKS, script_calls_lock, lock_orphan },
    { "script.unlock", CALL_NOW, script_calls_unlock, NULL },
    { "script.await", CALL_NOW, script_calls_await, NULL },
    { "script.wait", CALL_PARKS | CALL_IDLE, script_calls_wait, waiter_orphan },
    { "script.answer", CALL_NOW, script_calls_taken, NULL },
    { "script.emit", CALL_NOW, script_calls_emit, NULL },
    { "script.resource", CALL_NOW, resource_start, NULL },
    { "script.print", CALL_NOW, print_start, NULL },
    { "script.webhook", CALL_NOW, script_calls_webhook, NULL },
    { "webhook.body", CALL_NOW, script_calls_webhook_body, NULL },
    { "webhook.answer", CALL_NOW, script_calls_webhook_answer, NULL },
    { "memory.get", CALL_NOW, script_calls_memory_get, NULL },
    { "memory.set", CALL_NOW, script_calls_memory_set, NULL },
    { "memory.keys", CALL_NOW, script_calls_memory_keys, NULL },
    { NULL, 0, NULL, NULL },
};
