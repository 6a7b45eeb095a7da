#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "job.h"
#include "loop.h"
#include "outbox.h"
#include "session.h"
#include "slice.h"
#include "store.h"
#include "transport.h"

/* What a script may ask of the host: named calls, JSON in and out. No Lua and
 * no longjmp in this layer. docs/internals/calls.md lists every call with its
 * arguments and results. */

struct op;

enum call_flags {
    CALL_NOW = 1,      /* answers from inside start; never waits */
    CALL_PARKS = 2,    /* gives up the room's turn while it waits */
    CALL_WRITES = 4,   /* a failure nobody looked at is logged */
    CALL_RECORDED = 8, /* its result belongs to the event's delivery */
    CALL_MATRIX = 16,  /* arguments hold Matrix content: no floats */
    CALL_EXEC = 32,    /* only for plain scripts (lunatrix exec) */
    CALL_IDLE = 64     /* what waits for it takes no place among handlers */
};

struct call {
    const char *name; /* "room.send" */
    unsigned flags;
    /* Borrows args (an object) and bytes. 0, or -1 with *err filled: nothing
     * began, and no orphan is called. */
    int (*start)(struct op *op, struct slice args, struct slice bytes,
                 struct err *err);
    /* The op goes away: cancel, or detach and forget op. May be NULL for
     * CALL_NOW. */
    void (*orphan)(struct op *op);
};

/* The call with that name among all topics, or NULL. */
const struct call *call_find(struct slice name);
/* Walks all calls: index from 0, NULL at the end. */
const struct call *call_at(int index);

/* What one account offers its scripts. Members may be NULL where noted; under
 * exec without a stored login only loop and transport are there. */
struct call_host {
    struct loop *loop;
    struct transport *transport;
    struct transport *http;    /* for http.request, NULL: transport */
    const char *account;       /* its name in the configuration */
    struct session *session;   /* NULL: none */
    struct store *store;       /* NULL: none */
    struct outbox *outbox;     /* NULL: none */
    const char *prefix;        /* of commands, "!" */
    const char *admin_room;    /* id or alias, NULL */
    const char *const *admins; /* NULL-terminated, may be NULL */
    bool allow_http;
    bool dry_run;
    bool offline;        /* nothing is reached: secrets are made up */
    const char *web_url; /* what web hooks' addresses begin with; NULL: there
                            is no way in */
    /* Where the login of account "name" lives (NULL: the default account);
     * opens it for client{account=}. 0 with an owned session, or -1. */
    int (*open_session)(void *arg, const char *name, struct session **session,
                        struct err *err);
    /* The secret with that name (12.2 of the configuration), appended to out.
     * NULL: none. */
    int (*secret)(void *arg, struct slice name, struct buf *out,
                  struct err *err);
    void *arg;
    /* What calls of all scripts share; NULL at first. */
    struct op_request *detached;       /* op_request.c */
    struct call_members *member_lists; /* call_members.c */
};
/* Ends, in silence, what goes on though nobody waits for it: writes whose task
 * has gone. Call it when all ops are freed and before session, store and
 * transport go. */
void call_host_close(struct call_host *host);

/* Who calls: one generation of a script. Owned by the script layer. */
struct call_clients; /* raw clients it opened; call_client.c */
struct caller {
    struct call_host *host;
    const char *script; /* its name */
    int generation;
    bool exec; /* a plain script */
    const char
        *data_dir; /* files a script may name, NULL: the working directory */
    size_t store_quota;           /* LIMIT_STORE unless configured */
    size_t http_body;             /* LIMIT_HTTP_BODY unless configured */
    bool http_private;            /* its HTTP may go to private addresses */
    int log_lines;                /* LIMIT_LOG_LINES unless configured */
    struct job_line *jobs;        /* whom new jobs concern, NULL: nobody */
    struct call_clients *clients; /* NULL until the first; caller_close frees */
    int64_t log_second;           /* rate of log lines; call_log.c */
    int log_count;                /* lines written in that second */
    int log_dropped;              /* not written and not told yet */
};
/* Closes what the caller holds: raw clients and their logins. */
void caller_close(struct caller *caller);

/* What made a call, for transaction ids; all borrowed for op_start. */
struct op_cause {
    struct slice
        event;         /* event id of the handler's event; absent: random ids */
    struct slice path; /* task path, "3" or "3.1" */
    unsigned ordinal;  /* of the call within its task, from 1 */
    int64_t delivery;  /* its delivery row, minus a job's id, 0 none */
};

#endif
