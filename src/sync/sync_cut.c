#include "sync_cut.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_scan.h"
#include "limits.h"

/* Where in the reply we are. Each place is a container that is open; keys in
 * it lead to the next, and everything else is passed over. */
enum place {
    PLACE_START,      /* before the first token */
    PLACE_TOP,        /* {"next_batch", "rooms", "presence", ...} */
    PLACE_SECTION,    /* {"events": [...]}: of any section */
    PLACE_EVENTS,     /* [...] */
    PLACE_ROOMS,      /* {"join": {...}, ...} */
    PLACE_MEMBERSHIP, /* {"!room": {...}} */
    PLACE_ROOM        /* {"timeline": {...}, ...} */
};
enum { DEEPEST = 8 };

/* What is being captured. */
enum capture { CAPTURE_NOTHING, CAPTURE_EVENT, CAPTURE_SUMMARY };

struct sync_cut {
    const struct sync_cut_handlers *handlers;
    void *arg;
    struct json_scan *scan;
    enum place places[DEEPEST];
    int depth; /* places in use */
    enum sync_section section;
    enum sync_membership membership;
    struct buf key; /* the last key */
    bool key_cut;
    struct buf room; /* decoded room id, empty outside */
    enum capture capture;
    struct buf bytes; /* of what is captured */
    bool too_large;
    bool has_next_batch;
    bool no_memory; /* something may be missing: the reply must not count */
};

/* ---- the keys that lead on --------------------------------------------- */

struct step {
    const char *key;
    enum place to;
    int value; /* section or membership */
};

static const struct step top_steps[] = {
    { "rooms", PLACE_ROOMS, 0 },
    { "account_data", PLACE_SECTION, SYNC_ACCOUNT_DATA },
    { "presence", PLACE_SECTION, SYNC_PRESENCE },
    { "to_device", PLACE_SECTION, SYNC_TO_DEVICE },
    { NULL, PLACE_START, 0 }
};

static const struct step rooms_steps[] = {
    { "join", PLACE_MEMBERSHIP, SYNC_JOIN },
    { "invite", PLACE_MEMBERSHIP, SYNC_INVITE },
    { "leave", PLACE_MEMBERSHIP, SYNC_LEAVE },
    { "knock", PLACE_MEMBERSHIP, SYNC_KNOCK },
    { NULL, PLACE_START, 0 }
};

static const struct step room_steps[] = {
    { "timeline", PLACE_SECTION, SYNC_TIMELINE },
    { "state", PLACE_SECTION, SYNC_STATE },
    { "state_after", PLACE_SECTION, SYNC_STATE_AFTER },
    { "ephemeral", PLACE_SECTION, SYNC_EPHEMERAL },
    { "account_data", PLACE_SECTION, SYNC_ROOM_ACCOUNT_DATA },
    { "invite_state", PLACE_SECTION, SYNC_INVITE_STATE },
    { "knock_state", PLACE_SECTION, SYNC_KNOCK_STATE },
    { NULL, PLACE_START, 0 }
};

static const struct step *find_step(const struct step *steps,
                                    const struct sync_cut *cut)
{
    for (; steps->key; steps++) {
        if (slice_is(buf_slice(&cut->key), steps->key))
            return steps;
    }
    return NULL;
}

static struct slice room_id(const struct sync_cut *cut)
{
    return cut->membership == SYNC_NO_ROOM ? SLICE_NONE : buf_slice(&cut->room);
}

static enum place place(const struct sync_cut *cut)
{
    return cut->depth ? cut->places[cut->depth - 1] : PLACE_START;
}

static void enter(struct sync_cut *cut, enum place to)
{
    cut->places[cut->depth++] = to;
}

static int keep(struct sync_cut *cut, struct buf *buf, struct slice bytes)
{
    int result = buf_add(buf, bytes);

    cut->no_memory = cut->no_memory || buf->no_memory;
    return result;
}

static void capture(struct sync_cut *cut, enum capture what)
{
    cut->capture = what;
    cut->too_large = false;
    buf_clear(&cut->bytes);
    json_scan_capture(cut->scan);
}

/* ---- containers -------------------------------------------------------- */

static void enter_room(struct sync_cut *cut)
{
    buf_clear(&cut->room);
    if (!cut->key_cut)
        keep(cut, &cut->room, buf_slice(&cut->key));
    if (cut->key_cut || cut->no_memory) {
        json_scan_skip(cut->scan);
        return;
    }
    enter(cut, PLACE_ROOM);
    cut->handlers->room(cut->arg, cut->membership, room_id(cut));
}

static void enter_section(struct sync_cut *cut, const struct step *step)
{
    cut->section = (enum sync_section)step->value;
    enter(cut, PLACE_SECTION);
    if (cut->section == SYNC_STATE_AFTER)
        cut->handlers->state_after(cut->arg, cut->membership, room_id(cut));
}

static void enter_step(struct sync_cut *cut, const struct step *steps)
{
    const struct step *step = find_step(steps, cut);

    if (!step) {
        json_scan_skip(cut->scan);
    } else if (step->to == PLACE_SECTION) {
        enter_section(cut, step);
    } else {
        if (step->to == PLACE_MEMBERSHIP)
            cut->membership = (enum sync_membership)step->value;
        enter(cut, step->to);
    }
}

static void on_object(struct sync_cut *cut)
{
    switch (place(cut)) {
    case PLACE_START:
        enter(cut, PLACE_TOP);
        break;
    case PLACE_TOP:
        cut->membership = SYNC_NO_ROOM;
        enter_step(cut, top_steps);
        break;
    case PLACE_ROOMS:
        enter_step(cut, rooms_steps);
        break;
    case PLACE_MEMBERSHIP:
        enter_room(cut);
        break;
    case PLACE_ROOM:
        if (slice_is(buf_slice(&cut->key), "summary"))
            capture(cut, CAPTURE_SUMMARY);
        else
            enter_step(cut, room_steps);
        break;
    case PLACE_EVENTS:
        capture(cut, CAPTURE_EVENT);
        break;
    case PLACE_SECTION:
        json_scan_skip(cut->scan);
        break;
    }
}

static void on_array(struct sync_cut *cut)
{
    if (place(cut) == PLACE_SECTION && slice_is(buf_slice(&cut->key), "events"))
        enter(cut, PLACE_EVENTS);
    else
        json_scan_skip(cut->scan);
}

static void on_string(struct sync_cut *cut, struct slice text)
{
    if (place(cut) != PLACE_TOP || slice_empty(text) ||
        !slice_is(buf_slice(&cut->key), "next_batch") ||
        json_scan_is_cut(cut->scan))
        return;
    cut->has_next_batch = true;
    cut->handlers->next_batch(cut->arg, text);
}

static void on_token(void *arg, struct json_scan *scan, enum json_token token,
                     struct slice text, int depth)
{
    struct sync_cut *cut = arg;

    (void)depth;
    switch (token) {
    case JSON_TOKEN_OBJECT:
        on_object(cut);
        break;
    case JSON_TOKEN_ARRAY:
        on_array(cut);
        break;
    case JSON_TOKEN_OBJECT_END:
    case JSON_TOKEN_ARRAY_END:
        cut->depth--;
        break;
    case JSON_TOKEN_KEY:
        buf_clear(&cut->key);
        keep(cut, &cut->key, text);
        cut->key_cut = json_scan_is_cut(scan);
        break;
    case JSON_TOKEN_STRING:
        on_string(cut, text);
        break;
    case JSON_TOKEN_TRUE:
        if (place(cut) == PLACE_SECTION && cut->section == SYNC_TIMELINE &&
            slice_is(buf_slice(&cut->key), "limited"))
            cut->handlers->limited(cut->arg, cut->membership, room_id(cut));
        break;
    case JSON_TOKEN_NUMBER:
    case JSON_TOKEN_FALSE:
    case JSON_TOKEN_NULL:
        break;
    }
}

/* ---- captured values --------------------------------------------------- */

static void captured(struct sync_cut *cut, const char *fault)
{
    struct slice json = buf_slice(&cut->bytes);

    if (cut->too_large)
        fault = "it is larger than an event may be";
    if (fault)
        cut->handlers->fault(cut->arg, cut->section, room_id(cut), fault);
    else if (cut->capture == CAPTURE_EVENT)
        cut->handlers->event(cut->arg, cut->section, cut->membership,
                             room_id(cut), json);
    else
        cut->handlers->summary(cut->arg, cut->membership, room_id(cut), json);
    cut->capture = CAPTURE_NOTHING;
}

static void on_capture(void *arg, struct slice piece, const char *fault)
{
    struct sync_cut *cut = arg;

    if (!piece.ptr)
        captured(cut, fault);
    else if (!cut->too_large && keep(cut, &cut->bytes, piece) != 0)
        cut->too_large = true;
}

/* ---- life -------------------------------------------------------------- */

struct sync_cut *sync_cut_new(const struct sync_cut_handlers *handlers,
                              void *arg)
{
    struct sync_cut *cut = calloc(1, sizeof *cut);

    if (!cut)
        return NULL;
    cut->handlers = handlers;
    cut->arg = arg;
    cut->membership = SYNC_NO_ROOM;
    buf_init(&cut->key, LIMIT_JSON_KEY);
    buf_init(&cut->room, LIMIT_JSON_KEY);
    buf_init(&cut->bytes, LIMIT_SYNC_EVENT);
    cut->scan = json_scan_new(on_token, on_capture, cut);
    if (!cut->scan) {
        free(cut);
        return NULL;
    }
    return cut;
}

void sync_cut_free(struct sync_cut *cut)
{
    if (!cut)
        return;
    json_scan_free(cut->scan);
    buf_free(&cut->key);
    buf_free(&cut->room);
    buf_free(&cut->bytes);
    free(cut);
}

int sync_cut_feed(struct sync_cut *cut, struct slice piece, struct err *err)
{
    if (json_scan_feed(cut->scan, piece, err) != 0)
        return err_prefix(err, "the sync reply is not sound");
    if (cut->no_memory)
        return err_set(err, ERR_SYSTEM,
                       "cannot read the sync reply: out of memory");
    return 0;
}

int sync_cut_finish(struct sync_cut *cut, struct err *err)
{
    if (json_scan_end(cut->scan, err) != 0)
        return err_prefix(err, "the sync reply is not sound");
    if (!cut->has_next_batch)
        return err_set(err, ERR_JSON, "the sync reply has no next_batch");
    return 0;
}
