#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "check.h"
#include "cli.h"
#include "control.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

/* run, reload and check: what concerns a bot's scripts. */

/* ---- run --------------------------------------------------------------- */

struct run_options {
    bool watch, no_watch, once, dry_run;
};

static int run_run(struct cli *cli, void *record, int argc, char **argv)
{
    const struct run_options *run = record;
    struct app_options options = {
        .config = cli->config,
        .account = cli->account,
        .lua_path = cli->lua_path,
        .allow_http = cli->allow_http,
        .watch = run->watch,
        .no_watch = run->no_watch,
        .once = run->once,
        .dry_run = run->dry_run,
    };

    if (run->watch && run->no_watch)
        return cli_usage(&cli_run, "--watch and --no-watch exclude each other");
    return app_run(&options, argc, argv);
}

static const struct option run_list[] = {
    { "watch", OPTION_FLAG, offsetof(struct run_options, watch), NULL,
      "reload on save (default on a terminal)" },
    { "no-watch", OPTION_FLAG, offsetof(struct run_options, no_watch), NULL,
      "do not reload on save" },
    { "once", OPTION_FLAG, offsetof(struct run_options, once), NULL,
      "handle what waits, then exit" },
    { "dry-run", OPTION_FLAG, offsetof(struct run_options, dry_run), NULL,
      "receive, but print instead of sending" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_run = {
    .name = "run",
    .usage = "[SCRIPT...] [OPTIONS]",
    .summary = "run bots: files, or names from lunatrix.lua; none: all of it",
    .examples = "  lunatrix run scripts/echo.lua\n"
                "  lunatrix run                     all scripts of "
                "lunatrix.lua\n",
    .options = run_list,
    .record_size = sizeof(struct run_options),
    .run = run_run,
};

/* ---- reload ------------------------------------------------------------ */

struct reload_options {
    bool force, check_only;
};

static int write_reload(const struct reload_options *options,
                        const char *script, struct buf *request,
                        struct err *err)
{
    struct json_writer w;

    json_writer_init(&w, request);
    json_object_begin(&w);
    json_member_str(&w, "do", "reload");
    json_member_str(&w, "script", script);
    json_member_bool(&w, "force", options->force);
    json_member_bool(&w, "check_only", options->check_only);
    json_object_end(&w);
    return json_finish(&w, "the request", err);
}

/* Prints the report, behind the account's name if given. The exit code. */
static int print_report(const char *account, struct slice reply)
{
    struct slice failure = json_get(reply, "error");
    struct buf text;
    bool ok = false;

    buf_init(&text, LIMIT_CONTROL_LINE);
    json_string(failure.ptr ? json_get(failure, "error")
                            : json_get(reply, "report"),
                &text);
    json_bool(json_get(reply, "ok"), &ok);
    fprintf(ok ? stdout : stderr, "%s%s%s%s\n", failure.ptr ? "lunatrix: " : "",
            account ? account : "", account ? ":\n" : "", buf_str(&text));
    buf_free(&text);
    return ok ? EXIT_OK : failure.ptr ? EXIT_FAIL : EXIT_SCRIPT;
}

/* 0 when no process runs the account; else *code is as bad as it gets. */
static int reload_one(const struct reload_options *options, const char *account,
                      const char *script, bool named, int *code)
{
    struct buf request, reply;
    struct err err;
    int asked = -1, one;

    buf_init(&request, LIMIT_CONTROL_LINE);
    buf_init(&reply, LIMIT_CONTROL_LINE);
    if (write_reload(options, script, &request, &err) == 0)
        asked = control_ask(account, buf_slice(&request), &reply, &err);
    if (asked != 0) {
        one = asked > 0
                  ? print_report(named ? account : NULL, buf_slice(&reply))
                  : cli_fail(&err);
        *code = one > *code ? one : *code;
    }
    buf_free(&request);
    buf_free(&reply);
    return asked != 0;
}

/* In one account, or in all that run. */
static int reload_in(const struct reload_options *options,
                     const struct config *config, const char *only,
                     const char *script)
{
    bool several = !only && config->account_count > 1;
    const char *account = only;
    struct err err;
    int code = EXIT_OK, asked = 0;

    for (size_t i = 0; i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        if ((only && strcmp(name, only) != 0) ||
            !cli_runs_in(config, script, name))
            continue;
        account = account ? account : name;
        asked += reload_one(options, name, script, several, &code);
    }
    if (asked)
        return code;
    err_set(&err, ERR_SYSTEM,
            "nothing to reload: no lunatrix runs account '%s'%s",
            account ? account : "main", several ? ", or another one" : "");
    return cli_fail(&err);
}

static int run_reload(struct cli *cli, void *record, int argc, char **argv)
{
    struct err err;
    int code = EXIT_OK;
    struct config *config = config_load(cli->config, &err);

    if (!config ||
        (cli->account && !config_account(config, cli->account, &err)))
        code = cli_fail(&err);
    else if (argc == 0)
        code = reload_in(record, config, cli->account, NULL);
    for (int i = 0; code != EXIT_CONFIG && i < argc; i++) {
        int one = reload_in(record, config, cli->account, argv[i]);
        code = one > code ? one : code;
    }
    config_free(config);
    return code;
}

static const struct option reload_list[] = {
    { "force", OPTION_FLAG, offsetof(struct reload_options, force), NULL,
      "even when no file changed" },
    { "check-only", OPTION_FLAG, offsetof(struct reload_options, check_only),
      NULL, "say whether it would load, change nothing" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_reload = {
    .name = "reload",
    .usage = "[SCRIPT...] [OPTIONS]",
    .summary = "load changed scripts in the running process",
    .examples = "  lunatrix reload\n  lunatrix reload echo --force\n",
    .options = reload_list,
    .record_size = sizeof(struct reload_options),
    .run = run_reload,
};

/* ---- check ------------------------------------------------------------- */

static const struct config_script *find_settings(const struct config *config,
                                                 const char *name)
{
    for (size_t i = 0; i < config->script_count; i++) {
        if (strcmp(config->scripts[i].name, name) == 0 ||
            strcmp(config->scripts[i].file, name) == 0)
            return &config->scripts[i];
    }
    return NULL;
}

/* Findings of one script are printed; their number, or -1. */
static int check_one(struct loop *loop, struct cli *cli,
                     const struct config *config, const char *path,
                     struct err *err)
{
    const struct config_script *settings = find_settings(config, path);
    struct manager_script script = {
        .name = "check",
        .path = settings ? settings->file : path,
        .config = settings && settings->settings.len
                      ? buf_slice(&settings->settings)
                      : slice_str("{}"),
        .config_places = settings ? buf_slice(&settings->places)
                                  : slice_str("{\"absent\":true}"),
        .secrets = slice_str("{}"),
    };
    struct buf report;
    int found;

    buf_init(&report, LIMIT_REPORT);
    found = check_script(loop, &script, cli->lua_path, &report, err);
    printf("%s", buf_str(&report));
    buf_free(&report);
    return found;
}

/* Editors' files may be beside the configuration, or beside a script. */
static void note_types(struct cli *cli, const struct config *config, int count,
                       char **paths)
{
    cli_note_types(cli, config->directory);
    for (int i = 0; i < count; i++) {
        const struct config_script *settings = find_settings(config, paths[i]);
        const char *path = settings ? settings->file : paths[i];
        const char *slash = strrchr(path, '/');
        char directory[LIMIT_PATH];

        snprintf(directory, sizeof directory, "%.*s",
                 slash ? (int)(slash - path) : 1, slash ? path : ".");
        if (strcmp(directory, config->directory) != 0)
            cli_note_types(cli, directory);
    }
}

static int check_all(struct loop *loop, struct cli *cli,
                     const struct config *config, int argc, char **argv)
{
    int count = argc ? argc : (int)config->script_count;
    int found = 0;
    struct err err;

    for (int i = 0; i < count; i++) {
        int n = check_one(loop, cli, config,
                          argc ? argv[i] : config->scripts[i].name, &err);
        if (n < 0)
            return cli_fail(&err);
        found += n;
    }
    fflush(stdout);
    note_types(cli, config, argc, argv);
    fprintf(stderr, "%d script%s checked, %d finding%s\n", count,
            count == 1 ? "" : "s", found, found == 1 ? "" : "s");
    return found ? EXIT_FAIL : EXIT_OK;
}

/* "lunatrix.lua:3: ..." as a finding; it may have no place. */
static void print_config_error(const struct err *err)
{
    const char *end = strstr(err->text, ": ");
    const char *at = end;

    while (at && at > err->text && isdigit((unsigned char)at[-1]))
        at--;
    if (at && at < end && at > err->text && at[-1] == ':')
        printf("%.*s:1: error: %s\n", (int)(end - err->text), err->text,
               end + 2);
    else
        printf("error: %s\n", err->text);
}

static int run_check(struct cli *cli, void *record, int argc, char **argv)
{
    struct err err;
    struct config *config = config_load(cli->config, &err);
    struct loop *loop;
    int code;

    (void)record;
    if (!config) {
        print_config_error(&err);
        return EXIT_FAIL;
    }
    loop = loop_new(LOOP_VIRTUAL, &err);
    code = loop ? check_all(loop, cli, config, argc, argv) : cli_fail(&err);
    loop_free(loop);
    config_free(config);
    return code;
}

const struct cli_command cli_check = {
    .name = "check",
    .usage = "[PATH...]",
    .summary = "find mistakes in scripts and configuration, change nothing",
    .examples = "  lunatrix check scripts/*.lua\n"
                "  lunatrix check                   what lunatrix.lua lists\n",
    .run = run_check,
};
