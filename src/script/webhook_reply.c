#include "webhook_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_read.h"

void webhook_reply_init(struct webhook_reply *reply)
{
    *reply = (struct webhook_reply) { .count = 0 };
    buf_init(&reply->body, LIMIT_WEBHOOK_ANSWER);
}

void webhook_reply_free(struct webhook_reply *reply)
{
    while (reply->count > 0) {
        reply->count--;
        buf_free(&reply->names[reply->count]);
        buf_free(&reply->values[reply->count]);
    }
    buf_free(&reply->body);
}

/* A header that ends its line could begin another one, or a body. */
static bool is_text(struct slice text, bool name)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0x7f || c < 0x20 ||
            (name &&
             (c > 0x7e || c == ' ' || strchr("()<>@,;:\\\"/[]?={}", c)))) {
            return false;
        }
    }
    return !name || text.len > 0;
}

/* They belong to whoever writes the answer to the wire. */
static bool is_ours(struct slice name)
{
    static const char *const ours[] = { "content-length", "transfer-encoding",
                                        "connection", "date", "upgrade" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (name.len == strlen(ours[i]) &&
            strncasecmp(name.ptr, ours[i], name.len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_header(struct webhook_reply *reply, struct call_args *args,
                       struct slice key, struct slice text)
{
    struct slice name = call_args_decode(args, key);
    struct slice value = call_args_decode(args, text);
    if (!name.ptr || !value.ptr || !is_text(name, true) ||
        !is_text(value, false) || value.len > KIB(8)) {
        call_args_fault(args, "a header of the answer is no text of one line");
    } else if (is_ours(name)) {
        call_args_fault(args, "the header %.*s is not the script's to set",
                        SLICE_ARG(name));
    } else if (reply->count == LIMIT_WEBHOOK_FIELDS) {
        call_args_fault(args, "more than %d headers", LIMIT_WEBHOOK_FIELDS);
    } else {
        struct buf *into = &reply->names[reply->count];
        buf_init(into, KIB(1));
        buf_add(into, name);
        buf_init(&reply->values[reply->count], KIB(8));
        buf_add(&reply->values[reply->count], value);
        reply->count++;
    }
}

void webhook_reply_set(struct webhook_reply *reply, struct call_args *args,
                       struct slice body)
{
    struct slice headers = call_args_object_opt(args, "headers");
    int64_t status = call_args_int(args, "status", 204, 0, 999);
    bool refused = call_args_bool(args, "refused", false);
    struct json_iter it = json_iter(headers.ptr ? headers : slice_str("{}"));
    if (reply->status || reply->refused) {
        call_args_fault(args, "there is an answer already");
        return;
    }
    if (status < 200 || status > 599) {
        call_args_fault(args, "the status must be 200 to 599");
        return;
    }
    while (!args->failed && json_next(&it)) {
        add_header(reply, args, it.key, it.value);
    }
    if (buf_add(&reply->body, body.ptr ? body : slice_str("")) != 0) {
        call_args_fault(args, "the body of the answer is larger than %zu bytes",
                        LIMIT_WEBHOOK_ANSWER);
    }
    if (!args->failed) {
        reply->status = (int)status;
        reply->refused = refused;
    }
}

void webhook_reply_get(const struct webhook_reply *reply,
                       struct http_header headers[LIMIT_WEBHOOK_FIELDS],
                       struct listen_answer *answer)
{
    bool bare = reply->status == 204 || reply->status == 304;
    for (size_t i = 0; i < reply->count; i++) {
        headers[i] = (struct http_header) { buf_slice(&reply->names[i]),
                                            buf_slice(&reply->values[i]) };
    }
    *answer = (struct listen_answer) {
        .status = reply->status,
        .headers = headers,
        .header_count = reply->count,
        .body = bare ? slice_str("") : buf_slice(&reply->body),
    };
}

/* ---- queries ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void decode(struct slice text, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool escape = c == '%' && i + 2 < text.len &&
                      digit(text.ptr[i + 1]) >= 0 &&
                      digit(text.ptr[i + 2]) >= 0;
        if (escape) {
            c = (char)(digit(text.ptr[i + 1]) * 16 + digit(text.ptr[i + 2]));
            i += 2;
        }
        buf_addc(out, c == '+' && !escape ? ' ' : c);
    }
}

void webhook_reply_write_query(struct json_writer *w, const char *query)
{
    struct buf name, value;
    buf_init(&name, LIMIT_LISTEN_HEADERS);
    buf_init(&value, LIMIT_LISTEN_HEADERS);
    json_object_begin(w);
    while (*query) {
        size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        size_t key = equals ? (size_t)(equals - query) : len;
        decode(slice_make(query, key), &name);
        decode(equals ? slice_make(equals + 1, len - key - 1) : slice_str(""),
               &value);
        if (len > 0) {
            json_key_slice(w, buf_slice(&name));
            json_put_string(w, buf_slice(&value));
        }
        query += len;
        query += *query == '&';
    }
    json_object_end(w);
    buf_free(&name);
    buf_free(&value);
}
