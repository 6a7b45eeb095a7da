#ifndef CALL_ARGS_H
#define CALL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "json_read.h"
#include "op.h"
#include "slice.h"

/* Typed arguments out of the object a call was given. The first fault sticks
 * as ERR_MISUSE in *err ("room.send: room_id must be a string"), all readers
 * then answer with what is absent, and call_args_check tells it once, after
 * the last one was read. null counts as absent. Strings are decoded and, like
 * all slices from here, valid until start returns. */
struct call_args {
    struct op *op;
    struct slice object;
    struct err *err;
    bool failed;
};

struct call_args call_args_of(struct op *op, struct slice object,
                              struct err *err);
/* 0, or -1: *err was filled. */
int call_args_check(const struct call_args *args);
/* Adds a fault of the caller's own: "room.send: <formatted>". */
void call_args_fault(struct call_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A string; and a string, absent when there is none. */
struct slice call_args_string(struct call_args *args, const char *key);
struct slice call_args_string_opt(struct call_args *args, const char *key);
/* Of 1 to LIMIT_IDENTIFIER bytes. */
struct slice call_args_id(struct call_args *args, const char *key);
struct slice call_args_id_opt(struct call_args *args, const char *key);
/* A string without NUL bytes, as a C string; NULL when there is none. */
const char *call_args_text_opt(struct call_args *args, const char *key);

/* Absent: `otherwise`. Outside of [least, most]: a fault. */
int64_t call_args_int(struct call_args *args, const char *key,
                      int64_t otherwise, int64_t least, int64_t most);
bool call_args_bool(struct call_args *args, const char *key, bool otherwise);
/* Seconds, as milliseconds; must be there, or else `otherwise`. */
int64_t call_args_seconds(struct call_args *args, const char *key);
int64_t call_args_seconds_or(struct call_args *args, const char *key,
                             int64_t otherwise);
/* "timeout" in ms: at least 1, LIMIT_HTTP_TOTAL_MS when absent. */
int64_t call_args_timeout(struct call_args *args);

/* JSON text of a value; the _opt ones may be absent. */
struct slice call_args_value(struct call_args *args, const char *key);
struct slice call_args_object(struct call_args *args, const char *key);
struct slice call_args_object_opt(struct call_args *args, const char *key);
/* An array with nothing but strings in it. */
struct slice call_args_strings_opt(struct call_args *args, const char *key);

/* The decoded text of a string inside a value; absent when it is none. */
struct slice call_args_decode(struct call_args *args, struct slice value);

#endif
