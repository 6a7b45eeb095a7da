#include "homeserver.h"

#include <stdlib.h>

#include "buf.h"
#include "limits.h"
#include "log.h"
#include "url.h"

#define BEARER "Bearer "

struct homeserver {
    struct loop *loop;
    struct transport *transport;
    bool allow_http;
    struct buf base;
    struct buf authorization; /* BEARER and the token, or empty */
    uint64_t token_version;

    homeserver_unauthorized_fn *unauthorized;
    void *unauthorized_arg;
    bool complained;     /* unauthorized was told of a 401 */
    struct list waiting; /* for homeserver_resume */

    int64_t brake_until;
    struct timer *brake;
    struct list held;              /* sends, by order */
    struct homeserver_wait *probe; /* the held send that is on its way */
    uint64_t orders;
};

struct homeserver *homeserver_new(struct loop *loop,
                                  struct transport *transport,
                                  struct slice base, bool allow_http,
                                  struct err *err)
{
    struct homeserver *homeserver = calloc(1, sizeof(*homeserver));

    if (!homeserver) {
        err_set(err, ERR_SYSTEM, "the homeserver's address: out of memory");
        return NULL;
    }
    homeserver->loop = loop;
    homeserver->transport = transport;
    homeserver->allow_http = allow_http;
    list_init(&homeserver->waiting);
    list_init(&homeserver->held);
    buf_init(&homeserver->base, LIMIT_HTTP_URL);
    buf_init(&homeserver->authorization, LIMIT_TOKEN);
    if (homeserver_set_base(homeserver, base, err) < 0) {
        homeserver_free(homeserver);
        return NULL;
    }
    return homeserver;
}

static void forget_token(struct homeserver *homeserver)
{
    struct buf *text = &homeserver->authorization;

    if (text->ptr)
        explicit_bzero(text->ptr, text->cap);
    buf_free(text);
    homeserver->token_version++;
}

void homeserver_free(struct homeserver *homeserver)
{
    if (!homeserver)
        return;
    forget_token(homeserver);
    buf_free(&homeserver->base);
    timer_cancel(homeserver->brake);
    free(homeserver);
}

int homeserver_set_base(struct homeserver *homeserver, struct slice base,
                        struct err *err)
{
    struct buf checked;

    buf_init(&checked, LIMIT_HTTP_URL);
    if (url_check_base(base, &checked, err) < 0) {
        buf_free(&checked);
        return -1;
    }
    buf_free(&homeserver->base);
    homeserver->base = checked;
    return 0;
}

const char *homeserver_base(const struct homeserver *homeserver)
{
    return buf_str(&homeserver->base);
}

int homeserver_check_token(struct slice token, struct err *err)
{
    for (size_t i = 0; i < token.len; i++)
        if ((unsigned char)token.ptr[i] <= ' ' || token.ptr[i] == 0x7f)
            return err_set(err, ERR_CONFIG,
                           "the access token holds a blank or a control "
                           "character");
    return 0;
}

int homeserver_set_token(struct homeserver *homeserver, struct slice token,
                         struct err *err)
{
    size_t size = sizeof(BEARER) + token.len;

    if (homeserver_check_token(token, err) < 0)
        return -1;
    forget_token(homeserver);
    if (!token.ptr)
        return 0;
    log_add_secret(token);
    /* at once, so that no copy is left behind by growing */
    if (!buf_reserve(&homeserver->authorization, size))
        return err_set(err, ERR_LIMIT, "the access token is too long");
    buf_adds(&homeserver->authorization, BEARER);
    buf_add(&homeserver->authorization, token);
    return 0;
}

bool homeserver_has_token(const struct homeserver *homeserver)
{
    return homeserver->authorization.len > 0;
}

struct loop *homeserver_loop(const struct homeserver *homeserver)
{
    return homeserver->loop;
}

struct transport *homeserver_transport(const struct homeserver *homeserver)
{
    return homeserver->transport;
}

bool homeserver_allow_http(const struct homeserver *homeserver)
{
    return homeserver->allow_http;
}

struct slice homeserver_authorization(const struct homeserver *homeserver)
{
    if (!homeserver_has_token(homeserver))
        return SLICE_NONE;
    return buf_slice(&homeserver->authorization);
}

uint64_t homeserver_token_version(const struct homeserver *homeserver)
{
    return homeserver->token_version;
}

void homeserver_wait_init(struct homeserver_wait *wait,
                          void (*go)(void *arg, bool ok), void *arg)
{
    list_init(&wait->node);
    wait->order = 0;
    wait->go = go;
    wait->arg = arg;
}

/* ---- 401 --------------------------------------------------------------- */

void homeserver_on_unauthorized(struct homeserver *homeserver,
                                homeserver_unauthorized_fn *fn, void *arg)
{
    homeserver->unauthorized = fn;
    homeserver->unauthorized_arg = arg;
}

bool homeserver_refused(struct homeserver *homeserver, const struct err *err,
                        struct homeserver_wait *wait)
{
    if (!homeserver->unauthorized)
        return false;
    homeserver->complained = true;
    if (!homeserver->unauthorized(homeserver->unauthorized_arg, err))
        return false;
    list_push(&homeserver->waiting, &wait->node);
    return true;
}

void homeserver_accepted(struct homeserver *homeserver)
{
    if (!homeserver->complained)
        return;
    homeserver->complained = false;
    if (homeserver->unauthorized)
        homeserver->unauthorized(homeserver->unauthorized_arg, NULL);
}

void homeserver_resume(struct homeserver *homeserver, bool ok)
{
    struct list *node, batch;

    /* those that are refused again wait for the next resume */
    list_init(&batch);
    while ((node = list_first(&homeserver->waiting))) {
        list_remove(node);
        list_push(&batch, node);
    }
    while ((node = list_first(&batch))) {
        struct homeserver_wait *wait =
            list_entry(node, struct homeserver_wait, node);
        list_remove(node);
        wait->go(wait->arg, ok);
    }
}

/* ---- the brake --------------------------------------------------------- */

int64_t homeserver_brake_until(const struct homeserver *homeserver)
{
    return homeserver->brake_until > loop_now(homeserver->loop)
               ? homeserver->brake_until
               : 0;
}

static void release(void *arg);

/* While sends are held, either one of them is on its way or the timer runs. */
static void arm(struct homeserver *homeserver)
{
    int64_t ms = homeserver->brake_until - loop_now(homeserver->loop);

    if (homeserver->brake || homeserver->probe || list_empty(&homeserver->held))
        return;
    homeserver->brake = timer_start(homeserver->loop, ms > 0 ? ms : 0, release,
                                    homeserver, NULL);
}

static void release(void *arg)
{
    struct homeserver *homeserver = arg;
    struct list *first = list_first(&homeserver->held);
    struct homeserver_wait *wait;

    homeserver->brake = NULL;
    if (!first || homeserver->probe)
        return;
    if (homeserver_brake_until(homeserver)) { /* prolonged meanwhile */
        arm(homeserver);
        return;
    }
    wait = list_entry(first, struct homeserver_wait, node);
    list_remove(first);
    homeserver->probe = wait;
    wait->go(wait->arg, true);
}

static void hold(struct homeserver *homeserver, struct homeserver_wait *wait)
{
    struct list *at = homeserver->held.prev;

    while (at != &homeserver->held &&
           list_entry(at, struct homeserver_wait, node)->order > wait->order)
        at = at->prev;
    list_insert_after(at, &wait->node);
    arm(homeserver);
}

bool homeserver_turn(struct homeserver *homeserver,
                     struct homeserver_wait *wait)
{
    if (wait->order == 0)
        wait->order = ++homeserver->orders;
    if (homeserver->probe == wait)
        return true;
    if (!homeserver->probe && list_empty(&homeserver->held) &&
        !homeserver_brake_until(homeserver))
        return true;
    hold(homeserver, wait);
    return false;
}

void homeserver_brake(struct homeserver *homeserver, int64_t ms,
                      struct homeserver_wait *wait)
{
    int64_t until = loop_now(homeserver->loop) + ms;

    if (until > homeserver->brake_until)
        homeserver->brake_until = until;
    homeserver_leave(homeserver, wait);
}

void homeserver_leave(struct homeserver *homeserver,
                      struct homeserver_wait *wait)
{
    list_remove(&wait->node);
    if (homeserver->probe == wait)
        homeserver->probe = NULL;
    arm(homeserver);
}
