#include "inbox.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "list.h"

struct inbox {
    struct loop *loop;
    struct store *store;
    struct list failed; /* marks the disk did not take */
    struct timer *timer;
    int64_t wait_ms; /* before they are tried again */
    int marks;       /* not on disk: queued and failed ones */
    int writes;      /* of ours that the store has yet to finish */
    bool gone;       /* freed with the last of them */
};

struct inbox_claim {
    struct inbox *inbox;
    int64_t id;
    inbox_claimed_fn *done; /* NULL: forgotten */
    void *arg;
};

struct mark {
    struct list node;
    struct inbox *inbox;
    int64_t id;
    enum store_delivery state;
    char *error; /* or NULL */
};

struct inbox *inbox_new(struct loop *loop, struct store *store, struct err *err)
{
    struct inbox *inbox = calloc(1, sizeof(*inbox));

    if (!inbox) {
        err_set(err, ERR_SYSTEM, "cannot open the inbox: out of memory");
        return NULL;
    }
    inbox->loop = loop;
    inbox->store = store;
    inbox->wait_ms = LIMIT_RETRY_FIRST_MS;
    list_init(&inbox->failed);
    return inbox;
}

/* ---- marks ---- */

static void free_mark(struct mark *mark)
{
    mark->inbox->marks--;
    free(mark->error);
    free(mark);
}

static void release(struct inbox *inbox)
{
    if (inbox->gone && inbox->writes == 0)
        free(inbox);
}

static int run_mark(struct store *store, void *arg, struct err *err)
{
    const struct mark *mark = arg;

    return store_delivery_mark(store, mark->id, mark->state, mark->error,
                               mark->state == STORE_QUEUED, err);
}

static void on_marked(void *arg, const struct err *err);

static bool write_mark(struct mark *mark)
{
    if (store_write(mark->inbox->store, run_mark, on_marked, mark, NULL) < 0)
        return false;
    mark->inbox->writes++;
    return true;
}

static void on_timer(void *arg)
{
    struct inbox *inbox = arg;
    struct list failed;
    struct list *node;

    inbox->timer = NULL;
    list_init(&failed);
    while ((node = list_first(&inbox->failed)) != NULL) {
        list_remove(node);
        list_push(&failed, node);
    }
    while ((node = list_first(&failed)) != NULL) {
        struct mark *mark = list_entry(node, struct mark, node);
        list_remove(node);
        if (!write_mark(mark))
            list_push(&inbox->failed, node);
    }
    if (!list_empty(&inbox->failed))
        inbox->timer =
            timer_start(inbox->loop, inbox->wait_ms, on_timer, inbox, NULL);
}

static void keep_failed(struct mark *mark)
{
    struct inbox *inbox = mark->inbox;

    list_push(&inbox->failed, &mark->node);
    if (inbox->timer)
        return;
    inbox->timer =
        timer_start(inbox->loop, inbox->wait_ms, on_timer, inbox, NULL);
    inbox->wait_ms = inbox->wait_ms * 2 < LIMIT_RETRY_LAST_MS
                         ? inbox->wait_ms * 2
                         : LIMIT_RETRY_LAST_MS;
}

static void on_marked(void *arg, const struct err *err)
{
    struct mark *mark = arg;
    struct inbox *inbox = mark->inbox;

    inbox->writes--;
    if (err && !inbox->gone) {
        keep_failed(mark);
        return;
    }
    if (!err)
        inbox->wait_ms = LIMIT_RETRY_FIRST_MS;
    free_mark(mark);
    release(inbox);
}

void inbox_mark(struct inbox *inbox, int64_t id, enum store_delivery state,
                const char *error)
{
    struct mark *mark = calloc(1, sizeof(*mark));

    /* Without memory the row stays started and comes again at next start:
     * that is what "at least once" allows. */
    if (!mark)
        return;
    inbox->marks++;
    list_init(&mark->node);
    mark->inbox = inbox;
    mark->id = id;
    mark->state = state;
    mark->error = error ? strdup(error) : NULL;
    if (!write_mark(mark))
        keep_failed(mark);
}

int inbox_pending(const struct inbox *inbox)
{
    return inbox->marks;
}

/* A last try for all that is not on disk; what fails now comes again. */
void inbox_free(struct inbox *inbox)
{
    if (!inbox)
        return;
    timer_cancel(inbox->timer);
    inbox->timer = NULL;
    inbox->gone = true;
    struct list *node;
    while ((node = list_first(&inbox->failed)) != NULL) {
        struct mark *mark = list_entry(node, struct mark, node);
        list_remove(node);
        if (!write_mark(mark))
            free_mark(mark);
    }
    if (inbox->writes == 0) {
        free(inbox);
        return;
    }
    if (!store_ingest_open(inbox->store))
        store_flush(inbox->store);
}

/* ---- claims ---- */

static int run_claim(struct store *store, void *arg, struct err *err)
{
    const struct inbox_claim *claim = arg;

    return store_delivery_claim(store, claim->id, err);
}

static void on_claimed(void *arg, const struct err *err)
{
    struct inbox_claim claim = *(struct inbox_claim *)arg;

    free(arg);
    claim.inbox->writes--;
    release(claim.inbox);
    if (claim.done)
        claim.done(claim.arg, err);
}

struct inbox_claim *inbox_claim(struct inbox *inbox, int64_t id,
                                inbox_claimed_fn *done, void *arg,
                                struct err *err)
{
    struct inbox_claim *claim = calloc(1, sizeof(*claim));

    if (!claim) {
        err_set(err, ERR_SYSTEM, "cannot claim an event: out of memory");
        return NULL;
    }
    claim->inbox = inbox;
    claim->id = id;
    claim->done = done;
    claim->arg = arg;
    if (store_write(inbox->store, run_claim, on_claimed, claim, err) < 0) {
        free(claim);
        return NULL;
    }
    inbox->writes++;
    return claim;
}

void inbox_claim_forget(struct inbox_claim *claim)
{
    if (claim)
        claim->done = NULL;
}

/* ---- start ---- */

struct recovery {
    const char *const *names;
    int count;
    int64_t now;
    struct inbox_recovery result;
    int status;
    struct err *err;
};

static int run_recover(struct store *store, void *arg, struct err *err)
{
    struct recovery *r = arg;

    if (store_delivery_recover(store, LIMIT_ATTEMPTS, &r->result.dead, err) < 0)
        return -1;
    if (store_delivery_drop_others(store, r->names, r->count,
                                   &r->result.dropped, err) < 0)
        return -1;
    return store_inbox_prune(store, r->now, LIMIT_KEEP_DONE_MS, err);
}

static void on_recovered(void *arg, const struct err *err)
{
    struct recovery *r = arg;

    r->status = err ? -1 : 0;
    if (err && r->err)
        *r->err = *err;
}

int inbox_recover(struct inbox *inbox, const char *const *names, int count,
                  struct inbox_recovery *recovery, struct err *err)
{
    struct recovery r = {
        .names = names,
        .count = count,
        .now = loop_wall(inbox->loop),
        .status = -1,
        .err = err,
    };

    if (store_write(inbox->store, run_recover, on_recovered, &r, err) < 0)
        return -1;
    store_flush(inbox->store);
    if (r.status < 0)
        return -1;
    *recovery = r.result;
    return 0;
}

int inbox_read(struct inbox *inbox, const char *script, int64_t batch,
               int64_t idx, int max, store_delivery_fn *fn, void *arg,
               struct err *err)
{
    return store_delivery_read(inbox->store, script, batch, idx, max, fn, arg,
                               err);
}

bool inbox_full(struct inbox *inbox)
{
    return store_delivery_unfinished(inbox->store, NULL) >= LIMIT_UNFINISHED;
}
