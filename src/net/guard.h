#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "slice.h"

/* Which addresses plain HTTP of scripts may connect to: those of the public
 * internet. Private, shared, loopback, link-local, multicast, documentation
 * and other special ones are not, nor IPv6 addresses that stand for such an
 * IPv4 address. */

bool guard_is_public(const struct sockaddr *address);
/* The host of a URL or the text of an address: false for an address that is
 * not public and for localhost; true for every other name, which has to be
 * judged by what it resolves to. */
bool guard_host_is_public(struct slice host);

#endif
