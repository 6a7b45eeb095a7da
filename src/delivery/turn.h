#ifndef TURN_H
#define TURN_H

#include "err.h"
#include "loop.h"
#include "slice.h"

/* Who may run for a room: one line per room, first come first served. One
 * table of lines belongs to one (account, script) and outlives generations,
 * so order holds across a reload. */
struct turn_table;
struct turn;

struct turn_table *turn_table_new(struct loop *loop);
void turn_table_free(struct turn_table *table); /* every turn must be gone */

/* Joins the end of the room's line. go(arg) comes from the loop when it is at
 * the head: from then it holds the turn. Returns owned, or NULL (memory). */
struct turn *turn_wait(struct turn_table *table, struct slice room_id,
                       loop_fn *go, void *arg);
/* Gives the turn up but keeps the place in mind: others run meanwhile. */
void turn_park(struct turn *turn);
/* After park: stands at the front of the line; go(arg) comes when it is free.
 */
void turn_return(struct turn *turn);
/* Leaves for good, holding, waiting or parked, and frees it. */
void turn_leave(struct turn *turn);
bool turn_held(const struct turn *turn);

#endif
