#include "session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "features.h"
#include "json_read.h"
#include "limits.h"

#define HINT                                                                   \
    "; if you know its address, give it with --homeserver (in a script: "      \
    "homeserver = ...)"

static void fail(struct session *session, const struct err *cause,
                 const char *hint)
{
    struct err err = *cause;

    err_set(&err, cause->kind, "finding the homeserver of %s: %s%s",
            session->server, cause->text, hint);
    err.status = cause->status;
    memcpy(err.errcode, cause->errcode, sizeof(err.errcode));
    session_end(session, SLICE_NONE, &err);
}

/* ---- the base URL, on trial -------------------------------------------- */

static void on_versions(void *arg, const struct reply *reply,
                        const struct err *err)
{
    struct session *session = arg;
    struct features features;
    struct slice base;
    struct err cause;
    int rc = -1;

    session->request = NULL;
    features_init(&features);
    if (err)
        cause = *err;
    else
        rc = features_read(&features, reply->body, &cause);
    features_free(&features);
    base = slice_str(homeserver_base(session->checked));
    if (rc < 0) {
        err_prefix(&cause, "%.*s does not answer as a homeserver",
                   SLICE_ARG(base));
        fail(session, &cause, "");
        return;
    }
    if (session_use_base(session, base, &cause) < 0) {
        fail(session, &cause, "");
        return;
    }
    session_end(session, slice_str(homeserver_base(session->homeserver)), NULL);
}

static int try_base(struct session *session, struct slice base, struct err *err)
{
    struct request_options options = {
        .method = "GET",
        .path = slice_str("/_matrix/client/versions"),
        .anonymous = true,
        .no_retry = true,
    };

    session->checked = homeserver_new(session->loop, session->transport, base,
                                      session->allow_http, err);
    if (!session->checked)
        return -1;
    session->request =
        request_start(session->checked, &options, on_versions, session, err);
    return session->request ? 0 : -1;
}

/* ---- .well-known ------------------------------------------------------- */

/* 404 means that the server itself is meant; anything else that is not the
 * file we asked for is for a person to look at. */
static int read_well_known(struct session *session, struct buf *base,
                           struct err *err)
{
    struct slice body = buf_slice(&session->received);
    struct slice url;

    if (session->status == 404) {
        buf_addf(base, "https://%s", session->server);
        return buf_check(base, "the address", err);
    }
    if (session->status != 200)
        return err_set(err, ERR_HTTP,
                       "https://%s/.well-known/matrix/client answers with "
                       "HTTP status %d",
                       session->server, session->status);
    if (json_check(body, err) < 0)
        return err_prefix(err, "https://%s/.well-known/matrix/client",
                          session->server);
    url = json_get(json_get(body, "m.homeserver"), "base_url");
    if (json_type(url) != JSON_STRING || json_string(url, base) < 0)
        return err_set(err, ERR_JSON,
                       "https://%s/.well-known/matrix/client names no "
                       "m.homeserver.base_url",
                       session->server);
    return 0;
}

static void on_well_known(void *arg, const struct err *err)
{
    struct session *session = arg;
    struct err cause;
    struct buf base;
    int rc = -1;

    session->transfer = NULL;
    buf_init(&base, LIMIT_WELL_KNOWN);
    if (err)
        cause = *err;
    else if (read_well_known(session, &base, &cause) == 0)
        rc = try_base(session, buf_slice(&base), &cause);
    buf_free(&base);
    if (rc < 0)
        fail(session, &cause, HINT);
}

static void on_head(void *arg, const struct http_head *head)
{
    struct session *session = arg;

    session->status = head->status;
}

static bool on_body(void *arg, struct slice piece)
{
    struct session *session = arg;

    return buf_add(&session->received, piece) == 0;
}

static int ask_well_known(struct session *session, struct err *err)
{
    static const struct http_handlers handlers = { on_head, on_body,
                                                   on_well_known };
    struct http_request request = { .method = "GET",
                                    .total_ms = LIMIT_HTTP_TOTAL_MS,
                                    .max_body = LIMIT_WELL_KNOWN,
                                    .redirects = LIMIT_HTTP_REDIRECTS };
    struct buf url;

    buf_init(&url, LIMIT_HTTP_URL);
    buf_addf(&url, "https://%s/.well-known/matrix/client", session->server);
    request.url = buf_slice(&url);
    session->status = 0;
    if (buf_check(&url, "the server name", err) == 0)
        session->transfer = transport_start(session->transport, &request,
                                            &handlers, session, err);
    buf_free(&url);
    return session->transfer ? 0 : -1;
}

static bool is_server_name(struct slice name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-:[]";

    for (size_t i = 0; i < name.len; i++)
        if (!name.ptr[i] || !strchr(allowed, name.ptr[i]))
            return false;
    return name.len > 0 && name.len <= LIMIT_IDENTIFIER;
}

static bool is_url(struct slice server)
{
    return (server.len >= 7 && strncasecmp(server.ptr, "http://", 7) == 0) ||
           (server.len >= 8 && strncasecmp(server.ptr, "https://", 8) == 0);
}

int session_discover(struct session *session, struct slice server,
                     session_done_fn *done, void *arg, struct err *err)
{
    int rc;

    if (!is_url(server) && !is_server_name(server))
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is neither a server name nor a URL",
                       (int)(server.len < 200 ? server.len : 200),
                       server.ptr ? server.ptr : "");
    if (session_begin(session, OP_DISCOVER, done, arg, err) < 0)
        return -1;
    if (saved_login_set(&session->server, server) < 0)
        rc = err_set(err, ERR_SYSTEM, "finding the homeserver: out of memory");
    else if (is_url(server))
        rc = try_base(session, server, err);
    else
        rc = ask_well_known(session, err);
    if (rc < 0)
        session_cancel(session);
    return rc;
}
