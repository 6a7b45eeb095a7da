#include "options.h"

#include <string.h>

#include "config_value.h"

#define NAMES_MAX 64

/* The option called name[0..length), and the record it belongs to. */
static const struct option *find(const struct option *list, const char *name,
                                 size_t length)
{
    for (; list && list->name; list++) {
        if (strlen(list->name) == length &&
            memcmp(list->name, name, length) == 0)
            return list;
    }
    return NULL;
}

static int fail_unknown(const char *name, size_t length,
                        const struct option *first, const struct option *second,
                        struct err *err)
{
    const char *names[NAMES_MAX + 1];
    size_t n = 0;

    for (; first && first->name && n < NAMES_MAX; first++)
        names[n++] = first->name;
    for (; second && second->name && n < NAMES_MAX; second++)
        names[n++] = second->name;
    names[n] = NULL;
    const char *like = config_suggest(names, slice_make(name, length));
    if (like)
        return err_set(err, ERR_CONFIG,
                       "unknown option --%.*s, did you mean --%s?", (int)length,
                       name, like);
    return err_set(err, ERR_CONFIG, "unknown option --%.*s", (int)length, name);
}

static int store(const struct option *option, void *record, const char *value,
                 struct err *err)
{
    void *member = (char *)record + option->offset;
    struct option_list *list = member;

    if (option->type == OPTION_FLAG) {
        *(bool *)member = true;
        return 0;
    }
    if (option->type == OPTION_TEXT) {
        *(const char **)member = value;
        return 0;
    }
    if (list->count == OPTION_LIST_MAX)
        return err_set(err, ERR_CONFIG, "too many --%s (at most %d)",
                       option->name, OPTION_LIST_MAX);
    list->items[list->count++] = value;
    return 0;
}

const char *options_dashes(const struct option *option)
{
    return option->name[1] ? "--" : "-";
}

/* Takes the option at argv[*at], and its value when it has one. */
static int take(int argc, char **argv, int *at, const struct option *first,
                void *first_record, const struct option *second,
                void *second_record, struct err *err)
{
    const char *name = argv[*at] + strspn(argv[*at], "-");
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option = find(first, name, length);
    void *record = first_record;
    const char *value = equals ? equals + 1 : NULL;

    if (!option) {
        option = find(second, name, length);
        record = second_record;
    }
    if (!option)
        return fail_unknown(name, length, first, second, err);
    if (option->type == OPTION_FLAG && value)
        return err_set(err, ERR_CONFIG, "--%s takes no value", option->name);
    if (option->type != OPTION_FLAG && !value) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_CONFIG, "%s%s needs a value: %s%s %s",
                           options_dashes(option), option->name,
                           options_dashes(option), option->name, option->value);
        value = argv[++*at];
    }
    return store(option, record, value, err);
}

/* "-e" of an option "e"? */
static bool is_letter(const char *word, const struct option *first,
                      const struct option *second)
{
    return !word[2] && (find(first, word + 1, 1) || find(second, word + 1, 1));
}

int options_read(int argc, char **argv, int flags, const struct option *first,
                 void *first_record, const struct option *second,
                 void *second_record, struct err *err)
{
    int arguments = 0;
    bool only_arguments = false;

    for (int i = 0; i < argc; i++) {
        if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[arguments++] = argv[i];
            if (flags & OPTIONS_STOP_AT_ARGUMENT)
                only_arguments = true;
        } else if (strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (argv[i][1] != '-' && !is_letter(argv[i], first, second)) {
            return err_set(err, ERR_CONFIG,
                           "unknown option %s: options begin with --", argv[i]);
        } else if (take(argc, argv, &i, first, first_record, second,
                        second_record, err) != 0) {
            return -1;
        }
    }
    return arguments;
}
