#ifndef GEN_H
#define GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "err.h"
#include "slice.h"
#include "track.h"

/* A generation: one lua_State with one script in it. Made, loaded, used
 * through tasks (task.h), closed; never patched. The other door into Lua
 * besides task.c. */
struct gen;
struct task;

struct gen_limits {     /* 0: the default from limits.h */
    size_t memory;      /* bytes of this state */
    int64_t burst_ms;   /* CPU between two waits */
    int64_t load_ms;    /* CPU of the main chunk */
    int64_t handler_ms; /* a task's time, parked time not counted; -1 none */
};

struct gen_config {
    struct call_host *host;
    const char *script; /* its name */
    int number;         /* from 1 */
    bool exec;          /* a plain script: no `bot`; its main chunk is a task */
    const char *file;   /* entry file */
    const char *directory; /* modules are found here and in its rocks/ */
    const char *data_dir;  /* what io may open, NULL: nothing; under exec:
                              anywhere below the working directory */
    const char *lua_path;  /* library files are read from here when they are
                              there,  NULL: the embedded ones only */
    struct gen_limits limits;
    size_t store_quota, http_body; /* 0: defaults */
    bool http_private; /* matrix.http may go to private addresses; so it may
                          under exec */
    int log_lines;
    /* Calls of the script layer, found before those of calls/: a table ended
     * by a row without a name. Their op->caller is gen_caller(gen). */
    const struct call *calls;
    void *owner; /* for those calls: gen_owner() */
};

/* All strings are copied. Makes the state, the sandbox and the library; runs
 * no code of the script. Returns owned, or NULL. */
struct gen *gen_new(const struct gen_config *config, struct err *err);
/* Every task is cancelled and closed (50 ms of CPU each at most), timers and
 * requests with them, then the state. Never from inside Lua. NULL is fine. */
void gen_free(struct gen *gen);

/* Reads the entry file as text through track (borrowed until gen_free) and
 * runs its main chunk once, in protected mode; it may not wait. -1: err->text
 * is the error's first line with file:line; gen_error has more. */
int gen_load(struct gen *gen, struct track *track, struct err *err);
/* Compiles only. */
int gen_compile(struct gen *gen, struct track *track, struct err *err);
/* Where the last failed load went wrong: "" and 0 when unknown. */
struct gen_error {
    const char *file;
    int line;
    const char *message;   /* without "file:line: " */
    const char *traceback; /* may be "" */
};
const struct gen_error *gen_error(const struct gen *gen);

/* Starts the main chunk of a plain script as a task (task.h says how it
 * ends); argc and argv become the global `arg` and the chunk's `...`. */
struct task_owner;
struct task *gen_exec(struct gen *gen, struct track *track, int argc,
                      char *const *argv, const struct task_owner *owner,
                      void *owner_arg, struct err *err);

struct caller *gen_caller(struct gen *gen);
struct gen *gen_of_caller(struct caller *caller);
void *gen_owner(const struct gen *gen);
int gen_number(const struct gen *gen);
size_t gen_memory(const struct gen *gen); /* bytes in use */
int gen_tasks(const struct gen *gen);     /* alive */
/* From now on new timers and spawns fail with ERR_CANCELLED: it is being
 * replaced. */
void gen_retire(struct gen *gen);
bool gen_retired(const struct gen *gen);
/* True while the main chunk runs: registering is allowed. */
bool gen_loading(const struct gen *gen);
/* Cancels every task: each gets one error at its wait, and is closed when it
 * waits again. Their owners are told TASK_CANCELLED. */
void gen_cancel_tasks(struct gen *gen);
/* For reports; fn changes no task. */
typedef void gen_task_fn(void *arg, const struct task *task);
void gen_each_task(struct gen *gen, gen_task_fn *fn, void *arg);
/* Memory errors in the last minute; two stop an instance. */
int gen_memory_errors(const struct gen *gen);

#endif
