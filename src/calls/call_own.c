#include "call_own.h"

#include "json_read.h"
#include "json_text.h"
#include "limits.h"

#define SEGMENTS 16

/* The decoded segments of a path; empty ones are passed over, so that "//" is
 * no way around. */
struct segments {
    struct buf text;
    struct slice at[SEGMENTS];
    int count;
};

/* Appends one segment without its percent-encoding. */
static void add_decoded(struct buf *out, struct slice segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];
        if (c == '%' && i + 2 < segment.len) {
            int high = json_text_hex(segment.ptr[i + 1]);
            int low = json_text_hex(segment.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        }
        buf_addc(out, c);
    }
}

static int split(struct segments *segments, struct slice path, struct err *err)
{
    const char *p = path.ptr, *end = path.ptr + path.len;
    /* Decoding only shrinks, so nothing moves. */
    if (!buf_reserve(&segments->text, path.len + 1)) {
        return err_set(err, ERR_LIMIT, "the path is too long");
    }
    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash ? slash : end;
        if (stop > p && segments->count < SEGMENTS) {
            size_t at = segments->text.len;
            add_decoded(&segments->text, slice_make(p, (size_t)(stop - p)));
            segments->at[segments->count++] =
                slice_make(segments->text.ptr + at, segments->text.len - at);
        }
        p = slash ? slash + 1 : end;
    }
    return 0;
}

static struct slice segment(const struct segments *segments, int index)
{
    return index < segments->count ? segments->at[index] : SLICE_NONE;
}

static bool names(const struct segments *segments, int index, const char *name)
{
    return slice_is(segment(segments, index), name);
}

static bool holds(struct slice array, const char *text)
{
    struct json_iter it = json_iter(array);
    while (json_next(&it)) {
        if (json_equals(it.value, slice_str(text))) {
            return true;
        }
    }
    return false;
}

/* Does the endpoint at that segment read or change the login? */
static bool is_login(const struct segments *s, int at)
{
    return names(s, at, "login") || names(s, at, "logout") ||
           names(s, at, "refresh") ||
           (names(s, at, "account") &&
            (names(s, at + 1, "password") || names(s, at + 1, "deactivate")));
}

/* Does it remove this very device? */
static bool removes_us(const struct segments *s, int at, const char *method,
                       struct slice body, const char *device_id)
{
    if (names(s, at, "devices") && strcmp(method, "DELETE") == 0) {
        return names(s, at + 1, device_id);
    }
    return names(s, at, "delete_devices") &&
           holds(json_get(body, "devices"), device_id);
}

static int check_room(const struct call_host *host, const struct segments *s,
                      int at, struct err *err)
{
    struct store_room room;
    if (!names(s, at, "rooms") || !names(s, at + 2, "send") || !host->store) {
        return 0;
    }
    int found = store_room_get(host->store, segment(s, at + 1), &room, err);
    if (found < 0) {
        return -1;
    }
    if (found && room.encrypted) {
        return err_set(err, ERR_UNSUPPORTED,
                       "cannot send to %.*s: the room is encrypted, and "
                       "nothing goes out in clear",
                       SLICE_ARG(segment(s, at + 1)));
    }
    /* client.send and the like ask the server; this goes out as it is. */
    if (!found || !slice_is(room.membership, "join") ||
        (host->outbox && !outbox_is_synced(host->outbox))) {
        return err_set(err, ERR_UNSUPPORTED,
                       "cannot send to %.*s: it is not known yet whether the "
                       "room is encrypted; room:send_event finds out",
                       SLICE_ARG(segment(s, at + 1)));
    }
    return 0;
}

static int check_at(const struct call_host *host, const struct segments *s,
                    int at, const char *method, struct slice body,
                    struct err *err)
{
    const char *device_id = session_device_id(host->session);
    if (is_login(s, at) || removes_us(s, at, method, body, device_id)) {
        return err_set(err, ERR_DENIED,
                       "%s: the login of the bot's own account is out of a "
                       "script's reach",
                       method);
    }
    return check_room(host, s, at, err);
}

int call_own_check(const struct call_host *host, const char *method,
                   struct slice path, struct slice body, struct err *err)
{
    struct segments segments = { .count = 0 };
    buf_init(&segments.text, LIMIT_HTTP_URL + 1);
    int result = split(&segments, path, err);
    if (result == 0) {
        /* /_matrix/client/v3/NAME, or .../unstable/org.example/NAME */
        result = check_at(host, &segments, 3, method, body, err);
    }
    if (result == 0 &&
        (names(&segments, 2, "unstable") || names(&segments, 2, "api"))) {
        result = check_at(host, &segments, 4, method, body, err);
    }
    buf_free(&segments.text);
    return result;
}
