#include <inttypes.h>
#include <stdlib.h>

#include "json_read.h"
#include "json_text.h"
#include "json_write.h"

#define MOST 9007199254740991 /* 2^53 - 1 */

struct member {
    struct slice key; /* decoded */
    struct slice value;
    size_t place; /* in the text */
};

static int canonical(struct slice value, struct buf *out, struct err *err);

static int by_key(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    int order = slice_compare(a->key, b->key);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

static int full(struct buf *out, struct err *err)
{
    return buf_check(out, "the canonical JSON", err);
}

static int add(struct buf *out, char c, struct err *err)
{
    return buf_addc(out, c) == 0 ? 0 : full(out, err);
}

static int add_string(struct slice text, struct buf *out, struct err *err)
{
    return json_quote(text, out) == 0 ? 0 : full(out, err);
}

static int add_number(struct slice value, struct buf *out, struct err *err)
{
    int64_t number;
    if (!json_text_int(value, &number) || number > MOST || number < -MOST ||
        slice_is(value, "-0")) {
        return err_set(err, ERR_JSON,
                       "the number %.*s has no canonical form: it is no "
                       "integer within 2^53 - 1",
                       value.len > 40 ? 40 : (int)value.len, value.ptr);
    }
    return buf_add(out, value) == 0 ? 0 : full(out, err);
}

/* The members in order, decoded keys in memory of *arena. Returns owned. */
static struct member *sorted(struct slice object, size_t *count, char **arena)
{
    size_t n = 0, bytes = 0;
    struct json_iter it = json_iter(object);
    while (json_next(&it)) {
        n++;
        bytes += it.key.len;
    }
    struct member *members = calloc(n + 1, sizeof *members);
    char *to = *arena = malloc(bytes + 1);
    if (members == NULL || to == NULL) {
        free(members);
        return NULL;
    }
    *count = 0;
    it = json_iter(object);
    while (json_next(&it)) {
        struct slice inner = slice_make(it.key.ptr + 1, it.key.len - 2);
        size_t len = json_text_decode(inner, to);
        members[*count] =
            (struct member) { slice_make(to, len), it.value, *count };
        to += len;
        ++*count;
    }
    qsort(members, *count, sizeof *members, by_key);
    return members;
}

static int add_object(struct slice value, struct buf *out, struct err *err)
{
    char *arena = NULL;
    size_t count = 0;
    struct member *members = sorted(value, &count, &arena);
    int rc = members ? add(out, '{', err)
                     : err_set(err, ERR_SYSTEM, "out of memory");
    bool first = true;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i + 1 < count && slice_eq(members[i].key, members[i + 1].key)) {
            continue; /* of duplicates the last wins */
        }
        rc = first ? 0 : add(out, ',', err);
        first = false;
        rc = rc ? rc : add_string(members[i].key, out, err);
        rc = rc ? rc : add(out, ':', err);
        rc = rc ? rc : canonical(members[i].value, out, err);
    }
    free(members);
    free(arena);
    return rc ? rc : add(out, '}', err);
}

static int add_array(struct slice value, struct buf *out, struct err *err)
{
    struct json_iter it = json_iter(value);
    int rc = add(out, '[', err);
    for (bool first = true; rc == 0 && json_next(&it); first = false) {
        rc = first ? 0 : add(out, ',', err);
        rc = rc ? rc : canonical(it.value, out, err);
    }
    return rc ? rc : add(out, ']', err);
}

static int add_decoded(struct slice value, struct buf *out, struct err *err)
{
    struct buf text;
    buf_init(&text, value.len);
    int rc = json_string(value, &text) == 0
                 ? add_string(buf_slice(&text), out, err)
                 : err_set(err, ERR_SYSTEM, "out of memory");
    buf_free(&text);
    return rc;
}

static int canonical(struct slice value, struct buf *out, struct err *err)
{
    struct slice plain;
    switch (json_type(value)) {
    case JSON_OBJECT:
        return add_object(value, out, err);
    case JSON_ARRAY:
        return add_array(value, out, err);
    case JSON_NUMBER:
        return add_number(value, out, err);
    case JSON_STRING:
        plain = json_plain(value);
        return plain.ptr ? add_string(plain, out, err)
                         : add_decoded(value, out, err);
    default:
        return buf_add(out, value) == 0 ? 0 : full(out, err);
    }
}

int json_canonical(struct slice value, struct buf *out, struct err *err)
{
    size_t before = out->len;
    int rc = json_check(value, err);
    rc = rc ? rc : canonical(json_trim(value), out, err);
    if (rc != 0) {
        buf_truncate(out, before);
    }
    return rc;
}
