#include "transport.h"

#include <stdlib.h>

struct slice http_head_get(const struct http_head *head, const char *name)
{
    for (size_t i = 0; head && i < head->header_count; i++)
        if (slice_is(head->headers[i].name, name))
            return head->headers[i].value;
    return SLICE_NONE;
}

static char *copy_bytes(char *to, struct slice *bytes)
{
    if (bytes->len > 0)
        memcpy(to, bytes->ptr, bytes->len);
    bytes->ptr = to;
    return to + bytes->len;
}

/* One block: the head, its headers, their bytes. */
struct http_head *http_head_dup(const struct http_head *head)
{
    size_t table = head->header_count * sizeof(struct http_header), bytes = 0;
    struct http_header *headers;
    struct http_head *copy;
    char *end;

    for (size_t i = 0; i < head->header_count; i++)
        bytes += head->headers[i].name.len + head->headers[i].value.len;
    copy = malloc(sizeof(*copy) + table + bytes + head->url.len);
    if (!copy)
        return NULL;
    headers = (struct http_header *)(void *)(copy + 1);
    end = (char *)headers + table;
    for (size_t i = 0; i < head->header_count; i++) {
        headers[i] = head->headers[i];
        end = copy_bytes(end, &headers[i].name);
        end = copy_bytes(end, &headers[i].value);
    }
    *copy = (struct http_head) { head->status, headers, head->header_count,
                                 head->url, head->certificate_until };
    if (copy->url.ptr)
        copy_bytes(end, &copy->url);
    return copy;
}
