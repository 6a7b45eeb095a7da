#include "log_secret.h"

#include <stdlib.h>

#include "log.h"

#define SHORTEST 4

struct secret {
    char *ptr;
    size_t len;
};

static struct secret secrets[LOG_SECRETS]; /* the oldest first */
static int count;

static void wipe(struct secret *secret)
{
    explicit_bzero(secret->ptr, secret->len);
    free(secret->ptr);
    *secret = (struct secret) { NULL, 0 };
}

static void forget(int index)
{
    wipe(&secrets[index]);
    count--;
    memmove(&secrets[index], &secrets[index + 1],
            (size_t)(count - index) * sizeof secrets[0]);
}

int log_add_secret(struct slice secret)
{
    if (secret.len < SHORTEST)
        return 0;
    char *copy = slice_dup(secret);
    if (!copy)
        return -1;
    for (int i = 0; i < count; i++) {
        if (slice_eq(slice_make(secrets[i].ptr, secrets[i].len), secret)) {
            forget(i); /* it counts as new again */
            break;
        }
    }
    if (count == LOG_SECRETS)
        forget(0);
    secrets[count++] = (struct secret) { copy, secret.len };
    return 0;
}

void log_clear_secrets(void)
{
    while (count > 0)
        wipe(&secrets[--count]);
}

size_t log_secret_match(struct slice text)
{
    size_t longest = 0;
    for (int i = 0; i < count; i++) {
        if (secrets[i].len > longest && secrets[i].len <= text.len &&
            memcmp(secrets[i].ptr, text.ptr, secrets[i].len) == 0)
            longest = secrets[i].len;
    }
    return longest;
}

size_t log_secret_longest(void)
{
    size_t longest = 0;
    for (int i = 0; i < count; i++) {
        if (secrets[i].len > longest)
            longest = secrets[i].len;
    }
    return longest;
}

void log_conceal(struct slice text, struct buf *out)
{
    size_t at = 0;
    while (at < text.len && !out->failed) {
        struct slice rest = slice_make(text.ptr + at, text.len - at);
        size_t secret = log_secret_match(rest);
        if (secret > 0) {
            buf_adds(out, LOG_SECRET_MARK);
        } else {
            buf_addc(out, text.ptr[at]);
        }
        at += secret > 0 ? secret : 1;
    }
}
