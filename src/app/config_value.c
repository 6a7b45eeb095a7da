#include "config_value.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_read.h"
#include "limits.h"

/* ---- words ------------------------------------------------------------- */

#define WORD_MAX 32 /* longer names are like nothing */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* How many letters must change to make one word of the other. */
static int distance(const char *a, struct slice b)
{
    size_t length = strlen(a);
    int row[WORD_MAX + 1];

    if (length > WORD_MAX || b.len > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            int change = diagonal + (a[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

const char *config_suggest(const char *const *words, struct slice word)
{
    const char *best = NULL;
    int least = word.len > 4 ? 3 : 2; /* further off is no suggestion */

    for (; *words; words++) {
        int d = distance(*words, word);
        if (d < least) {
            least = d;
            best = *words;
        }
    }
    return best;
}

/* ---- messages ---------------------------------------------------------- */

int config_fail(const struct config_place *place, struct slice key,
                struct err *err, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(err, ERR_CONFIG, "%s:%d: %s", place->file,
                   config_line(place, key), text);
}

/* ---- quantities -------------------------------------------------------- */

/* A number at the start of *text; false when there is none. */
static bool take_number(struct slice *text, double *number)
{
    char digits[32];
    size_t n = 0;

    while (n < text->len && n < sizeof digits - 1 &&
           (isdigit((unsigned char)text->ptr[n]) || text->ptr[n] == '.'))
        n++;
    if (n == 0)
        return false;
    memcpy(digits, text->ptr, n);
    digits[n] = '\0';
    *number = strtod(digits, NULL);
    text->ptr += n;
    text->len -= n;
    return true;
}

static double take_unit(struct slice *text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "ms", 1 },     { "s", 1000 },    { "m", 60e3 },
                  { "h", 3600e3 }, { "d", 86400e3 }, { "w", 604800e3 } };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);
        if (slice_starts(*text, units[i].name)) {
            text->ptr += length;
            text->len -= length;
            return units[i].ms;
        }
    }
    return 0;
}

int config_duration(struct slice text, int64_t *ms)
{
    double sum = 0, number, unit;

    if (text.len == 0)
        return -1;
    while (text.len) {
        if (!take_number(&text, &number))
            return -1;
        unit = take_unit(&text);
        if (unit == 0 && text.len)
            return -1;
        sum += number * (unit == 0 ? 1000 : unit);
    }
    if (sum > 1e15)
        return -1;
    *ms = (int64_t)sum;
    return 0;
}

int config_size(struct slice text, size_t *bytes)
{
    double number, factor = 1;

    if (!take_number(&text, &number))
        return -1;
    if (text.len && strchr("KMGkmg", *text.ptr)) {
        int unit = toupper((unsigned char)*text.ptr);
        factor = unit == 'K' ? 1024.0 : unit == 'M' ? 1048576.0 : 1073741824.0;
        text.ptr++;
        text.len--;
    }
    if (text.len || number * factor > 1e15)
        return -1;
    *bytes = (size_t)(number * factor);
    return 0;
}

/* ---- fields ------------------------------------------------------------ */

static const struct config_field *find_field(const struct config_field *fields,
                                             struct slice key)
{
    for (; fields->name; fields++) {
        if (slice_is(key, fields->name))
            return fields;
    }
    return NULL;
}

static int fail_unknown(const struct config_place *place, struct slice key,
                        const struct config_field *fields, struct err *err)
{
    const char *names[64];
    size_t n = 0;

    for (; fields->name && n < 63; fields++)
        names[n++] = fields->name;
    names[n] = NULL;
    const char *like = config_suggest(names, key);
    const char *in = *place->where ? place->where : "the configuration";
    if (like)
        return config_fail(place, key, err,
                           "unknown key '%.*s' in %s, did you mean '%s'?",
                           SLICE_ARG(key), in, like);
    return config_fail(place, key, err, "unknown key '%.*s' in %s",
                       SLICE_ARG(key), in);
}

static bool read_text(struct slice value, char **out)
{
    char *text = json_dup(value, LIMIT_PATH);

    if (!text)
        return false;
    free(*out);
    *out = text;
    return true;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);

    while (choices && *choices) {
        size_t word = strcspn(choices, "|");
        if (word == length && memcmp(choices, text, length) == 0)
            return true;
        choices += word + (choices[word] == '|');
    }
    return false;
}

static bool read_texts(struct slice value, char ***out)
{
    size_t n = 0;
    char **list;

    if (json_type(value) != JSON_ARRAY && !slice_is(value, "{}"))
        return false;
    struct json_iter it = json_iter(value);
    while (json_next(&it))
        n++;
    list = calloc(n + 1, sizeof *list);
    if (!list)
        return false;
    it = json_iter(value);
    for (n = 0; json_next(&it); n++) {
        if (!read_text(it.value, &list[n])) {
            while (n > 0)
                free(list[--n]);
            free(list);
            return false;
        }
    }
    for (char **old = *out; old && *old; old++)
        free(*old);
    free(*out);
    *out = list;
    return true;
}

static bool is_user(const char *text)
{
    const char *colon = text[0] == '@' ? strchr(text + 1, ':') : NULL;
    return colon && colon[1] != '\0';
}

static bool are_users(char **list)
{
    for (; list && *list; list++) {
        if (!is_user(*list))
            return false;
    }
    return true;
}

static bool read_duration(struct slice value, int64_t *ms)
{
    double seconds;

    if (json_double(value, &seconds)) {
        if (seconds < 0 || seconds > 1e12)
            return false;
        *ms = (int64_t)(seconds * 1000);
        return true;
    }
    return config_duration(json_plain(value), ms) == 0;
}

static bool read_size(struct slice value, size_t *bytes)
{
    int64_t number;

    if (json_int(value, &number) && number >= 0) {
        *bytes = (size_t)number;
        return true;
    }
    return config_size(json_plain(value), bytes) == 0;
}

/* NULL when the value was taken, else what it has to be. */
static const char *read_value(const struct config_field *field,
                              struct slice value, void *record)
{
    void *member = (char *)record + field->offset;

    switch (field->type) {
    case CONFIG_STRING:
        if (!read_text(value, member))
            return "a string";
        if (field->choices && !is_choice(field->choices, *(char **)member))
            return field->choices;
        return NULL;
    case CONFIG_STRINGS:
        return read_texts(value, member) ? NULL : "a list of strings";
    case CONFIG_USER:
        return read_text(value, member) && is_user(*(char **)member)
                   ? NULL
                   : "a user ID, like \"@bot:example.org\"";
    case CONFIG_USERS:
        return read_texts(value, member) && are_users(*(char ***)member)
                   ? NULL
                   : "a list of user IDs, like \"@me:example.org\"";
    case CONFIG_DURATION:
        return read_duration(value, member)
                   ? NULL
                   : "a duration: seconds, or text like \"1h30m\"";
    case CONFIG_SIZE:
        return read_size(value, member) ? NULL
                                        : "a size: bytes, or text like \"64M\"";
    case CONFIG_COUNT:
        return json_int(value, member) && *(int64_t *)member > 0
                   ? NULL
                   : "a whole number from 1";
    case CONFIG_BOOL:
        return json_bool(value, member) ? NULL : "true or false";
    case CONFIG_OBJECT:
        buf_clear(member);
        if (json_type(value) == JSON_OBJECT && buf_add(member, value) == 0)
            return NULL;
        return "a table with named fields";
    case CONFIG_LATER:
        break;
    }
    return "left out: it is not built yet";
}

int config_read(const struct config_place *place, struct slice object,
                const struct config_field *fields, void *record,
                struct err *err)
{
    struct json_iter it = json_iter(object);

    while (json_next(&it)) {
        struct slice key = json_plain(it.key);
        const struct config_field *field = find_field(fields, key);
        if (!field)
            return fail_unknown(place, key, fields, err);
        const char *need = read_value(field, it.value, record);
        if (need)
            return config_fail(place, key, err, "%s%s%s must be %s",
                               place->where, *place->where ? "." : "",
                               field->name, need);
    }
    return 0;
}
