#include "event_name.h"

/* Short names and the types behind them; hooks have none. */
static const struct {
    const char *name, *type;
} names[] = {
    [EVENT_NAME_MESSAGE] = { "message", "m.room.message" },
    [EVENT_NAME_MENTION] = { "mention", "m.room.message" },
    [EVENT_NAME_DM] = { "dm", "m.room.message" },
    [EVENT_NAME_EDIT] = { "edit", "m.room.message" },
    [EVENT_NAME_REACTION] = { "reaction", "m.reaction" },
    [EVENT_NAME_REDACTION] = { "redaction", "m.room.redaction" },
    [EVENT_NAME_UNREACTION] = { "unreaction", "m.room.redaction" },
    [EVENT_NAME_JOIN] = { "join", "m.room.member" },
    [EVENT_NAME_LEAVE] = { "leave", "m.room.member" },
    [EVENT_NAME_INVITE] = { "invite", "m.room.member" },
    [EVENT_NAME_KNOCK] = { "knock", "m.room.member" },
    [EVENT_NAME_KICK] = { "kick", "m.room.member" },
    [EVENT_NAME_BAN] = { "ban", "m.room.member" },
    [EVENT_NAME_READY] = { "ready", NULL },
    [EVENT_NAME_LOAD] = { "load", NULL },
    [EVENT_NAME_SNAPSHOT] = { "snapshot", NULL },
    [EVENT_NAME_UNLOAD] = { "unload", NULL },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum event_name event_name_find(struct slice text)
{
    size_t i = 0;
    while (i < COUNT(names) && !slice_is(text, names[i].name)) {
        i++;
    }
    return (enum event_name)i;
}

const char *event_name_at(size_t index)
{
    return index < COUNT(names) ? names[index].name : NULL;
}

const char *event_name_type(enum event_name name)
{
    return names[name].type;
}
