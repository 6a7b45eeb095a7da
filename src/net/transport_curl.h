#ifndef TRANSPORT_CURL_H
#define TRANSPORT_CURL_H

#include "transport.h"

/* The network: libcurl's multi interface on the loop. Keep-alive, HTTP/2, TLS
 * verification always on, proxies and CA files from the environment as curl
 * reads them. Returns owned; free cancels what is under way, in silence. */
struct transport *transport_curl_new(struct loop *loop, struct err *err);

#endif
