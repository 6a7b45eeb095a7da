#ifndef INSTANCE_H
#define INSTANCE_H

#include "generation.h"
#include "failure.h"
#include "inbox.h"
#include "list.h"
#include "manager.h"
#include "sync_interest.h"
#include "webhook.h"

/* One script of an account: its generations (one in charge, at most one that
 * drains), its events, its memory, and its reloads, one at a time. */
struct instance;

struct instance_config {
    struct call_host *host;
    struct inbox *inbox;
    const char *lua_path;
    bool watch;
    /* All commands of the account's scripts, see generation_world. */
    void (*commands)(void *arg, const struct generation *self,
                     struct json_writer *w, bool *answers);
    /* May this candidate take over? -1 with *failure filled. */
    int (*verify)(void *arg, const struct generation *candidate,
                  struct failure *failure);
    /* Another generation is in charge, or other files are to be watched. */
    void (*changed)(void *arg);
    /* It may want other events than before. */
    void (*listens)(void *arg);
    /* Other files are to be watched. */
    void (*reads)(void *arg);
    /* See generation_world. */
    int (*emit)(void *arg, const struct generation *self, struct slice name,
                struct slice data, struct err *err);
    void *arg;
};

/* Takes the reference. Returns owned. */
struct instance *instance_new(const struct instance_config *config,
                              struct settings *settings, struct err *err);
/* At once, in silence. */
void instance_free(struct instance *instance);
/* For its next generation; takes the reference. */
void instance_update(struct instance *instance, struct settings *settings);

const char *instance_name(const struct instance *instance);
const char *instance_title(const struct instance *instance); /* "roll.lua" */
/* Those who talk to it: eval.c's. */
struct list *instance_evals(struct instance *instance);
/* In charge; NULL: none. */
struct generation *instance_current(const struct instance *instance);
/* A candidate that may be in charge soon; NULL: none. */
const struct generation *instance_candidate(const struct instance *instance);

/* flags: those of manager_reload. first: the load at process start. fn once,
 * from the loop, with one report: a line, and more for a refusal. */
typedef void instance_reload_fn(void *arg, bool refused, const char *report);
int instance_reload(struct instance *instance, int flags, bool first,
                    instance_reload_fn *fn, void *arg, struct err *err);
/* Files may have changed. */
void instance_look(struct instance *instance);
/* track_stamp of all it is made of, or what was refused is. */
uint64_t instance_stamp(const struct instance *instance);
/* A file has changed, others may follow: looks only when the script is one
 * file, which cannot be half of anything. */
void instance_look_soon(struct instance *instance);
/* Directories where its files are. */
void instance_directories(const struct instance *instance,
                          track_directory_fn *fn, void *arg);

/* Rows may be in the inbox. synced: the first response is there, "ready" may
 * be told. */
void instance_committed(struct instance *instance, bool synced);
bool instance_wants(const struct instance *instance,
                    const struct sync_occasion *occasion);
/* Takes an emission, which waits until it is handled. 0, or -1. */
int instance_emit(struct instance *instance, struct slice json,
                  struct err *err);
/* Could it, if it listens? -1 with *err filled. */
int instance_has_room(const struct instance *instance, struct err *err);
void instance_types(const struct instance *instance, sync_type_fn *add,
                    void *arg);

/* See manager_stop; done once, from the loop. */
void instance_stop(struct instance *instance, int64_t ms, loop_fn *done,
                   void *arg);
/* Its web hooks. */
struct webhooks *instance_webhooks(const struct instance *instance);
bool instance_idle(const struct instance *instance);
/* See manager_report. */
void instance_report(const struct instance *instance, int rows,
                     struct json_writer *w);

#endif
