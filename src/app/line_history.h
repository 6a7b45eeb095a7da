#ifndef LINE_HISTORY_H
#define LINE_HISTORY_H

#include <stdbool.h>

#include "slice.h"

/* Lines that were typed, kept in $XDG_STATE_HOME/lunatrix/history-<name>,
 * mode 0600. What cannot be kept is not: nothing here fails. */
struct line_history;

/* Calls each(arg, line) for the lines that are kept, the oldest first. Returns
 * owned; NULL when out of memory, which the other functions take. */
struct line_history *
line_history_open(const char *name, void (*each)(void *arg, const char *line),
                  void *arg);
void line_history_close(struct line_history *history);

/* Is it worth remembering? Not when it is empty, begins with a space or looks
 * like a secret. */
bool line_history_wants(struct slice line);
/* Keeps a line that is wanted and differs from the one before. */
void line_history_add(struct line_history *history, struct slice line);

#endif
