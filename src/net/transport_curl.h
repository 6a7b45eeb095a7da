#ifndef TRANSPORT_CURL_H
#define TRANSPORT_CURL_H

#include "transport.h"

/* The network: libcurl's multi interface on the loop. Keep-alive, HTTP/2, TLS
 * verification always on, proxies and CA files from the environment as curl
 * reads them. Returns owned; free cancels what is under way, in silence. */
struct transport *transport_curl_new(struct loop *loop, struct err *err);
/* "curl 8.5.0 (OpenSSL/3.0.13)", cut to size. */
void transport_curl_version(char *out, size_t size);

#endif
