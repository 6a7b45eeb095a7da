#include "app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "limits.h"
#include "log.h"
#include "log_ring.h"
#include "loop_uv.h"
#include "notify.h"
#include "secret.h"
#include "transport_curl.h"
#include "version.h"
#include "web.h"

enum { SIGNAL_COUNT = 5 };
static const int signal_numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP,
                                                  SIGUSR1, SIGUSR2 };

struct app {
    struct app_options options;
    struct loop *loop;
    struct transport *transport;
    struct transport *http; /* its own, so that scripts cannot use up what
                               sync needs */
    struct config *config;
    struct config *old_config; /* what HUP replaced; settings point into it */
    struct accounts *accounts;
    struct web *web; /* NULL: nothing listens */
    struct signal_watch *signals[SIGNAL_COUNT];
    struct timer *once;
    bool ready, stopping;
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
    notify_stopping(NULL);
    app->exit_code = exit_code;
    timer_cancel(app->once);
    app->once = NULL;
    web_quiesce(app->web);
    accounts_stop(app->accounts, LIMIT_STOP_MS, on_stopped, app);
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

static void fail_reload(const char *what, const struct err *err)
{
    char text[sizeof err->text + 64];

    log_error("%s: %s", what, err->text);
    snprintf(text, sizeof text, "%s: %s", what, err->text);
    notify_trouble(text);
}

static void on_hup(void *arg)
{
    struct app *app = arg;
    struct err err;
    struct config *config;

    notify_reload_begin(true);
    config = config_load(app->options.config, &err);
    if (!config || accounts_reconfigure(app->accounts, config, &err) != 0) {
        fail_reload("the configuration is not reloaded", &err);
        config_free(config);
    } else {
        if (app->old_config)
            config_free(app->config);
        else
            app->old_config = app->config; /* account settings live in it */
        app->config = config;
    }
    accounts_reload(app->accounts);
    notify_reload_end();
}

static void on_usr1(void *arg)
{
    struct app *app = arg;
    struct buf report;

    buf_init(&report, LIMIT_REPORT_TEXT);
    accounts_report(app->accounts, &report);
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
    if (accounts_idle(app->accounts))
        stop(app, accounts_any_dead(app->accounts) ? EXIT_REJECTED : EXIT_OK);
    else
        app->once = timer_start(app->loop, LIMIT_ONCE_MS, on_once, app, NULL);
}

/* "@a:x, @b:y", those whose login is dead or those whose is not; how many. */
static int add_users(struct app *app, bool dead, struct buf *out)
{
    int n = 0;

    for (size_t i = 0; i < accounts_count(app->accounts); i++) {
        struct account *account = accounts_at(app->accounts, i);
        if (accounts_dead(app->accounts, i) == dead)
            buf_addf(out, "%s%s", n++ ? ", " : "",
                     session_user_id(account_session(account)));
    }
    return n;
}

/* To the service manager, once it is so. */
static void tell_listening(struct app *app)
{
    struct buf text;

    buf_init(&text, KIB(4));
    buf_adds(&text, "listening as ");
    add_users(app, false, &text);
    notify_ready(buf_str(&text));
    buf_free(&text);
}

static void on_ready(void *arg)
{
    struct app *app = arg;

    app->ready = true;
    tell_listening(app);
    if (app->options.once)
        app->once = timer_start(app->loop, 0, on_once, app, NULL);
}

static void on_lost(void *arg)
{
    struct app *app = arg;
    struct buf users, text;
    int count;

    buf_init(&users, KIB(4));
    buf_init(&text, KIB(8));
    count = add_users(app, true, &users);
    buf_addf(&text,
             count == 1 ? "the login of %s is no longer valid"
                        : "these logins are no longer valid: %s",
             buf_str(&users));
    notify_lost(buf_str(&text));
    if (app->ready)
        tell_listening(app);
    buf_free(&users);
    buf_free(&text);
}

static void on_dead(void *arg)
{
    notify_stopping("the login is no longer valid");
    stop(arg, EXIT_REJECTED);
}

static void on_loaded(void *arg, int live, int failed)
{
    struct app *app = arg;
    char text[LIMIT_STATUS];

    if (failed > 0) {
        snprintf(text, sizeof text, "%d of %d scripts did not load", failed,
                 live + failed);
        notify_trouble(text);
    }
    if (live == 0 && failed > 0 && !app->options.watch)
        stop(app, EXIT_SCRIPT);
}

static struct accounts *open_accounts(struct app *app, int script_count,
                                      char *const *scripts, struct err *err)
{
    struct accounts_options options = {
        .loop = app->loop,
        .transport = app->transport,
        .http = app->http,
        .config = app->config,
        .only = app->options.account,
        .web_url = app->web ? web_url(app->web) : NULL,
        .lua_path = app->options.lua_path,
        .allow_http = app->options.allow_http,
        .watch = app->options.watch,
        .dry_run = app->options.dry_run,
        .loaded = on_loaded,
        .ready = on_ready,
        .lost = on_lost,
        .dead = on_dead,
        .arg = app,
    };

    return accounts_open(&options, script_count, scripts, err);
}

static void tell_users(struct app *app)
{
    struct buf users;

    buf_init(&users, KIB(4));
    add_users(app, false, &users);
    log_info("lunatrix %s runs as %s", LUNATRIX_VERSION, buf_str(&users));
    buf_free(&users);
}

static int start(struct app *app, int script_count, char *const *scripts,
                 struct err *err)
{
    app->loop = loop_new(LOOP_REAL, err);
    if (!app->loop)
        return -1;
    notify_open(app->loop); /* first, as secrets may run commands */
    app->config = config_load(app->options.config, err);
    if (!app->config || watch_signals(app, err) != 0)
        return -1;
    app->transport = transport_curl_new(app->loop, err);
    app->http = app->transport ? transport_curl_new(app->loop, err) : NULL;
    if (!app->http)
        return -1;
    if (app->config->listen.address &&
        !(app->web = web_new(app->loop, &app->config->listen, err)))
        return -1;
    app->accounts = open_accounts(app, script_count, scripts, err);
    if (!app->accounts)
        return -1;
    if (app->web)
        web_set_accounts(app->web, app->accounts);
    log_set_account_shown(accounts_count(app->accounts) > 1);
    tell_users(app);
    return accounts_start(app->accounts, err);
}

static void finish(struct app *app)
{
    timer_cancel(app->once);
    web_free(app->web);
    accounts_close(app->accounts);
    transport_free(app->http);
    transport_free(app->transport);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        signal_stop(app->signals[i]);
    notify_close();
    loop_free(app->loop);
    config_free(app->config);
    config_free(app->old_config);
    secret_forget();
    log_ring_stop();
    log_clear_secrets();
}

int app_run(const struct app_options *options, int script_count,
            char *const *scripts)
{
    struct app app = { .options = *options };
    struct err err;

    app.options.watch =
        options->watch || (!options->no_watch && isatty(STDERR_FILENO));
    log_ring_start();
    if (start(&app, script_count, scripts, &err) == 0) {
        loop_run(app.loop);
    } else {
        notify_stopping(err.text);
        log_error("%s", err.text);
        app.exit_code = app_exit_code(&err);
    }
    finish(&app);
    return app.exit_code;
}
