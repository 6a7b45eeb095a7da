#include "sync_fetch.h"

#include <stdlib.h>

#include "limits.h"
#include "request.h"
#include "url.h"

struct sync_fetch {
    struct sync_wanted wanted;
    bool keep_body;
    struct request *request;
    struct sync_cut *cut;
    struct sync_stage *stage;
    bool began;  /* a byte of the body came */
    bool broken; /* err says why the body is worth nothing */
    struct err err;
    sync_fetch_fn *done;
    void *arg;
};

/* ---- the cut's events go into the stage ---- */

static void on_room(void *arg, enum sync_membership membership,
                    struct slice room_id)
{
    sync_stage_room(((struct sync_fetch *)arg)->stage, membership, room_id);
}

static void on_event(void *arg, enum sync_section section,
                     enum sync_membership membership, struct slice room_id,
                     struct slice json)
{
    sync_stage_event(((struct sync_fetch *)arg)->stage, section, membership,
                     room_id, json);
}

static void on_limited(void *arg, enum sync_membership membership,
                       struct slice room_id)
{
    sync_stage_limited(((struct sync_fetch *)arg)->stage, membership, room_id);
}

static void on_summary(void *arg, enum sync_membership membership,
                       struct slice room_id, struct slice json)
{
    sync_stage_summary(((struct sync_fetch *)arg)->stage, membership, room_id,
                       json);
}

static void on_state_after(void *arg, enum sync_membership membership,
                           struct slice room_id)
{
    sync_stage_state_after(((struct sync_fetch *)arg)->stage, membership,
                           room_id);
}

static void on_next_batch(void *arg, struct slice token)
{
    sync_stage_set_next_batch(((struct sync_fetch *)arg)->stage, token);
}

static void on_fault(void *arg, enum sync_section section, struct slice room_id,
                     const char *why)
{
    (void)section;
    (void)room_id;
    (void)why;
    sync_stage_fault(((struct sync_fetch *)arg)->stage);
}

static const struct sync_cut_handlers handlers = {
    .room = on_room,
    .event = on_event,
    .limited = on_limited,
    .summary = on_summary,
    .state_after = on_state_after,
    .next_batch = on_next_batch,
    .fault = on_fault,
};

/* ---- the request ---- */

static void free_fetch(struct sync_fetch *fetch)
{
    request_cancel(fetch->request);
    sync_cut_free(fetch->cut);
    sync_stage_free(fetch->stage);
    free(fetch);
}

/* Empty, for a new try. */
static int reset(struct sync_fetch *fetch, struct err *err)
{
    sync_cut_free(fetch->cut);
    sync_stage_free(fetch->stage);
    fetch->stage = sync_stage_new(&fetch->wanted, fetch->keep_body, err);
    fetch->cut = fetch->stage ? sync_cut_new(&handlers, fetch) : NULL;
    fetch->began = false;
    if (fetch->cut)
        return 0;
    return err_set(err, ERR_SYSTEM, "cannot sync: out of memory");
}

static bool on_piece(void *arg, struct slice piece)
{
    struct sync_fetch *fetch = arg;

    if (!piece.ptr) {
        fetch->broken = reset(fetch, &fetch->err) < 0;
        return true;
    }
    fetch->began = true;
    if (fetch->broken)
        return false;
    sync_stage_body_piece(fetch->stage, piece);
    fetch->broken = sync_cut_feed(fetch->cut, piece, &fetch->err) < 0;
    return !fetch->broken;
}

static void on_done(void *arg, const struct reply *reply, const struct err *err)
{
    struct sync_fetch *fetch = arg;
    sync_fetch_fn *done = fetch->done;
    void *done_arg = fetch->arg;
    struct sync_stage *stage = NULL;
    struct err why;

    (void)reply;
    fetch->request = NULL;
    if (fetch->broken) {
        why = fetch->err;
    } else if (err) {
        why = *err;
    } else if (sync_cut_finish(fetch->cut, &why) == 0 &&
               sync_stage_finish(fetch->stage, &why) == 0) {
        stage = fetch->stage;
        fetch->stage = NULL;
    }
    free_fetch(fetch);
    done(done_arg, stage, stage ? NULL : &why);
}

static void write_query(const struct sync_fetch_options *options,
                        struct buf *out)
{
    struct buf number;

    buf_init(&number, 32);
    buf_addf(&number, "%lld", (long long)options->timeout_ms);
    url_query(out, slice_str("timeout"), buf_slice(&number));
    url_query(out, slice_str("use_state_after"), slice_str("true"));
    if (options->since.ptr)
        url_query(out, slice_str("since"), options->since);
    if (options->filter.len > 0)
        url_query(out, slice_str("filter"), options->filter);
    if (options->full_state)
        url_query(out, slice_str("full_state"), slice_str("true"));
    if (options->set_presence.ptr)
        url_query(out, slice_str("set_presence"), options->set_presence);
    if (number.failed)
        out->failed = true;
    buf_free(&number);
}

/* The body may take as long as it comes: only silence ends it. The longest
 * silence there may be is the long poll's own. */
static struct request *start_request(struct sync_fetch *fetch,
                                     struct homeserver *homeserver,
                                     const struct sync_fetch_options *options,
                                     struct err *err)
{
    struct request *request = NULL;
    struct buf query;

    buf_init(&query, LIMIT_HTTP_URL);
    write_query(options, &query);
    struct request_options sync = {
        .method = "GET",
        .path = slice_str("/_matrix/client/v3/sync"),
        .query = buf_slice(&query),
        .repeat = REQUEST_REPEAT,
        .no_retry = true,
        .timeout_ms = LIMIT_SYNC_TOTAL_MS,
        .stall_ms = options->timeout_ms + LIMIT_SYNC_MARGIN_MS,
        .max_body = LIMIT_SYNC_BODY,
        .piece = on_piece,
    };
    if (buf_check(&query, "the query of /sync", err) == 0)
        request = request_start(homeserver, &sync, on_done, fetch, err);
    buf_free(&query);
    return request;
}

struct sync_fetch *sync_fetch_start(struct loop *loop,
                                    struct homeserver *homeserver,
                                    const struct sync_fetch_options *options,
                                    sync_fetch_fn *done, void *arg,
                                    struct err *err)
{
    struct sync_fetch *fetch = calloc(1, sizeof(*fetch));

    (void)loop;
    if (!fetch) {
        err_set(err, ERR_SYSTEM, "cannot sync: out of memory");
        return NULL;
    }
    fetch->wanted = options->wanted;
    fetch->keep_body = options->keep_body;
    fetch->done = done;
    fetch->arg = arg;
    if (reset(fetch, err) == 0)
        fetch->request = start_request(fetch, homeserver, options, err);
    if (fetch->request)
        return fetch;
    free_fetch(fetch);
    return NULL;
}

void sync_fetch_cancel(struct sync_fetch *fetch)
{
    if (fetch)
        free_fetch(fetch);
}

bool sync_fetch_idle(const struct sync_fetch *fetch)
{
    return !fetch->began;
}
