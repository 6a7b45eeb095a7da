#ifndef EVENT_NAME_H
#define EVENT_NAME_H

#include "slice.h"

/* The names that bot:on takes: short ones, hooks, and types as they are. */

enum event_name {
    EVENT_NAME_MESSAGE,
    EVENT_NAME_MENTION, /* and dm: messages; which ones is decided in Lua */
    EVENT_NAME_DM,
    EVENT_NAME_EDIT,
    EVENT_NAME_REACTION,
    EVENT_NAME_REDACTION,
    EVENT_NAME_UNREACTION, /* a redaction; of what is decided in Lua */
    EVENT_NAME_JOIN,
    EVENT_NAME_LEAVE,
    EVENT_NAME_INVITE,
    EVENT_NAME_KNOCK,
    EVENT_NAME_KICK,
    EVENT_NAME_BAN,
    EVENT_NAME_READY,
    EVENT_NAME_LOAD,
    EVENT_NAME_SNAPSHOT,
    EVENT_NAME_UNLOAD,
    EVENT_NAME_EXACT /* a type as Matrix writes it */
};

/* EVENT_NAME_EXACT for what is no short name. */
enum event_name event_name_find(struct slice text);
/* The short name at an index, in the order above; NULL behind the last. */
const char *event_name_at(size_t index);
/* The type behind a short name; NULL for hooks. */
const char *event_name_type(enum event_name name);

#endif
