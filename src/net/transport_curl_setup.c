#include "transport_curl.h"
#include "transport_curl_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"
#include "version.h"

/* ---- callbacks --------------------------------------------------------- */

bool transport_curl_allows(const char *url, bool allow_http)
{
    struct slice text = slice_str(url);

    if (strncasecmp(url, "https://", 8) == 0)
        return true;
    return strncasecmp(url, "http://", 7) == 0 &&
           (allow_http || url_is_loopback(text));
}

/* The connection stands, the request is about to go. curl comes here again
 * after a redirect, and when a connection it had kept breaks before the reply:
 * it would send the request again, though the server may have acted on it. */
static int on_connected(void *arg, char *remote, char *local, int remote_port,
                        int local_port)
{
    struct transfer *transfer = arg;
    const char *url = NULL;
    long sent = 0;

    (void)local;
    (void)remote_port;
    (void)local_port;
    curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (!url || !transport_curl_allows(url, transfer->allow_http))
        transfer->stop = STOP_DENIED;
    else if (!transport_curl_guard_connected(transfer, url, remote))
        transfer->stop = STOP_PRIVATE;
    else if (transfer->attempts > 0 && transfer->once && sent > 0)
        transfer->stop = STOP_REPEAT;
    if (!transfer->stop && url && strcmp(url, transfer->url) != 0) {
        free(transfer->answered);
        transfer->answered = strdup(url);
        if (!transfer->answered)
            transfer->stop = STOP_MEMORY;
    }
    if (transfer->stop || transfer->cancelled)
        return CURL_PREREQFUNC_ABORT;
    transfer->attempts++;
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;

    transfer->moved_at = loop_now(transfer->network->loop);
    if (transfer->cancelled)
        return 0;
    if (head_reader_line(&transfer->head, slice_make(data, size * count)) < 0)
        transfer->stop = STOP_HEAD;
    return transfer->stop ? 0 : size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = size * count;

    transfer->moved_at = loop_now(transfer->network->loop);
    if (!transfer->cancelled)
        transport_curl_tell_head(transfer);
    if (transfer->cancelled || transfer->stop)
        return CURL_WRITEFUNC_ERROR;
    if (len > transfer->max_body - transfer->received)
        transfer->stop = STOP_BODY;
    else if (transfer->handlers.body &&
             !transfer->handlers.body(transfer->arg, slice_make(data, len)))
        transfer->stop = STOP_READER;
    transfer->received += len;
    return transfer->cancelled || transfer->stop ? CURL_WRITEFUNC_ERROR : len;
}

/* ---- options ----------------------------------------------------------- */

static bool is_clean(struct slice text, bool spaces)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0x7f || c < (spaces ? 0x20 : 0x21))
            return false;
    }
    return true;
}

int transport_curl_check(const struct http_request *request, struct err *err)
{
    struct slice method = slice_str(request->method);

    if (slice_empty(method) || !is_clean(method, false))
        return err_set(err, ERR_MISUSE, "\"%s\" is no HTTP method",
                       request->method);
    if (request->url.len > LIMIT_HTTP_URL)
        return err_set(err, ERR_LIMIT, "the URL is longer than %zu bytes",
                       LIMIT_HTTP_URL);
    if (slice_empty(request->url) || !is_clean(request->url, false))
        return err_set(err, ERR_MISUSE,
                       "the URL is empty or holds a space or "
                       "a control character");
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (slice_empty(header->name) || !is_clean(header->name, false) ||
            memchr(header->name.ptr, ':', header->name.len) ||
            !is_clean(header->value, true))
            return err_set(err, ERR_MISUSE,
                           "header \"%.*s\" holds a character that is not "
                           "allowed",
                           SLICE_ARG(header->name));
    }
    return 0;
}

static int add_line(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (!longer)
        return -1;
    transfer->headers = longer;
    return 0;
}

static int add_headers(struct transfer *transfer,
                       const struct http_request *request)
{
    bool typed = false;
    struct buf line;
    int rc = 0;

    buf_init(&line, LIMIT_HTTP_HEADERS);
    for (size_t i = 0; rc == 0 && i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        typed =
            typed || (header->name.len == 12 &&
                      strncasecmp(header->name.ptr, "content-type", 12) == 0);
        buf_clear(&line);
        buf_add(&line, header->name);
        buf_adds(&line, header->value.len > 0 ? ": " : ";");
        buf_add(&line, header->value);
        rc = line.failed ? -1 : add_line(transfer, line.ptr);
    }
    if (line.ptr)
        explicit_bzero(line.ptr, line.len);
    buf_free(&line);
    /* what curl would add by itself */
    if (rc == 0 && !typed)
        rc = add_line(transfer, "Content-Type:");
    return rc == 0 ? add_line(transfer, "Expect:") : rc;
}

/* No memory is the only way setting an option can fail here, but for one that
 * this curl does not know: sum up, and check once. */
#define SET(easy, option, value)                                               \
    rc |= (int)curl_easy_setopt((easy), (option), (value))

static int set_rules(struct transfer *transfer,
                     const struct http_request *request)
{
    bool plain = strncasecmp(transfer->url, "http://", 7) == 0;
    bool follow =
        request->redirects > 0 && (strcmp(request->method, "GET") == 0 ||
                                   strcmp(request->method, "HEAD") == 0);
    struct network *network = transfer->network;
    CURL *easy = transfer->easy;
    int rc = 0;

    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a slow name server */
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_REDIR_PROTOCOLS_STR, plain ? "http,https" : "https");
    SET(easy, CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L);
    SET(easy, CURLOPT_MAXREDIRS, (long)request->redirects);
    SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(easy, CURLOPT_CERTINFO, request->certificate ? 1L : 0L);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(easy, CURLOPT_ACCEPT_ENCODING, "");
    SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(easy, CURLOPT_USERAGENT, "lunatrix/" LUNATRIX_VERSION);
    if (network->ca_file)
        SET(easy, CURLOPT_CAINFO, network->ca_file);
    if (network->ca_file_only) /* a directory would keep it from the cache */
        SET(easy, CURLOPT_CAPATH, NULL);
    else if (network->ca_directory)
        SET(easy, CURLOPT_CAPATH, network->ca_directory);
    if (url_is_loopback(slice_str(transfer->url)))
        SET(easy, CURLOPT_PROXY, "");
    return rc;
}

static int set_request(struct transfer *transfer,
                       const struct http_request *request)
{
    bool post = strcmp(request->method, "POST") == 0;
    bool put = strcmp(request->method, "PUT") == 0;
    CURL *easy = transfer->easy;
    int rc = 0;

    transfer->once = post || strcmp(request->method, "PATCH") == 0;
    SET(easy, CURLOPT_URL, transfer->url);
    SET(easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (request->body.ptr || post || put) {
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_len);
        SET(easy, CURLOPT_POSTFIELDS, transfer->body);
    } else if (strcmp(request->method, "HEAD") == 0) {
        SET(easy, CURLOPT_NOBODY, 1L);
    }
    SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(request->connect_ms ? request->connect_ms
                                   : LIMIT_HTTP_CONNECT_MS));
    SET(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    SET(easy, CURLOPT_PRIVATE, (char *)transfer);
    SET(easy, CURLOPT_ERRORBUFFER, transfer->reason);
    SET(easy, CURLOPT_PREREQFUNCTION, on_connected);
    SET(easy, CURLOPT_PREREQDATA, transfer);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, transfer);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    return rc;
}

int transport_curl_setup(struct transfer *transfer,
                         const struct http_request *request)
{
    if (add_headers(transfer, request) < 0 || set_rules(transfer, request) ||
        set_request(transfer, request))
        return -1;
    return transport_curl_guard_setup(transfer) ? -1 : 0;
}

int64_t transport_curl_certificate(CURL *easy)
{
    static const char key[] = "Expire date:";
    struct curl_certinfo *info = NULL;
    time_t until;

    if (!easy ||
        curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK ||
        !info || info->num_of_certs < 1)
        return 0;
    for (struct curl_slist *at = info->certinfo[0]; at; at = at->next) {
        if (strncmp(at->data, key, sizeof key - 1) != 0)
            continue;
        until = curl_getdate(at->data + sizeof key - 1, NULL);
        return until > 0 ? (int64_t)until * 1000 : 0;
    }
    return 0;
}

void transport_curl_version(char *out, size_t size)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    snprintf(out, size, "curl %s (%s)", info->version,
             info->ssl_version ? info->ssl_version : "no TLS");
}
