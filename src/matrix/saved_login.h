#ifndef SAVED_LOGIN_H
#define SAVED_LOGIN_H

#include <stdint.h>

#include "err.h"
#include "slice.h"

/* A login as the session file keeps it. Members are owned, NULL when
 * unknown; secrets are wiped when they go. */
struct saved_login {
    char *user_id, *device_id, *device_name;
    char *homeserver; /* base URL */
    char *access_token, *refresh_token;
    int64_t expires_at; /* of the access token, ms since 1970; 0: unknown */
};

/* Replaces one member by a copy (absent: by nothing), wiping what was there.
 * -1 out of memory or for a text that holds a NUL: it is then NULL. */
int saved_login_set(char **member, struct slice text);
/* Replaces all members by copies of from's. -1 out of memory. */
int saved_login_copy(struct saved_login *to, const struct saved_login *from);
/* Wipes and frees the members; all are then NULL. */
void saved_login_clear(struct saved_login *login);

/* 1 read, 0 there is no such file, -1: unreadable, readable by others,
 * damaged. */
int saved_login_read(const char *file, struct saved_login *login,
                     struct err *err);
/* On the disk, whole, when this returns 0. */
int saved_login_write(const char *file, const struct saved_login *login,
                      struct err *err);

#endif
