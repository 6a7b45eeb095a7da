#include "app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "limits.h"
#include "log.h"
#include "loop_uv.h"
#include "transport_curl.h"
#include "version.h"

enum { SIGNAL_COUNT = 5 };
static const int signal_numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP,
                                                  SIGUSR1, SIGUSR2 };

struct app {
    struct app_options options;
    struct loop *loop;
    struct transport *transport;
    struct config *config;
    struct config *old_config; /* what HUP replaced; settings point into it */
    struct account *account;
    struct control *control;
    struct signal_watch *signals[SIGNAL_COUNT];
    struct timer *once;
    bool stopping;
    bool synced;
    int exit_code;
};

int app_exit_code(const struct err *err)
{
    switch (err->kind) {
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_HTTP:
        return EXIT_UNREACHABLE;
    case ERR_CONFIG:
    case ERR_DENIED:
        return EXIT_CONFIG;
    case ERR_MATRIX:
        if (strcmp(err->errcode, "M_LIMIT_EXCEEDED") == 0 ||
            strcmp(err->errcode, "M_USER_LOCKED") == 0)
            return EXIT_LATER;
        /* A wrong password; elsewhere it is about one room. */
        if (err->status == 401 ||
            strcmp(err->errcode, "M_UNKNOWN_TOKEN") == 0 ||
            (strcmp(err->errcode, "M_FORBIDDEN") == 0 &&
             strstr(err->request, "/login")))
            return EXIT_REJECTED;
        return EXIT_FAIL;
    default:
        return EXIT_FAIL;
    }
}

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

static int add_script(struct app *app, const char *argument, struct err *err)
{
    const struct config_script *settings = find_script(app->config, argument);
    char name[65];

    if (settings)
        return account_add_script(app->account, settings->name, settings->file,
                                  settings, err);
    if (access(argument, F_OK) != 0)
        return err_set(err, ERR_CONFIG,
                       "there is no script %s: no such file, and no script "
                       "of that name in %s",
                       argument,
                       app->config->path ? app->config->path
                                         : "a configuration");
    name_of_path(argument, name);
    return account_add_script(app->account, name, argument, NULL, err);
}

static int add_scripts(struct app *app, int count, char *const *arguments,
                       struct err *err)
{
    const char *account = account_name(app->account);
    int added = count;

    for (int i = 0; i < count; i++) {
        if (add_script(app, arguments[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; count == 0 && i < app->config->script_count; i++) {
        const struct config_script *script = &app->config->scripts[i];
        if (script->account && strcmp(script->account, account) != 0)
            continue;
        added++;
        if (account_add_script(app->account, script->name, script->file, script,
                               err) != 0)
            return -1;
    }
    if (added == 0)
        return err_set(err, ERR_CONFIG,
                       "there is no script to run: name one, as in lunatrix "
                       "run scripts/echo.lua, or list scripts in lunatrix.lua");
    return 0;
}

/* ---- stopping ---------------------------------------------------------- */

static void on_stopped(void *arg)
{
    loop_stop(((struct app *)arg)->loop);
}

static void stop(struct app *app, int exit_code)
{
    if (app->stopping)
        return;
    app->stopping = true;
    app->exit_code = exit_code;
    timer_cancel(app->once);
    app->once = NULL;
    account_stop(app->account, LIMIT_STOP_MS, on_stopped, app);
}

static void on_term(void *arg)
{
    struct app *app = arg;

    if (app->stopping)
        _exit(128 + SIGTERM); /* the journal makes that safe */
    log_info("stopping: handlers get %d s to finish", LIMIT_STOP_MS / 1000);
    stop(app, EXIT_OK);
}

static void on_int(void *arg)
{
    struct app *app = arg;

    if (app->stopping)
        _exit(128 + SIGINT);
    log_info("stopping: handlers get %d s to finish; again to leave at once",
             LIMIT_STOP_MS / 1000);
    stop(app, 128 + SIGINT);
}

static void on_reloaded(void *arg, bool refused, const char *report)
{
    (void)arg;
    (void)refused;
    (void)report; /* the manager told the log */
}

static void on_hup(void *arg)
{
    struct app *app = arg;
    struct err err;
    struct config *config = config_load(app->options.config, &err);

    if (!config) {
        log_error("the configuration is not reloaded: %s", err.text);
    } else if (account_reconfigure(app->account, config, &err) != 0) {
        log_error("the configuration is not reloaded: %s", err.text);
        account_reconfigure(app->account, app->config, NULL);
        config_free(config);
    } else {
        if (app->old_config)
            config_free(app->config);
        else
            app->old_config = app->config; /* account settings live in it */
        app->config = config;
    }
    if (manager_reload(account_manager(app->account), NULL, 0, on_reloaded, app,
                       &err) != 0)
        log_error("cannot reload: %s", err.text);
}

static void on_usr1(void *arg)
{
    struct app *app = arg;
    struct buf report;

    buf_init(&report, LIMIT_REPORT);
    manager_report(account_manager(app->account), &report);
    fprintf(stderr, "%s", buf_str(&report));
    buf_free(&report);
}

static void on_usr2(void *arg)
{
    static enum log_level before = LOG_LEVEL_INFO;
    bool on = log_get_level() != LOG_LEVEL_DEBUG;

    (void)arg;
    if (on)
        before = log_get_level();
    log_set_level(on ? LOG_LEVEL_DEBUG : before);
    log_info("debug log %s", on ? "on" : "off");
}

static int watch_signals(struct app *app, struct err *err)
{
    static loop_fn *const handlers[SIGNAL_COUNT] = { on_term, on_int, on_hup,
                                                     on_usr1, on_usr2 };

    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        app->signals[i] =
            signal_start(app->loop, signal_numbers[i], handlers[i], app, err);
        if (!app->signals[i])
            return -1;
    }
    return 0;
}

/* ---- running ----------------------------------------------------------- */

static void on_once(void *arg)
{
    struct app *app = arg;

    app->once = NULL;
    if (app->synced && account_idle(app->account)) {
        stop(app, EXIT_OK);
        return;
    }
    app->once = timer_start(app->loop, LIMIT_ONCE_MS, on_once, app, NULL);
}

static void on_ready(void *arg, struct account *account)
{
    struct app *app = arg;

    log_info("ready: %s is listening",
             session_user_id(account_session(account)));
    app->synced = true;
    if (app->options.once)
        app->once = timer_start(app->loop, 0, on_once, app, NULL);
}

static void on_dead(void *arg, struct account *account, const struct err *err)
{
    struct app *app = arg;

    log_error("the login of account '%s' is no longer valid, log in again "
              "with lunatrix login: %s",
              account_name(account), err->text);
    stop(app, EXIT_REJECTED);
}

static void on_loaded(void *arg, int live, int failed)
{
    struct app *app = arg;

    if (live == 0 && failed > 0 && !app->options.watch)
        stop(app, EXIT_SCRIPT);
}

static int open_account(struct app *app, struct err *err)
{
    struct account_options options = {
        .loop = app->loop,
        .transport = app->transport,
        .config = app->config,
        .settings = config_account(app->config, app->options.account, err),
        .lua_path = app->options.lua_path,
        .allow_http = app->options.allow_http,
        .watch = app->options.watch,
        .dry_run = app->options.dry_run,
        .stopped = on_dead,
        .ready = on_ready,
        .arg = app,
    };

    if (!options.settings)
        return -1;
    app->account = account_open(&options, err);
    return app->account ? 0 : -1;
}

static int start(struct app *app, int script_count, char *const *scripts,
                 struct err *err)
{
    app->config = config_load(app->options.config, err);
    if (!app->config)
        return -1;
    app->loop = loop_new(LOOP_REAL, err);
    if (!app->loop || watch_signals(app, err) != 0)
        return -1;
    app->transport = transport_curl_new(app->loop, err);
    if (!app->transport || open_account(app, err) != 0 ||
        add_scripts(app, script_count, scripts, err) != 0)
        return -1;
    app->control = control_listen(app->loop, app->account, err);
    if (!app->control)
        return -1;
    log_info("lunatrix %s runs as %s", LUNATRIX_VERSION,
             session_user_id(account_session(app->account)));
    return account_start(app->account, on_loaded, app, err);
}

static void finish(struct app *app)
{
    timer_cancel(app->once);
    control_close(app->control);
    account_close(app->account);
    transport_free(app->transport);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        signal_stop(app->signals[i]);
    loop_free(app->loop);
    config_free(app->config);
    config_free(app->old_config);
    log_clear_secrets();
}

int app_run(const struct app_options *options, int script_count,
            char *const *scripts)
{
    struct app app = { .options = *options };
    struct err err;

    app.options.watch =
        options->watch || (!options->no_watch && isatty(STDERR_FILENO));
    if (start(&app, script_count, scripts, &err) == 0) {
        loop_run(app.loop);
    } else {
        log_error("%s", err.text);
        app.exit_code = app_exit_code(&err);
    }
    finish(&app);
    return app.exit_code;
}
