#include "call_args.h"

#include <stdarg.h>
#include <stdio.h>

#include "limits.h"

#define MOST_SECONDS 1e11 /* 3000 years; also holds a time of the day */

struct call_args call_args_of(struct op *op, struct slice object,
                              struct err *err)
{
    return (struct call_args) { .op = op, .object = object, .err = err };
}

int call_args_check(const struct call_args *args)
{
    return args->failed ? -1 : 0;
}

void call_args_fault(struct call_args *args, const char *format, ...)
{
    if (args->failed) {
        return;
    }
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    args->failed = true;
    err_set(args->err, ERR_MISUSE, "%s: %s", args->op->call->name, text);
}

/* The member, absent for null and after a fault. */
static struct slice get(struct call_args *args, const char *key)
{
    struct slice value =
        args->failed ? SLICE_NONE : json_get(args->object, key);
    return json_type(value) == JSON_NULL ? SLICE_NONE : value;
}

/* The member when it has that type; a fault when it has another one, or when
 * it is absent and needed. what: "a string". */
static struct slice get_typed(struct call_args *args, const char *key,
                              enum json_type type, bool needed,
                              const char *what)
{
    struct slice value = get(args, key);
    if (value.ptr ? json_type(value) == type : !needed) {
        return value;
    }
    call_args_fault(args, "%s must be %s", key, what);
    return SLICE_NONE;
}

/* All decoded text goes into one buffer, which must not move: its room is
 * taken once, and text only shrinks when it is decoded (a NUL is added for
 * each value, in the place of its quotes). */
struct slice call_args_decode(struct call_args *args, struct slice value)
{
    struct buf *scratch = &args->op->scratch;
    if (json_type(value) != JSON_STRING) {
        return SLICE_NONE;
    }
    if (!scratch->ptr && !buf_reserve(scratch, args->object.len + 1)) {
        call_args_fault(args, "arguments are too large");
        return SLICE_NONE;
    }
    size_t at = scratch->len;
    if (scratch->cap - at < value.len + 2) { /* the same text, twice */
        call_args_fault(args, "arguments are too large");
        return SLICE_NONE;
    }
    if (json_string(value, scratch) || buf_addc(scratch, '\0')) {
        call_args_fault(args, "arguments are too large");
        return SLICE_NONE;
    }
    return slice_make(scratch->ptr + at, scratch->len - at - 1);
}

static struct slice get_string(struct call_args *args, const char *key,
                               bool needed)
{
    struct slice value = get_typed(args, key, JSON_STRING, needed, "a string");
    return value.ptr ? call_args_decode(args, value) : SLICE_NONE;
}

struct slice call_args_string(struct call_args *args, const char *key)
{
    return get_string(args, key, true);
}

struct slice call_args_string_opt(struct call_args *args, const char *key)
{
    return get_string(args, key, false);
}

static struct slice check_id(struct call_args *args, const char *key,
                             struct slice id)
{
    if (!id.ptr || (id.len > 0 && id.len <= LIMIT_IDENTIFIER)) {
        return id;
    }
    if (id.len == 0) {
        call_args_fault(args, "%s must not be empty", key);
    } else {
        call_args_fault(args, "%s is longer than %d bytes", key,
                        LIMIT_IDENTIFIER);
    }
    return SLICE_NONE;
}

struct slice call_args_id(struct call_args *args, const char *key)
{
    return check_id(args, key, call_args_string(args, key));
}

struct slice call_args_id_opt(struct call_args *args, const char *key)
{
    return check_id(args, key, call_args_string_opt(args, key));
}

const char *call_args_text_opt(struct call_args *args, const char *key)
{
    struct slice text = call_args_string_opt(args, key);
    if (text.ptr && memchr(text.ptr, '\0', text.len)) {
        call_args_fault(args, "%s must not hold a NUL byte", key);
        return NULL;
    }
    return text.ptr; /* call_args_decode ends it with a NUL */
}

int64_t call_args_int(struct call_args *args, const char *key,
                      int64_t otherwise, int64_t least, int64_t most)
{
    struct slice value = get_typed(args, key, JSON_NUMBER, false, "an integer");
    int64_t number = otherwise;
    if (!value.ptr) {
        return otherwise;
    }
    if (!json_int(value, &number)) {
        call_args_fault(args, "%s must be an integer", key);
        return otherwise;
    }
    if (number < least || number > most) {
        call_args_fault(args, "%s must be %lld to %lld", key, (long long)least,
                        (long long)most);
        return otherwise;
    }
    return number;
}

bool call_args_bool(struct call_args *args, const char *key, bool otherwise)
{
    bool flag = otherwise;
    json_bool(get_typed(args, key, JSON_BOOL, false, "a boolean"), &flag);
    return flag;
}

static int64_t get_seconds(struct call_args *args, const char *key, bool needed,
                           int64_t otherwise)
{
    struct slice value =
        get_typed(args, key, JSON_NUMBER, needed, "a number of seconds");
    double seconds = 0;
    if (!value.ptr) {
        return otherwise;
    }
    if (!json_double(value, &seconds) || !(seconds >= 0)) {
        call_args_fault(args, "%s must not be negative", key);
        return otherwise;
    }
    return (int64_t)((seconds < MOST_SECONDS ? seconds : MOST_SECONDS) * 1000 +
                     0.5);
}

int64_t call_args_seconds(struct call_args *args, const char *key)
{
    return get_seconds(args, key, true, 0);
}

int64_t call_args_seconds_or(struct call_args *args, const char *key,
                             int64_t otherwise)
{
    return get_seconds(args, key, false, otherwise);
}

int64_t call_args_timeout(struct call_args *args)
{
    int64_t ms = call_args_seconds_or(args, "timeout", LIMIT_HTTP_TOTAL_MS);
    return ms > 0 ? ms : 1;
}

struct slice call_args_value(struct call_args *args, const char *key)
{
    struct slice value =
        args->failed ? SLICE_NONE : json_get(args->object, key);
    if (!value.ptr) {
        call_args_fault(args, "%s is missing", key);
    }
    return value;
}

struct slice call_args_object(struct call_args *args, const char *key)
{
    return get_typed(args, key, JSON_OBJECT, true, "an object");
}

struct slice call_args_object_opt(struct call_args *args, const char *key)
{
    return get_typed(args, key, JSON_OBJECT, false, "an object");
}

struct slice call_args_strings_opt(struct call_args *args, const char *key)
{
    struct slice array =
        get_typed(args, key, JSON_ARRAY, false, "an array of strings");
    struct json_iter it = json_iter(array);
    while (json_next(&it)) {
        if (json_type(it.value) != JSON_STRING) {
            call_args_fault(args, "%s must be an array of strings", key);
            return SLICE_NONE;
        }
    }
    return array;
}
