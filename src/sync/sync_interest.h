#ifndef SYNC_INTEREST_H
#define SYNC_INTEREST_H

#include <stdbool.h>

#include "event.h"
#include "slice.h"

/* What the scripts of an account want to hear, asked by sync, answered by
 * the script layer (manager.c). `section` is one of store_event's names. */
struct sync_occasion {
    const char *section;  /* "timeline" "invite" "knock" "ephemeral" ... */
    struct slice room_id; /* "" outside rooms */
    const struct event *event;
    bool own;     /* the account itself sent it */
    bool history; /* older than catch_up, or before we joined */
};
typedef void sync_script_fn(void *arg, const char *script);
typedef void sync_type_fn(void *arg, const char *section, struct slice type);
struct sync_interest {
    void *arg;
    /* Calls add for each script with a matching registration. */
    void (*match)(void *arg, const struct sync_occasion *occasion,
                  sync_script_fn *add, void *add_arg);
    /* Calls add for each (section, exact type) somebody registered for;
     * short names are told as the types behind them. Section "passing":
     * timelines, while somebody waits for it; its state is not kept. */
    void (*types)(void *arg, sync_type_fn *add, void *add_arg);
};

#endif
