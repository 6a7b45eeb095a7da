#include "call_topics.h"

#include <stdlib.h>
#include <string.h>

#include "call_args.h"
#include "call_client.h"
#include "json_write.h"
#include "op.h"
#include "transport_public.h"
#include "url.h"

/* Logins of raw clients, and finding servers. */

enum login_text { USER, PASSWORD, TOKEN, DEVICE_ID, DEVICE_NAME, TEXTS };

/* One of client.login, client.logout, matrix.discover under way. */
struct login {
    struct client_hold hold; /* first: found from the hold */
    struct op *op;
    struct client *client;         /* NULL: matrix.discover */
    struct session *session;       /* owned by matrix.discover */
    struct transport_public guard; /* what that goes through */
    bool started;                  /* the session is at work for us */
    struct timer *timer;
    int64_t deadline; /* loop_now */
    char *texts[TEXTS];
};

static void login_free(struct login *login)
{
    client_hold_cancel(&login->hold);
    if (login->started) {
        session_cancel(login->session);
    }
    if (login->client) {
        if (login->client->busy == login->op) {
            login->client->busy = NULL;
        }
    } else {
        session_free(login->session);
    }
    timer_cancel(login->timer);
    for (int i = 0; i < TEXTS; i++) {
        if (login->texts[i]) {
            explicit_bzero(login->texts[i], strlen(login->texts[i]));
        }
        free(login->texts[i]);
    }
    free(login);
}

/* Ends the op and frees the record. failure NULL: op->result is filled. */
static void login_end(struct login *login, const struct err *failure,
                      struct slice body)
{
    struct op *op = login->op;
    op->state = NULL;
    login_free(login);
    if (failure) {
        op_fail(op, failure, body);
    } else {
        op_done(op);
    }
}

static void login_late(void *arg)
{
    struct login *login = arg;
    struct err err;
    login->timer = NULL;
    err_set(&err, ERR_TIMEOUT, "%s: no answer in time", login->op->call->name);
    err.unknown = true;
    login_end(login, &err, SLICE_NONE);
}

static struct login *login_new(struct op *op, struct client *client,
                               int64_t timeout_ms, struct err *err)
{
    struct loop *loop = op->caller->host->loop;
    struct login *login = calloc(1, sizeof(*login));
    if (!login) {
        err_set(err, ERR_SYSTEM, "%s: out of memory", op->call->name);
        return NULL;
    }
    login->op = login->hold.op = op;
    login->client = client;
    login->session = client ? client->session : NULL;
    login->deadline = loop_now(loop) + timeout_ms;
    list_init(&login->hold.node);
    return login;
}

/* The session goes to work for this op alone. */
static int login_begin(struct login *login, struct err *err)
{
    struct loop *loop = login->op->caller->host->loop;
    int64_t left = login->deadline - loop_now(loop);
    if (login->client->busy) {
        return err_set(err, ERR_MISUSE,
                       "%s: another login or logout of this client is under "
                       "way",
                       login->op->call->name);
    }
    login->timer =
        timer_start(loop, left > 0 ? left : 0, login_late, login, err);
    if (!login->timer) {
        return -1;
    }
    login->client->busy = login->op;
    return 0;
}

static void login_orphan(struct op *op)
{
    login_free(op->state);
    op->state = NULL;
}

/* ---- client.login ---- */

static void logged_in(void *arg, struct slice body, const struct err *failure)
{
    static const char *const keys[] = { "user_id", "device_id", "access_token",
                                        "refresh_token", "expires_in_ms" };
    struct login *login = arg;
    struct op *op = login->op;
    struct err err;
    login->started = false;
    if (!failure) {
        struct json_writer w;
        json_writer_init(&w, &op->result);
        json_object_begin(&w);
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            json_member_raw(&w, keys[i], json_get(body, keys[i]));
        }
        json_object_end(&w);
        failure = json_finish(&w, op->call->name, &err) ? &err : NULL;
    }
    login_end(login, failure, body);
}

static int login_go(struct login *login, struct err *err)
{
    struct session_login options = {
        .user = slice_str(login->texts[USER]),
        .password = slice_str(login->texts[PASSWORD]),
        .token = slice_str(login->texts[TOKEN]),
        .device_id = slice_str(login->texts[DEVICE_ID]),
        .device_name = slice_str(login->texts[DEVICE_NAME]),
    };
    if (login_begin(login, err) ||
        session_login(login->session, &options, logged_in, login, err)) {
        return -1;
    }
    login->started = true;
    return 0;
}

static void login_found(struct client_hold *hold, const struct err *failure)
{
    struct login *login = (struct login *)hold;
    struct err err;
    if (failure || login_go(login, &err)) {
        login_end(login, failure ? failure : &err, SLICE_NONE);
    }
}

/* A client that was told no server looks for that of the user. */
static int know_server(struct client *client, struct slice user,
                       struct err *err)
{
    const char *colon = NULL;
    if (client->server || session_homeserver(client->session)) {
        return 0;
    }
    if (user.len > 1 && user.ptr[0] == '@') {
        colon = memchr(user.ptr, ':', user.len);
    }
    if (colon) {
        client->server = slice_dup(
            slice_make(colon + 1, (size_t)(user.ptr + user.len - colon - 1)));
        if (!client->server) {
            return err_set(err, ERR_SYSTEM, "client.login: out of memory");
        }
    }
    return 0;
}

static int copy_texts(struct login *login, const struct slice *texts,
                      struct err *err)
{
    for (int i = 0; i < TEXTS; i++) {
        if (texts[i].ptr && !(login->texts[i] = slice_dup(texts[i]))) {
            return err_set(err, ERR_SYSTEM, "client.login: out of memory");
        }
    }
    return 0;
}

static int start_login(struct op *op, struct client *client,
                       const struct slice *texts, int64_t timeout,
                       struct err *err)
{
    struct login *login = login_new(op, client, timeout, err);
    if (!login) {
        return -1;
    }
    login->hold.go = login_found;
    int ready = -1;
    if (copy_texts(login, texts, err) == 0 &&
        know_server(client, texts[USER], err) == 0) {
        ready = client_hold(client, &login->hold, timeout, err);
    }
    if (ready < 0 || (ready > 0 && login_go(login, err))) {
        login_free(login);
        return -1;
    }
    op->state = login;
    return 0;
}

static int login_start(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct slice texts[TEXTS] = {
        [USER] = call_args_string_opt(&args, "user"),
        [PASSWORD] = call_args_string_opt(&args, "password"),
        [TOKEN] = call_args_string_opt(&args, "token"),
        [DEVICE_ID] = call_args_id_opt(&args, "device_id"),
        [DEVICE_NAME] = call_args_string_opt(&args, "device_name"),
    };
    int64_t timeout = call_args_timeout(&args);
    (void)bytes;
    if (client && client->own) {
        call_args_fault(&args, "the bot's own account is logged in already");
    }
    if (client && !texts[USER].ptr && !texts[TOKEN].ptr && client->user_id) {
        texts[USER] = slice_str(client->user_id);
    }
    if ((texts[TOKEN].ptr != NULL) == (texts[PASSWORD].ptr != NULL) ||
        (texts[PASSWORD].ptr && !texts[USER].ptr)) {
        call_args_fault(&args, "give user and password, or token");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    return start_login(op, client, texts, timeout, err);
}

/* ---- client.logout ---- */

static void logged_out(void *arg, struct slice body, const struct err *failure)
{
    struct login *login = arg;
    login->started = false;
    if (!failure) {
        buf_adds(&login->op->result, "true");
    }
    login_end(login, failure, body);
}

static int start_logout(struct op *op, struct client *client, int64_t timeout,
                        struct err *err)
{
    struct login *login = login_new(op, client, timeout, err);
    if (!login) {
        return -1;
    }
    if (login_begin(login, err) ||
        session_logout(client->session, logged_out, login, err)) {
        login_free(login);
        return -1;
    }
    login->started = true;
    op->state = login;
    return 0;
}

static int logout_start(struct op *op, struct slice object, struct slice bytes,
                        struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    int64_t timeout = call_args_timeout(&args);
    (void)bytes;
    if (client && client->own) {
        call_args_fault(&args, "the bot's own account stays logged in");
    } else if (client && !session_homeserver(client->session)) {
        call_args_fault(&args, "this client is not logged in");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    return start_logout(op, client, timeout, err);
}

/* ---- matrix.discover ---- */

static void found(void *arg, struct slice body, const struct err *failure)
{
    struct login *login = arg;
    struct op *op = login->op;
    struct err err;
    login->started = false;
    if (!failure) {
        struct json_writer w;
        json_writer_init(&w, &op->result);
        json_object_begin(&w);
        json_member_string(&w, "homeserver", body);
        json_object_end(&w);
        failure = json_finish(&w, op->call->name, &err) ? &err : NULL;
    }
    login_end(login, failure, SLICE_NONE);
}

/* The account's own server, by its address or by its name. */
static bool is_own(void *arg, struct slice host)
{
    struct session *session = arg;
    struct homeserver *homeserver = session_homeserver(session);
    const char *server = strchr(session_user_id(session), ':');
    return !slice_empty(host) &&
           ((server && slice_is(host, server + 1)) ||
            (homeserver && slice_eq(host, url_authority(slice_str(
                                              homeserver_base(homeserver))))));
}

/* A bot does not reach private addresses, but for its own homeserver's. */
static struct transport *guarded(struct login *login)
{
    const struct caller *caller = login->op->caller;
    struct call_host *host = caller->host;
    if (caller->http_private) {
        return host->transport;
    }
    transport_public_init(&login->guard, host->transport,
                          host->session ? is_own : NULL, host->session);
    return &login->guard.transport;
}

static int discover_start(struct op *op, struct slice object,
                          struct slice bytes, struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct call_host *host = op->caller->host;
    struct slice server = call_args_id(&args, "server");
    int64_t timeout = call_args_timeout(&args);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    struct login *login = login_new(op, NULL, timeout, err);
    if (!login) {
        return -1;
    }
    login->session =
        session_new(host->loop, guarded(login), NULL, host->allow_http, err);
    if (!login->session) {
        goto fail;
    }
    login->timer = timer_start(host->loop, timeout, login_late, login, err);
    if (!login->timer ||
        session_discover(login->session, server, found, login, err)) {
        goto fail;
    }
    login->started = true;
    op->state = login;
    return 0;
fail:
    login_free(login);
    return -1;
}

const struct call call_login_table[] = {
    { "client.login", CALL_EXEC, login_start, login_orphan },
    { "client.logout", CALL_EXEC, logout_start, login_orphan },
    { "matrix.discover", 0, discover_start, login_orphan },
    { 0 },
};
