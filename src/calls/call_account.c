#include "call_topics.h"

#include "call_args.h"
#include "json_write.h"
#include "op.h"

static void write_login(struct json_writer *w, struct session *session)
{
    const char *user_id = session_user_id(session);
    const char *device_id = session_device_id(session);
    struct homeserver *homeserver = session_homeserver(session);
    json_member_str(w, "user_id", user_id[0] ? user_id : NULL);
    json_member_str(w, "device_id", device_id[0] ? device_id : NULL);
    json_member_str(w, "homeserver",
                    homeserver ? homeserver_base(homeserver) : NULL);
}

static int info_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_host *host = op->caller->host;
    struct json_writer w;
    (void)object;
    (void)bytes;
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    if (host->session) {
        write_login(&w, host->session);
    }
    json_member_str(&w, "account", host->account);
    json_member_str(&w, "prefix", host->prefix);
    json_member_str(&w, "admin_room", host->admin_room);
    json_key(&w, "admins");
    json_array_begin(&w);
    for (int i = 0; host->admins && host->admins[i]; i++) {
        json_put_string(&w, slice_str(host->admins[i]));
    }
    json_array_end(&w);
    json_object_end(&w);
    if (json_finish(&w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

static bool add_room(void *arg, const struct store_room *room)
{
    json_put_string(arg, room->room_id);
    return true;
}

static int rooms_start(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = op->caller->host->store;
    struct slice membership = call_args_string_opt(&args, "membership");
    struct json_writer w;
    (void)bytes;
    if (!store) {
        call_args_fault(&args, "there is no account");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    if (!membership.ptr) {
        membership = slice_str("join");
    } else if (slice_is(membership, "all")) {
        membership = SLICE_NONE;
    }
    json_writer_init(&w, &op->result);
    json_array_begin(&w);
    if (store_room_each(store, membership, add_room, &w, err)) {
        return -1;
    }
    json_array_end(&w);
    if (json_finish(&w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

const struct call call_account_table[] = {
    { "account.info", CALL_NOW, info_start, NULL },
    { "account.rooms", CALL_NOW, rooms_start, NULL },
    { 0 },
};
