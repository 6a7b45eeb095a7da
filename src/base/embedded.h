#ifndef EMBEDDED_H
#define EMBEDDED_H

#include <stddef.h>

/* The Lua files under lua/, compiled in by cmake/embed.cmake. The table ends
 * with a row whose module is NULL. */
struct embedded_file {
    const char *module; /* "matrix.room" */
    const char *path;   /* "matrix/room.lua", for chunk names */
    const char *text;   /* NUL-terminated for convenience, not in size */
    size_t size;
};

extern const struct embedded_file matrix_files[];     /* in engine */
extern const struct embedded_file homeserver_files[]; /* in offline */
extern const struct embedded_file templates_files[];  /* in app */

#endif
