#ifndef LOG_SECRET_H
#define LOG_SECRET_H

#include "slice.h"

/* The log's own side of log_add_secret: nobody else asks what is secret. */

#define LOG_SECRET_MARK "(secret)"

/* The length of the longest secret that text begins with, or 0. */
size_t log_secret_match(struct slice text);
/* The length of the longest secret, or 0. */
size_t log_secret_longest(void);

#endif
