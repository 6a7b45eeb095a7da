#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_run.h"
#include "config_value.h"
#include "file.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "paths.h"
#include "url.h"

/* ---- reading the table ------------------------------------------------- */

static const struct config_field account_fields[] = {
    { "user_id", CONFIG_USER, offsetof(struct config_account, user_id), NULL },
    { "homeserver", CONFIG_STRING, offsetof(struct config_account, homeserver),
      NULL },
    { "admins", CONFIG_USERS, offsetof(struct config_account, admins), NULL },
    { "admin_room", CONFIG_STRING, offsetof(struct config_account, admin_room),
      NULL },
    { "autojoin", CONFIG_STRING, offsetof(struct config_account, autojoin),
      "never|admins|invited" },
    { "prefix", CONFIG_STRING, offsetof(struct config_account, prefix), NULL },
    { "catch_up", CONFIG_DURATION, offsetof(struct config_account, catch_up_ms),
      NULL },
    { "help", CONFIG_BOOL, offsetof(struct config_account, help), NULL },
    { NULL, CONFIG_LATER, 0, NULL }
};

static const struct config_field script_fields[] = {
    { "file", CONFIG_STRING, offsetof(struct config_script, file), NULL },
    { "account", CONFIG_STRING, offsetof(struct config_script, account), NULL },
    { "config", CONFIG_OBJECT, offsetof(struct config_script, settings), NULL },
    { "secrets", CONFIG_OBJECT, offsetof(struct config_script, secrets), NULL },
    { "http", CONFIG_STRINGS, offsetof(struct config_script, http), NULL },
    { "rooms", CONFIG_LATER, 0, NULL },
    { "profile", CONFIG_LATER, 0, NULL },
    { "allow", CONFIG_LATER, 0, NULL },
    { NULL, CONFIG_LATER, 0, NULL }
};

static const struct config_field limit_fields[] = {
    { "memory", CONFIG_SIZE, offsetof(struct config_limits, memory), NULL },
    { "http_body", CONFIG_SIZE, offsetof(struct config_limits, http_body),
      NULL },
    { "store", CONFIG_SIZE, offsetof(struct config_limits, store), NULL },
    { "burst", CONFIG_DURATION, offsetof(struct config_limits, burst_ms),
      NULL },
    { "handler", CONFIG_DURATION, offsetof(struct config_limits, handler_ms),
      NULL },
    { "drain", CONFIG_DURATION, offsetof(struct config_limits, drain_ms),
      NULL },
    { "handlers", CONFIG_COUNT, offsetof(struct config_limits, handlers),
      NULL },
    { "queue", CONFIG_COUNT, offsetof(struct config_limits, queue), NULL },
    { "log", CONFIG_COUNT, offsetof(struct config_limits, log), NULL },
    { NULL, CONFIG_LATER, 0, NULL }
};

static const struct config_field listen_fields[] = {
    { "address", CONFIG_STRING, offsetof(struct config_listen, address), NULL },
    { "public_url", CONFIG_STRING, offsetof(struct config_listen, public_url),
      NULL },
    { "metrics", CONFIG_BOOL, offsetof(struct config_listen, metrics), NULL },
    { NULL, CONFIG_LATER, 0, NULL }
};

const struct config_field *config_fields(enum config_part part)
{
    static const struct config_field *const fields[] = {
        [CONFIG_ACCOUNT] = account_fields,
        [CONFIG_SCRIPT] = script_fields,
        [CONFIG_LIMITS] = limit_fields,
        [CONFIG_LISTEN] = listen_fields,
    };

    return fields[part];
}

/* The keys at the top. */
struct top {
    struct buf accounts, scripts, limits, listen;
};

static const struct config_field top_fields[] = {
    { "accounts", CONFIG_OBJECT, offsetof(struct top, accounts), NULL },
    { "scripts", CONFIG_OBJECT, offsetof(struct top, scripts), NULL },
    { "limits", CONFIG_OBJECT, offsetof(struct top, limits), NULL },
    { "listen", CONFIG_OBJECT, offsetof(struct top, listen), NULL },
    { NULL, CONFIG_LATER, 0, NULL }
};

static int init_account(struct config_account *account, struct slice name)
{
    account->name = slice_dup(name);
    account->prefix = slice_dup(slice_str("!"));
    account->autojoin = slice_dup(slice_str("never"));
    account->admins = calloc(1, sizeof *account->admins);
    account->catch_up_ms = LIMIT_CATCH_UP_MS;
    account->help = true;
    return account->name && account->prefix && account->autojoin &&
                   account->admins
               ? 0
               : -1;
}

static void init_script(struct config_script *script, struct slice name)
{
    script->name = slice_dup(name);
    buf_init(&script->settings, LIMIT_CONFIG_FILE);
    buf_init(&script->places, LIMIT_CONFIG_FILE);
    buf_init(&script->secrets, LIMIT_CONFIG_FILE);
}

static size_t count_members(struct slice object)
{
    struct json_iter it = json_iter(object);
    size_t n = 0;

    while (json_next(&it))
        n++;
    return n;
}

/* The name of one account or script, checked; NULL with *err filled. */
static const char *take_name(const struct config_place *place, struct slice key,
                             const char *what, struct err *err)
{
    static char name[80];
    struct slice plain = json_plain(key);
    struct err why;

    snprintf(name, sizeof name, "%.*s", SLICE_ARG(plain));
    if (paths_check_name(what, name, &why) == 0)
        return name;
    config_fail(place, plain, err, "%s", why.text);
    return NULL;
}

static int by_account_name(const void *a, const void *b)
{
    const struct config_account *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int read_accounts(struct config *config, struct config_place place,
                         struct slice object, struct err *err)
{
    struct json_iter it = json_iter(object);
    char where[100];

    config->accounts =
        calloc(count_members(object) + 1, sizeof *config->accounts);
    if (!config->accounts)
        return err_set(err, ERR_LIMIT, "out of memory");
    while (json_next(&it)) {
        struct config_account *account =
            &config->accounts[config->account_count];
        const char *name = take_name(&place, it.key, "account", err);
        if (!name)
            return -1;
        snprintf(where, sizeof where, "accounts.%s", name);
        config->account_count++;
        if (init_account(account, slice_str(name)) != 0)
            return err_set(err, ERR_LIMIT, "out of memory");
        struct config_place below = { place.file, place.text, where };
        if (config_read(&below, it.value, account_fields, account, err) != 0)
            return -1;
    }
    qsort(config->accounts, config->account_count, sizeof *config->accounts,
          by_account_name);
    return 0;
}

/* `file` counts from the configuration's folder. */
static int place_file(struct config *config, struct config_script *script)
{
    struct buf path;
    int result = -1;

    if (script->file[0] == '/' || strcmp(config->directory, ".") == 0)
        return 0;
    buf_init(&path, LIMIT_PATH);
    if (buf_addf(&path, "%s/%s", config->directory, script->file) == 0) {
        free(script->file);
        script->file = slice_dup(buf_slice(&path));
        result = script->file ? 0 : -1;
    }
    buf_free(&path);
    return result;
}

/* Which line each key of `config` is on: for what the script says of it. Each
 * is looked for in the whole text; keys of a large table do without. */
static int note_places(struct config_place place, struct config_script *script,
                       struct err *err)
{
    struct json_iter it = json_iter(buf_slice(&script->settings));
    struct json_writer w;
    char where[110];

    snprintf(where, sizeof where, "%s%s", place.where,
             script->settings.len ? ".config" : "");
    place.where = where;
    json_writer_init(&w, &script->places);
    json_object_begin(&w);
    json_member_str(&w, "file", place.file);
    json_member_int(&w, "line", config_line(&place, SLICE_NONE));
    json_key(&w, "keys");
    json_object_begin(&w);
    for (int n = 0; n < LIMIT_CONFIG_PLACES && json_next(&it); n++) {
        struct slice key = json_plain(it.key);
        if (!key.ptr)
            continue;
        json_key_slice(&w, key);
        json_put_int(&w, config_line(&place, key));
    }
    json_object_end(&w);
    json_object_end(&w);
    return json_finish(&w, "the places of a config", err);
}

/* `http`: what its matrix.http may do beyond the usual. */
static int take_http(struct config_script *script,
                     const struct config_place *place, struct err *err)
{
    for (char **word = script->http; word && *word; word++) {
        if (strcmp(*word, "private") != 0)
            return config_fail(place, slice_str("http"), err,
                               "%s.http can hold \"private\" only, not "
                               "\"%s\"",
                               place->where, *word);
        script->http_private = true;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct config_script *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Lua keeps no order. Theirs decides who gets a command that two want, so it
 * must not change from start to start. */
static int read_scripts(struct config *config, struct config_place place,
                        struct slice object, struct err *err)
{
    struct json_iter it = json_iter(object);
    char where[100];

    config->scripts =
        calloc(count_members(object) + 1, sizeof *config->scripts);
    if (!config->scripts)
        return err_set(err, ERR_LIMIT, "out of memory");
    while (json_next(&it)) {
        struct config_script *script = &config->scripts[config->script_count];
        const char *name = take_name(&place, it.key, "script", err);
        if (!name)
            return -1;
        snprintf(where, sizeof where, "scripts.%s", name);
        config->script_count++;
        init_script(script, slice_str(name));
        struct config_place below = { place.file, place.text, where };
        if (config_read(&below, it.value, script_fields, script, err) != 0)
            return -1;
        if (take_http(script, &below, err) != 0)
            return -1;
        if (!script->file)
            return config_fail(&below, SLICE_NONE, err,
                               "%s needs file = \"...\"", where);
        if (place_file(config, script) != 0)
            return err_set(err, ERR_LIMIT, "out of memory");
        if (note_places(below, script, err) != 0)
            return -1;
    }
    qsort(config->scripts, config->script_count, sizeof *config->scripts,
          by_name);
    return 0;
}

/* Every account a script names must be there. */
static int check_accounts(const struct config *config,
                          struct config_place place, struct err *err)
{
    for (size_t i = 0; i < config->script_count; i++) {
        const struct config_script *script = &config->scripts[i];
        bool found = !script->account;
        for (size_t j = 0; j < config->account_count && !found; j++)
            found = strcmp(config->accounts[j].name, script->account) == 0;
        if (!found) {
            place.where = "scripts";
            return config_fail(&place, slice_str(script->name), err,
                               "scripts.%s names account '%s', which is not "
                               "in accounts",
                               script->name, script->account);
        }
    }
    return 0;
}

/* public_url without the slash at its end. */
static int read_listen(struct config *config, struct config_place place,
                       struct slice object, struct err *err)
{
    struct config_listen *listen = &config->listen;
    struct buf url;
    struct err why;
    int result = 0;

    place.where = "listen";
    if (object.len == 0)
        return 0;
    if (config_read(&place, object, listen_fields, listen, err) != 0)
        return -1;
    if (!listen->address)
        return config_fail(&place, SLICE_NONE, err,
                           "listen needs address = \"127.0.0.1:9008\"");
    if (!listen->public_url)
        return 0;
    buf_init(&url, LIMIT_HTTP_URL);
    if (url_check_base(slice_str(listen->public_url), &url, &why) != 0) {
        result = config_fail(&place, slice_str("public_url"), err,
                             "listen.public_url: %s", why.text);
    } else {
        free(listen->public_url);
        listen->public_url = slice_dup(buf_slice(&url));
    }
    buf_free(&url);
    return result;
}

static int read_table(struct config *config, const struct config_place *place,
                      struct slice json, struct err *err)
{
    struct top top;
    struct config_place below = *place;
    int result = -1;

    buf_init(&top.accounts, LIMIT_CONFIG_FILE);
    buf_init(&top.scripts, LIMIT_CONFIG_FILE);
    buf_init(&top.limits, LIMIT_CONFIG_FILE);
    buf_init(&top.listen, LIMIT_CONFIG_FILE);
    if (config_read(place, json, top_fields, &top, err) != 0)
        goto out;
    below.where = "accounts";
    if (read_accounts(config, below, buf_slice(&top.accounts), err) != 0)
        goto out;
    below.where = "scripts";
    if (read_scripts(config, below, buf_slice(&top.scripts), err) != 0)
        goto out;
    below.where = "limits";
    if (config_read(&below, buf_slice(&top.limits), limit_fields,
                    &config->limits, err) != 0)
        goto out;
    if (read_listen(config, below, buf_slice(&top.listen), err) != 0)
        goto out;
    result = check_accounts(config, *place, err);
out:
    buf_free(&top.accounts);
    buf_free(&top.scripts);
    buf_free(&top.limits);
    buf_free(&top.listen);
    return result;
}

static int load_file(struct config *config, struct err *err)
{
    if (file_read(config->path, LIMIT_CONFIG_FILE, &config->text, err) != 0) {
        if (err)
            err->kind = ERR_CONFIG;
        return -1;
    }
    struct config_place place = { config->path, buf_slice(&config->text), "" };
    if (config_run(config->path, place.text, &config->json, err) != 0)
        return -1;
    return read_table(config, &place, buf_slice(&config->json), err);
}

/* Without accounts in the file (or without a file) there is "main". */
static int add_main(struct config *config)
{
    struct config_account *grown;

    if (config->account_count > 0)
        return 0;
    grown = calloc(1, sizeof *grown);
    if (!grown)
        return -1;
    free(config->accounts);
    config->accounts = grown;
    config->account_count = 1;
    return init_account(grown, slice_str("main"));
}

struct config *config_load(const char *flag, struct err *err)
{
    struct config *config = calloc(1, sizeof *config);
    struct buf path, directory;
    int found;

    buf_init(&path, LIMIT_PATH);
    buf_init(&directory, LIMIT_PATH);
    if (!config)
        goto memory;
    buf_init(&config->text, LIMIT_CONFIG_FILE);
    buf_init(&config->json, LIMIT_CONFIG_FILE);
    found = paths_config(flag, &path, err);
    if (found < 0)
        goto fail;
    if (paths_directory(found ? buf_str(&path) : "", &directory) != 0)
        goto memory;
    config->directory = slice_dup(buf_slice(&directory));
    config->path = found ? slice_dup(buf_slice(&path)) : NULL;
    if (!config->directory || (found && !config->path))
        goto memory;
    if (found && load_file(config, err) != 0)
        goto fail;
    if (add_main(config) != 0)
        goto memory;
    goto out;
memory:
    err_set(err, ERR_LIMIT, "cannot load the configuration: out of memory");
fail:
    config_free(config);
    config = NULL;
out:
    buf_free(&path);
    buf_free(&directory);
    return config;
}

static void free_strings(char **list)
{
    for (char **text = list; text && *text; text++)
        free(*text);
    free(list);
}

static void free_account(struct config_account *account)
{
    free(account->name);
    free(account->user_id);
    free(account->homeserver);
    free(account->admin_room);
    free(account->prefix);
    free(account->autojoin);
    free_strings(account->admins);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->account_count; i++)
        free_account(&config->accounts[i]);
    for (size_t i = 0; i < config->script_count; i++) {
        free(config->scripts[i].name);
        free(config->scripts[i].file);
        free(config->scripts[i].account);
        buf_free(&config->scripts[i].settings);
        buf_free(&config->scripts[i].places);
        buf_free(&config->scripts[i].secrets);
        free_strings(config->scripts[i].http);
    }
    free(config->listen.address);
    free(config->listen.public_url);
    free(config->accounts);
    free(config->scripts);
    buf_free(&config->text);
    buf_free(&config->json);
    free(config->path);
    free(config->directory);
    free(config);
}

/* Without a file any name may be used: the one account gets it. */
static const struct config_account *
rename_main(struct config *config, const char *name, struct err *err)
{
    char *copy;

    if (paths_check_name("account", name, err) != 0)
        return NULL;
    copy = slice_dup(slice_str(name));
    if (!copy) {
        err_set(err, ERR_LIMIT, "out of memory");
        return NULL;
    }
    free(config->accounts[0].name);
    config->accounts[0].name = copy;
    return &config->accounts[0];
}

const struct config_account *config_account(struct config *config,
                                            const char *name, struct err *err)
{
    struct buf names;

    if (!name)
        name = config->path && config->account_count == 1
                   ? config->accounts[0].name
                   : "main"; /* without a file the only one has had any name */
    for (size_t i = 0; i < config->account_count; i++) {
        if (strcmp(config->accounts[i].name, name) == 0)
            return &config->accounts[i];
    }
    if (!config->path)
        return rename_main(config, name, err);
    buf_init(&names, KIB(1));
    for (size_t i = 0; i < config->account_count; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", config->accounts[i].name);
    err_set(err, ERR_CONFIG, "there is no account '%s' in %s; it has %s", name,
            config->path, buf_str(&names));
    buf_free(&names);
    return NULL;
}
