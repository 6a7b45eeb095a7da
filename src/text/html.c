#include "html.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* ---- escaping ---------------------------------------------------------- */

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

int html_escape(struct slice text, struct buf *out)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *entity = entity_of(text.ptr[i]);
        if (!entity)
            continue;
        buf_add(out, slice_make(text.ptr + from, i - from));
        buf_adds(out, entity);
        from = i + 1;
    }
    if (text.len > from)
        buf_add(out, slice_make(text.ptr + from, text.len - from));
    return out->failed ? -1 : 0;
}

static const struct {
    const char *name, *text;
} entities[] = {
    { "amp", "&" },         { "lt", "<" },          { "gt", ">" },
    { "quot", "\"" },       { "apos", "'" },        { "nbsp", "\u00a0" },
    { "copy", "\u00a9" },   { "reg", "\u00ae" },    { "hellip", "\u2026" },
    { "ndash", "\u2013" },  { "mdash", "\u2014" },  { "lsquo", "\u2018" },
    { "rsquo", "\u2019" },  { "ldquo", "\u201c" },  { "rdquo", "\u201d" },
    { "bull", "\u2022" },   { "middot", "\u00b7" }, { "laquo", "\u00ab" },
    { "raquo", "\u00bb" },  { "deg", "\u00b0" },    { "euro", "\u20ac" },
    { "times", "\u00d7" },  { "trade", "\u2122" },  { "larr", "\u2190" },
    { "rarr", "\u2192" },   { "auml", "\u00e4" },   { "ouml", "\u00f6" },
    { "uuml", "\u00fc" },   { "Auml", "\u00c4" },   { "Ouml", "\u00d6" },
    { "Uuml", "\u00dc" },   { "szlig", "\u00df" },  { "eacute", "\u00e9" },
    { "egrave", "\u00e8" }, { "agrave", "\u00e0" }, { "ccedil", "\u00e7" },
};
enum { ENTITY_MAX = 10 }; /* longest name or number between & and ; */

static int add_code_point(uint32_t c, struct buf *out)
{
    char utf8[4];
    size_t n;

    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        c = 0xfffd;
    if (c < 0x80) {
        return buf_addc(out, (char)c);
    } else if (c < 0x800) {
        utf8[0] = (char)(0xc0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        utf8[0] = (char)(0xe0 | c >> 12);
        n = 3;
    } else {
        utf8[0] = (char)(0xf0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        utf8[i] = (char)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3f));
    return buf_add(out, slice_make(utf8, n));
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* "#65" or "#x41": true and appended, or false and nothing. */
static bool add_number(struct slice name, struct buf *out)
{
    bool hex = name.len > 2 && (name.ptr[1] == 'x' || name.ptr[1] == 'X');
    uint32_t c = 0;

    if (name.len < 2)
        return false;
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        int digit = digit_of(name.ptr[i]);
        if (digit >= (hex ? 16 : 10))
            return false;
        if (c <= 0x10ffff)
            c = c * (hex ? 16 : 10) + (uint32_t)digit;
    }
    add_code_point(c, out);
    return true;
}

static bool add_entity(struct slice name, struct buf *out)
{
    if (name.len && name.ptr[0] == '#')
        return add_number(name, out);
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (slice_is(name, entities[i].name)) {
            buf_adds(out, entities[i].text);
            return true;
        }
    }
    return false;
}

/* The entity at text (which begins with '&') is appended decoded, or its '&'
 * as it is. Returns how many bytes were taken. */
static size_t take_entity(struct slice text, struct buf *out)
{
    size_t end = 1;

    while (end < text.len && end <= ENTITY_MAX && text.ptr[end] != ';')
        end++;
    if (end < text.len && text.ptr[end] == ';' &&
        add_entity(slice_make(text.ptr + 1, end - 1), out))
        return end + 1;
    buf_addc(out, '&');
    return 1;
}

int html_unescape(struct slice text, struct buf *out)
{
    size_t i = 0;

    while (i < text.len) {
        const char *next = memchr(text.ptr + i, '&', text.len - i);
        size_t end = next ? (size_t)(next - text.ptr) : text.len;
        buf_add(out, slice_make(text.ptr + i, end - i));
        i = end;
        if (next)
            i += take_entity(slice_make(next, text.len - end), out);
    }
    return out->failed ? -1 : 0;
}

/* ---- reply fallbacks --------------------------------------------------- */

struct slice html_strip_body_fallback(struct slice body)
{
    struct slice rest = body;
    bool quoted = false;

    while (slice_starts(rest, "> ") || slice_is(rest, ">") ||
           slice_starts(rest, ">\n")) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t taken = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
        rest = slice_make(rest.ptr + taken, rest.len - taken);
        quoted = true;
    }
    if (quoted && rest.len && rest.ptr[0] == '\n')
        rest = slice_make(rest.ptr + 1, rest.len - 1);
    return rest;
}

/* Where `word` (lower case) stands in text, ignoring case; text.len if not.
 * Only looked for where '<' is. */
static size_t find_tag(struct slice text, const char *word, size_t from)
{
    size_t length = strlen(word);

    while (from < text.len) {
        const char *at = memchr(text.ptr + from, '<', text.len - from);
        if (!at)
            break;
        from = (size_t)(at - text.ptr);
        if (text.len - from >= length && strncasecmp(at, word, length) == 0)
            return from;
        from++;
    }
    return text.len;
}

struct slice html_strip_reply(struct slice html)
{
    static const char end[] = "</mx-reply>";
    size_t at;

    if (html.len < 10 || strncasecmp(html.ptr, "<mx-reply", 9) != 0)
        return html;
    at = find_tag(html, end, 0);
    if (at == html.len)
        return html;
    at += sizeof end - 1;
    return slice_make(html.ptr + at, html.len - at);
}
