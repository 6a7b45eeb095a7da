#include "repl.h"

#include <stdio.h>
#include <stdlib.h>

#include "eval.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"

struct repl {
    struct account *account;
    struct eval *eval;
    repl_say_fn *say;
    void *arg;
};

/* ---- lines out --------------------------------------------------------- */

struct line {
    struct buf text;
    struct json_writer w;
};

static struct json_writer *line_begin(struct line *line)
{
    buf_init(&line->text, LIMIT_REPL_OUTPUT);
    json_writer_init(&line->w, &line->text);
    json_object_begin(&line->w);
    return &line->w;
}

static void line_end(struct repl *repl, struct line *line, bool must)
{
    struct err err;

    json_object_end(&line->w);
    if (json_finish(&line->w, "what the repl says", &err) == 0)
        repl->say(repl->arg, buf_slice(&line->text), must);
    else if (must)
        repl->say(repl->arg,
                  slice_str("{\"error\":{\"kind\":\"limit\",\"error\":"
                            "\"the answer cannot be shown\"}}"),
                  true);
    buf_free(&line->text);
}

static void say_error(struct repl *repl, const struct err *err,
                      const struct task_result *result)
{
    char where[512];
    struct line line;
    struct json_writer *w = line_begin(&line);

    json_key(w, "error");
    json_object_begin(w);
    json_member_str(w, "kind", err_kind_name(err->kind));
    json_member_str(w, "error", err->text);
    if (result && result->file) {
        snprintf(where, sizeof where, "%s:%d", result->file, result->line);
        json_member_str(w, "where", where);
    }
    if (result)
        json_member_str(w, "traceback", result->traceback);
    json_object_end(w);
    line_end(repl, &line, true);
}

/* value: JSON, or absent. */
static void say_done(struct repl *repl, struct slice value)
{
    struct line line;
    struct json_writer *w = line_begin(&line);

    json_key(w, "done");
    if (json_type(value) == JSON_OBJECT) {
        json_put_raw(w, value);
    } else {
        json_object_begin(w);
        json_object_end(w);
    }
    line_end(repl, &line, true);
}

static void say_report(struct repl *repl, const struct buf *text)
{
    struct line line;
    struct json_writer *w = line_begin(&line);

    json_key(w, "done");
    json_object_begin(w);
    json_member_string(w, "report", buf_slice(text));
    json_object_end(w);
    line_end(repl, &line, true);
}

/* ---- the script's side ------------------------------------------------- */

static void on_printed(void *arg, struct slice text)
{
    struct line line;

    json_member_string(line_begin(&line), "print", text);
    line_end(arg, &line, false);
}

static void on_ended(void *arg, const struct task_result *result)
{
    if (result->end == TASK_DONE)
        say_done(arg, result->value);
    else
        say_error(arg, result->err, result);
}

static void on_moved(void *arg, int generation)
{
    struct line line;

    json_member_int(line_begin(&line), "moved", generation);
    line_end(arg, &line, true);
}

static void on_event(void *arg, struct slice room_id, struct slice json)
{
    struct line line;
    struct json_writer *w = line_begin(&line);

    if (json.ptr)
        json_member_raw(w, "event", json);
    json_member_string(w, "room_id", room_id);
    line_end(arg, &line, false);
}

static const struct eval_owner owner = {
    .printed = on_printed,
    .ended = on_ended,
    .moved = on_moved,
    .event = on_event,
};

/* ---- the log ----------------------------------------------------------- */

static void log_it(const struct repl *repl, const char *what)
{
    struct log_fields fields = {
        .account = account_name(repl->account),
        .script = eval_script(repl->eval),
        .gen = eval_generation(repl->eval),
    };

    log_write(LOG_LEVEL_INFO, &fields, "repl %s", what);
}

/* ---- lines in ---------------------------------------------------------- */

static int run(struct repl *repl, const char *what, struct slice text,
               struct err *err)
{
    struct buf code;
    int result;

    buf_init(&code, LIMIT_CONTROL_LINE);
    if (json_string(text, &code) != 0)
        result = err_set(err, ERR_MISUSE, "%s needs a text", what);
    else
        result = eval_run(repl->eval, what, buf_slice(&code), err);
    buf_free(&code);
    return result;
}

static void report(struct repl *repl,
                   void (*write)(const struct eval *, struct buf *))
{
    struct buf text;

    buf_init(&text, LIMIT_REPL_RESULT / 2);
    write(repl->eval, &text);
    say_report(repl, &text);
    buf_free(&text);
}

static void follow(struct repl *repl, struct slice value)
{
    bool on = false;

    json_bool(value, &on);
    eval_follow(repl->eval, on);
    say_done(repl, SLICE_NONE);
}

void repl_line(struct repl *repl, struct slice line)
{
    struct err err;
    int result = json_check(line, &err);

    if (result == 0 && json_get(line, "code").ptr)
        result = run(repl, "code", json_get(line, "code"), &err);
    else if (result == 0 && json_get(line, "complete").ptr)
        result = run(repl, "complete", json_get(line, "complete"), &err);
    else if (result == 0 && json_get(line, "events").ptr)
        follow(repl, json_get(line, "events"));
    else if (result == 0 && json_get(line, "handlers").ptr)
        report(repl, eval_handlers);
    else if (result == 0 && json_get(line, "timers").ptr)
        report(repl, eval_timers);
    else if (result == 0 && json_get(line, "cancel").ptr)
        eval_cancel(repl->eval);
    else if (result == 0)
        result = err_set(&err, ERR_MISUSE,
                         "the running process does not know this request: "
                         "is it another version of lunatrix?");
    if (result != 0)
        say_error(repl, &err, NULL);
}

struct repl *repl_open(struct account *account, struct slice request,
                       repl_say_fn *say, void *arg, struct err *err)
{
    struct repl *repl = calloc(1, sizeof *repl);
    char *script = json_dup(json_get(request, "script"), LIMIT_PATH);
    struct line line;
    struct json_writer *w;

    if (!repl) {
        err_set(err, ERR_LIMIT, "cannot open a repl: out of memory");
        goto fail;
    }
    *repl = (struct repl) { .account = account, .say = say, .arg = arg };
    repl->eval = eval_open(account_manager(account), script, &owner, repl, err);
    if (!repl->eval)
        goto fail;
    log_it(repl, "opened");
    w = line_begin(&line);
    json_key(w, "repl");
    json_object_begin(w);
    json_member_str(w, "script", eval_script(repl->eval));
    json_member_int(w, "generation", eval_generation(repl->eval));
    json_object_end(w);
    line_end(repl, &line, true);
    free(script);
    return repl;
fail:
    free(script);
    free(repl);
    return NULL;
}

void repl_close(struct repl *repl)
{
    if (!repl)
        return;
    log_it(repl, "closed");
    eval_close(repl->eval);
    free(repl);
}
