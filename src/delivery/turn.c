#include "turn.h"

#include <assert.h>
#include <stdlib.h>

#include "list.h"

#define BUCKETS 256

enum state {
    WAITING, /* in a list of its line */
    DUE,     /* the line is its own, go comes in the next turn of the loop */
    HELD,
    PARKED
};

struct line {
    struct list node; /* in its bucket */
    struct turn *holder;
    struct list returned; /* these come before those that wait */
    struct list waiting;
    int turns; /* of any state; the line goes with the last */
    size_t len;
    char room_id[];
};

struct turn {
    struct list node; /* WAITING: in its line; DUE: in the table */
    struct turn_table *table;
    struct line *line;
    enum state state;
    loop_fn *go;
    void *arg;
};

struct turn_table {
    struct loop *loop;
    struct list buckets[BUCKETS];
    struct list due;
    struct tick *tick;
};

struct turn_table *turn_table_new(struct loop *loop)
{
    struct turn_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->loop = loop;
    list_init(&table->due);
    for (int i = 0; i < BUCKETS; i++)
        list_init(&table->buckets[i]);
    return table;
}

void turn_table_free(struct turn_table *table)
{
    if (!table)
        return;
    for (int i = 0; i < BUCKETS; i++)
        assert(list_empty(&table->buckets[i]));
    tick_cancel(table->tick);
    free(table);
}

static struct list *bucket_of(struct turn_table *table, struct slice room_id)
{
    unsigned hash = 2166136261u;

    for (size_t i = 0; i < room_id.len; i++)
        hash = (hash ^ (unsigned char)room_id.ptr[i]) * 16777619u;
    return &table->buckets[hash % BUCKETS];
}

/* The room's line, made when there is none; NULL out of memory. */
static struct line *find_line(struct turn_table *table, struct slice room_id)
{
    struct list *bucket = bucket_of(table, room_id);

    list_each(node, bucket)
    {
        struct line *line = list_entry(node, struct line, node);
        if (slice_eq(slice_make(line->room_id, line->len), room_id))
            return line;
    }
    struct line *line = calloc(1, sizeof(*line) + room_id.len + 1);
    if (!line)
        return NULL;
    list_init(&line->returned);
    list_init(&line->waiting);
    line->len = room_id.len;
    if (room_id.len > 0)
        memcpy(line->room_id, room_id.ptr, room_id.len);
    list_push(bucket, &line->node);
    return line;
}

static void free_line(struct line *line)
{
    if (line->turns > 0)
        return;
    list_remove(&line->node);
    free(line);
}

/* The list is taken off first: who leaves or comes while go runs does it on
 * lists that are sound, and the table itself may go with the last turn. */
static void on_tick(void *arg)
{
    struct turn_table *table = arg;
    struct list due;
    struct list *node;

    table->tick = NULL;
    list_init(&due);
    while ((node = list_first(&table->due)) != NULL) {
        list_remove(node);
        list_push(&due, node);
    }
    while ((node = list_first(&due)) != NULL) {
        struct turn *turn = list_entry(node, struct turn, node);
        list_remove(node);
        turn->state = HELD;
        turn->go(turn->arg);
    }
}

/* Should there be no memory for a tick, the next call here tries again. */
static int wake(struct turn_table *table)
{
    if (!table->tick && !list_empty(&table->due))
        table->tick = tick_start(table->loop, on_tick, table, NULL);
    return table->tick || list_empty(&table->due) ? 0 : -1;
}

/* Gives a free line to whoever is first in it. */
static int advance(struct turn_table *table, struct line *line)
{
    if (!line->holder) {
        struct list *node = list_first(&line->returned);
        if (!node)
            node = list_first(&line->waiting);
        if (node) {
            line->holder = list_entry(node, struct turn, node);
            line->holder->state = DUE;
            list_remove(node);
            list_push(&table->due, node);
        }
    }
    return wake(table);
}

struct turn *turn_wait(struct turn_table *table, struct slice room_id,
                       loop_fn *go, void *arg)
{
    struct turn *turn = calloc(1, sizeof(*turn));
    struct line *line = turn ? find_line(table, room_id) : NULL;

    if (!line) {
        free(turn);
        return NULL;
    }
    turn->table = table;
    turn->line = line;
    turn->go = go;
    turn->arg = arg;
    line->turns++;
    list_push(&line->waiting, &turn->node);
    if (advance(table, line) < 0 && line->holder == turn) {
        turn_leave(turn);
        return NULL;
    }
    return turn;
}

void turn_park(struct turn *turn)
{
    assert(turn->state == HELD);
    turn->state = PARKED;
    turn->line->holder = NULL;
    advance(turn->table, turn->line);
}

void turn_return(struct turn *turn)
{
    assert(turn->state == PARKED);
    turn->state = WAITING;
    list_push(&turn->line->returned, &turn->node);
    advance(turn->table, turn->line);
}

void turn_leave(struct turn *turn)
{
    if (!turn)
        return;
    struct line *line = turn->line;
    struct turn_table *table = turn->table;
    list_remove(&turn->node);
    if (line->holder == turn)
        line->holder = NULL;
    line->turns--;
    free(turn);
    advance(table, line);
    free_line(line);
}

bool turn_held(const struct turn *turn)
{
    return turn->state == HELD;
}
