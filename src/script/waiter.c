#include "waiter.h"

#include <stdlib.h>

#include "limits.h"

static void drop(struct waiter *waiter)
{
    if (waiter->op) {
        waiter->op->state = NULL;
    }
    timer_cancel(waiter->timer);
    list_remove(&waiter->node);
    waiter->generation->world->waiters->count--;
    registration_free(waiter->registration);
    free(waiter);
}

/* Whoever waits goes on: true, or false when the time is over. */
static void end(struct waiter *waiter, const char *result)
{
    struct op *op = waiter->op;
    drop(waiter);
    if (op) {
        buf_adds(&op->result, result);
        op_done(op);
    }
}

static void on_timer(void *arg)
{
    struct waiter *waiter = arg;
    waiter->timer = NULL;
    end(waiter, "false");
}

static struct waiter *find(const struct generation *generation, int id)
{
    list_each(node, &generation->world->waiters->list)
    {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        if (waiter->generation == generation &&
            waiter->registration->id == id) {
            return waiter;
        }
    }
    return NULL;
}

/* ---- arming ---- */

static int check(const struct generation *generation, struct err *err)
{
    if (generation->state == GENERATION_CANDIDATE) {
        return err_set(err, ERR_MISUSE,
                       "cannot wait for an event before the script is live");
    }
    if (generation->world->waiters->count >= LIMIT_WAITERS) {
        return err_set(err, ERR_LIMIT,
                       "%s waits for %d events already, which is the most",
                       generation->settings->script.name, LIMIT_WAITERS);
    }
    return 0;
}

static struct registration *make(const struct waiter_options *options,
                                 struct err *err)
{
    struct registration *made = registration_event(
        options->id, options->name, options->filter, options->where, err);
    if (made && made->kind == REGISTRATION_HOOK) {
        err_set(err, ERR_MISUSE, "'%s' is no event that comes", made->name);
        registration_free(made);
        return NULL;
    }
    return made;
}

int waiter_arm(struct generation *generation,
               const struct waiter_options *options, struct err *err)
{
    const struct generation_world *world = generation->world;
    if (check(generation, err) != 0) {
        return -1;
    }
    struct registration *registration = make(options, err);
    if (!registration) {
        return -1;
    }
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter) {
        registration_free(registration);
        return err_set(err, ERR_SYSTEM, "cannot wait: out of memory");
    }
    waiter->generation = generation;
    waiter->registration = registration;
    waiter->serial = ++world->waiters->last;
    waiter->delivery = options->delivery;
    list_push(&world->waiters->list, &waiter->node);
    world->waiters->count++;
    if (world->listens) {
        world->listens(world->arg);
    }
    return 0;
}

/* ---- waiting ---- */

int waiter_wait(struct generation *generation, int id, int64_t ms,
                struct op *op, struct err *err)
{
    struct waiter *waiter = find(generation, id);
    if (!waiter || waiter->op) {
        return err_set(err, ERR_MISUSE, "there is no waiter %d", id);
    }
    waiter->timer =
        timer_start(generation->world->host->loop, ms, on_timer, waiter, err);
    if (!waiter->timer) {
        return -1;
    }
    waiter->op = op;
    op->state = waiter;
    return 0;
}

void waiter_orphan(struct op *op)
{
    if (op->state) {
        drop(op->state);
    }
}

bool waiter_answer(struct generation *generation, int id)
{
    struct waiter *waiter = find(generation, id);
    if (!waiter) {
        return false;
    }
    end(waiter, "true");
    return true;
}

void waiter_drop(struct generation *generation, int id)
{
    struct waiter *waiter = find(generation, id);
    if (waiter && !waiter->op) {
        drop(waiter);
    }
}

void waiter_free_all(struct generation *generation)
{
    list_each_safe(node, &generation->world->waiters->list)
    {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        if (waiter->generation == generation) {
            drop(waiter);
        }
    }
}

/* ---- matching ---- */

struct waiter *waiter_next(const struct waiters *waiters, int64_t after,
                           const struct sync_occasion *occasion,
                           const char *user_id)
{
    list_each(node, &waiters->list)
    {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        if (waiter->serial > after &&
            registration_matches(waiter->registration, occasion, user_id)) {
            return waiter;
        }
    }
    return NULL;
}
