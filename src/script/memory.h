#ifndef MEMORY_H
#define MEMORY_H

#include "buf.h"
#include "err.h"
#include "slice.h"

/* bot.memory: a tree of plain values that outlives generations. Tables are
 * nodes with children under string or integer keys; every other value is kept
 * as JSON text. At most LIMIT_MEMORY_TREE bytes. A path is a JSON array of
 * keys; [] is the root. */
struct memory;

struct memory *memory_new(void); /* returns owned, NULL when out of memory */
void memory_free(struct memory *memory);
/* {"kind":"nil"} {"kind":"table"} {"kind":"value","value":...} appended. */
int memory_get(const struct memory *memory, struct slice path, struct buf *out,
               struct err *err);
/* value: JSON; null deletes; objects and arrays become nodes (arrays with
 * integer keys from 1). Setting below a path whose parent is no table fails
 * (ERR_MISUSE). */
int memory_set(struct memory *memory, struct slice path, struct slice value,
               struct err *err);
/* Keys below path as a JSON array: integers first in order, then strings in
 * byte order. */
int memory_keys(const struct memory *memory, struct slice path, struct buf *out,
                struct err *err);

#endif
