#include "registration.h"

#include <stdlib.h>
#include <string.h>

#include "emission.h"
#include "event_name.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

static const char *const fields[] = { "room",  "sender",  "msgtype", "thread",
                                      "is_me", "history", "pattern" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* How many letters to change, add or leave out: Levenshtein. */
#define WORD 24
static size_t distance(struct slice a, const char *b)
{
    size_t row[WORD + 1], len = strlen(b);
    if (a.len > WORD || len > WORD) {
        return WORD;
    }
    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t above = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t change = above + (a.ptr[i - 1] != b[j - 1]);
            above = row[j];
            size_t least = row[j - 1] < row[j] ? row[j - 1] + 1 : row[j] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[len];
}

/* The word that was meant, or NULL. */
static const char *suggest(struct slice word, const char *(*at)(size_t index))
{
    const char *best = NULL;
    size_t least = word.len > 4 ? 3 : 2; /* further off is no suggestion */
    for (size_t i = 0; at(i); i++) {
        size_t d = distance(word, at(i));
        if (d < least) {
            least = d;
            best = at(i);
        }
    }
    return best;
}

static const char *field_at(size_t index)
{
    return index < COUNT(fields) ? fields[index] : NULL;
}

static int refuse(struct err *err, const char *what, struct slice word,
                  const char *(*at)(size_t))
{
    const char *like = suggest(word, at);
    return err_set(err, ERR_MISUSE, "unknown %s '%.*s'%s%s%s", what,
                   SLICE_ARG(word), like ? ", did you mean '" : "",
                   like ? like : "", like ? "'?" : "");
}

/* ---- making one ---- */

/* Every element of value, or value itself when it is no array. */
static bool all(struct slice value, bool (*fits)(struct slice))
{
    if (json_type(value) != JSON_ARRAY) {
        return fits(value);
    }
    struct json_iter it = json_iter(value);
    while (json_next(&it)) {
        if (!fits(it.value)) {
            return false;
        }
    }
    return true;
}

static bool is_string(struct slice value)
{
    return json_type(value) == JSON_STRING;
}

static bool is_room(struct slice value)
{
    return is_string(value) && (value.len < 2 || value.ptr[1] != '#');
}

static bool is_bool(struct slice value)
{
    return json_type(value) == JSON_BOOL;
}

static bool is_thread(struct slice value)
{
    return is_string(value) || is_bool(value);
}

static int check_filter(struct slice filter, bool exact, struct err *err)
{
    static const struct {
        bool (*fits)(struct slice);
        const char *what;
    } wanted[COUNT(fields)] = {
        { is_room, "a room id or a list of these" },
        { is_string, "a user id or a list of these" },
        { is_string, "a string or a list of these" },
        { is_thread, "true, false or an event id" },
        { is_bool, "true or false" },
        { is_bool, "true or false" },
        { is_string, "a Lua pattern or a list of these" },
    };
    struct json_iter it = json_iter(filter);
    while (json_next(&it)) {
        size_t i = 0;
        while (i < COUNT(fields) && !json_equals(it.key, slice_str(fields[i])))
            i++;
        if (i == COUNT(fields)) {
            struct slice key = json_plain(it.key);
            return refuse(err, "filter field", key, field_at);
        }
        if (!all(it.value, wanted[i].fits)) {
            return err_set(err, ERR_MISUSE, "filter field '%s' must be %s",
                           fields[i], wanted[i].what);
        }
        if (!exact && json_equals(it.key, slice_str("history")) &&
            slice_is(it.value, "true")) {
            return err_set(err, ERR_MISUSE,
                           "filter field 'history' is for exact types only, "
                           "such as \"m.room.message\"");
        }
    }
    return 0;
}

static struct registration *make(int id, enum registration_kind kind,
                                 const char *where, struct err *err)
{
    struct registration *made = calloc(1, sizeof *made);
    if (!made) {
        err_set(err, ERR_SYSTEM, "cannot register: out of memory");
        return NULL;
    }
    list_init(&made->node);
    buf_init(&made->filter, LIMIT_CALL_ARGS);
    buf_init(&made->command, LIMIT_CALL_ARGS);
    made->id = id;
    made->kind = kind;
    made->where = slice_dup(slice_str(where ? where : ""));
    return made;
}

/* Frees it when a part of it is missing. */
static struct registration *finish(struct registration *made, struct err *err)
{
    if (made && (!made->name || !made->where || made->filter.failed ||
                 made->command.failed)) {
        registration_free(made);
        err_set(err, ERR_SYSTEM, "cannot register: out of memory");
        return NULL;
    }
    return made;
}

struct registration *registration_event(int id, struct slice name,
                                        struct slice filter, const char *where,
                                        struct err *err)
{
    enum event_name known = event_name_find(name);
    bool hook = known >= EVENT_NAME_READY && known < EVENT_NAME_EXACT;
    bool emitted = emission_is(name);
    if (emitted && emission_check(name, err) != 0) {
        return NULL;
    }
    if (known == EVENT_NAME_EXACT && !emitted &&
        (name.len > LIMIT_IDENTIFIER || !memchr(name.ptr, '.', name.len))) {
        refuse(err, "event", name, event_name_at);
        return NULL;
    }
    if (filter.ptr && json_type(filter) == JSON_ARRAY && filter.len == 2) {
        filter = SLICE_NONE; /* an empty table */
    }
    if (filter.ptr && (hook || emitted || json_type(filter) != JSON_OBJECT)) {
        err_set(err, ERR_MISUSE,
                hook || emitted
                    ? "'%.*s' takes no filter"
                    : "the filter of '%.*s' must be a table of named fields",
                SLICE_ARG(name));
        return NULL;
    }
    if (filter.ptr &&
        check_filter(filter, known == EVENT_NAME_EXACT, err) != 0) {
        return NULL;
    }
    struct registration *made =
        make(id, hook ? REGISTRATION_HOOK : REGISTRATION_EVENT, where, err);
    if (made) {
        made->name = slice_dup(name);
        if (filter.ptr) {
            buf_add(&made->filter, filter);
        }
    }
    return finish(made, err);
}

static bool is_word(struct slice value)
{
    struct slice text = json_plain(value);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ') {
            return false;
        }
    }
    return text.len > 0 && text.len <= LIMIT_IDENTIFIER;
}

static int write_command(struct slice args, struct buf *out, struct err *err)
{
    static const char *const kept[] = { "name", "aliases", "usage",
                                        "help", "hidden",  "details" };
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    for (size_t i = 0; i < COUNT(kept); i++) {
        json_member_raw(&w, kept[i], json_get(args, kept[i]));
    }
    json_object_end(&w);
    return json_finish(&w, "command", err);
}

struct registration *registration_command(int id, struct slice args,
                                          const char *where, struct err *err)
{
    struct slice name = json_get(args, "name");
    struct slice aliases = json_get(args, "aliases");
    if (!is_word(name)) {
        err_set(err, ERR_MISUSE, "a command's name must be one word");
        return NULL;
    }
    if (json_type(aliases) > JSON_NULL &&
        (!all(aliases, is_word) || json_type(aliases) == JSON_OBJECT)) {
        err_set(err, ERR_MISUSE, "aliases must be a list of single words");
        return NULL;
    }
    struct registration *made = make(id, REGISTRATION_COMMAND, where, err);
    if (!made) {
        return NULL;
    }
    made->name = slice_dup(json_plain(name));
    if (write_command(args, &made->command, err) != 0) {
        registration_free(made);
        return NULL;
    }
    return finish(made, err);
}

struct registration *registration_job(int id, struct slice name, int retries,
                                      int64_t backoff_ms, const char *where,
                                      struct err *err)
{
    struct registration *made = make(id, REGISTRATION_JOB, where, err);
    if (made) {
        made->name = slice_dup(name);
        made->retries = retries;
        made->backoff_ms = backoff_ms;
    }
    return finish(made, err);
}

void registration_free(struct registration *registration)
{
    if (!registration) {
        return;
    }
    list_remove(&registration->node);
    free(registration->name);
    free(registration->where);
    buf_free(&registration->filter);
    buf_free(&registration->command);
    free(registration);
}

bool registration_answers(const struct registration *registration,
                          struct slice word)
{
    if (registration->kind != REGISTRATION_COMMAND) {
        return false;
    }
    struct slice command = buf_slice(&registration->command);
    struct json_iter it = json_iter(json_get(command, "aliases"));
    if (slice_is(word, registration->name)) {
        return true;
    }
    while (json_next(&it)) {
        if (json_equals(it.value, word)) {
            return true;
        }
    }
    return false;
}

struct slice registration_clash(const struct registration *a,
                                const struct registration *b)
{
    if (a->kind != REGISTRATION_COMMAND) {
        return SLICE_NONE;
    }
    struct slice command = buf_slice(&a->command);
    struct slice name = json_get(command, "name");
    struct json_iter it = json_iter(json_get(command, "aliases"));
    if (registration_answers(b, json_plain(name))) {
        return name;
    }
    while (json_next(&it)) {
        if (registration_answers(b, json_plain(it.value))) {
            return it.value;
        }
    }
    return SLICE_NONE;
}
