#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app.h"
#include "config_value.h"
#include "log.h"
#include "version.h"

static const struct cli_command *const commands[] = {
    &cli_login, &cli_new,   &cli_try,         &cli_test,   &cli_check,
    &cli_run,   &cli_exec,  &cli_send,        &cli_reload, &cli_status,
    &cli_logs,  &cli_store, &cli_show_config, &cli_doctor, &cli_repl,
    &cli_docs,  &cli_types, &cli_whoami,      &cli_logout, &cli_completion,
    NULL
};

static const struct option options[] = {
    { "account", OPTION_TEXT, offsetof(struct cli, account), "NAME",
      "which account (default: main)" },
    { "config", OPTION_TEXT, offsetof(struct cli, config), "FILE",
      "configuration instead of lunatrix.lua" },
    { "log", OPTION_TEXT, offsetof(struct cli, log), "LEVEL",
      "debug, info, warn or error" },
    { "log-format", OPTION_TEXT, offsetof(struct cli, log_format), "FORMAT",
      "text or json" },
    { "allow-http", OPTION_FLAG, offsetof(struct cli, allow_http), NULL,
      "plain http:// to other machines, unprotected" },
    { "lua-path", OPTION_TEXT, offsetof(struct cli, lua_path), "DIR",
      "library files from here (development)" },
    { "help", OPTION_FLAG, offsetof(struct cli, help), NULL, "this help" },
    { "version", OPTION_FLAG, offsetof(struct cli, version), NULL,
      "the version" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command *const *cli_commands(void)
{
    return commands;
}

const struct option *cli_options(void)
{
    return options;
}

/* ---- messages ---------------------------------------------------------- */

int cli_fail(const struct err *err)
{
    fprintf(stderr, "lunatrix: %s\n", err->text);
    return app_exit_code(err);
}

int cli_usage(const struct cli_command *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "lunatrix: ");
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: lunatrix %s %s\n", command->name, command->usage);
    return EXIT_USAGE;
}

struct config *cli_config(struct cli *cli,
                          const struct config_account **account, int *exit_code)
{
    struct err err;
    struct config *config = config_load(cli->config, &err);

    *account = config ? config_account(config, cli->account, &err) : NULL;
    if (*account)
        return config;
    config_free(config);
    *exit_code = cli_fail(&err);
    return NULL;
}

void cli_script_name(const char *script, char *out, size_t size)
{
    const char *slash = strrchr(script, '/');
    const char *name = slash ? slash + 1 : script;
    size_t length = strlen(name);

    if (length > 4 && strcmp(name + length - 4, ".lua") == 0)
        length -= 4;
    snprintf(out, size, "%.*s", (int)length, name);
}

bool cli_runs_in(const struct config *config, const char *script,
                 const char *account)
{
    for (size_t i = 0; script && i < config->script_count; i++) {
        const struct config_script *settings = &config->scripts[i];
        if (strcmp(settings->name, script) == 0 && settings->account)
            return strcmp(settings->account, account) == 0;
    }
    return true;
}

/* ---- help -------------------------------------------------------------- */

static void print_options(FILE *out, const struct option *list)
{
    char name[64];

    for (; list && list->name; list++) {
        snprintf(name, sizeof name, "%s%s%s%s", options_dashes(list),
                 list->name, list->value ? " " : "",
                 list->value ? list->value : "");
        fprintf(out, "  %-24s %s\n", name, list->help);
    }
}

static void help_all(FILE *out)
{
    fprintf(out,
            "lunatrix %s: Matrix bots in Lua\n\n"
            "  lunatrix try scripts/echo.lua          talk to a bot here\n"
            "  lunatrix new mybot                     make one\n"
            "  lunatrix login @bot:example.org        log in, once\n"
            "  lunatrix run scripts/echo.lua          run a bot\n"
            "  lunatrix exec scripts/hello.lua ROOM   run a plain script\n\n"
            "Commands:\n",
            LUNATRIX_VERSION);
    for (int i = 0; commands[i]; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "  %-10s %s\n\nOptions of every command:\n", "help",
            "this text, or help COMMAND");
    print_options(out, options);
}

static void help_command(FILE *out, const struct cli_command *command)
{
    fprintf(out, "usage: lunatrix %s %s\n\n%s\n\n%s", command->name,
            command->usage, command->summary, command->examples);
    if (command->options) {
        fprintf(out, "\nOptions:\n");
        print_options(out, command->options);
    }
    fprintf(out, "\nOptions of every command: lunatrix help\n");
}

static const struct cli_command *find_command(const char *name)
{
    for (int i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int fail_command(const char *name)
{
    const char *names[sizeof commands / sizeof commands[0] + 1];
    int n = 0;

    for (; commands[n]; n++)
        names[n] = commands[n]->name;
    names[n++] = "help";
    names[n] = NULL;
    const char *like = config_suggest(names, slice_str(name));
    fprintf(stderr, "lunatrix: there is no command '%s'%s%s%s\n", name,
            like ? ", did you mean '" : "", like ? like : "", like ? "'?" : "");
    fprintf(stderr, "lunatrix help lists the commands\n");
    return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
    const struct cli_command *command;

    if (argc == 0) {
        help_all(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[0], "--man") == 0) { /* for the build */
        cli_manual(stdout, commands, options, LUNATRIX_VERSION);
        return EXIT_OK;
    }
    command = find_command(argv[0]);
    if (!command)
        return fail_command(argv[0]);
    help_command(stdout, command);
    return EXIT_OK;
}

/* ---- running a command ------------------------------------------------- */

static const char *or_environment(const char *value, const char *name)
{
    const char *found = value ? value : getenv(name);
    return found && *found ? found : NULL;
}

static int set_up_log(struct cli *cli, struct err *err)
{
    enum log_level level;

    cli->log = or_environment(cli->log, "LUNATRIX_LOG");
    if (cli->log && log_level_parse(cli->log, &level) != 0)
        return err_set(err, ERR_CONFIG,
                       "--log is '%s', but must be debug, info, warn or error",
                       cli->log);
    if (cli->log)
        log_set_level(level);
    cli->log_format = or_environment(cli->log_format, "LUNATRIX_LOG_FORMAT");
    if (cli->log_format && strcmp(cli->log_format, "json") == 0)
        log_set_format(LOG_JSON);
    else if (cli->log_format && strcmp(cli->log_format, "text") != 0)
        return err_set(err, ERR_CONFIG,
                       "--log-format is '%s', but must be text or json",
                       cli->log_format);
    return 0;
}

/* What was printed must have arrived: a full disk is no success. */
static int finish_output(int code)
{
    bool lost = ferror(stdout) != 0; /* why is not known any more */

    if (fflush(stdout) == 0 && !lost)
        return code;
    fprintf(stderr, "lunatrix: cannot write the output%s%s\n", lost ? "" : ": ",
            lost ? "" : strerror(errno));
    return code == EXIT_OK ? EXIT_FAIL : code;
}

static int run_command(struct cli *cli, const struct cli_command *command,
                       int argc, char **argv)
{
    struct err err;
    int result = EXIT_USAGE;
    void *record = calloc(1, command->record_size ? command->record_size : 1);

    if (!record)
        return EXIT_FAIL;
    argc = options_read(argc, argv, command->flags, command->options, record,
                        options, cli, &err);
    if (argc < 0 || set_up_log(cli, &err) != 0) {
        result = cli_usage(command, "%s", err.text);
    } else if (cli->help) {
        help_command(stdout, command);
        result = finish_output(EXIT_OK);
    } else {
        cli->account = or_environment(cli->account, "LUNATRIX_ACCOUNT");
        cli->lua_path = or_environment(cli->lua_path, "LUNATRIX_LUA_PATH");
        result = finish_output(command->run(cli, record, argc, argv));
    }
    free(record);
    return result;
}

/* A core file would hold the access token, for whoever may read it. */
static void forbid_cores(void)
{
    const struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
}

int cli_main(int argc, char **argv)
{
    struct cli cli = { 0 };
    struct err err;
    const struct cli_command *command;

    forbid_cores();
    argc = options_read(argc - 1, argv + 1, OPTIONS_STOP_AT_ARGUMENT, options,
                        &cli, NULL, NULL, &err);
    argv++;
    if (argc < 0) {
        fprintf(stderr, "lunatrix: %s\nlunatrix help lists the options\n",
                err.text);
        return EXIT_USAGE;
    }
    if (cli.version) {
        printf("lunatrix %s\n", LUNATRIX_VERSION);
        return EXIT_OK;
    }
    if (argc == 0) {
        help_all(cli.help ? stdout : stderr);
        return cli.help ? EXIT_OK : EXIT_USAGE;
    }
    if (strcmp(argv[0], "help") == 0)
        return help(argc - 1, argv + 1);
    command = find_command(argv[0]);
    return command ? run_command(&cli, command, argc - 1, argv + 1)
                   : fail_command(argv[0]);
}
