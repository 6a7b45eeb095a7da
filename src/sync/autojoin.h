#ifndef AUTOJOIN_H
#define AUTOJOIN_H

#include "err.h"
#include "loop.h"
#include "session.h"
#include "store.h"

/* Accepts invites, as far as the account's configuration allows: of nobody,
 * of its admins, or of everybody. The inviter is the sender of our own
 * m.room.member in the invite. A join has no transaction id, so no try is
 * repeated by itself; while the store says that we are invited there is
 * another one, with back-off, up to LIMIT_JOIN_TRIES. One at a time. */
struct autojoin;

enum autojoin_mode { AUTOJOIN_NEVER, AUTOJOIN_ADMINS, AUTOJOIN_INVITED };
/* "never" "admins" "invited": 0, else -1. */
int autojoin_parse(const char *name, enum autojoin_mode *mode);

struct autojoin_config {
    struct loop *loop;
    struct store *store;
    struct session *session; /* logged in */
    enum autojoin_mode mode;
    const char *const *admins; /* user ids; copied */
    int admin_count;
    /* err NULL: joined. Else the first failure of this invite, or (gave_up)
     * the last. */
    void (*told)(void *arg, const char *room_id, const char *inviter,
                 const struct err *err, bool gave_up);
    void *arg;
};
/* Borrows all but admins. Returns owned. */
struct autojoin *autojoin_new(const struct autojoin_config *config,
                              struct err *err);
void autojoin_free(struct autojoin *autojoin);
/* There may be new invites: to be called at start and after each commit of
 * sync. */
void autojoin_look(struct autojoin *autojoin);

#endif
