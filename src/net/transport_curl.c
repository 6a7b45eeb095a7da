#include "transport_curl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop_uv.h"
#include "transport_curl_internal.h"
#include "url.h"

/* How it hangs together: curl says which descriptors and what time it waits
 * for (on_socket, on_timer); when one is due, drive() lets curl work and then
 * collect() takes every transfer that has ended out of curl, whatever the
 * number of running ones says. Ended transfers are told from a tick, where no
 * curl function is on the stack. What the user starts or cancels while one is
 * (in_curl) is put on a list until curl has returned. */

/* ---- the end of a transfer --------------------------------------------- */

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); /* tokens */
    curl_slist_free_all(headers);
}

static void put_back(struct network *network, CURL *easy)
{
    if (!easy)
        return;
    if (network->spares < LIMIT_HTTP_SPARE) {
        curl_easy_reset(easy);
        network->spare[network->spares++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

/* Out of curl and out of every list. */
static void detach(struct transfer *transfer)
{
    if (transfer->added)
        curl_multi_remove_handle(transfer->network->multi, transfer->easy);
    transfer->added = false;
    put_back(transfer->network, transfer->easy);
    transfer->easy = NULL;
    timer_cancel(transfer->stall);
    transfer->stall = NULL;
    list_remove(&transfer->node);
}

static void transfer_free(struct transfer *transfer)
{
    detach(transfer);
    free_headers(transfer->headers);
    if (transfer->body)
        explicit_bzero(transfer->body, transfer->body_len); /* passwords */
    free(transfer->body);
    free(transfer->url);
    free(transfer->answered);
    head_reader_free(&transfer->head);
    free(transfer);
}

static void tell_ended(void *arg);

/* Its result is known; the handlers hear of it in the next tick. */
static void settle(struct transfer *transfer, CURLcode code)
{
    struct network *network = transfer->network;

    transfer->failed = code != CURLE_OK || transfer->stop;
    if (transfer->failed)
        transport_curl_explain(transfer, code);
    detach(transfer);
    list_push(&network->ended, &transfer->node);
    if (!network->tick)
        network->tick = tick_start(network->loop, tell_ended, network, NULL);
}

void transport_curl_tell_head(struct transfer *transfer)
{
    struct network *network = transfer->network;
    bool before = network->in_curl;

    if (transfer->head_told)
        return;
    transfer->head_told = true;
    if (!transfer->handlers.head)
        return;
    network->in_curl = true;
    if (head_reader_tell(&transfer->head, slice_str(transfer->answered),
                         transport_curl_certificate(transfer->easy),
                         transfer->handlers.head, transfer->arg) < 0)
        transfer->stop = STOP_MEMORY;
    network->in_curl = before;
}

static void tell(struct transfer *transfer)
{
    struct http_handlers handlers = transfer->handlers;
    void *arg = transfer->arg;
    bool failed;
    struct err err;

    if (!transfer->failed)
        transport_curl_tell_head(transfer);
    if (transfer->cancelled) {
        transfer_free(transfer);
        return;
    }
    if (!transfer->failed && transfer->stop) {
        transport_curl_explain_stop(transfer);
        transfer->failed = true;
    }
    failed = transfer->failed;
    if (failed)
        err = transfer->err;
    transfer_free(transfer);
    handlers.done(arg, failed ? &err : NULL);
}

static void tidy(struct network *network);

static void tell_ended(void *arg)
{
    struct network *network = arg;
    struct list *node;

    network->tick = NULL;
    network->in_tell = true;
    /* those that end meanwhile have their own tick */
    while ((node = list_first(&network->ended))) {
        list_remove(node);
        list_push(&network->telling, node);
    }
    while ((node = list_first(&network->telling)))
        tell(list_entry(node, struct transfer, node));
    network->in_tell = false;
    if (network->freed)
        free(network);
    else
        tidy(network);
}

/* ---- curl and the loop ------------------------------------------------- */

/* Catches up on what was started and cancelled while curl was on the stack. */
static void tidy(struct network *network)
{
    struct list *first;

    while ((first = list_first(&network->doomed)))
        transfer_free(list_entry(first, struct transfer, node));
    list_each_safe(node, &network->running)
    {
        struct transfer *transfer = list_entry(node, struct transfer, node);
        if (transfer->added)
            continue;
        transfer->added =
            curl_multi_add_handle(network->multi, transfer->easy) == CURLM_OK;
        if (!transfer->added)
            settle(transfer, CURLE_OUT_OF_MEMORY);
    }
}

static void collect(struct network *network)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(network->multi, &left))) {
        CURLcode code = message->data.result; /* gone with the handle */
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (transfer->cancelled)
            transfer_free(transfer);
        else
            settle(transfer, code);
    }
    tidy(network);
    /* no memory for the tick: nothing of curl is on the stack here either */
    if (!network->tick && !list_empty(&network->ended))
        tell_ended(network);
}

static void drive(struct network *network, curl_socket_t fd, int events)
{
    int running;

    network->in_curl = true;
    curl_multi_socket_action(network->multi, fd, events, &running);
    network->in_curl = false;
    collect(network);
}

static void on_ready(void *arg, int events)
{
    struct socket *socket = arg;
    int ready = 0;

    if (events & POLL_READ)
        ready |= CURL_CSELECT_IN;
    if (events & POLL_WRITE)
        ready |= CURL_CSELECT_OUT;
    if (events & POLL_ERROR) {
        ready |= CURL_CSELECT_ERR;
        poll_stop(socket->poll);
        socket->poll = NULL;
    }
    drive(socket->network, socket->fd, ready);
}

static void socket_free(struct socket *socket)
{
    if (socket->poll)
        poll_stop(socket->poll);
    list_remove(&socket->node);
    free(socket);
}

static struct socket *socket_new(struct network *network, curl_socket_t fd)
{
    struct socket *socket = calloc(1, sizeof(*socket));

    if (!socket)
        return NULL;
    socket->network = network;
    socket->fd = fd;
    list_push(&network->sockets, &socket->node);
    curl_multi_assign(network->multi, fd, socket);
    return socket;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *known)
{
    struct network *network = arg;
    struct socket *socket = known;
    int events = (what & CURL_POLL_IN ? POLL_READ : 0) |
                 (what & CURL_POLL_OUT ? POLL_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket)
            socket_free(socket);
        return 0;
    }
    if (!socket)
        socket = socket_new(network, fd);
    if (!socket)
        return -1;
    if (socket->poll)
        poll_set(socket->poll, events);
    else
        socket->poll =
            poll_start(network->loop, fd, events, on_ready, socket, NULL);
    return socket->poll ? 0 : -1;
}

static void on_time(void *arg)
{
    struct network *network = arg;

    network->timer = NULL;
    drive(network, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct network *network = arg;

    (void)multi;
    timer_cancel(network->timer);
    network->timer = NULL;
    if (ms < 0)
        return 0;
    network->timer = timer_start(network->loop, ms, on_time, network, NULL);
    return network->timer ? 0 : -1;
}

static void on_stall(void *arg)
{
    struct transfer *transfer = arg;
    int64_t now = loop_now(transfer->network->loop), left;
    curl_off_t uploaded = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    if (uploaded != transfer->uploaded)
        transfer->moved_at = now;
    transfer->uploaded = uploaded;
    left = transfer->moved_at + transfer->stall_ms - now;
    transfer->stall = NULL;
    if (left > 0)
        transfer->stall = timer_start(transfer->network->loop, left, on_stall,
                                      transfer, NULL);
    if (transfer->stall)
        return;
    transfer->stop = left > 0 ? STOP_MEMORY : STOP_STALLED;
    settle(transfer, CURLE_OPERATION_TIMEDOUT);
    collect(transfer->network);
}

/* ---- starting ---------------------------------------------------------- */

static struct transfer *transfer_new(struct network *network,
                                     const struct http_request *request)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));

    if (!transfer)
        return NULL;
    list_init(&transfer->node);
    head_reader_init(&transfer->head);
    transfer->network = network;
    transfer->max_body =
        request->max_body ? request->max_body : LIMIT_HTTP_BODY;
    transfer->allow_http = request->allow_http;
    transfer->public_only = request->public_only;
    transfer->stall_ms =
        request->stall_ms ? request->stall_ms : LIMIT_HTTP_STALL_MS;
    transfer->moved_at = loop_now(network->loop);
    transfer->body_len = request->body.len;
    transfer->url = slice_dup(request->url);
    transfer->body =
        slice_dup(request->body.ptr ? request->body : slice_str(""));
    transfer->easy = network->spares > 0 ? network->spare[--network->spares]
                                         : curl_easy_init();
    transfer->stall = timer_start(network->loop, transfer->stall_ms, on_stall,
                                  transfer, NULL);
    if (!transfer->url || !transfer->body || !transfer->easy ||
        !transfer->stall || transport_curl_setup(transfer, request) < 0) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

static struct transfer *network_start(struct transport *transport,
                                      const struct http_request *request,
                                      const struct http_handlers *handlers,
                                      void *arg, struct err *err)
{
    struct network *network = (struct network *)(void *)transport;
    struct transfer *transfer;

    if (transport_curl_check(request, err) < 0)
        return NULL;
    transfer = transfer_new(network, request);
    if (!transfer)
        goto no_memory;
    transfer->handlers = *handlers;
    transfer->arg = arg;
    if (!transport_curl_allows(transfer->url, request->allow_http))
        transfer->stop = STOP_DENIED;
    else if (transport_curl_guard_refuses(transfer, transfer->url))
        transfer->stop = STOP_PRIVATE;
    if (transfer->stop) {
        transport_curl_explain_stop(transfer);
        if (err)
            *err = transfer->err;
        transfer_free(transfer);
        return NULL;
    }
    if (!network->in_curl) {
        transfer->added =
            curl_multi_add_handle(network->multi, transfer->easy) == CURLM_OK;
        if (!transfer->added)
            goto no_memory;
    }
    list_push(&network->running, &transfer->node);
    return transfer;

no_memory:
    if (transfer)
        transfer_free(transfer);
    err_set(err, ERR_SYSTEM, "%.*s: out of memory",
            SLICE_ARG(url_authority(request->url)));
    return NULL;
}

static void network_cancel(struct transport *transport,
                           struct transfer *transfer)
{
    struct network *network = (struct network *)(void *)transport;

    transfer->cancelled = true;
    if (!network->in_curl) {
        transfer_free(transfer);
        return;
    }
    list_remove(&transfer->node);
    list_push(&network->doomed, &transfer->node);
}

/* ---- the transport ----------------------------------------------------- */

static void free_all(struct list *transfers)
{
    struct list *node;

    while ((node = list_first(transfers)))
        transfer_free(list_entry(node, struct transfer, node));
}

static void network_free(struct transport *transport)
{
    struct network *network = (struct network *)(void *)transport;
    struct list *node;

    free_all(&network->running);
    free_all(&network->doomed);
    free_all(&network->ended);
    free_all(&network->telling);
    while (network->spares > 0)
        curl_easy_cleanup(network->spare[--network->spares]);
    if (network->multi)
        curl_multi_cleanup(network->multi);
    while ((node = list_first(&network->sockets)))
        socket_free(list_entry(node, struct socket, node));
    timer_cancel(network->timer);
    tick_cancel(network->tick);
    free(network->ca_file);
    free(network->ca_directory);
    curl_global_cleanup();
    if (network->in_tell)
        network->freed = true;
    else
        free(network);
}

/* The variables the curl tool reads, in its order; libcurl itself looks at
 * none of them. */
static int read_environment(struct network *network)
{
    const char *bundle = getenv("CURL_CA_BUNDLE");
    const char *file = getenv("SSL_CERT_FILE");
    const char *directory = getenv("SSL_CERT_DIR");
    const char *built_in = NULL;
    CURL *easy;

    if (bundle && *bundle) {
        file = bundle;
        directory = NULL;
    }
    if (file && *file && !(network->ca_file = strdup(file)))
        return -1;
    if (directory && *directory && !(network->ca_directory = strdup(directory)))
        return -1;
    if (!(easy = curl_easy_init()))
        return -1;
    curl_easy_getinfo(easy, CURLINFO_CAINFO, &built_in);
    network->ca_file_only =
        !network->ca_directory &&
        (network->ca_file || (built_in && access(built_in, R_OK) == 0));
    put_back(network, easy);
    return 0;
}

struct transport *transport_curl_new(struct loop *loop, struct err *err)
{
    static const struct transport_ops ops = { network_start, network_cancel,
                                              network_free };
    struct network *network = calloc(1, sizeof(*network));
    int rc = 0;

    if (!network || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(network);
        err_set(err, ERR_SYSTEM, "the network: curl does not start");
        return NULL;
    }
    network->transport.ops = &ops;
    network->loop = loop;
    list_init(&network->sockets);
    list_init(&network->running);
    list_init(&network->doomed);
    list_init(&network->ended);
    list_init(&network->telling);
    network->multi = curl_multi_init();
    if (!network->multi || read_environment(network) < 0)
        goto fail;
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_SOCKETFUNCTION,
                                 on_socket);
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_SOCKETDATA, network);
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_TIMERFUNCTION,
                                 on_timer);
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_TIMERDATA, network);
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_MAXCONNECTS,
                                 (long)LIMIT_HTTP_CONNECTIONS);
    rc |= (int)curl_multi_setopt(network->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                                 (long)LIMIT_HTTP_CONNECTIONS);
    if (rc == 0)
        return &network->transport;
fail:
    network_free(&network->transport);
    err_set(err, ERR_SYSTEM, "the network: out of memory");
    return NULL;
}
