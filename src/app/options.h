#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* Options of a command line: "--name", "--name VALUE", "--name=VALUE". What
 * is none is an argument; "--" ends the options; "-" is an argument. */

enum option_type {
    OPTION_FLAG, /* bool */
    OPTION_TEXT, /* const char * */
    OPTION_TEXTS /* struct option_list */
};

#define OPTION_LIST_MAX 256
struct option_list {
    const char *items[OPTION_LIST_MAX];
    int count;
};

struct option {
    const char *name; /* without "--"; NULL ends a list; one letter: "-e" */
    enum option_type type;
    size_t offset;
    const char *value; /* what help calls the value, NULL for flags */
    const char *help;
};

/* Options after the first argument are the script's own (exec). */
enum { OPTIONS_STOP_AT_ARGUMENT = 1 };

/* Reads argv[0..argc) by two lists (either may be NULL) into their records.
 * Arguments are moved to the front of argv, their number returned; -1 with
 * ERR_CONFIG and a suggestion. Texts point into argv. */
int options_read(int argc, char **argv, int flags, const struct option *first,
                 void *first_record, const struct option *second,
                 void *second_record, struct err *err);

/* What stands before its name: "--", or "-" for a letter. */
const char *options_dashes(const struct option *option);

#endif
