#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* The grammar of json_read.h, fed in pieces of any size, one byte included.
 * It reports structure, not a tree, and keeps no more than a key or a scalar
 * that straddles two pieces.
 *
 * Token handlers may ask the scanner to capture the value that begins at the
 * token just reported: its raw bytes go to a sink piece by piece and no
 * tokens are reported until it has ended. Faults inside a captured value that
 * leave its structure sound (bad UTF-8, lone surrogate, bad escape, control
 * byte in a string, number too long, deeper than LIMIT_JSON_DEPTH below it)
 * spoil that value only, and in a value passed over they do not count. A
 * captured value is reported sound exactly when json_check accepts it. */

enum json_token {
    JSON_TOKEN_OBJECT,
    JSON_TOKEN_OBJECT_END,
    JSON_TOKEN_ARRAY,
    JSON_TOKEN_ARRAY_END,
    JSON_TOKEN_KEY,    /* text: decoded, cut at LIMIT_JSON_KEY */
    JSON_TOKEN_STRING, /* text: decoded, cut likewise */
    JSON_TOKEN_NUMBER, /* text: as written */
    JSON_TOKEN_TRUE,
    JSON_TOKEN_FALSE,
    JSON_TOKEN_NULL
};

struct json_scan;

/* depth: containers open around the token, itself not counted. */
typedef void json_token_fn(void *arg, struct json_scan *scan,
                           enum json_token token, struct slice text, int depth);
/* Bytes of the captured value; then one call with piece absent: it ended,
 * sound or with a `fault` inside it. */
typedef void json_capture_fn(void *arg, struct slice piece, const char *fault);

/* Returns owned; NULL when out of memory. */
struct json_scan *json_scan_new(json_token_fn *token, json_capture_fn *capture,
                                void *arg);
void json_scan_free(struct json_scan *scan);
/* 0, or -1 with ERR_JSON: a fault of structure, or any fault outside of
 * captured and skipped values; the scan is then over and keeps saying so. */
int json_scan_feed(struct json_scan *scan, struct slice piece, struct err *err);
/* 0 when exactly one whole value was fed, else -1 with ERR_JSON. May report a
 * last token: a number ends with the text. */
int json_scan_end(struct json_scan *scan, struct err *err);
/* Only from inside json_token_fn, on JSON_TOKEN_OBJECT or JSON_TOKEN_ARRAY:
 * capture the container that begins here, or pass over it unreported (its
 * end is not reported either). */
void json_scan_capture(struct json_scan *scan);
void json_scan_skip(struct json_scan *scan);
/* Only from inside json_token_fn: was this key or string cut? */
bool json_scan_is_cut(const struct json_scan *scan);

#endif
