#include "session_internal.h"

#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"

static int need_homeserver(const struct session *session, struct err *err)
{
    if (session->homeserver)
        return 0;
    return err_set(err, ERR_MISUSE, "logging in: no homeserver is known yet");
}

static void fail(struct session *session, const char *what,
                 const struct err *cause)
{
    struct err err = *cause;

    err_prefix(&err, "%s at %s", what, homeserver_base(session->homeserver));
    session_end(session, SLICE_NONE, &err);
}

/* ---- logging in -------------------------------------------------------- */

/* Is "ann" or "@ann:example.org" the user of this login? */
static bool is_same_user(const struct saved_login *login, struct slice user)
{
    struct slice known = slice_str(login->user_id);
    const char *colon;

    if (!known.ptr || !user.ptr || known.len == 0)
        return false;
    if (slice_eq(known, user))
        return true;
    colon = memchr(known.ptr, ':', known.len);
    return colon && slice_eq(user, slice_make(known.ptr + 1,
                                              (size_t)(colon - known.ptr) - 1));
}

static int write_login(const struct session *session,
                       const struct session_login *login, struct buf *body,
                       struct err *err)
{
    struct slice device_id = login->device_id;
    struct json_writer w;

    if (!device_id.ptr && is_same_user(&session->login, login->user))
        device_id = slice_str(session->login.device_id);
    json_writer_init(&w, body);
    json_object_begin(&w);
    if (login->token.ptr) {
        json_member_str(&w, "type", "m.login.token");
        json_member_string(&w, "token", login->token);
    } else {
        json_member_str(&w, "type", "m.login.password");
        json_key(&w, "identifier");
        json_object_begin(&w);
        json_member_str(&w, "type", "m.id.user");
        json_member_string(&w, "user", login->user);
        json_object_end(&w);
        json_member_string(&w, "password", login->password);
    }
    json_member_string(&w, "device_id", device_id);
    json_member_str(&w, "initial_device_display_name", session->device_name);
    json_member_bool(&w, "refresh_token", true);
    json_object_end(&w);
    return json_finish(&w, "the login", err);
}

static char *member(struct slice object, const char *key)
{
    return json_dup(json_get(object, key), LIMIT_TOKEN);
}

static void on_login(void *arg, const struct reply *reply,
                     const struct err *err)
{
    struct session *session = arg;
    struct saved_login login = { 0 };
    struct err cause;

    session->request = NULL;
    if (err) {
        fail(session, "logging in", err);
        return;
    }
    login.user_id = member(reply->body, "user_id");
    login.device_id = member(reply->body, "device_id");
    login.access_token = member(reply->body, "access_token");
    login.refresh_token = member(reply->body, "refresh_token");
    login.expires_at = session_expiry(session, reply->body);
    login.homeserver = strdup(homeserver_base(session->homeserver));
    login.device_name = session->device_name;
    session->device_name = NULL;
    if (!login.user_id || !login.device_id || !login.access_token ||
        !login.homeserver) {
        saved_login_clear(&login);
        err_set(&cause, ERR_JSON,
                "the reply lacks user_id, device_id or access_token");
    } else if (session_take_login(session, &login, &cause) == 0) {
        session_end(session, reply->body, NULL);
        return;
    }
    fail(session, "logging in", &cause);
}

static int start_login(struct session *session,
                       const struct session_login *login, struct err *err)
{
    struct request_options options = {
        .method = "POST",
        .path = slice_str("/_matrix/client/v3/login"),
        .repeat = REQUEST_ONCE,
        .anonymous = true,
    };
    struct buf body;
    int rc = -1;

    buf_init(&body, LIMIT_EVENT_SEND);
    /* at once, so that no copy of the password is left behind by growing */
    if (!buf_reserve(&body, LIMIT_EVENT_SEND))
        err_set(err, ERR_SYSTEM, "logging in: out of memory");
    else
        rc = write_login(session, login, &body, err);
    if (rc == 0) {
        options.body = buf_slice(&body);
        session->request = request_start(session->homeserver, &options,
                                         on_login, session, err);
        rc = session->request ? 0 : -1;
    }
    if (body.ptr)
        explicit_bzero(body.ptr, body.cap);
    buf_free(&body);
    return rc;
}

int session_login(struct session *session, const struct session_login *login,
                  session_done_fn *done, void *arg, struct err *err)
{
    struct slice name = login->device_name;
    int rc;

    if (need_homeserver(session, err) < 0 ||
        session_begin(session, OP_LOGIN, done, arg, err) < 0)
        return -1;
    if (login->password.ptr)
        log_add_secret(login->password);
    if (login->token.ptr)
        log_add_secret(login->token);
    if (!name.ptr)
        name = slice_str(session->login.device_name);
    if (saved_login_set(&session->device_name, name) < 0)
        rc = err_set(err, ERR_MISUSE,
                     "logging in: the device's name holds a NUL");
    else
        rc = start_login(session, login, err);
    if (rc < 0)
        session_cancel(session);
    return rc;
}

/* ---- with an access token ---------------------------------------------- */

static void on_whoami(void *arg, const struct reply *reply,
                      const struct err *err)
{
    struct session *session = arg;
    struct saved_login login = { 0 };
    struct err cause;

    session->request = NULL;
    if (err) {
        fail(session, "using the access token", err);
        return;
    }
    login.user_id = member(reply->body, "user_id");
    login.device_id = member(reply->body, "device_id");
    login.homeserver = strdup(homeserver_base(session->homeserver));
    login.access_token = session->token;
    session->token = NULL;
    if (!login.user_id || !login.homeserver) {
        saved_login_clear(&login);
        err_set(&cause, ERR_JSON, "the reply lacks user_id");
    } else if (session_take_login(session, &login, &cause) == 0) {
        session_end(session, reply->body, NULL);
        return;
    }
    fail(session, "using the access token", &cause);
}

int session_login_access_token(struct session *session, struct slice token,
                               session_done_fn *done, void *arg,
                               struct err *err)
{
    struct request_options options = {
        .method = "GET",
        .path = slice_str("/_matrix/client/v3/account/whoami"),
    };

    if (need_homeserver(session, err) < 0 ||
        session_begin(session, OP_WHOAMI, done, arg, err) < 0)
        return -1;
    /* beside the session's own, which it may turn out not to replace */
    session->checked =
        homeserver_new(session->loop, session->transport,
                       slice_str(homeserver_base(session->homeserver)),
                       session->allow_http, err);
    if (!session->checked ||
        homeserver_set_token(session->checked, token, err) < 0)
        goto fail;
    if (saved_login_set(&session->token, token) < 0) {
        err_set(err, ERR_SYSTEM, "using the access token: out of memory");
        goto fail;
    }
    session->request =
        request_start(session->checked, &options, on_whoami, session, err);
    if (session->request)
        return 0;
fail:
    session_cancel(session);
    return -1;
}

/* ---- logging out ------------------------------------------------------- */

static void on_logout(void *arg, const struct reply *reply,
                      const struct err *err)
{
    struct session *session = arg;

    session->request = NULL;
    if (err && strcmp(err->errcode, "M_UNKNOWN_TOKEN") != 0) {
        fail(session, "logging out", err);
        return;
    }
    session_drop(session, NULL);
    homeserver_resume(session->homeserver, false);
    session_end(session, reply ? reply->body : SLICE_NONE, NULL);
}

int session_logout(struct session *session, session_done_fn *done, void *arg,
                   struct err *err)
{
    struct request_options options = {
        .method = "POST",
        .path = slice_str("/_matrix/client/v3/logout"),
        .body = slice_str("{}"),
    };

    if (!session->homeserver || !homeserver_has_token(session->homeserver))
        return err_set(err, ERR_MISUSE, "logging out: there is no login");
    if (session_begin(session, OP_LOGOUT, done, arg, err) < 0)
        return -1;
    session->request =
        request_start(session->homeserver, &options, on_logout, session, err);
    if (session->request)
        return 0;
    session_cancel(session);
    return -1;
}
