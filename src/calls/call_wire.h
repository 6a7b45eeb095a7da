#ifndef CALL_WIRE_H
#define CALL_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "call_args.h"
#include "json_write.h"
#include "slice.h"
#include "transport.h"

/* Arguments that http.request and client.request have in common. Faults go to
 * the call_args; what is returned is valid until start returns. */

/* "method": capital letters, "GET" after a fault. */
const char *call_wire_method(struct call_args *args);
/* An object of strings, numbers, booleans and arrays of these, as an encoded
 * query. */
void call_wire_query(struct call_args *args, const char *key, struct buf *out);
/* An object of strings; returns how many there are. Names and values that
 * would end the header or the exchange are faults. */
#define CALL_WIRE_HEADERS 100
size_t call_wire_headers(struct call_args *args, const char *key,
                         struct http_header out[CALL_WIRE_HEADERS]);
/* http or https, and no byte that must be percent-encoded. */
bool call_wire_is_url(struct slice url);
/* Nothing but printable ASCII? */
bool call_wire_is_plain(struct slice text);
/* Writes all headers as an object: lower-case names, repeated ones joined. */
void call_wire_write_headers(struct json_writer *w,
                             const struct http_head *head);

#endif
