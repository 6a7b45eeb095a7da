#include "line_complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

#define SHOWN 100 /* words listed at once */

/* The next word of *rest; absent at the end. */
static struct slice next_word(struct slice *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    struct slice word;

    if (rest->len == 0 || !end)
        return SLICE_NONE;
    word = slice_make(rest->ptr, (size_t)(end - rest->ptr));
    *rest = slice_make(end + 1, rest->len - word.len - 1);
    return word;
}

static size_t same_length(struct slice a, struct slice b)
{
    size_t length = 0;

    while (length < a.len && length < b.len && a.ptr[length] == b.ptr[length])
        length++;
    while (length > 0 && length < a.len &&
           ((unsigned char)a.ptr[length] & 0xc0) == 0x80)
        length--; /* not inside a character */
    return length;
}

void line_complete_find(struct line_complete *found,
                        const struct line_input_use *use, struct slice text)
{
    char *typed = slice_dup(text);
    struct slice word, common = SLICE_NONE, rest;
    size_t start = 0;

    found->count = 0;
    buf_init(&found->words, LIMIT_COMPLETIONS);
    buf_init(&found->more, LIMIT_COMPLETIONS);
    if (typed)
        start = use->on_complete(use->arg, typed, &found->words);
    rest = buf_slice(&found->words);
    while ((word = next_word(&rest)).ptr) {
        if (found->count++ == 0)
            common = word;
        else
            common.len = same_length(common, word);
    }
    if (start <= text.len && common.len > text.len - start)
        buf_add(&found->more, slice_make(common.ptr + (text.len - start),
                                         common.len - (text.len - start)));
    free(typed);
}

void line_complete_list(const struct line_complete *found, int columns)
{
    struct slice rest = buf_slice(&found->words), word;
    int widest = 1, column = 0, count = 0;

    while ((word = next_word(&rest)).ptr) {
        if ((int)word.len > widest)
            widest = (int)word.len;
    }
    rest = buf_slice(&found->words);
    while ((word = next_word(&rest)).ptr && count++ < SHOWN) {
        if (column > 0 && column + widest > columns) {
            printf("\n");
            column = 0;
        }
        printf("%-*.*s  ", widest, SLICE_ARG(word));
        column += widest + 2;
    }
    printf("\n");
    if (found->count > SHOWN)
        printf("and %d more\n", found->count - SHOWN);
}

void line_complete_free(struct line_complete *found)
{
    buf_free(&found->words);
    buf_free(&found->more);
}
