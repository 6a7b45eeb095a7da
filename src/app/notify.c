#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"

#define REFUSED "✗ " /* how a reload's report marks what was refused */

static struct {
    struct loop *loop;
    struct sockaddr_un address;
    socklen_t length; /* 0: nobody to tell */
    bool failed;      /* and said so */
    int64_t watchdog_ms;
    struct timer *watchdog;
    bool ready, stopping;
    int reloads; /* under way */
    char what[LIMIT_STATUS], lost[LIMIT_STATUS], trouble[LIMIT_STATUS];
} notify;

/* ---- sending ----------------------------------------------------------- */

/* A socket per message: the manager may have made its own anew. */
static int send_text(const char *text)
{
    /* The manager's queue is short, and the loop must not hang on it. */
    const struct timeval patience = { LIMIT_NOTIFY_MS / 1000, 0 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent;
    int why;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                  (const struct sockaddr *)&notify.address, notify.length);
    why = errno;
    close(fd);
    errno = why;
    return sent < 0 ? -1 : 0;
}

static void tell(const char *text)
{
    if (notify.length == 0 || send_text(text) == 0 || notify.failed)
        return;
    notify.failed = true;
    log_warn("cannot tell the service manager %.*s: %s",
             (int)strcspn(text, "\n"), text, strerror(errno));
}

static void tell_status(const char *first)
{
    const char *parts[] = { notify.what, notify.lost, notify.trouble };
    char text[4 * LIMIT_STATUS];
    int length = snprintf(text, sizeof text, "%sSTATUS=", first);
    const char *separator = "";

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (*parts[i] == '\0')
            continue;
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%s",
                           separator, parts[i]);
        separator = "; ";
    }
    snprintf(text + length, sizeof text - (size_t)length, "\n");
    tell(text);
}

/* ---- the watchdog ------------------------------------------------------ */

static void on_watchdog(void *arg)
{
    struct err err;

    (void)arg;
    notify.watchdog =
        timer_start(notify.loop, notify.watchdog_ms, on_watchdog, NULL, &err);
    if (!notify.watchdog)
        log_error("the watchdog is not fed any more: %s", err.text);
    tell("WATCHDOG=1\n");
}

/* A number of decimal digits, or 0. */
static int64_t read_number(const char *text)
{
    char *end;
    long long n;

    if (!text || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    n = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' ? n : 0;
}

static void start_watchdog(const char *usec, const char *pid)
{
    int64_t period = read_number(usec);

    if (notify.length == 0 || period == 0 ||
        (pid && read_number(pid) != getpid()))
        return;
    notify.watchdog_ms = period / 2000;
    if (notify.watchdog_ms == 0)
        notify.watchdog_ms = 1;
    on_watchdog(NULL);
}

/* ---- the manager's socket ---------------------------------------------- */

static void find_socket(const char *name)
{
    struct sockaddr_un *address = &notify.address;
    size_t length = name ? strlen(name) : 0;

    if (length == 0)
        return;
    if ((*name != '/' && *name != '@') || length < 2 ||
        length >= sizeof address->sun_path) {
        log_warn("$NOTIFY_SOCKET is '%s': neither a path nor an abstract "
                 "name, so the service manager is told nothing",
                 name);
        return;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length + 1);
    if (*name == '@')
        address->sun_path[0] = '\0';
    /* An abstract name has a length, and no end. */
    notify.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                length + (*name == '@' ? 0 : 1));
}

void notify_open(struct loop *loop)
{
    memset(&notify, 0, sizeof notify);
    notify.loop = loop;
    find_socket(getenv("NOTIFY_SOCKET"));
    start_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(void)
{
    timer_cancel(notify.watchdog);
    memset(&notify, 0, sizeof notify);
}

/* ---- what happens ------------------------------------------------------ */

/* One line, without what would end it or the message. */
static void copy_line(char out[LIMIT_STATUS], const char *text)
{
    size_t length = strcspn(text, "\n");

    if (length >= LIMIT_STATUS) {
        length = LIMIT_STATUS - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--; /* not in the middle of a character */
    }
    memcpy(out, text, length);
    out[length] = '\0';
}

void notify_ready(const char *what)
{
    bool first = !notify.ready;

    notify.ready = true;
    copy_line(notify.what, what);
    tell_status(first ? "READY=1\n" : "");
}

void notify_trouble(const char *why)
{
    const char *mark = strstr(why, REFUSED);

    if (*notify.trouble)
        return;
    copy_line(notify.trouble, mark ? mark + strlen(REFUSED) : why);
    if (notify.reloads == 0)
        tell_status("");
}

void notify_lost(const char *what)
{
    copy_line(notify.lost, what);
    if (notify.reloads == 0)
        tell_status("");
}

void notify_reload_begin(bool by_signal)
{
    char text[64];
    struct timespec now;

    if (notify.reloads++ == 0)
        *notify.trouble = '\0';
    else if (!by_signal)
        return;
    if (!notify.ready)
        return;
    /* By this clock the manager tells a reload it asked for from an older
     * one. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(text);
}

void notify_reload_end(void)
{
    if (--notify.reloads == 0 && !notify.stopping)
        tell_status(notify.ready ? "READY=1\n" : "");
}

void notify_stopping(const char *why)
{
    if (notify.stopping)
        return;
    notify.stopping = true;
    copy_line(notify.what, why ? why : "stopping");
    if (why)
        *notify.lost = *notify.trouble = '\0';
    tell_status("STOPPING=1\n");
}
