#include "accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "limits.h"
#include "log.h"
#include "notify.h"
#include "report.h"
#include "secret.h"

struct member {
    struct accounts *accounts;
    struct account *account;
    struct control *control;
    bool loaded, ready, dead;
};

struct accounts {
    struct accounts_options options;
    struct config *config;
    struct member *members;
    size_t count;
    int live, failed; /* scripts, as far as loaded */
    bool told_ready, stopping;
    size_t stopped;
    loop_fn *stop_done;
    void *stop_arg;
};

/* ---- which scripts ----------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static const struct config_script *find_script(const struct config *config,
                                               const char *argument)
{
    for (size_t i = 0; i < config->script_count; i++) {
        const struct config_script *script = &config->scripts[i];
        if (strcmp(script->name, argument) == 0 ||
            same_file(script->file, argument))
            return script;
    }
    return NULL;
}

/* "scripts/echo.lua" is called echo; a directory by its own name. */
static void name_of_path(const char *path, char name[65])
{
    size_t length = strlen(path), start;

    while (length > 1 && path[length - 1] == '/')
        length--;
    for (start = length; start > 0 && path[start - 1] != '/'; start--)
        continue;
    length -= start;
    if (length > 4 && memcmp(path + start + length - 4, ".lua", 4) == 0)
        length -= 4;
    snprintf(name, 65, "%.*s", (int)length, path + start);
}

/* A script runs for the account it names, else for every one. */
static bool runs_for(const struct config_script *script, const char *account)
{
    return !script || !script->account || strcmp(script->account, account) == 0;
}

static bool has_script(const struct accounts *accounts, const char *account,
                       int count, char *const *arguments)
{
    const struct config *config = accounts->config;

    for (int i = 0; i < count; i++) {
        if (runs_for(find_script(config, arguments[i]), account))
            return true;
    }
    for (size_t i = 0; count == 0 && i < config->script_count; i++) {
        if (runs_for(&config->scripts[i], account))
            return true;
    }
    return false;
}

static int add_script(struct member *member, const char *argument,
                      struct err *err)
{
    const struct config *config = member->accounts->config;
    const struct config_script *settings = find_script(config, argument);
    char name[65];

    if (settings && !runs_for(settings, account_name(member->account)))
        return 0;
    if (settings)
        return account_add_script(member->account, settings->name,
                                  settings->file, settings, err);
    name_of_path(argument, name);
    return account_add_script(member->account, name, argument, NULL, err);
}

static int add_scripts(struct member *member, int count, char *const *arguments,
                       struct err *err)
{
    const struct config *config = member->accounts->config;

    for (int i = 0; i < count; i++) {
        if (add_script(member, arguments[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; count == 0 && i < config->script_count; i++) {
        const struct config_script *script = &config->scripts[i];
        if (runs_for(script, account_name(member->account)) &&
            account_add_script(member->account, script->name, script->file,
                               script, err) != 0)
            return -1;
    }
    return 0;
}

/* Each script exists, and runs for an account that is taken. */
static int check_script(const struct accounts *accounts,
                        const struct config_account *only, const char *argument,
                        struct err *err)
{
    const struct config *config = accounts->config;
    const struct config_script *script = find_script(config, argument);

    if (!script && access(argument, F_OK) != 0)
        return err_set(err, ERR_CONFIG,
                       "there is no script %s: no such file, and no script "
                       "of that name in %s",
                       argument,
                       config->path ? config->path : "a configuration");
    if (only && !runs_for(script, only->name))
        return err_set(err, ERR_CONFIG,
                       "script %s runs for account '%s', not for '%s'",
                       script->name, script->account, only->name);
    return 0;
}

/* ---- what an account tells --------------------------------------------- */

static bool all(const struct accounts *accounts,
                bool (*has)(const struct member *))
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (!has(&accounts->members[i]))
            return false;
    }
    return true;
}

static bool is_dead(const struct member *member)
{
    return member->dead;
}

static bool is_loaded(const struct member *member)
{
    return member->loaded;
}

static bool is_settled(const struct member *member)
{
    return member->ready || member->dead;
}

static struct member *member_of(struct accounts *accounts,
                                const struct account *account)
{
    size_t i = 0;

    while (accounts->members[i].account != account)
        i++;
    return &accounts->members[i];
}

static void tell_ready(struct accounts *accounts)
{
    if (accounts->told_ready || !all(accounts, is_settled))
        return;
    accounts->told_ready = true;
    accounts->options.ready(accounts->options.arg);
}

static void on_ready(void *arg, struct account *account)
{
    struct accounts *accounts = arg;
    struct log_fields about = { .account = account_name(account) };

    log_write(LOG_LEVEL_INFO, &about, "ready: %s is listening",
              session_user_id(account_session(account)));
    member_of(accounts, account)->ready = true;
    tell_ready(accounts);
}

static void on_dead(void *arg, struct account *account, const struct err *err)
{
    struct accounts *accounts = arg;
    struct member *member = member_of(accounts, account);
    struct log_fields about = { .account = account_name(account) };

    if (member->dead)
        return;
    member->dead = true;
    log_write(LOG_LEVEL_ERROR, &about,
              "the login of account '%s' is no longer valid, log in again "
              "with lunatrix login: %s",
              account_name(account), err->text);
    if (all(accounts, is_dead)) {
        accounts->options.dead(accounts->options.arg);
        return;
    }
    accounts->options.lost(accounts->options.arg);
    tell_ready(accounts);
}

static void on_loaded(void *arg, int live, int failed)
{
    struct member *member = arg;
    struct accounts *accounts = member->accounts;

    member->loaded = true;
    accounts->live += live;
    accounts->failed += failed;
    if (!all(accounts, is_loaded))
        return;
    accounts->options.loaded(accounts->options.arg, accounts->live,
                             accounts->failed);
    for (size_t i = 0; !accounts->stopping && i < accounts->count; i++)
        account_sync(accounts->members[i].account);
}

/* ---- opening ----------------------------------------------------------- */

static int open_member(struct accounts *accounts,
                       const struct config_account *settings, int script_count,
                       char *const *scripts, struct err *err)
{
    struct member *member = &accounts->members[accounts->count];
    const struct accounts_options *options = &accounts->options;
    struct account_options account = {
        .loop = options->loop,
        .transport = options->transport,
        .http = options->http,
        .config = options->config,
        .settings = settings,
        .lua_path = options->lua_path,
        .web_url = options->web_url,
        .allow_http = options->allow_http,
        .watch = options->watch,
        .dry_run = options->dry_run,
        .stopped = on_dead,
        .ready = on_ready,
        .arg = accounts,
    };

    member->accounts = accounts;
    member->account = account_open(&account, err);
    if (!member->account)
        return -1;
    accounts->count++;
    if (add_scripts(member, script_count, scripts, err) != 0)
        return -1;
    member->control = control_listen(options->loop, member->account, err);
    return member->control ? 0 : -1;
}

static int open_all(struct accounts *accounts, int script_count,
                    char *const *scripts, struct err *err)
{
    struct config *config = accounts->config;
    const char *name = accounts->options.only;
    const struct config_account *only =
        name || !config->path ? config_account(config, name, err) : NULL;

    if ((name || !config->path) && !only)
        return -1;
    for (int i = 0; i < script_count; i++) {
        if (check_script(accounts, only, scripts[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < config->account_count; i++) {
        const struct config_account *settings = &config->accounts[i];
        if ((only && settings != only) ||
            !has_script(accounts, settings->name, script_count, scripts))
            continue;
        if (open_member(accounts, settings, script_count, scripts, err) != 0)
            return -1;
    }
    if (accounts->count == 0)
        return err_set(err, ERR_CONFIG,
                       "there is no script to run: name one, as in lunatrix "
                       "run scripts/echo.lua, or list scripts in lunatrix.lua");
    return 0;
}

struct accounts *accounts_open(const struct accounts_options *options,
                               int script_count, char *const *scripts,
                               struct err *err)
{
    struct accounts *accounts = calloc(1, sizeof *accounts);
    int result;

    if (accounts) {
        accounts->options = *options;
        accounts->config = options->config;
        accounts->members =
            calloc(options->config->account_count, sizeof *accounts->members);
    }
    if (!accounts || !accounts->members) {
        free(accounts);
        err_set(err, ERR_LIMIT, "cannot open the accounts: out of memory");
        return NULL;
    }
    secret_keep_begin();
    result = open_all(accounts, script_count, scripts, err);
    secret_keep_end();
    if (result == 0)
        return accounts;
    accounts_close(accounts);
    return NULL;
}

void accounts_close(struct accounts *accounts)
{
    if (!accounts)
        return;
    for (size_t i = 0; i < accounts->count; i++)
        control_close(accounts->members[i].control);
    for (size_t i = 0; i < accounts->count; i++)
        account_close(accounts->members[i].account);
    free(accounts->members);
    free(accounts);
}

/* ---- start and stop ---------------------------------------------------- */

int accounts_start(struct accounts *accounts, struct err *err)
{
    for (size_t i = 0; i < accounts->count; i++) {
        struct member *member = &accounts->members[i];
        if (account_start(member->account, on_loaded, member, err) != 0)
            return -1;
    }
    return 0;
}

static void on_stopped(void *arg)
{
    struct accounts *accounts = arg;

    if (++accounts->stopped == accounts->count)
        accounts->stop_done(accounts->stop_arg);
}

void accounts_stop(struct accounts *accounts, int64_t ms, loop_fn *done,
                   void *arg)
{
    accounts->stopping = true;
    accounts->stop_done = done;
    accounts->stop_arg = arg;
    for (size_t i = 0; i < accounts->count; i++)
        account_stop(accounts->members[i].account, ms, on_stopped, accounts);
}

/* ---- reload ------------------------------------------------------------ */

static int reconfigure(struct accounts *accounts, struct config *config,
                       struct err *err)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (account_reconfigure(accounts->members[i].account, config, err) != 0)
            return -1;
    }
    accounts->config = config;
    return 0;
}

/* Before anything is changed: a secret that cannot be read any more would be
 * in the way back, too. */
static int check_secrets(const struct accounts *accounts,
                         const struct config *config, struct err *err)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (account_check_secrets(accounts->members[i].account, config, err) !=
            0)
            return -1;
    }
    return 0;
}

int accounts_reconfigure(struct accounts *accounts, struct config *config,
                         struct err *err)
{
    struct config *before = accounts->config;
    struct err why;
    int result;

    secret_keep_begin();
    result = check_secrets(accounts, config, err);
    if (result == 0 && (result = reconfigure(accounts, config, err)) != 0 &&
        reconfigure(accounts, before, &why) != 0)
        log_error("cannot go back to the configuration before: %s", why.text);
    secret_keep_end();
    return result;
}

static void on_reloaded(void *arg, bool refused, const char *report)
{
    (void)arg; /* the manager told the log */
    if (refused)
        notify_trouble(report);
    notify_reload_end();
}

void accounts_reload(struct accounts *accounts)
{
    struct err err;

    for (size_t i = 0; i < accounts->count; i++) {
        struct account *account = accounts->members[i].account;
        struct log_fields about = { .account = account_name(account) };
        notify_reload_begin(false);
        if (manager_reload(account_manager(account), NULL, 0, on_reloaded, NULL,
                           &err) != 0) {
            log_write(LOG_LEVEL_ERROR, &about, "cannot reload: %s", err.text);
            notify_trouble(err.text);
            notify_reload_end();
        }
    }
}

/* ---- looking ----------------------------------------------------------- */

bool accounts_idle(const struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++) {
        const struct member *member = &accounts->members[i];
        if (!member->dead && !account_idle(member->account))
            return false;
    }
    return true;
}

bool accounts_any_dead(const struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (accounts->members[i].dead)
            return true;
    }
    return false;
}

size_t accounts_count(const struct accounts *accounts)
{
    return accounts->count;
}

struct account *accounts_at(const struct accounts *accounts, size_t index)
{
    return accounts->members[index].account;
}

bool accounts_dead(const struct accounts *accounts, size_t index)
{
    return accounts->members[index].dead;
}

/* With fewer tasks one by one when all of them are too much. */
static int report_one(struct account *account, struct buf *json,
                      struct err *err)
{
    int result = -1;

    for (int rows = LIMIT_REPORT_ROWS; result != 0; rows /= 10) {
        buf_clear(json);
        result = report_account(account, rows, json, err);
        if (rows == 0)
            break;
    }
    return result;
}

struct account *accounts_find(const struct accounts *accounts,
                              struct slice name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        struct account *account = accounts->members[i].account;
        if (slice_is(name, account_name(account)))
            return account;
    }
    return NULL;
}

void accounts_report(const struct accounts *accounts, struct buf *out)
{
    struct buf json;
    struct err err;

    buf_init(&json, LIMIT_REPORT);
    for (size_t i = 0; i < accounts->count; i++) {
        buf_adds(out, i ? "\n" : "");
        if (report_one(accounts->members[i].account, &json, &err) == 0)
            report_text(buf_slice(&json), out);
        else
            log_error("cannot report: %s", err.text);
    }
    buf_free(&json);
}
