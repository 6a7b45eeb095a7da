#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

/* A small HTTP/1.1 server on 127.0.0.1 for tests of the real transport: one
 * thread accepts, one serves each connection. Include after <cmocka.h>.
 *
 *     struct server *server = server_new(answer);
 *     ... requests to 127.0.0.1:server->port ...
 *     server_end(server);
 *
 * `answer` runs on a connection's thread once a whole request was read; it
 * writes what it likes with server_write and returns false to close. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_CONNECTIONS 512
#define SERVER_REQUEST (4 * 1024 * 1024)

struct connection;
typedef bool server_answer_fn(struct connection *connection);

struct server {
    int fd, port;
    pthread_t thread;
    server_answer_fn *answer;
    atomic_int connections, requests;
    atomic_bool stopping;
    struct connection *all[SERVER_CONNECTIONS]; /* the accepting thread's */
};

struct connection {
    struct server *server;
    int fd;
    pthread_t thread;
    char *text; /* the request: head, NUL, body */
    size_t len;
    char method[16], target[1024], *body;
    size_t body_len;
    int served; /* requests before this one */
};

/* false: the peer is gone. */
static inline bool server_write(struct connection *connection, const void *data,
                                size_t len)
{
    while (len > 0) {
        ssize_t n = send(connection->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data = (const char *)data + n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool server_say(struct connection *connection, const char *text)
{
    return server_write(connection, text, strlen(text));
}

static inline bool server_reply(struct connection *connection, int status,
                                const char *headers, const void *body,
                                size_t len)
{
    char head[128];

    snprintf(head, sizeof(head),
             "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n", status, len);
    return server_say(connection, head) && server_say(connection, headers) &&
           server_say(connection, "\r\n") &&
           server_write(connection, body, len);
}

/* Waits until the peer closes, or the server ends. */
static inline void server_wait_gone(struct connection *connection)
{
    char byte;

    while (recv(connection->fd, &byte, 1, 0) > 0)
        ;
}

/* Waits ms, less when the server ends: for replies that dribble. */
static inline void server_pause(struct connection *connection, int ms)
{
    struct pollfd wait = { connection->fd, 0, 0 };

    if (!connection->server->stopping)
        poll(&wait, 1, ms);
}

static inline bool server_parse(struct connection *connection)
{
    char *end = strstr(connection->text, "\r\n\r\n"), *length;
    size_t head;

    if (!end)
        return false;
    head = (size_t)(end - connection->text) + 4;
    length = strcasestr(connection->text, "\r\ncontent-length:");
    connection->body_len =
        length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (connection->len < head + connection->body_len)
        return false;
    connection->body = connection->text + head;
    end[2] = '\0';
    return sscanf(connection->text, "%15s %1023s", connection->method,
                  connection->target) == 2;
}

static inline void *server_serve(void *arg)
{
    struct connection *connection = arg;
    bool go_on = true;

    while (go_on && connection->len < SERVER_REQUEST) {
        ssize_t n = recv(connection->fd, connection->text + connection->len,
                         SERVER_REQUEST - connection->len, 0);
        if (n <= 0)
            break;
        connection->len += (size_t)n;
        connection->text[connection->len] = '\0';
        if (!server_parse(connection))
            continue;
        connection->server->requests++;
        go_on = connection->server->answer(connection);
        connection->served++;
        connection->len = 0;
    }
    shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static inline void *server_accept(void *arg)
{
    struct server *server = arg;
    int fd, n = 0;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (n == SERVER_CONNECTIONS || !connection ||
            !(connection->text = malloc(SERVER_REQUEST + 1)))
            abort();
        connection->server = server;
        connection->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
        server->all[n++] = connection;
        server->connections = n;
        if (pthread_create(&connection->thread, NULL, server_serve,
                           connection) != 0)
            abort();
    }
    return NULL;
}

static inline struct server *server_new(server_answer_fn *answer)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    struct server *server = calloc(1, sizeof(*server));

    assert_non_null(server);
    server->answer = answer;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 256), 0);
    getsockname(server->fd, (struct sockaddr *)&address, &len);
    server->port = ntohs(address.sin_port);
    assert_int_equal(
        pthread_create(&server->thread, NULL, server_accept, server), 0);
    return server;
}

static inline void server_end(struct server *server)
{
    server->stopping = true;
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < server->connections; i++) {
        shutdown(server->all[i]->fd, SHUT_RDWR);
        pthread_join(server->all[i]->thread, NULL);
        close(server->all[i]->fd);
        free(server->all[i]->text);
        free(server->all[i]);
    }
    close(server->fd);
    free(server);
}

#endif
