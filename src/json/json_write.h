#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Writes one JSON value into a buf. Commas and colons come by themselves.
 * The first failure sticks, and nothing is written after it; json_finish
 * reports it. Strings must be valid UTF-8: others fail, as does a value where
 * none may stand. Output is compact with shortest escapes. */
struct json_writer {
    struct buf *out; /* borrowed */
    int depth;
    bool comma;         /* something stands before what comes next */
    bool key;           /* a key waits for its value */
    const char *fault;  /* NULL while all is well */
    uint64_t object[2]; /* a bit per open container: object or array */
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_slice(struct json_writer *w, struct slice key);
void json_put_string(struct json_writer *w, struct slice text);
void json_put_int(struct json_writer *w, int64_t value);
/* Shortest text that reads back equal; NaN and infinities fail. */
void json_put_double(struct json_writer *w, double value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
/* A value that is JSON text already and passed json_check. */
void json_put_raw(struct json_writer *w, struct slice value);

/* Key and value at once; an absent or NULL text writes nothing. */
void json_member_string(struct json_writer *w, const char *key,
                        struct slice text);
void json_member_str(struct json_writer *w, const char *key, const char *text);
/* Foreign text for people: secrets are taken out as in the log, what is no
 * UTF-8 is replaced, more than LIMIT_LOG_LINE is cut. */
void json_member_text(struct json_writer *w, const char *key,
                      struct slice text);
void json_member_int(struct json_writer *w, const char *key, int64_t value);
void json_member_bool(struct json_writer *w, const char *key, bool value);
void json_member_raw(struct json_writer *w, const char *key,
                     struct slice value);

/* 0, or -1 with *err filled when anything failed or containers are open. */
int json_finish(struct json_writer *w, const char *what, struct err *err);

/* Appends `text` as a quoted JSON string. -1 for invalid UTF-8, or when out
 * is full; out's content is then as it was. */
int json_quote(struct slice text, struct buf *out);

/* Canonical form (Matrix specification, appendix "Canonical JSON"): keys by
 * UTF-8 bytes, no white space, shortest escapes, integers within +-(2^53-1);
 * floats, -0 and anything else that has no canonical form fail. Checks the
 * text first. On failure out's content is as it was. */
int json_canonical(struct slice value, struct buf *out, struct err *err);

#endif
