#include "slice.h"

#include <stdlib.h>

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
