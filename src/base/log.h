#ifndef LOG_H
#define LOG_H

#include <stddef.h>

#include "buf.h"
#include "slice.h"

/* The one log of the process, to stderr unless a sink is set. Text for people
 * ("12:03:04 warn  echo: cannot send ..."), with <N> priority marks instead
 * of the time when stderr is the journal ($JOURNAL_STREAM), or one JSON object
 * a line. The level is coloured on a terminal, unless $NO_COLOR is set.
 * Libraries never log: whoever ends a matter does, once. */

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};
enum log_format { LOG_TEXT, LOG_JSON };

/* What a line is about; all members optional, borrowed for the call. In JSON
 * these are the keys, in this order, after ts, level and msg. Text shows
 * account (see log_set_account_shown), script, room and file:line before the
 * message, and traceback indented below it. */
struct log_fields {
    const char *account, *script;
    int gen;
    const char *room_id, *event_id, *sender, *handler, *file;
    int line;
    const char *kind, *errcode, *error, *traceback;
    double dur_ms; /* 0: none */
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_format(enum log_format format);
/* Whether text names the account: off at first, for a process with several. */
void log_set_account_shown(bool shown);
/* What a log_write finished goes to sink instead of stderr, in one call and
 * without its last newline; NULL puts stderr back. */
typedef void log_sink_fn(void *arg, enum log_level level, struct slice line);
void log_set_sink(log_sink_fn *sink, void *arg);
/* Each finished line also goes to tap, as it is told to a file: without colour
 * or the journal's marks. From inside log_write: tap must not log. NULL: no
 * more. */
typedef void log_tap_fn(void *arg, const struct log_fields *fields,
                        struct slice line);
void log_set_tap(log_tap_fn *tap, void *arg);
/* 0 and the level for "debug" "info" "warn" "error", else -1. */
int log_level_parse(const char *name, enum log_level *level);

/* These bytes never appear in a line: they are replaced by "(secret)". Copied.
 * Up to LOG_SECRETS of them; the oldest is forgotten first. Secrets shorter
 * than 4 bytes are ignored. 0, or -1 when out of memory: then the log would
 * show this one. */
#define LOG_SECRETS 64
int log_add_secret(struct slice secret);
/* Wipes and forgets all secrets. */
void log_clear_secrets(void);
/* Appends text as a line would have it: without secrets. For what else tells
 * it to people, or keeps it. */
void log_conceal(struct slice text, struct buf *out);

/* fields may be NULL. Lines above LIMIT_LOG_LINE are cut (tracebacks too);
 * control characters in text are shown escaped. Keeps errno. */
void log_write(enum log_level level, const struct log_fields *fields,
               const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)

#endif
