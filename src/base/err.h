#ifndef ERR_H
#define ERR_H

#include <stdbool.h>
#include <stdint.h>

/* One failure, told in full: what was attempted, on what, and why it failed.
 * Fixed size and free of heap, so reporting a failure cannot itself fail.
 * Functions that can fail return 0, or -1 (or NULL) with one of these filled.
 * Every function here accepts err == NULL and then reports nothing. */

enum err_kind {              /* the names scripts see: err_kind_name() */
                ERR_MATRIX,  /* the homeserver refused, with an errcode */
                ERR_HTTP,    /* an HTTP status without a Matrix error in it */
                ERR_NETWORK, /* no connection, broken connection, TLS */
                ERR_TIMEOUT,
                ERR_JSON,   /* not JSON, or not the JSON that was asked for */
                ERR_LIMIT,  /* larger, deeper or more than a named limit */
                ERR_DENIED, /* not allowed to this script or user */
                ERR_UNSUPPORTED, /* not built, or the server does not have it */
                ERR_CRYPTO,
                ERR_STORE,     /* SQLite or the disk below it */
                ERR_TASK,      /* a script's own task failed */
                ERR_CANCELLED, /* reload deadline, shutdown, handle cancelled */
                ERR_MISUSE, /* the caller is wrong: scripts see a raised error
                             */
                ERR_CONFIG, /* configuration or command line */
                ERR_SYSTEM  /* an operating system call failed */
};

struct err {
    enum err_kind kind;
    int status;             /* HTTP status, 0 when there was none */
    int64_t retry_after_ms; /* -1 when the server named no time */
    bool unknown;           /* the server may have acted all the same */
    bool soft_logout;       /* M_UNKNOWN_TOKEN only: the device lives on */
    char errcode[64];       /* "M_FORBIDDEN", "" when there is none */
    char request[160];      /* "PUT /rooms/!a:b/send/...", never a token */
    char text[512];         /* one sentence; cut, not refused, when longer */
};

/* Resets *err, then sets kind and the formatted text. Returns -1, so that a
 * function can end with `return err_set(err, ...)`. Keeps errno. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<formatted>: " before the text that is there. Returns -1. */
int err_prefix(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "matrix", "http", ...: static, never NULL. */
const char *err_kind_name(enum err_kind kind);

/* The kind with that name; ERR_MISUSE when no kind has it. */
enum err_kind err_kind_parse(const char *name);

#endif
