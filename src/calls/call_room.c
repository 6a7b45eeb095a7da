#include "call_topics.h"

#include "call_args.h"
#include "json_write.h"
#include "limits.h"
#include "op.h"
#include "power.h"

/* What the account's own copy knows of a room; nothing here waits. */

static struct store *need_store(struct call_args *args)
{
    struct store *store = args->op->caller->host->store;
    if (!store) {
        call_args_fault(args, "there is no account that knows rooms");
    }
    return store;
}

/* The last step of every start here. */
static int finish(struct op *op, struct json_writer *w, struct err *err)
{
    if (json_finish(w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

static void write_room(struct json_writer *w, const struct store_room *room)
{
    json_object_begin(w);
    json_member_string(w, "room_id", room->room_id);
    json_member_string(w, "membership", room->membership);
    json_member_bool(w, "encrypted", room->encrypted);
    json_member_bool(w, "direct", room->direct);
    if (room->joined_count >= 0) {
        json_member_int(w, "joined_count", room->joined_count);
    }
    if (room->invited_count >= 0) {
        json_member_int(w, "invited_count", room->invited_count);
    }
    json_member_raw(w, "heroes",
                    room->heroes.ptr ? room->heroes : slice_str("[]"));
    json_object_end(w);
}

static int room_info(struct op *op, struct slice object, struct slice bytes,
                     struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice room_id = call_args_id(&args, "room_id");
    struct store_room room;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    int found = store_room_get(store, room_id, &room, err);
    if (found < 0) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    if (found) {
        write_room(&w, &room);
    } else {
        json_put_null(&w);
    }
    return finish(op, &w, err);
}

static int room_state(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice type = call_args_id(&args, "type");
    struct slice key = call_args_string_opt(&args, "state_key");
    struct store_state state;
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    int found = store_state_get(store, room_id, type,
                                key.ptr ? key : slice_str(""), &state, err);
    if (found < 0) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    if (!found) {
        json_put_null(&w);
        return finish(op, &w, err);
    }
    json_object_begin(&w);
    json_member_raw(&w, "content", state.content);
    json_member_string(&w, "sender", state.sender);
    if (!slice_empty(state.event_id)) {
        json_member_string(&w, "event_id", state.event_id);
    }
    json_member_int(&w, "origin_server_ts", state.origin_server_ts);
    json_object_end(&w);
    return finish(op, &w, err);
}

struct page {
    struct json_writer w;
    int64_t left;
};

static bool add_state(void *arg, const struct store_state *state)
{
    struct page *page = arg;
    json_object_begin(&page->w);
    json_member_string(&page->w, "state_key", state->state_key);
    json_member_raw(&page->w, "content", state->content);
    json_member_string(&page->w, "sender", state->sender);
    json_object_end(&page->w);
    return --page->left > 0;
}

static int room_states(struct op *op, struct slice object, struct slice bytes,
                       struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice type = call_args_id(&args, "type");
    struct slice after = call_args_string_opt(&args, "after");
    struct page page = {
        .left = call_args_int(&args, "max", 100, 1, LIMIT_CALL_ROWS),
    };
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    json_writer_init(&page.w, &op->result);
    json_array_begin(&page.w);
    if (store_state_each(store, room_id, type, after, add_state, &page, err)) {
        return -1;
    }
    json_array_end(&page.w);
    return finish(op, &page.w, err);
}

/* Who may do what in a room, copied out of the store. */
struct levels {
    struct buf levels, create, sender;
};

static void levels_free(struct levels *levels)
{
    buf_free(&levels->levels);
    buf_free(&levels->create);
    buf_free(&levels->sender);
}

static int levels_load(struct levels *levels, struct store *store,
                       struct slice room_id, struct err *err)
{
    struct store_state state;
    struct slice key = slice_str("");
    buf_init(&levels->levels, LIMIT_ROW);
    buf_init(&levels->create, LIMIT_ROW);
    buf_init(&levels->sender, LIMIT_ROW);
    int found = store_state_get(
        store, room_id, slice_str("m.room.power_levels"), key, &state, err);
    if (found > 0) {
        buf_add(&levels->levels, state.content);
    }
    if (found >= 0) {
        found = store_state_get(store, room_id, slice_str("m.room.create"), key,
                                &state, err);
    }
    if (found > 0) {
        buf_add(&levels->create, state.content);
        buf_add(&levels->sender, state.sender);
    }
    if (found < 0 || buf_check(&levels->levels, "power levels", err) ||
        buf_check(&levels->create, "m.room.create", err) ||
        buf_check(&levels->sender, "m.room.create", err)) {
        levels_free(levels);
        return -1;
    }
    return 0;
}

static struct slice content_of(const struct buf *buf)
{
    return buf->len ? buf_slice(buf) : SLICE_NONE;
}

static struct power power_of(const struct levels *levels)
{
    return (struct power) { .levels = content_of(&levels->levels),
                            .create = content_of(&levels->create),
                            .create_sender = content_of(&levels->sender) };
}

static int room_power(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice user_id = call_args_id(&args, "user_id");
    struct levels levels;
    (void)bytes;
    if (call_args_check(&args) || levels_load(&levels, store, room_id, err)) {
        return -1;
    }
    struct power power = power_of(&levels);
    int64_t level = power_of_user(&power, user_id);
    levels_free(&levels);
    struct json_writer w;
    json_writer_init(&w, &op->result);
    if (level == POWER_CREATOR) {
        json_put_string(&w, slice_str("creator"));
    } else {
        json_put_int(&w, level);
    }
    return finish(op, &w, err);
}

static int room_required_power(struct op *op, struct slice object,
                               struct slice bytes, struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice room_id = call_args_id(&args, "room_id");
    struct slice action = call_args_id(&args, "action");
    bool state = call_args_bool(&args, "state", false);
    struct levels levels;
    (void)bytes;
    if (call_args_check(&args) || levels_load(&levels, store, room_id, err)) {
        return -1;
    }
    struct power power = power_of(&levels);
    int64_t level = power_required(&power, action, state);
    levels_free(&levels);
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_put_int(&w, level);
    return finish(op, &w, err);
}

const struct call call_room_table[] = {
    { "room.info", CALL_NOW, room_info, NULL },
    { "room.state", CALL_NOW, room_state, NULL },
    { "room.states", CALL_NOW, room_states, NULL },
    { "room.power", CALL_NOW, room_power, NULL },
    { "room.required_power", CALL_NOW, room_required_power, NULL },
    { 0 },
};
