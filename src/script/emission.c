#include "emission.h"

#include <stdio.h>
#include <string.h>

#include "json_write.h"
#include "limits.h"

static const char prefix[] = "script:";

static bool is_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == ':') {
            return false;
        }
    }
    return text.len > 0 && text.len <= LIMIT_IDENTIFIER;
}

bool emission_is(struct slice type)
{
    return slice_starts(type, prefix);
}

int emission_check(struct slice type, struct err *err)
{
    size_t skip = strlen(prefix);
    struct slice rest = slice_make(type.ptr + skip, type.len - skip);
    const char *colon = memchr(rest.ptr, ':', rest.len);
    size_t len = colon ? (size_t)(colon - rest.ptr) : 0;
    if (colon && is_word(slice_make(rest.ptr, len)) &&
        is_word(slice_make(colon + 1, rest.len - len - 1))) {
        return 0;
    }
    return err_set(err, ERR_MISUSE,
                   "'%.*s' must be script:<script>:<name>, what that script "
                   "emits by that name",
                   SLICE_ARG(type));
}

int emission_write(const char *script, struct slice name, struct slice data,
                   struct buf *out, struct err *err)
{
    char type[2 * LIMIT_IDENTIFIER + sizeof prefix + 1];
    struct json_writer w;
    if (!is_word(name)) {
        return err_set(err, ERR_MISUSE,
                       "'%.*s' must be one word without a colon, of at most "
                       "%d bytes",
                       SLICE_ARG(name), LIMIT_IDENTIFIER);
    }
    if (data.ptr && data.len > LIMIT_EMITTED) {
        return err_set(err, ERR_LIMIT,
                       "'%.*s' has %zu bytes of data, of at most %zu",
                       SLICE_ARG(name), data.len, LIMIT_EMITTED);
    }
    snprintf(type, sizeof type, "%s%.*s:%.*s", prefix, LIMIT_IDENTIFIER, script,
             SLICE_ARG(name));
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "type", type);
    if (data.ptr) {
        json_member_raw(&w, "data", data);
    }
    json_object_end(&w);
    return json_finish(&w, "what is emitted", err);
}
