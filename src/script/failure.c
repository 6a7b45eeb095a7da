#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json_text.h"
#include "limits.h"
#include "log.h"
#include "recent.h"

void failure_init(struct failure *failure)
{
    *failure = (struct failure) { .line = 0 };
    buf_init(&failure->trace, LIMIT_TRACE);
}

void failure_free(struct failure *failure)
{
    buf_free(&failure->trace);
}

static void set(struct failure *failure, const struct err *err,
                const char *file, int line, const char *traceback)
{
    failure->err = *err;
    snprintf(failure->file, sizeof failure->file, "%s", file ? file : "");
    failure->line = file && *file ? line : 0;
    buf_clear(&failure->trace);
    buf_adds(&failure->trace, traceback ? traceback : "");
    failure->label[0] = '\0';
}

void failure_of_load(struct failure *failure, const struct gen *gen,
                     const struct err *err)
{
    const struct gen_error *error = gen_error(gen);
    set(failure, err, error->file, error->line, error->traceback);
    if (error->message && *error->message) {
        err_set(&failure->err, err->kind, "%s", error->message);
    }
}

void failure_of_task(struct failure *failure, const struct task *task,
                     const struct task_result *result)
{
    set(failure, result->err, result->file, result->line, result->traceback);
    snprintf(failure->label, sizeof failure->label, "%s", task_label(task));
}

void failure_at(struct failure *failure, const char *where,
                const struct err *err)
{
    char file[TRACE_FILE];
    const char *colon = where ? strrchr(where, ':') : NULL;
    size_t len = colon ? (size_t)(colon - where) : 0;
    if (len == 0 || len >= sizeof file) {
        set(failure, err, NULL, 0, NULL);
        return;
    }
    memcpy(file, where, len);
    file[len] = '\0';
    set(failure, err, file, (int)strtol(colon + 1, NULL, 10), NULL);
}

void failure_move(struct failure *to, struct failure *from)
{
    failure_free(to);
    *to = *from;
    failure_init(from);
}

/* ---- showing it ---- */

#define SHOWN 160 /* bytes of a source line */

/* Line number n of text, without its end; absent beyond the last. */
static struct slice line_of(struct slice text, int n)
{
    for (int i = 1; text.len > 0; i++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        if (i == n) {
            return slice_make(text.ptr, len);
        }
        len += end != NULL;
        text = slice_make(text.ptr + len, text.len - len);
    }
    return SLICE_NONE;
}

static void add_source(struct buf *out, struct slice line)
{
    const char *p = line.ptr, *end = p + line.len;
    if (line.len > SHOWN) {
        end = p + SHOWN;
    }
    while (p < end) {
        size_t n = json_text_utf8(p, line.ptr + line.len);
        if (*p == '\t') {
            buf_adds(out, "    ");
        } else if (n == 0 || (unsigned char)*p < ' ') {
            buf_adds(out, *p == '\r' ? "" : "?");
        } else {
            buf_add(out, slice_make(p, n));
        }
        p += n ? n : 1;
    }
    buf_adds(out, line.len > SHOWN ? "..." : "");
}

static void write_source(const char *file, int line, struct buf *out)
{
    struct buf text;
    buf_init(&text, LIMIT_SCRIPT_FILE);
    if (line > 0 &&
        file_read_regular(file, LIMIT_SCRIPT_FILE, &text, NULL) == 0) {
        for (int n = line - 1; n <= line + 1; n++) {
            struct slice source = line_of(buf_slice(&text), n);
            if (n > 0 && source.ptr) {
                buf_addf(out, "\n  %s%5d │ ", n == line ? "→" : " ", n);
                add_source(out, source);
            }
        }
    }
    buf_free(&text);
}

/* " (roll.lua:12)" of "a/roll.lua:12: in upvalue 'throw'". */
static void add_place(struct buf *out, struct slice line, const char *in)
{
    const char *slash = memrchr(line.ptr, '/', (size_t)(in - line.ptr));
    const char *from = slash ? slash + 1 : line.ptr;
    buf_addf(out, " (%.*s)", (int)(in - from), from);
}

/* The handler itself is the last of the functions: it is named by its label,
 * "handler for !roll (roll.lua:9)", at the place it had come to. */
static void add_handler(struct buf *out, struct slice line, const char *in,
                        const char *label)
{
    const char *where = strrchr(label, '(');
    size_t len = where ? (size_t)(where - label) : strlen(label);
    while (len > 0 && label[len - 1] == ' ') {
        len--;
    }
    buf_addf(out, "in %.*s", (int)len, label);
    add_place(out, line, in);
}

/* "a/roll.lua:12: in upvalue 'throw'" as "in upvalue 'throw' (roll.lua:12)",
 * all of them in one line. label: of the task, or NULL. */
static void write_way(struct slice trace, const char *label, struct buf *out)
{
    bool named = false;
    for (int n = 1;; n++) {
        struct slice line = line_of(trace, n);
        if (!line.ptr) {
            break;
        }
        const char *in = memmem(line.ptr, line.len, ": in ", 5);
        buf_adds(out, n == 1 ? "\n  " : ", ");
        if (!in) {
            buf_add(out, line);
        } else if (label && !line_of(trace, n + 1).ptr) {
            add_handler(out, line, in, label);
            named = true;
        } else {
            buf_add(out,
                    slice_make(in + 2, line.len - (size_t)(in + 2 - line.ptr)));
            add_place(out, line, in);
        }
    }
    if (label && !named) {
        buf_addf(out, "%s%s", trace.len ? ", in " : "\n  in ", label);
    }
}

/* Without its first line. */
static void write_below(const struct failure *failure, bool source,
                        const char *label, struct buf *out)
{
    if (source) {
        write_source(failure->file, failure->line, out);
    }
    write_way(buf_slice(&failure->trace), label, out);
}

void failure_write(const struct failure *failure, struct buf *out)
{
    buf_adds(out, "  ");
    if (failure->line > 0) {
        buf_addf(out, "%s:%d: ", failure->file, failure->line);
    }
    buf_adds(out, failure->err.text);
    write_below(failure, true, *failure->label ? failure->label : NULL, out);
}

/* ---- tasks ---- */

struct place {
    struct list node;
    int line;
    char file[];
};

/* Is it the first failure there? */
static bool is_new(struct generation *generation, const struct failure *failure)
{
    list_each(node, &generation->places)
    {
        const struct place *place = list_entry(node, struct place, node);
        if (place->line == failure->line &&
            strcmp(place->file, failure->file) == 0) {
            return false;
        }
    }
    size_t size = strlen(failure->file) + 1;
    struct place *place =
        failure->line > 0 && generation->place_count < LIMIT_FAILURE_PLACES
            ? calloc(1, sizeof *place + size)
            : NULL;
    if (place) {
        place->line = failure->line;
        memcpy(place->file, failure->file, size);
        list_push(&generation->places, &place->node);
        generation->place_count++;
    }
    return place != NULL;
}

void failure_forget(struct generation *generation)
{
    list_each_safe(node, &generation->places)
    {
        free(list_entry(node, struct place, node));
    }
    list_init(&generation->places);
    generation->place_count = 0;
}

static void write_log(struct generation *generation, const char *label,
                      const struct failure *failure,
                      const struct log_fields *about)
{
    struct log_fields fields = about ? *about : (struct log_fields) { 0 };
    struct buf below;
    buf_init(&below, LIMIT_FAILURE_TEXT);
    write_below(failure, is_new(generation, failure), label, &below);
    fields.account = generation->world->host->account;
    fields.script = generation->settings->script.name;
    fields.gen = generation->number;
    fields.handler = label;
    fields.file = failure->line > 0 ? failure->file : NULL;
    fields.line = failure->line;
    fields.kind = err_kind_name(failure->err.kind);
    fields.errcode = *failure->err.errcode ? failure->err.errcode : NULL;
    const char *text = buf_str(&below);
    fields.traceback = below.len ? text + (*text == '\n') : NULL;
    log_write(LOG_LEVEL_ERROR, &fields, "%s", failure->err.text);
    buf_free(&below);
}

static void remember(const struct generation *generation,
                     const struct failure *failure)
{
    const struct generation_world *world = generation->world;
    struct recent_failure row = {
        .generation = generation->number,
        .file = failure->file,
        .line = failure->line,
        .handler = failure->label,
        .text = failure->err.text,
    };
    if (world->recent) {
        recent_add(world->recent, loop_wall(world->host->loop), &row);
    }
}

void failure_note(struct generation *generation, const struct task *task,
                  const struct task_result *result,
                  const struct log_fields *about)
{
    struct failure failure;
    if (result->end == TASK_DONE || result->end == TASK_CANCELLED) {
        generation->done += result->end == TASK_DONE;
        return;
    }
    generation->failed++;
    failure_init(&failure);
    failure_of_task(&failure, task, result);
    write_log(generation, task_label(task), &failure, about);
    remember(generation, &failure);
    failure_free(&failure);
    if (result->end == TASK_LIMIT && generation->world->broken &&
        generation->state == GENERATION_LIVE &&
        gen_memory_errors(generation->gen) >= 2) {
        generation->world->broken(generation->world->arg, generation);
    }
}
