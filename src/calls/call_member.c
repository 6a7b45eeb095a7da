#include "call_topics.h"

#include "call_args.h"
#include "op.h"
#include "op_draft.h"
#include "url.h"

/* Coming and going, and the state of rooms: one request each. None of them
 * writes to the store; sync brings what came of it. */

static void draft_init(struct op_draft *draft, const struct op *op,
                       const char *method, int64_t timeout_ms)
{
    struct session *session = op->caller->host->session;
    op_draft_init(draft, session ? session_homeserver(session) : NULL, method,
                  timeout_ms);
}

static void add_via(struct call_args *args, struct slice via, struct buf *query)
{
    struct json_iter it = json_iter(via);
    while (json_next(&it)) {
        url_query(query, slice_str("via"), call_args_decode(args, it.value));
    }
}

static int join_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    static const struct op_field fields[] = { { "room_id", JSON_STRING, false },
                                              { 0 } };
    struct call_args args = call_args_of(op, object, err);
    struct slice room = call_args_id(&args, "room");
    struct slice via = call_args_strings_opt(&args, "via");
    struct slice reason = call_args_string_opt(&args, "reason");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    draft_init(&draft, op, "POST", timeout);
    draft.spec.fields = fields;
    draft.spec.dry = "{\"room_id\":\"!dry-run\"}";
    url_path(&draft.path, "/_matrix/client/v3/join/{}", 1, room);
    add_via(&args, via, &draft.query);
    json_object_begin(&draft.w);
    json_member_string(&draft.w, "reason", reason);
    json_object_end(&draft.w);
    return op_draft_start(&draft, op, err);
}

static int resolve_start(struct op *op, struct slice object, struct slice bytes,
                         struct err *err)
{
    static const struct op_field fields[] = {
        { "room_id", JSON_STRING, false },
        { "servers", JSON_ARRAY, true },
        { 0 },
    };
    struct call_args args = call_args_of(op, object, err);
    struct slice alias = call_args_id(&args, "alias");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    draft_init(&draft, op, "GET", timeout);
    draft.spec.options.repeat = REQUEST_REPEAT;
    draft.spec.fields = fields;
    url_path(&draft.path, "/_matrix/client/v3/directory/room/{}", 1, alias);
    return op_draft_start(&draft, op, err);
}

static int leave_start(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice reason = call_args_string_opt(&args, "reason");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    draft_init(&draft, op, "POST", timeout);
    draft.spec.dry = "{}";
    url_path(&draft.path, "/_matrix/client/v3/rooms/{}/leave", 1, room_id);
    json_object_begin(&draft.w);
    json_member_string(&draft.w, "reason", reason);
    json_object_end(&draft.w);
    return op_draft_start(&draft, op, err);
}

static bool is_action(struct slice action)
{
    return slice_is(action, "invite") || slice_is(action, "kick") ||
           slice_is(action, "ban") || slice_is(action, "unban");
}

static int membership_start(struct op *op, struct slice object,
                            struct slice bytes, struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice action = call_args_id(&args, "action");
    struct slice user_id = call_args_id(&args, "user_id");
    struct slice reason = call_args_string_opt(&args, "reason");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (action.ptr && !is_action(action)) {
        call_args_fault(&args, "action must be invite, kick, ban or unban");
    }
    if (call_args_check(&args)) {
        return -1;
    }
    draft_init(&draft, op, "POST", timeout);
    draft.spec.dry = "{}";
    url_path(&draft.path, "/_matrix/client/v3/rooms/{}/{}", 2, room_id, action);
    json_object_begin(&draft.w);
    json_member_string(&draft.w, "user_id", user_id);
    json_member_string(&draft.w, "reason", reason);
    json_object_end(&draft.w);
    return op_draft_start(&draft, op, err);
}

static int set_state_start(struct op *op, struct slice object,
                           struct slice bytes, struct err *err)
{
    static const struct op_field fields[] = {
        { "event_id", JSON_STRING, false },
        { 0 },
    };
    struct call_args args = call_args_of(op, object, err);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice type = call_args_id(&args, "type");
    struct slice key = call_args_string_opt(&args, "state_key");
    struct slice content = call_args_object(&args, "content");
    int64_t timeout = call_args_timeout(&args);
    struct op_draft draft;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    draft_init(&draft, op, "PUT", timeout);
    draft.spec.options.repeat =
        REQUEST_REPEAT; /* the same state twice is one */
    draft.spec.fields = fields;
    draft.spec.dry = "{\"event_id\":\"$dry-run\"}";
    url_path(&draft.path, "/_matrix/client/v3/rooms/{}/state/{}/{}", 3, room_id,
             type, key.ptr ? key : slice_str(""));
    json_put_raw(&draft.w, content);
    return op_draft_start(&draft, op, err);
}

const struct call call_member_table[] = {
    { "room.join", CALL_WRITES, join_start, op_request_detach },
    { "room.resolve", 0, resolve_start, op_request_cancel },
    { "room.leave", CALL_WRITES, leave_start, op_request_detach },
    { "room.membership", CALL_WRITES, membership_start, op_request_detach },
    { "room.set_state", CALL_WRITES | CALL_MATRIX, set_state_start,
      op_request_detach },
    { 0 },
};
