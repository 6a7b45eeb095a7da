#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdint.h>

#include "err.h"
#include "slice.h"

/* Values of a configuration table, as JSON text, read into struct members by
 * a list of fields. */

enum config_type {
    CONFIG_STRING,   /* char * */
    CONFIG_STRINGS,  /* char **, NULL-terminated */
    CONFIG_USER,     /* char *, a user ID */
    CONFIG_USERS,    /* as CONFIG_STRINGS, all of them user IDs */
    CONFIG_DURATION, /* int64_t ms: seconds, or "1h30m" */
    CONFIG_SIZE,     /* size_t bytes: a number, or "64M" */
    CONFIG_COUNT,    /* int64_t, from 1 */
    CONFIG_BOOL,     /* bool */
    CONFIG_OBJECT,   /* struct buf: JSON object text */
    CONFIG_LATER     /* known, not built yet: refused by name */
};

struct config_field {
    const char *name; /* NULL ends a list */
    enum config_type type;
    size_t offset;
    const char *choices; /* CONFIG_STRING: "never|admins|invited", or NULL */
};

/* Where a value stands, for messages: file, its text, and the keys above. */
struct config_place {
    const char *file;
    struct slice text;
    const char *where; /* "accounts.main" */
};

/* Reads every member of object into record. -1 with ERR_CONFIG
 * "file:line: what is wrong". Strings are owned by the record. */
int config_read(const struct config_place *place, struct slice object,
                const struct config_field *fields, void *record,
                struct err *err);
/* "file:line: text", the line where `key` stands below place->where; -1. */
int config_fail(const struct config_place *place, struct slice key,
                struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* That line, as far as the text shows it. An empty key: of the last name of
 * place->where. config_line.c */
int config_line(const struct config_place *place, struct slice key);
/* Of a word list ended by NULL, the one most like `word`, or NULL. */
const char *config_suggest(const char *const *words, struct slice word);

/* "1h30m" "90s" "10m" "7d" "200ms": 0 and *ms, or -1. */
int config_duration(struct slice text, int64_t *ms);
/* "64M" "8K" "1G" "4096": 0 and *bytes, or -1. */
int config_size(struct slice text, size_t *bytes);

#endif
