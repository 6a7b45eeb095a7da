#include "store_internal.h"

/* ---- rooms ---- */

/* Runs a change whose only value beside the room is a number or nothing. */
static int run_room(struct store_query *query, struct slice room_id,
                    struct err *err)
{
    store_query_text(query, 1, room_id);
    return store_query_run(query, err);
}

int store_room_set_membership(struct store *store, struct slice room_id,
                              struct slice membership, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_MEMBERSHIP,
                     "store our membership",
                     "INSERT INTO room(room_id, membership) VALUES(?1, ?2)"
                     " ON CONFLICT(room_id) DO UPDATE SET membership = ?2");
    store_query_text(&query, 2, membership);
    return run_room(&query, room_id, err);
}

int store_room_set_joined_ts(struct store *store, struct slice room_id,
                             int64_t ts, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_JOINED_TS,
                     "store when we joined",
                     "INSERT INTO room(room_id, joined_ts) VALUES(?1, ?2)"
                     " ON CONFLICT(room_id) DO UPDATE SET joined_ts = ?2");
    store_query_int(&query, 2, ts);
    return run_room(&query, room_id, err);
}

int store_room_set_summary(struct store *store, struct slice room_id,
                           struct slice heroes, int64_t joined, int64_t invited,
                           struct err *err)
{
    /* The server leaves out of a summary what did not change. */
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_SUMMARY,
                     "store a room's summary",
                     "INSERT INTO room(room_id, heroes, joined_count,"
                     "    invited_count)"
                     " VALUES(?1, ?2, ?3, ?4)"
                     " ON CONFLICT(room_id) DO UPDATE SET"
                     "    heroes = coalesce(?2, heroes),"
                     "    joined_count = iif(?3 < 0, joined_count, ?3),"
                     "    invited_count = iif(?4 < 0, invited_count, ?4)");
    store_query_text(&query, 2, heroes);
    store_query_int(&query, 3, joined < 0 ? -1 : joined);
    store_query_int(&query, 4, invited < 0 ? -1 : invited);
    return run_room(&query, room_id, err);
}

int store_room_set_members_complete(struct store *store, struct slice room_id,
                                    struct err *err)
{
    struct store_query query;
    store_query_open(
        &query, &store->account, STATEMENT_ROOM_COMPLETE,
        "store that all members are known",
        "INSERT INTO room(room_id, members_complete) VALUES(?1, 1)"
        " ON CONFLICT(room_id) DO UPDATE SET members_complete = 1");
    return run_room(&query, room_id, err);
}

int store_room_set_members_incomplete(struct store *store, struct slice room_id,
                                      struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_INCOMPLETE,
                     "store that members may be unknown",
                     "UPDATE room SET members_complete = 0"
                     " WHERE room_id = ?1 AND members_complete = 1");
    return run_room(&query, room_id, err);
}

/* The latch: no statement of this program sets it to 0. */
int store_room_set_encrypted(struct store *store, struct slice room_id,
                             struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_ENCRYPTED,
                     "store that a room is encrypted",
                     "INSERT INTO room(room_id, encrypted) VALUES(?1, 1)"
                     " ON CONFLICT(room_id) DO UPDATE SET encrypted = 1");
    return run_room(&query, room_id, err);
}

int store_room_set_direct(struct store *store, const struct slice *room_ids,
                          size_t count, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_DIRECT_NONE,
                     "forget the direct rooms",
                     "UPDATE room SET direct = direct & ~1"
                     " WHERE direct & 1");
    if (store_query_run(&query, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        store_query_open(&query, &store->account, STATEMENT_ROOM_DIRECT,
                         "store a direct room",
                         "INSERT INTO room(room_id, direct) VALUES(?1, 1)"
                         " ON CONFLICT(room_id) DO UPDATE SET"
                         "    direct = direct | 1");
        if (run_room(&query, room_ids[i], err) < 0)
            return -1;
    }
    return 0;
}

int store_room_set_invited_direct(struct store *store, struct slice room_id,
                                  bool direct, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_DIRECT_INVITE,
                     "store how we were invited",
                     "INSERT INTO room(room_id, direct) VALUES(?1, ?2)"
                     " ON CONFLICT(room_id) DO UPDATE SET"
                     "    direct = direct & 1 | ?2");
    store_query_int(&query, 2, direct ? 2 : 0);
    return run_room(&query, room_id, err);
}

#define ROOM_COLUMNS                                                           \
    "room_id, membership, heroes, encrypted, members_complete, direct,"        \
    " joined_ts, joined_count, invited_count"

static void read_room(struct store_query *query, struct store_room *room)
{
    *room = (struct store_room) {
        .room_id = store_query_slice(query, 0),
        .membership = store_query_slice(query, 1),
        .heroes = store_query_slice(query, 2),
        .encrypted = store_query_number(query, 3) != 0,
        .members_complete = store_query_number(query, 4) != 0,
        .direct = store_query_number(query, 5) != 0,
        .joined_ts = store_query_number(query, 6),
        .joined_count = store_query_number(query, 7),
        .invited_count = store_query_number(query, 8),
    };
}

int store_room_get(struct store *store, struct slice room_id,
                   struct store_room *room, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_GET, "read a room",
                     "SELECT " ROOM_COLUMNS " FROM room WHERE room_id = ?1");
    store_query_text(&query, 1, room_id);
    int found = store_query_step(&query, err);
    if (found == 1) {
        struct slice *const texts[] = { &room->room_id, &room->membership,
                                        &room->heroes };
        read_room(&query, room);
        if (store_keep(store, texts, 3, err) < 0)
            found = -1;
    }
    store_query_close(&query);
    return found;
}

int store_room_each(struct store *store, struct slice membership,
                    store_room_fn *fn, void *arg, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_ROOM_EACH, "read rooms",
                     "SELECT " ROOM_COLUMNS " FROM room"
                     " WHERE ?1 IS NULL OR membership = ?1"
                     " ORDER BY room_id");
    store_query_text(&query, 1, membership);
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct store_room room;
        read_room(&query, &room);
        if (!fn(arg, &room)) {
            status = 0;
            break;
        }
    }
    store_query_close(&query);
    return status;
}

/* ---- state ---- */

int store_state_put(struct store *store, const struct store_state *state,
                    struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_STATE_PUT,
                     "store a state event",
                     "INSERT INTO state(room_id, type, state_key, sender,"
                     "    event_id, content, ts)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                     " ON CONFLICT(room_id, type, state_key) DO UPDATE SET"
                     "    sender = ?4, event_id = ?5, content = ?6, ts = ?7");
    store_query_text(&query, 1, state->room_id);
    store_query_text(&query, 2, state->type);
    store_query_text(&query, 3, state->state_key);
    store_query_text(&query, 4, state->sender);
    store_query_text(&query, 5, state->event_id);
    store_query_text(&query, 6, state->content);
    store_query_int(&query, 7, state->origin_server_ts);
    return store_query_run(&query, err);
}

int store_state_clear(struct store *store, struct slice room_id,
                      struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_STATE_CLEAR,
                     "forget a room's state",
                     "DELETE FROM state WHERE room_id = ?1");
    if (run_room(&query, room_id, err) < 0)
        return -1;
    return store_room_set_members_incomplete(store, room_id, err);
}

#define STATE_COLUMNS "room_id, type, state_key, sender, event_id, content, ts"

static void read_state(struct store_query *query, struct store_state *state)
{
    *state = (struct store_state) {
        .room_id = store_query_slice(query, 0),
        .type = store_query_slice(query, 1),
        .state_key = store_query_slice(query, 2),
        .sender = store_query_slice(query, 3),
        .event_id = store_query_slice(query, 4),
        .content = store_query_slice(query, 5),
        .origin_server_ts = store_query_number(query, 6),
    };
}

int store_state_get(struct store *store, struct slice room_id,
                    struct slice type, struct slice state_key,
                    struct store_state *state, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_STATE_GET,
                     "read a state event",
                     "SELECT " STATE_COLUMNS " FROM state"
                     " WHERE room_id = ?1 AND type = ?2 AND state_key = ?3");
    store_query_text(&query, 1, room_id);
    store_query_text(&query, 2, type);
    store_query_text(&query, 3, state_key);
    int found = store_query_step(&query, err);
    if (found == 1) {
        struct slice *const texts[] = { &state->room_id,   &state->type,
                                        &state->state_key, &state->sender,
                                        &state->event_id,  &state->content };
        read_state(&query, state);
        if (store_keep(store, texts, 6, err) < 0)
            found = -1;
    }
    store_query_close(&query);
    return found;
}

#define STATE_WHERE(keys)                                                      \
    "SELECT " STATE_COLUMNS                                                    \
    " FROM state WHERE room_id = ?1 AND type = ?2" keys " ORDER BY state_key"

int store_state_each(struct store *store, struct slice room_id,
                     struct slice type, struct slice after, store_state_fn *fn,
                     void *arg, struct err *err)
{
    struct store_query query;
    /* Two statements: each finds its first row by the index. */
    if (after.ptr)
        store_query_open(&query, &store->account, STATEMENT_STATE_AFTER,
                         "read state events",
                         STATE_WHERE(" AND state_key > ?3"));
    else
        store_query_open(&query, &store->account, STATEMENT_STATE_EACH,
                         "read state events", STATE_WHERE(""));
    store_query_text(&query, 1, room_id);
    store_query_text(&query, 2, type);
    if (after.ptr)
        store_query_text(&query, 3, after);
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct store_state state;
        read_state(&query, &state);
        if (!fn(arg, &state)) {
            status = 0;
            break;
        }
    }
    store_query_close(&query);
    return status;
}
