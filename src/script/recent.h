#ifndef RECENT_H
#define RECENT_H

#include "json_write.h"
#include "limits.h"

/* The last failures of one script, for reports: the oldest gives way. All
 * zero is none. */

struct recent_failure {
    int generation;
    const char *file, *handler; /* "" or NULL unknown */
    int line;                   /* 0 unknown */
    const char *text;
};

struct recent {
    struct {
        int64_t at; /* wall ms */
        int generation;
        char place[160]; /* "file:line" */
        char handler[160], text[256];
    } rows[LIMIT_RECENT];
    int64_t count; /* ever */
};

/* Copies, and cuts what is long. */
void recent_add(struct recent *recent, int64_t now,
                const struct recent_failure *failure);
/* The newest first, as elements of an array that is open. */
void recent_write(const struct recent *recent, struct json_writer *w);

#endif
