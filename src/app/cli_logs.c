#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "control.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

/* logs: what the running process logs. */

#define LINES 20

struct logs_options {
    const char *lines;
    bool no_follow;
};

struct logs {
    FILE *in;
    int64_t lines;
    bool follows;
};

static int write_request(const struct logs *logs, const char *script,
                         const char *account, struct buf *request,
                         struct err *err)
{
    struct json_writer w;

    json_writer_init(&w, request);
    json_object_begin(&w);
    json_member_str(&w, "do", "logs");
    json_member_str(&w, "script", script);
    json_member_str(&w, "account", account);
    json_member_int(&w, "lines", logs->lines);
    json_member_bool(&w, "follow", logs->follows);
    json_object_end(&w);
    if (json_finish(&w, "the request", err) != 0)
        return -1;
    buf_addc(request, '\n');
    return buf_check(request, "the request", err);
}

/* ---- what comes -------------------------------------------------------- */

static int fail_answer(struct slice failure, struct err *err)
{
    struct buf text;

    buf_init(&text, sizeof err->text);
    json_string(json_get(failure, "error"), &text);
    err_set(err, ERR_SYSTEM, "%s", buf_str(&text));
    buf_free(&text);
    return -1;
}

/* 1: there is more to come; 0: that was all; -1. */
static int take_line(struct slice line, struct err *err)
{
    struct slice text;
    struct buf out;
    int64_t lost;

    if (json_check(line, err) != 0)
        return -1;
    text = json_get(line, "line");
    if (json_get(line, "error").ptr)
        return fail_answer(json_get(line, "error"), err);
    if (text.ptr) {
        buf_init(&out, LIMIT_LOG_LINE + 1);
        json_string(text, &out);
        buf_addc(&out, '\n');
        fwrite(out.ptr, 1, out.len, stdout);
        buf_free(&out);
    } else if (json_int(json_get(line, "lost"), &lost)) {
        fflush(stdout);
        fprintf(stderr, "lunatrix: %d line%s left out\n", (int)lost,
                lost == 1 ? " was" : "s were");
    }
    /* Whoever took the output may be gone. */
    return !json_get(line, "done").ptr && fflush(stdout) == 0;
}

static int take_lines(const struct logs *logs, struct err *err)
{
    static char line[LIMIT_LOG_LINE * 6 + KIB(1)];
    int more = 1;

    while (more > 0 && fgets(line, sizeof line, logs->in))
        more = take_line(slice_str(line), err);
    if (more <= 0)
        return more;
    if (!logs->follows || ferror(logs->in))
        return err_set(err, ERR_SYSTEM,
                       "the running process ended before it answered");
    fprintf(stderr, "lunatrix: the running process ended\n");
    return 0;
}

/* ---- asking ------------------------------------------------------------ */

/* 1: told; 0: no process runs the account; -1. */
static int show(struct logs *logs, const char *script, const char *account,
                const char *only, struct err *err)
{
    struct buf request;
    int fd, found = control_connect(account, &fd, err);

    if (found != 1)
        return found;
    logs->in = fdopen(fd, "r");
    if (!logs->in) {
        close(fd);
        return err_set(err, ERR_SYSTEM, "cannot read the log: %s",
                       strerror(errno));
    }
    buf_init(&request, LIMIT_CONTROL_LINE);
    found = write_request(logs, script, only, &request, err);
    if (found == 0)
        found = control_send(fd, buf_slice(&request), err);
    if (found == 0)
        found = take_lines(logs, err);
    buf_free(&request);
    fclose(logs->in);
    return found == 0 ? 1 : -1;
}

/* The first process that is found: mostly it runs all accounts. */
static int show_first(struct logs *logs, const struct config *config,
                      const char *script, const char *only)
{
    const char *account = only;
    struct err err;
    int told = 0;

    for (size_t i = 0; told == 0 && i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        if (only ? strcmp(name, only) != 0 : !cli_runs_in(config, script, name))
            continue;
        account = account ? account : name;
        told = show(logs, script, name, only, &err);
    }
    if (told > 0)
        return EXIT_OK;
    if (told == 0)
        err_set(&err, ERR_SYSTEM,
                "no lunatrix runs account '%s': what it wrote went to its "
                "standard error; of a service, journalctl shows it",
                account ? account : "main");
    cli_fail(&err);
    return EXIT_FAIL;
}

static int run_logs(struct cli *cli, void *record, int argc, char **argv)
{
    const struct logs_options *options = record;
    struct logs logs = { .lines = LINES, .follows = !options->no_follow };
    char name[LIMIT_PATH], *end = NULL;
    struct config *config;
    struct err err;
    int code;

    if (argc > 1)
        return cli_usage(&cli_logs, "one script at a time");
    if (options->lines) {
        logs.lines = strtol(options->lines, &end, 10);
        if (end == options->lines || *end || logs.lines < 0)
            return cli_usage(&cli_logs, "--lines is '%s', but must be a number",
                             options->lines);
    }
    if (argc > 0)
        cli_script_name(argv[0], name, sizeof name);
    config = config_load(cli->config, &err);
    if (!config ||
        (cli->account && !config_account(config, cli->account, &err)))
        code = cli_fail(&err);
    else
        code = show_first(&logs, config, argc > 0 ? name : NULL, cli->account);
    config_free(config);
    return code;
}

static const struct option list[] = {
    { "lines", OPTION_TEXT, offsetof(struct logs_options, lines), "N",
      "that many of the last lines (20)" },
    { "no-follow", OPTION_FLAG, offsetof(struct logs_options, no_follow), NULL,
      "do not wait for more" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_logs = {
    .name = "logs",
    .usage = "[SCRIPT] [OPTIONS]",
    .summary = "what the running bot logs: the last lines, then what follows",
    .examples = "  lunatrix logs\n"
                "  lunatrix logs echo               only about that script\n"
                "  lunatrix logs --lines 200 --no-follow\n",
    .options = list,
    .record_size = sizeof(struct logs_options),
    .run = run_logs,
};
