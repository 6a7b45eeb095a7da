#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"
#include "loop_uv.h"
#include "slice.h"

#define NEWS                                                                   \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |    \
     IN_DELETE_SELF | IN_MOVE_SELF)

struct directory {
    char *path;
    int wd;     /* -1: none */
    bool exact; /* wd is this directory, not one above it */
};

struct watch {
    struct loop *loop;
    loop_fn *fn, *soon;
    void *arg;
    bool poll_always;
    bool told; /* the log knows that we poll */
    int fd;    /* inotify, -1: none */
    struct poll *poll;
    struct directory *directories;
    int count;
    struct timer *quiet;    /* running: something has happened */
    int64_t first;          /* when it began to */
    struct timer *complete; /* running: a file is complete */
    struct timer *every;    /* running: we poll */
};

/* What a burst of events amounts to; a file is complete once it was closed
 * after writing, or moved into place. */
enum news { NEWS_NONE, NEWS_SOME, NEWS_COMPLETE, NEWS_OVERFLOW };

/* The owner may stop or set the watch in fn: nothing may follow it. */
static void tell(struct watch *watch)
{
    timer_cancel(watch->quiet);
    watch->quiet = NULL;
    watch->fn(watch->arg);
}

static void on_quiet(void *arg)
{
    struct watch *watch = arg;
    watch->quiet = NULL;
    tell(watch);
}

static void on_every(void *arg)
{
    struct watch *watch = arg;
    watch->every =
        timer_start(watch->loop, LIMIT_WATCH_POLL_MS, on_every, watch, NULL);
    tell(watch);
}

static void note(struct watch *watch)
{
    int64_t now = loop_now(watch->loop);
    if (!watch->quiet)
        watch->first = now;
    int64_t wait = watch->first + LIMIT_WATCH_MOST_MS - now;
    if (wait > LIMIT_WATCH_QUIET_MS)
        wait = LIMIT_WATCH_QUIET_MS;
    timer_cancel(watch->quiet);
    watch->quiet = timer_start(watch->loop, wait, on_quiet, watch, NULL);
    if (!watch->quiet) /* no memory for a pause: then without one */
        tell(watch);
}

static void on_complete(void *arg)
{
    struct watch *watch = arg;
    watch->complete = NULL;
    watch->soon(watch->arg);
}

static void note_complete(struct watch *watch)
{
    if (watch->soon && !watch->complete)
        watch->complete = timer_start(watch->loop, LIMIT_WATCH_SOON_MS,
                                      on_complete, watch, NULL);
}

static void refused(struct watch *watch, const char *path, const char *why)
{
    if (watch->told)
        return;
    watch->told = true;
    log_warn("cannot watch %s: %s; looking for changes every %d ms instead",
             path, why, LIMIT_WATCH_POLL_MS);
}

/* These take inotify watches, but tell nothing of what other hosts do. */
static bool is_silent(const char *path)
{
    static const unsigned int silent[] = {
        0x6969,     /* nfs */
        0xFE534D42, /* smb2 */
        0xFF534D42, /* cifs */
        0x517B,     /* smb */
        0x65735546, /* fuse, virtiofs */
        0x01021997, /* 9p */
        0x00C36400, /* ceph */
        0x786F4256, /* vboxsf */
        0x5346414F, /* afs */
        0x73757245, /* coda */
    };
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return false;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        if ((unsigned int)fs.f_type == silent[i])
            return true;
    }
    return false;
}

/* Cuts path back to the directory above; false when there is none. */
static bool go_up(char *path)
{
    size_t len = strlen(path);
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0)
        path[len++] = '.';
    path[len] = '\0';
    return true;
}

/* Watches the directory, or the nearest one above it that is there. Asking
 * again for one that is watched changes nothing. Returns false when only
 * polling will do. */
static bool arm(struct watch *watch, struct directory *directory)
{
    char *path = slice_dup(slice_str(directory->path));
    directory->wd = -1;
    directory->exact = true;
    bool absent = path != NULL;
    while (absent) {
        directory->wd = inotify_add_watch(watch->fd, path, NEWS | IN_ONLYDIR);
        absent = directory->wd < 0 && (errno == ENOENT || errno == ENOTDIR);
        if (!absent || !go_up(path))
            break;
        directory->exact = false;
    }
    bool ok = directory->wd >= 0 && !is_silent(path);
    if (directory->wd < 0)
        refused(watch, directory->path, strerror(path ? errno : ENOMEM));
    else if (!ok)
        refused(watch, directory->path,
                "this file system does not tell of all changes");
    free(path);
    return ok;
}

static bool is_watched(const struct watch *watch, int wd, bool exact)
{
    for (int i = 0; i < watch->count; i++) {
        const struct directory *directory = &watch->directories[i];
        if (directory->wd == wd && (directory->exact || !exact))
            return true;
    }
    return false;
}

static void set_polling(struct watch *watch, bool on)
{
    if (on && !watch->every)
        watch->every = timer_start(watch->loop, LIMIT_WATCH_POLL_MS, on_every,
                                   watch, NULL);
    if (!on) {
        timer_cancel(watch->every);
        watch->every = NULL;
    }
}

/* Watches what the paths mean now; returns whether that has changed. Done
 * after every burst, since a path can get a new meaning by a link above it, by
 * its removal, its return or its appearance. */
static bool arm_all(struct watch *watch)
{
    bool changed = false, polling = watch->poll_always || watch->fd < 0;
    for (int i = 0; i < watch->count && watch->fd >= 0; i++) {
        struct directory *directory = &watch->directories[i];
        int old = directory->wd;
        polling |= !arm(watch, directory);
        if (directory->wd == old)
            continue;
        changed = true;
        if (old >= 0 && !is_watched(watch, old, false))
            inotify_rm_watch(watch->fd, old);
    }
    set_polling(watch, polling);
    return changed;
}

/* Of a directory that is watched for one below it, only a change in what the
 * path means is news: the nearest one may be /tmp. */
static enum news read_events(struct watch *watch)
{
    enum news news = NEWS_NONE;
    _Alignas(struct inotify_event) char bytes[4096];
    for (int round = 0; round < LIMIT_WATCH_DRAIN; round++) {
        ssize_t len = read(watch->fd, bytes, sizeof bytes);
        if (len <= 0)
            break;
        const struct inotify_event *event;
        for (char *p = bytes; p < bytes + len;
             p += sizeof *event + event->len) {
            event = (const void *)p;
            if (event->mask & IN_Q_OVERFLOW)
                return NEWS_OVERFLOW;
            if (!(event->mask & (NEWS | IN_UNMOUNT)) ||
                !is_watched(watch, event->wd, true))
                continue;
            if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
                news = NEWS_COMPLETE;
            else if (news == NEWS_NONE)
                news = NEWS_SOME;
        }
    }
    return news;
}

static void on_events(void *arg, int ready)
{
    struct watch *watch = arg;
    if (ready & POLL_ERROR) {
        poll_stop(watch->poll);
        watch->poll = NULL;
        refused(watch, "directories", "inotify failed");
        set_polling(watch, watch->poll_always = true);
        return;
    }
    enum news news = read_events(watch);
    bool changed = arm_all(watch);
    if (news == NEWS_COMPLETE)
        note_complete(watch);
    if (news == NEWS_OVERFLOW)
        tell(watch);
    else if (news != NEWS_NONE || changed)
        note(watch);
}

/* Without inotify there is polling, so this cannot fail. */
static void open_inotify(struct watch *watch)
{
    struct err err;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        refused(watch, "directories", strerror(errno));
        return;
    }
    watch->poll =
        poll_start(watch->loop, watch->fd, POLL_READ, on_events, watch, &err);
    if (watch->poll)
        return;
    refused(watch, "directories", err.text);
    close(watch->fd);
    watch->fd = -1;
}

struct watch *watch_start(struct loop *loop, bool poll, loop_fn *fn,
                          loop_fn *soon, void *arg, struct err *err)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        err_set(err, ERR_SYSTEM, "cannot watch files: out of memory");
        return NULL;
    }
    watch->loop = loop;
    watch->fn = fn;
    watch->soon = soon;
    watch->arg = arg;
    watch->poll_always = poll;
    watch->fd = -1;
    if (!poll)
        open_inotify(watch);
    set_polling(watch, poll || watch->fd < 0);
    return watch;
}

static void free_directories(struct directory *directories, int count)
{
    for (int i = 0; i < count; i++)
        free(directories[i].path);
    free(directories);
}

static struct directory *copy_directories(const char *const *paths, int count)
{
    struct directory *copy = calloc((size_t)count + 1, sizeof *copy);
    for (int i = 0; copy && i < count; i++) {
        copy[i].wd = -1;
        copy[i].path = slice_dup(slice_str(paths[i]));
        if (!copy[i].path) {
            free_directories(copy, i);
            return NULL;
        }
    }
    return copy;
}

void watch_set(struct watch *watch, const char *const *directories, int count)
{
    bool too_many = count > LIMIT_WATCH_DIRECTORIES;
    struct directory *new =
        too_many ? NULL : copy_directories(directories, count);
    if (!new) {
        refused(watch, "directories", too_many ? "too many" : "out of memory");
        set_polling(watch, watch->poll_always = true);
        return;
    }
    struct directory *old = watch->directories;
    int old_count = watch->count;
    watch->directories = new;
    watch->count = count;
    arm_all(watch);
    for (int i = 0; i < old_count; i++) {
        if (old[i].wd >= 0 && !is_watched(watch, old[i].wd, false))
            inotify_rm_watch(watch->fd, old[i].wd);
    }
    free_directories(old, old_count);
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    timer_cancel(watch->quiet);
    timer_cancel(watch->complete);
    timer_cancel(watch->every);
    poll_stop(watch->poll);
    if (watch->fd >= 0)
        close(watch->fd);
    free_directories(watch->directories, watch->count);
    free(watch);
}
