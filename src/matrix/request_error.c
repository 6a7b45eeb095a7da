#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_read.h"
#include "limits.h"

/* ---- Retry-After ------------------------------------------------------- */

static int64_t clamp_wait(int64_t ms)
{
    if (ms < 0)
        return 0;
    return ms > LIMIT_RETRY_AFTER_MS ? LIMIT_RETRY_AFTER_MS : ms;
}

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; by hand, since strptime asks the locale. */
static bool read_date(struct slice text, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { 0 };
    char copy[40], month[4];
    const char *found;
    time_t seconds;

    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT",
               &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec) != 6)
        return false;
    found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3 != 0)
        return false;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    seconds = timegm(&tm);
    *ms = (int64_t)seconds * 1000;
    return true;
}

int64_t request_read_date(struct slice text)
{
    int64_t ms;

    return text.ptr && read_date(text, &ms) ? ms : 0;
}

/* -1 when the server named no time. */
static int64_t retry_after(const struct http_head *head, struct slice body,
                           int64_t wall_ms)
{
    struct slice text = http_head_get(head, "retry-after");
    int64_t ms;

    if (is_digits(text)) {
        int64_t seconds = 0;
        for (size_t i = 0; i < text.len && seconds < LIMIT_RETRY_AFTER_MS; i++)
            seconds = seconds * 10 + (text.ptr[i] - '0');
        return clamp_wait(seconds * 1000);
    }
    if (text.ptr && read_date(text, &ms))
        return clamp_wait(ms - wall_ms);
    if (json_int(json_get(body, "retry_after_ms"), &ms))
        return clamp_wait(ms);
    return -1;
}

/* ---- error bodies ------------------------------------------------------ */

static bool is_code(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *text != '\0';
}

static void set_error(struct err *err, int status, struct slice body,
                      const char *code, const char *text)
{
    const char *colon = *text ? ": " : "";

    if (!is_code(code)) {
        if (json_type(json_get(body, "flows")) == JSON_ARRAY)
            err_set(err, ERR_HTTP,
                    "the server wants further steps to prove who we are");
        else
            err_set(err, ERR_HTTP,
                    "the server answered with HTTP status %d%s%s", status,
                    colon, text);
        return;
    }
    err_set(err, ERR_MATRIX, "%s%s%s", code, colon, text);
    snprintf(err->errcode, sizeof(err->errcode), "%s", code);
    if (strcmp(code, "M_UNKNOWN_TOKEN") == 0)
        json_bool(json_get(body, "soft_logout"), &err->soft_logout);
}

static void read_body(struct err *err, int status, struct slice body)
{
    struct buf code, text;

    buf_init(&code, LIMIT_JSON_BODY);
    buf_init(&text, LIMIT_JSON_BODY);
    json_string(json_get(body, "errcode"), &code);
    json_string(json_get(body, "error"), &text);
    if (!is_code(buf_str(&code)) && is_code(buf_str(&text))) { /* OAuth */
        buf_clear(&code);
        buf_add(&code, buf_slice(&text));
        buf_clear(&text);
        json_string(json_get(body, "error_description"), &text);
    }
    set_error(err, status, body, buf_str(&code), buf_str(&text));
    buf_free(&text);
    buf_free(&code);
}

void request_read_error(int status, const struct http_head *head,
                        struct slice body, int64_t wall_ms, struct err *err)
{
    bool sound = json_check(body, NULL) == 0;

    if (sound && json_type(body) == JSON_OBJECT)
        read_body(err, status, body);
    else
        err_set(err, ERR_HTTP, "the server answered with HTTP status %d",
                status);
    err->status = status;
    err->retry_after_ms = retry_after(head, sound ? body : SLICE_NONE, wall_ms);
}
