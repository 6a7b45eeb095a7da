#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* What a server can do, read from GET /_matrix/client/versions. A feature is
 * there when its version is, or its stable flag. Versions compare as numbers.
 */
struct features {
    int major, minor; /* newest "vX.Y" announced */
    struct buf flags; /* raw unstable_features object */
};
void features_init(struct features *features);
void features_free(struct features *features);
/* body: the reply. -1 with ERR_JSON when it is no versions reply. Announcing
 * only r0.* is ERR_UNSUPPORTED. */
int features_read(struct features *features, struct slice body,
                  struct err *err);
bool features_version(const struct features *features, int major, int minor);
bool features_flag(const struct features *features, const char *flag);

#endif
