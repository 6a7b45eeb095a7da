#include "resource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "module.h"

static int check_path(const char *path, struct err *err)
{
    size_t len = strlen(path);
    if (len > 0 && len <= LIMIT_PATH / 2 && path[0] != '/' &&
        !module_leaves(path)) {
        return 0;
    }
    return err_set(err, ERR_MISUSE,
                   "'%s' is not a file below the script's directory", path);
}

/* Both without links in them. */
static bool is_below(const char *file, const char *directory)
{
    size_t len = strlen(directory);
    len -= len > 0 && directory[len - 1] == '/';
    return strncmp(file, directory, len) == 0 && file[len] == '/';
}

/* Where does it lead? errno tells when it cannot be known. */
static int check_links(const char *path, const char *directory, struct err *err)
{
    char *file = realpath(path, NULL);
    int reason = errno;
    char *base = file ? realpath(directory, NULL) : NULL;
    int status = 0;
    if (!file || !base) {
        reason = file ? errno : reason;
        status = err_set(err, ERR_SYSTEM, "cannot read %s: %s", path,
                         strerror(reason));
    } else if (!is_below(file, base)) {
        reason = EACCES;
        status = err_set(err, ERR_DENIED,
                         "cannot read %s: it leads out of the script's "
                         "directory, to %s",
                         path, file);
    }
    free(file);
    free(base);
    errno = reason;
    return status;
}

/* Live code looks again by itself: not finding a file is no part of it. */
static void note_missing(struct generation *generation, const char *path)
{
    bool missing = errno == ENOENT || errno == ENOTDIR;
    if (missing && generation->state == GENERATION_CANDIDATE) {
        track_missing(generation->track, path);
    }
}

int resource_read(struct generation *generation, const char *path,
                  struct buf *out, struct err *err)
{
    const struct generation_world *world = generation->world;
    const char *directory = generation->settings->directory;
    bool here = strcmp(directory, ".") == 0;
    char full[2 * LIMIT_PATH];
    if (check_path(path, err) != 0) {
        return -1;
    }
    snprintf(full, sizeof full, "%s%s%s", here ? "" : directory,
             here ? "" : "/", path);
    if (check_links(full, directory, err) != 0) {
        note_missing(generation, full);
        return -1;
    }
    int before = track_count(generation->track);
    int status = track_read(generation->track, full, out, err);
    if (track_count(generation->track) != before && world->reads &&
        generation->state == GENERATION_LIVE) {
        world->reads(world->arg);
    }
    return status;
}
