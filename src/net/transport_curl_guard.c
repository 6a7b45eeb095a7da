#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"
#include "transport_curl_internal.h"

/* Addresses are judged where they are used: when a socket is made for one
 * (nothing is sent to a private one, not even a SYN), and again when a request
 * is about to go over a connection, which may be an old one that somebody else
 * was allowed to make. A name that resolves to something else the second time
 * gains nothing.
 *
 * Behind a proxy only the proxy knows the address. Then NO_PROXY does not
 * count, so that every connection is one to the proxy; of the target we judge
 * what the URL says, and the proxy the rest. */

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

/* As curl looks: http_proxy is not read in capitals (a CGI header could set
 * it). */
static bool has_proxy(const char *url)
{
    if (strncasecmp(url, "https:", 6) == 0)
        return is_set("https_proxy") || is_set("HTTPS_PROXY") ||
               is_set("all_proxy") || is_set("ALL_PROXY");
    return is_set("http_proxy") || is_set("all_proxy") || is_set("ALL_PROXY");
}

/* curl's reading of the host, so that 0x7f.1 and 2130706433 are addresses. */
bool transport_curl_guard_refuses(struct transfer *transfer, const char *url)
{
    CURLU *parts;
    char *host = NULL;
    bool refused = true;

    if (!transfer->public_only)
        return false;
    parts = curl_url();
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        refused = !guard_host_is_public(slice_str(host));
    if (refused)
        snprintf(transfer->refused, sizeof(transfer->refused), "%s",
                 host ? host : "that");
    curl_free(host);
    curl_url_cleanup(parts);
    return refused;
}

bool transport_curl_guard_connected(struct transfer *transfer, const char *url,
                                    const char *remote)
{
    if (!transfer->public_only)
        return true;
    if (transport_curl_guard_refuses(transfer, url))
        return false;
    if (!has_proxy(url) && !guard_host_is_public(slice_str(remote))) {
        snprintf(transfer->refused, sizeof(transfer->refused), "%s", remote);
        return false;
    }
    transfer->refused[0] = '\0'; /* of another address of the same name */
    return true;
}

static void note_address(struct transfer *transfer, struct sockaddr *address)
{
    const void *bytes =
        address->sa_family == AF_INET
            ? (void *)&((struct sockaddr_in *)(void *)address)->sin_addr
            : (void *)&((struct sockaddr_in6 *)(void *)address)->sin6_addr;

    if (!inet_ntop(address->sa_family, bytes, transfer->refused,
                   sizeof(transfer->refused)))
        snprintf(transfer->refused, sizeof(transfer->refused), "that");
}

static curl_socket_t on_open(void *arg, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;
    const char *url = NULL;

    (void)purpose;
    curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
    if (!url || transport_curl_guard_refuses(transfer, url))
        return CURL_SOCKET_BAD;
    if (!has_proxy(url) && !guard_is_public(&address->addr)) {
        note_address(transfer, &address->addr);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

int transport_curl_guard_setup(struct transfer *transfer)
{
    int rc = 0;

    if (!transfer->public_only)
        return 0;
    rc |= (int)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION,
                                on_open);
    rc |=
        (int)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, transfer);
    rc |= (int)curl_easy_setopt(transfer->easy, CURLOPT_NOPROXY, "");
    return rc;
}
