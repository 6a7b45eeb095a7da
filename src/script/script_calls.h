#ifndef SCRIPT_CALLS_H
#define SCRIPT_CALLS_H

#include "call.h"

/* The calls that belong to a generation, not to the account: script.* and
 * memory.* of docs/internals/calls.md. Ended by a row without a name; for
 * gen_config.calls, with a struct generation as its owner. */
extern const struct call script_calls[];

struct generation;
struct json_writer;
/* Its commands, as elements of an array that is open. */
void script_calls_commands(const struct generation *generation,
                           struct json_writer *w);

#endif
