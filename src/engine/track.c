#include "track.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"
#include "limits.h"
#include "list.h"

struct file {
    struct list node;
    bool missing;
    unsigned char hash[SHA256_SIZE];
    char path[]; /* as it was opened */
};

struct track {
    struct list files;
    int count;
};

struct track *track_new(void)
{
    struct track *track = calloc(1, sizeof *track);
    if (track) {
        list_init(&track->files);
    }
    return track;
}

void track_free(struct track *track)
{
    if (!track) {
        return;
    }
    list_each_safe(node, &track->files)
    {
        free(list_entry(node, struct file, node));
    }
    free(track);
}

static struct file *find(const struct track *track, const char *path)
{
    list_each(node, &track->files)
    {
        struct file *file = list_entry(node, struct file, node);
        if (strcmp(file->path, path) == 0) {
            return file;
        }
    }
    return NULL;
}

/* The record of path, made as "missing" when there is none yet; NULL when it
 * cannot be kept. */
static struct file *record(struct track *track, const char *path)
{
    struct file *file = find(track, path);
    if (file || track->count == LIMIT_TRACKED_FILES) {
        return file;
    }
    size_t size = strlen(path) + 1;
    file = calloc(1, sizeof *file + size);
    if (file) {
        memcpy(file->path, path, size);
        file->missing = true;
        list_push(&track->files, &file->node);
        track->count++;
    }
    return file;
}

int track_read(struct track *track, const char *path, struct buf *text,
               struct err *err)
{
    size_t before = text->len;
    struct file *file = record(track, path);
    if (!file) {
        return err_set(err, ERR_LIMIT,
                       "cannot read %s: too many files in this script", path);
    }
    if (file_read_regular(path, LIMIT_SCRIPT_FILE, text, err) != 0) {
        return -1;
    }
    if (file->missing) { /* else what was read first is what counts */
        file->missing = false;
        struct slice all = buf_slice(text);
        digest_sha256(slice_make(all.ptr + before, all.len - before),
                      file->hash);
    }
    return 0;
}

void track_missing(struct track *track, const char *path)
{
    record(track, path);
}

int track_count(const struct track *track)
{
    return track->count;
}

static bool differs(const struct file *file, struct buf *text)
{
    unsigned char hash[SHA256_SIZE];
    buf_clear(text);
    if (file_read_regular(file->path, LIMIT_SCRIPT_FILE, text, NULL) != 0) {
        return !file->missing;
    }
    if (file->missing) {
        return true;
    }
    digest_sha256(buf_slice(text), hash);
    return memcmp(hash, file->hash, sizeof hash) != 0;
}

bool track_changed(const struct track *track, struct buf *what)
{
    bool changed = false;
    struct buf text;
    buf_init(&text, LIMIT_SCRIPT_FILE);
    list_each(node, &track->files)
    {
        const struct file *file = list_entry(node, struct file, node);
        if (differs(file, &text)) {
            if (what) {
                buf_adds(what, file->path);
            }
            changed = true;
            break;
        }
    }
    buf_free(&text);
    return changed;
}

uint64_t track_stamp(const struct track *track)
{
    uint64_t stamp = 0;
    struct buf text;
    buf_init(&text, LIMIT_SCRIPT_FILE);
    list_each(node, &track->files)
    {
        const struct file *file = list_entry(node, struct file, node);
        unsigned char hash[SHA256_SIZE] = { 0 };
        uint64_t part;
        buf_clear(&text);
        if (file_read_regular(file->path, LIMIT_SCRIPT_FILE, &text, NULL) ==
            0) {
            digest_sha256(buf_slice(&text), hash);
        }
        memcpy(&part, hash, sizeof part);
        stamp = stamp * 31 + part;
    }
    buf_free(&text);
    return stamp;
}

/* ---- directories ---- */

struct directories {
    char **names;
    size_t count, cap;
};

static void add_directory(struct directories *all, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    struct slice name = !slash     ? slice_str(".")
                        : len == 0 ? slice_str("/")
                                   : slice_make(path, len);
    for (size_t i = 0; i < all->count; i++) {
        if (slice_is(name, all->names[i])) {
            return;
        }
    }
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 8;
        char **names = realloc(all->names, cap * sizeof *names);
        if (!names) {
            return; /* watched by its neighbours, or at the next reload */
        }
        all->names = names;
        all->cap = cap;
    }
    char *copy = slice_dup(name);
    if (copy) {
        all->names[all->count++] = copy;
    }
}

void track_directories(const struct track *track, track_directory_fn *fn,
                       void *arg)
{
    struct directories all = { 0 };
    list_each(node, &track->files)
    {
        const struct file *file = list_entry(node, struct file, node);
        add_directory(&all, file->path);
        struct stat info;
        if (lstat(file->path, &info) != 0 || !S_ISLNK(info.st_mode)) {
            continue;
        }
        char *target = realpath(file->path, NULL);
        if (target) {
            add_directory(&all, target);
        }
        free(target);
    }
    for (size_t i = 0; i < all.count; i++) {
        fn(arg, all.names[i]);
        free(all.names[i]);
    }
    free(all.names);
}
