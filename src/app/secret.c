#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"

#define COMMAND_WORDS 32
#define CHILD_LOOK_MS 5 /* between two looks whether it has ended */

/* Cuts the line end a text file has, and keeps the secret out of the log. */
static int finish(struct buf *out, size_t start, const char *name,
                  struct err *err)
{
    if (out->len > start && out->ptr[out->len - 1] == '\n')
        buf_truncate(out, out->len - 1);
    if (out->len > start && out->ptr[out->len - 1] == '\r')
        buf_truncate(out, out->len - 1);
    if (out->len == start)
        return err_set(err, ERR_CONFIG, "secret %s is empty", name);
    if (log_add_secret(slice_make(out->ptr + start, out->len - start)) != 0)
        return err_set(err, ERR_LIMIT, "cannot keep secret %s: out of memory",
                       name);
    return 0;
}

static void wipe(struct buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->cap);
    buf_free(buf);
}

int secret_path(const char *path, struct buf *out, struct err *err)
{
    size_t start = out->len;

    if (file_check_private(path, err) != 0 ||
        file_read(path, LIMIT_SECRET_FILE, out, err) != 0) {
        err->kind = ERR_CONFIG;
        return -1;
    }
    return finish(out, start, path, err);
}

/* Is there a file at directory/middle/name? Its path replaces path. */
static bool find_in(const char *directory, const char *middle, const char *name,
                    struct buf *path)
{
    buf_clear(path);
    return directory && *directory &&
           buf_addf(path, "%s%s/%s", directory, middle, name) == 0 &&
           access(buf_str(path), F_OK) == 0;
}

int secret_file(const char *name, const char *directory, struct buf *out,
                struct err *err)
{
    struct buf path;
    int result;

    if (name[0] == '/')
        return secret_path(name, out, err);
    if (*name == '\0' || strstr(name, ".."))
        return err_set(err, ERR_CONFIG, "'%s' cannot name a secret", name);
    buf_init(&path, LIMIT_PATH);
    if (find_in(getenv("CREDENTIALS_DIRECTORY"), "", name, &path) ||
        find_in(directory, "/secrets", name, &path))
        result = secret_path(buf_str(&path), out, err);
    else
        result = err_set(err, ERR_CONFIG,
                         "there is no secret '%s': looked for a file in "
                         "$CREDENTIALS_DIRECTORY and %s/secrets",
                         name, directory);
    buf_free(&path);
    return result;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until there is something to read. until: now_ms, -1 for ever. */
static bool wait_for(int fd, int64_t until)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    int64_t left;
    int n;

    do {
        left = until < 0 ? -1 : until - now_ms();
        if (until >= 0 && left <= 0)
            return false;
        n = poll(&ready, 1, (int)left);
    } while (n == 0 || (n < 0 && errno == EINTR));
    return true;
}

static int too_slow(const char *name, struct err *err)
{
    return err_set(err, ERR_CONFIG, "the command of secret %s takes too long",
                   name);
}

static int read_all(const char *name, int fd, int64_t until, struct buf *out,
                    struct err *err)
{
    char chunk[1024];
    ssize_t n;
    size_t start = out->len;

    for (;;) {
        if (!wait_for(fd, until))
            return too_slow(name, err);
        n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            break;
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return err_set(err, ERR_CONFIG,
                           "cannot read secret %s from descriptor %d: %s", name,
                           fd, strerror(errno));
        if (out->len - start + (size_t)n > LIMIT_SECRET_FILE ||
            buf_add(out, slice_make(chunk, (size_t)n)) != 0)
            return err_set(err, ERR_CONFIG,
                           "secret %s is larger than %zu bytes", name,
                           LIMIT_SECRET_FILE);
    }
    explicit_bzero(chunk, sizeof chunk);
    return finish(out, start, name, err);
}

static void run_child(int output, char **words)
{
    int none = open("/dev/null", O_RDONLY);

    if (none >= 0)
        dup2(none, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execvp(words[0], words);
    _exit(127);
}

/* What descriptors gave: they can be read once. */
static struct {
    int fd; /* 0: free */
    struct buf bytes;
} given[LIMIT_SECRET_FDS];

static int read_fd(const char *name, int fd, struct buf *out, struct err *err)
{
    int i = 0;

    while (i < LIMIT_SECRET_FDS && given[i].fd && given[i].fd != fd)
        i++;
    if (i == LIMIT_SECRET_FDS)
        return err_set(err, ERR_CONFIG,
                       "cannot read secret %s: at most %d come from "
                       "descriptors",
                       name, LIMIT_SECRET_FDS);
    if (!given[i].fd) {
        buf_init(&given[i].bytes, LIMIT_SECRET_FILE);
        if (read_all(name, fd, -1, &given[i].bytes, err) != 0) {
            wipe(&given[i].bytes);
            return -1;
        }
        given[i].fd = fd;
        close(fd);
    }
    buf_add(out, buf_slice(&given[i].bytes));
    return buf_check(out, name, err);
}

void secret_forget(void)
{
    for (int i = 0; i < LIMIT_SECRET_FDS; i++) {
        wipe(&given[i].bytes);
        given[i].fd = 0;
    }
}

/* It may go on after it has printed. False: it had to be killed. */
static bool end_child(pid_t child, int64_t until, int *status)
{
    pid_t ended;

    while ((ended = waitpid(child, status, WNOHANG)) == 0 && now_ms() < until)
        poll(NULL, 0, CHILD_LOOK_MS);
    if (ended != 0)
        return true;
    kill(child, SIGKILL);
    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        continue;
    return false;
}

static int run_command(const char *name, char **words, int64_t ms,
                       struct buf *out, struct err *err)
{
    int64_t until = now_ms() + ms;
    int ends[2], status = 0, result;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(err, ERR_CONFIG,
                       "cannot run the command of secret %s: %s", name,
                       strerror(errno));
    child = fork();
    if (child == 0)
        run_child(ends[1], words);
    close(ends[1]);
    result = child < 0 ? err_set(err, ERR_CONFIG,
                                 "cannot run the command of secret %s: %s",
                                 name, strerror(errno))
                       : read_all(name, ends[0], until, out, err);
    close(ends[0]);
    if (child < 0)
        return result;
    bool ended = end_child(child, result == 0 ? until : 0, &status);
    if (result == 0 && !ended)
        result = too_slow(name, err);
    else if (result == 0 && status != 0)
        result =
            err_set(err, ERR_CONFIG, "the command of secret %s (%s) failed",
                    name, words[0]);
    return result;
}

/* What commands printed, while it is kept. */
struct printed {
    struct printed *next;
    char *command; /* JSON */
    struct buf bytes;
};
static struct {
    bool on;
    struct printed *first;
} kept;

void secret_keep_begin(void)
{
    kept.on = true;
}

void secret_keep_end(void)
{
    while (kept.first) {
        struct printed *printed = kept.first;
        kept.first = printed->next;
        wipe(&printed->bytes);
        free(printed->command);
        free(printed);
    }
    kept.on = false;
}

static const struct printed *find_printed(struct slice command)
{
    struct printed *printed = kept.first;

    while (printed && !slice_is(command, printed->command))
        printed = printed->next;
    return printed;
}

static int keep(struct slice command, struct slice bytes, struct err *err)
{
    struct printed *printed = calloc(1, sizeof *printed);

    if (printed) {
        buf_init(&printed->bytes, LIMIT_SECRET_FILE);
        printed->command = slice_dup(command);
    }
    if (!printed || !printed->command || buf_add(&printed->bytes, bytes) != 0) {
        if (printed) {
            wipe(&printed->bytes);
            free(printed->command);
        }
        free(printed);
        return err_set(err, ERR_LIMIT, "cannot keep a secret: out of memory");
    }
    printed->next = kept.first;
    kept.first = printed;
    return 0;
}

static int run_words(const char *name, struct slice list, int64_t ms,
                     struct buf *out, struct err *err)
{
    char *words[COMMAND_WORDS + 1] = { NULL };
    int n = 0, result = -1;
    struct json_iter it = json_iter(list);

    while (json_next(&it)) {
        if (n == COMMAND_WORDS ||
            !(words[n] = json_dup(it.value, LIMIT_PATH))) {
            err_set(err, ERR_CONFIG,
                    "the command of secret %s must be a list of at most %d "
                    "strings",
                    name, COMMAND_WORDS);
            goto out;
        }
        n++;
    }
    if (n == 0)
        err_set(err, ERR_CONFIG, "the command of secret %s is empty", name);
    else
        result = run_command(name, words, ms, out, err);
out:
    while (n > 0)
        free(words[--n]);
    return result;
}

static int read_command(const char *name, struct slice list, int64_t ms,
                        struct buf *out, struct err *err)
{
    const struct printed *printed = find_printed(list);
    size_t start = out->len;

    if (printed) {
        buf_add(out, buf_slice(&printed->bytes));
        return buf_check(out, name, err);
    }
    if (run_words(name, list, ms, out, err) != 0)
        return -1;
    return kept.on
               ? keep(list, slice_make(out->ptr + start, out->len - start), err)
               : 0;
}

int secret_read(const char *name, struct slice value, const char *directory,
                int64_t ms, struct buf *out, struct err *err)
{
    struct slice file = json_get(value, "file");
    struct slice command = json_get(value, "command");
    int64_t fd;
    int result;

    if (json_type(file) == JSON_STRING) {
        char *path = json_dup(file, LIMIT_PATH);
        if (!path)
            return err_set(err, ERR_CONFIG, "secret %s has no usable file name",
                           name);
        result = secret_file(path, directory, out, err);
        free(path);
        return result;
    }
    if (json_int(json_get(value, "fd"), &fd) && fd > 2 && fd < 65536)
        return read_fd(name, (int)fd, out, err);
    if (json_type(command) == JSON_ARRAY)
        return read_command(name, command, ms, out, err);
    return err_set(err, ERR_CONFIG,
                   "secret %s must be { file = \"name\" }, { fd = n } or "
                   "{ command = { \"program\", ... } }: a secret does not "
                   "belong into a file that is shared",
                   name);
}

int secret_ask(const char *prompt, struct buf *out, struct err *err)
{
    struct termios old, quiet;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    size_t start = out->len;
    char c;
    int result;

    if (tty < 0 || tcgetattr(tty, &old) != 0) {
        if (tty >= 0)
            close(tty);
        return err_set(err, ERR_CONFIG, "there is no terminal to ask on");
    }
    quiet = old;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(tty, TCSAFLUSH, &quiet);
    dprintf(tty, "%s", prompt);
    while (read(tty, &c, 1) == 1 && c != '\n')
        buf_addc(out, c);
    tcsetattr(tty, TCSAFLUSH, &old);
    dprintf(tty, "\n");
    close(tty);
    result = buf_check(out, "what was typed", err);
    return result == 0 ? finish(out, start, "typed", err) : -1;
}
