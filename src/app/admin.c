#include "admin.h"

#include <stdlib.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "list.h"
#include "log.h"
#include "request.h"
#include "txn.h"
#include "url.h"

struct admin {
    struct session *session;
    struct outbox *outbox;
    char *room;    /* as configured; NULL: none */
    char *room_id; /* NULL until known */
    struct request *lookup;
    struct list notices;
};

/* One text on its way. */
struct notice {
    struct list node;
    struct admin *admin;
    char *text;
    struct outbox_wait *wait; /* NULL until it is in the outbox */
};

static void notice_free(struct notice *notice)
{
    if (notice->wait)
        outbox_detach(notice->wait);
    list_remove(&notice->node);
    free(notice->text);
    free(notice);
}

static void notice_failed(struct notice *notice, const struct err *err)
{
    log_warn("cannot tell the admin room %s \"%s\": %s", notice->admin->room,
             notice->text, err->text);
    notice_free(notice);
}

static void on_sent(void *arg, struct slice event_id, const struct err *err)
{
    struct notice *notice = arg;

    (void)event_id;
    notice->wait = NULL;
    if (err)
        notice_failed(notice, err);
    else
        notice_free(notice);
}

static int write_content(struct slice text, struct buf *out, struct err *err)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "msgtype", "m.notice");
    json_member_string(&w, "body", text);
    json_key(&w, "m.mentions");
    json_object_begin(&w);
    json_object_end(&w);
    json_object_end(&w);
    return json_finish(&w, "a notice", err);
}

static void notice_send(struct notice *notice)
{
    struct admin *admin = notice->admin;
    struct outbox_send send = { .script = "lunatrix",
                                .room_id = slice_str(admin->room_id),
                                .type = slice_str("m.room.message") };
    struct buf txn, content;
    struct err err = { .kind = ERR_LIMIT, .text = "out of memory" };

    buf_init(&txn, TXN_LENGTH);
    buf_init(&content, LIMIT_EVENT_SEND);
    if (txn_random(&txn) == 0 &&
        write_content(slice_str(notice->text), &content, &err) == 0) {
        send.txn_id = buf_slice(&txn);
        send.content = buf_slice(&content);
        notice->wait = outbox_put(admin->outbox, &send, on_sent, notice, &err);
    }
    if (!notice->wait)
        notice_failed(notice, &err);
    buf_free(&txn);
    buf_free(&content);
}

/* All that wait for the room, now that it is known, or is not to be had. */
static void send_all(struct admin *admin, const struct err *err)
{
    list_each_safe(node, &admin->notices)
    {
        struct notice *notice = list_entry(node, struct notice, node);
        if (notice->wait)
            continue;
        if (err)
            notice_failed(notice, err);
        else
            notice_send(notice);
    }
}

static void on_found(void *arg, const struct reply *reply,
                     const struct err *err)
{
    struct admin *admin = arg;
    struct err fault;

    admin->lookup = NULL;
    if (!err)
        admin->room_id = json_dup(json_get(reply->body, "room_id"), KIB(1));
    if (!err && !admin->room_id) {
        err_set(&fault, ERR_JSON, "the server's answer names no room");
        err = &fault;
    }
    send_all(admin, err);
}

static void look_up(struct admin *admin)
{
    struct request_options options = { .method = "GET" };
    struct buf path;
    struct err err;

    buf_init(&path, LIMIT_HTTP_URL);
    url_path(&path, "/_matrix/client/v3/directory/room/{}", 1,
             slice_str(admin->room));
    options.path = buf_slice(&path);
    admin->lookup = request_start(session_homeserver(admin->session), &options,
                                  on_found, admin, &err);
    buf_free(&path);
    if (!admin->lookup)
        send_all(admin, &err);
}

void admin_tell(struct admin *admin, const char *text)
{
    struct notice *notice;

    if (!admin->room)
        return;
    notice = calloc(1, sizeof *notice);
    if (notice)
        notice->text = slice_dup(slice_str(text));
    if (!notice || !notice->text) {
        free(notice);
        log_warn("cannot tell the admin room \"%s\": out of memory", text);
        return;
    }
    notice->admin = admin;
    list_push(&admin->notices, &notice->node);
    if (admin->room_id)
        notice_send(notice);
    else if (!admin->lookup)
        look_up(admin);
}

struct admin *admin_new(struct session *session, struct outbox *outbox,
                        const char *room, struct err *err)
{
    struct admin *admin = calloc(1, sizeof *admin);

    if (!admin)
        goto memory;
    admin->session = session;
    admin->outbox = outbox;
    list_init(&admin->notices);
    if (!room)
        return admin;
    admin->room = slice_dup(slice_str(room));
    if (!admin->room)
        goto memory;
    if (*room == '!') {
        admin->room_id = slice_dup(slice_str(room));
        if (!admin->room_id)
            goto memory;
    }
    return admin;
memory:
    admin_free(admin);
    err_set(err, ERR_LIMIT, "cannot open the admin room: out of memory");
    return NULL;
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    request_cancel(admin->lookup);
    list_each_safe(node, &admin->notices)
        notice_free(list_entry(node, struct notice, node));
    free(admin->room);
    free(admin->room_id);
    free(admin);
}
