#include "config_show.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

/* One walk over a configuration. */
struct show {
    const struct config *config;
    config_row_fn *fn;
    void *arg;
    struct buf key, value;
    struct err *err;
};

/* What holds where the file says nothing. */
static const struct config_limits built_in = {
    .memory = LIMIT_SCRIPT_MEMORY,
    .http_body = LIMIT_HTTP_BODY,
    .store = LIMIT_STORE,
    .burst_ms = LIMIT_BURST_MS,
    .handler_ms = LIMIT_HANDLER_MS,
    .drain_ms = LIMIT_DRAIN_MS,
    .handlers = LIMIT_HANDLERS,
    .queue = LIMIT_QUEUE,
    .log = LIMIT_LOG_LINES,
};

/* ---- values ------------------------------------------------------------ */

static void put_duration(struct json_writer *w, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "d", 86400000 },
                  { "h", 3600000 },
                  { "m", 60000 },
                  { "s", 1000 },
                  { "ms", 1 } };
    struct buf text;

    buf_init(&text, 100);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms >= units[i].ms)
            buf_addf(&text, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
        ms %= units[i].ms;
    }
    json_put_string(w, text.len ? buf_slice(&text) : slice_str("0s"));
    buf_free(&text);
}

static void put_size(struct json_writer *w, size_t bytes)
{
    static const char units[] = "KMG";
    char text[40];
    int unit = -1;

    while (bytes > 0 && bytes % 1024 == 0 && unit < 2) {
        bytes /= 1024;
        unit++;
    }
    if (unit < 0) {
        json_put_int(w, (int64_t)bytes);
        return;
    }
    snprintf(text, sizeof text, "%zu%c", bytes, units[unit]);
    json_put_string(w, slice_str(text));
}

static void put_text(struct json_writer *w, const char *text)
{
    if (text)
        json_put_string(w, slice_str(text));
    else
        json_put_null(w);
}

static void put_texts(struct json_writer *w, char *const *list)
{
    json_array_begin(w);
    for (; list && *list; list++)
        json_put_string(w, slice_str(*list));
    json_array_end(w);
}

static void put_field(struct json_writer *w, const struct config_field *field,
                      const void *record)
{
    const void *member = (const char *)record + field->offset;

    switch (field->type) {
    case CONFIG_STRING:
    case CONFIG_USER:
        put_text(w, *(char *const *)member);
        break;
    case CONFIG_STRINGS:
    case CONFIG_USERS:
        put_texts(w, *(char **const *)member);
        break;
    case CONFIG_DURATION:
        put_duration(w, *(const int64_t *)member);
        break;
    case CONFIG_SIZE:
        put_size(w, *(const size_t *)member);
        break;
    case CONFIG_COUNT:
        json_put_int(w, *(const int64_t *)member);
        break;
    case CONFIG_BOOL:
        json_put_bool(w, *(const bool *)member);
        break;
    case CONFIG_OBJECT: /* told member by member */
    case CONFIG_LATER:
        json_put_null(w);
        break;
    }
}

/* Where a secret comes from, and nothing else that may stand there. */
static void put_source(struct json_writer *w, struct slice secret)
{
    static const struct {
        const char *key;
        enum json_type type;
    } sources[] = { { "file", JSON_STRING },
                    { "fd", JSON_NUMBER },
                    { "command", JSON_ARRAY } };

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct slice value = json_get(secret, sources[i].key);
        if (json_type(value) != sources[i].type)
            continue;
        json_object_begin(w);
        json_member_raw(w, sources[i].key, value);
        json_object_end(w);
        return;
    }
    json_put_null(w);
}

/* ---- rows -------------------------------------------------------------- */

/* Tells show->value as where.key. line: 0 when it is built in. */
static int tell(struct show *show, struct json_writer *w, const char *where,
                struct slice key, int line)
{
    struct config_row row = { .from = line ? CONFIG_FILE : CONFIG_BUILT_IN,
                              .line = line };

    buf_clear(&show->key);
    buf_addf(&show->key, "%s.%.*s", where, SLICE_ARG(key));
    if (json_finish(w, where, show->err) != 0 ||
        buf_check(&show->key, "a key", show->err) != 0)
        return -1;
    row.key = buf_str(&show->key);
    row.value = buf_slice(&show->value);
    show->fn(show->arg, &row);
    return 0;
}

static void begin(struct show *show, struct json_writer *w)
{
    buf_clear(&show->value);
    json_writer_init(w, &show->value);
}

static int line_of(const struct show *show, const char *where, struct slice key)
{
    struct config_place place = { show->config->path,
                                  buf_slice(&show->config->text), where };
    return config_line(&place, key);
}

/* Every member of one record. given: what the file says of it. */
static int tell_fields(struct show *show, const char *where,
                       enum config_part part, struct slice given,
                       const void *record, const void *defaults)
{
    const struct config_field *field = config_fields(part);
    struct json_writer w;

    for (; field->name; field++) {
        bool is_given = json_get(given, field->name).ptr != NULL;
        struct slice key = slice_str(field->name);
        if (field->type == CONFIG_LATER || field->type == CONFIG_OBJECT)
            continue;
        begin(show, &w);
        put_field(&w, field, is_given ? record : defaults);
        if (tell(show, &w, where, key,
                 is_given ? line_of(show, where, key) : 0) != 0)
            return -1;
    }
    return 0;
}

struct member {
    struct slice key, value;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t least = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.ptr, y->key.ptr, least);

    return order ? order
                 : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

/* The members of an object, in the order of their keys; NULL: no memory. */
static struct member *sort_members(struct slice object, size_t *count)
{
    struct json_iter it = json_iter(object);
    struct member *members;

    for (*count = 0; json_next(&it);)
        ++*count;
    members = calloc(*count + 1, sizeof *members);
    it = json_iter(object);
    for (size_t i = 0; members && json_next(&it); i++) {
        struct slice plain = json_plain(it.key);
        members[i].key = plain.ptr ? plain : it.key;
        members[i].value = it.value;
    }
    if (members)
        qsort(members, *count, sizeof *members, by_key);
    return members;
}

/* `config` or `secrets` of a script, member by member. */
static int tell_members(struct show *show, const char *script, const char *name,
                        struct slice object, bool secret)
{
    size_t count;
    struct member *members = sort_members(object, &count);
    struct json_writer w;
    char where[120];
    int result = members ? 0 : err_set(show->err, ERR_LIMIT, "out of memory");
    bool large = count > LIMIT_CONFIG_PLACES;

    snprintf(where, sizeof where, "%s.%s", script, name);
    int line = line_of(show, where, SLICE_NONE);
    for (size_t i = 0; result == 0 && i < count; i++) {
        begin(show, &w);
        if (secret)
            put_source(&w, members[i].value);
        else
            json_put_raw(&w, members[i].value);
        if (!large)
            line = line_of(show, where, members[i].key);
        result = tell(show, &w, where, members[i].key, line);
    }
    free(members);
    return result;
}

static int tell_script(struct show *show, const struct config_script *script)
{
    struct slice all = json_get(buf_slice(&show->config->json), "scripts");
    struct slice given = json_get(all, script->name);
    char where[100];

    snprintf(where, sizeof where, "scripts.%s", script->name);
    if (tell_fields(show, where, CONFIG_SCRIPT, given, script, script) != 0 ||
        tell_members(show, where, "config", buf_slice(&script->settings),
                     false) != 0)
        return -1;
    return tell_members(show, where, "secrets", buf_slice(&script->secrets),
                        true);
}

static int tell_account(struct show *show, const struct config_account *account)
{
    struct slice all = json_get(buf_slice(&show->config->json), "accounts");
    char where[100];

    snprintf(where, sizeof where, "accounts.%s", account->name);
    return tell_fields(show, where, CONFIG_ACCOUNT,
                       json_get(all, account->name), account, account);
}

static int tell_all(struct show *show, const char *account)
{
    const struct config *config = show->config;
    struct slice json = buf_slice(&config->json);

    for (size_t i = 0; i < config->account_count; i++) {
        if ((!account || strcmp(config->accounts[i].name, account) == 0) &&
            tell_account(show, &config->accounts[i]) != 0)
            return -1;
    }
    for (size_t i = 0; i < config->script_count; i++) {
        const char *only = config->scripts[i].account;
        if ((!account || !only || strcmp(only, account) == 0) &&
            tell_script(show, &config->scripts[i]) != 0)
            return -1;
    }
    if (tell_fields(show, "limits", CONFIG_LIMITS, json_get(json, "limits"),
                    &config->limits, &built_in) != 0)
        return -1;
    return tell_fields(show, "listen", CONFIG_LISTEN, json_get(json, "listen"),
                       &config->listen, &config->listen);
}

int config_show(const struct config *config, const char *account,
                config_row_fn *fn, void *arg, struct err *err)
{
    struct show show = { .config = config, .fn = fn, .arg = arg, .err = err };
    int result;

    buf_init(&show.key, LIMIT_CONFIG_FILE);
    buf_init(&show.value, LIMIT_CONFIG_FILE);
    result = tell_all(&show, account);
    buf_free(&show.key);
    buf_free(&show.value);
    return result;
}

/* ---- as Lua ------------------------------------------------------------ */

static void add_key(struct slice key, struct buf *out)
{
    struct slice plain = json_plain(key);
    bool name = plain.len > 0 && !isdigit((unsigned char)*plain.ptr);

    for (size_t i = 0; i < plain.len; i++)
        name &= isalnum((unsigned char)plain.ptr[i]) || plain.ptr[i] == '_';
    if (name)
        buf_addf(out, "%.*s = ", SLICE_ARG(plain));
    else
        buf_addf(out, "[%.*s] = ", SLICE_ARG(key));
}

void config_lua(struct slice json, struct buf *out)
{
    enum json_type type = json_type(json);
    struct json_iter it = json_iter(json);
    const char *separator = " ";

    if (type == JSON_NULL) {
        buf_adds(out, "nil");
    } else if (type == JSON_ARRAY || type == JSON_OBJECT) {
        buf_addc(out, '{');
        while (json_next(&it)) { /* as deep as JSON may be */
            buf_adds(out, separator);
            if (type == JSON_OBJECT)
                add_key(it.key, out);
            config_lua(it.value, out);
            separator = ", ";
        }
        buf_adds(out, *separator == ',' ? " }" : "}");
    } else {
        buf_add(out, json_trim(json));
    }
}
