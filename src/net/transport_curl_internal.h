#ifndef TRANSPORT_CURL_INTERNAL_H
#define TRANSPORT_CURL_INTERNAL_H

#include <curl/curl.h>

#include "head_reader.h"
#include "limits.h"
#include "list.h"
#include "loop.h"
#include "transport.h"

/* What transport_curl.c (the loop), _setup.c (options and callbacks of one
 * transfer) and _fault.c (what went wrong) share. No other file sees curl. */

enum stop { /* why we ended a transfer ourselves */
            STOP_NOT,
            STOP_BODY,    /* more than max_body */
            STOP_HEAD,    /* more than LIMIT_HTTP_HEADERS */
            STOP_READER,  /* the body handler said so */
            STOP_DENIED,  /* plain http beyond loopback */
            STOP_REPEAT,  /* curl wanted to send a POST a second time */
            STOP_STALLED, /* no byte for stall_ms */
            STOP_PRIVATE, /* no public address, and public_only */
            STOP_MEMORY
};

struct network {
    struct transport transport;
    struct loop *loop;
    CURLM *multi;
    struct timer *timer;
    struct tick *tick;
    struct list sockets;
    struct list running; /* in curl, or waiting to be put there */
    struct list doomed;  /* cancelled while curl was on the stack */
    struct list ended;   /* to be told in the next tick */
    struct list telling; /* being told in this one */
    CURL *spare[LIMIT_HTTP_SPARE];
    int spares;
    char *ca_file, *ca_directory; /* from the environment; NULL: built in */
    bool ca_file_only;
    bool in_curl;
    bool in_tell; /* a handler runs below tell_ended, which frees the struct */
    bool freed;   /* by such a handler: all but the struct itself */
};

struct socket {
    struct list node;
    struct network *network;
    curl_socket_t fd;
    struct poll *poll;
};

struct transfer {
    struct list node;
    struct network *network;
    CURL *easy; /* NULL once it has ended */
    struct curl_slist *headers;
    char *url, *body;
    char *answered; /* the last URL after redirects; NULL: as asked */
    size_t body_len, max_body, received;
    struct http_handlers handlers;
    void *arg;
    struct head_reader head;
    bool added, head_told, cancelled, failed;
    bool allow_http, once, public_only;
    char refused[64]; /* the address that is not public; "": none */
    int attempts;     /* connections the request was about to go over */
    enum stop stop;
    struct timer *stall;
    int64_t stall_ms, moved_at;
    curl_off_t uploaded;
    struct err err;
    char reason[CURL_ERROR_SIZE];
};

/* ---- transport_curl.c ---- */

/* Calls the head handler, once. */
void transport_curl_tell_head(struct transfer *transfer);

/* ---- transport_curl_setup.c ---- */

int transport_curl_check(const struct http_request *request, struct err *err);
/* May a request go to this URL? */
bool transport_curl_allows(const char *url, bool allow_http);
/* Sets transfer->easy up; -1 when there is no memory. */
int transport_curl_setup(struct transfer *transfer,
                         const struct http_request *request);

/* ---- transport_curl_guard.c ---- */

/* For requests with public_only. Is the URL's host one that no look-up can
 * make public? Then transfer->refused says which. */
bool transport_curl_guard_refuses(struct transfer *transfer, const char *url);
/* The connection stands: to whom? remote: the address. */
bool transport_curl_guard_connected(struct transfer *transfer, const char *url,
                                    const char *remote);
/* Before connecting. Returns 0 or a curl error. */
int transport_curl_guard_setup(struct transfer *transfer);

/* ---- transport_curl_fault.c ---- */

/* Fills transfer->err from transfer->stop. */
void transport_curl_explain_stop(struct transfer *transfer);
/* Fills it from either; transfer->easy is still there. */
void transport_curl_explain(struct transfer *transfer, CURLcode code);

/* Until when the server's certificate is good, wall ms; 0: not asked for, or
 * unknown (a connection that was there already). */
int64_t transport_curl_certificate(CURL *easy);

#endif
