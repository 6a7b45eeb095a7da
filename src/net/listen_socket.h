#ifndef LISTEN_SOCKET_H
#define LISTEN_SOCKET_H

#include <stdbool.h>

#include "err.h"

#define LISTEN_SOCKET_NAME 80

/* A socket that listens on "127.0.0.1:9008", "[::1]:0" or "localhost:80".
 * name: what it was bound to. Returns the descriptor, or -1 with ERR_CONFIG. */
int listen_socket_open(const char *address, char name[LISTEN_SOCKET_NAME],
                       bool *loopback, struct err *err);

#endif
