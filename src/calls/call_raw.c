#include "call_topics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call_args.h"
#include "call_client.h"
#include "call_own.h"
#include "call_send.h"
#include "call_wire.h"
#include "json_write.h"
#include "limits.h"
#include "op.h"
#include "op_draft.h"
#include "txn.h"
#include "url.h"

/* Requests of raw clients: what they are told goes out, in their own name. */

/* A request that waits until the homeserver is known. */
struct raw_hold {
    struct client_hold hold; /* first: found from the hold */
    struct op_draft draft;
    void (*orphan)(struct op *op); /* once it is on its way */
};

static void raw_go(struct client_hold *hold, const struct err *failure)
{
    struct raw_hold *raw = (struct raw_hold *)hold;
    struct op *op = hold->op;
    struct err err;
    op->state = NULL;
    op->orphan = raw->orphan;
    if (failure) {
        op_draft_free(&raw->draft);
    } else {
        raw->draft.spec.homeserver = session_homeserver(hold->client->session);
        /* The writer points into the draft, which has moved. */
        raw->draft.w.out = &raw->draft.body;
        failure = op_draft_start(&raw->draft, op, &err) ? &err : NULL;
    }
    free(raw);
    if (failure) {
        op_fail(op, failure, SLICE_NONE);
    }
}

static void raw_held_orphan(struct op *op)
{
    struct raw_hold *raw = op->state;
    client_hold_cancel(&raw->hold);
    op_draft_free(&raw->draft);
    free(raw);
    op->state = NULL;
}

/* Starts the draft now, or when the homeserver is known. Frees it. */
static int raw_start(struct client *client, struct op *op,
                     struct op_draft *draft, struct err *err)
{
    struct raw_hold *raw = calloc(1, sizeof(*raw));
    if (!raw) {
        op_draft_free(draft);
        return err_set(err, ERR_SYSTEM, "%s: out of memory", op->call->name);
    }
    raw->hold.op = op;
    raw->hold.go = raw_go;
    int64_t timeout = draft->spec.options.timeout_ms;
    int ready = client_hold(client, &raw->hold, timeout, err);
    if (ready == 0) {
        raw->draft = *draft;
        raw->orphan = op->orphan;
        op->orphan = raw_held_orphan;
        op->state = raw;
        return 0;
    }
    free(raw);
    if (ready < 0) {
        op_draft_free(draft);
        return -1;
    }
    draft->spec.homeserver = session_homeserver(client->session);
    return op_draft_start(draft, op, err);
}

/* ---- client.request ---- */

static int write_reply(struct op *op, const struct reply *reply,
                       struct err *err)
{
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    json_key(&w, "body");
    json_put_raw(&w, reply->body);
    json_member_int(&w, "status", reply->status);
    json_key(&w, "headers");
    if (reply->head) {
        call_wire_write_headers(&w, reply->head);
    } else {
        json_put_raw(&w, slice_str("{}"));
    }
    json_object_end(&w);
    return json_finish(&w, op->call->name, err);
}

/* "." and "..", encoded or not, mean other paths to some servers. */
static bool has_dots(struct slice path)
{
    const char *p = path.ptr, *end = path.ptr + path.len;
    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash ? slash : end;
        int dots = 0;
        while (p < stop) {
            if (*p == '.') {
                p++;
            } else if (stop - p >= 3 && strncasecmp(p, "%2e", 3) == 0) {
                p += 3;
            } else {
                break;
            }
            dots++;
        }
        if (p == stop && (dots == 1 || dots == 2)) {
            return true;
        }
        p = slash ? slash + 1 : end;
    }
    return false;
}

static void read_path(struct call_args *args, struct buf *out)
{
    struct slice path = call_args_string(args, "path");
    if (!path.ptr) {
        return;
    }
    if (!slice_starts(path, "/") || !call_wire_is_plain(path) ||
        memchr(path.ptr, '?', path.len) || memchr(path.ptr, '#', path.len) ||
        has_dots(path)) {
        call_args_fault(args, "path must begin with / and be percent-encoded; "
                              "a query goes into query");
        return;
    }
    if (!slice_starts(path, "/_matrix/")) {
        buf_adds(out, "/_matrix/client/v3");
    }
    buf_add(out, path);
}

static void check_headers(struct call_args *args,
                          const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (headers[i].name.len == 13 &&
            strncasecmp(headers[i].name.ptr, "authorization", 13) == 0) {
            call_args_fault(args, "the header Authorization is set by the "
                                  "host");
        }
    }
}

/* A method that outlives start, for a draft that waits. */
static const char *method_name(struct call_args *args)
{
    static const char *const names[] = { "GET",  "POST",  "PUT",    "DELETE",
                                         "HEAD", "PATCH", "OPTIONS" };
    const char *method = call_wire_method(args);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(method, names[i]) == 0) {
            return names[i];
        }
    }
    call_args_fault(args, "method must be GET, POST, PUT, DELETE or the like");
    return "GET";
}

static void set_method(struct op_draft *draft, struct op *op,
                       const char *method, bool body)
{
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    op->writes = !get;
    op->orphan = get ? op_request_cancel : op_request_detach;
    draft->spec.dry =
        get ? NULL : "{\"body\":{},\"status\":200,\"headers\":{}}";
    draft->spec.finish = write_reply;
    draft->no_body =
        !body && strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0;
    if (get || strcmp(method, "PUT") == 0) {
        draft->spec.options.repeat = REQUEST_REPEAT;
    }
}

static int request_go(struct op *op, struct client *client,
                      struct op_draft *draft, struct err *err)
{
    if (client->own) {
        struct slice body =
            draft->no_body ? SLICE_NONE : buf_slice(&draft->body);
        if (call_own_check(op->caller->host, draft->spec.options.method,
                           buf_slice(&draft->path), body, err)) {
            op_draft_free(draft);
            return -1;
        }
    }
    return raw_start(client, op, draft, err);
}

static int raw_request(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct http_header headers[CALL_WIRE_HEADERS];
    const char *method = method_name(&args);
    struct slice body = json_get(object, "body");
    struct op_draft draft;
    (void)bytes;
    op_draft_init(&draft, NULL, method, call_args_timeout(&args));
    read_path(&args, &draft.path);
    call_wire_query(&args, "query", &draft.query);
    size_t count = call_wire_headers(&args, "headers", headers);
    check_headers(&args, headers, count);
    set_method(&draft, op, method, body.ptr != NULL);
    if (body.ptr && !op->writes) {
        call_args_fault(&args, "%s takes no body", method);
    }
    json_put_raw(&draft.w, body.ptr ? body : slice_str("{}"));
    if (call_args_check(&args) ||
        op_draft_headers(&draft, headers, count, err)) {
        op_draft_free(&draft);
        return -1;
    }
    return request_go(op, client, &draft, err);
}

/* ---- client.send ---- */

static int send_straight(struct op *op, struct client *client,
                         const struct call_send *send, struct err *err)
{
    static const struct op_field fields[] = {
        { "event_id", JSON_STRING, false },
        { 0 },
    };
    struct op_draft draft;
    struct buf txn_id;
    op_draft_init(&draft, NULL, "PUT", send->timeout_ms);
    buf_init(&txn_id, LIMIT_IDENTIFIER);
    draft.spec.options.repeat = REQUEST_REPEAT;
    draft.spec.options.send = true;
    draft.spec.fields = fields;
    draft.spec.dry = "{\"event_id\":\"$dry-run\"}";
    int made =
        send->txn_id.ptr ? buf_add(&txn_id, send->txn_id) : txn_random(&txn_id);
    url_path(&draft.path, "/_matrix/client/v3/rooms/{}/send/{}/{}", 3,
             send->room_id, send->type, buf_slice(&txn_id));
    json_put_raw(&draft.w, send->content);
    buf_free(&txn_id);
    if (made) {
        op_draft_free(&draft);
        return err_set(err, ERR_SYSTEM,
                       "client.send: cannot make a transaction id");
    }
    return raw_start(client, op, &draft, err);
}

static int raw_send(struct op *op, struct slice object, struct slice bytes,
                    struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct call_send send = {
        .room_id = call_args_id(&args, "room_id"),
        .type = call_args_id(&args, "type"),
        .content = call_args_object(&args, "content"),
        .txn_id = call_args_id_opt(&args, "txn_id"),
        .timeout_ms = call_args_timeout(&args),
    };
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    if (client->own && op->caller->host->outbox) {
        op->orphan = call_send_detach;
        return call_send_start(op, &send, err);
    }
    return send_straight(op, client, &send, err);
}

/* ---- client.define_filter ---- */

static int define_filter(struct op *op, struct slice object, struct slice bytes,
                         struct err *err)
{
    static const struct op_field fields[] = {
        { "filter_id", JSON_STRING, false },
        { 0 },
    };
    struct call_args args = call_args_of(op, object, err);
    struct client *client = client_arg(&args);
    struct slice filter = call_args_object(&args, "filter");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (client && !client_user_id(client)[0]) {
        call_args_fault(&args, "the client does not know its user: open it "
                               "with user_id, or log in");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    op_draft_init(&draft, NULL, "POST", timeout);
    draft.spec.options.repeat = REQUEST_REPEAT; /* the same filter, twice */
    draft.spec.fields = fields;
    url_path(&draft.path, "/_matrix/client/v3/user/{}/filter", 1,
             slice_str(client_user_id(client)));
    json_put_raw(&draft.w, filter);
    return raw_start(client, op, &draft, err);
}

const struct call call_raw_table[] = {
    { "client.request", CALL_WRITES | CALL_MATRIX, raw_request,
      op_request_detach },
    { "client.send", CALL_WRITES | CALL_MATRIX, raw_send, op_request_detach },
    { "client.define_filter", 0, define_filter, op_request_cancel },
    { 0 },
};
