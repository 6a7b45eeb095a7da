#ifndef TASK_H
#define TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "err.h"
#include "gen.h"
#include "slice.h"

/* A task: one coroutine that runs a handler, at most one op under way. */

enum task_end {
    TASK_DONE,
    TASK_FAILED, /* an error escaped */
    TASK_LIMIT,  /* memory, CPU or handler time; err says which and its key */
    TASK_CANCELLED
};

struct task_result {
    enum task_end end;
    struct slice value;    /* TASK_DONE: JSON of what the handler returned */
    const struct err *err; /* otherwise; text is the error as a person reads
                              it, without "file:line: " when file is set */
    const char *file; /* script's file and line of the error, NULL unknown */
    int line;
    const char *traceback; /* NULL when there is none */
};

/* All from the loop, never from inside task_start. waits and ready may be
 * NULL: then the task is resumed as soon as its op is complete. */
struct task_owner {
    /* It began to wait; parks: it gives up its room's turn. */
    void (*waits)(void *arg, struct task *task, bool parks);
    /* What it waited for is complete: call task_resume when its turn is
     * there (only after a wait that parked). */
    void (*ready)(void *arg, struct task *task);
    /* Once; the task is gone when this returns. */
    void (*ended)(void *arg, struct task *task,
                  const struct task_result *result);
};

struct task_options {
    int handler;           /* the number Lua registered */
    const char *kind;      /* "event" "command" "timer" "hook": the entry's
                              second argument */
    struct slice event;    /* JSON, absent: nil */
    struct slice info;     /* JSON object: room, delivery facts, hook context */
    const char *label;     /* for reports: "handler for message (echo.lua:1)" */
    struct op_cause cause; /* path is "<handler>"; spawned tasks add ".n" */
    bool no_wait;          /* waiting raises (snapshot) */
    int64_t limit_ms;      /* 0: the generation's handler limit; -1: none */
    const struct task_owner *owner; /* borrowed, static */
    void *arg;
};

/* Calls the library's entry: entry(kind, handler, event, info), first resume in
 * a later turn of the loop. Copies all but owner and arg. Returns a handle that
 * lives until ended, or NULL with *err filled. */
struct task *task_start(struct gen *gen, const struct task_options *options,
                        struct err *err);
/* After ready: goes on now. */
void task_resume(struct task *task);
/* One error of kind "cancelled" at its wait; when it waits again, or after
 * LIMIT_BURST_CLOSE_MS of CPU, it is closed outright. ended comes later. */
void task_cancel(struct task *task);
/* Closes it now; ended is not called. */
void task_free(struct task *task);
struct gen *task_gen(const struct task *task);
const char *task_label(const struct task *task);
int64_t task_age(const struct task *task); /* ms since task_start */
/* It waits for a call that has CALL_IDLE. */
bool task_is_idle(const struct task *task);
/* Where it waits, appended as lines for a report. */
void task_traceback(const struct task *task, struct buf *out);

#endif
