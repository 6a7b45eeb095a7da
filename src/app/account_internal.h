#ifndef ACCOUNT_INTERNAL_H
#define ACCOUNT_INTERNAL_H

#include "account.h"
#include "call.h"

/* What account.c, account_scripts.c and report.c share. */
struct account {
    struct account_options options;
    struct config *config;
    struct call_host host;
    struct session *session;
    struct store *store;
    struct crypto *crypto;
    struct outbox *outbox;
    struct admin *admin;
    struct inbox *inbox;
    struct manager *manager;
    struct sync_poll *sync;
    struct autojoin *autojoin;
    const char **names; /* of scripts, for recovery */
    int name_count;
    char *directory;
    manager_loaded_fn *loaded;
    void *loaded_arg;
    loop_fn *stop_done;
    void *stop_arg;
    bool stopping;
    int64_t opened;    /* wall ms */
    int64_t outage_at; /* sync fails since then, wall ms; 0: it does not */
    char outage[512];  /* why */
};

#endif
