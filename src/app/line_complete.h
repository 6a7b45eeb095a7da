#ifndef LINE_COMPLETE_H
#define LINE_COMPLETE_H

#include "buf.h"
#include "line_input.h"

/* What Tab finds, for line_input.c. */
struct line_complete {
    struct buf words; /* each with '\n' behind it */
    struct buf more;  /* what all of them have in common beyond what is typed */
    int count;
};

/* Fills found, which line_complete_free empties. */
void line_complete_find(struct line_complete *found,
                        const struct line_input_use *use, struct slice text);
/* Prints the words, in columns. */
void line_complete_list(const struct line_complete *found, int columns);
void line_complete_free(struct line_complete *found);

#endif
