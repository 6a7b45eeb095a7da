#ifndef HEAD_READER_H
#define HEAD_READER_H

#include "buf.h"
#include "err.h"
#include "slice.h"
#include "transport.h"

/* Collects the lines of a reply's head. A status line begins a new head: what
 * came before it belonged to a 1xx, a proxy or a redirect. All heads of one
 * transfer together are LIMIT_HTTP_HEADERS bytes at most. */
struct head_reader {
    struct buf lines; /* "name:value\n" each, names in lower case */
    size_t seen;      /* bytes so far, forgotten heads included */
    size_t count;
    int status;
};

void head_reader_init(struct head_reader *reader);
void head_reader_free(struct head_reader *reader);
/* One line with its line end. -1: too much. */
int head_reader_line(struct head_reader *reader, struct slice line);
/* Calls fn with the head. -1: out of memory. */
int head_reader_tell(const struct head_reader *reader, struct slice url,
                     int64_t certificate_until,
                     void (*fn)(void *arg, const struct http_head *head),
                     void *arg);

#endif
