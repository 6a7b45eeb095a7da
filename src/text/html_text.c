#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "html.h"

/* HTML to plain text in one pass over the tags. */

enum { LISTS = 16, TAG_NAME = 12 };

struct renderer {
    struct buf *out;
    size_t start;      /* of what we append */
    int breaks;        /* line ends due before the next text */
    bool space;        /* a blank is due before the next text */
    int pre;           /* inside <pre> */
    size_t href_at;    /* where the link's text began */
    struct slice href; /* of the open <a>, absent outside */
    int lists[LISTS];  /* next number; 0 for a list with dashes */
    int depth;
    size_t close; /* where the next '>' is, looked for once */
};

struct tag {
    char name[TAG_NAME]; /* lower case, cut */
    bool closing;
    struct slice attributes;
};

static void flush_breaks(struct renderer *r)
{
    bool first = r->out->len == r->start;

    for (; r->breaks > 0; r->breaks--) {
        if (!first)
            buf_addc(r->out, '\n');
        r->space = false;
    }
    if (r->space && r->out->len > r->start &&
        r->out->ptr[r->out->len - 1] != '\n')
        buf_addc(r->out, ' ');
    r->space = false;
}

static void want_breaks(struct renderer *r, int count)
{
    if (r->breaks < count)
        r->breaks = count;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Text between tags: blanks fold to one, but for <pre>. */
static void add_text(struct renderer *r, struct slice text)
{
    size_t i = 0;

    if (r->pre && text.len) {
        flush_breaks(r);
        html_unescape(text, r->out);
        return;
    }
    while (i < text.len) {
        size_t from = i;
        while (i < text.len && !is_blank(text.ptr[i]))
            i++;
        if (i > from) {
            flush_breaks(r);
            html_unescape(slice_make(text.ptr + from, i - from), r->out);
        }
        if (i < text.len)
            r->space = true;
        while (i < text.len && is_blank(text.ptr[i]))
            i++;
    }
}

/* ---- tags -------------------------------------------------------------- */

/* Reads what stands between '<' and '>'. False when it is no tag. */
static bool read_tag(struct slice inside, struct tag *tag)
{
    size_t i = 0, n = 0;

    tag->closing = inside.len > 0 && inside.ptr[0] == '/';
    i += tag->closing;
    while (i < inside.len &&
           (isalnum((unsigned char)inside.ptr[i]) || inside.ptr[i] == '-')) {
        if (n < TAG_NAME - 1)
            tag->name[n++] = (char)tolower((unsigned char)inside.ptr[i]);
        i++;
    }
    tag->name[n] = '\0';
    tag->attributes = slice_make(inside.ptr + i, inside.len - i);
    return n > 0;
}

static bool is(const struct tag *tag, const char *name)
{
    return strcmp(tag->name, name) == 0;
}

/* The value of href="..." (or '...'), absent without one. */
static struct slice find_href(struct slice attributes)
{
    for (size_t i = 0; i + 7 < attributes.len; i++) {
        const char *at = attributes.ptr + i;
        if (strncasecmp(at, "href=", 5) != 0 || (at[5] != '"' && at[5] != '\''))
            continue;
        const char *value = at + 6;
        size_t left = attributes.len - i - 6;
        const char *end = memchr(value, at[5], left);
        return end ? slice_make(value, (size_t)(end - value)) : SLICE_NONE;
    }
    return SLICE_NONE;
}

/* The link's address behind its text, unless the text says it already. */
static void add_address(struct renderer *r)
{
    struct buf address; /* decoding never makes it longer */

    buf_init(&address, r->href.len);
    if (html_unescape(r->href, &address) != 0)
        r->out->failed = true;
    struct slice text =
        slice_make(r->out->ptr + r->href_at, r->out->len - r->href_at);
    if (!slice_eq(text, buf_slice(&address)) &&
        !slice_starts(r->href, "https://matrix.to/")) {
        buf_adds(r->out, " (");
        buf_add(r->out, buf_slice(&address));
        buf_addc(r->out, ')');
    }
    buf_free(&address);
}

static void close_link(struct renderer *r)
{
    if (r->href.len && r->out->len > r->href_at)
        add_address(r);
    r->href = SLICE_NONE;
}

static void on_link(struct renderer *r, const struct tag *tag)
{
    if (tag->closing) {
        close_link(r);
        return;
    }
    flush_breaks(r);
    r->href = find_href(tag->attributes);
    r->href_at = r->out->len;
}

static void on_list(struct renderer *r, const struct tag *tag)
{
    want_breaks(r, 1);
    if (tag->closing && r->depth > 0)
        r->depth--;
    else if (!tag->closing && r->depth < LISTS)
        r->lists[r->depth++] = is(tag, "ol");
}

static void on_item(struct renderer *r, const struct tag *tag)
{
    int *number = r->depth ? &r->lists[r->depth - 1] : NULL;

    want_breaks(r, 1);
    if (tag->closing)
        return;
    flush_breaks(r);
    for (int i = 1; i < r->depth; i++)
        buf_adds(r->out, "  ");
    if (number && *number > 0)
        buf_addf(r->out, "%d. ", (*number)++);
    else
        buf_adds(r->out, "- ");
}

static bool is_block(const struct tag *tag)
{
    static const char *const blocks[] = { "p",   "h1",    "h2", "h3",
                                          "h4",  "h5",    "h6", "blockquote",
                                          "pre", "table", NULL };

    for (int i = 0; blocks[i]; i++) {
        if (is(tag, blocks[i]))
            return true;
    }
    return false;
}

static void on_tag(struct renderer *r, const struct tag *tag)
{
    if (is(tag, "br"))
        r->breaks++;
    else if (is(tag, "a"))
        on_link(r, tag);
    else if (is(tag, "ul") || is(tag, "ol"))
        on_list(r, tag);
    else if (is(tag, "li"))
        on_item(r, tag);
    else if (is(tag, "div") || is(tag, "tr") || is(tag, "hr"))
        want_breaks(r, 1);
    else if (is(tag, "td") || is(tag, "th"))
        r->space = true;
    else if (is_block(tag))
        want_breaks(r, 2);
    if (is(tag, "pre"))
        r->pre += tag->closing ? -(r->pre > 0) : 1;
}

/* Behind the end tag of an element whose content is not shown. */
static size_t skip_element(struct slice html, size_t at, const char *end)
{
    size_t length = strlen(end);

    while (at < html.len) {
        const char *next = memchr(html.ptr + at, '<', html.len - at);
        if (!next)
            return html.len;
        at = (size_t)(next - html.ptr);
        if (html.len - at >= length && strncasecmp(next, end, length) == 0)
            break;
        at++;
    }
    const char *close =
        at < html.len ? memchr(html.ptr + at, '>', html.len - at) : NULL;
    return close ? (size_t)(close - html.ptr) + 1 : html.len;
}

static const char *hidden_end(const struct tag *tag)
{
    if (tag->closing)
        return NULL;
    return is(tag, "mx-reply") ? "</mx-reply"
           : is(tag, "script") ? "</script"
           : is(tag, "style")  ? "</style"
                               : NULL;
}

/* Where the next '>' from at on is; html.len when there is none. */
static size_t find_close(struct renderer *r, struct slice html, size_t at)
{
    if (r->close <= at) {
        const char *close = memchr(html.ptr + at, '>', html.len - at);
        r->close = close ? (size_t)(close - html.ptr) : html.len;
    }
    return r->close;
}

/* What stands at html[at], which is '<'. Returns where to go on. */
static size_t take_tag(struct renderer *r, struct slice html, size_t at)
{
    struct tag tag;
    size_t end = find_close(r, html, at);

    if (end < html.len && html.len - at >= 4 &&
        memcmp(html.ptr + at, "<!--", 4) == 0)
        return end + 1;
    if (end == html.len ||
        !read_tag(slice_make(html.ptr + at + 1, end - at - 1), &tag)) {
        add_text(r, slice_str("<"));
        return at + 1;
    }
    const char *hidden = hidden_end(&tag);
    if (hidden)
        return skip_element(html, end + 1, hidden);
    on_tag(r, &tag);
    return end + 1;
}

int html_to_text(struct slice html, struct buf *out)
{
    struct renderer r = { .out = out, .start = out->len };
    size_t at = 0;

    while (at < html.len) {
        const char *next = memchr(html.ptr + at, '<', html.len - at);
        size_t end = next ? (size_t)(next - html.ptr) : html.len;
        add_text(&r, slice_make(html.ptr + at, end - at));
        at = next ? take_tag(&r, html, end) : html.len;
    }
    while (out->len > r.start && is_blank(out->ptr[out->len - 1]))
        buf_truncate(out, out->len - 1);
    return out->failed ? -1 : 0;
}
