#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed bytes: not NUL-terminated, never owned. A slice never outlives the
 * call it was passed to. A slice with ptr == NULL is "absent"; the empty
 * string has ptr != NULL and len 0. */
struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE_NONE ((struct slice) { NULL, 0 })
/* For printf: printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct slice slice_make(const char *ptr, size_t len)
{
    return (struct slice) { ptr, len };
}

/* The bytes of a C string; SLICE_NONE for NULL. */
static inline struct slice slice_str(const char *text)
{
    return text ? (struct slice) { text, strlen(text) } : SLICE_NONE;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && (len == 0 || memcmp(a.ptr, prefix, len) == 0);
}

static inline bool slice_empty(struct slice a)
{
    return a.len == 0;
}

/* Less than, equal to or greater than 0, by bytes. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The bytes of the control character (also of C1, in UTF-8) that a begins
 * with, which may steer a terminal; 0: it begins with none. */
size_t slice_control(struct slice a);

/* Returns owned: a NUL-terminated copy, or NULL when out of memory or when
 * the slice is absent. Free with free(). */
char *slice_dup(struct slice a);

#endif
