#ifndef ADMIN_H
#define ADMIN_H

#include "err.h"
#include "outbox.h"
#include "session.h"

/* What the host itself tells the account's admin_room: notices, in order,
 * through the outbox. An alias is looked up when first needed. */
struct admin;

/* room: an ID or alias, copied; NULL: there is none and telling does nothing.
 * Borrows session and outbox. Returns owned. */
struct admin *admin_new(struct session *session, struct outbox *outbox,
                        const char *room, struct err *err);
/* Notices already in the outbox go out all the same. */
void admin_free(struct admin *admin);
/* Text is copied. A failure is logged, with the text. */
void admin_tell(struct admin *admin, const char *text);

#endif
