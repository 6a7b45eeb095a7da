#ifndef LOG_LINE_H
#define LOG_LINE_H

#include <stdbool.h>

#include "limits.h"
#include "slice.h"

/* One line of the log while it is put together: never longer than its
 * maximum, without heap, and the only way for foreign text to get into it is
 * log_line_value, which takes secrets out first. */
struct log_line {
    char text[LIMIT_LOG_LINE];
    size_t len;
};

enum log_line_style {
    LOG_LINE_TEXT, /* control characters as \n, \t, \x1b */
    LOG_LINE_JSON  /* the inside of a JSON string */
};

/* What a value looks like and how far it may reach. */
struct log_line_form {
    enum log_line_style style;
    size_t end;         /* line->len afterwards at most, "..." included */
    const char *indent; /* in front of each further line; NULL: one line */
};

/* The log's own words; left out whole when there is no room. */
void log_line_add(struct log_line *line, const char *text);
/* Foreign bytes: secrets become "(secret)", bad UTF-8 U+FFFD, what does not
 * fit is cut and marked. `more` says that value is itself only the beginning
 * of something: then its end might be the first half of a secret, and goes. */
void log_line_value(struct log_line *line, const struct log_line_form *form,
                    struct slice value, bool more);

#endif
