#include "log_ring.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"

struct kept {
    struct list node;
    char *script, *account; /* in text, behind the line; NULL: of none */
    size_t len, size;       /* of the line; of all of it */
    char text[];
};

static struct list ring = { &ring, &ring };
static struct list followers = { &followers, &followers };
static size_t bytes;
static int lines;

static void drop_first(void)
{
    struct kept *first = list_entry(list_first(&ring), struct kept, node);

    list_remove(&first->node);
    bytes -= first->size;
    lines--;
    free(first);
}

/* Copies a name to *at, behind which the next one goes. */
static char *keep_name(char **at, const char *name)
{
    char *copy = *at;
    size_t size = name ? strlen(name) + 1 : 0;

    if (!name)
        return NULL;
    memcpy(copy, name, size);
    *at += size;
    return copy;
}

static void keep(const struct log_fields *about, struct slice line)
{
    size_t names = (about->script ? strlen(about->script) + 1 : 0) +
                   (about->account ? strlen(about->account) + 1 : 0);
    size_t size = sizeof(struct kept) + line.len + names;
    struct kept *kept = size <= LIMIT_LOG_RING ? malloc(size) : NULL;
    char *at;

    if (!kept)
        return;
    kept->len = line.len;
    kept->size = size;
    memcpy(kept->text, line.ptr, line.len);
    at = kept->text + line.len;
    kept->script = keep_name(&at, about->script);
    kept->account = keep_name(&at, about->account);
    list_push(&ring, &kept->node);
    bytes += size;
    lines++;
    while (bytes > LIMIT_LOG_RING || lines > LIMIT_LOG_RING_LINES)
        drop_first();
}

static bool fits(const struct log_ring_filter *filter, const char *script,
                 const char *account)
{
    if (filter->script && (!script || strcmp(script, filter->script) != 0))
        return false;
    return !filter->account || !account ||
           strcmp(account, filter->account) == 0;
}

static void on_line(void *arg, const struct log_fields *about,
                    struct slice line)
{
    (void)arg;
    keep(about, line);
    list_each(node, &followers)
    {
        struct log_follower *it = list_entry(node, struct log_follower, node);
        if (fits(&it->filter, about->script, about->account))
            it->fn(it->arg, line);
    }
}

void log_ring_start(void)
{
    log_set_tap(on_line, NULL);
}

void log_ring_stop(void)
{
    log_set_tap(NULL, NULL);
    while (lines > 0)
        drop_first();
}

void log_ring_read(const struct log_ring_filter *filter, int most,
                   log_ring_fn *fn, void *arg)
{
    int count = 0;

    list_each(node, &ring)
    {
        const struct kept *kept = list_entry(node, struct kept, node);
        count += fits(filter, kept->script, kept->account);
    }
    list_each(node, &ring)
    {
        const struct kept *kept = list_entry(node, struct kept, node);
        if (fits(filter, kept->script, kept->account) && count-- <= most)
            fn(arg, slice_make(kept->text, kept->len));
    }
}

void log_ring_follow(struct log_follower *follower)
{
    list_push(&followers, &follower->node);
}

void log_ring_unfollow(struct log_follower *follower)
{
    list_remove(&follower->node);
}
