#ifndef FAILURE_H
#define FAILURE_H

#include "buf.h"
#include "err.h"
#include "generation.h"
#include "task.h"
#include "trace.h"

/* What went wrong in a script, as a person wants to see it: file and line,
 * the source around it, the way there. */

struct failure {
    struct err err; /* text without "file:line: " */
    char file[TRACE_FILE];
    int line;         /* 0 unknown */
    struct buf trace; /* lines "file:line: in ..." */
    char label[160];  /* of the task it happened in, or "" */
};

void failure_init(struct failure *failure);
void failure_free(struct failure *failure);
/* Of a main chunk that did not load. */
void failure_of_load(struct failure *failure, const struct gen *gen,
                     const struct err *err);
void failure_of_task(struct failure *failure, const struct task *task,
                     const struct task_result *result);
/* where: "file:line". */
void failure_at(struct failure *failure, const char *where,
                const struct err *err);
/* Moves what is in from into to, which is initialised. */
void failure_move(struct failure *to, struct failure *from);

/* "scripts/roll.lua:12: attempt to ..." and below it three lines of source
 * and the way there, each line indented by two. No newline at the end. */
void failure_write(const struct failure *failure, struct buf *out);

/* A task of that generation ended: counts it; a failure goes to the log, with
 * its source the first time. May tell the world that the generation is
 * broken. about: what is known beside script and place; may be NULL. */
struct log_fields;
void failure_note(struct generation *generation, const struct task *task,
                  const struct task_result *result,
                  const struct log_fields *about);
/* Frees generation->places. */
void failure_forget(struct generation *generation);

#endif
