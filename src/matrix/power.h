#ifndef POWER_H
#define POWER_H

#include <stdint.h>

#include "slice.h"

/* Power levels of a room (spec: m.room.power_levels), and creators of room
 * version 12, who stand above every level. Contents are JSON text from the
 * store, absent when the room has none. Levels that are strings or floats
 * (room versions 1 to 9) are read as the spec says. */
#define POWER_CREATOR INT64_MAX

struct power {
    struct slice levels; /* content of m.room.power_levels */
    struct slice create; /* content of m.room.create */
    struct slice create_sender;
};
int64_t power_of_user(const struct power *power, struct slice user_id);
/* action: "ban" "kick" "invite" "redact" "events_default" "state_default", or
 * an event type; state: that type is sent as a state event. */
int64_t power_required(const struct power *power, struct slice action,
                       int state);

#endif
