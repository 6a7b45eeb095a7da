#ifndef APP_H
#define APP_H

#include <stdbool.h>

#include "account.h"
#include "config.h"
#include "err.h"

/* The running program: one loop, one transport, the accounts, signals and
 * control sockets. Everything is made here and torn down in reverse. */

struct app_options {
    const char *config;   /* --config */
    const char *account;  /* --account */
    const char *lua_path; /* --lua-path */
    bool allow_http;
    bool watch, no_watch; /* neither: when stderr is a terminal */
    bool once;            /* the backlog, then exit */
    bool dry_run;
};

/* `lunatrix run`: scripts are files, or names in the configuration; none: all
 * of the configuration. Returns the exit code. */
int app_run(const struct app_options *options, int script_count,
            char *const *scripts);

/* Exit codes; docs/cli.md explains them. */
enum {
    EXIT_OK = 0,
    EXIT_FAIL = 1,
    EXIT_USAGE = 2,
    EXIT_SCRIPT = 65,
    EXIT_UNREACHABLE = 69,
    EXIT_LATER = 75,
    EXIT_REJECTED = 77,
    EXIT_CONFIG = 78
};
/* The code that fits a failure. */
int app_exit_code(const struct err *err);

#endif
