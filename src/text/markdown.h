#ifndef MARKDOWN_H
#define MARKDOWN_H

#include "buf.h"
#include "slice.h"

/* Markdown (CommonMark) as the HTML that Matrix messages may hold, appended to
 * out. A line end stays one. HTML in the text is shown, not obeyed. Links to
 * other schemes than Matrix allows become their text; so do images, unless
 * they are mxc: (shown) or may be links. One paragraph alone has no <p>. text
 * is at most LIMIT_MARKDOWN bytes. Returns 0, or -1 when it is longer, or out
 * is full. */
int markdown_to_html(struct slice text, struct buf *out);

#endif
