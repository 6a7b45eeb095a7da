#include "listen_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "[::1]:80" into host and port. */
static int split(const char *address, char host[64], const char **port,
                 struct err *err)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;

    if (len > 1 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0 || len >= 64 || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return err_set(err, ERR_CONFIG,
                       "the address to listen on must be like "
                       "\"127.0.0.1:9008\" or \"[::1]:9008\"");
    snprintf(host, 64, "%.*s", (int)len, address);
    *port = colon + 1;
    return 0;
}

static int open_socket(const struct addrinfo *where)
{
    int one = 1, saved;
    int fd =
        socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void note_address(int fd, char name[LISTEN_SOCKET_NAME], bool *loopback)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[64], port[8];
    bool v6;

    memset(&bound, 0, sizeof(bound));
    getsockname(fd, (struct sockaddr *)&bound, &size);
    if (getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    v6 = bound.ss_family == AF_INET6;
    snprintf(name, LISTEN_SOCKET_NAME, v6 ? "[%s]:%s" : "%s:%s", host, port);
    *loopback = v6 ? strcmp(host, "::1") == 0 : strncmp(host, "127.", 4) == 0;
}

int listen_socket_open(const char *address, char name[LISTEN_SOCKET_NAME],
                       bool *loopback, struct err *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *found = NULL;
    char host[64];
    const char *port = "";
    int fd, code;

    if (split(address, host, &port, err) != 0)
        return -1;
    if (strcmp(host, "localhost") != 0)
        hints.ai_flags |= AI_NUMERICHOST; /* no look-up while starting */
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return err_set(err, ERR_CONFIG, "cannot listen on %s: %s", address,
                       gai_strerror(code));
    fd = open_socket(found);
    freeaddrinfo(found);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "cannot listen on %s: %s", address,
                       errno == EADDRINUSE ? "another program does"
                                           : strerror(errno));
    note_address(fd, name, loopback);
    return fd;
}
