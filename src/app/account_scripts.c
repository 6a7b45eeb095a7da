#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account_internal.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "paths.h"
#include "secret.h"

/* An account's scripts, as the configuration has them. */

/* Looks up every secret of a script; out becomes {"name":"value"}. */
static int resolve_secrets(const struct config *config,
                           const struct config_script *settings, int64_t ms,
                           struct buf *out, struct err *err)
{
    struct json_iter it = json_iter(buf_slice(&settings->secrets));
    struct json_writer w;
    int result = 0;

    json_writer_init(&w, out);
    json_object_begin(&w);
    while (result == 0 && json_next(&it)) {
        struct buf value;
        char *name = json_dup(it.key, 256);

        buf_init(&value, LIMIT_SECRET_FILE);
        result = name ? secret_read(name, it.value, config->directory, ms,
                                    &value, err)
                      : err_set(err, ERR_CONFIG, "a secret has no usable name");
        if (result == 0) {
            json_key(&w, name);
            json_put_string(&w, buf_slice(&value));
        }
        if (value.ptr)
            explicit_bzero(value.ptr, value.cap);
        buf_free(&value);
        free(name);
    }
    json_object_end(&w);
    return result == 0 ? json_finish(&w, "the secrets", err) : -1;
}

static void fill_limits(const struct config *config,
                        struct manager_script *script)
{
    const struct config_limits *limits = &config->limits;

    script->limits.memory = limits->memory;
    script->limits.burst_ms = limits->burst_ms;
    script->limits.handler_ms = limits->handler_ms;
    script->store_quota = limits->store;
    script->http_body = limits->http_body;
    script->handlers = (int)limits->handlers;
    script->queue = (int)limits->queue;
    script->log_lines = (int)limits->log;
    script->drain_ms = limits->drain_ms;
}

static int remember_name(struct account *account, const char *name)
{
    size_t count = (size_t)account->name_count + 1;
    const char **grown = realloc(account->names, count * sizeof *grown);

    if (!grown)
        return -1;
    account->names = grown;
    grown[account->name_count] = slice_dup(slice_str(name));
    return grown[account->name_count++] ? 0 : -1;
}

/* Hands one script's settings to `use` (manager_add or manager_update). */
static int with_script(struct account *account, struct config *config,
                       const char *name, const char *path,
                       const struct config_script *settings,
                       int (*use)(struct manager *,
                                  const struct manager_script *, struct err *),
                       struct err *err)
{
    struct manager_script script = { .name = name, .path = path };
    struct buf data, secrets;
    int64_t ms = use == manager_add ? LIMIT_SECRET_START_MS : LIMIT_SECRET_MS;
    int result = -1;

    buf_init(&data, LIMIT_PATH);
    buf_init(&secrets, LIMIT_CONFIG_FILE);
    buf_addf(&data, "%s/data/%s", account->directory, name);
    if (buf_check(&data, "path", err) != 0)
        goto out;
    if (settings && resolve_secrets(config, settings, ms, &secrets, err) != 0) {
        err_prefix(err, "script %s", name);
        goto out;
    }
    script.data_dir = buf_str(&data);
    script.config = settings && settings->settings.len
                        ? buf_slice(&settings->settings)
                        : slice_str("{}");
    script.config_places = settings && settings->places.len
                               ? buf_slice(&settings->places)
                               : SLICE_NONE;
    script.secrets = secrets.len ? buf_slice(&secrets) : slice_str("{}");
    script.http_private = settings && settings->http_private;
    fill_limits(config, &script);
    result = use(account->manager, &script, err);
out:
    if (secrets.ptr)
        explicit_bzero(secrets.ptr, secrets.cap);
    buf_free(&secrets);
    buf_free(&data);
    return result;
}

int account_add_script(struct account *account, const char *name,
                       const char *path, const struct config_script *settings,
                       struct err *err)
{
    if (paths_check_name("script", name, err) != 0)
        return -1;
    if (with_script(account, account->config, name, path, settings, manager_add,
                    err) != 0)
        return -1;
    if (remember_name(account, name) != 0)
        return err_set(err, ERR_LIMIT, "cannot add script %s: out of memory",
                       name);
    return 0;
}

int account_update_script(struct account *account, const char *name,
                          const char *path,
                          const struct config_script *settings, struct err *err)
{
    return with_script(account, account->config, name, path, settings,
                       manager_update, err);
}

static bool has_script(const struct account *account, const char *name)
{
    for (int i = 0; i < account->name_count; i++) {
        if (strcmp(account->names[i], name) == 0)
            return true;
    }
    return false;
}

int account_check_secrets(const struct account *account,
                          const struct config *config, struct err *err)
{
    struct buf secrets;
    int result = 0;

    for (size_t i = 0; result == 0 && i < config->script_count; i++) {
        const struct config_script *settings = &config->scripts[i];
        if (!has_script(account, settings->name))
            continue;
        buf_init(&secrets, LIMIT_CONFIG_FILE);
        result =
            resolve_secrets(config, settings, LIMIT_SECRET_MS, &secrets, err);
        if (result != 0)
            err_prefix(err, "script %s", settings->name);
        if (secrets.ptr)
            explicit_bzero(secrets.ptr, secrets.cap);
        buf_free(&secrets);
    }
    return result;
}

int account_reconfigure(struct account *account, struct config *config,
                        struct err *err)
{
    account->config = config;
    for (size_t i = 0; i < config->script_count; i++) {
        const struct config_script *settings = &config->scripts[i];
        if (has_script(account, settings->name) &&
            with_script(account, config, settings->name, settings->file,
                        settings, manager_update, err) != 0)
            return -1;
    }
    return 0;
}
