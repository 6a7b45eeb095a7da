#include "url.h"

#include <stdarg.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_unreserved(char c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct buf *out, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    char text[3] = { '%', digits[byte >> 4], digits[byte & 15] };

    buf_add(out, slice_make(text, 3));
}

int url_encode(struct slice text, struct buf *out)
{
    size_t i = 0;

    while (i < text.len) {
        size_t run = i;
        while (run < text.len && is_unreserved(text.ptr[run]))
            run++;
        if (run > i)
            buf_add(out, slice_make(text.ptr + i, run - i));
        else
            add_escaped(out, text.ptr[run++]);
        i = run;
    }
    return out->failed ? -1 : 0;
}

/* Dot segments vanish on the way through libraries and proxies. */
static void add_segment(struct buf *out, struct slice segment)
{
    if (slice_is(segment, "."))
        buf_adds(out, "%2E");
    else if (slice_is(segment, ".."))
        buf_adds(out, "%2E%2E");
    else
        url_encode(segment, out);
}

int url_path(struct buf *out, const char *pattern, int count, ...)
{
    const char *hole;
    va_list args;

    va_start(args, count);
    while (count > 0 && (hole = strstr(pattern, "{}"))) {
        buf_add(out, slice_make(pattern, (size_t)(hole - pattern)));
        add_segment(out, va_arg(args, struct slice));
        pattern = hole + 2;
        count--;
    }
    va_end(args);
    buf_adds(out, pattern);
    return out->failed ? -1 : 0;
}

int url_query(struct buf *out, struct slice key, struct slice value)
{
    if (out->len > 0)
        buf_addc(out, '&');
    url_encode(key, out);
    buf_addc(out, '=');
    return url_encode(value, out);
}

/* ---- taking a URL apart ------------------------------------------------ */

struct parts {
    const char *scheme; /* "http" or "https" */
    struct slice host;  /* with the brackets of IPv6 */
    struct slice port;  /* absent: none */
    struct slice rest;  /* from the first / ? or # on */
};

static bool cut_prefix(struct slice *text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (text->len < len || strncasecmp(text->ptr, prefix, len) != 0)
        return false;
    text->ptr += len;
    text->len -= len;
    return true;
}

static size_t span(struct slice text, bool (*wanted)(char c))
{
    size_t n = 0;

    while (n < text.len && wanted(text.ptr[n]))
        n++;
    return n;
}

static bool is_authority(char c)
{
    return c != '/' && c != '?' && c != '#';
}

static bool is_host(char c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static bool is_ipv6(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
           c == ':' || c == '.';
}

/* Returns NULL, or what is wrong. Knows no user part on purpose: what one
 * parser takes for the user another takes for the host. */
static const char *split(struct slice url, struct parts *parts)
{
    struct slice rest = url, authority;
    size_t n;

    if (cut_prefix(&rest, "https://"))
        parts->scheme = "https";
    else if (cut_prefix(&rest, "http://"))
        parts->scheme = "http";
    else
        return "it must begin with https:// or http://";
    n = span(rest, is_authority);
    authority = slice_make(rest.ptr, n);
    parts->rest = slice_make(rest.ptr + n, rest.len - n);
    if (n > 0 && memchr(authority.ptr, '@', n))
        return "it must hold no user name";
    if (n > 0 && authority.ptr[0] == '[') {
        n = 1 + span(slice_make(authority.ptr + 1, n - 1), is_ipv6);
        if (n < 3 || n == authority.len || authority.ptr[n++] != ']')
            return "its IPv6 address is malformed";
    } else {
        n = span(authority, is_host);
    }
    if (n == 0)
        return "it has no host";
    parts->host = slice_make(authority.ptr, n);
    parts->port = SLICE_NONE;
    if (n == authority.len)
        return NULL;
    if (authority.ptr[n] != ':')
        return "its host holds a character that is not allowed";
    parts->port = slice_make(authority.ptr + n + 1, authority.len - n - 1);
    if (parts->port.len < 1 || parts->port.len > 5 ||
        span(parts->port, is_digit) != parts->port.len)
        return "its port is no number";
    return NULL;
}

static bool is_path(char c)
{
    return is_unreserved(c) || (c && strchr("/%!$&'()*+,;=:@", c));
}

static bool has_dot_segment(struct slice path)
{
    for (size_t i = 0, end; i < path.len; i = end) {
        struct slice segment;
        for (end = ++i; end < path.len && path.ptr[end] != '/';)
            end++;
        segment = slice_make(path.ptr + i, end - i);
        if (slice_is(segment, ".") || slice_is(segment, ".."))
            return true;
    }
    return false;
}

static const char *check_path(struct slice *path)
{
    while (path->len > 0 && path->ptr[path->len - 1] == '/')
        path->len--;
    if (path->len == 0)
        return NULL;
    if (memchr(path->ptr, '?', path->len))
        return "it must hold no query";
    if (memchr(path->ptr, '#', path->len))
        return "it must hold no fragment";
    if (span(*path, is_path) != path->len)
        return "its path holds a character that is not allowed";
    if (has_dot_segment(*path))
        return "its path must hold no . or .. segment";
    return NULL;
}

int url_check_base(struct slice url, struct buf *out, struct err *err)
{
    struct parts parts;
    const char *fault = split(url, &parts);
    size_t before = out->len;

    if (!fault)
        fault = check_path(&parts.rest);
    if (fault)
        return err_set(err, ERR_CONFIG, "\"%.*s\" is no base URL: %s",
                       (int)(url.len < 200 ? url.len : 200),
                       url.ptr ? url.ptr : "", fault);
    buf_adds(out, parts.scheme);
    buf_adds(out, "://");
    buf_add(out, parts.host);
    if (parts.port.ptr) {
        buf_addc(out, ':');
        buf_add(out, parts.port);
    }
    buf_add(out, parts.rest);
    if (buf_check(out, "the base URL", err) < 0) {
        buf_truncate(out, before);
        return -1;
    }
    return 0;
}

struct slice url_authority(struct slice url)
{
    struct slice rest = url;

    if (!cut_prefix(&rest, "https://") && !cut_prefix(&rest, "http://"))
        return slice_str("");
    return slice_make(rest.ptr, span(rest, is_authority));
}

/* Dotted decimal in its plain form only: 127.1 and 0177.0.0.1 are loopback to
 * some resolvers and something else to others. */
static bool is_loopback_v4(struct slice host)
{
    int numbers = 0;

    for (size_t i = 0; i < host.len; numbers++) {
        int value = 0;
        size_t digits = span(slice_make(host.ptr + i, host.len - i), is_digit);
        if (digits < 1 || digits > 3 || (digits > 1 && host.ptr[i] == '0'))
            return false;
        for (size_t k = 0; k < digits; k++)
            value = value * 10 + (host.ptr[i++] - '0');
        if (value > 255 || (numbers == 0 && value != 127))
            return false;
        if (i < host.len && (host.ptr[i++] != '.' || i == host.len))
            return false;
    }
    return numbers == 4;
}

bool url_is_loopback(struct slice url)
{
    struct parts parts;

    if (split(url, &parts))
        return false;
    if (slice_is(parts.host, "[::1]") || is_loopback_v4(parts.host))
        return true;
    return parts.host.len == 9 &&
           strncasecmp(parts.host.ptr, "localhost", 9) == 0;
}
