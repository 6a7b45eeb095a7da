#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "slice.h"

/* Growable bytes that cannot be made without a maximum. The bytes are always
 * followed by a NUL that is not counted, so ptr is a C string where the
 * content has no NUL of its own. Appending past the maximum, or out of
 * memory, returns -1, leaves the content as it was and marks the buffer
 * failed; all that follows fails too. So a run of appends may be checked once,
 * at its end, with buf_check or `failed`. What is appended must not point into
 * the buffer itself. */
struct buf {
    char *ptr; /* NULL until the first byte */
    size_t len;
    size_t cap;
    size_t max; /* a name from limits.h */
    bool failed;
    bool no_memory; /* why it failed, if not the maximum */
};

void buf_init(struct buf *buf, size_t max);
/* Frees the bytes; the buffer is then empty and usable, same maximum. */
void buf_free(struct buf *buf);
/* Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *buf);

int buf_add(struct buf *buf, struct slice bytes);
int buf_addc(struct buf *buf, char c);
int buf_adds(struct buf *buf, const char *text);
int buf_addf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go, or NULL; the caller
 * writes them and then says how many, 0 too, with buf_added. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_added(struct buf *buf, size_t n);
/* Cuts the content back to len bytes. */
void buf_truncate(struct buf *buf, size_t len);
/* Drops the first n bytes. */
void buf_consume(struct buf *buf, size_t n);

/* Borrows the content; never absent, so "" for an empty buffer. */
struct slice buf_slice(const struct buf *buf);
/* The content as a C string; "" for an empty buffer. */
const char *buf_str(const struct buf *buf);
/* 0, or -1 with ERR_LIMIT saying `what` went over the buffer's maximum (or
 * ERR_SYSTEM when it was the memory that ended). */
int buf_check(const struct buf *buf, const char *what, struct err *err);

#endif
