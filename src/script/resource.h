#ifndef RESOURCE_H
#define RESOURCE_H

#include "generation.h"

/* bot:resource: the bytes of a file below the script's directory, appended to
 * out. Part of what the generation is made of from then on: when it changes
 * the watcher reloads the script, as for a module. So does a file that was
 * looked for while loading, when it appears. Links are followed, but not out
 * of the directory. 0, or -1: ERR_MISUSE for a path that is not below it,
 * ERR_DENIED for a link that leaves it, ERR_LIMIT beyond LIMIT_RESOURCE,
 * ERR_SYSTEM. */
int resource_read(struct generation *generation, const char *path,
                  struct buf *out, struct err *err);

#endif
