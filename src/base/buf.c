#include "buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 64

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf) { .max = max };
}

void buf_free(struct buf *buf)
{
    free(buf->ptr);
    buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
    buf_truncate(buf, 0);
    buf->failed = buf->no_memory = false;
}

/* Room for n more bytes and the NUL. A buffer that failed stays as it is, so
 * that a run of appends has no hole in it. */
static int grow(struct buf *buf, size_t n)
{
    if (buf->failed)
        return -1;
    if (n > buf->max - buf->len) {
        buf->failed = true;
        return -1;
    }
    size_t need = buf->len + n + 1;
    if (need <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : FIRST_CAP;
    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max + 1 : cap * 2;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    char *ptr = realloc(buf->ptr, cap);
    if (!ptr) {
        buf->failed = buf->no_memory = true;
        return -1;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return 0;
}

int buf_add(struct buf *buf, struct slice bytes)
{
    if (grow(buf, bytes.len) < 0)
        return -1;
    if (bytes.len > 0)
        memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf_added(buf, bytes.len);
    return 0;
}

int buf_addc(struct buf *buf, char c)
{
    return buf_add(buf, slice_make(&c, 1));
}

int buf_adds(struct buf *buf, const char *text)
{
    return buf_add(buf, slice_str(text));
}

int buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0)
        buf->failed = true;
    int status = len < 0 ? -1 : grow(buf, (size_t)len);
    if (status == 0) {
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
    return status;
}

char *buf_reserve(struct buf *buf, size_t n)
{
    return grow(buf, n) < 0 ? NULL : buf->ptr + buf->len;
}

void buf_added(struct buf *buf, size_t n)
{
    assert(buf->len + n < buf->cap);
    buf->len += n;
    buf->ptr[buf->len] = '\0';
}

void buf_truncate(struct buf *buf, size_t len)
{
    if (len >= buf->len)
        return;
    buf->len = len;
    buf->ptr[len] = '\0';
}

void buf_consume(struct buf *buf, size_t n)
{
    if (n >= buf->len) {
        buf_truncate(buf, 0);
        return;
    }
    memmove(buf->ptr, buf->ptr + n, buf->len - n + 1);
    buf->len -= n;
}

struct slice buf_slice(const struct buf *buf)
{
    return slice_make(buf_str(buf), buf->len);
}

const char *buf_str(const struct buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

int buf_check(const struct buf *buf, const char *what, struct err *err)
{
    if (!buf->failed)
        return 0;
    if (buf->no_memory)
        return err_set(err, ERR_SYSTEM, "cannot hold %s: out of memory", what);
    return err_set(err, ERR_LIMIT,
                   "cannot hold %s: it is larger than the limit of %zu bytes",
                   what, buf->max);
}
