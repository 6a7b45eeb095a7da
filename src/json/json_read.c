#include "json_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "json_text.h"
#include "limits.h"

struct reader {
    const char *start, *p, *end;
    const char *why;
};

static bool check_value(struct reader *r, int depth);

static bool fault(struct reader *r, const char *why)
{
    r->why = why;
    return false;
}

static bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static void skip_space(struct reader *r)
{
    r->p = json_text_space(r->p, r->end);
}

static bool check_escape(struct reader *r)
{
    unsigned code;
    size_t n = json_text_escape(r->p, r->end, &code);
    if (n == 0) {
        return fault(r, code ? "lone surrogate" : "bad escape");
    }
    r->p += n;
    return true;
}

static bool check_string(struct reader *r)
{
    r->p++;
    for (;;) {
        r->p = json_text_plain(r->p, r->end);
        if (r->p == r->end) {
            return fault(r, "string without an end");
        }
        unsigned char c = (unsigned char)*r->p;
        if (c == '"') {
            r->p++;
            return true;
        }
        if (c == '\\') {
            if (!check_escape(r)) {
                return false;
            }
        } else if (c < 0x20) {
            return fault(r, "control byte in a string");
        } else {
            size_t n = json_text_utf8(r->p, r->end);
            if (n == 0) {
                return fault(r, "invalid UTF-8");
            }
            r->p += n;
        }
    }
}

static bool check_key(struct reader *r)
{
    if (!at(r, '"')) {
        return fault(r, "expected a key");
    }
    if (!check_string(r)) {
        return false;
    }
    skip_space(r);
    if (!at(r, ':')) {
        return fault(r, "expected ':'");
    }
    r->p++;
    skip_space(r);
    return true;
}

static bool check_container(struct reader *r, int depth)
{
    bool object = *r->p == '{';
    char close = object ? '}' : ']';
    if (depth >= LIMIT_JSON_DEPTH) {
        return fault(r, "nested too deeply");
    }
    r->p++;
    skip_space(r);
    if (at(r, close)) {
        r->p++;
        return true;
    }
    for (;;) {
        if ((object && !check_key(r)) || !check_value(r, depth + 1)) {
            return false;
        }
        skip_space(r);
        if (at(r, close)) {
            r->p++;
            return true;
        }
        if (!at(r, ',')) {
            return fault(r, object ? "expected ',' or '}'"
                                   : "expected ',' or ']'");
        }
        r->p++;
        skip_space(r);
    }
}

static bool check_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0) {
        return fault(r, "expected a value");
    }
    r->p += len;
    return true;
}

static bool check_number(struct reader *r)
{
    size_t n = json_text_number(r->p, r->end);
    if (n == 0) {
        return fault(r, "malformed number");
    }
    if (n > LIMIT_JSON_NUMBER) {
        return fault(r, "number too long");
    }
    r->p += n;
    return true;
}

static bool check_value(struct reader *r, int depth)
{
    if (r->p == r->end) {
        return fault(r, "expected a value");
    }
    switch (*r->p) {
    case '{':
    case '[':
        return check_container(r, depth);
    case '"':
        return check_string(r);
    case 't':
        return check_word(r, "true");
    case 'f':
        return check_word(r, "false");
    case 'n':
        return check_word(r, "null");
    default:
        if (*r->p == '-' || json_text_is_digit(*r->p)) {
            return check_number(r);
        }
        return fault(r, "expected a value");
    }
}

int json_check(struct slice text, struct err *err)
{
    if (text.ptr == NULL) {
        return err_set(err, ERR_JSON, "no JSON text");
    }
    struct reader r = { text.ptr, text.ptr, text.ptr + text.len, NULL };
    skip_space(&r);
    if (check_value(&r, 0)) {
        skip_space(&r);
        if (r.p == r.end) {
            return 0;
        }
        r.why = "text after the value";
    }
    return err_set(err, ERR_JSON, "byte %zu: %s%s", (size_t)(r.p - r.start),
                   r.why, r.p == r.end ? ", but the text ends" : "");
}

struct slice json_trim(struct slice text)
{
    if (text.ptr == NULL) {
        return text;
    }
    const char *end = text.ptr + text.len;
    const char *p = json_text_space(text.ptr, end);
    while (end > p && json_text_is_space(end[-1])) {
        end--;
    }
    return slice_make(p, (size_t)(end - p));
}

enum json_type json_type(struct slice value)
{
    const char *end = value.ptr ? value.ptr + value.len : NULL;
    const char *p = value.ptr ? json_text_space(value.ptr, end) : NULL;
    if (p == end) {
        return JSON_NONE;
    }
    switch (*p) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        return *p == '-' || json_text_is_digit(*p) ? JSON_NUMBER : JSON_NONE;
    }
}

/* What stands between the quotes; absent when value is no string. */
static struct slice inside(struct slice value)
{
    value = json_trim(value);
    if (value.len < 2 || value.ptr[0] != '"' ||
        value.ptr[value.len - 1] != '"') {
        return SLICE_NONE;
    }
    return slice_make(value.ptr + 1, value.len - 2);
}

static bool has_escape(struct slice inner)
{
    return memchr(inner.ptr, '\\', inner.len) != NULL;
}

bool json_int(struct slice value, int64_t *out)
{
    const double most = 9007199254740992.0; /* 2^53 */
    if (json_type(value) != JSON_NUMBER) {
        return false;
    }
    value = json_trim(value);
    if (json_text_int(value, out)) {
        return true;
    }
    bool whole = memchr(value.ptr, '.', value.len) == NULL &&
                 memchr(value.ptr, 'e', value.len) == NULL &&
                 memchr(value.ptr, 'E', value.len) == NULL;
    double number = json_text_to_double(value);
    if (whole || !(number >= -most && number <= most) ||
        number != (double)(int64_t)number) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

bool json_double(struct slice value, double *out)
{
    if (json_type(value) != JSON_NUMBER) {
        return false;
    }
    double number = json_text_to_double(json_trim(value));
    if (!isfinite(number)) {
        return false;
    }
    *out = number;
    return true;
}

bool json_bool(struct slice value, bool *out)
{
    value = json_trim(value);
    if (!slice_is(value, "true") && !slice_is(value, "false")) {
        return false;
    }
    *out = value.ptr[0] == 't';
    return true;
}

int json_string(struct slice value, struct buf *out)
{
    struct slice inner = inside(value);
    if (inner.ptr == NULL) {
        return -1;
    }
    if (!has_escape(inner)) {
        return buf_add(out, inner);
    }
    char *to = buf_reserve(out, inner.len);
    if (to == NULL) {
        return -1;
    }
    buf_added(out, json_text_decode(inner, to));
    return 0;
}

struct slice json_plain(struct slice value)
{
    struct slice inner = inside(value);
    return inner.ptr && has_escape(inner) ? SLICE_NONE : inner;
}

/* The same for a string that holds an escape. */
static bool equals_decoded(struct slice inner, struct slice text)
{
    const char *p = inner.ptr, *end = p + inner.len;
    const char *t = text.ptr, *text_end = t + text.len;
    while (p < end) {
        char decoded[4];
        const char *from = p;
        size_t len = 1;
        if (*p == '\\') {
            unsigned code;
            size_t n = json_text_escape(p, end, &code);
            if (n == 0) {
                return false;
            }
            len = json_text_encode(code, decoded);
            from = decoded;
            p += n;
        } else {
            const char *stop = memchr(p, '\\', (size_t)(end - p));
            len = (size_t)((stop ? stop : end) - p);
            p += len;
        }
        if ((size_t)(text_end - t) < len || memcmp(t, from, len) != 0) {
            return false;
        }
        t += len;
    }
    return t == text_end;
}

/* Decoding shortens, so the lengths answer for nearly every key. */
bool json_equals(struct slice value, struct slice text)
{
    struct slice inner = inside(value);
    if (inner.ptr == NULL || text.ptr == NULL || inner.len < text.len) {
        return false;
    }
    if (inner.len > text.len) {
        return has_escape(inner) && equals_decoded(inner, text);
    }
    return memcmp(inner.ptr, text.ptr, text.len) == 0 && !has_escape(inner);
}

char *json_dup(struct slice value, size_t max)
{
    struct slice inner = inside(value);
    /* An escape of 6 bytes decodes to at least one. */
    if (inner.ptr == NULL || inner.len / 6 > max) {
        return NULL;
    }
    char *copy = malloc(inner.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    size_t len = json_text_decode(inner, copy);
    if (len > max || memchr(copy, '\0', len) != NULL) {
        free(copy);
        return NULL;
    }
    copy[len] = '\0';
    return copy;
}

/* Can a number or a word not go on with c? */
static bool is_stop(char c)
{
    switch (c) {
    case ',':
    case ':':
    case '[':
    case ']':
    case '{':
    case '}':
    case '"':
        return true;
    default:
        return json_text_is_space(c);
    }
}

/* The byte after the value at p. */
static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = json_text_skip_string(p, end);
            break;
        case '{':
        case '[':
            depth++;
            p++;
            continue;
        case '}':
        case ']':
            depth -= depth > 0;
            p++;
            break;
        case ',':
        case ':':
        case ' ':
        case '\n':
        case '\r':
        case '\t':
            p++;
            continue;
        default: /* number or word: up to what ends one */
            do {
                p++;
            } while (p < end && !is_stop(*p));
        }
        if (depth == 0) {
            return p;
        }
    }
    return end;
}

struct json_iter json_iter(struct slice container)
{
    struct json_iter it = { SLICE_NONE, SLICE_NONE, SLICE_NONE, false };
    enum json_type type = json_type(container);
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        container = json_trim(container);
        it.rest = slice_make(container.ptr + 1, container.len - 1);
        it.object = type == JSON_OBJECT;
    }
    return it;
}

/* Ends the walk for good. */
static bool iter_end(struct json_iter *it)
{
    it->rest = it->key = it->value = SLICE_NONE;
    return false;
}

bool json_next(struct json_iter *it)
{
    if (it->rest.ptr == NULL) {
        return false;
    }
    const char *p = it->rest.ptr, *end = p + it->rest.len;
    p = json_text_space(p, end);
    if (p < end && *p == ',') {
        p = json_text_space(p + 1, end);
    }
    if (it->object) {
        if (p == end || *p != '"') {
            return iter_end(it);
        }
        const char *key = p;
        p = json_text_skip_string(p, end);
        it->key = slice_make(key, (size_t)(p - key));
        p = json_text_space(p, end);
        if (p < end && *p == ':') {
            p = json_text_space(p + 1, end);
        }
    }
    if (p == end || *p == ']' || *p == '}' || *p == ',' || *p == ':') {
        return iter_end(it);
    }
    const char *value = p;
    p = skip_value(p, end);
    it->value = slice_make(value, (size_t)(p - value));
    it->rest = slice_make(p, (size_t)(end - p));
    return true;
}

struct slice json_get_slice(struct slice object, struct slice key)
{
    struct slice found = SLICE_NONE;
    if (json_type(object) == JSON_OBJECT) {
        struct json_iter it = json_iter(object);
        while (json_next(&it)) {
            if (json_equals(it.key, key)) {
                found = it.value;
            }
        }
    }
    return found;
}

struct slice json_get(struct slice object, const char *key)
{
    return json_get_slice(object, slice_str(key));
}
