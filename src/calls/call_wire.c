#include "call_wire.h"

#include <ctype.h>
#include <strings.h>

#include "json_text.h"
#include "json_write.h"
#include "limits.h"
#include "url.h"

/* ---- what goes out ---- */

const char *call_wire_method(struct call_args *args)
{
    const char *method = call_args_text_opt(args, "method");
    size_t len = method ? strlen(method) : 0;
    bool good = len > 0 && len <= 20 && strcmp(method, "CONNECT") != 0 &&
                strcmp(method, "TRACE") != 0;
    for (size_t i = 0; i < len; i++) {
        good = good && method[i] >= 'A' && method[i] <= 'Z';
    }
    if (!good) {
        call_args_fault(args, "method must be GET, POST, PUT, DELETE or the "
                              "like");
    }
    return good ? method : "GET";
}

bool call_wire_is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

bool call_wire_is_url(struct slice url)
{
    return call_wire_is_plain(url) &&
           (slice_starts(url, "https://") || slice_starts(url, "http://"));
}

static void add_value(struct call_args *args, struct slice key,
                      struct slice value, struct buf *out)
{
    enum json_type type = json_type(value);
    if (type == JSON_STRING) {
        url_query(out, key, call_args_decode(args, value));
    } else if (type == JSON_NUMBER || type == JSON_BOOL) {
        url_query(out, key, value);
    } else {
        call_args_fault(args, "values of query must be strings, numbers, "
                              "booleans or arrays of these");
    }
}

static void add_values(struct call_args *args, struct slice name,
                       struct slice value, struct buf *out)
{
    struct slice key = call_args_decode(args, name);
    struct json_iter it = json_iter(value);
    if (json_type(value) != JSON_ARRAY) {
        add_value(args, key, value, out);
        return;
    }
    while (json_next(&it)) {
        add_value(args, key, it.value, out);
    }
}

void call_wire_query(struct call_args *args, const char *key, struct buf *out)
{
    struct json_iter it = json_iter(call_args_object_opt(args, key));
    while (json_next(&it)) {
        add_values(args, it.key, it.value, out);
    }
}

static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (!isalnum(c) && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return name.len > 0;
}

static bool is_header_value(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* The transport frames the body itself. */
static bool is_framing(struct slice name)
{
    return (name.len == 14 &&
            strncasecmp(name.ptr, "content-length", 14) == 0) ||
           (name.len == 17 &&
            strncasecmp(name.ptr, "transfer-encoding", 17) == 0);
}

static void check_header(struct call_args *args,
                         const struct http_header *header)
{
    if (!header->name.ptr || !is_token(header->name)) {
        call_args_fault(args, "'%.*s' is no name of a header",
                        SLICE_ARG(header->name));
    } else if (is_framing(header->name)) {
        call_args_fault(args, "the header %.*s is set by the host",
                        SLICE_ARG(header->name));
    } else if (!header->value.ptr || !is_header_value(header->value)) {
        call_args_fault(args, "the header %.*s must be a string on one line",
                        SLICE_ARG(header->name));
    }
}

size_t call_wire_headers(struct call_args *args, const char *key,
                         struct http_header out[CALL_WIRE_HEADERS])
{
    struct json_iter it = json_iter(call_args_object_opt(args, key));
    size_t count = 0;
    while (json_next(&it)) {
        if (count == CALL_WIRE_HEADERS) {
            call_args_fault(args, "more than %d headers", CALL_WIRE_HEADERS);
            return 0;
        }
        out[count].name = call_args_decode(args, it.key);
        out[count].value = call_args_decode(args, it.value);
        check_header(args, &out[count++]);
    }
    return count;
}

/* ---- what comes back ---- */

/* Headers have no encoding of their own: what is no UTF-8 is read as
 * Latin-1. */
static void add_text(struct buf *out, struct slice text)
{
    if (json_text_is_utf8(text)) {
        buf_add(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        char utf8[4];
        size_t len = json_text_encode((unsigned char)text.ptr[i], utf8);
        buf_add(out, slice_make(utf8, len));
    }
}

static bool seen_before(const struct http_head *head, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_eq(head->headers[i].name, head->headers[index].name)) {
            return true;
        }
    }
    return false;
}

static void write_header(struct json_writer *w, const struct http_head *head,
                         size_t index, struct buf *value)
{
    struct slice name = head->headers[index].name;
    if (seen_before(head, index) || !json_text_is_utf8(name)) {
        return;
    }
    buf_clear(value);
    for (size_t i = index; i < head->header_count; i++) {
        if (slice_eq(head->headers[i].name, name)) {
            buf_adds(value, i > index ? ", " : "");
            add_text(value, head->headers[i].value);
        }
    }
    json_key_slice(w, name);
    json_put_string(w, buf_slice(value));
}

void call_wire_write_headers(struct json_writer *w,
                             const struct http_head *head)
{
    struct buf value;
    buf_init(&value, 4 * LIMIT_HTTP_HEADERS);
    json_object_begin(w);
    for (size_t i = 0; i < head->header_count; i++) {
        write_header(w, head, i, &value);
    }
    json_object_end(w);
    buf_free(&value);
}
