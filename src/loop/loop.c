#include "loop.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "limits.h"
#include "list.h"
#include "loop_internal.h"

/* A virtual loop looks as if it had been up for a day: "0 ms ago" and "never"
 * stay two things. */
#define VIRTUAL_START (24 * 3600 * 1000LL)
#define VIRTUAL_WALL 1767225600000LL /* 2026-01-01T00:00:00Z */
#define FIRST_TIMERS 16

struct timer {
    struct loop *loop;
    int64_t due;
    uint64_t order; /* of timer_start, for those due at the same time */
    size_t index;   /* in loop->timers */
    loop_fn *fn;
    void *arg;
};

struct tick {
    struct list node;
    struct loop *loop;
    loop_fn *fn;
    void *arg;
};

struct loop {
    enum loop_clock clock;
    int64_t now;
    bool stale; /* waiting in libuv: now is from before */
    bool stopped;
    bool running;
    int ran; /* callbacks in this turn */
    struct loop_uv *uv;
    struct timer **timers; /* a heap, the next one first */
    size_t timer_count, timer_cap;
    uint64_t timer_order;
    struct list ticks;
    struct list current; /* those ticks that run in this turn */
    int tick_count;
};

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct loop *loop_new(enum loop_clock clock, struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        err_set(err, ERR_SYSTEM, "cannot make an event loop: out of memory");
        return NULL;
    }
    loop->clock = clock;
    loop->now =
        clock == LOOP_VIRTUAL ? VIRTUAL_START : read_clock(CLOCK_MONOTONIC);
    list_init(&loop->ticks);
    list_init(&loop->current);
    loop->uv = loop_uv_new(loop, err);
    if (!loop->uv) {
        free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(!loop->running);
    assert(loop_pending(loop) == 0);
    assert(loop_uv_count(loop->uv) == 0);
    loop_uv_free(loop->uv);
    free(loop->timers);
    free(loop);
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

int64_t loop_wall(const struct loop *loop)
{
    if (loop->clock == LOOP_VIRTUAL)
        return VIRTUAL_WALL + (loop->now - VIRTUAL_START);
    return read_clock(CLOCK_REALTIME);
}

bool loop_is_virtual(const struct loop *loop)
{
    return loop->clock == LOOP_VIRTUAL;
}

struct loop_uv *loop_get_uv(const struct loop *loop)
{
    return loop->uv;
}

static void read_now(struct loop *loop)
{
    if (loop->stale && loop->clock == LOOP_REAL)
        loop->now = read_clock(CLOCK_MONOTONIC);
    loop->stale = false;
}

void loop_uv_entered(struct loop *loop)
{
    read_now(loop);
    loop->ran++;
}

static int64_t later(const struct loop *loop, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    return ms > INT64_MAX - loop->now ? INT64_MAX : loop->now + ms;
}

/* The heap of timers. */

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void place(struct loop *loop, size_t index, struct timer *timer)
{
    loop->timers[index] = timer;
    timer->index = index;
}

static void sift_up(struct loop *loop, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!earlier(timer, loop->timers[parent]))
            break;
        place(loop, index, loop->timers[parent]);
        index = parent;
    }
    place(loop, index, timer);
}

static void sift_down(struct loop *loop, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count &&
            earlier(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (!earlier(loop->timers[child], timer))
            break;
        place(loop, index, loop->timers[child]);
        index = child;
    }
    place(loop, index, timer);
}

static int make_room(struct loop *loop, struct err *err)
{
    if (loop->timer_count < loop->timer_cap)
        return 0;
    if (loop->timer_count >= LIMIT_LOOP_TIMERS)
        return err_set(err, ERR_LIMIT,
                       "cannot start a timer: there are %d already",
                       LIMIT_LOOP_TIMERS);
    size_t cap = loop->timer_cap ? loop->timer_cap * 2 : FIRST_TIMERS;
    struct timer **timers = realloc(loop->timers, cap * sizeof *timers);
    if (!timers)
        return err_set(err, ERR_SYSTEM, "cannot start a timer: out of memory");
    loop->timers = timers;
    loop->timer_cap = cap;
    return 0;
}

struct timer *timer_start(struct loop *loop, int64_t ms, loop_fn *fn, void *arg,
                          struct err *err)
{
    if (make_room(loop, err) < 0)
        return NULL;
    struct timer *timer = malloc(sizeof *timer);
    if (!timer) {
        err_set(err, ERR_SYSTEM, "cannot start a timer: out of memory");
        return NULL;
    }
    if (ms < 0)
        ms = 0;
    int64_t due = ms > INT64_MAX - loop->now ? INT64_MAX : loop->now + ms;
    *timer = (struct timer) { loop, due, loop->timer_order++, 0, fn, arg };
    loop->timer_count++;
    sift_up(loop, loop->timer_count - 1, timer);
    return timer;
}

/* Fills the hole with the last one, which may belong above or below it. */
static void take_out(struct loop *loop, size_t index)
{
    struct timer *last = loop->timers[--loop->timer_count];
    if (index == loop->timer_count)
        return;
    sift_down(loop, index, last);
    sift_up(loop, last->index, last);
}

void timer_cancel(struct timer *timer)
{
    if (!timer)
        return;
    take_out(timer->loop, timer->index);
    free(timer);
}

int64_t timer_left(const struct timer *timer)
{
    int64_t left = timer->due - timer->loop->now;
    return left > 0 ? left : 0;
}

/* Ticks. */

struct tick *tick_start(struct loop *loop, loop_fn *fn, void *arg,
                        struct err *err)
{
    struct tick *tick = malloc(sizeof *tick);
    if (!tick) {
        err_set(err, ERR_SYSTEM, "cannot queue a tick: out of memory");
        return NULL;
    }
    *tick = (struct tick) { .loop = loop, .fn = fn, .arg = arg };
    list_push(&loop->ticks, &tick->node);
    loop->tick_count++;
    return tick;
}

void tick_cancel(struct tick *tick)
{
    if (!tick)
        return;
    list_remove(&tick->node);
    tick->loop->tick_count--;
    free(tick);
}

/* Turns. */

static void take_ticks(struct loop *loop)
{
    struct list *node;
    while ((node = list_pop(&loop->ticks)))
        list_push(&loop->current, node);
}

static void run_ticks(struct loop *loop)
{
    struct list *node;
    while ((node = list_pop(&loop->current))) {
        struct tick *tick = list_entry(node, struct tick, node);
        loop_fn *fn = tick->fn;
        void *arg = tick->arg;
        tick_cancel(tick);
        loop->ran++;
        fn(arg);
    }
}

/* Those started in this turn, from `order` on, wait for the next. None of them
 * is due before now, so they stand behind all others that are due, and the
 * first of them ends the run. */
static void run_timers(struct loop *loop, uint64_t order)
{
    while (loop->timer_count > 0) {
        struct timer *timer = loop->timers[0];
        if (timer->due > loop->now || timer->order >= order)
            return;
        loop_fn *fn = timer->fn;
        void *arg = timer->arg;
        take_out(loop, 0);
        free(timer);
        loop->ran++;
        fn(arg);
    }
}

/* I/O first, since that is where the waiting is, then everything else, in one
 * and the same moment. What any of it starts is for the next turn. */
static bool turn(struct loop *loop, int64_t timeout_ms)
{
    assert(!loop->running);
    loop->running = true;
    loop->ran = 0;
    loop->stale = true;
    uint64_t order = loop->timer_order;
    take_ticks(loop);
    loop_uv_run(loop->uv, timeout_ms);
    read_now(loop);
    run_ticks(loop);
    run_timers(loop, order);
    loop->running = false;
    return loop->ran > 0;
}

/* How long a turn may wait: for ever is -1. */
static int64_t idle_time(const struct loop *loop)
{
    if (!list_empty(&loop->ticks))
        return 0;
    return loop->timer_count > 0 ? timer_left(loop->timers[0]) : -1;
}

/* One turn, or, when it found nothing to do, a jump to the next timer. Where
 * there is none it waits: only the outside can bring anything then. */
static void turn_virtual(struct loop *loop)
{
    if (turn(loop, idle_time(loop) < 0 ? -1 : 0))
        return;
    if (loop->timer_count > 0)
        loop->now += timer_left(loop->timers[0]);
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped &&
           (loop_pending(loop) > 0 || loop_uv_alive(loop->uv))) {
        if (loop->clock == LOOP_VIRTUAL) {
            turn_virtual(loop);
            continue;
        }
        /* Callbacks since the last turn may have taken their time. */
        loop->stale = true;
        read_now(loop);
        turn(loop, idle_time(loop));
    }
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

bool loop_turn(struct loop *loop)
{
    return turn(loop, 0);
}

void loop_advance(struct loop *loop, int64_t ms)
{
    assert(loop->clock == LOOP_VIRTUAL);
    int64_t end = later(loop, ms);
    for (;;) {
        while (turn(loop, 0))
            ;
        if (loop->timer_count == 0 || loop->timers[0]->due > end)
            break;
        loop->now = loop->timers[0]->due;
    }
    loop->now = end;
}

int loop_pending(const struct loop *loop)
{
    return (int)loop->timer_count + loop->tick_count;
}
