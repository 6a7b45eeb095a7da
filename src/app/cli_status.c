#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "cli.h"
#include "control.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "loop.h"
#include "report.h"

/* status: what the running process is at, account by account. */

struct status_options {
    bool json, tasks;
};

/* Appends the report of the process that runs the account. 1; 0 none; -1. */
static int ask(const char *account, bool tasks, struct buf *out,
               struct err *err)
{
    struct buf request, text;
    struct json_writer w;
    struct slice failure;
    int asked = -1;

    buf_init(&request, LIMIT_CONTROL_LINE);
    buf_init(&text, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &request);
    json_object_begin(&w);
    json_member_str(&w, "do", "status");
    json_member_bool(&w, "tasks", tasks);
    json_object_end(&w);
    if (json_finish(&w, "the request", err) == 0)
        asked = control_ask(account, buf_slice(&request), out, err);
    failure = json_get(buf_slice(out), "error");
    if (asked > 0 && failure.ptr) {
        json_string(json_get(failure, "error"), &text);
        asked = err_set(err, ERR_SYSTEM, "%s", buf_str(&text));
    }
    buf_free(&request);
    buf_free(&text);
    return asked;
}

/* Does `run` take the account? It leaves out one that no script is for. */
static bool is_wanted(const struct config *config, const char *account)
{
    bool wanted = config->script_count == 0;

    for (size_t i = 0; i < config->script_count; i++) {
        const char *only = config->scripts[i].account;
        wanted |= !only || strcmp(only, account) == 0;
    }
    return wanted;
}

/* Returns the account's health, or -1. */
static int print_one(struct loop *loop, const struct status_options *options,
                     const char *account, bool first, struct err *err)
{
    struct buf report, text;
    int asked, health = -1;

    buf_init(&report, LIMIT_REPORT);
    buf_init(&text, LIMIT_REPORT);
    asked = ask(account, options->tasks, &report, err);
    if (asked < 0 ||
        (asked == 0 && report_folder(loop, account, &report, err) != 0))
        goto out;
    if (options->json) {
        struct slice line = json_trim(buf_slice(&report));
        printf("%s%.*s", first ? "" : ",", SLICE_ARG(line));
    } else {
        report_text(buf_slice(&report), &text);
        printf("%s%s", first ? "" : "\n", buf_str(&text));
    }
    health = (int)report_health(buf_slice(&report));
out:
    buf_free(&report);
    buf_free(&text);
    return health;
}

static int print_all(struct cli *cli, const struct status_options *options,
                     struct config *config, struct loop *loop)
{
    static const int codes[] = { [REPORT_FINE] = EXIT_OK,
                                 [REPORT_SCRIPT] = EXIT_SCRIPT,
                                 [REPORT_BAD] = EXIT_FAIL };
    int health = REPORT_FINE, worst = REPORT_FINE;
    bool first = true;
    struct err err;

    printf("%s", options->json ? "{\"accounts\":[" : "");
    for (size_t i = 0; health >= 0 && i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        if (cli->account && strcmp(name, cli->account) != 0)
            continue;
        health = print_one(loop, options, name, first, &err);
        if (health > worst && (cli->account || is_wanted(config, name)))
            worst = health;
        first = false;
    }
    printf("%s", options->json ? "]}\n" : "");
    return health < 0 ? cli_fail(&err) : codes[worst];
}

static int run_status(struct cli *cli, void *record, int argc, char **argv)
{
    struct config *config;
    struct loop *loop = NULL;
    struct err err;
    int code;

    if (argc > 0)
        return cli_usage(&cli_status, "unexpected '%s'", argv[0]);
    config = config_load(cli->config, &err);
    if (!config ||
        (cli->account && !config_account(config, cli->account, &err)) ||
        !(loop = loop_new(LOOP_REAL, &err)))
        code = cli_fail(&err);
    else
        code = print_all(cli, record, config, loop);
    loop_free(loop);
    config_free(config);
    return code;
}

static const struct option status_list[] = {
    { "json", OPTION_FLAG, offsetof(struct status_options, json), NULL,
      "one JSON object: accounts, a list" },
    { "tasks", OPTION_FLAG, offsetof(struct status_options, tasks), NULL,
      "every running handler with its traceback, every timer" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_status = {
    .name = "status",
    .usage = "[--json] [--tasks]",
    .summary = "what the running bot is at: sync, scripts, queues, errors",
    .examples = "  lunatrix status\n"
                "  lunatrix status --tasks          where handlers wait\n",
    .options = status_list,
    .record_size = sizeof(struct status_options),
    .run = run_status,
};
