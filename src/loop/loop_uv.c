#include "loop_uv.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "loop_internal.h"

/* libuv owns a handle until its close callback; only there memory may go.
 * Every handle's data points at the block it lies in, or is NULL when the
 * block is not its own. */

struct loop_uv {
    uv_loop_t uv;
    uv_timer_t wait; /* the only timer: how long to wait */
    struct loop *loop;
    int count;
};

struct poll {
    uv_poll_t uv;
    struct loop_uv *owner;
    poll_fn *fn;
    void *arg;
};

struct signal_watch {
    uv_signal_t uv;
    struct loop_uv *owner;
    loop_fn *fn;
    void *arg;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

struct loop_uv *loop_uv_new(struct loop *loop, struct err *err)
{
    struct loop_uv *uv = calloc(1, sizeof *uv);
    int status = uv ? uv_loop_init(&uv->uv) : UV_ENOMEM;
    if (status < 0) {
        err_set(err, ERR_SYSTEM, "cannot make an event loop: %s",
                uv_strerror(status));
        free(uv);
        return NULL;
    }
    uv->loop = loop;
    uv_timer_init(&uv->uv, &uv->wait);
    uv->wait.data = NULL;
    return uv;
}

void loop_uv_free(struct loop_uv *uv)
{
    uv_walk(&uv->uv, close_handle, NULL);
    uv_run(&uv->uv, UV_RUN_DEFAULT);
    int status = uv_loop_close(&uv->uv);
    assert(status == 0);
    (void)status;
    free(uv);
}

int loop_uv_count(const struct loop_uv *uv)
{
    return uv->count;
}

bool loop_uv_alive(const struct loop_uv *uv)
{
    return uv_loop_alive(&uv->uv) != 0;
}

static void on_wait_over(uv_timer_t *wait)
{
    (void)wait; /* it has done its work: uv_run returns */
}

void loop_uv_run(struct loop_uv *uv, int64_t timeout_ms)
{
    if (timeout_ms > 0) {
        uv_update_time(&uv->uv);
        uv_timer_start(&uv->wait, on_wait_over, (uint64_t)timeout_ms, 0);
    }
    uv_run(&uv->uv, timeout_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    uv_timer_stop(&uv->wait);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poll *poll = handle->data;
    int ready = status < 0 ? POLL_ERROR : 0;
    ready |= events & UV_READABLE ? POLL_READ : 0;
    ready |= events & UV_WRITABLE ? POLL_WRITE : 0;
    loop_uv_entered(poll->owner->loop);
    poll->fn(poll->arg, ready);
}

/* libuv makes the descriptor non-blocking, which nobody asked for: a terminal
 * that is shared with a shell would stay so. */
static int init_poll(struct loop_uv *owner, uv_poll_t *uv, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int status = uv_poll_init(&owner->uv, uv, fd);
    if (status == 0 && flags >= 0)
        fcntl(fd, F_SETFL, flags);
    return status;
}

struct poll *poll_start(struct loop *loop, int fd, int events, poll_fn *fn,
                        void *arg, struct err *err)
{
    struct loop_uv *owner = loop_get_uv(loop);
    struct poll *poll = calloc(1, sizeof *poll);
    int status = poll ? init_poll(owner, &poll->uv, fd) : UV_ENOMEM;
    if (status < 0) {
        err_set(err, ERR_SYSTEM, "cannot wait for file descriptor %d: %s", fd,
                uv_strerror(status));
        free(poll);
        return NULL;
    }
    poll->owner = owner;
    poll->fn = fn;
    poll->arg = arg;
    poll->uv.data = poll;
    owner->count++;
    poll_set(poll, events);
    return poll;
}

void poll_set(struct poll *poll, int events)
{
    int wanted = events & POLL_READ ? UV_READABLE : 0;
    wanted |= events & POLL_WRITE ? UV_WRITABLE : 0;
    if (wanted)
        uv_poll_start(&poll->uv, wanted, on_poll);
    else
        uv_poll_stop(&poll->uv);
}

void poll_stop(struct poll *poll)
{
    if (!poll)
        return;
    poll->owner->count--;
    uv_close((uv_handle_t *)&poll->uv, on_closed);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    struct signal_watch *watch = handle->data;
    loop_uv_entered(watch->owner->loop);
    watch->fn(watch->arg);
}

struct signal_watch *signal_start(struct loop *loop, int signum, loop_fn *fn,
                                  void *arg, struct err *err)
{
    struct loop_uv *owner = loop_get_uv(loop);
    struct signal_watch *watch = calloc(1, sizeof *watch);
    int status = watch ? uv_signal_init(&owner->uv, &watch->uv) : UV_ENOMEM;
    if (status < 0)
        goto fail;
    watch->owner = owner;
    watch->fn = fn;
    watch->arg = arg;
    watch->uv.data = watch;
    status = uv_signal_start(&watch->uv, on_signal, signum);
    if (status < 0) {
        uv_close((uv_handle_t *)&watch->uv, on_closed);
        watch = NULL;
        goto fail;
    }
    owner->count++;
    return watch;
fail:
    err_set(err, ERR_SYSTEM, "cannot catch signal %d (%s): %s", signum,
            strsignal(signum), uv_strerror(status));
    free(watch);
    return NULL;
}

void signal_stop(struct signal_watch *watch)
{
    if (!watch)
        return;
    watch->owner->count--;
    uv_close((uv_handle_t *)&watch->uv, on_closed);
}

const char *loop_uv_version(void)
{
    return uv_version_string();
}
