#include "account_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "autojoin.h"
#include "crypto.h"
#include "inbox.h"
#include "limits.h"
#include "log.h"
#include "paths.h"
#include "session.h"
#include "store.h"
#include "sync_poll.h"

static struct log_fields fields(const struct account *account)
{
    return (struct log_fields) { .account = account->options.settings->name };
}

/* ---- what the parts tell ----------------------------------------------- */

static void on_committed(void *arg, bool first)
{
    struct account *account = arg;

    if (first) {
        outbox_synced(account->outbox);
        if (account->options.ready)
            account->options.ready(account->options.arg, account);
    }
    manager_committed(account->manager, first);
    autojoin_look(account->autojoin);
}

static void on_invite(void *arg, const char *room_id, const char *inviter,
                      const struct err *err, bool gave_up)
{
    struct log_fields about = fields(arg);

    about.room_id = room_id;
    about.sender = inviter;
    if (!err) {
        log_write(LOG_LEVEL_INFO, &about, "joined, invited by %s", inviter);
        return;
    }
    about.kind = err_kind_name(err->kind);
    about.errcode = *err->errcode ? err->errcode : NULL;
    log_write(LOG_LEVEL_WARN, &about, "cannot accept the invite%s: %s",
              gave_up ? ", given up" : ", trying again", err->text);
}

static void on_lost(void *arg, const struct err *err)
{
    struct account *account = arg;
    struct log_fields about = fields(account);

    account->outage_at = err ? loop_wall(account->options.loop) : 0;
    if (!err) {
        log_write(LOG_LEVEL_INFO, &about, "syncing again");
        return;
    }
    about.kind = err_kind_name(err->kind);
    about.errcode = *err->errcode ? err->errcode : NULL;
    snprintf(account->outage, sizeof account->outage, "%s", err->text);
    log_write(LOG_LEVEL_WARN, &about, "sync fails, trying again: %s",
              err->text);
}

static void on_stopped(void *arg, const struct err *err)
{
    struct account *account = arg;

    if (!account->stopping)
        account->options.stopped(account->options.arg, account, err);
}

static void on_session_change(void *arg, enum session_state state,
                              const struct err *err)
{
    struct account *account = arg;
    struct log_fields about = fields(account);

    /* Only noted here: sync holds and releases the outbox. */
    if (!account->sync && (state == SESSION_DEAD || state == SESSION_SOFT))
        on_stopped(account, err);
    if (state == SESSION_LOCKED)
        log_write(LOG_LEVEL_WARN, &about,
                  "the account is locked; everything is kept until it is "
                  "unlocked: %s",
                  err ? err->text : "");
}

static void on_lost_send(void *arg, const struct store_outbox_row *row,
                         const struct err *err)
{
    struct log_fields about = fields(arg);
    char script[80], room[256];

    snprintf(script, sizeof script, "%.*s", SLICE_ARG(row->script));
    snprintf(room, sizeof room, "%.*s", SLICE_ARG(row->room_id));
    about.script = script;
    about.room_id = room;
    about.kind = err_kind_name(err->kind);
    about.errcode = *err->errcode ? err->errcode : NULL;
    log_write(LOG_LEVEL_WARN, &about,
              "a send was refused and nobody waited for the answer: %s",
              err->text);
}

static void on_interest_changed(void *arg)
{
    struct account *account = arg;

    if (account->sync)
        sync_poll_interest_changed(account->sync);
}

/* ---- opening ----------------------------------------------------------- */

static int open_session(struct account *account, struct err *err)
{
    const struct config_account *settings = account->options.settings;
    struct buf path;
    int found = -1;

    buf_init(&path, LIMIT_PATH);
    if (paths_in_account(settings->name, "session", &path, err) != 0)
        goto out;
    account->session =
        session_new(account->options.loop, account->options.transport,
                    buf_str(&path), account->options.allow_http, err);
    if (!account->session)
        goto out;
    found = session_load(account->session, err);
    if (found == 0)
        found = err_set(err, ERR_CONFIG,
                        "account '%s' is not logged in: run lunatrix login "
                        "@user:server%s%s first",
                        settings->name,
                        strcmp(settings->name, "main") ? " --account " : "",
                        strcmp(settings->name, "main") ? settings->name : "");
out:
    buf_free(&path);
    return found > 0 ? 0 : -1;
}

/* The folder belongs to one user: room state and position are theirs. */
static int check_user_run(struct store *store, void *arg, struct err *err)
{
    struct account *account = arg;
    const char *user_id = session_user_id(account->session);

    return store_meta_set(store, "user_id", slice_str(user_id), err);
}

static void check_user_done(void *arg, const struct err *err)
{
    (void)arg;
    if (err)
        log_warn("cannot note the account's user: %s", err->text);
}

static int check_user(struct account *account, struct err *err)
{
    const struct config_account *settings = account->options.settings;
    const char *user_id = session_user_id(account->session);
    struct buf known;
    int result = 0;

    if (settings->user_id && strcmp(settings->user_id, user_id) != 0)
        return err_set(err, ERR_CONFIG,
                       "account '%s' is configured for %s but logged in as %s",
                       settings->name, settings->user_id, user_id);
    buf_init(&known, KIB(1));
    int found = store_meta_get(account->store, "user_id", &known, err);
    if (found < 0)
        result = -1;
    else if (found == 0)
        result = store_write(account->store, check_user_run, check_user_done,
                             account, err);
    else if (!slice_is(buf_slice(&known), user_id))
        result = err_set(err, ERR_CONFIG,
                         "the folder of account '%s' belongs to %s, but %s is "
                         "logged in: use another --account for it",
                         settings->name, buf_str(&known), user_id);
    buf_free(&known);
    return result;
}

static int secret_for_script(void *arg, struct slice name, struct buf *out,
                             struct err *err)
{
    (void)arg;
    (void)out;
    return err_set(err, ERR_DENIED,
                   "secret %.*s: a bot's secrets are in bot.secrets",
                   SLICE_ARG(name));
}

static void fill_host(struct account *account)
{
    const struct config_account *settings = account->options.settings;

    account->host = (struct call_host) {
        .loop = account->options.loop,
        .transport = account->options.transport,
        .http = account->options.http,
        .account = settings->name,
        .session = account->session,
        .store = account->store,
        .outbox = account->outbox,
        .prefix = settings->prefix,
        .admin_room = settings->admin_room,
        .admins = (const char *const *)settings->admins,
        .allow_http = account->options.allow_http,
        .dry_run = account->options.dry_run,
        .offline = account->options.store != NULL,
        .web_url = account->options.web_url,
        .secret = secret_for_script,
    };
}

static int open_parts(struct account *account, struct err *err)
{
    const struct account_options *options = &account->options;
    struct outbox_config outbox = { .loop = options->loop,
                                    .store = account->store,
                                    .dry_run = options->dry_run,
                                    .lost = on_lost_send,
                                    .arg = account };

    account->crypto = crypto_new(account->store, err);
    if (!account->crypto)
        return -1;
    outbox.crypto = account->crypto;
    outbox.homeserver = session_homeserver(account->session);
    account->outbox = outbox_new(&outbox, err);
    account->inbox =
        account->outbox ? inbox_new(options->loop, account->store, err) : NULL;
    account->admin = account->inbox
                         ? admin_new(account->session, account->outbox,
                                     options->settings->admin_room, err)
                         : NULL;
    if (!account->admin)
        return -1;
    session_on_change(account->session, on_session_change, account);
    fill_host(account);
    struct manager_config manager = {
        .host = &account->host,
        .inbox = account->inbox,
        .lua_path = options->lua_path,
        .watch = options->watch,
        .help = options->settings->help,
        .interest_changed = on_interest_changed,
        .arg = account,
    };
    account->manager = manager_new(&manager, err);
    return account->manager ? 0 : -1;
}

/* Directory, login and store, as they are kept. */
static int open_folder(struct account *account, struct err *err)
{
    struct buf directory;
    int result = -1;

    buf_init(&directory, LIMIT_PATH);
    if (paths_account(account->options.settings->name, &directory, err) != 0)
        goto out;
    account->directory = slice_dup(buf_slice(&directory));
    if (open_session(account, err) != 0)
        goto out;
    account->store = store_open(account->options.loop, account->directory, err);
    result = account->store ? 0 : -1;
out:
    buf_free(&directory);
    return result;
}

static int take_given(struct account *account, struct err *err)
{
    account->session = account->options.session;
    account->store = account->options.store;
    account->directory = slice_dup(slice_str(account->options.directory));
    return account->directory
               ? 0
               : err_set(err, ERR_LIMIT,
                         "cannot open an account: out of memory");
}

struct account *account_open(const struct account_options *options,
                             struct err *err)
{
    struct account *account = calloc(1, sizeof *account);

    if (!account) {
        err_set(err, ERR_LIMIT, "cannot open an account: out of memory");
        return NULL;
    }
    account->options = *options;
    account->config = options->config;
    account->opened = loop_wall(options->loop);
    if ((options->store ? take_given(account, err)
                        : open_folder(account, err)) == 0 &&
        check_user(account, err) == 0 && open_parts(account, err) == 0)
        return account;
    account_close(account);
    return NULL;
}

/* What was given stays as it is, but for writes that still wait. */
static void close_kept(struct account *account)
{
    if (!account->options.store) {
        store_close(account->store);
        session_free(account->session);
        return;
    }
    store_flush(account->store);
    session_on_change(account->session, NULL, NULL);
}

void account_close(struct account *account)
{
    if (!account)
        return;
    sync_poll_free(account->sync);
    autojoin_free(account->autojoin);
    manager_free(account->manager);
    call_host_close(&account->host);
    admin_free(account->admin);
    inbox_free(account->inbox);
    outbox_free(account->outbox);
    crypto_free(account->crypto);
    close_kept(account);
    for (int i = 0; i < account->name_count; i++)
        free((char *)account->names[i]);
    free(account->names);
    free(account->directory);
    free(account);
}

/* ---- start and stop ---------------------------------------------------- */

static int start_sync(struct account *account, struct err *err)
{
    struct sync_poll_config config = {
        .loop = account->options.loop,
        .session = account->session,
        .store = account->store,
        .inbox = account->inbox,
        .outbox = account->outbox,
        .crypto = account->crypto,
        .interest = manager_interest(account->manager),
        .catch_up_ms = account->options.settings->catch_up_ms,
        .committed = on_committed,
        .lost = on_lost,
        .stopped = on_stopped,
        .arg = account,
    };

    account->sync = sync_poll_new(&config, err);
    return account->sync ? 0 : -1;
}

static int start_autojoin(struct account *account, struct err *err)
{
    const struct config_account *settings = account->options.settings;
    struct autojoin_config config = {
        .loop = account->options.loop,
        .store = account->store,
        .session = account->session,
        .admins = (const char *const *)settings->admins,
        .told = on_invite,
        .arg = account,
    };

    while (settings->admins[config.admin_count])
        config.admin_count++;
    autojoin_parse(settings->autojoin, &config.mode);
    account->autojoin = autojoin_new(&config, err);
    return account->autojoin ? 0 : -1;
}

static void on_loaded(void *arg, int live, int failed)
{
    struct account *account = arg;

    account->loaded(account->loaded_arg, live, failed);
}

/* Rows that waited on disk go to the scripts at once, the rest by sync. */
void account_sync(struct account *account)
{
    manager_committed(account->manager, false);
    sync_poll_start(account->sync);
}

static void tell_dead(void *arg, const struct store_delivery_row *row,
                      const char *script, const char *error)
{
    struct account *account = arg;
    struct log_fields about = fields(account);
    char text[600], room[256], event[256];

    (void)error;
    snprintf(room, sizeof room, "%.*s", SLICE_ARG(row->event.room_id));
    snprintf(event, sizeof event, "%.*s", SLICE_ARG(row->event.event_id));
    about.script = script;
    about.room_id = room;
    about.event_id = event;
    snprintf(text, sizeof text,
             "the event %s ended the process %d times while %s handled it; it "
             "is set aside",
             event, row->attempt, script);
    log_write(LOG_LEVEL_ERROR, &about, "%s", text);
    admin_tell(account->admin, text);
}

int account_start(struct account *account, manager_loaded_fn *loaded, void *arg,
                  struct err *err)
{
    struct inbox_recovery recovery = { 0, 0 };
    struct log_fields about = fields(account);

    account->loaded = loaded;
    account->loaded_arg = arg;
    if (inbox_recover(account->inbox, account->names, account->name_count,
                      &recovery, err) != 0 ||
        outbox_start(account->outbox, err) != 0 ||
        start_autojoin(account, err) != 0 || start_sync(account, err) != 0)
        return -1;
    if (recovery.dead && store_delivery_dead(account->store, recovery.dead,
                                             tell_dead, account, err) < 0)
        return -1;
    if (recovery.dropped)
        log_write(LOG_LEVEL_WARN, &about,
                  "%d waiting event(s) of scripts that do not run here are "
                  "dropped",
                  recovery.dropped);
    return manager_load(account->manager, on_loaded, account, err);
}

static void on_scripts_stopped(void *arg)
{
    struct account *account = arg;

    /* An ingest under way is rolled back when the account is closed, and what
     * is queued then follows. */
    if (!store_ingest_open(account->store))
        store_flush(account->store);
    account->stop_done(account->stop_arg);
}

void account_stop(struct account *account, int64_t ms, loop_fn *done, void *arg)
{
    account->stopping = true;
    account->stop_done = done;
    account->stop_arg = arg;
    if (account->sync)
        sync_poll_stop(account->sync);
    manager_stop(account->manager, ms, on_scripts_stopped, account);
}

bool account_idle(struct account *account)
{
    return manager_idle(account->manager) &&
           outbox_pending(account->outbox) == 0;
}

struct manager *account_manager(struct account *account)
{
    return account->manager;
}

struct outbox *account_outbox(struct account *account)
{
    return account->outbox;
}

struct session *account_session(struct account *account)
{
    return account->session;
}

const char *account_name(const struct account *account)
{
    return account->options.settings->name;
}
