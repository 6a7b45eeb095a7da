#include "autojoin.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "limits.h"
#include "list.h"
#include "request.h"
#include "url.h"

struct invite {
    struct list node;
    struct autojoin *autojoin;
    char *room_id, *inviter;
    int64_t next_at; /* loop_now of the next try */
    int tries;
    bool seen;    /* by the look under way */
    bool gave_up; /* until it is another invite */
};

struct autojoin {
    struct autojoin_config config;
    char **admins;
    struct list invites;
    struct invite *joining;
    struct request *request;
    struct timer *timer;
};

int autojoin_parse(const char *name, enum autojoin_mode *mode)
{
    static const char *const names[] = {
        [AUTOJOIN_NEVER] = "never",
        [AUTOJOIN_ADMINS] = "admins",
        [AUTOJOIN_INVITED] = "invited",
    };

    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum autojoin_mode)i;
            return 0;
        }
    }
    return -1;
}

struct autojoin *autojoin_new(const struct autojoin_config *config,
                              struct err *err)
{
    struct autojoin *autojoin = calloc(1, sizeof(*autojoin));
    int count = config->admin_count;

    if (!autojoin)
        goto fail;
    list_init(&autojoin->invites);
    autojoin->config = *config;
    autojoin->config.admin_count = 0;
    autojoin->admins = calloc((size_t)count + 1, sizeof(*autojoin->admins));
    if (!autojoin->admins)
        goto fail;
    for (int i = 0; i < count; i++) {
        autojoin->admins[i] = strdup(config->admins[i]);
        if (!autojoin->admins[i])
            goto fail;
        autojoin->config.admin_count++;
    }
    return autojoin;
fail:
    autojoin_free(autojoin);
    err_set(err, ERR_SYSTEM, "cannot watch for invites: out of memory");
    return NULL;
}

static void forget(struct invite *invite)
{
    struct autojoin *autojoin = invite->autojoin;

    if (autojoin->joining == invite) {
        request_cancel(autojoin->request);
        autojoin->request = NULL;
        autojoin->joining = NULL;
    }
    list_remove(&invite->node);
    free(invite->room_id);
    free(invite->inviter);
    free(invite);
}

void autojoin_free(struct autojoin *autojoin)
{
    struct list *node;

    if (!autojoin)
        return;
    timer_cancel(autojoin->timer);
    while ((node = list_first(&autojoin->invites)) != NULL)
        forget(list_entry(node, struct invite, node));
    for (int i = 0; i < autojoin->config.admin_count; i++)
        free(autojoin->admins[i]);
    free(autojoin->admins);
    free(autojoin);
}

/* ---- one join ---- */

static void go_on(struct autojoin *autojoin);

/* The answer is no, and will be no again. */
static bool is_final(const struct err *err)
{
    return err->status >= 400 && err->status < 500 && err->status != 401 &&
           err->status != 408 && err->status != 429;
}

static int64_t back_off(const struct invite *invite, const struct err *err)
{
    int64_t wait = LIMIT_RETRY_FIRST_MS;
    uint32_t dice;

    for (int i = 1; i < invite->tries && wait < LIMIT_JOIN_LAST_MS; i++)
        wait *= 2;
    if (wait > LIMIT_JOIN_LAST_MS)
        wait = LIMIT_JOIN_LAST_MS;
    digest_random(&dice, sizeof(dice));
    wait = wait / 2 + dice % (wait / 2 + 1);
    return wait > err->retry_after_ms ? wait : err->retry_after_ms;
}

static void failed(struct invite *invite, const struct err *err)
{
    const struct autojoin_config *config = &invite->autojoin->config;

    invite->tries++;
    invite->gave_up = is_final(err) || invite->tries >= LIMIT_JOIN_TRIES;
    invite->next_at = loop_now(config->loop) + back_off(invite, err);
    if (invite->tries == 1 || invite->gave_up)
        config->told(config->arg, invite->room_id, invite->inviter, err,
                     invite->gave_up);
}

static void on_joined(void *arg, const struct reply *reply,
                      const struct err *err)
{
    struct invite *invite = arg;
    struct autojoin *autojoin = invite->autojoin;
    const struct autojoin_config *config = &autojoin->config;

    (void)reply;
    autojoin->request = NULL;
    autojoin->joining = NULL;
    if (err) {
        failed(invite, err);
    } else {
        /* Sync will say so before this; should it not, joining again does
         * no harm. */
        invite->next_at = loop_now(config->loop) + LIMIT_JOIN_LAST_MS;
        config->told(config->arg, invite->room_id, invite->inviter, NULL,
                     false);
    }
    go_on(autojoin);
}

static void join(struct invite *invite)
{
    struct autojoin *autojoin = invite->autojoin;
    struct request_options options = {
        .method = "POST",
        .body = slice_str("{}"),
        .repeat = REQUEST_ONCE,
    };
    struct homeserver *homeserver =
        session_homeserver(autojoin->config.session);
    struct buf path;
    struct err err;

    if (!homeserver)
        return;
    buf_init(&path, LIMIT_HTTP_URL);
    url_path(&path, "/_matrix/client/v3/rooms/{}/join", 1,
             slice_str(invite->room_id));
    options.path = buf_slice(&path);
    if (buf_check(&path, "a room id", &err) == 0)
        autojoin->request =
            request_start(homeserver, &options, on_joined, invite, &err);
    buf_free(&path);
    if (autojoin->request)
        autojoin->joining = invite;
    else
        failed(invite, &err);
}

static void on_timer(void *arg)
{
    struct autojoin *autojoin = arg;

    autojoin->timer = NULL;
    go_on(autojoin);
}

/* Joins the first room that is due, or waits for it. */
static void go_on(struct autojoin *autojoin)
{
    struct invite *first = NULL;
    int64_t now = loop_now(autojoin->config.loop);

    timer_cancel(autojoin->timer);
    autojoin->timer = NULL;
    if (autojoin->joining)
        return;
    list_each(node, &autojoin->invites)
    {
        struct invite *invite = list_entry(node, struct invite, node);
        if (!invite->gave_up && (!first || invite->next_at < first->next_at))
            first = invite;
    }
    if (!first)
        return;
    if (first->next_at <= now)
        join(first);
    if (!autojoin->joining && first->next_at > now)
        autojoin->timer =
            timer_start(autojoin->config.loop, first->next_at - now, on_timer,
                        autojoin, NULL);
}

/* ---- which invites there are ---- */

static bool is_allowed(const struct autojoin *autojoin, struct slice inviter)
{
    if (autojoin->config.mode == AUTOJOIN_INVITED)
        return true;
    for (int i = 0; i < autojoin->config.admin_count; i++)
        if (slice_is(inviter, autojoin->admins[i]))
            return true;
    return false;
}

static struct invite *find(struct autojoin *autojoin, struct slice room_id)
{
    list_each(node, &autojoin->invites)
    {
        struct invite *invite = list_entry(node, struct invite, node);
        if (slice_is(room_id, invite->room_id))
            return invite;
    }
    return NULL;
}

static void add(struct autojoin *autojoin, struct slice room_id,
                struct slice inviter)
{
    struct invite *invite = find(autojoin, room_id);

    if (invite && slice_is(inviter, invite->inviter)) {
        invite->seen = true;
        return;
    }
    if (invite)
        forget(invite);
    invite = calloc(1, sizeof(*invite));
    if (!invite)
        return; /* the next look finds it again */
    invite->autojoin = autojoin;
    invite->seen = true;
    invite->room_id = slice_dup(room_id);
    invite->inviter = slice_dup(inviter);
    invite->next_at = loop_now(autojoin->config.loop);
    list_push(&autojoin->invites, &invite->node);
    if (!invite->room_id || !invite->inviter)
        forget(invite);
}

static bool on_room(void *arg, const struct store_room *room)
{
    struct autojoin *autojoin = arg;
    struct store_state member;
    char *room_id = slice_dup(room->room_id);

    if (room_id &&
        store_state_get(autojoin->config.store, slice_str(room_id),
                        slice_str("m.room.member"),
                        slice_str(session_user_id(autojoin->config.session)),
                        &member, NULL) == 1 &&
        member.sender.ptr && is_allowed(autojoin, member.sender))
        add(autojoin, slice_str(room_id), member.sender);
    free(room_id);
    return true;
}

void autojoin_look(struct autojoin *autojoin)
{
    if (autojoin->config.mode == AUTOJOIN_NEVER)
        return;
    list_each(node, &autojoin->invites) list_entry(node, struct invite, node)
        ->seen = false;
    if (store_room_each(autojoin->config.store, slice_str("invite"), on_room,
                        autojoin, NULL) < 0)
        return;
    list_each_safe(node, &autojoin->invites)
    {
        struct invite *invite = list_entry(node, struct invite, node);
        if (!invite->seen)
            forget(invite);
    }
    go_on(autojoin);
}
