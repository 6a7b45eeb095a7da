#include "line_history.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "limits.h"
#include "paths.h"

struct line_history {
    char *path;
    char *last;
};

/* Words whose lines are better forgotten. */
static const char *const delicate[] = {
    "password", "passwd", "secret",        "token",  "recovery key", "syt_",
    "mct_",     "pickle", "authorization", "bearer", "api_key",      "apikey",
    "api-key",  NULL
};

bool line_history_wants(struct slice line)
{
    if (slice_empty(line) || line.ptr[0] == ' ' ||
        line.len > LIMIT_HISTORY_LINE || memchr(line.ptr, '\n', line.len))
        return false;
    char *text = slice_dup(line);
    bool wanted = text != NULL;
    for (int i = 0; wanted && delicate[i]; i++)
        wanted = !strcasestr(text, delicate[i]);
    free(text);
    return wanted;
}

/* The last LIMIT_HISTORY_LINES lines of text. */
static struct slice newest(struct slice text)
{
    int lines = 0;

    while (text.len > 0 && text.ptr[text.len - 1] != '\n')
        text.len--; /* a line that was not written to its end */
    size_t at = text.len;
    while (at > 0) {
        if (text.ptr[at - 1] == '\n' && lines++ == LIMIT_HISTORY_LINES)
            break;
        at--;
    }
    return slice_make(text.ptr + at, text.len - at);
}

static void tell_each(struct slice text, void (*each)(void *, const char *),
                      void *arg)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t length = end ? (size_t)(end - text.ptr) : text.len;
        char *line = slice_dup(slice_make(text.ptr, length));
        if (line && *line)
            each(arg, line);
        free(line);
        length += end != NULL;
        text = slice_make(text.ptr + length, text.len - length);
    }
}

/* Reads what is kept, and makes the file small again. */
static void load(struct line_history *history,
                 void (*each)(void *, const char *), void *arg)
{
    struct buf all;
    struct err err;

    buf_init(&all, LIMIT_HISTORY_FILE * 2);
    if (file_read_regular(history->path, all.max, &all, &err) == 0) {
        struct slice kept = newest(buf_slice(&all));
        tell_each(kept, each, arg);
        if (all.len > LIMIT_HISTORY_FILE || kept.len < all.len / 2)
            file_write_private(history->path, kept, &err);
    } else if (err.kind == ERR_LIMIT) {
        unlink(history->path); /* none that we wrote */
    }
    buf_free(&all);
}

struct line_history *
line_history_open(const char *name, void (*each)(void *arg, const char *line),
                  void *arg)
{
    struct line_history *history = calloc(1, sizeof *history);
    struct buf path;
    struct err err;

    buf_init(&path, LIMIT_PATH);
    if (history && paths_history(name, &path, &err) == 0)
        history->path = slice_dup(buf_slice(&path));
    buf_free(&path);
    if (history && history->path)
        load(history, each, arg);
    return history;
}

void line_history_close(struct line_history *history)
{
    if (!history)
        return;
    free(history->path);
    free(history->last);
    free(history);
}

void line_history_add(struct line_history *history, struct slice line)
{
    struct buf text;
    int fd;

    if (!history || !history->path || !line_history_wants(line) ||
        (history->last && slice_is(line, history->last)))
        return;
    free(history->last);
    history->last = slice_dup(line);
    fd = open(history->path,
              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    /* In one go, so that two programs do not mix their lines. */
    buf_init(&text, LIMIT_HISTORY_LINE + 1);
    buf_add(&text, line);
    if (buf_addc(&text, '\n') == 0 && fchmod(fd, 0600) == 0 &&
        write(fd, text.ptr, text.len) < 0)
        unlink(history->path); /* a full disk: a history can go */
    buf_free(&text);
    close(fd);
}
