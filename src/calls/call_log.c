#include "call_log.h"

#include "call_args.h"
#include "call_topics.h"
#include "log.h"
#include "op.h"

void call_log_tell_dropped(struct caller *caller)
{
    struct log_fields fields = { .account = caller->host->account,
                                 .script = caller->script,
                                 .gen = caller->generation };
    if (caller->log_dropped > 0) {
        log_write(LOG_LEVEL_WARN, &fields,
                  "dropped %d log lines: more than %d in one second",
                  caller->log_dropped, caller->log_lines);
        caller->log_dropped = 0;
    }
}

/* Whether one more line may be written in this second. What was dropped is
 * told before the first line that is written again. */
static bool within_rate(struct caller *caller)
{
    int64_t second = loop_now(caller->host->loop) / 1000;
    if (second != caller->log_second) {
        caller->log_second = second;
        caller->log_count = 0;
        call_log_tell_dropped(caller);
    }
    if (caller->log_count >= caller->log_lines) {
        caller->log_dropped++;
        return false;
    }
    caller->log_count++;
    return true;
}

static int log_start(struct op *op, struct slice object, struct slice bytes,
                     struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct caller *caller = op->caller;
    struct slice name = call_args_string(&args, "level");
    struct slice text = call_args_string(&args, "text");
    struct log_fields fields = {
        .account = caller->host->account,
        .script = caller->script,
        .gen = caller->generation,
        .room_id = call_args_text_opt(&args, "room_id"),
        .event_id = call_args_text_opt(&args, "event_id"),
        .handler = call_args_text_opt(&args, "handler"),
        .file = call_args_text_opt(&args, "file"),
        .line = (int)call_args_int(&args, "line", 0, 0, 1000000000),
    };
    enum log_level level = LOG_LEVEL_INFO;
    (void)bytes;
    if (name.ptr && log_level_parse(name.ptr, &level)) {
        call_args_fault(&args, "level must be debug, info, warn or error");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    if (level >= log_get_level() && within_rate(caller)) {
        log_write(level, &fields, "%.*s", SLICE_ARG(text));
    }
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

const struct call call_log_table[] = {
    { "log.write", CALL_NOW, log_start, NULL },
    { 0 },
};
