#include "json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "limits.h"

size_t json_text_utf8(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t have = (size_t)(end - p);
    if (have == 0) {
        return 0;
    }
    if (u[0] < 0x80) {
        return 1;
    }
    if (u[0] < 0xc2 || have < 2 || (u[1] & 0xc0) != 0x80) {
        return 0;
    }
    if (u[0] < 0xe0) {
        return 2;
    }
    if (have < 3 || (u[2] & 0xc0) != 0x80) {
        return 0;
    }
    if (u[0] < 0xf0) { /* no overlong form, no surrogate */
        bool bad =
            (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] >= 0xa0);
        return bad ? 0 : 3;
    }
    if (u[0] > 0xf4 || have < 4 || (u[3] & 0xc0) != 0x80) {
        return 0;
    }
    bool bad = (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] >= 0x90);
    return bad ? 0 : 4;
}

bool json_text_is_utf8(struct slice text)
{
    const char *p = text.ptr, *end = p + text.len;
    while (p < end) {
        p = json_text_plain(p, end);
        if (p == end) {
            break;
        }
        size_t n = json_text_utf8(p, end);
        if (n == 0) {
            return false;
        }
        p += n;
    }
    return true;
}

size_t json_text_encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

int json_text_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at p, or -1. */
static int unit(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    int value = 0;
    for (int i = 2; i < 6; i++) {
        int digit = json_text_hex(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

size_t json_text_escape(const char *p, const char *end, unsigned *code)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    *code = 0;
    if (end - p < 2) {
        return 0;
    }
    if (p[1] != 'u') {
        const char *name = memchr(names, p[1], sizeof names - 1);
        if (name == NULL) {
            return 0;
        }
        *code = (unsigned char)values[name - names];
        return 2;
    }
    int high = unit(p, end);
    if (high < 0) {
        return 0;
    }
    if (high < 0xd800 || high > 0xdfff) {
        *code = (unsigned)high;
        return 6;
    }
    int low = unit(p + 6, end);
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        *code = 1;
        return 0;
    }
    *code =
        0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00);
    return 12;
}

const char *json_text_skip_string(const char *p, const char *end)
{
    const char *first = ++p;
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        if (quote == NULL) {
            break;
        }
        const char *b = quote;
        while (b > first && b[-1] == '\\') {
            b--;
        }
        p = quote + 1;
        if ((quote - b) % 2 == 0) {
            return p;
        }
        first = p;
    }
    return end;
}

size_t json_text_decode(struct slice inner, char *out)
{
    const char *p = inner.ptr, *end = p + inner.len;
    char *to = out;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((stop ? stop : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (p < end) {
            unsigned code;
            size_t n = json_text_escape(p, end, &code);
            if (n == 0) { /* only in text that was not checked */
                break;
            }
            to += json_text_encode(code, to);
            p += n;
        }
    }
    return (size_t)(to - out);
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && json_text_is_digit(*p)) {
        p++;
    }
    return p;
}

size_t json_text_number(const char *p, const char *end)
{
    const char *start = p;
    if (p < end && *p == '-') {
        p++;
    }
    const char *whole = p;
    p = p < end && *p == '0' ? p + 1 : digits(p, end);
    if (p == whole) {
        return 0;
    }
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = digits(fraction, end);
        if (p == fraction) {
            return 0;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        const char *exponent = p;
        p = digits(exponent, end);
        if (p == exponent) {
            return 0;
        }
    }
    return (size_t)(p - start);
}

bool json_text_int(struct slice number, int64_t *out)
{
    bool minus = number.len > 0 && number.ptr[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + minus;
    uint64_t value = 0;
    size_t i = minus;
    for (; i < number.len && json_text_is_digit(number.ptr[i]); i++) {
        unsigned digit = (unsigned)(number.ptr[i] - '0');
        if (value > (most - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (i != number.len || i == minus) {
        return false;
    }
    *out = minus && value ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

double json_text_to_double(struct slice number)
{
    char text[LIMIT_JSON_NUMBER + 1];
    if (number.len > LIMIT_JSON_NUMBER) {
        return 0;
    }
    memcpy(text, number.ptr, number.len);
    text[number.len] = '\0';
    return strtod(text, NULL);
}

/* "1e+05" and "1e-07" become "1e5" and "1e-7". */
static size_t tidy_exponent(char *text)
{
    char *e = strchr(text, 'e');
    if (e == NULL) {
        return strlen(text);
    }
    char *to = e + 1, *from = e + 1;
    if (*from == '-') {
        to++;
        from++;
    } else if (*from == '+') {
        from++;
    }
    while (*from == '0' && from[1] != '\0') {
        from++;
    }
    memmove(to, from, strlen(from) + 1);
    return strlen(text);
}

size_t json_text_double(double value, char out[JSON_TEXT_DOUBLE])
{
    /* Fifteen digits always survive, except below the normal numbers. */
    int precision = fabs(value) < DBL_MIN ? 1 : 15;
    for (; precision <= 17; precision++) {
        snprintf(out, JSON_TEXT_DOUBLE, "%.*g", precision, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    return tidy_exponent(out);
}
