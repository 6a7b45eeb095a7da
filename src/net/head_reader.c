#include "head_reader.h"

#include <stdlib.h>

#include "limits.h"

void head_reader_init(struct head_reader *reader)
{
    *reader = (struct head_reader) { 0 };
    buf_init(&reader->lines, LIMIT_HTTP_HEADERS);
}

void head_reader_free(struct head_reader *reader)
{
    buf_free(&reader->lines);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_blank(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    return text;
}

static void begin(struct head_reader *reader, struct slice line)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    const char *end = line.ptr + line.len;

    buf_clear(&reader->lines);
    reader->count = 0;
    reader->status = 0;
    while (space && ++space < end && *space >= '0' && *space <= '9' &&
           reader->status < 100)
        reader->status = reader->status * 10 + (*space - '0');
}

static void add_name(struct buf *lines, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        buf_addc(lines, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

int head_reader_line(struct head_reader *reader, struct slice line)
{
    const char *colon;

    reader->seen += line.len;
    if (reader->seen > LIMIT_HTTP_HEADERS)
        return -1;
    if (slice_starts(line, "HTTP/")) {
        begin(reader, line);
        return 0;
    }
    colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    /* no header: the empty line, or a folded one, which nothing we read is */
    if (!colon || is_blank(*line.ptr))
        return 0;
    add_name(&reader->lines,
             trim(slice_make(line.ptr, (size_t)(colon - line.ptr))));
    buf_addc(&reader->lines, ':');
    buf_add(
        &reader->lines,
        trim(slice_make(colon + 1, line.len - (size_t)(colon + 1 - line.ptr))));
    buf_addc(&reader->lines, '\n');
    reader->count++;
    return reader->lines.failed ? -1 : 0;
}

int head_reader_tell(const struct head_reader *reader, struct slice url,
                     int64_t certificate_until,
                     void (*fn)(void *arg, const struct http_head *head),
                     void *arg)
{
    struct http_header *headers = calloc(reader->count + 1, sizeof(*headers));
    struct http_head head = { reader->status, headers, reader->count, url,
                              certificate_until };
    const char *at = buf_str(&reader->lines);
    const char *end = at + reader->lines.len;

    if (!headers)
        return -1;
    for (size_t i = 0; i < reader->count; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *colon = memchr(at, ':', (size_t)(end - at));
        headers[i].name = slice_make(at, (size_t)(colon - at));
        headers[i].value = slice_make(colon + 1, (size_t)(newline - colon - 1));
        at = newline + 1;
    }
    fn(arg, &head);
    free(headers);
    return 0;
}
