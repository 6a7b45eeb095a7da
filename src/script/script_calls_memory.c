#include "script_calls_internal.h"

#include "json_read.h"
#include "memory.h"

int script_calls_memory_get(struct op *op, struct slice args,
                            struct slice bytes, struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation ||
        memory_get(generation->world->memory, json_get(args, "path"),
                   &op->result, err) != 0) {
        return -1;
    }
    op_done(op);
    return 0;
}

int script_calls_memory_set(struct op *op, struct slice args,
                            struct slice bytes, struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    struct slice value = json_get(args, "value");
    (void)bytes;
    if (!generation ||
        memory_set(generation->world->memory, json_get(args, "path"),
                   value.ptr ? value : slice_str("null"), err) != 0) {
        return -1;
    }
    return script_calls_answer(op, "true");
}

int script_calls_memory_keys(struct op *op, struct slice args,
                             struct slice bytes, struct err *err)
{
    const struct generation *generation = script_calls_generation(op, err);
    (void)bytes;
    if (!generation ||
        memory_keys(generation->world->memory, json_get(args, "path"),
                    &op->result, err) != 0) {
        return -1;
    }
    op_done(op);
    return 0;
}
