#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 4096

static void close_quietly(int fd)
{
    int kept = errno;
    close(fd);
    errno = kept;
}

static int out_of_memory(const char *attempt, const char *path, struct err *err)
{
    errno = ENOMEM;
    return err_set(err, ERR_SYSTEM, "cannot %s %s: out of memory", attempt,
                   path);
}

static int failed(const char *attempt, const char *path, struct err *err)
{
    return err_set(err, ERR_SYSTEM, "cannot %s %s: %s", attempt, path,
                   strerror(errno));
}

/* Reads to the end, or one byte past max: files grow, and pipes have no
 * size. */
static int read_all(int fd, size_t max, struct buf *out)
{
    size_t start = out->len;
    for (;;) {
        size_t have = out->len - start;
        size_t want = max - have < READ_STEP ? max - have + 1 : READ_STEP;
        char step[READ_STEP + 1];
        ssize_t got = read(fd, step, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        if ((size_t)got > max - have) {
            errno = EFBIG;
            return -1;
        }
        if (buf_add(out, slice_make(step, (size_t)got)) < 0) {
            errno = out->no_memory ? ENOMEM : EFBIG;
            return -1;
        }
    }
}

static int read_fd(int fd, const char *path, size_t max, struct buf *out,
                   struct err *err)
{
    size_t start = out->len;
    int status = read_all(fd, max, out);
    close_quietly(fd);
    if (status == 0)
        return 0;
    buf_truncate(out, start);
    if (errno != EFBIG)
        return failed("read", path, err);
    size_t room = out->max - start;
    return err_set(err, ERR_LIMIT,
                   "cannot read %s: it is larger than the limit of %zu bytes",
                   path, max < room ? max : room);
}

int file_read(const char *path, size_t max, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? failed("read", path, err)
                  : read_fd(fd, path, max, out, err);
}

int file_read_regular(const char *path, size_t max, struct buf *out,
                      struct err *err)
{
    /* Opening a pipe waits for a writer, too. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st = { 0 };
    if (fd < 0)
        return failed("read", path, err);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return read_fd(fd, path, max, out, err);
    bool directory = S_ISDIR(st.st_mode);
    close(fd);
    errno = directory ? EISDIR : EACCES;
    return err_set(err, ERR_SYSTEM, "cannot read %s: it is not a file", path);
}

/* Returns owned: the path of the directory that path is in, or NULL. */
static char *parent_of(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return slice_dup(len ? slice_make(path, len) : slice_str("."));
}

/* Makes a name in the directory above path outlive a power cut. */
static int sync_parent(const char *path)
{
    char *parent = parent_of(path);
    if (!parent) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    if (fd < 0)
        return -1;
    int status = fsync(fd);
    /* Some network file systems cannot, and say so with EINVAL. */
    if (status < 0 && errno == EINVAL)
        status = 0;
    close_quietly(fd);
    return status;
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes = slice_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return 0;
}

int file_write_private(const char *path, struct slice bytes, struct err *err)
{
    struct buf temp;
    buf_init(&temp, strlen(path) + 16);
    if (buf_addf(&temp, "%s.XXXXXX", path) < 0)
        return out_of_memory("write", path, err);
    int fd = mkostemp(temp.ptr, O_CLOEXEC);
    if (fd < 0)
        goto fail;
    if (fchmod(fd, 0600) < 0 || write_all(fd, bytes) < 0 || fsync(fd) < 0) {
        close_quietly(fd);
        goto fail_unlink;
    }
    if (close(fd) < 0 || rename(temp.ptr, path) < 0)
        goto fail_unlink;
    if (sync_parent(path) < 0)
        goto fail;
    buf_free(&temp);
    return 0;
fail_unlink:;
    int kept = errno;
    unlink(temp.ptr);
    errno = kept;
fail:
    failed("write", path, err);
    buf_free(&temp);
    return -1;
}

/* 1 when it made the directory, 0 when there was one. */
static int make_one(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return sync_parent(path) < 0 ? -1 : 1;
    if (errno != EEXIST || stat(path, &st) < 0)
        return -1;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode) ? 0 : -1;
}

int file_make_private_dir(const char *path, struct err *err)
{
    char *part = slice_dup(slice_str(path));
    if (!part)
        return out_of_memory("make directory", path, err);
    struct stat st;
    /* What exists is passed over by stat: a parent one cannot write to, or a
     * read-only file system, answers mkdir with other errors than EEXIST. */
    for (char *p = part + 1; *part && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        if (stat(part, &st) < 0 && make_one(part) < 0) {
            failed("make directory", part, err);
            free(part);
            return -1;
        }
        *p = '/';
    }
    free(part);
    return make_one(path) < 0 ? failed("make directory", path, err) : 0;
}

static bool is_credential(const char *path)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    size_t len = dir ? strlen(dir) : 0;
    return len > 0 && strncmp(path, dir, len) == 0 && path[len] == '/' &&
           !strstr(path + len, "/../");
}

/* The path as one word of a shell. */
static int add_quoted(struct buf *out, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"
                                "0123456789_./@%+=:,-";
    if (*path && *path != '-' && path[strspn(path, plain)] == '\0')
        return buf_adds(out, path);
    buf_adds(out, *path == '-' ? "'./" : "'");
    for (; *path; path++)
        buf_adds(out, *path == '\'' ? "'\\''" : (char[]) { *path, '\0' });
    return buf_addc(out, '\'');
}

int file_check_private(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return failed("use", path, err);
    if ((st.st_mode & 066) == 0 || is_credential(path))
        return 0;
    struct buf word;
    buf_init(&word, 4 * strlen(path) + 8);
    if (add_quoted(&word, path) < 0) {
        buf_free(&word);
        return out_of_memory("use", path, err);
    }
    errno = EPERM;
    err_set(err, ERR_CONFIG,
            "cannot use %s: other users can %s it (mode %04o); run: chmod %s "
            "%s",
            path, st.st_mode & 044 ? "read" : "write",
            (unsigned int)(st.st_mode & 07777),
            S_ISDIR(st.st_mode) ? "700" : "600", word.ptr);
    buf_free(&word);
    return -1;
}
