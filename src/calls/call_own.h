#ifndef CALL_OWN_H
#define CALL_OWN_H

#include "call.h"
#include "err.h"
#include "slice.h"

/* What a script may not ask of the homeserver in the name of the bot's own
 * account: whatever reads or changes the login, and sending in clear into an
 * encrypted room. path: encoded, from "/_matrix" on; body: JSON text, may be
 * absent. 0, or -1 with *err of kind denied or unsupported. */
int call_own_check(const struct call_host *host, const char *method,
                   struct slice path, struct slice body, struct err *err);

#endif
