#include "saved_login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

int saved_login_set(char **member, struct slice text)
{
    char *copy = NULL;
    int rc = 0;

    if (text.ptr) {
        copy = text.len > 0 && memchr(text.ptr, '\0', text.len)
                   ? NULL
                   : slice_dup(text);
        rc = copy ? 0 : -1;
    }
    if (*member)
        explicit_bzero(*member, strlen(*member));
    free(*member);
    *member = copy;
    return rc;
}

int saved_login_copy(struct saved_login *to, const struct saved_login *from)
{
    int rc = 0;

    rc |= saved_login_set(&to->user_id, slice_str(from->user_id));
    rc |= saved_login_set(&to->device_id, slice_str(from->device_id));
    rc |= saved_login_set(&to->device_name, slice_str(from->device_name));
    rc |= saved_login_set(&to->homeserver, slice_str(from->homeserver));
    rc |= saved_login_set(&to->access_token, slice_str(from->access_token));
    rc |= saved_login_set(&to->refresh_token, slice_str(from->refresh_token));
    to->expires_at = from->expires_at;
    return rc;
}

void saved_login_clear(struct saved_login *login)
{
    saved_login_copy(login, &(struct saved_login) { 0 });
}

static void wipe(struct buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->cap);
    buf_free(buf);
}

static char *member(struct slice object, const char *key)
{
    return json_dup(json_get(object, key), LIMIT_TOKEN);
}

static int read_members(struct slice text, struct saved_login *login,
                        struct err *err)
{
    if (json_check(text, err) < 0)
        return -1;
    login->user_id = member(text, "user_id");
    login->device_id = member(text, "device_id");
    login->device_name = member(text, "device_name");
    login->homeserver = member(text, "homeserver");
    login->access_token = member(text, "access_token");
    login->refresh_token = member(text, "refresh_token");
    if (!json_int(json_get(text, "expires_at"), &login->expires_at))
        login->expires_at = 0;
    if (!login->homeserver || !login->access_token || !login->user_id)
        return err_set(err, ERR_CONFIG,
                       "homeserver, user_id or access_token is missing");
    return 0;
}

int saved_login_read(const char *file, struct saved_login *login,
                     struct err *err)
{
    struct buf text;
    int rc = -1;

    *login = (struct saved_login) { 0 };
    buf_init(&text, LIMIT_SESSION_FILE);
    if (file_read_regular(file, LIMIT_SESSION_FILE, &text, err) < 0) {
        rc = errno == ENOENT ? 0 : -1;
        goto done;
    }
    if (file_check_private(file, err) < 0)
        goto done;
    if (read_members(buf_slice(&text), login, err) < 0) {
        err_prefix(err, "the session file %s is damaged (log in again)", file);
        if (err)
            err->kind = ERR_CONFIG;
        saved_login_clear(login);
        goto done;
    }
    rc = 1;
done:
    wipe(&text);
    return rc;
}

int saved_login_write(const char *file, const struct saved_login *login,
                      struct err *err)
{
    struct json_writer w;
    struct buf text;
    int rc = -1;

    buf_init(&text, LIMIT_SESSION_FILE);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    json_member_str(&w, "user_id", login->user_id);
    json_member_str(&w, "device_id", login->device_id);
    json_member_str(&w, "device_name", login->device_name);
    json_member_str(&w, "homeserver", login->homeserver);
    json_member_str(&w, "access_token", login->access_token);
    json_member_str(&w, "refresh_token", login->refresh_token);
    if (login->expires_at)
        json_member_int(&w, "expires_at", login->expires_at);
    json_object_end(&w);
    if (json_finish(&w, "the session file", err) == 0 &&
        buf_addc(&text, '\n') == 0)
        rc = file_write_private(file, buf_slice(&text), err);
    if (rc < 0)
        err_prefix(err, "the login cannot be saved");
    wipe(&text);
    return rc;
}
