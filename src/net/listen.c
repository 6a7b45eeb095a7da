#include "listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "buf.h"
#include "limits.h"
#include "list.h"
#include "listen_socket.h"
#include "loop_uv.h"

/* libmicrohttpd has an epoll descriptor of its own, which our loop watches:
 * when it is readable, or the library asked for some time, drive() lets it
 * work. A request whose answer is not there yet is suspended; listen_answer
 * keeps a copy and resumes it, the library then calls on_access again.
 *
 * Time: each connection has one timer, which runs while the peer has to do
 * something (send a request, take an answer) and not while we have. When it is
 * due the socket is shut down, and the library ends the connection. A peer
 * that sends a byte now and then gains nothing. */

struct listen {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct listen_handlers handlers;
    void *arg;
    struct poll *poll;
    struct timer *timer;
    struct tick *tick;
    struct list exchanges;
    size_t bodies; /* bytes of them in memory */
    char address[LISTEN_SOCKET_NAME];
    bool loopback, closing;
};

struct connection {
    struct listen *listen;
    struct MHD_Connection *mhd;
    struct timer *timer;
    char peer[64];
};

struct listen_exchange {
    struct list node;
    struct listen *listen;
    struct connection *connection;
    struct MHD_Connection *mhd;
    char *uri;
    struct listen_request request;
    struct http_header fields[LIMIT_LISTEN_FIELDS];
    char *names; /* the fields' names in lower case */
    struct buf body;
    size_t drained; /* bytes of a body that nobody reads */
    struct MHD_Response *response;
    int status; /* of response, 0: none yet */
    bool begun, asked, suspended, too_many, unclear;
};

static void drive(struct listen *listen);

/* ---- the library and the loop ------------------------------------------ */

static void on_time(void *arg)
{
    struct listen *listen = arg;

    listen->timer = NULL;
    drive(listen);
}

static void on_ready(void *arg, int events)
{
    (void)events;
    drive(arg);
}

static void on_tick(void *arg)
{
    struct listen *listen = arg;

    listen->tick = NULL;
    drive(listen);
}

static void drive(struct listen *listen)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(listen->daemon);
    timer_cancel(listen->timer);
    listen->timer = NULL;
    if (MHD_get_timeout(listen->daemon, &ms) == MHD_YES)
        listen->timer =
            timer_start(listen->loop, (int64_t)ms, on_time, listen, NULL);
}

static void drive_soon(struct listen *listen)
{
    if (!listen->tick && !listen->closing)
        listen->tick = tick_start(listen->loop, on_tick, listen, NULL);
}

/* ---- connections ------------------------------------------------------- */

static void on_late(void *arg)
{
    struct connection *connection = arg;
    const union MHD_ConnectionInfo *info;

    connection->timer = NULL;
    info = MHD_get_connection_info(connection->mhd,
                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static void set_clock(struct connection *connection, int64_t ms)
{
    if (!connection)
        return;
    timer_cancel(connection->timer);
    connection->timer = NULL;
    if (ms > 0 && !connection->listen->closing)
        connection->timer = timer_start(connection->listen->loop, ms, on_late,
                                        connection, NULL);
}

static void name_peer(struct connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    socklen_t size = sizeof(struct sockaddr_in);

    if (info && info->client_addr && info->client_addr->sa_family == AF_INET6)
        size = sizeof(struct sockaddr_in6);
    if (!info || !info->client_addr ||
        getnameinfo(info->client_addr, size, connection->peer,
                    sizeof(connection->peer), NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(connection->peer, sizeof(connection->peer), "?");
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct connection *connection = *context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        set_clock(connection, 0);
        free(connection);
        *context = NULL;
        return;
    }
    connection = calloc(1, sizeof(*connection));
    *context = connection;
    if (!connection)
        return; /* its requests are refused */
    connection->listen = arg;
    connection->mhd = mhd;
    name_peer(connection);
    set_clock(connection, LIMIT_LISTEN_READ_MS);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* ---- exchanges --------------------------------------------------------- */

/* The first thing heard of a request: its line. It has its whole time from
 * here, however long a proxy has kept the connection. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    struct listen *listen = arg;
    struct listen_exchange *exchange = calloc(1, sizeof(*exchange));

    if (!exchange)
        return NULL;
    exchange->uri = strdup(uri);
    exchange->connection = connection_of(mhd);
    if (!exchange->uri || !exchange->connection) {
        free(exchange->uri);
        free(exchange);
        return NULL;
    }
    exchange->listen = listen;
    exchange->mhd = mhd;
    set_clock(exchange->connection, LIMIT_LISTEN_READ_MS);
    buf_init(&exchange->body, 0);
    list_push(&listen->exchanges, &exchange->node);
    return exchange;
}

static void free_body(struct listen_exchange *exchange)
{
    exchange->listen->bodies -= exchange->body.len;
    buf_free(&exchange->body);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct listen_exchange *exchange = *context;

    (void)arg;
    (void)mhd;
    (void)code;
    if (!exchange)
        return;
    set_clock(exchange->connection, LIMIT_LISTEN_READ_MS); /* the next one */
    list_remove(&exchange->node);
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    free_body(exchange);
    free(exchange->names);
    free(exchange->uri);
    free(exchange);
    *context = NULL;
}

static struct MHD_Response *make_response(const struct listen_answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, (void *)(size_t)answer->body.ptr,
        MHD_RESPMEM_MUST_COPY);

    for (size_t i = 0; response && i < answer->header_count; i++) {
        char *name = slice_dup(answer->headers[i].name);
        char *value = slice_dup(answer->headers[i].value);
        bool added = name && value &&
                     MHD_add_response_header(response, name, value) == MHD_YES;
        free(name);
        free(value);
        if (!added) {
            MHD_destroy_response(response);
            response = NULL;
        }
    }
    return response;
}

/* Without memory for it there is no answer, and the connection ends. */
static void settle(struct listen_exchange *exchange,
                   const struct listen_answer *answer)
{
    exchange->response = make_response(answer);
    exchange->status = answer->status;
    free_body(exchange);
}

static void settle_plain(struct listen_exchange *exchange, int status,
                         const char *text)
{
    static const struct http_header type = {
        { "content-type", 12 }, { "text/plain; charset=utf-8", 25 }
    };
    struct listen_answer answer = { status, &type, 1, slice_str(text) };

    settle(exchange, &answer);
}

static enum MHD_Result send_answer(struct listen_exchange *exchange)
{
    set_clock(exchange->connection, LIMIT_LISTEN_WRITE_MS);
    if (!exchange->response)
        return MHD_NO;
    if (exchange->unclear)
        MHD_add_response_header(exchange->response, "Connection", "close");
    return MHD_queue_response(exchange->mhd, (unsigned)exchange->status,
                              exchange->response);
}

/* ---- the head ---------------------------------------------------------- */

static enum MHD_Result add_field(void *arg, enum MHD_ValueKind kind,
                                 const char *name, const char *value)
{
    struct listen_exchange *exchange = arg;
    struct http_head *head = &exchange->request.head;

    (void)kind;
    if (head->header_count == LIMIT_LISTEN_FIELDS) {
        exchange->too_many = true;
        return MHD_NO;
    }
    exchange->fields[head->header_count++] =
        (struct http_header) { slice_str(name), slice_str(value ? value : "") };
    return MHD_YES;
}

static int lower_names(struct listen_exchange *exchange)
{
    size_t bytes = 0;
    char *end;

    for (size_t i = 0; i < exchange->request.head.header_count; i++)
        bytes += exchange->fields[i].name.len;
    end = exchange->names = malloc(bytes + 1);
    if (!end)
        return -1;
    for (size_t i = 0; i < exchange->request.head.header_count; i++) {
        struct slice *name = &exchange->fields[i].name;
        for (size_t j = 0; j < name->len; j++) {
            char c = name->ptr[j];
            end[j] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
        name->ptr = end;
        end += name->len;
    }
    return 0;
}

static int read_head(struct listen_exchange *exchange, const char *method)
{
    struct listen_request *request = &exchange->request;
    const char *query = strchr(exchange->uri, '?');
    size_t path =
        query ? (size_t)(query - exchange->uri) : strlen(exchange->uri);

    request->method = slice_str(method);
    request->path = slice_make(exchange->uri, path);
    request->query = slice_str(query ? query + 1 : "");
    request->peer = exchange->connection->peer;
    request->head.headers = exchange->fields;
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, add_field,
                              exchange);
    return lower_names(exchange);
}

/* A body whose end two programs see in two places lets one smuggle a request
 * past the other: the library does not mind, a proxy in front may not. */
static bool has_clear_end(const struct listen_exchange *exchange)
{
    const struct http_head *head = &exchange->request.head;
    struct slice coding = http_head_get(head, "transfer-encoding");
    int ends = 0;

    for (size_t i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name, value;
        if (memchr(name.ptr, ' ', name.len) || memchr(name.ptr, '\t', name.len))
            return false; /* "Content-Length : 5" */
        if (slice_is(name, "transfer-encoding"))
            ends++;
        if (!slice_is(name, "content-length"))
            continue;
        ends++;
        value = head->headers[i].value;
        for (size_t j = 0; j < value.len; j++) {
            if (value.ptr[j] < '0' || value.ptr[j] > '9')
                return false;
        }
    }
    return ends <= 1 &&
           (!coding.ptr ||
            (coding.len == 7 && strncasecmp(coding.ptr, "chunked", 7) == 0));
}

/* Will the peer wait for an answer before it sends, or send too much? Else it
 * is let finish, so that it reads the answer. */
static bool answer_at_once(const struct listen_exchange *exchange)
{
    const struct http_head *head = &exchange->request.head;
    struct slice length = http_head_get(head, "content-length");

    if (exchange->unclear || http_head_get(head, "expect").ptr)
        return true;
    return length.ptr && length.len >= 20
               ? true
               : length.ptr &&
                     strtoull(length.ptr, NULL, 10) > LIMIT_LISTEN_DRAIN;
}

static enum MHD_Result begin(struct listen_exchange *exchange,
                             const char *method)
{
    struct listen *listen = exchange->listen;
    struct listen_answer answer = { 0 };
    struct slice length;
    size_t max_body = 0;

    exchange->begun = true;
    if (read_head(exchange, method) != 0)
        return MHD_NO;
    length = http_head_get(&exchange->request.head, "content-length");
    exchange->unclear = !has_clear_end(exchange);
    if (exchange->unclear)
        settle_plain(exchange, 400, "where does the body end?\n");
    else if (exchange->too_many)
        settle_plain(exchange, 431, "too many headers\n");
    else if (listen->handlers.head(listen->arg, &exchange->request, &max_body,
                                   &answer) != 0)
        settle(exchange, &answer);
    else if (length.ptr &&
             (length.len >= 20 || strtoull(length.ptr, NULL, 10) > max_body))
        settle_plain(exchange, 413, "the body is too large\n");
    exchange->body.max = max_body;
    if (exchange->status && answer_at_once(exchange))
        return send_answer(exchange);
    return MHD_YES;
}

/* ---- the body ---------------------------------------------------------- */

static enum MHD_Result take_piece(struct listen_exchange *exchange,
                                  struct slice piece)
{
    struct listen *listen = exchange->listen;

    if (exchange->status) {
        exchange->drained += piece.len;
        return exchange->drained <= LIMIT_LISTEN_DRAIN ? MHD_YES : MHD_NO;
    }
    if (piece.len > exchange->body.max - exchange->body.len)
        settle_plain(exchange, 413, "the body is too large\n");
    else if (piece.len > LIMIT_LISTEN_BODIES - listen->bodies)
        settle_plain(exchange, 503, "too much at once\n");
    else if (buf_add(&exchange->body, piece) != 0)
        return MHD_NO;
    else
        listen->bodies += piece.len;
    return MHD_YES;
}

static enum MHD_Result finish(struct listen_exchange *exchange)
{
    struct listen *listen = exchange->listen;

    if (exchange->status)
        return send_answer(exchange);
    if (exchange->asked)
        return MHD_YES;
    exchange->asked = true;
    set_clock(exchange->connection, 0); /* now it is for us to hurry */
    exchange->request.body = buf_slice(&exchange->body);
    listen->handlers.request(listen->arg, exchange, &exchange->request);
    if (exchange->status)
        return send_answer(exchange);
    MHD_suspend_connection(exchange->mhd);
    exchange->suspended = true;
    return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd,
                                 const char *url, const char *method,
                                 const char *version, const char *upload,
                                 size_t *upload_size, void **context)
{
    const struct listen *listen = arg;
    struct listen_exchange *exchange = *context;
    struct slice piece = slice_make(upload, *upload_size);

    (void)mhd;
    (void)url;
    (void)version;
    if (!exchange || (listen->closing && !exchange->status))
        return MHD_NO;
    if (!exchange->begun)
        return begin(exchange, method);
    if (piece.len == 0)
        return finish(exchange);
    *upload_size = 0;
    return take_piece(exchange, piece);
}

void listen_answer(struct listen_exchange *exchange,
                   const struct listen_answer *answer)
{
    settle(exchange, answer);
    if (!exchange->suspended)
        return; /* within handlers.request */
    exchange->suspended = false;
    MHD_resume_connection(exchange->mhd);
    drive_soon(exchange->listen);
}

/* ---- life -------------------------------------------------------------- */

/* Paths and queries are for whoever handles them to decode. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg;
    (void)mhd;
    return strlen(text);
}

static int start_daemon(struct listen *listen, int fd, struct err *err)
{
    const union MHD_DaemonInfo *info;

    listen->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access,
        listen, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, listen, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        listen, MHD_OPTION_URI_LOG_CALLBACK, on_line, listen,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_LISTEN_CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)LIMIT_LISTEN_PER_ADDRESS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_LISTEN_HEADERS,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!listen->daemon) {
        close(fd);
        return err_set(err, ERR_SYSTEM, "cannot listen on %s: out of memory",
                       listen->address);
    }
    info = MHD_get_daemon_info(listen->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return err_set(err, ERR_SYSTEM, "cannot listen on %s: no epoll",
                       listen->address);
    listen->poll = poll_start(listen->loop, info->epoll_fd, POLL_READ, on_ready,
                              listen, err);
    return listen->poll ? 0 : -1;
}

struct listen *listen_new(struct loop *loop, const char *address,
                          const struct listen_handlers *handlers, void *arg,
                          struct err *err)
{
    struct listen *listen = calloc(1, sizeof(*listen));
    int fd;

    if (!listen) {
        err_set(err, ERR_SYSTEM, "cannot listen: out of memory");
        return NULL;
    }
    listen->loop = loop;
    listen->handlers = *handlers;
    listen->arg = arg;
    list_init(&listen->exchanges);
    fd = listen_socket_open(address, listen->address, &listen->loopback, err);
    if (fd >= 0 && start_daemon(listen, fd, err) == 0)
        return listen;
    listen_free(listen);
    return NULL;
}

const char *listen_address(const struct listen *listen)
{
    return listen->address;
}

bool listen_is_loopback(const struct listen *listen)
{
    return listen->loopback;
}

void listen_quiesce(struct listen *listen)
{
    int fd;

    if (!listen || listen->closing)
        return;
    fd = MHD_quiesce_daemon(listen->daemon);
    if (fd >= 0)
        close(fd);
    drive_soon(listen);
}

/* The library must not be stopped while a connection is suspended. */
static void answer_all(struct listen *listen)
{
    list_each(node, &listen->exchanges)
    {
        struct listen_exchange *exchange =
            list_entry(node, struct listen_exchange, node);
        if (!exchange->suspended)
            continue;
        exchange->suspended = false;
        settle_plain(exchange, 503, "stopping\n");
        MHD_resume_connection(exchange->mhd);
    }
    for (int i = 0; i < LIMIT_LISTEN_LAST_TURNS; i++)
        MHD_run(listen->daemon);
}

void listen_free(struct listen *listen)
{
    if (!listen)
        return;
    listen->closing = true;
    poll_stop(listen->poll);
    timer_cancel(listen->timer);
    tick_cancel(listen->tick);
    if (listen->daemon) {
        answer_all(listen);
        MHD_stop_daemon(listen->daemon);
    }
    free(listen);
}
