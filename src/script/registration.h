#ifndef REGISTRATION_H
#define REGISTRATION_H

#include <stdbool.h>

#include "err.h"
#include "list.h"
#include "slice.h"
#include "sync_interest.h"

/* What a generation asked to hear: made from script.on and script.command
 * while the main chunk runs, live from the reload's COMMIT on. Matching is by
 * slices, before anything is decoded for Lua. A Lua pattern, and whether a
 * message is a command, is for the library to decide. */

enum registration_kind { REGISTRATION_EVENT, REGISTRATION_COMMAND, REGISTRATION_HOOK };

struct registration {
    struct list node;
    int id;              /* the number Lua chose */
    enum registration_kind kind;
    char *name;          /* short name, exact type, command word or hook */
    char *where;         /* "scripts/echo.lua:1" */
    struct buf filter;   /* JSON object, "" none */
    struct buf command;  /* JSON of script.command, for help */
    bool off;            /* cancelled; kept until nobody walks the list */
};

/* name, filter (JSON object or absent), where. ERR_MISUSE for an unknown
 * short name (with a suggestion), an unknown filter field, a wrong type.
 * Returns owned. */
struct registration *registration_event(int id, struct slice name,
                                        struct slice filter, const char *where,
                                        struct err *err);
struct registration *registration_command(int id, struct slice args,
                                          const char *where, struct err *err);
void registration_free(struct registration *registration);

/* user_id: whose account it is. Commands match what "message" matches. */
bool registration_matches(const struct registration *registration,
                          const struct sync_occasion *occasion,
                          const char *user_id);
/* Tells the (section, type) pairs behind its name. */
void registration_types(const struct registration *registration,
                        sync_type_fn *add, void *arg);

#endif
