#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "config_value.h"
#include "json_text.h"
#include "json_write.h"
#include "limits.h"
#include "line_terminal.h"
#include "loop.h"
#include "paths.h"
#include "store.h"

/* store: what scripts keep in bot.store. */

struct store_options {
    bool json;
};

struct owner {
    char *name;
    int64_t keys, bytes;
};

struct look {
    bool json;
    const struct config *config;
    struct loop *loop;
    const char *script; /* NULL: all */
    struct slice prefix;
    bool several;                             /* accounts */
    bool begun;                               /* something was printed */
    struct owner owners[LIMIT_STORE_SCRIPTS]; /* of all accounts so far */
    size_t count;
};

/* ---- who keeps something ----------------------------------------------- */

static struct owner *find(struct look *look, size_t from, const char *name)
{
    for (size_t i = from; i < look->count; i++) {
        if (strcmp(look->owners[i].name, name) == 0)
            return &look->owners[i];
    }
    return NULL;
}

/* What has a slash is the library's own. */
static void on_owner(void *arg, const char *name, int64_t keys, int64_t bytes)
{
    struct look *look = arg;
    char *copy = NULL;

    if (look->count < LIMIT_STORE_SCRIPTS && !strchr(name, '/'))
        copy = strdup(name);
    if (copy)
        look->owners[look->count++] = (struct owner) { copy, keys, bytes };
}

/* Those of the configuration that keep nothing, as well. */
static void add_configured(struct look *look, size_t from, const char *account)
{
    const struct config *config = look->config;

    for (size_t i = 0; i < config->script_count; i++) {
        const char *name = config->scripts[i].name;
        if (cli_runs_in(config, name, account) && !find(look, from, name))
            on_owner(look, name, 0, 0);
    }
}

/* *store: NULL when the account has none yet. */
static int open_store(struct look *look, const char *account,
                      struct store **store, struct err *err)
{
    struct buf path;
    int result = 0;

    *store = NULL;
    buf_init(&path, LIMIT_PATH);
    result = paths_in_account(account, "scripts.db", &path, err);
    if (result == 0 && access(buf_str(&path), F_OK) == 0) {
        result = paths_account(account, &path, err);
        if (result == 0)
            *store = store_look_scripts(look->loop, buf_str(&path), err);
        if (!*store)
            result = -1;
    }
    buf_free(&path);
    return result;
}

/* ---- one key ----------------------------------------------------------- */

static bool is_plain(struct slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (c <= ' ' || c == 127 || c == '"')
            return false;
    }
    return key.len > 0;
}

/* Length of the character at p; *steers: it would change the terminal. */
static size_t character(const char *p, const char *end, bool *steers)
{
    size_t length = json_text_utf8(p, end);
    unsigned char c = (unsigned char)*p;

    *steers = length == 0 || c < ' ' || c == 127 ||
              (length == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0);
    return length ? length : 1;
}

static size_t count_characters(struct slice text)
{
    const char *end = text.ptr + text.len;
    size_t count = 0;
    bool steers;

    for (const char *p = text.ptr; p < end; count++)
        p += character(p, end, &steers);
    return count;
}

/* At most that many characters of it. */
static void add_cut(struct buf *out, struct slice text, size_t most)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    size_t count = count_characters(text), length;
    size_t shown = count > most ? most - 1 : count;
    bool steers;

    for (; shown > 0; shown--, p += length) {
        length = character(p, end, &steers);
        buf_add(out, steers ? slice_str("?") : slice_make(p, length));
    }
    buf_adds(out, count > most ? "…" : "");
}

static void write_expiry(int64_t expires, char *out, size_t size)
{
    time_t when = (time_t)(expires / 1000);
    struct tm tm;

    *out = '\0';
    if (expires && localtime_r(&when, &tm))
        strftime(out, size, "  (until %Y-%m-%d %H:%M:%S)", &tm);
}

static void add_text(struct buf *out, struct slice key, struct slice value,
                     int64_t expires)
{
    size_t columns = (size_t)line_terminal_columns(), used;
    bool terminal = isatty(STDOUT_FILENO);
    char expiry[64];

    write_expiry(expires, expiry, sizeof expiry);
    if (is_plain(key) && terminal)
        add_cut(out, key, SIZE_MAX);
    else if (is_plain(key))
        buf_add(out, key);
    else
        json_quote(key, out);
    buf_adds(out, "  ");
    used = count_characters(buf_slice(out)) + strlen(expiry);
    if (terminal)
        add_cut(out, value, used + 10 < columns ? columns - used : 10);
    else
        buf_add(out, value);
    buf_addf(out, "%s\n", expiry);
}

static void add_json(struct buf *out, struct slice key, struct slice value,
                     int64_t expires)
{
    buf_adds(out, "{\"key\":");
    json_quote(key, out);
    buf_adds(out, ",\"value\":");
    buf_add(out, value);
    if (expires)
        buf_addf(out, ",\"expires\":%" PRId64, expires);
    buf_addc(out, '}');
}

static void print_line(const struct buf *line)
{
    if (line->len > 0)
        fwrite(line->ptr, 1, line->len, stdout);
}

/* One by one: a pager may keep us waiting, and the bot must not notice. */
static int print_keys(const struct look *look, struct store *store,
                      struct err *err)
{
    struct slice key = SLICE_NONE, value;
    int64_t expires = 0;
    struct buf line;
    int found, shown = 0;

    while (store && (found = store_kv_next(store, look->script, look->prefix,
                                           key, &key, &value, &expires, err))) {
        if (found < 0)
            return -1;
        buf_init(&line, LIMIT_STORE_LINE);
        if (look->json && shown++ > 0)
            buf_addc(&line, ',');
        (look->json ? add_json : add_text)(&line, key, value, expires);
        found = buf_check(&line, "a key and its value", err);
        print_line(&line);
        buf_free(&line);
        if (found != 0)
            return -1;
    }
    return 0;
}

/* ---- one account ------------------------------------------------------- */

static void begin_account(struct look *look, const char *account)
{
    if (look->json)
        printf("%s{\"account\":\"%s\",\"scripts\":[",
               look->begun ? "," : "{\"accounts\":[", account);
    else if (look->several)
        printf("%saccount %s:\n", look->begun ? "\n" : "", account);
    look->begun = true;
}

static size_t quota(const struct look *look)
{
    return look->config->limits.store ? look->config->limits.store
                                      : LIMIT_STORE;
}

static void print_json_head(const struct look *look, const struct owner *owner)
{
    printf("{\"script\":\"%s\",\"keys\":%" PRId64 ",\"bytes\":%" PRId64
           ",\"quota\":%zu",
           owner->name, owner->keys, owner->bytes, quota(look));
}

static int show_keys(struct look *look, struct store *store,
                     const struct owner *owner, struct err *err)
{
    int result;

    if (look->json) {
        print_json_head(look, owner);
        printf(",\"entries\":[");
    } else if (owner->keys == 0) {
        fprintf(stderr, "lunatrix: %s keeps nothing\n", owner->name);
    }
    result = print_keys(look, store, err);
    printf("%s", look->json ? "]}" : "");
    return result;
}

static void write_size(size_t bytes, char *out, size_t size)
{
    if (bytes < KIB(10))
        snprintf(out, size, "%zu B", bytes);
    else if (bytes < MIB(10))
        snprintf(out, size, "%zu KiB", bytes / KIB(1));
    else
        snprintf(out, size, "%zu MiB", bytes / MIB(1));
}

static void show_owners(const struct look *look, size_t from)
{
    char used[32], most[32];
    int width = (int)strlen("SCRIPT");

    for (size_t i = from; i < look->count; i++) {
        int length = (int)strlen(look->owners[i].name);
        width = length > width ? length : width;
    }
    if (!look->json)
        printf("%-*s  %8s  %10s\n", width, "SCRIPT", "KEYS", "USED");
    write_size(quota(look), most, sizeof most);
    for (size_t i = from; i < look->count; i++) {
        const struct owner *owner = &look->owners[i];
        if (look->json) {
            printf("%s", i > from ? "," : "");
            print_json_head(look, owner);
            printf("}");
            continue;
        }
        write_size((size_t)owner->bytes, used, sizeof used);
        printf("%-*s  %8" PRId64 "  %10s of %s\n", width, owner->name,
               owner->keys, used, most);
    }
}

static int show_account(struct look *look, const char *account, struct err *err)
{
    size_t from = look->count;
    const struct owner *owner;
    struct store *store;
    int result = open_store(look, account, &store, err);

    if (result == 0 && store)
        result = store_kv_scripts(store, on_owner, look, err);
    if (result != 0)
        goto out;
    add_configured(look, from, account);
    owner = look->script ? find(look, from, look->script) : NULL;
    if (look->script && !owner)
        goto out;
    begin_account(look, account);
    if (owner)
        result = show_keys(look, store, owner, err);
    else
        show_owners(look, from);
    printf("%s", look->json ? "]}" : "");
out:
    store_close(store);
    return result;
}

/* ---- the command ------------------------------------------------------- */

static int fail_unknown(const struct look *look)
{
    const char *names[LIMIT_STORE_SCRIPTS + 1], *like;

    for (size_t i = 0; i < look->count; i++)
        names[i] = look->owners[i].name;
    names[look->count] = NULL;
    like = config_suggest(names, slice_str(look->script));
    fprintf(stderr, "lunatrix: no script '%s' keeps anything here%s%s%s\n",
            look->script, like ? ", did you mean '" : "", like ? like : "",
            like ? "'?" : "");
    if (!like)
        fprintf(stderr, "lunatrix store lists those that do\n");
    return EXIT_FAIL;
}

static int show_all(struct look *look, const char *only)
{
    const struct config *config = look->config;
    struct err err;

    look->several = !only && config->account_count > 1;
    for (size_t i = 0; i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        if (only ? strcmp(name, only) != 0
                 : !cli_runs_in(config, look->script, name))
            continue;
        if (show_account(look, name, &err) != 0)
            return cli_fail(&err);
    }
    if (look->script && !look->begun)
        return fail_unknown(look);
    printf("%s", look->json ? "]}\n" : "");
    return EXIT_OK;
}

static int run_store(struct cli *cli, void *record, int argc, char **argv)
{
    const struct store_options *options = record;
    char name[LIMIT_PATH];
    struct config *config;
    struct look *look;
    struct err err;
    int code;

    if (argc > 2)
        return cli_usage(&cli_store, "unexpected '%s'", argv[2]);
    look = calloc(1, sizeof *look);
    if (!look)
        return EXIT_FAIL;
    look->json = options->json;
    if (argc > 0) {
        cli_script_name(argv[0], name, sizeof name);
        look->script = name;
        look->prefix = slice_str(argc > 1 ? argv[1] : "");
    }
    look->config = config = config_load(cli->config, &err);
    if (!config ||
        (cli->account && !config_account(config, cli->account, &err)) ||
        !(look->loop = loop_new(LOOP_REAL, &err)))
        code = cli_fail(&err);
    else
        code = show_all(look, cli->account);
    for (size_t i = 0; i < look->count; i++)
        free(look->owners[i].name);
    loop_free(look->loop);
    config_free(config);
    free(look);
    return code;
}

static const struct option list[] = {
    { "json", OPTION_FLAG, offsetof(struct store_options, json), NULL,
      "one JSON object: accounts, a list" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_store = {
    .name = "store",
    .usage = "[SCRIPT [PREFIX]] [--json]",
    .summary = "what scripts keep in bot.store, running or not",
    .examples = "  lunatrix store                   who keeps how much\n"
                "  lunatrix store echo              its keys and values\n"
                "  lunatrix store echo score:       those that begin so\n",
    .options = list,
    .record_size = sizeof(struct store_options),
    .run = run_store,
};
