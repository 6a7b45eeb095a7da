#ifndef CONTROL_H
#define CONTROL_H

#include "account.h"
#include "buf.h"
#include "err.h"
#include "loop.h"
#include "slice.h"

/* The control socket of a running account (0600): one JSON object a line in,
 * one out. {"do":"reload","script":?,"force":?,"check_only":?} answers
 * {"ok":bool,"report":text}; {"do":"send","room_id":..,"type":..,"content":..}
 * answers {"event_id":..} or {"error":{kind,errcode,error}};
 * {"do":"status","tasks":?} answers with report_account. {"do":"repl"} and
 * {"do":"logs"} begin other kinds of conversation: repl.h, log_talk.h. */
struct control;

/* Listens; a stale socket is replaced, for the account's lock is held.
 * Returns owned. */
struct control *control_listen(struct loop *loop, struct account *account,
                               struct err *err);
/* Ends every conversation and removes the socket. */
void control_close(struct control *control);

/* The other end, blocking: asks the process that runs the account. 1 and its
 * answer appended to reply; 0 when none runs; -1. */
int control_ask(const char *account, struct slice request, struct buf *reply,
                struct err *err);
/* A connection to it, for a longer conversation. 1 and *fd, which the caller
 * closes; 0 when none runs; -1. */
int control_connect(const char *account, int *fd, struct err *err);
/* All of line, its newline included, through it. 0 or -1. */
int control_send(int fd, struct slice line, struct err *err);

#endif
