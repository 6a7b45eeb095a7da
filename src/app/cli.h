#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "buf.h"
#include "config.h"
#include "err.h"
#include "options.h"

/* The command line: `lunatrix [OPTIONS] COMMAND ...`. Data goes to standard
 * output, everything else to standard error. */

/* Options every command takes. */
struct cli {
    const char *config, *account, *log, *log_format, *lua_path;
    bool allow_http;
    bool help, version;
};

/* One command: what help shows, its options and its function. */
struct cli_command {
    const char *name;
    const char *usage;            /* behind the name */
    const char *summary;          /* one line */
    const char *examples;         /* lines */
    const struct option *options; /* NULL: none of its own */
    size_t record_size;           /* of what options fill */
    int flags;                    /* OPTIONS_* */
    /* record: zeroed, then filled. Returns the exit code. */
    int (*run)(struct cli *cli, void *record, int argc, char **argv);
};

int cli_main(int argc, char **argv);

/* All commands, ended by NULL, and the options of each. */
const struct cli_command *const *cli_commands(void);
const struct option *cli_options(void);

/* For commands. Says what is wrong on standard error, returns the code. */
int cli_fail(const struct err *err);
int cli_usage(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Configuration and the account that --account names. NULL: told already,
 * *exit_code set. */
struct config *cli_config(struct cli *cli,
                          const struct config_account **account,
                          int *exit_code);

/* What a script given as a file is called: "a/roll.lua" is "roll". */
void cli_script_name(const char *script, char *out, size_t size);
/* May that script (NULL: any) run in the account? Not if the configuration
 * has it elsewhere. */
bool cli_runs_in(const struct config *config, const char *script,
                 const char *account);

/* The source of lunatrix(1). commands: up to a NULL. */
void cli_manual(FILE *out, const struct cli_command *const *commands,
                const struct option *options, const char *version);

/* Says on stderr when the editor's files in that folder are not what
 * `types --write` would write there; none are fine. */
void cli_note_types(struct cli *cli, const char *directory);
/* What .luarc.json of a bot says: the editor knows our names. */
#define CLI_LUARC                                                              \
    "{\n"                                                                      \
    "    \"runtime.version\": \"Lua 5.4\",\n"                                  \
    "    \"diagnostics.globals\": [\"bot\", \"matrix\"],\n"                    \
    "    \"workspace.library\": [\".lunatrix/library\"]\n"                     \
    "}\n"

/* cli_login.c, cli_run.c, cli_send.c, cli_exec.c, cli_test.c,
 * cli_try.c, cli_new.c,
 * cli_reference.c, cli_repl.c, cli_completion.c,
 * cli_status.c, cli_store.c, cli_logs.c, cli_doctor.c, cli_config.c */
extern const struct cli_command cli_login, cli_logout, cli_whoami;
extern const struct cli_command cli_run, cli_reload, cli_check;
extern const struct cli_command cli_send;
extern const struct cli_command cli_status;
extern const struct cli_command cli_store;
extern const struct cli_command cli_logs;
extern const struct cli_command cli_show_config;
extern const struct cli_command cli_doctor;
extern const struct cli_command cli_exec;
extern const struct cli_command cli_test;
extern const struct cli_command cli_try;
extern const struct cli_command cli_new;
extern const struct cli_command cli_types, cli_docs;
extern const struct cli_command cli_repl;
extern const struct cli_command cli_completion;

#endif
