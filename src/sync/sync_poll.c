#include "sync_poll.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "limits.h"
#include "sync_fetch.h"
#include "sync_filter.h"
#include "sync_ingest.h"
#include "sync_upload.h"

#define RECENT                                                                 \
    8 /* tokens we remember, to know a server that goes in circles             \
       */

struct sync_poll {
    struct sync_poll_config config;
    struct sync_filter *filter; /* in use */
    struct sync_filter *fresh;  /* to be used from the next request on */
    struct buf use;             /* id or JSON of the one in use; "": unknown */
    bool distrusted;            /* the id was refused and uploaded again */

    /* At most one of these four. */
    struct sync_upload *upload;
    struct sync_fetch *fetch;
    struct sync_ingest *ingest;
    struct timer *timer;

    bool running; /* between start and stop */
    bool dead;
    bool first; /* no response yet since start */
    bool eager; /* ask for an answer at once: start, or after a failure */
    bool down;  /* an outage was told */
    bool held;  /* the outbox, by us */
    bool full;  /* the request asked for full_state */
    struct buf since;
    int failures; /* in a row */
    int empty;    /* answers in a row that came at once, with nothing */
    int64_t asked_at, asked_ms, took_ms;
    uint64_t recent[RECENT];
    int recent_at;
    bool circling; /* the last token was among them */
    bool nothing;  /* the last response was empty */
    int64_t last;
};

struct sync_poll *sync_poll_new(const struct sync_poll_config *config,
                                struct err *err)
{
    struct sync_poll *poll = calloc(1, sizeof(*poll));

    if (!poll) {
        err_set(err, ERR_SYSTEM, "cannot sync: out of memory");
        return NULL;
    }
    poll->config = *config;
    poll->first = true;
    poll->eager = true;
    buf_init(&poll->use, LIMIT_SYNC_FILTER);
    buf_init(&poll->since, LIMIT_HTTP_URL);
    return poll;
}

/* Ends whatever waits; an ingest is left alone. */
static void quiet(struct sync_poll *poll)
{
    sync_upload_cancel(poll->upload);
    sync_fetch_cancel(poll->fetch);
    timer_cancel(poll->timer);
    poll->upload = NULL;
    poll->fetch = NULL;
    poll->timer = NULL;
}

void sync_poll_free(struct sync_poll *poll)
{
    if (!poll)
        return;
    quiet(poll);
    sync_ingest_cancel(poll->ingest);
    sync_filter_free(poll->filter);
    sync_filter_free(poll->fresh);
    buf_free(&poll->use);
    buf_free(&poll->since);
    free(poll);
}

static void next(struct sync_poll *poll);

static void on_wait(void *arg)
{
    struct sync_poll *poll = arg;

    poll->timer = NULL;
    next(poll);
}

/* Without memory for a timer polling would end in silence: that is told. */
static void wait(struct sync_poll *poll, int64_t ms)
{
    struct err err;

    if (!poll->running || poll->dead)
        return;
    poll->timer = timer_start(poll->config.loop, ms, on_wait, poll, &err);
    if (poll->timer)
        return;
    poll->dead = true;
    poll->config.stopped(poll->config.arg, &err);
}

static void hold(struct sync_poll *poll, bool held)
{
    if (poll->held == held)
        return;
    poll->held = held;
    outbox_hold(poll->config.outbox, held);
}

/* ---- failures ---- */

static int64_t back_off(struct sync_poll *poll)
{
    int64_t wait_ms = LIMIT_RETRY_FIRST_MS;
    uint32_t dice;

    for (int i = 0; i < poll->failures && wait_ms < LIMIT_RETRY_LAST_MS; i++)
        wait_ms *= 2;
    if (wait_ms > LIMIT_RETRY_LAST_MS)
        wait_ms = LIMIT_RETRY_LAST_MS;
    poll->failures++;
    digest_random(&dice, sizeof(dice));
    return wait_ms / 2 + dice % (wait_ms / 2 + 1);
}

/* A filter id the server has lost, as after a restore, is uploaded again:
 * once, should the fault lie elsewhere. */
static void doubt_filter(struct sync_poll *poll, const struct err *err)
{
    if (err->status != 400 && err->status != 404)
        return;
    if (poll->distrusted || poll->use.len == 0)
        return;
    poll->distrusted = true;
    buf_clear(&poll->use);
}

static void failed(struct sync_poll *poll, const struct err *err)
{
    enum session_state state = session_state(poll->config.session);
    bool tell = !poll->down;

    poll->eager = true;
    if (state != SESSION_LIVE && state != SESSION_LOCKED) {
        poll->dead = true;
        hold(poll, true);
        poll->config.stopped(poll->config.arg, err);
        return;
    }
    int64_t ms = back_off(poll);
    if (ms < err->retry_after_ms)
        ms = err->retry_after_ms;
    if (state == SESSION_LOCKED && ms < LIMIT_SYNC_LOCKED_MS)
        ms = LIMIT_SYNC_LOCKED_MS;
    hold(poll, state == SESSION_LOCKED);
    poll->down = true;
    wait(poll, ms);
    if (tell)
        poll->config.lost(poll->config.arg, err);
}

/* ---- a response, from the wire to the disk ---- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static void note_token(struct sync_poll *poll, const char *token)
{
    uint64_t hash = hash_of(token);

    poll->circling = slice_is(buf_slice(&poll->since), token);
    for (int i = 0; i < RECENT; i++)
        poll->circling |= poll->recent[i] == hash;
    poll->recent[poll->recent_at++ % RECENT] = hash;
}

/* A long poll that was answered at once, again and again, with nothing that
 * moves us on: never a hot loop. */
static int64_t pause_ms(struct sync_poll *poll)
{
    bool quick = poll->asked_ms > 0 && poll->took_ms < LIMIT_SYNC_PAUSE_MS;

    poll->empty = quick && poll->nothing ? poll->empty + 1 : 0;
    return quick && (poll->circling || poll->empty > RECENT)
               ? LIMIT_SYNC_PAUSE_MS
               : 0;
}

static void committed(struct sync_poll *poll)
{
    bool first = poll->first;
    bool back = poll->down;

    poll->first = false;
    poll->eager = false;
    poll->down = false;
    poll->failures = 0;
    poll->distrusted = false;
    poll->last = loop_wall(poll->config.loop);
    hold(poll, false);
    outbox_synced(poll->config.outbox);
    wait(poll, pause_ms(poll));
    if (back)
        poll->config.lost(poll->config.arg, NULL);
    poll->config.committed(poll->config.arg, first);
}

static void on_ingested(void *arg, const struct sync_ingest_result *result,
                        const struct err *err)
{
    struct sync_poll *poll = arg;

    (void)result;
    poll->ingest = NULL;
    if (err)
        failed(poll, err);
    else
        committed(poll);
}

static void ingest(struct sync_poll *poll, struct sync_stage *stage)
{
    struct sync_ingest_config config = {
        .loop = poll->config.loop,
        .store = poll->config.store,
        .outbox = poll->config.outbox,
        .crypto = poll->config.crypto,
        .interest = poll->config.interest,
        .filter = poll->filter,
        .user_id = session_user_id(poll->config.session),
        .catch_up_ms = poll->config.catch_up_ms,
        .catching_up = poll->first || poll->since.len == 0,
    };
    struct err err;

    poll->ingest = sync_ingest_start(&config, stage, on_ingested, poll, &err);
    if (!poll->ingest)
        failed(poll, &err);
}

static void on_fetched(void *arg, struct sync_stage *stage,
                       const struct err *err)
{
    struct sync_poll *poll = arg;

    poll->fetch = NULL;
    if (err) {
        doubt_filter(poll, err);
        failed(poll, err);
        return;
    }
    poll->took_ms = loop_now(poll->config.loop) - poll->asked_at;
    poll->nothing = sync_stage_rooms(stage) == 0;
    note_token(poll, sync_stage_next_batch(stage));
    bool same = slice_is(buf_slice(&poll->since), sync_stage_next_batch(stage));
    if (!same || !poll->nothing || poll->full) {
        ingest(poll, stage);
        return;
    }
    sync_stage_free(stage); /* not even a new position: nothing to commit */
    committed(poll);
}

/* ---- the next request ---- */

/* State of types that nobody asked for before was never sent. */
static int wants_full_state(struct sync_poll *poll, bool *full, struct err *err)
{
    struct buf before;

    buf_init(&before, LIMIT_SYNC_FILTER);
    int found = store_meta_get(poll->config.store, "state_types", &before, err);
    *full = poll->since.len > 0 &&
            sync_filter_grew(buf_slice(&before),
                             sync_filter_state_types(poll->filter));
    buf_free(&before);
    return found < 0 ? -1 : 0;
}

static int fetch(struct sync_poll *poll, struct err *err)
{
    buf_clear(&poll->since);
    if (store_meta_get(poll->config.store, "next_batch", &poll->since, err) <
            0 ||
        wants_full_state(poll, &poll->full, err) < 0)
        return -1;
    struct sync_fetch_options options = {
        .since = poll->since.len > 0 ? buf_slice(&poll->since) : SLICE_NONE,
        .filter = buf_slice(&poll->use),
        .timeout_ms = poll->eager ? 0 : LIMIT_SYNC_TIMEOUT_MS,
        .full_state = poll->full,
        .wanted = sync_filter_wanted(poll->filter),
    };
    poll->asked_at = loop_now(poll->config.loop);
    poll->asked_ms = options.timeout_ms;
    poll->fetch = sync_fetch_start(poll->config.loop,
                                   session_homeserver(poll->config.session),
                                   &options, on_fetched, poll, err);
    return poll->fetch ? 0 : -1;
}

static void on_uploaded(void *arg, struct slice use, const struct err *err)
{
    struct sync_poll *poll = arg;
    struct err why;

    poll->upload = NULL;
    buf_clear(&poll->use);
    if (err) {
        failed(poll, err);
    } else if (buf_add(&poll->use, use) < 0) {
        buf_check(&poll->use, "the filter of /sync", &why);
        failed(poll, &why);
    } else {
        next(poll);
    }
}

/* 1 when there is what to send as filter, 0 when it is on its way, -1. */
static int get_filter(struct sync_poll *poll, struct err *err)
{
    const char *user_id = session_user_id(poll->config.session);

    if (poll->fresh || !poll->filter) {
        struct sync_filter *filter =
            poll->fresh ? poll->fresh
                        : sync_filter_new(&poll->config.interest, user_id, err);
        if (!filter)
            return -1;
        sync_filter_free(poll->filter);
        poll->filter = filter;
        poll->fresh = NULL;
        buf_clear(&poll->use);
    }
    if (poll->use.len > 0)
        return 1;
    if (!poll->distrusted) {
        int known = sync_upload_known(poll->config.store, poll->filter,
                                      &poll->use, err);
        if (known < 0 || (known == 1 && poll->use.len > 0))
            return known;
    }
    poll->upload = sync_upload_start(session_homeserver(poll->config.session),
                                     poll->config.store, user_id, poll->filter,
                                     on_uploaded, poll, err);
    return poll->upload ? 0 : -1;
}

static void next(struct sync_poll *poll)
{
    struct err err;

    if (!poll->running || poll->dead)
        return;
    if (inbox_full(poll->config.inbox)) {
        wait(poll, LIMIT_SYNC_PAUSE_MS);
        return;
    }
    int have = get_filter(poll, &err);
    if (have < 0 || (have == 1 && fetch(poll, &err) < 0))
        failed(poll, &err);
}

/* ---- from outside ---- */

void sync_poll_start(struct sync_poll *poll)
{
    if (poll->running)
        return;
    poll->running = true;
    poll->eager = true;
    if (!poll->ingest)
        wait(poll, 0);
}

void sync_poll_stop(struct sync_poll *poll)
{
    poll->running = false;
    quiet(poll);
}

void sync_poll_interest_changed(struct sync_poll *poll)
{
    struct sync_filter *before = poll->fresh ? poll->fresh : poll->filter;

    if (!before)
        return; /* the first one is not made yet */
    struct sync_filter *filter = sync_filter_new(
        &poll->config.interest, session_user_id(poll->config.session), NULL);
    if (!filter ||
        strcmp(sync_filter_hash(filter), sync_filter_hash(before)) == 0) {
        sync_filter_free(filter);
        return;
    }
    sync_filter_free(poll->fresh);
    poll->fresh = filter;
    if (poll->upload || (poll->fetch && sync_fetch_idle(poll->fetch))) {
        quiet(poll);
        wait(poll, 0);
    }
}

int64_t sync_poll_last(const struct sync_poll *poll)
{
    return poll->last;
}
