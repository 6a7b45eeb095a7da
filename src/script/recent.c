#include "recent.h"

#include <stdio.h>

void recent_add(struct recent *recent, int64_t now,
                const struct recent_failure *failure)
{
    int at = (int)(recent->count++ % LIMIT_RECENT);

    recent->rows[at].at = now;
    recent->rows[at].generation = failure->generation;
    recent->rows[at].place[0] = '\0';
    if (failure->line > 0) {
        snprintf(recent->rows[at].place, sizeof recent->rows[at].place, "%s:%d",
                 failure->file, failure->line);
    }
    snprintf(recent->rows[at].handler, sizeof recent->rows[at].handler, "%s",
             failure->handler ? failure->handler : "");
    snprintf(recent->rows[at].text, sizeof recent->rows[at].text, "%s",
             failure->text);
}

static void member(struct json_writer *w, const char *key, const char *text)
{
    if (*text) {
        json_member_text(w, key, slice_str(text));
    }
}

void recent_write(const struct recent *recent, struct json_writer *w)
{
    int64_t count = recent->count < LIMIT_RECENT ? recent->count : LIMIT_RECENT;

    for (int64_t i = 1; i <= count; i++) {
        int at = (int)((recent->count - i) % LIMIT_RECENT);
        json_object_begin(w);
        json_member_int(w, "at", recent->rows[at].at);
        json_member_int(w, "generation", recent->rows[at].generation);
        member(w, "place", recent->rows[at].place);
        member(w, "handler", recent->rows[at].handler);
        json_member_text(w, "error", slice_str(recent->rows[at].text));
        json_object_end(w);
    }
}
