#ifndef CONFIG_SHOW_H
#define CONFIG_SHOW_H

#include "buf.h"
#include "config.h"
#include "err.h"
#include "slice.h"

/* A configuration as it holds, value by value, with where each came from. */

enum config_from {
    CONFIG_BUILT_IN,
    CONFIG_FILE,
    CONFIG_FOUND, /* the file itself, where it is looked for */
    CONFIG_FLAG,
    CONFIG_VARIABLE
};

struct config_row {
    const char *key;    /* "accounts.main.prefix" */
    struct slice value; /* JSON, durations and sizes as text: "5m" "64M" */
    enum config_from from;
    const char *name; /* CONFIG_FLAG, CONFIG_VARIABLE: its name */
    int line;         /* CONFIG_FILE */
};
typedef void config_row_fn(void *arg, const struct config_row *row);

/* Calls fn for every value. account: only that one and its scripts; NULL: all.
 * Of secrets only the source is shown; none is read. 0, or -1 with *err. */
int config_show(const struct config *config, const char *account,
                config_row_fn *fn, void *arg, struct err *err);

/* JSON as it would stand in lunatrix.lua, appended. */
void config_lua(struct slice json, struct buf *out);

#endif
