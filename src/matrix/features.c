#include "features.h"

#include "json_read.h"
#include "limits.h"

void features_init(struct features *features)
{
    features->major = features->minor = 0;
    buf_init(&features->flags, LIMIT_FEATURES);
}

void features_free(struct features *features)
{
    buf_free(&features->flags);
}

static bool read_number(struct slice *text, int *out)
{
    size_t i = 0;

    *out = 0;
    while (i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9') {
        if (i == 6)
            return false;
        *out = *out * 10 + (text->ptr[i++] - '0');
    }
    text->ptr += i;
    text->len -= i;
    return i > 0;
}

/* "v1.10"; anything else ("r0.6.1", "v1.10-beta") counts for nothing. */
static bool read_version(struct slice text, int *major, int *minor)
{
    if (!slice_starts(text, "v"))
        return false;
    text.ptr++;
    text.len--;
    if (!read_number(&text, major) || !slice_starts(text, "."))
        return false;
    text.ptr++;
    text.len--;
    return read_number(&text, minor) && text.len == 0;
}

static bool at_least(int major, int minor, int than_major, int than_minor)
{
    return major > than_major || (major == than_major && minor >= than_minor);
}

int features_read(struct features *features, struct slice body, struct err *err)
{
    struct slice versions, flags;
    struct json_iter it;
    int major = 0, minor = 0;

    if (json_check(body, err) < 0)
        return err_prefix(err, "the server's list of versions");
    versions = json_get(body, "versions");
    if (json_type(versions) != JSON_ARRAY)
        return err_set(err, ERR_JSON,
                       "the server's list of versions: there is none in it");
    for (it = json_iter(versions); json_next(&it);) {
        int x, y;
        if (read_version(json_plain(it.value), &x, &y) &&
            at_least(x, y, major, minor)) {
            major = x;
            minor = y;
        }
    }
    if (major == 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "the server is too old: it knows no version of the "
                       "Matrix specification from v1.1 on");
    flags = json_get(body, "unstable_features");
    buf_clear(&features->flags);
    if (json_type(flags) == JSON_OBJECT)
        buf_add(&features->flags, flags);
    if (buf_check(&features->flags, "the server's list of features", err) < 0)
        return -1;
    features->major = major;
    features->minor = minor;
    return 0;
}

bool features_version(const struct features *features, int major, int minor)
{
    return at_least(features->major, features->minor, major, minor);
}

bool features_flag(const struct features *features, const char *flag)
{
    bool set = false;

    if (features->flags.len == 0)
        return false;
    return json_bool(json_get(buf_slice(&features->flags), flag), &set) && set;
}
