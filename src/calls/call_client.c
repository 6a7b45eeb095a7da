#include "call_client.h"

#include <stdlib.h>
#include <string.h>

#include "call_log.h"
#include "call_sync.h"
#include "call_topics.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "op_request.h"

struct call_clients {
    struct list list;
    int last_id;
    int count;
};

/* ---- the list ---- */

static struct call_clients *clients_of(struct caller *caller)
{
    if (!caller->clients) {
        caller->clients = calloc(1, sizeof(*caller->clients));
        if (caller->clients) {
            list_init(&caller->clients->list);
        }
    }
    return caller->clients;
}

static struct client *client_new(struct caller *caller, struct err *err)
{
    struct call_clients *clients = clients_of(caller);
    struct client *client = NULL;
    if (clients && clients->count >= LIMIT_CLIENTS) {
        err_set(err, ERR_LIMIT, "client.open: more than %d clients",
                LIMIT_CLIENTS);
        return NULL;
    }
    if (!clients || !(client = calloc(1, sizeof(*client)))) {
        err_set(err, ERR_SYSTEM, "client.open: out of memory");
        return NULL;
    }
    client->caller = caller;
    client->id = ++clients->last_id;
    list_init(&client->holds);
    list_push(&clients->list, &client->node);
    clients->count++;
    return client;
}

static void wipe(char **text)
{
    if (*text) {
        explicit_bzero(*text, strlen(*text));
    }
    free(*text);
    *text = NULL;
}

static void client_free(struct client *client)
{
    client->caller->clients->count--;
    list_remove(&client->node);
    client_sync_free(client->sync);
    if (client->session && !client->own) {
        struct homeserver *homeserver = session_homeserver(client->session);
        if (homeserver) {
            op_request_close(client->caller->host, homeserver);
        }
        session_cancel(client->session);
        session_free(client->session);
    }
    free(client->server);
    free(client->user_id);
    free(client->device_id);
    wipe(&client->access_token);
    free(client);
}

void caller_close(struct caller *caller)
{
    struct call_clients *clients = caller->clients;
    call_log_tell_dropped(caller);
    if (!clients) {
        return;
    }
    while (!list_empty(&clients->list)) {
        client_free(
            list_entry(list_first(&clients->list), struct client, node));
    }
    free(clients);
    caller->clients = NULL;
}

struct client *client_arg(struct call_args *args)
{
    struct call_clients *clients = args->op->caller->clients;
    int64_t id = call_args_int(args, "client", 0, 0, INT32_MAX);
    if (clients) {
        list_each(node, &clients->list)
        {
            struct client *client = list_entry(node, struct client, node);
            if (client->id == id) {
                return client;
            }
        }
    }
    call_args_fault(args, "there is no client %d", (int)id);
    return NULL;
}

const char *client_user_id(const struct client *client)
{
    const char *user_id = session_user_id(client->session);
    return user_id[0] || !client->user_id ? user_id : client->user_id;
}

/* ---- until the homeserver is known ---- */

static void hold_go(struct client_hold *hold, const struct err *err)
{
    list_remove(&hold->node);
    timer_cancel(hold->timer);
    hold->timer = NULL;
    hold->go(hold, err);
}

static void hold_late(void *arg)
{
    struct client_hold *hold = arg;
    struct err err;
    hold->timer = NULL;
    err_set(&err, ERR_TIMEOUT, "%s: the homeserver was not found in time",
            hold->op->call->name);
    hold_go(hold, &err);
}

static int adopt(struct client *client, struct slice base, struct err *err)
{
    int result = session_adopt(
        client->session, base, slice_str(client->user_id),
        slice_str(client->device_id), slice_str(client->access_token), err);
    wipe(&client->access_token);
    return result;
}

static void discovered(void *arg, struct slice body, const struct err *failure)
{
    struct client *client = arg;
    struct err err;
    struct list *node;
    client->discovering = false;
    if (!failure && client->access_token && adopt(client, body, &err)) {
        failure = &err;
    }
    /* A hold that goes may end others, and new ones may begin: these are of
     * the next round. */
    int round = client->round++;
    while ((node = list_first(&client->holds)) != NULL) {
        struct client_hold *hold = list_entry(node, struct client_hold, node);
        if (hold->round != round) {
            break;
        }
        hold_go(hold, failure);
    }
}

static int discover(struct client *client, struct err *err)
{
    if (client->discovering) {
        return 0;
    }
    if (!client->server) {
        return err_set(err, ERR_MISUSE,
                       "this client knows no homeserver: open it with "
                       "homeserver, or log in with a full user id");
    }
    if (session_discover(client->session, slice_str(client->server), discovered,
                         client, err)) {
        return -1;
    }
    client->discovering = true;
    return 0;
}

int client_hold(struct client *client, struct client_hold *hold,
                int64_t timeout_ms, struct err *err)
{
    if (session_homeserver(client->session) && !client->discovering &&
        !client->access_token) {
        return 1;
    }
    hold->client = client;
    list_init(&hold->node);
    hold->timer = timer_start(client->caller->host->loop, timeout_ms, hold_late,
                              hold, err);
    if (!hold->timer) {
        return -1;
    }
    if (discover(client, err)) {
        timer_cancel(hold->timer);
        hold->timer = NULL;
        return err_prefix(err, "%s", hold->op->call->name);
    }
    hold->round = client->round;
    list_push(&client->holds, &hold->node);
    return 0;
}

void client_hold_cancel(struct client_hold *hold)
{
    list_remove(&hold->node);
    timer_cancel(hold->timer);
    hold->timer = NULL;
}

/* ---- client.open ---- */

struct opening {
    struct slice homeserver, user_id, device_id, access_token;
    const char *session, *account;
    bool own;
};

static int open_own(struct op *op, struct client **out, struct err *err)
{
    struct caller *caller = op->caller;
    if (!caller->host->session) {
        return err_set(err, ERR_MISUSE, "client.open: there is no account");
    }
    if (caller->clients) {
        list_each(node, &caller->clients->list)
        {
            struct client *client = list_entry(node, struct client, node);
            if (client->own) {
                *out = client;
                return 0;
            }
        }
    }
    struct client *client = client_new(caller, err);
    if (!client) {
        return -1;
    }
    client->own = true;
    client->session = caller->host->session;
    *out = client;
    return 0;
}

static int open_stored(struct client *client, const char *account,
                       struct err *err)
{
    struct call_host *host = client->caller->host;
    if (!host->open_session) {
        return err_set(err, ERR_UNSUPPORTED,
                       "client.open: no logins are stored here");
    }
    return host->open_session(host->arg, account, &client->session, err);
}

static int open_file(struct client *client, const char *name, struct err *err)
{
    struct call_host *host = client->caller->host;
    struct buf path;
    int result = -1;
    buf_init(&path, LIMIT_PATH);
    if (client_path(client->caller, name, &path, err)) {
        goto done;
    }
    client->session = session_new(host->loop, host->transport, buf_str(&path),
                                  host->allow_http, err);
    int loaded = client->session ? session_load(client->session, err) : -1;
    if (loaded == 0) {
        err_set(err, ERR_STORE, "client.open: there is no session file %s",
                name);
    }
    result = loaded > 0 ? 0 : -1;
done:
    buf_free(&path);
    return result;
}

static int copy(char **out, struct slice text, struct err *err)
{
    if (text.ptr && !(*out = slice_dup(text))) {
        return err_set(err, ERR_SYSTEM, "client.open: out of memory");
    }
    return 0;
}

/* What follows the first colon of "@localpart:server". */
static struct slice server_of(struct slice user_id)
{
    const char *colon =
        user_id.len ? memchr(user_id.ptr, ':', user_id.len) : NULL;
    return colon ? slice_make(colon + 1,
                              (size_t)(user_id.ptr + user_id.len - colon - 1))
                 : SLICE_NONE;
}

static int open_given(struct client *client, const struct opening *o,
                      struct err *err)
{
    struct call_host *host = client->caller->host;
    struct slice server =
        o->homeserver.ptr ? o->homeserver : server_of(o->user_id);
    if (o->access_token.ptr) {
        log_add_secret(o->access_token);
    }
    client->session =
        session_new(host->loop, host->transport, NULL, host->allow_http, err);
    if (!client->session || copy(&client->server, server, err) ||
        copy(&client->user_id, o->user_id, err) ||
        copy(&client->device_id, o->device_id, err) ||
        copy(&client->access_token, o->access_token, err)) {
        return -1;
    }
    /* A base URL and a token need no look-up. */
    if (client->access_token && slice_starts(server, "http")) {
        return adopt(client, server, err);
    }
    return 0;
}

static void check_opening(struct call_args *args, const struct opening *o)
{
    bool given = o->homeserver.ptr || o->user_id.ptr || o->access_token.ptr ||
                 o->device_id.ptr;
    if (o->own + (o->session != NULL) + (o->account != NULL) + given > 1) {
        call_args_fault(args, "give homeserver or user_id, or session, or "
                              "account, not several of them");
    } else if (given && !o->homeserver.ptr && !server_of(o->user_id).ptr) {
        call_args_fault(args, "homeserver or a full user_id is needed");
    }
}

static int open_client(struct op *op, const struct opening *o,
                       struct client **out, struct err *err)
{
    if (o->own) {
        return open_own(op, out, err);
    }
    if (!op->caller->exec) {
        return err_set(err, ERR_DENIED,
                       "client.open: a bot has its own account only; other "
                       "logins are for lunatrix exec");
    }
    struct client *client = client_new(op->caller, err);
    if (!client) {
        return -1;
    }
    int opened = o->session ? open_file(client, o->session, err)
                 : o->homeserver.ptr || o->user_id.ptr
                     ? open_given(client, o, err)
                     : open_stored(client, o->account, err);
    if (opened) {
        client_free(client);
        return -1;
    }
    *out = client;
    return 0;
}

static int open_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct opening o = {
        .homeserver = call_args_string_opt(&args, "homeserver"),
        .user_id = call_args_id_opt(&args, "user_id"),
        .device_id = call_args_id_opt(&args, "device_id"),
        .access_token = call_args_string_opt(&args, "access_token"),
        .session = call_args_text_opt(&args, "session"),
        .account = call_args_text_opt(&args, "account"),
        .own = call_args_bool(&args, "own", false),
    };
    struct client *client = NULL;
    (void)bytes;
    check_opening(&args, &o);
    if (call_args_check(&args) || open_client(op, &o, &client, err)) {
        return -1;
    }
    buf_addf(&op->result, "{\"client\":%d}", client->id);
    op_done(op);
    return 0;
}

/* ---- client.info, client.save, secret.get ---- */

static int info_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct json_writer w;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    const char *user_id = client_user_id(client);
    const char *device_id = session_device_id(client->session);
    struct homeserver *homeserver = session_homeserver(client->session);
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_member_str(&w, "homeserver",
                    homeserver ? homeserver_base(homeserver) : NULL);
    json_member_str(&w, "user_id", user_id[0] ? user_id : NULL);
    json_member_str(&w, "device_id", device_id[0] ? device_id : NULL);
    json_object_end(&w);
    if (json_finish(&w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

/* A bot's files lie in its own folder; a program's are where it says. */
int client_path(const struct caller *caller, const char *name, struct buf *out,
                struct err *err)
{
    if (caller->data_dir) {
        size_t len = strlen(name);
        if (name[0] == '/' || strstr(name, "../") ||
            (len >= 2 && strcmp(name + len - 2, "..") == 0)) {
            return err_set(err, ERR_DENIED,
                           "cannot use %s: it is outside of the script's "
                           "folder",
                           name);
        }
        buf_addf(out, "%s/", caller->data_dir);
    }
    buf_adds(out, name);
    return buf_check(out, "the file's path", err);
}

static int save_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    const char *file = call_args_text_opt(&args, "file");
    struct buf path;
    (void)bytes;
    if (!file || !file[0]) {
        call_args_fault(&args, "file must be the name of a file");
    } else if (client && client->own) {
        call_args_fault(&args, "the bot's own login stays where it is");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    buf_init(&path, LIMIT_PATH);
    int result = client_path(op->caller, file, &path, err);
    if (result == 0) {
        result = session_save(client->session, buf_str(&path), err);
    }
    buf_free(&path);
    if (result == 0) {
        buf_adds(&op->result, "true");
        op_done(op);
    }
    return result;
}

static int secret_start(struct op *op, struct slice object, struct slice bytes,
                        struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct call_host *host = op->caller->host;
    struct slice name = call_args_string(&args, "name");
    struct buf secret;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    if (!host->secret) {
        return err_set(err, ERR_UNSUPPORTED,
                       "secret.get: no secrets are configured");
    }
    buf_init(&secret, LIMIT_SECRET_FILE);
    int result = host->secret(host->arg, name, &secret, err);
    if (result == 0) {
        log_add_secret(buf_slice(&secret));
        if (json_quote(buf_slice(&secret), &op->result)) {
            result = err_set(err, ERR_JSON,
                             "secret.get: the secret '%.*s' is not UTF-8",
                             SLICE_ARG(name));
        }
    }
    if (secret.ptr) {
        explicit_bzero(secret.ptr, secret.cap);
    }
    buf_free(&secret);
    if (result == 0) {
        op_done(op);
    }
    return result;
}

const struct call call_client_table[] = {
    { "client.open", CALL_NOW, open_start, NULL },
    { "client.info", CALL_NOW, info_start, NULL },
    { "client.save", CALL_NOW | CALL_EXEC, save_start, NULL },
    { "secret.get", CALL_NOW | CALL_EXEC, secret_start, NULL },
    { 0 },
};
