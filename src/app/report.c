#include "report.h"

#include <string.h>
#include <unistd.h>

#include "account_internal.h"
#include "json_write.h"
#include "limits.h"
#include "paths.h"
#include "saved_login.h"
#include "store.h"
#include "sync_poll.h"
#include "version.h"

/* ---- what the store knows ---------------------------------------------- */

static void write_dead(void *arg, const struct store_delivery_row *row,
                       const char *script, const char *error)
{
    struct json_writer *w = arg;

    json_object_begin(w);
    json_member_text(w, "script", slice_str(script));
    json_member_int(w, "at", row->changed);
    json_member_text(w, "room_id", row->event.room_id);
    json_member_text(w, "event_id", row->event.event_id);
    json_member_text(w, "type", row->event.type);
    json_member_int(w, "attempts", row->attempt);
    json_member_text(w, "error", slice_str(error));
    json_object_end(w);
}

struct counts {
    struct json_writer *w;
    int64_t waiting, dead;
};

static void write_count(void *arg, const char *script, int64_t unfinished,
                        int64_t dead)
{
    struct counts *counts = arg;

    counts->waiting += unfinished;
    counts->dead += dead;
    json_object_begin(counts->w);
    json_member_text(counts->w, "script", slice_str(script));
    json_member_int(counts->w, "waiting", unfinished);
    json_member_int(counts->w, "set_aside", dead);
    json_object_end(counts->w);
}

static int write_events(struct store *store, struct json_writer *w,
                        struct err *err)
{
    struct counts counts = { w, 0, 0 };

    json_key(w, "queues");
    json_array_begin(w);
    if (store_delivery_count(store, write_count, &counts, err) < 0)
        return -1;
    json_array_end(w);
    json_key(w, "events");
    json_object_begin(w);
    json_member_int(w, "waiting", counts.waiting);
    json_member_int(w, "set_aside", counts.dead);
    json_object_end(w);
    json_key(w, "set_aside");
    json_array_begin(w);
    if (store_delivery_dead(store, LIMIT_REPORT_DEAD, write_dead, w, err) < 0)
        return -1;
    json_array_end(w);
    return 0;
}

/* ---- an account at work ------------------------------------------------ */

static const char *login_name(enum session_state state)
{
    static const char *const names[] = { [SESSION_NONE] = "none",
                                         [SESSION_LIVE] = "live",
                                         [SESSION_LOCKED] = "locked",
                                         [SESSION_SOFT] = "expired",
                                         [SESSION_DEAD] = "dead" };
    return names[state];
}

static const char *sync_name(const struct account *account, int64_t last)
{
    enum session_state state = session_state(account->session);

    if (state == SESSION_SOFT || state == SESSION_DEAD || account->stopping)
        return "ended";
    if (account->outage_at)
        return "failing";
    return last ? "ok" : "starting";
}

static void write_sync(const struct account *account, struct json_writer *w)
{
    int64_t last = account->sync ? sync_poll_last(account->sync) : 0;

    json_key(w, "sync");
    json_object_begin(w);
    json_member_str(w, "state", sync_name(account, last));
    if (last)
        json_member_int(w, "last", last);
    if (account->outage_at) {
        json_member_int(w, "failing_since", account->outage_at);
        json_member_text(w, "error", slice_str(account->outage));
    }
    json_object_end(w);
}

static void write_sends(const struct account *account, struct json_writer *w)
{
    int64_t until =
        homeserver_brake_until(session_homeserver(account->session));
    int64_t left = until - loop_now(account->options.loop);

    json_key(w, "sends");
    json_object_begin(w);
    json_member_int(w, "waiting", outbox_pending(account->outbox));
    json_member_int(w, "brake_ms", until && left > 0 ? left : 0);
    json_object_end(w);
}

static void write_process(const struct account *account, struct json_writer *w)
{
    struct session *session = account->session;

    json_member_str(w, "version", LUNATRIX_VERSION);
    json_member_int(w, "pid", getpid());
    json_member_int(w, "started", account->opened);
    json_member_text(w, "user_id", slice_str(session_user_id(session)));
    json_member_text(w, "device_id", slice_str(session_device_id(session)));
    json_member_text(w, "homeserver",
                     slice_str(homeserver_base(session_homeserver(session))));
    json_member_str(w, "login", login_name(session_state(session)));
    json_member_bool(w, "watch", account->options.watch);
    json_member_bool(w, "dry_run", account->options.dry_run);
}

static void begin(struct json_writer *w, struct buf *out, const char *account,
                  bool running, int64_t now)
{
    json_writer_init(w, out);
    json_object_begin(w);
    json_member_text(w, "account", slice_str(account));
    json_member_bool(w, "running", running);
    json_member_int(w, "now", now);
}

int report_account(struct account *account, int rows, struct buf *out,
                   struct err *err)
{
    struct json_writer w;

    begin(&w, out, account_name(account), true,
          loop_wall(account->options.loop));
    write_process(account, &w);
    write_sync(account, &w);
    write_sends(account, &w);
    if (write_events(account->store, &w, err) != 0)
        return -1;
    json_key(&w, "scripts");
    json_array_begin(&w);
    manager_report(account->manager, rows, &w);
    json_array_end(&w);
    json_object_end(&w);
    return json_finish(&w, "the report", err);
}

/* ---- an account nobody runs -------------------------------------------- */

static void count_send(void *arg, const struct store_outbox_row *row)
{
    (void)row;
    ++*(int64_t *)arg;
}

static int write_store(struct loop *loop, const char *directory,
                       struct json_writer *w, struct err *err)
{
    struct store *store = store_look(loop, directory, err);
    int64_t sends = 0;
    int result = -1;

    if (!store)
        return -1;
    if (store_outbox_waiting(store, count_send, &sends, err) >= 0) {
        json_key(w, "sends");
        json_object_begin(w);
        json_member_int(w, "waiting", sends);
        json_object_end(w);
        result = write_events(store, w, err);
    }
    store_close(store);
    return result;
}

static bool has_file(const char *account, const char *name)
{
    struct buf path;
    bool there;

    buf_init(&path, LIMIT_PATH);
    there = paths_in_account(account, name, &path, NULL) == 0 &&
            access(buf_str(&path), F_OK) == 0;
    buf_free(&path);
    return there;
}

/* Who is logged in, or why that cannot be read. */
static void write_login(const char *account, struct json_writer *w)
{
    struct saved_login login = { 0 };
    struct buf path;
    struct err err;
    int found = -1;

    buf_init(&path, LIMIT_PATH);
    if (paths_in_account(account, "session", &path, &err) == 0)
        found = saved_login_read(buf_str(&path), &login, &err);
    json_member_str(w, "login",
                    found > 0    ? "stored"
                    : found == 0 ? "none"
                                 : "unreadable");
    if (found < 0)
        json_member_text(w, "login_error", slice_str(err.text));
    if (login.user_id)
        json_member_text(w, "user_id", slice_str(login.user_id));
    if (login.device_id)
        json_member_text(w, "device_id", slice_str(login.device_id));
    if (login.homeserver)
        json_member_text(w, "homeserver", slice_str(login.homeserver));
    saved_login_clear(&login);
    buf_free(&path);
}

int report_folder(struct loop *loop, const char *account, struct buf *out,
                  struct err *err)
{
    struct json_writer w;
    struct buf directory;
    int result = -1;

    buf_init(&directory, LIMIT_PATH);
    if (paths_account(account, &directory, err) != 0)
        goto out;
    begin(&w, out, account, false, loop_wall(loop));
    write_login(account, &w);
    if (has_file(account, "account.db") &&
        write_store(loop, buf_str(&directory), &w, err) != 0)
        goto out;
    json_object_end(&w);
    result = json_finish(&w, "the report", err);
out:
    buf_free(&directory);
    return result;
}
