#ifndef EMISSION_H
#define EMISSION_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* bot:emit: what a script tells the scripts of its account. An event that no
 * server sent: it comes in a section of its own, and its type,
 * "script:<script>:<name>", means something there only. */
#define EMISSION_SECTION "script"

/* Is it such a type, well formed or not? */
bool emission_is(struct slice type);
/* 0, or -1 with ERR_MISUSE for a type that cannot come. */
int emission_check(struct slice type, struct err *err);
/* The event, {type, data?}, as JSON. data: JSON, absent none. ERR_LIMIT when it
 * is too large, ERR_MISUSE for a name that is no word. */
int emission_write(const char *script, struct slice name, struct slice data,
                   struct buf *out, struct err *err);

#endif
