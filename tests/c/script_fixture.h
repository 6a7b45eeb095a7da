#ifndef SCRIPT_FIXTURE_H
#define SCRIPT_FIXTURE_H

/* A generation of a script given as text, on a virtual loop, with calls that
 * need no host and a library just large enough to reach core. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gen_internal.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"
#include "op.h"
#include "task.h"
#include "track.h"

#define FIXTURE_ENDS 64
#define FIXTURE_TEXT 2048

struct fixture_end {
    int id;
    enum task_end end;
    char value[FIXTURE_TEXT], text[FIXTURE_TEXT];
    char file[FIXTURE_TEXT], trace[FIXTURE_TEXT * 4];
    int line;
    enum err_kind kind;
};

struct fixture {
    char dir[64];
    struct loop *loop;
    struct call_host host;
    struct gen *gen;
    struct track *track;
    struct fixture_end ends[FIXTURE_ENDS];
    int ended, waited, readied;
    bool hold;          /* ready does not resume */
    struct task *ready; /* the one it was said of last */
    int live_ops, orphans;
    char logged[FIXTURE_TEXT * 4]; /* level, file:line, text of each line */
    char causes[FIXTURE_TEXT];
    char args[FIXTURE_TEXT];
};

static struct fixture fixture; /* one at a time */

/* ---- calls ---- */

static int now_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *err)
{
    (void)err;
    snprintf(fixture.args, sizeof fixture.args, "%.*s", SLICE_ARG(args));
    buf_add(&op->result, args);
    if (bytes.ptr) {
        op->has_bytes = true;
        buf_add(&op->bytes, bytes);
    }
    op_done(op);
    return 0;
}

static int null_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    bool value;
    (void)bytes;
    (void)err;
    if (json_bool(json_get(args, "value"), &value)) {
        buf_adds(&op->result, value ? "null" : "false");
    }
    op_done(op);
    return 0;
}

static int log_start(struct op *op, struct slice args, struct slice bytes,
                     struct err *err)
{
    (void)bytes;
    (void)err;
    char *level = json_dup(json_get(args, "level"), 100);
    char *text = json_dup(json_get(args, "text"), 1000);
    char *file = json_dup(json_get(args, "file"), 1000);
    int64_t line = 0;
    json_int(json_get(args, "line"), &line);
    size_t len = strlen(fixture.logged);
    snprintf(fixture.logged + len, sizeof fixture.logged - len, "%s %s:%d %s\n",
             level, file ? file : "", (int)line, text ? text : "?");
    free(level);
    free(text);
    free(file);
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

static void on_timer(void *arg)
{
    struct op *op = arg;
    op->state = NULL;
    fixture.live_ops--;
    buf_adds(&op->result, "{\"waited\":true}");
    op_done(op);
}

static void on_failing_timer(void *arg)
{
    struct op *op = arg;
    struct err err;
    op->state = NULL;
    fixture.live_ops--;
    err_set(&err, ERR_MATRIX, "the server said no");
    strcpy(err.errcode, "M_FORBIDDEN");
    err.status = 403;
    op_fail(op, &err, slice_str("{\"errcode\":\"M_FORBIDDEN\",\"x\":1}"));
}

static int start_timer(struct op *op, struct slice args, loop_fn *fn)
{
    double seconds = 0;
    size_t len = strlen(fixture.causes);
    json_double(json_get(args, "seconds"), &seconds);
    snprintf(fixture.args, sizeof fixture.args, "%.*s", SLICE_ARG(args));
    snprintf(fixture.causes + len, sizeof fixture.causes - len, "%.*s/%.*s/%u ",
             SLICE_ARG(op->cause.event), SLICE_ARG(op->cause.path),
             op->cause.ordinal);
    op->state =
        timer_start(fixture.loop, (int64_t)(seconds * 1000), fn, op, NULL);
    fixture.live_ops++;
    return 0;
}

static int wait_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    (void)bytes;
    (void)err;
    return start_timer(op, args, on_timer);
}

static int fail_start(struct op *op, struct slice args, struct slice bytes,
                      struct err *err)
{
    (void)bytes;
    (void)err;
    return start_timer(op, args, on_failing_timer);
}

static int misuse_start(struct op *op, struct slice args, struct slice bytes,
                        struct err *err)
{
    (void)op;
    (void)args;
    (void)bytes;
    return err_set(err, ERR_MISUSE, "seconds must be positive");
}

static int denied_start(struct op *op, struct slice args, struct slice bytes,
                        struct err *err)
{
    (void)op;
    (void)args;
    (void)bytes;
    return err_set(err, ERR_DENIED, "not allowed");
}

static void wait_orphan(struct op *op)
{
    timer_cancel(op->state);
    fixture.live_ops--;
    fixture.orphans++;
}

static const struct call fixture_calls[] = {
    { "test.now", CALL_NOW, now_start, NULL },
    { "test.matrix", CALL_NOW | CALL_MATRIX, now_start, NULL },
    { "test.null", CALL_NOW, null_start, NULL },
    { "test.exec", CALL_NOW | CALL_EXEC, now_start, NULL },
    { "test.wait", 0, wait_start, wait_orphan },
    { "test.write", CALL_WRITES | CALL_MATRIX, wait_start, wait_orphan },
    { "test.park", CALL_PARKS, wait_start, wait_orphan },
    { "test.fail", CALL_WRITES, fail_start, wait_orphan },
    { "test.misuse", CALL_NOW, misuse_start, NULL },
    { "test.denied", 0, denied_start, NULL },
    { "log.write", CALL_NOW, log_start, NULL },
    { NULL, 0, NULL, NULL },
};

/* ---- the library ---- */

static const char fixture_library[] =
    "local core = ...\n"
    "local matrix = { core = core, json = core.require 'helper' }\n"
    "local bot, handlers = {}, {}\n"
    "core.set_error(function(fields)\n"
    "    return setmetatable(fields, { __tostring = function(e) "
    "return 'E:' .. e.error end })\n"
    "end)\n"
    "core.set_entry(function(kind, id, event, info)\n"
    "    return handlers[id](event, info, kind)\n"
    "end)\n"
    "function bot.on(fn) handlers[#handlers + 1] = fn end\n"
    "function matrix.wait(s, kind)\n"
    "    return core.call('test.' .. (kind or 'wait'), { seconds = s or 1 })\n"
    "end\n"
    "matrix.sleep = function(s) return matrix.wait(s, 'park') end\n"
    "matrix.spawn, matrix.join = core.spawn, core.join\n"
    "matrix.cancel = core.cancel\n"
    "matrix.ended = {}\n"
    "core.on_task_end(function(n) table.insert(matrix.ended, n) end)\n"
    "function matrix.collect() collectgarbage() end\n"
    "return matrix, not core.exec and bot or nil\n";

static inline void fixture_write(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture.dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void fixture_mkdir(const char *name)
{
    char command[300];
    snprintf(command, sizeof command, "mkdir -p %s/%s", fixture.dir, name);
    assert_int_equal(system(command), 0);
}

/* ---- life ---- */

static inline int fixture_setup(void **state)
{
    struct err err;
    fixture = (struct fixture) { .dir = "/tmp/script.XXXXXX" };
    assert_non_null(mkdtemp(fixture.dir));
    fixture.loop = loop_new(LOOP_VIRTUAL, &err);
    assert_non_null(fixture.loop);
    fixture.host.loop = fixture.loop;
    fixture.host.account = "test";
    fixture_mkdir("lib/matrix");
    fixture_mkdir("data");
    fixture_write("lib/matrix/init.lua", fixture_library);
    fixture_write("lib/matrix/helper.lua",
                  "local core = ...\nreturn core.json_decode\n");
    *state = &fixture;
    return 0;
}

static inline void fixture_close(void)
{
    gen_free(fixture.gen);
    fixture.gen = NULL;
    track_free(fixture.track);
    fixture.track = NULL;
    assert_int_equal(fixture.live_ops, 0);
    assert_int_equal(loop_pending(fixture.loop), 0);
}

static inline int fixture_teardown(void **state)
{
    char command[100];
    (void)state;
    fixture_close();
    loop_free(fixture.loop);
    snprintf(command, sizeof command, "rm -rf %s", fixture.dir);
    return system(command);
}

static inline struct gen_config fixture_config(void)
{
    static char file[128], data[128], lib[128];
    snprintf(file, sizeof file, "%s/main.lua", fixture.dir);
    snprintf(data, sizeof data, "%s/data", fixture.dir);
    snprintf(lib, sizeof lib, "%s/lib", fixture.dir);
    return (struct gen_config) {
        .host = &fixture.host,
        .script = "main",
        .number = 1,
        .file = file,
        .directory = fixture.dir,
        .data_dir = data,
        .lua_path = lib,
        .calls = fixture_calls,
    };
}

/* The generation with the script's text compiled and run; 0 or -1. */
static inline int fixture_load_with(const struct gen_config *config,
                                    const char *text, struct err *err)
{
    fixture_close();
    fixture_write("main.lua", text);
    fixture.logged[0] = fixture.causes[0] = '\0';
    fixture.ended = fixture.waited = fixture.readied = 0;
    fixture.track = track_new();
    fixture.gen = gen_new(config, err);
    if (!fixture.gen) {
        print_error("%s\n", err->text);
    }
    assert_non_null(fixture.gen);
    return gen_load(fixture.gen, fixture.track, err);
}

static inline void fixture_load(const char *text)
{
    struct err err;
    struct gen_config config = fixture_config();
    if (fixture_load_with(&config, text, &err) != 0) {
        print_error("%s\n", err.text);
        fail();
    }
}

/* ---- tasks ---- */

static void on_waits(void *arg, struct task *task, bool parks)
{
    (void)arg;
    (void)task;
    (void)parks;
    fixture.waited++;
}

static void on_ready(void *arg, struct task *task)
{
    (void)arg;
    fixture.readied++;
    fixture.ready = task;
    if (!fixture.hold) {
        task_resume(task);
    }
}

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct fixture_end *end = &fixture.ends[fixture.ended++];
    assert_true(fixture.ended <= FIXTURE_ENDS);
    assert_non_null(task_label(task));
    end->id = (int)(intptr_t)arg;
    end->end = result->end;
    snprintf(end->value, sizeof end->value, "%.*s", SLICE_ARG(result->value));
    copy(end->text, sizeof end->text, result->err ? result->err->text : "");
    end->kind = result->err ? result->err->kind : ERR_MISUSE;
    copy(end->file, sizeof end->file, result->file);
    copy(end->trace, sizeof end->trace, result->traceback);
    end->line = result->line;
}

static const struct task_owner fixture_owner = { on_waits, on_ready, on_ended };

static inline struct task *fixture_start(int handler)
{
    struct err err;
    char path[16];
    snprintf(path, sizeof path, "%d", handler);
    struct task_options options = {
        .handler = handler,
        .kind = "event",
        .event = slice_str("{\"type\":\"m.test\",\"n\":[1,2.5,null]}"),
        .label = "handler",
        .cause = { slice_str("$ev"), slice_str(path), 0, 7 },
        .owner = &fixture_owner,
        .arg = (void *)(intptr_t)handler,
    };
    struct task *task = task_start(fixture.gen, &options, &err);
    assert_non_null(task);
    return task;
}

/* Runs that handler until nothing is left to do; how it ended. */
static inline const struct fixture_end *fixture_run(int handler)
{
    int before = fixture.ended;
    fixture_start(handler);
    loop_run(fixture.loop);
    assert_int_equal(fixture.ended, before + 1);
    return &fixture.ends[before];
}

/* The generation answers still. */
static inline void fixture_alive(int handler)
{
    const struct fixture_end *end = fixture_run(handler);
    assert_int_equal(end->end, TASK_DONE);
    assert_string_equal(end->value, "\"alive\"");
}

#endif
