#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [ERR_MATRIX] = "matrix",   [ERR_HTTP] = "http",
    [ERR_NETWORK] = "network", [ERR_TIMEOUT] = "timeout",
    [ERR_JSON] = "json",       [ERR_LIMIT] = "limit",
    [ERR_DENIED] = "denied",   [ERR_UNSUPPORTED] = "unsupported",
    [ERR_CRYPTO] = "crypto",   [ERR_STORE] = "store",
    [ERR_TASK] = "task",       [ERR_CANCELLED] = "cancelled",
    [ERR_MISUSE] = "misuse",   [ERR_CONFIG] = "config",
    [ERR_SYSTEM] = "system",
};

#define KINDS ((int)(sizeof names / sizeof names[0]))

/* A text that snprintf had to cut must not end within a character. */
static void drop_half_character(char *text)
{
    size_t len = strlen(text), tail = 0;
    while (tail < 3 && tail < len &&
           ((unsigned char)text[len - 1 - tail] & 0xC0) == 0x80)
        tail++;
    if (tail == len)
        return;
    unsigned char lead = (unsigned char)text[len - 1 - tail];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (need > tail)
        text[len - 1 - tail] = '\0';
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    if (!err)
        return -1;
    int kept = errno;
    /* The arguments may point into *err. */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0)
        text[0] = '\0';
    if (len >= (int)sizeof text)
        drop_half_character(text);
    *err = (struct err) { .kind = kind, .retry_after_ms = -1 };
    memcpy(err->text, text, strlen(text) + 1);
    errno = kept;
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    int kept = errno;
    char prefix[sizeof err->text], text[sizeof err->text];
    va_list args;
    va_start(args, format);
    if (vsnprintf(prefix, sizeof prefix, format, args) < 0)
        prefix[0] = '\0';
    va_end(args);
    int len = snprintf(text, sizeof text, "%s: %s", prefix, err->text);
    if (len >= (int)sizeof text)
        drop_half_character(text);
    memcpy(err->text, text, strlen(text) + 1);
    errno = kept;
    return -1;
}

const char *err_kind_name(enum err_kind kind)
{
    return (int)kind >= 0 && (int)kind < KINDS ? names[kind] : "misuse";
}

enum err_kind err_kind_parse(const char *name)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum err_kind)i;
    }
    return ERR_MISUSE;
}
