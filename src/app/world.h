#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "log.h"
#include "slice.h"

/* One account with scripts, on a virtual loop, before the homeserver of
 * lua/homeserver, its store in memory: what a test case has. Everything
 * between is the real program, wired by account.c. The process's log goes to
 * the world while there is one. */
struct world;

#define WORLD_USER "@bot:test"

/* lua_path: as in account_options. log is called for each line. */
struct world *world_new(const char *lua_path, log_sink_fn *log, void *arg,
                        struct err *err);
/* Closes everything. 0, or -1 with *err naming what was left over. */
int world_free(struct world *world, struct err *err);

/* Before world_start. config: JSON object; secrets: JSON object of texts. */
int world_add_script(struct world *world, const char *path, struct slice config,
                     struct slice secrets, struct err *err);
/* Opens the account, loads its scripts, begins to sync, runs to rest. A
 * script that does not load is told in the log. */
int world_start(struct world *world, struct err *err);
/* Ends the account and starts it again with the store that it had. crash:
 * without a stop. */
int world_restart(struct world *world, bool crash, struct err *err);

struct account *world_account(struct world *world);

/* world_webhook.c: a request to a script's web hook, then to rest. request:
 * JSON {method?, query, headers}; out: {status, headers}, bytes: the body. */
int world_webhook(struct world *world, struct slice name, struct slice request,
                  struct slice body, struct buf *out, struct buf *bytes,
                  struct err *err);

/* Runs until ms have passed and all is at rest. */
void world_advance(struct world *world, int64_t ms);
/* transport_lua_control, then to rest. */
int world_control(struct world *world, const char *name, struct slice arguments,
                  struct buf *out, struct err *err);
/* Loads the scripts again, the first from source when there is one. 0 with
 * the report appended to out, *refused tells whether it was refused. */
int world_reload(struct world *world, struct slice source, bool *refused,
                 struct buf *out, struct err *err);
/* Have files of the scripts changed since the last time, and no more since
 * the time before? Then those scripts are loaded again, which is in the log.
 * For a file that is written in two steps a while must lie between. */
void world_look(struct world *world);
/* Appends the store of the first script as a JSON object. */
int world_store(struct world *world, struct buf *out, struct err *err);

#endif
