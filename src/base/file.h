#ifndef FILE_H
#define FILE_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "slice.h"

/* Whole files, read and written. On failure errno, too, says why. */

/* Appends the file's bytes to out, which is as before on failure. ERR_LIMIT
 * for more than max bytes, ERR_SYSTEM for the rest. */
int file_read(const char *path, size_t max, struct buf *out, struct err *err);
/* The same, but never waits: what is no regular file is refused. For whatever
 * is read while the loop runs. */
int file_read_regular(const char *path, size_t max, struct buf *out,
                      struct err *err);

/* Replaces or makes the file, mode 0600 whatever the umask is. After a crash
 * it holds the old or the new bytes whole; on return the new ones are on the
 * disk. A link at path is replaced, not followed. */
int file_write_private(const char *path, struct slice bytes, struct err *err);

/* Makes the directory and those above it that are missing, with mode 0700;
 * those that exist are left as they are. */
int file_make_private_dir(const char *path, struct err *err);

/* 0 when only the owner can read and write the file or directory; else -1
 * with ERR_CONFIG naming the chmod to run, or ERR_SYSTEM. What lies in
 * systemd's $CREDENTIALS_DIRECTORY is private by what its access list says,
 * which the mode bits do not show: always 0. */
int file_check_private(const char *path, struct err *err);

#endif
