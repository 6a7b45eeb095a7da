#include "power.h"

#include <stdlib.h>

#include "buf.h"
#include "json_read.h"
#include "limits.h"

#define LEVEL_MOST ((INT64_C(1) << 53) - 1)

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int64_t clamp(int64_t level)
{
    if (level > LEVEL_MOST)
        return LEVEL_MOST;
    return level < -LEVEL_MOST ? -LEVEL_MOST : level;
}

/* White space, one sign, digits, white space; anything else is no level. */
static bool level_of_text(struct slice text, int64_t *level)
{
    bool negative = false;
    int64_t value = 0;

    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_space(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    if (text.len > 0 && (*text.ptr == '+' || *text.ptr == '-')) {
        negative = *text.ptr == '-';
        text.ptr++;
        text.len--;
    }
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = clamp(value * 10 + (text.ptr[i] - '0'));
    }
    *level = negative ? -value : value;
    return true;
}

static bool level_of(struct slice value, int64_t *level)
{
    struct buf text;
    double number;
    bool found;

    if (json_int(value, level)) {
        *level = clamp(*level);
        return true;
    }
    if (json_double(value, &number)) {
        if (number >= (double)LEVEL_MOST)
            *level = LEVEL_MOST;
        else if (number <= (double)-LEVEL_MOST)
            *level = -LEVEL_MOST;
        else
            *level = (int64_t)number;
        return true;
    }
    buf_init(&text, LIMIT_IDENTIFIER);
    found = json_string(value, &text) == 0 &&
            level_of_text(buf_slice(&text), level);
    buf_free(&text);
    return found;
}

/* Room versions are opaque but for this: those made of digits are counted. */
static int64_t room_version(struct slice create)
{
    struct slice value = json_plain(json_get(create, "room_version"));
    int64_t version;

    if (!value.ptr)
        return 1;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return 0;
    return level_of_text(value, &version) ? version : 0;
}

static bool is_creator(const struct power *power, struct slice user_id)
{
    struct json_iter it =
        json_iter(json_get(power->create, "additional_creators"));

    if (power->create_sender.ptr && slice_eq(power->create_sender, user_id))
        return true;
    while (!it.object && json_next(&it))
        if (json_equals(it.value, user_id))
            return true;
    return false;
}

/* Without m.room.power_levels the creator has 100. Up to room version 10 that
 * is who `creator` names. */
static int64_t level_without_event(const struct power *power, int64_t version,
                                   struct slice user_id)
{
    struct slice creator = json_get(power->create, "creator");

    if (version <= 10 && json_type(creator) == JSON_STRING)
        return json_equals(creator, user_id) ? 100 : 0;
    return power->create_sender.ptr && slice_eq(power->create_sender, user_id)
               ? 100
               : 0;
}

int64_t power_of_user(const struct power *power, struct slice user_id)
{
    int64_t version = room_version(power->create), level;

    if (version >= 12 && is_creator(power, user_id))
        return POWER_CREATOR;
    if (json_type(power->levels) != JSON_OBJECT)
        return level_without_event(power, version, user_id);
    if (level_of(json_get_slice(json_get(power->levels, "users"), user_id),
                 &level) ||
        level_of(json_get(power->levels, "users_default"), &level))
        return level;
    return 0;
}

int64_t power_required(const struct power *power, struct slice action,
                       int state)
{
    static const struct {
        const char *name;
        int64_t level;
    } named[] = { { "ban", 50 },   { "kick", 50 },          { "redact", 50 },
                  { "invite", 0 }, { "events_default", 0 }, { NULL, 0 } };
    bool absent = json_type(power->levels) != JSON_OBJECT;
    int64_t level;

    for (int i = 0; named[i].name; i++)
        if (slice_is(action, named[i].name))
            return level_of(json_get_slice(power->levels, action), &level)
                       ? level
                       : named[i].level;
    if (!slice_is(action, "state_default")) {
        if (level_of(json_get_slice(json_get(power->levels, "events"), action),
                     &level))
            return level;
        if (!state)
            return level_of(json_get(power->levels, "events_default"), &level)
                       ? level
                       : 0;
    }
    if (level_of(json_get(power->levels, "state_default"), &level))
        return level;
    return absent ? 0 : 50;
}
