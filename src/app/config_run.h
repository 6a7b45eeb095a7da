#ifndef CONFIG_RUN_H
#define CONFIG_RUN_H

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Runs the text of a configuration, with little time, little memory and an
 * empty environment, and appends the table that it returns to json. 0, or -1
 * with ERR_CONFIG "path:line: why". */
int config_run(const char *path, struct slice text, struct buf *json,
               struct err *err);

#endif
