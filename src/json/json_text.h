#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "slice.h"

/* Bytes of JSON text: what the reader, the scanner and the writers share.
 * [p, end) is the text at hand; nothing outside of it is touched. */

/* The inside of a string that needs no second look: printable ASCII but the
 * quote and the backslash. Returns the first byte that is something else.
 * Eight bytes at a time, lowest first: a borrow can only spoil bytes above
 * the first hit. */
static inline const char *json_text_plain(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101u;
    while (end - p >= 8) {
        uint64_t x;
        memcpy(&x, p, 8);
        x = le64toh(x);
        uint64_t hit = x | (x - 0x20 * ones) | ((x ^ '"' * ones) - ones) |
                       ((x ^ '\\' * ones) - ones);
        hit &= 0x80 * ones;
        if (hit) {
            return p + __builtin_ctzll(hit) / 8;
        }
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 &&
           *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

static inline bool json_text_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_text_space(const char *p, const char *end)
{
    while (p < end && json_text_is_space(*p)) {
        p++;
    }
    return p;
}

static inline bool json_text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the well-formed UTF-8 sequence at p; 0 when it is malformed or
 * not all there. */
size_t json_text_utf8(const char *p, const char *end);

/* Does all of text consist of well-formed UTF-8? */
bool json_text_is_utf8(struct slice text);

/* Writes the UTF-8 of a code point, returns its length. */
size_t json_text_encode(unsigned code, char out[4]);

/* 0 to 15, or -1. */
int json_text_hex(char c);

/* Length of the escape whose backslash is at p, a surrogate pair counting as
 * one, with its code point in *code; 0 when it is malformed, and then *code
 * tells 1 from 0: a surrogate without its other half. */
size_t json_text_escape(const char *p, const char *end, unsigned *code);

/* The byte after the string whose opening quote is at p, in text that was
 * checked. */
const char *json_text_skip_string(const char *p, const char *end);

/* Decodes what stands between the quotes; out has room for inner.len bytes,
 * which is never too little. Returns the length. */
size_t json_text_decode(struct slice inner, char *out);

/* Length of the number at p; 0 when there is none. What follows it is not
 * looked at. */
size_t json_text_number(const char *p, const char *end);

/* The value of a number: true and *out set when it is an integer as written,
 * without '.' and 'e', and fits. */
bool json_text_int(struct slice number, int64_t *out);
/* The nearest double, infinite for what is beyond the largest; 0 for text
 * longer than LIMIT_JSON_NUMBER. */
double json_text_to_double(struct slice number);

/* The shortest text that reads back as this finite number, as a C string.
 * Returns its length. */
#define JSON_TEXT_DOUBLE 40
size_t json_text_double(double value, char out[JSON_TEXT_DOUBLE]);

#endif
