#include "json_scan.h"

#include <stdlib.h>

#include "json_scan_scalar.h"
#include "json_text.h"

struct json_scan *json_scan_new(json_token_fn *token, json_capture_fn *capture,
                                void *arg)
{
    struct json_scan *s = calloc(1, sizeof *s);
    if (s) {
        s->token = token;
        s->capture = capture;
        s->arg = arg;
    }
    return s;
}

void json_scan_free(struct json_scan *scan)
{
    free(scan);
}

static void ask(struct json_scan *s, enum scan_mode mode)
{
    if (s->offered) {
        s->mode = mode;
    }
}

void json_scan_capture(struct json_scan *scan)
{
    ask(scan, SCAN_CAPTURE);
}

void json_scan_skip(struct json_scan *scan)
{
    ask(scan, SCAN_SKIP);
}

bool json_scan_is_cut(const struct json_scan *scan)
{
    return scan->cut;
}

static bool in_object(const struct json_scan *s)
{
    int top = s->depth - 1;
    return s->depth > 0 && (s->object[top / 64] >> top % 64 & 1);
}

static const char *begin_container(struct json_scan *s, const char *p,
                                   bool object)
{
    int depth = s->depth - (s->mode == SCAN_TOKENS ? 0 : s->around);
    if (depth >= LIMIT_JSON_DEPTH) {
        json_scan_spoil(s, "nested too deeply");
        s->state = SCAN_BELOW;
        s->below = 1;
        return s->why ? p : p + 1;
    }
    if (s->mode == SCAN_TOKENS) {
        s->offered = true;
        json_scan_report(s, object ? JSON_TOKEN_OBJECT : JSON_TOKEN_ARRAY,
                         SLICE_NONE);
        s->offered = false;
        if (s->mode != SCAN_TOKENS) {
            s->around = s->depth;
            s->mark = p;
            s->fault = NULL;
        }
    }
    uint64_t bit = (uint64_t)1 << s->depth % 64;
    uint64_t *word = &s->object[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    s->state = object ? SCAN_FIRST_KEY : SCAN_FIRST_ITEM;
    return p + 1;
}

static const char *end_container(struct json_scan *s, const char *p)
{
    bool object = in_object(s);
    s->depth--;
    s->state = SCAN_AFTER;
    if (s->mode == SCAN_TOKENS) {
        json_scan_report(s,
                         object ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END,
                         SLICE_NONE);
    } else if (s->depth == s->around) {
        enum scan_mode mode = s->mode;
        s->mode = SCAN_TOKENS;
        if (mode == SCAN_CAPTURE) {
            struct slice last = slice_make(s->mark, (size_t)(p + 1 - s->mark));
            s->capture(s->arg, last, NULL);
            s->capture(s->arg, SLICE_NONE, s->fault);
        }
    }
    return p + 1;
}

static const char *begin_word(struct json_scan *s, const char *p,
                              const char *word, enum json_token token)
{
    s->state = SCAN_WORD;
    s->word = word;
    s->word_token = token;
    return p;
}

static const char *begin_value(struct json_scan *s, const char *p)
{
    switch (*p) {
    case '{':
    case '[':
        return begin_container(s, p, *p == '{');
    case '"':
        s->state = SCAN_STRING;
        s->key = false;
        return p + 1;
    case 't':
        return begin_word(s, p, "true", JSON_TOKEN_TRUE);
    case 'f':
        return begin_word(s, p, "false", JSON_TOKEN_FALSE);
    case 'n':
        return begin_word(s, p, "null", JSON_TOKEN_NULL);
    default:
        break;
    }
    if (*p != '-' && !json_text_is_digit(*p)) {
        return json_scan_fail(s, p, "expected a value");
    }
    return json_scan_begin_number(s, p);
}

static const char *after_value(struct json_scan *s, const char *p)
{
    bool object = in_object(s);
    if (s->depth == 0) {
        return json_scan_fail(s, p, "text after the value");
    }
    if (*p == ',') {
        s->state = object ? SCAN_KEY : SCAN_VALUE;
        return p + 1;
    }
    if (*p == (object ? '}' : ']')) {
        return end_container(s, p);
    }
    return json_scan_fail(
        s, p, object ? "expected ',' or '}'" : "expected ',' or ']'");
}

static const char *structure(struct json_scan *s, const char *p,
                             const char *end)
{
    p = json_text_space(p, end);
    if (p == end) {
        return p;
    }
    switch (s->state) {
    case SCAN_FIRST_ITEM:
        return *p == ']' ? end_container(s, p) : begin_value(s, p);
    case SCAN_VALUE:
        return begin_value(s, p);
    case SCAN_FIRST_KEY:
        if (*p == '}') {
            return end_container(s, p);
        } /* fall through */
    case SCAN_KEY:
        if (*p != '"') {
            return json_scan_fail(s, p, "expected a key");
        }
        s->state = SCAN_STRING;
        s->key = true;
        return p + 1;
    case SCAN_COLON:
        if (*p != ':') {
            return json_scan_fail(s, p, "expected ':'");
        }
        s->state = SCAN_VALUE;
        return p + 1;
    default:
        return after_value(s, p);
    }
}

/* Too deep: on to where that ends, by brackets outside of strings. */
static const char *in_below(struct json_scan *s, const char *p)
{
    if (*p == '"') {
        s->state = SCAN_BELOW_STRING;
    } else if (*p == '[' || *p == '{') {
        s->below++;
    } else if ((*p == ']' || *p == '}') && --s->below == 0) {
        s->state = SCAN_AFTER;
    }
    return p + 1;
}

static const char *in_below_string(struct json_scan *s, const char *p)
{
    if (s->state == SCAN_BELOW_ESCAPE) {
        s->state = SCAN_BELOW_STRING;
    } else if (*p == '\\') {
        s->state = SCAN_BELOW_ESCAPE;
    } else if (*p == '"') {
        s->state = SCAN_BELOW;
    }
    return p + 1;
}

static const char *step(struct json_scan *s, const char *p, const char *end)
{
    switch (s->state) {
    case SCAN_VALUE:
    case SCAN_FIRST_ITEM:
    case SCAN_FIRST_KEY:
    case SCAN_KEY:
    case SCAN_COLON:
    case SCAN_AFTER:
        return structure(s, p, end);
    case SCAN_BELOW:
        return in_below(s, p);
    case SCAN_BELOW_STRING:
    case SCAN_BELOW_ESCAPE:
        return in_below_string(s, p);
    default:
        return json_scan_scalar(s, p, end);
    }
}

static int over(struct json_scan *s, struct err *err)
{
    return err_set(err, ERR_JSON, "byte %llu: %s",
                   (unsigned long long)s->before, s->why);
}

int json_scan_feed(struct json_scan *scan, struct slice piece, struct err *err)
{
    const char *p = piece.ptr, *end = p + piece.len;
    scan->mark = p;
    while (p < end && scan->why == NULL) {
        p = step(scan, p, end);
    }
    scan->before += (size_t)(p - piece.ptr);
    if (scan->why) {
        return over(scan, err);
    }
    if (scan->mode == SCAN_CAPTURE && scan->mark < end) {
        struct slice rest = slice_make(scan->mark, (size_t)(end - scan->mark));
        scan->capture(scan->arg, rest, NULL);
    }
    return 0;
}

int json_scan_end(struct json_scan *scan, struct err *err)
{
    if (scan->why == NULL && scan->state == SCAN_NUMBER) {
        json_scan_end_number(scan, scan->text, scan->text);
    }
    if (scan->why == NULL && (scan->state != SCAN_AFTER || scan->depth > 0)) {
        scan->why = "the text ends inside of its value";
    }
    return scan->why ? over(scan, err) : 0;
}
