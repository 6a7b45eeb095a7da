#ifndef HTML_H
#define HTML_H

#include "buf.h"
#include "slice.h"

/* The HTML subset of Matrix messages (m.room.message, org.matrix.custom.html).
 * All functions append to out and return 0, or -1 when it is full. Linear in
 * the size of the input, whatever it holds. */

/* & < > " ' become entities. */
int html_escape(struct slice text, struct buf *out);
/* Named entities of common use, decimal and hexadecimal references. What is
 * no entity stays as written. */
int html_unescape(struct slice text, struct buf *out);
/* A plain-text rendering for `body`: paragraphs and <br> become line ends,
 * list items get "- " or "1. ", links become "text (url)" unless equal,
 * <pre> keeps its line ends, mx-reply and script/style vanish, entities are
 * decoded, trailing white space goes. */
int html_to_text(struct slice html, struct buf *out);

/* Without the reply fallback of old clients: leading lines that begin with
 * "> " and the blank line after them. Borrowed from body. */
struct slice html_strip_body_fallback(struct slice body);
/* Without a leading <mx-reply>...</mx-reply>. Borrowed from html. */
struct slice html_strip_reply(struct slice html);

#endif
