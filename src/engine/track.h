#ifndef TRACK_H
#define TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* The files a generation is made of: what it read, with hashes, and what it
 * looked for in vain, so that a module that appears counts as a change. */
struct track;

struct track *track_new(void); /* returns owned, NULL when out of memory */
void track_free(struct track *track);
/* Reads the whole file (LIMIT_SCRIPT_FILE) and records path and hash; a file
 * that cannot be read is recorded as missing. 0 or -1. */
int track_read(struct track *track, const char *path, struct buf *text,
               struct err *err);
/* Records that path was tried and was not there. */
void track_missing(struct track *track, const char *path);
/* How many files were recorded, missing ones too. */
int track_count(const struct track *track);
/* Reads everything again: does anything differ from what was recorded? The
 * first changed path is copied to *what when what is not NULL. */
bool track_changed(const struct track *track, struct buf *what);
/* A number for what the files hold now: another when one of them changes,
 * appears or goes. */
uint64_t track_stamp(const struct track *track);
/* Each distinct directory of recorded files, and of what links among them
 * point to. */
typedef void track_directory_fn(void *arg, const char *directory);
void track_directories(const struct track *track, track_directory_fn *fn,
                       void *arg);

#endif
