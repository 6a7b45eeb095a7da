#ifndef URL_H
#define URL_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Percent-encodes every byte but A-Za-z0-9-._~. */
int url_encode(struct slice text, struct buf *out);
/* Appends pattern with each {} replaced by the next slice, encoded as one
 * segment: url_path(out, "/rooms/{}/send/{}", 2, room, type). A segment that
 * is "." or ".." is encoded too. */
int url_path(struct buf *out, const char *pattern, int count, ...);
/* Appends key=value, encoded, with & between. */
int url_query(struct buf *out, struct slice key, struct slice value);
/* "https://example.org" from a base URL a person or server gave: scheme http
 * or https, a host, no user, query or fragment; a trailing slash is cut, a path
 * is kept. */
int url_check_base(struct slice url, struct buf *out, struct err *err);
/* "host:port" of an absolute URL, for messages; empty when it has none. */
struct slice url_authority(struct slice url);
/* Is the URL's host loopback (localhost, 127.0.0.0/8, [::1])? */
bool url_is_loopback(struct slice url);

#endif
