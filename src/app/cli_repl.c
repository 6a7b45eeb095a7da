#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "control.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "line_input.h"
#include "repl_client.h"

/* repl: a prompt inside a running script. */

#define TAB_MS 500 /* for an answer to Tab */

struct repl_options {
    const char *execute;
};

struct prompt {
    struct repl_client client;
    struct line_input *input; /* NULL: standard input is no terminal */
    const char *account;
    struct buf chunk; /* lines that are no whole piece yet */
    bool follows;     /* .events */
    bool leaves;
    int code;
};

/* ---- showing ----------------------------------------------------------- */

/* A line, or several; what others wrote must not steer the terminal. */
static void show(struct prompt *prompt, const char *before, struct slice text)
{
    struct buf out;

    buf_init(&out, LIMIT_REPL_OUTPUT * 2);
    buf_adds(&out, before);
    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i];
        size_t n = slice_control(slice_make(text.ptr + i, text.len - i));
        bool steers = n > 0 && c != '\n' && c != '\t' && prompt->input;
        buf_addc(&out, steers ? '?' : c);
        i += steers ? n : 1;
    }
    if (text.len == 0 || text.ptr[text.len - 1] != '\n')
        buf_addc(&out, '\n');
    line_input_print(prompt->input, buf_slice(&out));
    buf_free(&out);
}

/* The decoded string; "" when it is none. */
static void show_json(struct prompt *prompt, const char *before,
                      struct slice value)
{
    struct buf text;

    buf_init(&text, LIMIT_REPL_OUTPUT);
    json_string(value, &text);
    show(prompt, before, buf_slice(&text));
    buf_free(&text);
}

static void show_event(struct prompt *prompt, struct slice line)
{
    struct slice event = json_get(line, "event");
    struct slice content = json_get(event, "content");
    struct slice room = json_plain(json_get(line, "room_id"));
    struct slice type = json_plain(json_get(event, "type"));
    struct slice sender = json_plain(json_get(event, "sender"));
    struct buf text;

    buf_init(&text, LIMIT_REPL_OUTPUT);
    buf_addf(&text, "%.*s %.*s %.*s: ", SLICE_ARG(room), SLICE_ARG(sender),
             SLICE_ARG(type));
    if (json_string(json_get(content, "body"), &text) != 0)
        buf_add(&text, content);
    show(prompt, "<< ", buf_slice(&text));
    buf_free(&text);
}

static void write_prompt(const struct prompt *prompt, char *out, size_t size)
{
    snprintf(out, size, "%.60s#%d%s", prompt->client.script,
             prompt->client.generation, prompt->chunk.len > 0 ? ">> " : "> ");
}

static void on_said(void *arg, struct slice line)
{
    struct prompt *prompt = arg;
    int64_t number;
    char text[160];

    if (json_get(line, "print").ptr) {
        show_json(prompt, "", json_get(line, "print"));
    } else if (json_get(line, "room_id").ptr) {
        show_event(prompt, line);
    } else if (json_int(json_get(line, "moved"), &number)) {
        snprintf(text, sizeof text,
                 "generation %d of %s is in charge; what was declared here is "
                 "gone",
                 (int)number, prompt->client.script);
        show(prompt, "-- ", slice_str(text));
        write_prompt(prompt, text, sizeof text);
        if (prompt->input)
            line_input_prompt(prompt->input, text);
    } else if (json_int(json_get(line, "lost"), &number)) {
        snprintf(text, sizeof text, "%d lines were left out", (int)number);
        show(prompt, "-- ", slice_str(text));
    }
}

/* An error goes to standard error, unless that would tear the line. */
static void show_error(struct prompt *prompt, struct slice error)
{
    struct buf text;

    buf_init(&text, LIMIT_REPL_RESULT);
    if (json_string(json_get(error, "where"), &text) == 0)
        buf_adds(&text, ": ");
    json_string(json_get(error, "error"), &text);
    if (json_get(error, "traceback").ptr) {
        buf_addc(&text, '\n');
        json_string(json_get(error, "traceback"), &text);
    }
    if (prompt->input) {
        show(prompt, "!! ", buf_slice(&text));
    } else {
        fflush(stdout);
        fprintf(stderr, "lunatrix: %s\n", buf_str(&text));
    }
    buf_free(&text);
    prompt->code = EXIT_FAIL;
}

/* ---- asking ------------------------------------------------------------ */

/* Until the answer is there. Ctrl-C ends what runs. */
static void wait_for_answer(struct prompt *prompt)
{
    struct repl_client *client = &prompt->client;

    while (!client->answered && !client->closed && !prompt->leaves) {
        if (!prompt->input) {
            repl_client_read(client, true);
            continue;
        }
        if (line_input_wait(prompt->input, client->fd, -1))
            repl_client_read(client, false);
        if (line_input_interrupted(prompt->input))
            repl_client_cancel(client);
        prompt->leaves = line_input_ended(prompt->input);
    }
}

/* Runs the chunk. False: it is not whole; more lines may make it so. */
static bool run_chunk(struct prompt *prompt, bool last)
{
    struct slice answer, done;
    bool incomplete = false;

    repl_client_ask(&prompt->client, "code", buf_str(&prompt->chunk));
    wait_for_answer(prompt);
    if (!prompt->client.answered)
        return true;
    answer = buf_slice(&prompt->client.answer);
    done = json_get(answer, "done");
    json_bool(json_get(done, "incomplete"), &incomplete);
    if (incomplete && !last)
        return false;
    if (json_get(answer, "error").ptr) {
        show_error(prompt, json_get(answer, "error"));
    } else if (json_get(done, "syntax").ptr) {
        struct buf text;
        buf_init(&text, LIMIT_REPL_RESULT);
        buf_adds(&text, "{\"error\":");
        buf_add(&text, json_get(done, "syntax"));
        buf_addc(&text, '}');
        show_error(prompt, buf_slice(&text));
        buf_free(&text);
    } else if (json_get(done, "values").ptr) {
        show_json(prompt, "", json_get(done, "values"));
    }
    return true;
}

/* ---- what begins with "." ---------------------------------------------- */

static void report(struct prompt *prompt, const char *key)
{
    struct slice text;

    repl_client_ask(&prompt->client, key, NULL);
    wait_for_answer(prompt);
    text =
        json_get(json_get(buf_slice(&prompt->client.answer), "done"), "report");
    if (text.ptr && text.len > 2)
        show_json(prompt, "", text);
    else
        show(prompt, "-- ", slice_str("none"));
}

static void run_handlers(struct prompt *prompt)
{
    report(prompt, "handlers");
}

static void run_timers(struct prompt *prompt)
{
    report(prompt, "timers");
}

static void run_events(struct prompt *prompt)
{
    prompt->follows = !prompt->follows;
    repl_client_follow(&prompt->client, prompt->follows);
    wait_for_answer(prompt);
    show(prompt, "-- ",
         slice_str(prompt->follows ? "events that the script gets are shown"
                                   : "events are not shown"));
}

static void run_reload(struct prompt *prompt)
{
    struct buf request, reply;
    struct json_writer w;
    struct err err;

    buf_init(&request, LIMIT_CONTROL_LINE);
    buf_init(&reply, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &request);
    json_object_begin(&w);
    json_member_str(&w, "do", "reload");
    json_member_str(&w, "script", prompt->client.script);
    json_object_end(&w);
    if (control_ask(prompt->account, buf_slice(&request), &reply, &err) == 1) {
        struct slice failure = json_get(buf_slice(&reply), "error");
        show_json(prompt, "-- ",
                  failure.ptr ? json_get(failure, "error")
                              : json_get(buf_slice(&reply), "report"));
    }
    buf_free(&request);
    buf_free(&reply);
}

static void run_exit(struct prompt *prompt)
{
    prompt->leaves = true;
}

static void run_help(struct prompt *prompt);

static const struct meta {
    const char *name, *help;
    void (*run)(struct prompt *prompt);
} metas[] = {
    { ".handlers", "what the script has registered", run_handlers },
    { ".timers", "its timers", run_timers },
    { ".events", "show the events it gets, or no longer", run_events },
    { ".reload", "load it again, if its files changed", run_reload },
    { ".help", "this list", run_help },
    { ".exit", "leave (or Ctrl-D)", run_exit },
};
#define METAS (sizeof metas / sizeof metas[0])

static void run_help(struct prompt *prompt)
{
    char line[120];

    for (size_t i = 0; i < METAS; i++) {
        snprintf(line, sizeof line, "%-10s %s", metas[i].name, metas[i].help);
        show(prompt, "-- ", slice_str(line));
    }
    show(prompt, "-- ",
         slice_str("anything else is Lua, and runs as a handler of the script; "
                   "Ctrl-C ends it"));
}

static void run_meta(struct prompt *prompt, const char *line)
{
    size_t length = strcspn(line, " ");

    for (size_t i = 0; i < METAS; i++) {
        if (strlen(metas[i].name) == length &&
            memcmp(metas[i].name, line, length) == 0) {
            metas[i].run(prompt);
            return;
        }
    }
    show(prompt, "-- ", slice_str("there is no such command; see .help"));
}

/* ---- lines ------------------------------------------------------------- */

static void take_line(struct prompt *prompt, const char *line)
{
    if (prompt->chunk.len == 0 &&
        (*line == '.' || !line[strspn(line, " \t")])) {
        if (*line == '.')
            run_meta(prompt, line);
        return;
    }
    if (prompt->chunk.len > 0)
        buf_addc(&prompt->chunk, '\n');
    buf_adds(&prompt->chunk, line);
    if (run_chunk(prompt, prompt->chunk.failed))
        buf_clear(&prompt->chunk);
}

static bool on_idle(void *arg)
{
    struct prompt *prompt = arg;

    repl_client_read(&prompt->client, false);
    return !prompt->client.closed;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void complete_meta(const char *text, struct buf *out)
{
    for (size_t i = 0; i < METAS; i++) {
        if (strncmp(metas[i].name, text, strlen(text)) == 0)
            buf_addf(out, "%s\n", metas[i].name);
    }
}

static size_t on_complete(void *arg, const char *text, struct buf *out)
{
    struct prompt *prompt = arg;
    struct repl_client *client = &prompt->client;
    int64_t end = now_ms() + TAB_MS, start = 0;

    if (*text == '.' && prompt->chunk.len == 0) {
        complete_meta(text, out);
        return 0;
    }
    repl_client_ask(client, "complete", text);
    while (!client->answered && !client->closed && now_ms() < end) {
        if (line_input_wait(prompt->input, client->fd, (int)(end - now_ms())))
            repl_client_read(client, false);
    }
    if (!client->answered) {
        repl_client_cancel(client);
        wait_for_answer(prompt);
    }
    struct slice done = json_get(buf_slice(&client->answer), "done");
    struct json_iter it = json_iter(json_get(done, "words"));
    json_int(json_get(done, "start"), &start);
    while (json_next(&it)) {
        json_string(it.value, out);
        buf_addc(out, '\n');
    }
    return start > 0 ? (size_t)start : 0;
}

static void read_edited(struct prompt *prompt)
{
    char text[96];
    struct buf line;

    buf_init(&line, LIMIT_CHAT_LINE);
    while (!prompt->leaves && !prompt->client.closed) {
        write_prompt(prompt, text, sizeof text);
        switch (line_input_read(prompt->input, text, &line)) {
        case LINE_INPUT_LINE:
            take_line(prompt, buf_str(&line));
            break;
        case LINE_INPUT_INTERRUPTED:
            prompt->leaves = prompt->chunk.len == 0;
            buf_clear(&prompt->chunk);
            break;
        case LINE_INPUT_CLEARED:
            buf_clear(&prompt->chunk);
            break;
        case LINE_INPUT_END:
            prompt->leaves = !prompt->client.closed;
        }
    }
    buf_free(&line);
    prompt->code = EXIT_OK; /* they were seen */
}

static void read_plain(struct prompt *prompt)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while (!prompt->leaves && !prompt->client.closed &&
           (length = getline(&line, &size, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        take_line(prompt, line);
    }
    if (prompt->chunk.len > 0 && !prompt->client.closed)
        run_chunk(prompt, true);
    free(line);
}

/* ---- the command ------------------------------------------------------- */

static int talk(struct prompt *prompt, const struct repl_options *options,
                struct err *err)
{
    const struct line_input_use use = {
        .name = "repl",
        .fd = prompt->client.fd,
        .tick_ms = -1,
        .on_idle = on_idle,
        .on_complete = on_complete,
        .arg = prompt,
    };

    buf_init(&prompt->chunk, LIMIT_CHAT_LINE);
    if (options->execute) {
        buf_adds(&prompt->chunk, options->execute);
        if (buf_check(&prompt->chunk, "the code", err) != 0)
            return -1;
        run_chunk(prompt, true);
    } else if (line_input_possible()) {
        prompt->input = line_input_open(&use, err);
        if (!prompt->input)
            return -1;
        show(prompt, "-- ", slice_str("Lua inside the bot; .help for more"));
        read_edited(prompt);
    } else {
        read_plain(prompt);
    }
    if (prompt->client.closed && !prompt->leaves)
        return err_set(err, ERR_SYSTEM, "the running process ended");
    return 0;
}

/* Where the script runs, if the configuration says so. */
static const char *account_of(const struct config *config, const char *script,
                              const char *account)
{
    for (size_t i = 0; script && i < config->script_count; i++) {
        const struct config_script *settings = &config->scripts[i];
        if (strcmp(settings->name, script) == 0 && settings->account)
            return settings->account;
    }
    return account;
}

static int run_repl(struct cli *cli, void *record, int argc, char **argv)
{
    struct prompt prompt = { .code = EXIT_OK };
    const struct config_account *account;
    char name[LIMIT_PATH], *script = argc > 0 ? name : NULL;
    int result, code = EXIT_OK;
    struct err err;

    if (argc > 1)
        return cli_usage(&cli_repl, "one script at a time");
    struct config *config = cli_config(cli, &account, &code);
    if (!config)
        return code;
    if (script)
        cli_script_name(argv[0], name, sizeof name);
    prompt.account = cli->account ? account->name
                                  : account_of(config, script, account->name);
    prompt.client.said = on_said;
    prompt.client.arg = &prompt;
    result = repl_client_open(&prompt.client, prompt.account, script, &err);
    if (result == 0)
        result = talk(&prompt, record, &err);
    line_input_close(prompt.input);
    repl_client_close(&prompt.client);
    buf_free(&prompt.chunk);
    config_free(config);
    return result == 0 ? prompt.code : cli_fail(&err);
}

static const struct option list[] = {
    { "e", OPTION_TEXT, offsetof(struct repl_options, execute), "CODE",
      "run that, print what it returns, exit" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_repl = {
    .name = "repl",
    .usage = "[SCRIPT] [OPTIONS]",
    .summary = "a Lua prompt inside a running script",
    .examples = "  lunatrix repl echo\n"
                "  lunatrix repl -e 'bot.store.count'\n",
    .options = list,
    .record_size = sizeof(struct repl_options),
    .run = run_repl,
};
