#include "slice.h"

#include <stdlib.h>

size_t slice_control(struct slice a)
{
    const unsigned char *p = (const unsigned char *)a.ptr;
    if (a.len > 0 && (p[0] < ' ' || p[0] == 0x7f))
        return 1;
    return a.len > 1 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

char *slice_dup(struct slice a)
{
    if (!a.ptr)
        return NULL;
    char *copy = malloc(a.len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, a.ptr, a.len);
    copy[a.len] = '\0';
    return copy;
}
