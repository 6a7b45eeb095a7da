#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The pid another process wrote, 0 when it is not (yet) there. */
static long read_pid(int fd)
{
    char text[32];
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return strtol(text, NULL, 10);
}

static int write_pid(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0)
        return -1;
    return pwrite(fd, text, (size_t)len, 0) == len ? 0 : -1;
}

static int in_use(int fd, const char *directory, struct err *err)
{
    long pid = read_pid(fd);
    if (pid > 0)
        return err_set(err, ERR_DENIED,
                       "account folder %s is in use by process %ld", directory,
                       pid);
    return err_set(err, ERR_DENIED,
                   "account folder %s is in use by another process", directory);
}

/* flock and not fcntl: closing another descriptor of the file, or opening the
 * folder twice in one process, must not lose the lock. */
static int lock_file(int fd, const char *directory, struct err *err)
{
    int status;
    do
        status = flock(fd, LOCK_EX | LOCK_NB);
    while (status < 0 && errno == EINTR);
    if (status < 0 && errno == EWOULDBLOCK)
        return in_use(fd, directory, err);
    if (status < 0 || write_pid(fd) < 0)
        return err_set(err, ERR_STORE, "cannot lock account folder %s: %s",
                       directory, strerror(errno));
    return 0;
}

int store_lock_take(const char *directory, struct err *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/lock", directory) < 0)
        return err_set(err, ERR_SYSTEM,
                       "cannot lock account folder %s: out of memory",
                       directory);
    int fd = -1;
    int status = store_file_private(path, err);
    if (status == 0)
        fd = open(path, O_RDWR | O_CLOEXEC);
    if (status == 0 && fd < 0)
        status = err_set(err, ERR_STORE, "cannot open %s: %s", path,
                         strerror(errno));
    if (status == 0)
        status = lock_file(fd, directory, err);
    free(path);
    if (status < 0 && fd >= 0)
        close(fd);
    return status < 0 ? -1 : fd;
}
