#ifndef CALL_MEMBERS_H
#define CALL_MEMBERS_H

#include "call.h"

/* Ends in silence what is under way for member lists. */
void call_members_close(struct call_host *host);

#endif
