#ifndef GENERATION_H
#define GENERATION_H

#include <stdbool.h>

#include "gen.h"
#include "json_write.h"
#include "list.h"
#include "memory.h"
#include "registration.h"
#include "settings.h"
#include "track.h"

/* A generation with what it registered: made beside the one in charge, live
 * from the reload's COMMIT on, retired when the next one took over. */

enum generation_state {
    GENERATION_CANDIDATE,
    GENERATION_LIVE,
    GENERATION_RETIRED
};

struct generation;
struct recent;
struct waiters;

/* What a generation knows of its surroundings. */
struct generation_world {
    struct call_host *host;
    const char *lua_path;
    struct memory *memory;    /* of the instance */
    struct turn_table *locks; /* of the instance; lock.c */
    struct waiters *waiters;  /* of the instance; waiter.c */
    struct list *evals;       /* of the instance; eval.c. May be NULL */
    struct job_line *jobs;    /* of the instance; NULL: none run */
    /* Writes the commands of all scripts of the account as elements of an
     * array; does this script answer help? NULL: only its own. */
    void (*commands)(void *arg, const struct generation *self,
                     struct json_writer *w, bool *answers);
    /* Of the instance: what failed lately. May be NULL. */
    struct recent *recent;
    /* It went over its memory too often. May be NULL. */
    void (*broken)(void *arg, struct generation *self);
    /* Somebody waits for events, perhaps of a new type. May be NULL. */
    void (*listens)(void *arg);
    /* It is made of one file more, to be watched. May be NULL. */
    void (*reads)(void *arg);
    /* Tells the scripts of the account: how many listen, or -1 with *err
     * filled. NULL: there are none. */
    int (*emit)(void *arg, const struct generation *self, struct slice name,
                struct slice data, struct err *err);
    void *arg;
};

struct generation {
    const struct generation_world *world; /* borrowed */
    struct settings *settings;            /* counted */
    struct gen *gen;
    struct track *track;
    int number, previous; /* previous: 0 none */
    enum generation_state state;
    bool held; /* timers that are due wait: a reload is under way */

    struct list registrations; /* in their order */
    int registration_count;
    struct list timers; /* every.c */
    int timer_count;
    struct list webhooks, webhook_calls; /* webhook.c */
    struct list locks;                   /* lock.c */
    int lock_count;
    struct list jobs; /* that run; script_job.c */

    struct buf version; /* bot.version as JSON, "" none */
    bool quiesce;       /* bot.reload */
    int concurrency;    /* bot.concurrency, 0 unset */
    bool ready_told;
    int done, failed;   /* tasks that ended well, and not */
    struct list places; /* failure.c: whose source was shown */
    int place_count;
};

/* number from 1. Runs no code of the script. Borrows world, takes a reference
 * of settings. Returns owned. */
struct generation *generation_new(const struct generation_world *world,
                                  struct settings *settings, int number,
                                  struct err *err);
/* Not from inside Lua; its tasks are closed and nobody is told. track: where
 * the files it read go to, NULL: nowhere. NULL is fine. */
void generation_free(struct generation *generation, struct track **track);

/* How many registrations of that kind. */
int generation_count(const struct generation *generation,
                     enum registration_kind kind);
/* The registration with that id which is not off, or NULL. */
struct registration *generation_find(const struct generation *generation,
                                     int id);
/* Does any registration want it? */
bool generation_wants(const struct generation *generation,
                      const struct sync_occasion *occasion);
/* "handler for message (echo.lua:1)", "handler for !roll (roll.lua:9)" */
void generation_label(const struct generation *generation,
                      const struct registration *registration, char *out,
                      size_t size);
/* The last part of a path, for people. */
const char *generation_base(const char *path);

#endif
