#ifndef REQUEST_NAME_H
#define REQUEST_NAME_H

#include <stddef.h>

#include "slice.h"

/* What a request is called in messages: "PUT /rooms/!a:b/send/m.room.message",
 * cut to size: without what all paths begin with, without the transaction id,
 * printable ASCII decoded. path is encoded and has no query. */
void request_name(const char *method, struct slice path, char *out,
                  size_t size);

#endif
