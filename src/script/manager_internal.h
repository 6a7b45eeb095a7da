#ifndef MANAGER_INTERNAL_H
#define MANAGER_INTERNAL_H

#include "instance.h"
#include "list.h"
#include "manager.h"

/* What the files manager*.c share; nobody else includes this. */

struct member {
    struct list node;
    struct manager *manager;
    struct instance *instance;
};

struct manager {
    struct manager_config config;
    struct list members; /* in order of manager_add */
    struct watch *watch;
    struct tick *rewatch; /* the directories changed */
    bool synced;
    struct list reloads; /* manager_reload.c */

    manager_loaded_fn *loaded;
    void *loaded_arg;
    int loading, live, failed;
    struct tick *loaded_tick;

    loop_fn *stopped;
    void *stopped_arg;
    int stopping;
    struct tick *stopped_tick;
};

/* manager_emit.c: emit of instance_config; arg is the manager. */
int manager_emit(void *arg, const struct generation *self, struct slice name,
                 struct slice data, struct err *err);

/* manager_reload.c: nobody is answered. */
void manager_reload_forget(struct manager *manager);

#endif
