#ifndef REPL_CLIENT_H
#define REPL_CLIENT_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* The typing side of repl.h's conversation: a blocking connection whose lines
 * are handed out as they come. */
struct repl_client {
    int fd;
    struct buf in;
    struct buf answer; /* the last {"done"} or {"error"} */
    bool answered, closed;
    char script[80];
    int generation;
    /* Everything that is no answer. */
    void (*said)(void *arg, struct slice line);
    void *arg;
};

/* Connects to the process that runs the account; script may be NULL. 0 or
 * -1; said and arg are to be set before. repl_client_close in both cases. */
int repl_client_open(struct repl_client *client, const char *account,
                     const char *script, struct err *err);
void repl_client_close(struct repl_client *client);
/* Sends {key: value}; text NULL: true. Then answered is false. */
void repl_client_ask(struct repl_client *client, const char *key,
                     const char *text);
/* Sends {"events": on}. */
void repl_client_follow(struct repl_client *client, bool on);
/* Nothing comes of it but the end of what runs. */
void repl_client_cancel(struct repl_client *client);
/* Takes what is there, without waiting unless `wait`. */
void repl_client_read(struct repl_client *client, bool wait);

#endif
