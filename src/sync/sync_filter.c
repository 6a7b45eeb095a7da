#include "sync_filter.h"

#include <stdlib.h>

#include "digest.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

struct wish { /* "timeline" "m.room.message" */
    char *section, *type;
};

struct sync_filter {
    struct wish *wishes; /* sorted, each once */
    size_t count, cap;
    char *user_id;
    struct buf json, hash, state_types;
    bool failed; /* while wishes are collected */
};

/* Message-like types below m.room.*: asked for only when somebody wants
 * them, as they are most of what happens in rooms. */
static const char *const messages[] = {
    "m.room.encrypted", "m.room.message",       "m.room.message.feedback",
    "m.room.redaction", "m.room.server_notice",
};
#define MESSAGES (sizeof(messages) / sizeof(*messages))

static const char *const stored[] = { "m.room.", "m.space.", "m.policy." };
#define STORED (sizeof(stored) / sizeof(*stored))

/* ---- wishes ---- */

static int compare(const char *section, struct slice type,
                   const struct wish *wish)
{
    int order = strcmp(section, wish->section);

    return order ? order : slice_compare(type, slice_str(wish->type));
}

static int by_name(const void *a, const void *b)
{
    const struct wish *wish = a;

    return compare(wish->section, slice_str(wish->type), b);
}

static void add_wish(void *arg, const char *section, struct slice type)
{
    struct sync_filter *filter = arg;

    if (filter->count == filter->cap) {
        size_t cap = filter->cap ? filter->cap * 2 : 16;
        void *wishes = realloc(filter->wishes, cap * sizeof(*filter->wishes));
        if (!wishes) {
            filter->failed = true;
            return;
        }
        filter->wishes = wishes;
        filter->cap = cap;
    }
    struct wish *wish = &filter->wishes[filter->count++];
    wish->section = strdup(section);
    wish->type = slice_dup(type);
    filter->failed |= !wish->section || !wish->type;
}

static void free_wish(struct wish *wish)
{
    free(wish->section);
    free(wish->type);
}

static void sort_wishes(struct sync_filter *filter)
{
    size_t kept = 0;

    if (filter->count > 0)
        qsort(filter->wishes, filter->count, sizeof(*filter->wishes), by_name);
    for (size_t i = 0; i < filter->count; i++) {
        if (kept > 0 &&
            by_name(&filter->wishes[i], &filter->wishes[kept - 1]) == 0)
            free_wish(&filter->wishes[i]);
        else
            filter->wishes[kept++] = filter->wishes[i];
    }
    filter->count = kept;
}

bool sync_filter_has(const struct sync_filter *filter, const char *section,
                     struct slice type)
{
    size_t low = 0, high = filter->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(section, type, &filter->wishes[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* In timelines. */
static bool is_wished(const struct sync_filter *filter, struct slice type)
{
    return sync_filter_has(filter, "timeline", type) ||
           sync_filter_has(filter, "passing", type);
}

static bool is_message(struct slice type)
{
    for (size_t i = 0; i < MESSAGES; i++)
        if (slice_is(type, messages[i]))
            return true;
    return false;
}

/* Below a family that is asked for and stored as a whole. */
static bool is_family(struct slice type)
{
    for (size_t i = 0; i < STORED; i++)
        if (slice_starts(type, stored[i]))
            return !is_message(type);
    return false;
}

bool sync_filter_stores(const struct sync_filter *filter, struct slice type)
{
    return is_family(type) ||
           (!is_message(type) && sync_filter_has(filter, "timeline", type));
}

/* ---- the filter's text ---- */

static void put_families(struct json_writer *w)
{
    json_put_string(w, slice_str("m.room.*"));
    json_put_string(w, slice_str("m.space.*"));
    json_put_string(w, slice_str("m.policy.*"));
}

/* The types of a section beyond the families. */
static void put_types(struct json_writer *w, const struct sync_filter *filter,
                      const char *section, bool messages_too)
{
    for (size_t i = 0; i < filter->count; i++) {
        struct slice type = slice_str(filter->wishes[i].type);
        if (strcmp(filter->wishes[i].section, section) == 0 &&
            !is_family(type) && (messages_too || !is_message(type)))
            json_put_string(w, type);
    }
}

static void put_timeline(struct json_writer *w,
                         const struct sync_filter *filter)
{
    json_key(w, "timeline");
    json_object_begin(w);
    json_member_int(w, "limit", LIMIT_SYNC_TIMELINE);
    json_member_bool(w, "lazy_load_members", true);
    json_key(w, "types");
    json_array_begin(w);
    put_families(w);
    put_types(w, filter, "timeline", true);
    put_types(w, filter, "passing", true);
    json_array_end(w);
    json_key(w, "not_types");
    json_array_begin(w);
    for (size_t i = 0; i < MESSAGES; i++)
        if (!is_wished(filter, slice_str(messages[i])))
            json_put_string(w, slice_str(messages[i]));
    json_array_end(w);
    json_object_end(w);
}

static void put_state(struct json_writer *w, const struct sync_filter *filter)
{
    json_key(w, "state");
    json_object_begin(w);
    json_member_bool(w, "lazy_load_members", true);
    json_key(w, "types");
    json_array_begin(w);
    put_families(w);
    put_types(w, filter, "timeline", false);
    json_array_end(w);
    json_object_end(w);
}

/* Only what is registered; with nothing, nothing at all. */
static void put_exact(struct json_writer *w, const char *key,
                      const struct sync_filter *filter, const char *section,
                      const char *always)
{
    bool none = !always;

    for (size_t i = 0; i < filter->count; i++)
        none &= strcmp(filter->wishes[i].section, section) != 0;
    json_key(w, key);
    json_object_begin(w);
    json_key(w, "types");
    json_array_begin(w);
    if (always)
        json_put_string(w, slice_str(always));
    for (size_t i = 0; i < filter->count; i++)
        if (strcmp(filter->wishes[i].section, section) == 0 &&
            (!always || strcmp(filter->wishes[i].type, always) != 0))
            json_put_string(w, slice_str(filter->wishes[i].type));
    json_array_end(w);
    if (none) {
        json_key(w, "not_types");
        json_array_begin(w);
        json_put_string(w, slice_str("*"));
        json_array_end(w);
    }
    json_object_end(w);
}

static int write_json(struct sync_filter *filter, struct err *err)
{
    struct json_writer w;

    json_writer_init(&w, &filter->json);
    json_object_begin(&w);
    json_key(&w, "room");
    json_object_begin(&w);
    put_timeline(&w, filter);
    put_state(&w, filter);
    put_exact(&w, "ephemeral", filter, "ephemeral", NULL);
    put_exact(&w, "account_data", filter, "room_account_data", NULL);
    json_object_end(&w);
    put_exact(&w, "account_data", filter, "account_data", "m.direct");
    put_exact(&w, "presence", filter, "presence", NULL);
    json_object_end(&w);
    return json_finish(&w, "the filter of /sync", err);
}

static int write_hash(struct sync_filter *filter, struct err *err)
{
    unsigned char hash[SHA256_SIZE];

    digest_sha256(buf_slice(&filter->json), hash);
    if (digest_hex(slice_make((const char *)hash, sizeof(hash)),
                   &filter->hash) == 0)
        return 0;
    return err_set(err, ERR_SYSTEM, "cannot make a filter: out of memory");
}

static int write_state_types(struct sync_filter *filter, struct err *err)
{
    for (size_t i = 0; i < filter->count; i++) {
        struct slice type = slice_str(filter->wishes[i].type);
        if (strcmp(filter->wishes[i].section, "timeline") == 0 &&
            !is_family(type) && !is_message(type))
            buf_addf(&filter->state_types, "%s\n", filter->wishes[i].type);
    }
    return buf_check(&filter->state_types, "the types of state", err);
}

static bool has_line(struct slice text, struct slice line)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        if (slice_eq(slice_make(text.ptr, len), line))
            return true;
        len += end ? 1 : 0;
        text = slice_make(text.ptr + len, text.len - len);
    }
    return false;
}

bool sync_filter_grew(struct slice before, struct slice now)
{
    const char *at = now.ptr;

    for (const char *end = at + now.len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        if (!has_line(before, slice_make(at, (size_t)(stop - at))))
            return true;
        at = stop + 1;
    }
    return false;
}

struct sync_filter *sync_filter_new(const struct sync_interest *interest,
                                    const char *user_id, struct err *err)
{
    struct sync_filter *filter = calloc(1, sizeof(*filter));

    if (!filter) {
        err_set(err, ERR_SYSTEM, "cannot make a filter: out of memory");
        return NULL;
    }
    buf_init(&filter->json, LIMIT_SYNC_FILTER);
    buf_init(&filter->hash, 2 * SHA256_SIZE);
    buf_init(&filter->state_types, LIMIT_SYNC_FILTER);
    filter->user_id = strdup(user_id);
    interest->types(interest->arg, add_wish, filter);
    if (filter->failed || !filter->user_id) {
        err_set(err, ERR_SYSTEM, "cannot make a filter: out of memory");
    } else {
        sort_wishes(filter);
        if (write_json(filter, err) == 0 && write_hash(filter, err) == 0 &&
            write_state_types(filter, err) == 0)
            return filter;
    }
    sync_filter_free(filter);
    return NULL;
}

void sync_filter_free(struct sync_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->count; i++)
        free_wish(&filter->wishes[i]);
    free(filter->wishes);
    free(filter->user_id);
    buf_free(&filter->json);
    buf_free(&filter->hash);
    buf_free(&filter->state_types);
    free(filter);
}

struct slice sync_filter_json(const struct sync_filter *filter)
{
    return buf_slice(&filter->json);
}

const char *sync_filter_hash(const struct sync_filter *filter)
{
    return buf_str(&filter->hash);
}

struct slice sync_filter_state_types(const struct sync_filter *filter)
{
    return buf_slice(&filter->state_types);
}

/* ---- what is staged ---- */

static bool is_ours(const struct sync_filter *filter, struct slice json)
{
    return json_equals(json_get(json, "sender"), slice_str(filter->user_id));
}

static bool is_wanted(void *arg, enum sync_section section,
                      enum sync_membership membership, struct slice room_id,
                      struct slice type, struct slice json)
{
    const struct sync_filter *filter = arg;

    (void)membership;
    (void)room_id;
    switch (section) {
    case SYNC_TO_DEVICE: /* keys may be in it */
    case SYNC_INVITE_STATE:
    case SYNC_KNOCK_STATE:
        return true;
    case SYNC_STATE:
    case SYNC_STATE_AFTER:
        return sync_filter_stores(filter, type);
    case SYNC_TIMELINE: /* ours: to match echoes */
        return sync_filter_stores(filter, type) || is_wished(filter, type) ||
               slice_is(type, "m.room.encrypted") || is_ours(filter, json);
    case SYNC_ACCOUNT_DATA:
        return slice_is(type, "m.direct") ||
               sync_filter_has(filter, "account_data", type);
    default:
        return sync_filter_has(filter, sync_stage_section_name(section), type);
    }
}

struct sync_wanted sync_filter_wanted(const struct sync_filter *filter)
{
    return (struct sync_wanted) {
        .arg = (void *)filter,
        .event = is_wanted,
        .trim_members = true,
    };
}
