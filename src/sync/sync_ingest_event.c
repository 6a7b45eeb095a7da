#include "sync_ingest_internal.h"

#include <string.h>

#include "json_read.h"
#include "limits.h"

/* ---- deliveries ---- */

struct delivery {
    struct sync_ingest *ingest;
    struct store_event event;
    bool stored; /* event.id is set */
    bool known;  /* from an earlier response: its deliveries are there */
    int status;
    struct err *err;
};

/* A script that wants it. The first one brings the event into the inbox. */
static void add_script(void *arg, const char *script)
{
    struct delivery *d = arg;
    struct store *store = d->ingest->config.store;

    if (d->status < 0 || d->known)
        return;
    if (!d->stored) {
        int added = store_inbox_add(store, &d->event, &d->event.id, d->err);
        d->stored = added == 1;
        d->known = added == 0;
        d->status = added < 0 ? -1 : 0;
        if (!d->stored)
            return;
        d->ingest->result.events++;
    }
    d->status = store_delivery_add(store, d->event.id, script, d->err);
    d->ingest->result.deliveries++;
}

static int deliver(struct sync_ingest *ingest, const char *section,
                   const struct event *event, bool history, struct err *err)
{
    bool timeline = strcmp(section, "timeline") == 0;
    struct slice room_id = slice_str("");

    if (ingest->entered)
        room_id = ingest->at.room_id;
    struct sync_occasion occasion = {
        .section = section,
        .room_id = room_id,
        .event = event,
        .own = slice_is(event->sender, ingest->config.user_id),
        .history = history,
    };
    struct delivery d = {
        .ingest = ingest,
        .event = {
            .batch = ingest->batch,
            .idx = ingest->idx++,
            .room_id = room_id,
            .event_id = timeline ? event->event_id : SLICE_NONE,
            .section = slice_str(section),
            .type = event->type,
            .json = event->raw,
            .history = history,
        },
        .err = err,
    };
    ingest->config.interest.match(ingest->config.interest.arg, &occasion,
                                  add_script, &d);
    return d.status;
}

/* ---- sections ---- */

static bool is_history(const struct sync_ingest *ingest,
                       const struct event *event, int place)
{
    int64_t age = loop_wall(ingest->config.loop) - event->origin_server_ts;

    return place < ingest->joined_at ||
           (ingest->config.catching_up && age > ingest->config.catch_up_ms);
}

static int take_timeline(struct sync_ingest *ingest, const struct event *event,
                         struct err *err)
{
    int place = ingest->place++;
    int status = 0;

    if (event->state_key.ptr && !ingest->at.has_state_after)
        status = sync_ingest_state(ingest, event, err);
    else if (event->state_key.ptr)
        status = sync_ingest_notice(ingest, event, err);
    if (status < 0)
        return -1;
    if (!event->event_id.ptr || !event->sender.ptr ||
        event->event_id.len > LIMIT_IDENTIFIER)
        return 0;
    if (event->transaction_id.ptr &&
        slice_is(event->sender, ingest->config.user_id) &&
        outbox_echo(ingest->config.outbox, event->transaction_id,
                    event->event_id, err) < 0)
        return -1;
    return deliver(ingest, "timeline", event, is_history(ingest, event, place),
                   err);
}

/* An invite comes again with every full response: it is news when there was
 * none, or one by somebody else. */
static int take_stripped(struct sync_ingest *ingest, const char *section,
                         const struct event *event, struct err *err)
{
    bool open = strcmp(ingest->before, section) == 0 &&
                (strcmp(section, "knock") == 0 ||
                 slice_is(event->sender, ingest->inviter));

    if (event->state_key.ptr && sync_ingest_state(ingest, event, err) < 0)
        return -1;
    if (open || !event_content_is(event, "membership", section) ||
        !sync_ingest_is_own_member(ingest, event))
        return 0;
    return deliver(ingest, section, event, false, err);
}

/* A message that is bad is dropped by crypto itself; what comes back as an
 * error is the store's. */
static int take_to_device(struct sync_ingest *ingest, const struct event *event,
                          struct err *err)
{
    if (crypto_receive(ingest->config.crypto, event->raw, err) < 0)
        return -1;
    return deliver(ingest, "to_device", event, false, err);
}

static int take_event(struct sync_ingest *ingest, enum sync_section section,
                      const struct event *event, struct err *err)
{
    switch (section) {
    case SYNC_TO_DEVICE:
        return take_to_device(ingest, event, err);
    case SYNC_ACCOUNT_DATA:
        if (slice_is(event->type, "m.direct") &&
            sync_ingest_direct(ingest, event->content, err) < 0)
            return -1;
        return deliver(ingest, "account_data", event, false, err);
    case SYNC_STATE:
        if (ingest->at.has_state_after)
            return event->state_key.ptr ? sync_ingest_notice(ingest, event, err)
                                        : 0;
        return event->state_key.ptr ? sync_ingest_state(ingest, event, err) : 0;
    case SYNC_STATE_AFTER:
        return event->state_key.ptr ? sync_ingest_state(ingest, event, err) : 0;
    case SYNC_TIMELINE:
        return take_timeline(ingest, event, err);
    case SYNC_INVITE_STATE:
        return take_stripped(ingest, "invite", event, err);
    case SYNC_KNOCK_STATE:
        return take_stripped(ingest, "knock", event, err);
    default:
        return deliver(ingest, sync_stage_section_name(section), event, false,
                       err);
    }
}

/* The decrypted event in its place, when there is one. */
static int open_event(struct sync_ingest *ingest,
                      const struct sync_record *record, struct event *event)
{
    buf_clear(&ingest->plain);
    if (crypto_decrypt(ingest->config.crypto, record->room_id, record->json,
                       &ingest->plain, NULL) != CRYPTO_PLAIN)
        return 0;
    event_free(event);
    return event_parse(buf_slice(&ingest->plain), event);
}

int sync_ingest_record(struct sync_ingest *ingest,
                       const struct sync_record *record, struct err *err)
{
    struct event event;
    int status = 0;

    if (event_parse(record->json, &event) < 0 ||
        (record->section == SYNC_TIMELINE &&
         slice_is(event.type, "m.room.encrypted") &&
         open_event(ingest, record, &event) < 0))
        return err_set(err, ERR_SYSTEM, "cannot store a sync: out of memory");
    if (event.type.ptr && event.type.len <= LIMIT_IDENTIFIER)
        status = take_event(ingest, record->section, &event, err);
    else if (record->section == SYNC_TIMELINE)
        ingest->place++;
    event_free(&event);
    return status;
}
