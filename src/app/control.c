#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "list.h"
#include "log.h"
#include "log_talk.h"
#include "loop_uv.h"
#include "notify.h"
#include "outbox.h"
#include "paths.h"
#include "repl.h"
#include "report.h"
#include "txn.h"

/* One conversation: a line in, its answer out, the next line. */
struct talk {
    struct list node;
    struct control *control;
    int fd;
    struct poll *poll;
    struct buf in, out;
    bool busy;   /* an answer is being made */
    bool closed; /* the other end left; freed once not busy */
    struct outbox_wait *wait;
    struct repl *repl;     /* neither this ... */
    struct log_talk *logs; /* ... nor that: requests and answers */
    int lost;              /* their lines that nobody was there to read */
    struct tick *reap;
};

struct control {
    struct loop *loop;
    struct account *account;
    struct list talks;
    char *path;
    int fd;
    struct poll *poll;
    struct timer *pause; /* nobody can be accepted for now */
    bool told;           /* that it is so */
};

/* ---- one conversation -------------------------------------------------- */

static void talk_free(struct talk *talk)
{
    repl_close(talk->repl);
    log_talk_close(talk->logs);
    tick_cancel(talk->reap);
    if (talk->wait)
        outbox_detach(talk->wait);
    poll_stop(talk->poll);
    close(talk->fd);
    list_remove(&talk->node);
    buf_free(&talk->in);
    buf_free(&talk->out);
    free(talk);
}

/* The other end left. Whoever the loop called frees it, with talk_reap. */
static void talk_end(struct talk *talk)
{
    talk->closed = true;
    poll_stop(talk->poll);
    talk->poll = NULL;
}

static void talk_reap(struct talk *talk)
{
    if (talk->closed && (!talk->busy || talk->wait))
        talk_free(talk);
}

static void talk_flush(struct talk *talk)
{
    while (talk->out.len > 0) {
        ssize_t n = send(talk->fd, talk->out.ptr, talk->out.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0) {
            talk_end(talk);
            return;
        }
        buf_consume(&talk->out, (size_t)n);
    }
    poll_set(talk->poll, talk->out.len ? POLL_READ | POLL_WRITE : POLL_READ);
}

/* The answer is in talk->out; the line it belongs to is done. */
static void talk_answer(struct talk *talk)
{
    talk->busy = false;
    if (talk->closed)
        return;
    buf_addc(&talk->out, '\n');
    talk_flush(talk);
}

static void answer_error(struct talk *talk, const struct err *err)
{
    struct json_writer w;

    json_writer_init(&w, &talk->out);
    json_object_begin(&w);
    json_key(&w, "error");
    json_object_begin(&w);
    json_member_str(&w, "kind", err_kind_name(err->kind));
    json_member_str(&w, "errcode", *err->errcode ? err->errcode : NULL);
    json_member_str(&w, "error", err->text);
    json_member_int(&w, "status", err->status);
    json_object_end(&w);
    json_object_end(&w);
    talk_answer(talk);
}

static void talk_lines(struct talk *talk);

/* After an answer that came later: the line behind it, if any. */
static void talk_next(struct talk *talk)
{
    talk_lines(talk);
    talk_reap(talk);
}

/* ---- what can be asked ------------------------------------------------- */

static void on_checked(void *arg, bool refused, const char *report)
{
    struct talk *talk = arg;
    struct json_writer w;

    json_writer_init(&w, &talk->out);
    json_object_begin(&w);
    json_member_bool(&w, "ok", !refused);
    json_member_str(&w, "report", report);
    json_object_end(&w);
    talk_answer(talk);
    talk_next(talk);
}

static void on_reloaded(void *arg, bool refused, const char *report)
{
    if (refused)
        notify_trouble(report);
    notify_reload_end();
    on_checked(arg, refused, report);
}

static int ask_reload(struct talk *talk, struct slice line, struct err *err)
{
    char *script = json_dup(json_get(line, "script"), LIMIT_PATH);
    bool force = false, check = false;
    int result;

    json_bool(json_get(line, "force"), &force);
    json_bool(json_get(line, "check_only"), &check);
    if (!check)
        notify_reload_begin(false);
    result = manager_reload(account_manager(talk->control->account), script,
                            (force ? MANAGER_FORCE : 0) |
                                (check ? MANAGER_CHECK_ONLY : 0),
                            check ? on_checked : on_reloaded, talk, err);
    if (result != 0 && !check)
        notify_reload_end();
    free(script);
    return result;
}

static void on_sent(void *arg, struct slice event_id, const struct err *err)
{
    struct talk *talk = arg;
    struct json_writer w;

    talk->wait = NULL;
    if (err) {
        answer_error(talk, err);
    } else {
        json_writer_init(&w, &talk->out);
        json_object_begin(&w);
        json_member_string(&w, "event_id", event_id);
        json_object_end(&w);
        talk_answer(talk);
    }
    talk_next(talk);
}

static int ask_send(struct talk *talk, struct slice line, struct err *err)
{
    struct outbox_send send = {
        .script = "send",
        .room_id = json_plain(json_get(line, "room_id")),
        .type = json_plain(json_get(line, "type")),
        .content = json_get(line, "content"),
    };
    struct buf txn;

    buf_init(&txn, TXN_LENGTH);
    if (slice_empty(send.room_id) || slice_empty(send.type) ||
        json_type(send.content) != JSON_OBJECT)
        return err_set(err, ERR_MISUSE, "send needs room_id, type and content");
    if (txn_random(&txn) != 0)
        return err_set(err, ERR_LIMIT, "cannot send: out of memory");
    send.txn_id = buf_slice(&txn);
    talk->wait = outbox_put(account_outbox(talk->control->account), &send,
                            on_sent, talk, err);
    buf_free(&txn);
    return talk->wait ? 0 : -1;
}

static void on_reap(void *arg)
{
    struct talk *talk = arg;
    talk->reap = NULL;
    talk_reap(talk);
}

static void tell_lost(struct talk *talk)
{
    if (talk->lost > 0)
        buf_addf(&talk->out, "{\"lost\":%d}\n", talk->lost);
    talk->lost = 0;
}

/* A line of the repl or the log, perhaps from inside Lua: nothing is freed
 * here, and nothing logged. */
static void on_say(void *arg, struct slice line, bool must)
{
    struct talk *talk = arg;

    if (talk->closed)
        return;
    if (!must && talk->out.len + line.len >= LIMIT_REPL_OUTPUT) {
        talk->lost++;
        return;
    }
    tell_lost(talk);
    buf_add(&talk->out, line);
    if (buf_addc(&talk->out, '\n') != 0)
        talk_end(talk); /* it reads nothing, and asks on */
    else
        talk_flush(talk);
    if (talk->closed && !talk->reap)
        talk->reap = tick_start(talk->control->loop, on_reap, talk, NULL);
}

static int ask_repl(struct talk *talk, struct slice line, struct err *err)
{
    talk->out.max = LIMIT_REPL_OUTPUT + LIMIT_REPL_RESULT;
    talk->repl = repl_open(talk->control->account, line, on_say, talk, err);
    talk->busy = false;
    return talk->repl ? 0 : -1;
}

static int ask_logs(struct talk *talk, struct slice line, struct err *err)
{
    talk->out.max = LIMIT_REPL_OUTPUT + LIMIT_REPL_RESULT;
    talk->logs = log_talk_open(talk->control->account, line, on_say, talk, err);
    talk->busy = false;
    return talk->logs ? 0 : -1;
}

static int ask_status(struct talk *talk, struct slice line, struct err *err)
{
    bool tasks = false;
    int result;

    json_bool(json_get(line, "tasks"), &tasks);
    result = report_account(talk->control->account,
                            tasks ? LIMIT_REPORT_ROWS : 0, &talk->out, err);
    if (result == 0) {
        talk_answer(talk);
    } else { /* too much, perhaps half of it is written */
        buf_clear(&talk->out);
    }
    return result;
}

static void talk_line(struct talk *talk, struct slice line)
{
    struct err err;
    struct slice what;
    int result;

    if (talk->repl) {
        repl_line(talk->repl, line);
        return;
    }
    if (talk->logs)
        return; /* it has nothing more to ask */
    talk->busy = true;
    if (json_check(line, &err) != 0) {
        answer_error(talk, &err);
        return;
    }
    what = json_get(line, "do");
    if (json_equals(what, slice_str("reload")))
        result = ask_reload(talk, line, &err);
    else if (json_equals(what, slice_str("status")))
        result = ask_status(talk, line, &err);
    else if (json_equals(what, slice_str("send")))
        result = ask_send(talk, line, &err);
    else if (json_equals(what, slice_str("repl")))
        result = ask_repl(talk, line, &err);
    else if (json_equals(what, slice_str("logs")))
        result = ask_logs(talk, line, &err);
    else
        result = err_set(&err, ERR_MISUSE,
                         "the running process does not know this request: "
                         "is it another version of lunatrix?");
    if (result != 0)
        answer_error(talk, &err);
}

/* Lines wait until the one before is answered. */
static void talk_lines(struct talk *talk)
{
    const char *end;
    struct buf line;

    while (!talk->busy && !talk->closed && talk->in.len > 0 &&
           (end = memchr(talk->in.ptr, '\n', talk->in.len))) {
        size_t length = (size_t)(end - talk->in.ptr);
        buf_init(&line, LIMIT_CONTROL_LINE);
        buf_add(&line, slice_make(talk->in.ptr, length));
        buf_consume(&talk->in, length + 1);
        talk_line(talk, buf_slice(&line));
        buf_free(&line);
    }
}

static void talk_read(struct talk *talk)
{
    char chunk[4096];
    ssize_t n = recv(talk->fd, chunk, sizeof chunk, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || buf_add(&talk->in, slice_make(chunk, (size_t)n)) != 0)
        talk_end(talk);
    else
        talk_lines(talk);
}

static void on_talk(void *arg, int events)
{
    struct talk *talk = arg;

    if ((events & POLL_WRITE) && talk->out.len > 0) {
        talk_flush(talk);
        if (!talk->closed && talk->out.len == 0 && talk->lost > 0) {
            tell_lost(talk); /* the next line may be far */
            talk_flush(talk);
        }
    } else {
        talk_read(talk);
    }
    talk_reap(talk);
}

static void on_pause_over(void *arg)
{
    struct control *control = arg;

    control->pause = NULL;
    poll_set(control->poll, POLL_READ);
}

/* Who waits stays readable: without a descriptor to take them with, looking
 * at once again would never end. */
static void pause_accepting(struct control *control)
{
    struct log_fields about = { .account = account_name(control->account) };

    if (!control->told)
        log_write(LOG_LEVEL_WARN, &about,
                  "cannot accept on the control socket, trying again: %s",
                  strerror(errno));
    control->told = true;
    control->pause = timer_start(control->loop, LIMIT_CONTROL_PAUSE_MS,
                                 on_pause_over, control, NULL);
    if (control->pause)
        poll_set(control->poll, 0);
}

static void on_connection(void *arg, int events)
{
    struct control *control = arg;
    struct talk *talk;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    if (fd < 0) {
        pause_accepting(control);
        return;
    }
    control->told = false;
    talk = calloc(1, sizeof *talk);
    if (talk)
        talk->poll =
            poll_start(control->loop, fd, POLL_READ, on_talk, talk, NULL);
    if (!talk || !talk->poll) {
        free(talk);
        close(fd);
        return;
    }
    talk->control = control;
    talk->fd = fd;
    buf_init(&talk->in, LIMIT_CONTROL_LINE);
    buf_init(&talk->out, LIMIT_REPORT);
    list_push(&control->talks, &talk->node);
}

/* ---- the socket -------------------------------------------------------- */

static int fill_address(const char *path, struct sockaddr_un *address,
                        struct err *err)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path)
        return err_set(err, ERR_CONFIG,
                       "the control socket's path is longer than %zu bytes: %s",
                       sizeof address->sun_path - 1, path);
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

static int listen_at(struct control *control, struct err *err)
{
    struct sockaddr_un address;
    mode_t mask;
    int result;

    if (fill_address(control->path, &address, err) != 0)
        return -1;
    control->fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->fd < 0)
        return err_set(err, ERR_SYSTEM, "cannot make the control socket: %s",
                       strerror(errno));
    unlink(control->path);
    mask = umask(0177);
    result = bind(control->fd, (struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (result != 0 || listen(control->fd, 8) != 0)
        return err_set(err, ERR_SYSTEM, "cannot listen on %s: %s",
                       control->path, strerror(errno));
    return 0;
}

struct control *control_listen(struct loop *loop, struct account *account,
                               struct err *err)
{
    struct control *control = calloc(1, sizeof *control);
    struct buf path;

    if (!control) {
        err_set(err, ERR_LIMIT, "cannot listen for commands: out of memory");
        return NULL;
    }
    *control = (struct control) { .loop = loop, .account = account, .fd = -1 };
    list_init(&control->talks);
    buf_init(&path, LIMIT_PATH);
    if (paths_socket(account_name(account), &path, err) != 0)
        goto fail;
    control->path = slice_dup(buf_slice(&path));
    if (listen_at(control, err) != 0)
        goto fail;
    control->poll =
        poll_start(loop, control->fd, POLL_READ, on_connection, control, err);
    if (!control->poll)
        goto fail;
    buf_free(&path);
    return control;
fail:
    buf_free(&path);
    control_close(control);
    return NULL;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    list_each_safe(node, &control->talks)
    {
        struct talk *talk = list_entry(node, struct talk, node);
        list_remove(&talk->node);
        talk_end(talk);
        talk_reap(talk); /* a reload under way frees it when it answers */
    }
    timer_cancel(control->pause);
    poll_stop(control->poll);
    if (control->fd >= 0) {
        close(control->fd);
        unlink(control->path);
    }
    free(control->path);
    free(control);
}

/* ---- the other end ----------------------------------------------------- */

int control_send(int fd, struct slice line, struct err *err)
{
    size_t sent = 0;

    while (sent < line.len) {
        ssize_t n = send(fd, line.ptr + sent, line.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_SYSTEM,
                           "cannot ask the running process: %s",
                           strerror(errno));
        sent += (size_t)n;
    }
    return 0;
}

static int exchange(int fd, struct slice request, struct buf *reply,
                    struct err *err)
{
    char chunk[4096];
    ssize_t n;

    if (control_send(fd, request, err) != 0 ||
        control_send(fd, slice_str("\n"), err) != 0)
        return -1;
    while (!reply->len || reply->ptr[reply->len - 1] != '\n') {
        n = recv(fd, chunk, sizeof chunk, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, ERR_SYSTEM,
                           "the running process ended before it answered");
        if (buf_add(reply, slice_make(chunk, (size_t)n)) != 0)
            return buf_check(reply, "the answer", err);
    }
    return json_check(buf_slice(reply), err) == 0 ? 1 : -1;
}

int control_connect(const char *account, int *out, struct err *err)
{
    struct sockaddr_un address;
    struct buf path;
    int fd, result = -1;

    buf_init(&path, LIMIT_PATH);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(err, ERR_SYSTEM, "cannot make a socket: %s", strerror(errno));
        goto out;
    }
    if (paths_socket(account, &path, err) != 0 ||
        fill_address(buf_str(&path), &address, err) != 0)
        goto out;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        result = 1;
    else if (errno == ENOENT || errno == ECONNREFUSED)
        result = 0;
    else
        err_set(err, ERR_SYSTEM, "cannot reach the running process at %s: %s",
                buf_str(&path), strerror(errno));
out:
    if (fd >= 0 && result != 1)
        close(fd);
    *out = result == 1 ? fd : -1;
    buf_free(&path);
    return result;
}

int control_ask(const char *account, struct slice request, struct buf *reply,
                struct err *err)
{
    int fd, result = control_connect(account, &fd, err);

    if (result != 1)
        return result;
    result = exchange(fd, request, reply, err);
    close(fd);
    return result;
}
