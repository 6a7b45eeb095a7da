#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cli.h"
#include "config_show.h"
#include "json_write.h"
#include "limits.h"
#include "paths.h"

/* config: every setting that holds, and where it came from. */

struct config_options {
    bool json;
};

/* What the rows are told to, in two turns: the first one measures. */
struct printer {
    const char *path; /* of the file */
    bool json, measure, first;
    int key_width, value_width;
    struct buf text; /* of one row */
};

enum { WIDEST_VALUE = 40 }; /* what is longer moves the rest of its line */

static void add_from(const struct printer *printer,
                     const struct config_row *row, struct buf *out)
{
    switch (row->from) {
    case CONFIG_BUILT_IN:
        buf_adds(out, "built-in");
        break;
    case CONFIG_FILE:
        buf_addf(out, "%s:%d", printer->path, row->line);
        break;
    case CONFIG_FOUND:
        buf_adds(out, "found");
        break;
    case CONFIG_FLAG:
        buf_adds(out, row->name);
        break;
    case CONFIG_VARIABLE:
        buf_addf(out, "$%s", row->name);
        break;
    }
}

static void print_text(struct printer *printer, const struct config_row *row)
{
    struct buf *text = &printer->text;
    int key = (int)strlen(row->key), value;

    buf_clear(text);
    config_lua(row->value, text);
    value = (int)text->len;
    if (printer->measure) {
        if (key > printer->key_width)
            printer->key_width = key;
        if (value > printer->value_width && value <= WIDEST_VALUE)
            printer->value_width = value;
        return;
    }
    printf("%-*s  %-*s  ", printer->key_width, row->key, printer->value_width,
           buf_str(text));
    buf_clear(text);
    add_from(printer, row, text);
    printf("%s\n", buf_str(text));
}

static void print_json(struct printer *printer, const struct config_row *row)
{
    static const char *const from[] = {
        [CONFIG_BUILT_IN] = "built-in",    [CONFIG_FILE] = "file",
        [CONFIG_FOUND] = "found",          [CONFIG_FLAG] = "flag",
        [CONFIG_VARIABLE] = "environment",
    };
    struct json_writer w;

    if (printer->measure)
        return;
    buf_clear(&printer->text);
    json_writer_init(&w, &printer->text);
    json_object_begin(&w);
    json_member_str(&w, "key", row->key);
    json_member_raw(&w, "value", row->value);
    json_member_str(&w, "from", from[row->from]);
    if (row->name)
        json_member_str(&w, "name", row->name);
    if (row->from == CONFIG_FILE)
        json_member_int(&w, "line", row->line);
    json_object_end(&w);
    if (json_finish(&w, "a setting", NULL) == 0)
        printf("%s\n%s", printer->first ? "" : ",", buf_str(&printer->text));
    printer->first = false;
}

static void on_row(void *arg, const struct config_row *row)
{
    struct printer *printer = arg;

    if (printer->json)
        print_json(printer, row);
    else
        print_text(printer, row);
}

/* ---- what the command line and the environment say ---------------------- */

/* One option. given: its value, NULL for none; by then the environment's has
 * taken the place of a flag that is not there. */
static void tell_option(struct printer *printer, const char *flag,
                        const char *variable, const char *given,
                        const char *value)
{
    struct config_row row = { .key = flag, .from = CONFIG_BUILT_IN };
    struct buf json;

    if (given && given == getenv(variable)) {
        row.from = CONFIG_VARIABLE;
        row.name = variable;
    } else if (given) {
        row.from = CONFIG_FLAG;
        row.name = flag;
    }
    if (!given)
        given = value;
    buf_init(&json, LIMIT_CONFIG_FILE);
    if (given)
        json_quote(slice_str(given), &json);
    row.value = given ? buf_slice(&json) : slice_str("null");
    on_row(printer, &row);
    buf_free(&json);
}

static void tell_path(struct printer *printer, const struct cli *cli,
                      const struct config *config)
{
    const char *variable = getenv("LUNATRIX_CONFIG");
    struct config_row row = { .key = "--config", .from = CONFIG_FOUND };
    struct buf json;

    if (cli->config || (variable && *variable)) {
        tell_option(printer, row.key, "LUNATRIX_CONFIG",
                    cli->config ? cli->config : variable, NULL);
        return;
    }
    if (!config->path) {
        tell_option(printer, row.key, "LUNATRIX_CONFIG", NULL, NULL);
        return;
    }
    buf_init(&json, LIMIT_CONFIG_FILE);
    json_quote(slice_str(config->path), &json);
    row.value = buf_slice(&json);
    on_row(printer, &row);
    buf_free(&json);
}

static void tell_options(struct printer *printer, const struct cli *cli,
                         const struct config *config)
{
    struct config_row http = {
        .key = "--allow-http",
        .value = slice_str(cli->allow_http ? "true" : "false"),
        .from = cli->allow_http ? CONFIG_FLAG : CONFIG_BUILT_IN,
        .name = cli->allow_http ? "--allow-http" : NULL,
    };

    tell_path(printer, cli, config);
    tell_option(printer, "--account", "LUNATRIX_ACCOUNT", cli->account, NULL);
    tell_option(printer, "--log", "LUNATRIX_LOG", cli->log, "info");
    tell_option(printer, "--log-format", "LUNATRIX_LOG_FORMAT", cli->log_format,
                "text");
    on_row(printer, &http);
    tell_option(printer, "--lua-path", "LUNATRIX_LUA_PATH", cli->lua_path,
                NULL);
}

/* Each account's folder. */
static int tell_folders(struct printer *printer, const char *account,
                        const struct config *config, struct err *err)
{
    struct buf path, key, json;
    int result = 0;

    buf_init(&path, LIMIT_PATH);
    buf_init(&key, KIB(1));
    buf_init(&json, LIMIT_CONFIG_FILE);
    for (size_t i = 0; result == 0 && i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        struct config_row row = { .from = CONFIG_VARIABLE };
        if (account && strcmp(name, account) != 0)
            continue;
        result = paths_account(name, &path, err);
        buf_clear(&json);
        json_quote(buf_slice(&path), &json);
        buf_clear(&key);
        buf_addf(&key, "folder.%s", name);
        row.key = buf_str(&key);
        row.value = buf_slice(&json);
        row.name = paths_account_variable();
        if (result == 0)
            on_row(printer, &row);
    }
    buf_free(&path);
    buf_free(&key);
    buf_free(&json);
    return result;
}

/* ---- the command ------------------------------------------------------- */

static int print_all(struct printer *printer, const struct cli *cli,
                     const struct config *config, struct err *err)
{
    tell_options(printer, cli, config);
    if (tell_folders(printer, cli->account, config, err) != 0)
        return -1;
    return config_show(config, cli->account, on_row, printer, err);
}

static int print(struct printer *printer, const struct cli *cli,
                 const struct config *config)
{
    struct err err;
    int result;

    printer->measure = true;
    result = print_all(printer, cli, config, &err); /* mistakes before text */
    printer->measure = false;
    if (result != 0)
        return cli_fail(&err);
    printf("%s", printer->json ? "{\"settings\":[" : "");
    result = print_all(printer, cli, config, &err);
    printf("%s", printer->json ? "\n]}\n" : "");
    return result == 0 ? EXIT_OK : cli_fail(&err);
}

static int run_config(struct cli *cli, void *record, int argc, char **argv)
{
    const struct config_options *options = record;
    struct printer printer = { .json = options->json, .first = true };
    struct config *config;
    struct err err;
    int code;

    if (argc > 0)
        return cli_usage(&cli_show_config, "unexpected '%s'", argv[0]);
    config = config_load(cli->config, &err);
    if (!config ||
        (cli->account && !config_account(config, cli->account, &err))) {
        code = cli_fail(&err);
    } else {
        buf_init(&printer.text, LIMIT_CONFIG_FILE * 2);
        printer.path = config->path;
        code = print(&printer, cli, config);
        buf_free(&printer.text);
    }
    config_free(config);
    return code;
}

static const struct option config_list[] = {
    { "json", OPTION_FLAG, offsetof(struct config_options, json), NULL,
      "one JSON object: settings, a list" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_show_config = {
    .name = "config",
    .usage = "[--json]",
    .summary = "every setting that holds, and where it came from",
    .examples = "  lunatrix config\n"
                "  lunatrix config | grep limits\n",
    .options = config_list,
    .record_size = sizeof(struct config_options),
    .run = run_config,
};
