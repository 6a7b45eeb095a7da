#include "session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"

#define REFRESH_PATH "/_matrix/client/v3/refresh"

static void on_refresh_time(void *arg);
static bool on_unauthorized(void *arg, const struct err *err);

struct session *session_new(struct loop *loop, struct transport *transport,
                            const char *file, bool allow_http, struct err *err)
{
    struct session *session = calloc(1, sizeof(*session));

    if (!session || (file && !(session->file = strdup(file)))) {
        free(session);
        err_set(err, ERR_SYSTEM, "the session: out of memory");
        return NULL;
    }
    session->loop = loop;
    session->transport = transport;
    session->allow_http = allow_http;
    buf_init(&session->received, LIMIT_WELL_KNOWN);
    return session;
}

/* What is under way would bring tokens of the login before this one. */
static void stop_refresh(struct session *session)
{
    request_cancel(session->refresh);
    session->refresh = NULL;
    timer_cancel(session->refresh_timer);
    session->refresh_timer = NULL;
    session->refresh_failures = 0;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    session_cancel(session);
    stop_refresh(session);
    homeserver_free(session->homeserver);
    saved_login_clear(&session->login);
    free(session->file);
    free(session);
}

struct homeserver *session_homeserver(struct session *session)
{
    return session->homeserver;
}

const char *session_user_id(const struct session *session)
{
    return session->login.user_id ? session->login.user_id : "";
}

const char *session_device_id(const struct session *session)
{
    return session->login.device_id ? session->login.device_id : "";
}

enum session_state session_state(const struct session *session)
{
    return session->state;
}

void session_on_change(struct session *session, session_change_fn *fn,
                       void *arg)
{
    session->change = fn;
    session->change_arg = arg;
}

static void tell(struct session *session, const struct err *err)
{
    if (session->change)
        session->change(session->change_arg, session->state, err);
}

static void set_state(struct session *session, enum session_state state,
                      const struct err *err)
{
    if (session->state == state)
        return;
    session->state = state;
    tell(session, err);
}

/* ---- the login and its file -------------------------------------------- */

int session_use_base(struct session *session, struct slice base,
                     struct err *err)
{
    if (session->homeserver)
        return homeserver_set_base(session->homeserver, base, err);
    session->homeserver = homeserver_new(session->loop, session->transport,
                                         base, session->allow_http, err);
    if (!session->homeserver)
        return -1;
    homeserver_on_unauthorized(session->homeserver, on_unauthorized, session);
    return 0;
}

int64_t session_expiry(const struct session *session, struct slice body)
{
    int64_t ms;

    if (!json_int(json_get(body, "expires_in_ms"), &ms) || ms <= 0 ||
        ms > INT64_MAX / 2)
        return 0;
    return loop_wall(session->loop) + ms;
}

/* A minute before the token expires, or at half of what is left. */
static void plan_refresh(struct session *session)
{
    int64_t left = session->login.expires_at - loop_wall(session->loop);
    int64_t early =
        left / 2 < LIMIT_REFRESH_EARLY_MS ? left / 2 : LIMIT_REFRESH_EARLY_MS;

    if (!session->login.refresh_token || !session->login.expires_at)
        return;
    /* without the timer the next 401 does it */
    session->refresh_timer =
        timer_start(session->loop, left > 0 ? left - early : 0, on_refresh_time,
                    session, NULL);
}

/* The members of *login become the session's. */
static int use_login(struct session *session, struct saved_login *login,
                     struct err *err)
{
    if (homeserver_set_token(session->homeserver,
                             slice_str(login->access_token), err) < 0)
        return -1;
    if (login->refresh_token)
        log_add_secret(slice_str(login->refresh_token));
    stop_refresh(session);
    saved_login_clear(&session->login);
    session->login = *login;
    *login = (struct saved_login) { 0 };
    plan_refresh(session);
    return 0;
}

int session_take_login(struct session *session, struct saved_login *login,
                       struct err *err)
{
    int rc = -1;

    if (homeserver_check_token(slice_str(login->access_token), err) < 0)
        goto done;
    if (session->file && saved_login_write(session->file, login, err) < 0)
        goto done;
    if (use_login(session, login, err) < 0)
        goto done;
    session->in_file = session->file;
    set_state(session, SESSION_LIVE, NULL);
    homeserver_resume(session->homeserver, true);
    rc = 0;
done:
    saved_login_clear(login);
    return rc;
}

int session_load(struct session *session, struct err *err)
{
    struct saved_login login = { 0 };
    int rc = session->file ? saved_login_read(session->file, &login, err) : 0;

    if (rc <= 0)
        return rc;
    if (session_use_base(session, slice_str(login.homeserver), err) < 0 ||
        use_login(session, &login, err) < 0) {
        err_prefix(err, "the session file %s", session->file);
        saved_login_clear(&login);
        return -1;
    }
    session->in_file = true;
    set_state(session, SESSION_LIVE, NULL);
    return 1;
}

int session_adopt(struct session *session, struct slice homeserver,
                  struct slice user_id, struct slice device_id,
                  struct slice access_token, struct err *err)
{
    struct saved_login login = { 0 };
    int rc = 0;

    if (session_use_base(session, homeserver, err) < 0)
        return -1;
    rc |= saved_login_set(&login.user_id, user_id);
    rc |= saved_login_set(&login.device_id, device_id);
    rc |= saved_login_set(&login.access_token, access_token);
    rc |= saved_login_set(&login.homeserver,
                          slice_str(homeserver_base(session->homeserver)));
    if (rc < 0)
        err_set(err, ERR_MISUSE, "the login holds a NUL, or memory ran out");
    else
        rc = use_login(session, &login, err);
    saved_login_clear(&login);
    if (rc < 0)
        return -1;
    session->in_file = false;
    set_state(session, SESSION_LIVE, NULL);
    return 0;
}

int session_save(struct session *session, const char *file, struct err *err)
{
    if (!session->login.access_token)
        return err_set(err, ERR_MISUSE,
                       "there is no login that could be saved");
    return saved_login_write(file, &session->login, err);
}

void session_drop(struct session *session, const struct err *err)
{
    stop_refresh(session);
    if (session->in_file)
        unlink(session->file);
    session->in_file = false;
    if (session->homeserver)
        homeserver_set_token(session->homeserver, SLICE_NONE, NULL);
    saved_login_set(&session->login.access_token, SLICE_NONE);
    saved_login_set(&session->login.refresh_token, SLICE_NONE);
    saved_login_set(&session->login.device_id, SLICE_NONE);
    session->login.expires_at = 0;
    set_state(session, SESSION_DEAD, err);
}

/* ---- 401 and refresh --------------------------------------------------- */

/* The token is gone and there is no way to a new one but logging in. Only a
 * clear word makes us give up the device. */
static void lose(struct session *session, const struct err *err)
{
    if (strcmp(err->errcode, "M_UNKNOWN_TOKEN") == 0 && !err->soft_logout)
        session_drop(session, err);
    else
        set_state(session, SESSION_SOFT, err);
}

/* Held requests go on waiting: each for as long as its own time lasts. */
static void refresh_later(struct session *session, int64_t at_least)
{
    int64_t ms = LIMIT_RETRY_FIRST_MS;
    uint32_t random;

    for (int i = 0; i < session->refresh_failures && ms < LIMIT_RETRY_LAST_MS;
         i++)
        ms *= 2;
    if (ms > LIMIT_RETRY_LAST_MS)
        ms = LIMIT_RETRY_LAST_MS;
    session->refresh_failures++;
    digest_random(&random, sizeof(random));
    ms = ms / 2 + (int64_t)(random % (uint32_t)(ms / 2 + 1));
    if (ms < at_least)
        ms = at_least;
    timer_cancel(session->refresh_timer);
    session->refresh_timer =
        timer_start(session->loop, ms, on_refresh_time, session, NULL);
}

static void on_refresh_failed(struct session *session, const struct err *err)
{
    bool final = err->kind == ERR_MATRIX && err->status >= 400 &&
                 err->status < 500 && err->status != 429;

    if (!final) {
        refresh_later(session, err->retry_after_ms);
        return;
    }
    if (strcmp(err->errcode, "M_USER_LOCKED") == 0)
        set_state(session, SESSION_LOCKED, err);
    else
        lose(session, err);
    homeserver_resume(session->homeserver, false);
}

/* The old tokens work until the new ones are used: so they are saved first,
 * and when that fails the old ones stay in use. */
static void on_refreshed(void *arg, const struct reply *reply,
                         const struct err *err)
{
    struct session *session = arg;
    struct saved_login login = { 0 };
    struct err cause;
    char *token;

    session->refresh = NULL;
    if (err) {
        on_refresh_failed(session, err);
        return;
    }
    token = json_dup(json_get(reply->body, "access_token"), LIMIT_TOKEN);
    if (!token || saved_login_copy(&login, &session->login) < 0)
        goto later;
    saved_login_set(&login.access_token, slice_str(token));
    saved_login_set(&token, SLICE_NONE);
    token = json_dup(json_get(reply->body, "refresh_token"), LIMIT_TOKEN);
    if (token)
        saved_login_set(&login.refresh_token, slice_str(token));
    login.expires_at = session_expiry(session, reply->body);
    if (homeserver_check_token(slice_str(login.access_token), &cause) < 0 ||
        (session->in_file &&
         saved_login_write(session->file, &login, &cause) < 0) ||
        use_login(session, &login, &cause) < 0) {
        tell(session, &cause);
        goto later;
    }
    saved_login_set(&token, SLICE_NONE);
    set_state(session, SESSION_LIVE, NULL);
    homeserver_resume(session->homeserver, true);
    return;

later:
    saved_login_set(&token, SLICE_NONE);
    saved_login_clear(&login);
    refresh_later(session, 0);
}

static int refresh(struct session *session)
{
    struct request_options options = { .method = "POST",
                                       .path = slice_str(REFRESH_PATH),
                                       .anonymous = true,
                                       .no_retry = true };
    struct json_writer w;
    struct buf body;

    buf_init(&body, LIMIT_TOKEN * 2);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    json_member_str(&w, "refresh_token", session->login.refresh_token);
    json_object_end(&w);
    if (json_finish(&w, "the refresh", NULL) == 0) {
        options.body = buf_slice(&body);
        session->refresh = request_start(session->homeserver, &options,
                                         on_refreshed, session, NULL);
    }
    if (body.ptr)
        explicit_bzero(body.ptr, body.cap);
    buf_free(&body);
    return session->refresh ? 0 : -1;
}

static void on_refresh_time(void *arg)
{
    struct session *session = arg;

    session->refresh_timer = NULL;
    if (session->refresh || !session->login.refresh_token ||
        session->state == SESSION_SOFT)
        return;
    if (refresh(session) < 0)
        refresh_later(session, 0);
}

static bool on_unauthorized(void *arg, const struct err *err)
{
    struct session *session = arg;

    if (!err) {
        if (session->state == SESSION_LOCKED)
            set_state(session, SESSION_LIVE, NULL);
        return false;
    }
    if (session->state == SESSION_SOFT || session->state == SESSION_DEAD)
        return false;
    if (strcmp(err->errcode, "M_USER_LOCKED") == 0) {
        set_state(session, SESSION_LOCKED, err);
        return false;
    }
    if (!session->login.refresh_token) {
        lose(session, err);
        return false;
    }
    /* under way already, or put off after a failure */
    if (session->refresh ||
        (session->refresh_timer && session->refresh_failures > 0))
        return true;
    timer_cancel(session->refresh_timer);
    session->refresh_timer = NULL;
    if (refresh(session) < 0)
        refresh_later(session, 0);
    return true;
}

/* ---- operations -------------------------------------------------------- */

int session_begin(struct session *session, enum session_op op,
                  session_done_fn *done, void *arg, struct err *err)
{
    if (session->op != OP_NONE)
        return err_set(err, ERR_MISUSE,
                       "the session is at work: one operation at a time");
    session->op = op;
    session->done = done;
    session->done_arg = arg;
    return 0;
}

static void forget_op(struct session *session)
{
    homeserver_free(session->checked);
    session->checked = NULL;
    saved_login_set(&session->token, SLICE_NONE);
    saved_login_set(&session->server, SLICE_NONE);
    saved_login_set(&session->device_name, SLICE_NONE);
    buf_free(&session->received);
    session->op = OP_NONE;
}

void session_end(struct session *session, struct slice body,
                 const struct err *err)
{
    forget_op(session);
    session->done(session->done_arg, body, err);
}

void session_cancel(struct session *session)
{
    struct transfer *transfer = session->transfer;

    session->transfer = NULL;
    transport_cancel(session->transport, transfer);
    request_cancel(session->request);
    session->request = NULL;
    forget_op(session);
}
