#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>

#include "manager.h"

/* A copy of what the configuration says about one script. Counted: a
 * generation keeps those it was made with. Secrets are wiped at the end. */
struct settings {
    int refs;
    struct manager_script script; /* all of it owned, paths resolved */
    char *file;                   /* the entry file */
    char *directory;              /* where its modules are */
    char *title;                  /* "roll.lua", "dice/main.lua" */
};

/* One reference; NULL with *err filled. */
struct settings *settings_new(const struct manager_script *script,
                              struct err *err);
struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings); /* NULL is fine */
bool settings_equal(const struct settings *a, const struct settings *b);

#endif
