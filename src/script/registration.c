#include "registration.h"

#include <stdlib.h>
#include <string.h>

#include "emission.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

/* ---- names ---- */

enum name {
    NAME_MESSAGE,
    NAME_MENTION, /* and dm: messages; which ones is decided in Lua */
    NAME_DM,
    NAME_EDIT,
    NAME_REACTION,
    NAME_REDACTION,
    NAME_UNREACTION, /* a redaction; of what is decided in Lua */
    NAME_JOIN,
    NAME_LEAVE,
    NAME_INVITE,
    NAME_KNOCK,
    NAME_KICK,
    NAME_BAN,
    NAME_READY,
    NAME_LOAD,
    NAME_SNAPSHOT,
    NAME_UNLOAD,
    NAME_EXACT /* a type as Matrix writes it */
};

/* Short names and the types behind them; hooks have none. */
static const struct {
    const char *name, *type;
} names[] = {
    [NAME_MESSAGE] = { "message", "m.room.message" },
    [NAME_MENTION] = { "mention", "m.room.message" },
    [NAME_DM] = { "dm", "m.room.message" },
    [NAME_EDIT] = { "edit", "m.room.message" },
    [NAME_REACTION] = { "reaction", "m.reaction" },
    [NAME_REDACTION] = { "redaction", "m.room.redaction" },
    [NAME_UNREACTION] = { "unreaction", "m.room.redaction" },
    [NAME_JOIN] = { "join", "m.room.member" },
    [NAME_LEAVE] = { "leave", "m.room.member" },
    [NAME_INVITE] = { "invite", "m.room.member" },
    [NAME_KNOCK] = { "knock", "m.room.member" },
    [NAME_KICK] = { "kick", "m.room.member" },
    [NAME_BAN] = { "ban", "m.room.member" },
    [NAME_READY] = { "ready", NULL },
    [NAME_LOAD] = { "load", NULL },
    [NAME_SNAPSHOT] = { "snapshot", NULL },
    [NAME_UNLOAD] = { "unload", NULL },
};

static const char *const fields[] = { "room",  "sender",  "msgtype", "thread",
                                      "is_me", "history", "pattern" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static enum name find_name(struct slice text)
{
    size_t i = 0;
    while (i < COUNT(names) && !slice_is(text, names[i].name)) {
        i++;
    }
    return (enum name)i;
}

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

static const char *name_at(size_t index)
{
    return index < COUNT(names) ? names[index].name : NULL;
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
    enum name known = find_name(name);
    bool hook = known >= NAME_READY && known < NAME_EXACT;
    bool emitted = emission_is(name);
    if (emitted && emission_check(name, err) != 0) {
        return NULL;
    }
    if (known == NAME_EXACT && !emitted &&
        (name.len > LIMIT_IDENTIFIER || !memchr(name.ptr, '.', name.len))) {
        refuse(err, "event", name, name_at);
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
    if (filter.ptr && check_filter(filter, known == NAME_EXACT, err) != 0) {
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

/* ---- matching ---- */

struct membership {
    struct slice now, before; /* JSON strings; before absent: unknown */
    bool by_self;
};

static struct membership read_membership(const struct event *event)
{
    struct slice before = json_get(event->unsigned_data, "prev_content");
    if (!before.ptr) {
        before = json_get(event->raw, "prev_content");
    }
    return (struct membership) {
        .now = json_get(event->content, "membership"),
        .before = json_get(before, "membership"),
        .by_self = slice_eq(event->sender, event->state_key),
    };
}

static bool matches_membership(enum name name,
                               const struct sync_occasion *occasion)
{
    struct membership m = read_membership(occasion->event);
    struct slice wanted = slice_str(
        name == NAME_KICK ? "leave" : names[name].name); /* as Matrix says */
    if (!occasion->event->state_key.ptr || !json_equals(m.now, wanted) ||
        json_equals(m.before, wanted)) {
        return false;
    }
    if (name == NAME_LEAVE) {
        return m.by_self;
    }
    if (name == NAME_KICK) { /* after a ban it is an unban */
        return !m.by_self && !json_equals(m.before, slice_str("ban"));
    }
    return true;
}

static bool matches_short(enum name name, const struct sync_occasion *occasion)
{
    const struct event *event = occasion->event;
    bool invites =
        name == NAME_INVITE && strcmp(occasion->section, "invite") == 0;
    if (occasion->own || occasion->history ||
        (strcmp(occasion->section, "timeline") != 0 && !invites) ||
        !slice_is(event->type, names[name].type)) {
        return false;
    }
    if (name >= NAME_JOIN) {
        return matches_membership(name, occasion);
    }
    if (event->state_key.ptr) {
        return false; /* whatever it is, nobody said it */
    }
    if (name <= NAME_DM) {
        return !event_content_is(event, "msgtype", "m.notice") &&
               !event_relates(event, "m.replace");
    }
    return name != NAME_EDIT || event_relates(event, "m.replace");
}

static bool contains(struct slice wanted, struct slice text)
{
    if (json_type(wanted) != JSON_ARRAY) {
        return json_equals(wanted, text);
    }
    struct json_iter it = json_iter(wanted);
    while (json_next(&it)) {
        if (json_equals(it.value, text)) {
            return true;
        }
    }
    return false;
}

/* Compares as decoded text what are both JSON. */
static bool contains_value(struct slice wanted, struct slice value)
{
    struct slice plain = json_plain(value);
    if (plain.ptr || json_type(value) != JSON_STRING) {
        return plain.ptr && contains(wanted, plain);
    }
    struct buf text;
    buf_init(&text, LIMIT_SYNC_EVENT);
    bool found =
        json_string(value, &text) == 0 && contains(wanted, buf_slice(&text));
    buf_free(&text);
    return found;
}

static bool matches_thread(struct slice wanted, const struct event *event)
{
    struct slice relation = json_get(event->content, "m.relates_to");
    bool inside = event_relates(event, "m.thread"), flag;
    struct slice one = slice_make(wanted.ptr, wanted.len);
    struct json_iter it = json_iter(wanted);
    bool list = json_type(wanted) == JSON_ARRAY;
    while (!list || json_next(&it)) {
        one = list ? it.value : one;
        if (json_bool(one, &flag)
                ? flag == inside
                : inside &&
                      contains_value(one, json_get(relation, "event_id"))) {
            return true;
        }
        if (!list) {
            break;
        }
    }
    return false;
}

static bool is_flag(struct slice wanted, bool value)
{
    if (json_type(wanted) != JSON_ARRAY) {
        return slice_is(wanted, value ? "true" : "false");
    }
    struct json_iter it = json_iter(wanted);
    while (json_next(&it)) {
        if (slice_is(it.value, value ? "true" : "false")) {
            return true;
        }
    }
    return false;
}

static bool matches_filter(struct slice filter,
                           const struct sync_occasion *occasion,
                           const char *user_id)
{
    const struct event *event = occasion->event;
    struct slice wanted = json_get(filter, "room");
    if (wanted.ptr && !contains(wanted, occasion->room_id)) {
        return false;
    }
    wanted = json_get(filter, "sender");
    if (wanted.ptr && !contains(wanted, event->sender)) {
        return false;
    }
    wanted = json_get(filter, "msgtype");
    if (wanted.ptr &&
        !contains_value(wanted, json_get(event->content, "msgtype"))) {
        return false;
    }
    wanted = json_get(filter, "thread");
    if (wanted.ptr && !matches_thread(wanted, event)) {
        return false;
    }
    wanted = json_get(filter, "is_me");
    bool me = event->state_key.ptr && slice_is(event->state_key, user_id);
    return !wanted.ptr || is_flag(wanted, me);
}

/* Does it wait for events? */
static bool hears(const struct registration *registration)
{
    return !registration->off && (registration->kind == REGISTRATION_EVENT ||
                                  registration->kind == REGISTRATION_COMMAND);
}

bool registration_matches(const struct registration *registration,
                          const struct sync_occasion *occasion,
                          const char *user_id)
{
    struct slice filter = buf_slice(&registration->filter);
    if (!hears(registration)) {
        return false;
    }
    enum name name = registration->kind == REGISTRATION_COMMAND
                         ? NAME_MESSAGE
                         : find_name(slice_str(registration->name));
    if (name != NAME_EXACT) {
        return matches_short(name, occasion) &&
               matches_filter(filter, occasion, user_id);
    }
    struct slice history = json_get(filter, "history");
    bool emitted = strcmp(occasion->section, EMISSION_SECTION) == 0;
    return emitted == emission_is(slice_str(registration->name)) &&
           slice_is(occasion->event->type, registration->name) &&
           (!occasion->history || (history.ptr && is_flag(history, true))) &&
           matches_filter(filter, occasion, user_id);
}

void registration_types(const struct registration *registration,
                        sync_type_fn *add, void *arg)
{
    static const char *const sections[] = {
        "timeline",  "invite",       "knock",
        "ephemeral", "account_data", "room_account_data",
        "to_device", "presence",
    };
    if (!hears(registration) || emission_is(slice_str(registration->name))) {
        return;
    }
    enum name name = registration->kind == REGISTRATION_COMMAND
                         ? NAME_MESSAGE
                         : find_name(slice_str(registration->name));
    if (name != NAME_EXACT) {
        add(arg, "timeline", slice_str(names[name].type));
        if (name == NAME_INVITE) {
            add(arg, "invite", slice_str(names[name].type));
        }
        return;
    }
    for (size_t i = 0; i < COUNT(sections); i++) {
        add(arg, sections[i], slice_str(registration->name));
    }
}
