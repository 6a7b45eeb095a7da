#include "lock.h"

#include <stdlib.h>

#include "limits.h"

struct lock {
    struct list node; /* generation->locks */
    struct generation *generation;
    int64_t id;
    struct turn *turn;
    struct op *op; /* NULL: it is held */
};

static void drop(struct lock *lock)
{
    turn_leave(lock->turn);
    list_remove(&lock->node);
    lock->generation->lock_count--;
    free(lock);
}

static void on_turn(void *arg)
{
    struct lock *lock = arg;
    struct op *op = lock->op;
    lock->op = NULL;
    op->state = NULL;
    buf_adds(&op->result, "true");
    op_done(op);
}

int lock_take(struct generation *generation, int64_t id, struct slice key,
              struct op *op, struct err *err)
{
    if (generation->lock_count >= LIMIT_LOCKS) {
        return err_set(err, ERR_LIMIT, "%s has %d locks, which is the most",
                       generation->settings->script.name, LIMIT_LOCKS);
    }
    struct lock *lock = calloc(1, sizeof *lock);
    if (lock) {
        lock->turn = turn_wait(generation->world->locks, key, on_turn, lock);
    }
    if (!lock || !lock->turn) {
        free(lock);
        return err_set(err, ERR_SYSTEM, "cannot lock: out of memory");
    }
    lock->generation = generation;
    lock->id = id;
    lock->op = op;
    op->state = lock;
    list_push(&generation->locks, &lock->node);
    generation->lock_count++;
    return 0;
}

void lock_orphan(struct op *op)
{
    drop(op->state);
}

void lock_give(struct generation *generation, int64_t id)
{
    list_each_safe(node, &generation->locks)
    {
        struct lock *lock = list_entry(node, struct lock, node);
        if (lock->id == id && !lock->op) {
            drop(lock);
            return;
        }
    }
}

void lock_free_all(struct generation *generation)
{
    list_each_safe(node, &generation->locks)
    {
        drop(list_entry(node, struct lock, node));
    }
}
