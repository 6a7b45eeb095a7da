#ifndef SYNC_FIXTURE_H
#define SYNC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transport_fake.h"

#include "delivery_fixture.h"

#include "homeserver.h"
#include "limits.h"
#include "outbox.h"
#include "sync_fetch.h"
#include "sync_filter.h"
#include "sync_ingest.h"
#include "sync_interest.h"

/* A store, a network that is scripted, and scripts that want something. */

#define ME "@me:hs"

static struct fake *fake;
static struct homeserver *homeserver;
static struct crypto *crypto;
static struct outbox *outbox;

struct want {
    const char *script, *section, *type;
    bool history;
};
static struct want wants[16];
static int want_count;

static inline void want(const char *script, const char *section,
                        const char *type)
{
    wants[want_count++] = (struct want) { script, section, type, false };
}

static inline void match(void *arg, const struct sync_occasion *occasion,
                         sync_script_fn *add, void *add_arg)
{
    (void)arg;
    for (int i = 0; i < want_count; i++)
        if (strcmp(wants[i].section, occasion->section) == 0 &&
            slice_is(occasion->event->type, wants[i].type) &&
            (!occasion->history || wants[i].history))
            add(add_arg, wants[i].script);
}

static inline void types(void *arg, sync_type_fn *add, void *add_arg)
{
    (void)arg;
    for (int i = 0; i < want_count; i++)
        add(add_arg, wants[i].section, S(wants[i].type));
}

static const struct sync_interest interest = { NULL, match, types };

static inline void on_lost_send(void *arg, const struct store_outbox_row *row,
                                const struct err *why)
{
    (void)arg;
    (void)row;
    (void)why;
}

static inline int set_up_sync(void **state)
{
    if (set_up_memory(state) < 0)
        return -1;
    want_count = 0;
    fake = fake_new(loop);
    homeserver =
        homeserver_new(loop, &fake->transport, S("https://hs"), false, &err);
    crypto = crypto_new(store, &err);
    struct outbox_config config = {
        .loop = loop,
        .store = store,
        .homeserver = homeserver,
        .crypto = crypto,
        .lost = on_lost_send,
    };
    outbox = outbox_new(&config, &err);
    return homeserver && crypto && outbox ? 0 : -1;
}

static inline int tear_down_sync(void **state)
{
    outbox_free(outbox);
    crypto_free(crypto);
    homeserver_free(homeserver);
    fake_end(fake);
    return tear_down_memory(state);
}

/* The deliveries of a script: "section room type event_id[ history]|..." */
static inline void add_row(void *arg, const struct store_delivery_row *row)
{
    struct buf *out = arg;

    buf_addf(out, "%.*s %.*s %.*s %.*s%s|", SLICE_ARG(row->event.section),
             SLICE_ARG(row->event.room_id), SLICE_ARG(row->event.type),
             SLICE_ARG(row->event.event_id),
             row->event.history ? " history" : "");
}

static inline const char *delivered(const char *script)
{
    static char text[4096];
    struct buf out;

    buf_init(&out, sizeof(text) - 1);
    ok(store_delivery_read(store, script, -1, 0, 1000, add_row, &out, &err));
    snprintf(text, sizeof(text), "%s", buf_str(&out));
    buf_free(&out);
    return text;
}

static inline const char *meta(const char *key)
{
    static char text[1024];
    struct buf out;

    buf_init(&out, sizeof(text) - 1);
    ok(store_meta_get(store, key, &out, &err));
    snprintf(text, sizeof(text), "%s", buf_str(&out));
    buf_free(&out);
    return text;
}

static inline const char *state_of(const char *room_id, const char *type,
                                   const char *key)
{
    static char text[1024];
    struct store_state found;

    int n = store_state_get(store, S(room_id), S(type), S(key), &found, &err);
    snprintf(text, sizeof(text), "%.*s", n == 1 ? (int)found.content.len : 4,
             n == 1 ? found.content.ptr : "none");
    return text;
}

static inline const char *membership_of(const char *room_id)
{
    static char text[32];
    struct store_room room;

    int n = store_room_get(store, S(room_id), &room, &err);
    snprintf(text, sizeof(text), "%.*s", n == 1 ? (int)room.membership.len : 4,
             n == 1 ? room.membership.ptr : "none");
    return text;
}

static inline bool is_encrypted(const char *room_id)
{
    struct store_room room;

    return store_room_get(store, S(room_id), &room, &err) == 1 &&
           room.encrypted;
}

/* ---- JSON of responses; ' stands for " ---- */

static inline const char *quoted(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static inline const char *quoted(const char *format, ...)
{
    static char texts[8][8192];
    static int at;
    char *text = texts[at++ % 8];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(texts[0]), format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    return text;
}

/* A message of @ann:hs, `age` ms old. */
static inline const char *msg(const char *id, int64_t age)
{
    return quoted("{'type':'m.room.message','event_id':'%s','sender':'@ann:hs',"
                  "'origin_server_ts':%lld,'content':{'body':'x'}}",
                  id, (long long)(loop_wall(loop) - age));
}

static inline const char *member(const char *id, const char *sender,
                                 const char *user, const char *membership)
{
    return quoted("{'type':'m.room.member','event_id':'%s','sender':'%s',"
                  "'state_key':'%s','origin_server_ts':%lld,'content':{"
                  "'membership':'%s'}}",
                  id, sender, user, (long long)loop_wall(loop), membership);
}

/* {next_batch, rooms: {section: {room: body}}} */
static inline const char *rooms(const char *next, const char *section,
                                const char *room_id, const char *body)
{
    return quoted("{'next_batch':'%s','rooms':{'%s':{'%s':%s}}}", next, section,
                  room_id, body);
}

static inline const char *timeline(const char *events)
{
    return quoted("{'timeline':{'events':[%s]}}", events);
}

/* ---- one response into the store ---- */

struct ingested {
    int done;
    bool ok;
    struct err err;
    struct sync_ingest_result result;
    struct sync_stage *stage;
};

static inline void on_stage(void *arg, struct sync_stage *stage,
                            const struct err *why)
{
    struct ingested *in = arg;

    in->stage = stage;
    if (why)
        in->err = *why;
}

static inline void on_ingested(void *arg,
                               const struct sync_ingest_result *result,
                               const struct err *why)
{
    struct ingested *in = arg;

    in->done++;
    in->ok = !why;
    if (why)
        in->err = *why;
    else
        in->result = *result;
}

static inline struct sync_stage *fetch_stage(const char *json, size_t piece,
                                             const struct sync_filter *filter)
{
    struct ingested in = { 0 };
    struct sync_fetch_options options = {
        .wanted = sync_filter_wanted(filter),
    };

    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .body = json, .piece = piece });
    assert_non_null(
        sync_fetch_start(loop, homeserver, &options, on_stage, &in, &err));
    loop_advance(loop, 0);
    if (!in.stage)
        fail_msg("%s", in.err.text);
    return in.stage;
}

static inline struct ingested ingest_as(const char *json, size_t piece,
                                        bool catching_up)
{
    struct ingested in = { 0 };
    struct sync_filter *filter = sync_filter_new(&interest, ME, &err);
    struct sync_ingest_config config = {
        .loop = loop,
        .store = store,
        .outbox = outbox,
        .crypto = crypto,
        .interest = interest,
        .filter = filter,
        .user_id = ME,
        .catch_up_ms = LIMIT_CATCH_UP_MS,
        .catching_up = catching_up,
    };

    assert_non_null(filter);
    struct sync_stage *stage = fetch_stage(json, piece, filter);
    assert_non_null(sync_ingest_start(&config, stage, on_ingested, &in, &err));
    assert_int_equal(in.done, 0);
    loop_advance(loop, 0);
    assert_int_equal(in.done, 1);
    sync_filter_free(filter);
    return in;
}

static inline struct sync_ingest_result ingest(const char *json)
{
    struct ingested in = ingest_as(json, 0, false);

    if (!in.ok)
        fail_msg("%s", in.err.text);
    return in.result;
}

#endif
