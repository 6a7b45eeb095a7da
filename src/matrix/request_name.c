#include "request_name.h"

#include <stdio.h>
#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One segment, readable: printable ASCII is decoded, the rest stays encoded. */
static void add_segment(char *out, size_t size, struct slice segment)
{
    size_t len = strlen(out);

    for (size_t i = 0; i < segment.len && len + 1 < size; i++, len++) {
        out[len] = segment.ptr[i];
        if (segment.ptr[i] == '%' && i + 2 < segment.len) {
            int high = hex(segment.ptr[i + 1]), low = hex(segment.ptr[i + 2]);
            int byte = high * 16 + low;
            if (high >= 0 && low >= 0 && byte > ' ' && byte < 0x7f) {
                out[len] = (char)byte;
                i += 2;
            }
        }
    }
    out[len] = '\0';
}

static bool is_version(struct slice segment)
{
    return slice_is(segment, "unstable") ||
           (segment.len >= 2 && (*segment.ptr == 'v' || *segment.ptr == 'r') &&
            segment.ptr[1] >= '0' && segment.ptr[1] <= '9');
}

static struct slice next_segment(struct slice *path)
{
    const char *slash;
    struct slice segment;

    path->ptr++; /* the slash before it */
    path->len--;
    slash = memchr(path->ptr, '/', path->len);
    segment =
        slice_make(path->ptr, slash ? (size_t)(slash - path->ptr) : path->len);
    path->ptr += segment.len;
    path->len -= segment.len;
    return segment;
}

void request_name(const char *method, struct slice path, char *out, size_t size)
{
    bool txn_follows = false, last = false;

    snprintf(out, size, "%s ", method);
    for (int n = 0; path.len > 0 && *path.ptr == '/' && !last; n++) {
        struct slice segment = next_segment(&path);
        if ((n == 0 && slice_is(segment, "_matrix")) ||
            (n == 1 && slice_is(segment, "client")) ||
            (n == 2 && is_version(segment)))
            continue;
        last = txn_follows;
        txn_follows = slice_is(segment, "send") ||
                      slice_is(segment, "redact") ||
                      slice_is(segment, "sendToDevice");
        add_segment(out, size, slice_str("/"));
        add_segment(out, size, segment);
    }
}
