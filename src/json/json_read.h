#ifndef JSON_READ_H
#define JSON_READ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Strict RFC 8259 over bytes that are all there. No allocation, no tree: a
 * value is the slice of its text, without surrounding white space. Valid
 * UTF-8 only, no NaN, no leading zero or plus, no raw control bytes, no lone
 * surrogates, nothing after the value, depth at most LIMIT_JSON_DEPTH.
 *
 * json_check first; all other functions expect text that passed it, and are
 * memory-safe but may answer nonsense on text that did not. Keys compare after
 * escapes are decoded; of duplicate keys the last wins. */

enum json_type {
    JSON_NONE, /* absent or malformed */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* 0, or -1 with ERR_JSON: what is wrong and at which byte. */
int json_check(struct slice text, struct err *err);
/* By its first byte. */
enum json_type json_type(struct slice value);
/* Without surrounding white space. */
struct slice json_trim(struct slice text);

/* The member `key` of an object; absent slice when there is none or `object`
 * is no object. Absent in, absent out, so look-ups chain:
 * json_get(json_get(event, "content"), "body"). */
struct slice json_get(struct slice object, const char *key);
struct slice json_get_slice(struct slice object, struct slice key);

/* Scalars: true and *out set when value has that type (and fits). An integer
 * has neither '.' nor 'e' and fits 64 bits; or is a float with an integral
 * value within 2^53. */
bool json_int(struct slice value, int64_t *out);
bool json_double(struct slice value, double *out);
bool json_bool(struct slice value, bool *out);
/* Appends the decoded text of a string. 0; -1 when value is no string or the
 * buffer is full. */
int json_string(struct slice value, struct buf *out);
/* The text of a string that holds no escapes, without copying; absent when
 * value is no string or has escapes. Identifiers nearly always qualify. */
struct slice json_plain(struct slice value);
/* Is value a string equal to these decoded bytes? */
bool json_equals(struct slice value, struct slice text);
/* Returns owned: the decoded text as a C string; NULL when value is no
 * string, holds a NUL, or is longer than max. */
char *json_dup(struct slice value, size_t max);

/* Walking an array or object in order, duplicates included.
 *     struct json_iter it = json_iter(container);
 *     while (json_next(&it)) use(it.key, it.value);
 * key is the raw text of the key with its quotes (use json_equals, json_plain,
 * json_string on it), absent in arrays. Not a container: no turn. */
struct json_iter {
    struct slice rest;
    struct slice key;
    struct slice value;
    bool object;
};
struct json_iter json_iter(struct slice container);
bool json_next(struct json_iter *it);

#endif
