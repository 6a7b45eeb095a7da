#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "failure.h"
#include "gen.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"
#include "loop_uv.h"
#include "paths.h"
#include "secret.h"
#include "task.h"
#include "transport_curl.h"
#include "transport_lua.h"

/* exec: a plain script that owns the flow. Ends when its main chunk and all
 * tasks it spawned have ended; an integer it returns is the exit code. */

struct exec_options {
    bool offline;
};

struct run {
    struct cli *cli;
    bool offline;
    struct config *config;
    struct loop *loop;
    struct transport *transport;
    struct call_host host;
    struct gen *gen;
    struct track *track;
    struct signal_watch *term, *interrupt;
    struct buf directory; /* of the script: secrets are looked up below it */
    struct timer *rest;   /* waits for spawned tasks */
    bool stopping;
    int exit_code;
};

static int open_stored(void *arg, const char *name, struct session **session,
                       struct err *err)
{
    struct run *run = arg;
    const struct config_account *account;
    struct buf file;
    int found = -1;

    account = config_account(run->config, name ? name : run->cli->account, err);
    if (!account)
        return -1;
    buf_init(&file, LIMIT_PATH);
    *session = NULL;
    if (paths_in_account(account->name, "session", &file, err) == 0)
        *session = session_new(run->loop, run->transport, buf_str(&file),
                               run->cli->allow_http, err);
    if (*session)
        found = session_load(*session, err);
    if (found == 0)
        err_set(err, ERR_CONFIG,
                "account '%s' is not logged in: run lunatrix login first",
                account->name);
    buf_free(&file);
    if (found > 0)
        return 0;
    session_free(*session);
    *session = NULL;
    return -1;
}

static int find_secret(void *arg, struct slice name, struct buf *out,
                       struct err *err)
{
    struct run *run = arg;
    char *text = slice_dup(name);
    int result;

    if (!text)
        return err_set(err, ERR_LIMIT, "cannot read a secret: out of memory");
    result = secret_file(text, buf_str(&run->directory), out, err);
    free(text);
    return result;
}

/* ---- ending ------------------------------------------------------------ */

static void on_rest(void *arg)
{
    struct run *run = arg;

    run->rest = NULL;
    if (run->stopping || gen_tasks(run->gen) == 0) {
        loop_stop(run->loop);
        return;
    }
    run->rest = timer_start(run->loop, LIMIT_ONCE_MS, on_rest, run, NULL);
}

static void print_failure(const struct task *task,
                          const struct task_result *result)
{
    struct failure failure;
    struct buf out;

    failure_init(&failure);
    buf_init(&out, LIMIT_FAILURE_TEXT);
    failure_of_task(&failure, task, result);
    failure.label[0] = '\0'; /* its own way ends in the main chunk */
    failure_write(&failure, &out);
    fflush(stdout);
    fprintf(stderr, "lunatrix: %s\n",
            buf_str(&out) + strspn(buf_str(&out), " "));
    buf_free(&out);
    failure_free(&failure);
}

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct run *run = arg;
    int64_t code;

    if (result->end == TASK_DONE) {
        if (json_int(result->value, &code))
            run->exit_code = (int)(code & 0xff);
    } else if (!run->stopping) {
        print_failure(task, result);
        run->exit_code = EXIT_FAIL;
    }
    run->rest = timer_start(run->loop, 0, on_rest, run, NULL);
}

static void stop(struct run *run, int signum)
{
    if (run->stopping)
        _exit(128 + signum);
    run->stopping = true;
    run->exit_code = 128 + signum;
    gen_cancel_tasks(run->gen);
    timer_cancel(run->rest);
    run->rest =
        timer_start(run->loop, LIMIT_BURST_CLOSE_MS, on_rest, run, NULL);
}

static void on_term(void *arg)
{
    stop(arg, SIGTERM);
}

static void on_int(void *arg)
{
    stop(arg, SIGINT);
}

/* ---- running ----------------------------------------------------------- */

static int start(struct run *run, int argc, char **argv, struct err *err)
{
    static const struct task_owner owner = { .ended = on_ended };
    struct gen_config config = {
        .host = &run->host,
        .script = argv[0],
        .number = 1,
        .exec = true,
        .file = argv[0],
        .lua_path = run->cli->lua_path,
        .limits = { .handler_ms = -1 },
    };

    run->config = config_load(run->cli->config, err);
    if (!run->config || paths_directory(argv[0], &run->directory) != 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    run->loop = loop_new(LOOP_REAL, err);
    if (run->loop)
        run->transport = run->offline ? transport_lua_new(run->loop, err)
                                      : transport_curl_new(run->loop, err);
    if (!run->transport)
        return -1;
    run->term = signal_start(run->loop, SIGTERM, on_term, run, err);
    run->interrupt = signal_start(run->loop, SIGINT, on_int, run, err);
    run->host.loop = run->loop;
    run->host.transport = run->transport;
    config.directory = buf_str(&run->directory);
    run->track = track_new();
    run->gen = run->track ? gen_new(&config, err) : NULL;
    if (!run->term || !run->interrupt || !run->gen)
        return -1;
    return gen_exec(run->gen, run->track, argc - 1, argv + 1, &owner, run, err)
               ? 0
               : -1;
}

/* Why it did not start: a script's fault is 65. */
static int start_failed(const struct run *run, const struct err *err)
{
    const struct gen_error *error = run->gen ? gen_error(run->gen) : NULL;
    int code = cli_fail(err);

    return error && error->line > 0 ? EXIT_SCRIPT : code;
}

static int run_exec(struct cli *cli, void *record, int argc, char **argv)
{
    const struct exec_options *options = record;
    struct run run = { .cli = cli, .offline = options->offline };
    struct err err = { .kind = ERR_LIMIT, .text = "out of memory" };

    if (argc == 0)
        return cli_usage(&cli_exec, "which file?");
    buf_init(&run.directory, LIMIT_PATH);
    run.host = (struct call_host) {
        .account = cli->account ? cli->account : "main",
        .prefix = "!",
        .allow_http = cli->allow_http,
        .open_session = open_stored,
        .secret = find_secret,
        .arg = &run,
    };
    if (start(&run, argc, argv, &err) == 0)
        loop_run(run.loop);
    else
        run.exit_code = start_failed(&run, &err);
    timer_cancel(run.rest);
    gen_free(run.gen);
    track_free(run.track);
    transport_free(run.transport);
    signal_stop(run.term);
    signal_stop(run.interrupt);
    loop_free(run.loop);
    config_free(run.config);
    buf_free(&run.directory);
    log_clear_secrets();
    return run.exit_code;
}

static const struct option list[] = {
    { "offline", OPTION_FLAG, offsetof(struct exec_options, offline), NULL,
      "a homeserver in this process, https://test, instead of the network" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_exec = {
    .name = "exec",
    .usage = "[OPTIONS] FILE [ARG...]",
    .summary = "run a plain script that uses matrix.client",
    .examples = "  lunatrix exec scripts/hello.lua '!room:example.org'\n",
    .options = list,
    .record_size = sizeof(struct exec_options),
    .flags = OPTIONS_STOP_AT_ARGUMENT,
    .run = run_exec,
};
