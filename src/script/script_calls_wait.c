#include "script_calls_internal.h"

#include "call_args.h"
#include "json_write.h"
#include "limits.h"
#include "lock.h"
#include "waiter.h"

/* ---- locks ---- */

int script_calls_lock(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int64_t id = call_args_int(&a, "id", 0, 0, INT64_MAX);
    struct slice key = call_args_id(&a, "key");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    return lock_take(generation, id, key, op, err);
}

int script_calls_unlock(struct op *op, struct slice args, struct slice bytes,
                        struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int64_t id = call_args_int(&a, "id", 0, 0, INT64_MAX);
    if (call_args_check(&a) != 0) {
        return -1;
    }
    lock_give(generation, id);
    return script_calls_answer(op, "true");
}

/* ---- waiting for an event ---- */

int script_calls_await(struct op *op, struct slice args, struct slice bytes,
                       struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    struct waiter_options options = {
        .id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX),
        .name = call_args_string(&a, "name"),
        .filter = json_get(args, "filter"),
        .where = call_args_text_opt(&a, "where"),
        .delivery = op->cause.delivery,
    };
    if (json_type(options.filter) == JSON_NULL) {
        options.filter = SLICE_NONE;
    }
    if (call_args_check(&a) != 0 ||
        waiter_arm(generation, &options, err) != 0) {
        return -1;
    }
    return script_calls_answer(op, "true");
}

int script_calls_wait(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    int id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    int64_t ms = call_args_seconds(&a, "seconds");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    return waiter_wait(generation, id, ms, op, err);
}

int script_calls_taken(struct op *op, struct slice args, struct slice bytes,
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
    return script_calls_answer(op, waiter_answer(generation, id) ? "true"
                                                                 : "false");
}

/* ---- telling other scripts ---- */

int script_calls_emit(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation) {
        return -1;
    }
    struct call_args a = call_args_of(op, args, err);
    struct slice name = call_args_string(&a, "name");
    if (call_args_check(&a) != 0) {
        return -1;
    }
    if (generation->state == GENERATION_CANDIDATE) {
        return err_set(err, ERR_MISUSE,
                       "nobody can be told before the script is live");
    }
    const struct generation_world *world = generation->world;
    int count = world->emit ? world->emit(world->arg, generation, name,
                                          json_get(args, "data"), err)
                            : 0;
    if (count < 0) {
        return -1;
    }
    buf_addf(&op->result, "%d", count);
    op_done(op);
    return 0;
}
