#include "json_scan_scalar.h"

#include "json_text.h"

/* ---- the text of keys and scalars ---- */

static void keep(struct json_scan *s, const char *from, size_t len)
{
    size_t room = sizeof s->text - s->text_len;
    if (s->mode != SCAN_TOKENS || s->cut) {
        return;
    }
    if (len > room) {
        s->cut = true;
        len = room;
        while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80) {
            len--; /* not in the middle of a character */
        }
    }
    memcpy(s->text + s->text_len, from, len);
    s->text_len += len;
}

static void keep_code(struct json_scan *s, unsigned code)
{
    char utf8[4];
    keep(s, utf8, json_text_encode(code, utf8));
}

/* Reports a scalar or key whose last bytes are [from, p). */
static void report_text(struct json_scan *s, enum json_token token,
                        const char *from, const char *p)
{
    struct slice text = slice_make(from, (size_t)(p - from));
    if (s->mode != SCAN_TOKENS) {
        return;
    }
    if (s->text_len > 0 || s->cut || text.len > sizeof s->text) {
        keep(s, text.ptr, text.len);
        text = slice_make(s->text, s->text_len);
    }
    json_scan_report(s, token, text);
    s->text_len = 0;
    s->cut = false;
}

/* ---- strings ---- */

static const char *in_string(struct json_scan *s, const char *p,
                             const char *end)
{
    const char *run = p;
    for (;;) {
        p = json_text_plain(p, end);
        if (p == end) {
            break;
        }
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            s->state = s->key ? SCAN_COLON : SCAN_AFTER;
            report_text(s, s->key ? JSON_TOKEN_KEY : JSON_TOKEN_STRING, run, p);
            return p + 1;
        }
        if (c == '\\') {
            s->state = SCAN_ESCAPE;
            break;
        }
        size_t n = json_text_utf8(p, end);
        if (n == 0) {
            s->state = SCAN_UTF8;
            s->sequence_len = 0;
            break;
        }
        if (c < 0x20) {
            json_scan_spoil(s, "control byte in a string");
            if (s->why) {
                return p;
            }
        }
        p += n;
    }
    keep(s, run, (size_t)(p - run));
    return s->state == SCAN_ESCAPE ? p + 1 : p;
}

static bool may_go_on(const char *sequence, size_t len)
{
    if (len == 1) {
        unsigned char lead = (unsigned char)sequence[0];
        return lead >= 0xc2 && lead <= 0xf4;
    }
    char full[4] = { '\x80', '\x80', '\x80', '\x80' };
    memcpy(full, sequence, len);
    return json_text_utf8(full, full + 4) > len;
}

static const char *in_utf8(struct json_scan *s, const char *p)
{
    s->sequence[s->sequence_len++] = *p;
    size_t len = s->sequence_len;
    if (json_text_utf8(s->sequence, s->sequence + len) == len) {
        keep(s, s->sequence, len);
        s->state = SCAN_STRING;
    } else if (!may_go_on(s->sequence, len)) {
        json_scan_spoil(s, "invalid UTF-8");
        s->state = SCAN_STRING;
        return len > 1 ? p : p + 1; /* it may be a good byte, even a quote */
    }
    return p + 1;
}

static const char *in_escape(struct json_scan *s, const char *p)
{
    s->state = SCAN_STRING;
    if (*p == 'u') {
        s->state = SCAN_UNIT;
        s->unit = 0;
        s->digits = 0;
        return p + 1;
    }
    char pair[2] = { '\\', *p };
    unsigned code;
    if (json_text_escape(pair, pair + 2, &code) == 2) {
        keep_code(s, code);
    } else {
        json_scan_spoil(s, "bad escape");
    }
    return p + 1;
}

static void unit_ended(struct json_scan *s)
{
    bool low = s->unit >= 0xdc00 && s->unit <= 0xdfff;
    s->state = SCAN_STRING;
    if (low != (s->high != 0)) {
        json_scan_spoil(s, "lone surrogate");
    } else if (low) {
        keep_code(s, 0x10000 + ((s->high - 0xd800) << 10) + s->unit - 0xdc00);
    } else if (s->unit >= 0xd800 && s->unit <= 0xdbff) {
        s->high = s->unit;
        s->state = SCAN_HIGH;
        return;
    } else {
        keep_code(s, s->unit);
    }
    s->high = 0;
}

static const char *in_unit(struct json_scan *s, const char *p)
{
    int digit = json_text_hex(*p);
    if (digit < 0) {
        json_scan_spoil(s, "bad escape");
        s->state = SCAN_STRING;
        s->high = 0;
        return p;
    }
    s->unit = s->unit << 4 | (unsigned)digit;
    if (++s->digits == 4) {
        unit_ended(s);
    }
    return p + 1;
}

/* Between the halves of a surrogate pair. */
static const char *in_high(struct json_scan *s, const char *p)
{
    if (s->state == SCAN_HIGH && *p == '\\') {
        s->state = SCAN_HIGH_U;
        return p + 1;
    }
    if (s->state == SCAN_HIGH_U && *p == 'u') {
        return in_escape(s, p);
    }
    json_scan_spoil(s, "lone surrogate");
    s->high = 0;
    s->state = s->state == SCAN_HIGH ? SCAN_STRING : SCAN_ESCAPE;
    return p;
}

/* ---- numbers and words ---- */

/* The state after c; -1 when c is no part of the number. */
static int number_step(enum scan_number number, char c)
{
    bool digit = json_text_is_digit(c);
    switch (number) {
    case SCAN_MINUS:
        return c == '0' ? SCAN_ZERO : digit ? SCAN_WHOLE : -1;
    case SCAN_WHOLE:
        if (digit) {
            return SCAN_WHOLE;
        } /* fall through */
    case SCAN_ZERO:
        return c == '.' ? SCAN_POINT : c == 'e' || c == 'E' ? SCAN_EXP : -1;
    case SCAN_POINT:
        return digit ? SCAN_FRACTION : -1;
    case SCAN_FRACTION:
        return digit ? SCAN_FRACTION : c == 'e' || c == 'E' ? SCAN_EXP : -1;
    case SCAN_EXP:
        if (c == '+' || c == '-') {
            return SCAN_EXP_SIGN;
        } /* fall through */
    default:
        return digit ? SCAN_EXP_DIGITS : -1;
    }
}

const char *json_scan_begin_number(struct json_scan *s, const char *p)
{
    s->state = SCAN_NUMBER;
    s->digits = 0;
    /* As after a minus sign, in case there is none. */
    s->number = SCAN_MINUS;
    if (*p == '-') {
        keep(s, p, 1);
        s->digits = 1;
        return p + 1;
    }
    return p;
}

const char *json_scan_end_number(struct json_scan *s, const char *from,
                                 const char *p)
{
    if (s->number != SCAN_ZERO && s->number != SCAN_WHOLE &&
        s->number != SCAN_FRACTION && s->number != SCAN_EXP_DIGITS) {
        return json_scan_fail(s, p, "malformed number");
    }
    s->state = SCAN_AFTER;
    report_text(s, JSON_TOKEN_NUMBER, from, p);
    return p;
}

static const char *in_number(struct json_scan *s, const char *p,
                             const char *end)
{
    const char *from = p;
    for (; p < end; p++) {
        int next = number_step(s->number, *p);
        if (next < 0) {
            return json_scan_end_number(s, from, p);
        }
        s->number = (enum scan_number)next;
        if (++s->digits == LIMIT_JSON_NUMBER + 1) {
            json_scan_spoil(s, "number too long");
            if (s->why) {
                return p;
            }
        }
    }
    keep(s, from, (size_t)(p - from));
    return p;
}

static const char *in_word(struct json_scan *s, const char *p, const char *end)
{
    while (p < end && *s->word != '\0') {
        if (*p != *s->word) {
            return json_scan_fail(s, p, "expected a value");
        }
        p++;
        s->word++;
    }
    if (*s->word == '\0') {
        s->state = SCAN_AFTER;
        json_scan_report(s, s->word_token, SLICE_NONE);
    }
    return p;
}

const char *json_scan_scalar(struct json_scan *s, const char *p,
                             const char *end)
{
    switch (s->state) {
    case SCAN_NUMBER:
        return in_number(s, p, end);
    case SCAN_WORD:
        return in_word(s, p, end);
    case SCAN_ESCAPE:
        return in_escape(s, p);
    case SCAN_UNIT:
        return in_unit(s, p);
    case SCAN_HIGH:
    case SCAN_HIGH_U:
        return in_high(s, p);
    case SCAN_UTF8:
        return in_utf8(s, p);
    default:
        return in_string(s, p, end);
    }
}
