#ifndef CLI_VISIT_H
#define CLI_VISIT_H

#include "cli.h"
#include "loop.h"
#include "request.h"
#include "session.h"
#include "transport.h"

/* A login at work on a loop of its own, for commands that are soon done. It
 * takes no lock: it may stand beside the process that runs the account. */
struct visit {
    struct config *config;
    const struct config_account *account;
    struct loop *loop;
    struct transport *transport;
    struct session *session;
    struct buf directory, file;
    struct timer *timer; /* of a step that might go on for ever */
    bool done, failed;
    struct err err;   /* of the last step */
    struct buf reply; /* of the last step */
};

/* Both return 0, or the exit code of a failure that was told. visit_login
 * also wants a stored login. visit_close is due in any case. */
int visit_open(struct visit *visit, struct cli *cli);
int visit_login(struct visit *visit, struct cli *cli);
void visit_close(struct visit *visit);

/* The done callback of every step, arg the visit. */
void visit_step(void *arg, struct slice body, const struct err *err);
/* Runs the loop until the step that was started (0) is done. 0 or -1. */
int visit_wait(struct visit *visit, int started);
/* One request, answered in visit->reply. 0 or -1. */
int visit_request(struct visit *visit, const struct request_options *options);

#endif
