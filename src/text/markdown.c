#include "markdown.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmark.h>

#include "limits.h"

/* cmark's own allocator ends the process when memory is out; what it takes is
 * bounded by LIMIT_MARKDOWN.
 *
 * The tree is changed while an iterator walks it: allowed for a leaf, and for
 * a node that is left. */

static bool has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* What the specification lets a link lead to. */
static bool is_link_target(const char *url)
{
    return has_scheme(url, "https:") || has_scheme(url, "http:") ||
           has_scheme(url, "ftp:") || has_scheme(url, "mailto:") ||
           has_scheme(url, "magnet:");
}

static void replace(cmark_node *old, cmark_node *new)
{
    cmark_node_replace(old, new);
    cmark_node_free(old);
}

static cmark_node *new_text(const char *literal)
{
    cmark_node *text = cmark_node_new(CMARK_NODE_TEXT);
    cmark_node_set_literal(text, literal);
    return text;
}

/* Its children take its place. */
static void unwrap(cmark_node *node)
{
    cmark_node *child;
    while ((child = cmark_node_first_child(node))) {
        cmark_node_insert_before(node, child);
    }
    cmark_node_unlink(node);
    cmark_node_free(node);
}

/* ---- raw HTML: shown as it is written ---- */

static void show_inline(cmark_node *html)
{
    replace(html, new_text(cmark_node_get_literal(html)));
}

/* A paragraph of its lines. */
static void show_block(cmark_node *html)
{
    cmark_node *paragraph = cmark_node_new(CMARK_NODE_PARAGRAPH);
    char *lines = strdup(cmark_node_get_literal(html));
    char *save = NULL;
    if (!lines) {
        cmark_node_append_child(paragraph,
                                new_text(cmark_node_get_literal(html)));
    }
    for (char *line = lines ? strtok_r(lines, "\r\n", &save) : NULL; line;
         line = strtok_r(NULL, "\r\n", &save)) {
        if (cmark_node_first_child(paragraph)) {
            cmark_node_append_child(paragraph,
                                    cmark_node_new(CMARK_NODE_LINEBREAK));
        }
        cmark_node_append_child(paragraph, new_text(line));
    }
    free(lines);
    replace(html, paragraph);
}

/* ---- links and images ---- */

static void leave_link(cmark_node *link, bool inside)
{
    if (inside || !is_link_target(cmark_node_get_url(link))) {
        unwrap(link);
    } else {
        cmark_node_set_title(link, ""); /* no attribute that is allowed */
    }
}

static void leave_image(cmark_node *image, bool inside)
{
    const char *url = cmark_node_get_url(image);
    if (has_scheme(url, "mxc://")) {
        return;
    }
    if (inside || !is_link_target(url)) {
        unwrap(image);
        return;
    }
    cmark_node *link = cmark_node_new(CMARK_NODE_LINK);
    cmark_node_set_url(link, url);
    if (!cmark_node_first_child(image)) {
        cmark_node_append_child(link, new_text(url));
    }
    cmark_node *child;
    while ((child = cmark_node_first_child(image))) {
        cmark_node_append_child(link, child);
    }
    replace(image, link);
}

/* ---- the tree ---- */

static void tame(cmark_node *root)
{
    cmark_iter *iter = cmark_iter_new(root);
    cmark_event_type event;
    size_t depth = 0; /* of links and images around the node */
    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(node);
        bool leaves = event == CMARK_EVENT_EXIT;
        if (type == CMARK_NODE_HTML_INLINE) {
            show_inline(node);
        } else if (type == CMARK_NODE_HTML_BLOCK) {
            show_block(node);
        } else if (type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE) {
            depth += leaves ? 0 : 1;
            depth -= leaves ? 1 : 0;
            if (leaves && type == CMARK_NODE_LINK) {
                leave_link(node, depth > 0);
            } else if (leaves) {
                leave_image(node, depth > 0);
            }
        }
    }
    cmark_iter_free(iter);
}

static bool is_one_paragraph(cmark_node *root)
{
    cmark_node *first = cmark_node_first_child(root);
    return first && !cmark_node_next(first) &&
           cmark_node_get_type(first) == CMARK_NODE_PARAGRAPH;
}

/* "<p>...</p>\n" without what is around the text. */
static struct slice inside_paragraph(struct slice html)
{
    static const size_t open = sizeof "<p>" - 1, close = sizeof "</p>" - 1;
    if (html.len < open + close) {
        return html;
    }
    return slice_make(html.ptr + open, html.len - open - close);
}

int markdown_to_html(struct slice text, struct buf *out)
{
    if (text.len > LIMIT_MARKDOWN) {
        return -1;
    }
    cmark_node *root = cmark_parse_document(text.ptr ? text.ptr : "", text.len,
                                            CMARK_OPT_DEFAULT);
    tame(root);
    char *rendered = cmark_render_html(root, CMARK_OPT_HARDBREAKS);
    struct slice html = slice_str(rendered);
    if (html.len && html.ptr[html.len - 1] == '\n') {
        html.len--;
    }
    if (is_one_paragraph(root)) {
        html = inside_paragraph(html);
    }
    int result = buf_add(out, html);
    free(rendered);
    cmark_node_free(root);
    return result;
}
