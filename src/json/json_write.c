#include "json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "json_text.h"
#include "limits.h"
#include "log_line.h"

static void fail(struct json_writer *w, const char *why)
{
    if (w->fault == NULL) {
        w->fault = why;
    }
}

static bool in_object(const struct json_writer *w)
{
    int top = w->depth - 1;
    return w->depth > 0 && (w->object[top / 64] >> top % 64 & 1);
}

static void put(struct json_writer *w, struct slice text)
{
    if (buf_add(w->out, text) != 0) {
        fail(w, "no room");
    }
}

/* Before a value: checks that one may stand here, and writes the comma. */
static bool begin_value(struct json_writer *w)
{
    if (w->fault) {
        return false;
    }
    if (in_object(w) && !w->key) {
        fail(w, "a value without a key");
    } else if (w->depth == 0 && w->comma) {
        fail(w, "a second value");
    } else if (w->comma) {
        put(w, slice_str(","));
    }
    w->comma = true;
    w->key = false;
    return w->fault == NULL;
}

static void quote(struct json_writer *w, struct slice text)
{
    if (json_quote(text, w->out) != 0) {
        fail(w, w->out->failed ? "no room" : "invalid UTF-8 in a string");
    }
}

static void open_container(struct json_writer *w, bool object)
{
    if (!begin_value(w)) {
        return;
    }
    if (w->depth == LIMIT_JSON_DEPTH) {
        fail(w, "nested too deeply");
        return;
    }
    uint64_t bit = (uint64_t)1 << w->depth % 64;
    uint64_t *word = &w->object[w->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    put(w, slice_str(object ? "{" : "["));
    w->depth++;
    w->comma = false;
}

static void close_container(struct json_writer *w, bool object)
{
    if (w->fault) {
        return;
    }
    if (w->depth == 0 || in_object(w) != object || w->key) {
        fail(w, "an end that fits no beginning");
        return;
    }
    put(w, slice_str(object ? "}" : "]"));
    w->depth--;
    w->comma = true;
}

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer) { .out = out };
}

void json_object_begin(struct json_writer *w)
{
    open_container(w, true);
}

void json_object_end(struct json_writer *w)
{
    close_container(w, true);
}

void json_array_begin(struct json_writer *w)
{
    open_container(w, false);
}

void json_array_end(struct json_writer *w)
{
    close_container(w, false);
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_slice(w, slice_str(key));
}

void json_key_slice(struct json_writer *w, struct slice key)
{
    if (w->fault) {
        return;
    }
    if (!in_object(w) || w->key || key.ptr == NULL) {
        fail(w, "a key where none may stand");
        return;
    }
    if (w->comma) {
        put(w, slice_str(","));
    }
    quote(w, key);
    put(w, slice_str(":"));
    w->comma = false;
    w->key = true;
}

void json_put_string(struct json_writer *w, struct slice text)
{
    if (text.ptr == NULL) {
        fail(w, "an absent string");
    } else if (begin_value(w)) {
        quote(w, text);
    }
}

void json_put_int(struct json_writer *w, int64_t value)
{
    if (begin_value(w)) {
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, value);
        put(w, slice_str(text));
    }
}

void json_put_double(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        fail(w, "a number that JSON does not have");
    } else if (begin_value(w)) {
        char text[JSON_TEXT_DOUBLE];
        put(w, slice_make(text, json_text_double(value, text)));
    }
}

void json_put_bool(struct json_writer *w, bool value)
{
    json_put_raw(w, slice_str(value ? "true" : "false"));
}

void json_put_null(struct json_writer *w)
{
    json_put_raw(w, slice_str("null"));
}

void json_put_raw(struct json_writer *w, struct slice value)
{
    if (slice_empty(value)) {
        fail(w, "an absent value");
    } else if (begin_value(w)) {
        put(w, value);
    }
}

void json_member_string(struct json_writer *w, const char *key,
                        struct slice text)
{
    if (text.ptr) {
        json_key(w, key);
        json_put_string(w, text);
    }
}

void json_member_str(struct json_writer *w, const char *key, const char *text)
{
    json_member_string(w, key, slice_str(text));
}

void json_member_text(struct json_writer *w, const char *key, struct slice text)
{
    struct log_line line = { .len = 0 };
    struct log_line_form form = { .style = LOG_LINE_JSON,
                                  .end = sizeof line.text - 2 };
    if (text.ptr == NULL) {
        return;
    }
    log_line_add(&line, "\"");
    log_line_value(&line, &form, text, false);
    log_line_add(&line, "\"");
    json_member_raw(w, key, slice_make(line.text, line.len));
}

void json_member_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_put_int(w, value);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_put_bool(w, value);
}

void json_member_raw(struct json_writer *w, const char *key, struct slice value)
{
    if (value.ptr) {
        json_key(w, key);
        json_put_raw(w, value);
    }
}

int json_finish(struct json_writer *w, const char *what, struct err *err)
{
    if (w->out->failed) {
        return buf_check(w->out, what, err);
    }
    if (w->fault == NULL && w->depth > 0) {
        w->fault = "a container is open";
    }
    if (w->fault == NULL && !w->comma) {
        w->fault = "nothing was written";
    }
    if (w->fault) {
        return err_set(err, ERR_JSON, "cannot write %s: %s", what, w->fault);
    }
    return 0;
}

/* The escape of a byte that has one. */
static struct slice escape(char c, char text[8])
{
    static const char names[] = "\"\\bfnrt";
    static const char values[] = "\"\\\b\f\n\r\t";
    const char *value = memchr(values, c, sizeof values - 1);
    int len = value ? snprintf(text, 8, "\\%c", names[value - values])
                    : snprintf(text, 8, "\\u%04x", (unsigned char)c);
    return slice_make(text, (size_t)len);
}

int json_quote(struct slice text, struct buf *out)
{
    if (text.ptr == NULL) {
        return -1;
    }
    size_t before = out->len;
    const char *p = text.ptr, *end = p + text.len;
    const char *pending = p; /* from here to p nothing needs an escape */
    int rc = buf_addc(out, '"');
    while (rc == 0 && p < end) {
        p = json_text_plain(p, end);
        size_t n = json_text_utf8(p, end);
        if (p == end || n > 1) {
            p += n;
        } else if (n == 0) {
            rc = -1;
        } else {
            char room[8];
            rc |= buf_add(out, slice_make(pending, (size_t)(p - pending)));
            rc |= buf_add(out, escape(*p, room));
            pending = ++p;
        }
    }
    if (rc == 0) {
        rc |= buf_add(out, slice_make(pending, (size_t)(end - pending)));
        rc |= buf_addc(out, '"');
    }
    if (rc != 0) {
        buf_truncate(out, before);
    }
    return rc ? -1 : 0;
}
