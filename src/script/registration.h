#ifndef REGISTRATION_H
#define REGISTRATION_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "list.h"
#include "slice.h"
#include "sync_interest.h"

/* What a generation asked to hear: made from script.on and script.command
 * while the main chunk runs, live from the reload's COMMIT on. Matching is by
 * slices, before anything is decoded for Lua. A Lua pattern, and whether a
 * message is a command, is for the library to decide. */

enum registration_kind {
    REGISTRATION_EVENT,
    REGISTRATION_COMMAND,
    REGISTRATION_HOOK, /* ready, load, snapshot, unload */
    REGISTRATION_JOB
};

struct registration {
    struct list node;
    int id; /* the number Lua chose */
    enum registration_kind kind;
    char *name;         /* short name, exact type, command word, hook or job */
    char *where;        /* "scripts/echo.lua:1" */
    struct buf filter;  /* JSON object, "" none */
    struct buf command; /* JSON of script.command, for help */
    int retries;        /* of a job that fails */
    int64_t backoff_ms; /* before the first of them */
    bool off;           /* cancelled; kept until nobody walks the list */
};

/* name, filter (JSON object or absent), where. ERR_MISUSE for an unknown
 * short name (with a suggestion), an unknown filter field, a wrong type.
 * Returns owned. */
struct registration *registration_event(int id, struct slice name,
                                        struct slice filter, const char *where,
                                        struct err *err);
/* args: those of script.command. */
struct registration *registration_command(int id, struct slice args,
                                          const char *where, struct err *err);
struct registration *registration_job(int id, struct slice name, int retries,
                                      int64_t backoff_ms, const char *where,
                                      struct err *err);
/* Is word the command's name or one of its aliases? */
bool registration_answers(const struct registration *registration,
                          struct slice word);
/* The first word that both commands answer to; absent: none. It is JSON. */
struct slice registration_clash(const struct registration *a,
                                const struct registration *b);
void registration_free(struct registration *registration);

/* user_id: whose account it is. Commands match what "message" matches. */
bool registration_matches(const struct registration *registration,
                          const struct sync_occasion *occasion,
                          const char *user_id);
/* Tells the (section, type) pairs behind its name. */
void registration_types(const struct registration *registration,
                        sync_type_fn *add, void *arg);

#endif
