/* layer: store */
#include "store_fixture.h"

#include "limits.h"

static struct store_room room_of(const char *id)
{
    struct store_room room;
    ok(store_room_get(store, S(id), &room, &err));
    return room;
}

static void put(const char *room, const char *type, const char *key,
                const char *content)
{
    struct store_state state = {
        .room_id = S(room),
        .type = S(type),
        .state_key = S(key),
        .sender = S("@a:x"),
        .event_id = S("$1"),
        .content = S(content),
        .origin_server_ts = 17,
    };
    ok(store_state_put(store, &state, &err));
}

static void unknown_room_is_absent(void **state)
{
    (void)state;
    struct store_room room;
    assert_int_equal(store_room_get(store, S("!a"), &room, &err), 0);
    begin();
    ok(store_room_set_joined_ts(store, S("!a"), 5, &err));
    commit();
    room = room_of("!a");
    assert_slice(room.membership, "");
    assert_null(room.heroes.ptr);
    assert_int_equal(room.joined_count, -1);
    assert_int_equal(room.invited_count, -1);
    assert_int_equal(room.joined_ts, 5);
    assert_false(room.encrypted || room.members_complete || room.direct);
}

static void summary_keeps_what_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *heroes;
        int joined, invited;
        const char *want_heroes;
        int want_joined, want_invited;
    } rows[] = {
        { NULL, -1, -1, NULL, -1, -1 },
        { "[\"@b:x\"]", 2, 0, "[\"@b:x\"]", 2, 0 },
        { NULL, -7, 1, "[\"@b:x\"]", 2, 1 },
        { "[]", 3, -1, "[]", 3, 1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        begin();
        ok(store_room_set_summary(store, S("!a"), S(rows[i].heroes),
                                  rows[i].joined, rows[i].invited, &err));
        commit();
        struct store_room room = room_of("!a");
        assert_true(slice_eq(room.heroes, S(rows[i].want_heroes)));
        assert_int_equal(!room.heroes.ptr, !rows[i].want_heroes);
        assert_int_equal(room.joined_count, rows[i].want_joined);
        assert_int_equal(room.invited_count, rows[i].want_invited);
    }
}

/* Everything else that can be written about a room, and its removal. */
static void encryption_never_goes_back(void **state)
{
    (void)state;
    begin();
    ok(store_room_set_encrypted(store, S("!a"), &err));
    commit();
    begin();
    put("!a", "m.room.encryption", "", "{}");
    ok(store_room_set_membership(store, S("!a"), S("leave"), &err));
    ok(store_state_clear(store, S("!a"), &err));
    ok(store_room_set_direct(store, NULL, 0, &err));
    ok(store_room_set_summary(store, S("!a"), S("[]"), 0, 0, &err));
    ok(store_room_set_joined_ts(store, S("!a"), 0, &err));
    ok(store_room_set_members_complete(store, S("!a"), &err));
    ok(store_room_set_membership(store, S("!a"), S("join"), &err));
    commit();
    assert_true(room_of("!a").encrypted);
    /* A rolled back latch was never told of. */
    begin();
    ok(store_room_set_encrypted(store, S("!b"), &err));
    ok(store_ingest_end(store, false, &err));
    struct store_room room;
    assert_int_equal(store_room_get(store, S("!b"), &room, &err), 0);
}

static void direct_rooms_are_replaced(void **state)
{
    (void)state;
    const struct slice first[] = { S("!a"), S("!b"), S("!a") };
    const struct slice second[] = { S("!c"), S("!b") };
    begin();
    ok(store_room_set_direct(store, first, 3, &err));
    commit();
    assert_true(room_of("!a").direct && room_of("!b").direct);
    begin();
    ok(store_room_set_direct(store, second, 2, &err));
    commit();
    assert_false(room_of("!a").direct);
    assert_true(room_of("!b").direct && room_of("!c").direct);
}

struct walk {
    char seen[128];
    int most;
    int inner; /* what a walk inside the walk returned */
};

static bool on_room(void *arg, const struct store_room *room)
{
    struct walk *walk = arg;
    struct store_room other;
    ok(store_room_get(store, S("!b"), &other, &err)); /* readers may be used */
    walk->inner = store_room_each(store, SLICE_NONE, on_room, arg, &err);
    strncat(walk->seen, room->room_id.ptr, room->room_id.len);
    return --walk->most > 0;
}

static void rooms_are_walked_by_membership(void **state)
{
    (void)state;
    static const struct {
        const char *membership;
        int most;
        const char *seen;
    } rows[] = {
        { "join", 9, "!a!c" },   { "invite", 9, "!b" }, { "ban", 9, "" },
        { NULL, 9, "!a!b!c!d" }, { NULL, 2, "!a!b" },
    };
    begin();
    ok(store_room_set_membership(store, S("!c"), S("join"), &err));
    ok(store_room_set_membership(store, S("!a"), S("join"), &err));
    ok(store_room_set_membership(store, S("!b"), S("invite"), &err));
    ok(store_room_set_encrypted(store, S("!d"), &err));
    commit();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct walk walk = { .most = rows[i].most, .inner = -1 };
        ok(store_room_each(store, S(rows[i].membership), on_room, &walk, &err));
        assert_string_equal(walk.seen, rows[i].seen);
        assert_int_equal(walk.inner, -1);
    }
    assert_int_equal(err.kind, ERR_MISUSE);
}

static void state_is_replaced_by_type_and_key(void **state)
{
    (void)state;
    begin();
    put("!a", "m.room.name", "", "{\"name\":\"1\"}");
    put("!a", "m.room.name", "x", "{\"name\":\"x\"}");
    put("!a", "m.room.name", "", "{\"name\":\"2\"}");
    commit();
    struct store_state got;
    assert_int_equal(
        store_state_get(store, S("!a"), S("m.room.name"), S(""), &got, &err),
        1);
    assert_slice(got.room_id, "!a");
    assert_slice(got.type, "m.room.name");
    assert_slice(got.state_key, "");
    assert_non_null(got.state_key.ptr);
    assert_slice(got.sender, "@a:x");
    assert_slice(got.event_id, "$1");
    assert_slice(got.content, "{\"name\":\"2\"}");
    assert_int_equal(got.origin_server_ts, 17);
    /* What was got may be what is looked for next. */
    assert_int_equal(store_state_get(store, got.room_id, got.type,
                                     slice_str("x"), &got, &err),
                     1);
    assert_slice(got.content, "{\"name\":\"x\"}");
    assert_int_equal(
        store_state_get(store, got.room_id, got.type, S("y"), &got, &err), 0);
}

static void odd_bytes_come_back_as_they_went_in(void **state)
{
    (void)state;
    static char large[LIMIT_SYNC_EVENT];
    memset(large, 'x', sizeof(large));
    const struct slice rows[] = {
        slice_make("a\0b", 3),
        S(""),
        S("\xff\xfe'\"?1"),
        S("\xf0\x9f\x91\x8d"),
        slice_make(large, sizeof(large)),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct store_state in = { .room_id = S("!a"),
                                  .type = S("t"),
                                  .state_key = i < 4 ? rows[i] : S("large"),
                                  .content = rows[i] };
        struct store_state out;
        begin();
        ok(store_state_put(store, &in, &err));
        commit();
        assert_int_equal(store_state_get(store, in.room_id, in.type,
                                         in.state_key, &out, &err),
                         1);
        assert_true(slice_eq(out.state_key, in.state_key));
        assert_true(slice_eq(out.content, in.content));
        assert_null(out.sender.ptr); /* absent stays absent */
    }
}

static bool on_state(void *arg, const struct store_state *state)
{
    struct walk *walk = arg;
    struct store_state other;
    ok(store_state_get(store, state->room_id, state->type, state->state_key,
                       &other, &err));
    strncat(walk->seen, state->state_key.ptr, state->state_key.len);
    strncat(walk->seen, "|", sizeof(walk->seen) - strlen(walk->seen) - 1);
    return --walk->most > 0;
}

static void state_keys_come_in_byte_order(void **state)
{
    (void)state;
    begin();
    put("!a", "m.room.member", "@b:x", "{}");
    put("!a", "m.room.member", "@\xc3\xa4:x", "{}");
    put("!a", "m.room.member", "@B:x", "{}");
    put("!a", "m.room.member", "", "{}");
    put("!a", "m.room.members", "@c:x", "{}");
    put("!b", "m.room.member", "@d:x", "{}");
    commit();
    struct walk walk = { .most = 9 };
    ok(store_state_each(store, S("!a"), S("m.room.member"), SLICE_NONE,
                        on_state, &walk, &err));
    assert_string_equal(walk.seen, "|@B:x|@b:x|@\xc3\xa4:x|");
    walk = (struct walk) { .most = 1 };
    ok(store_state_each(store, S("!b"), S("m.room.member"), SLICE_NONE,
                        on_state, &walk, &err));
    assert_string_equal(walk.seen, "@d:x|");
    /* Empty is a key, absent is none. */
    static const char *const rests[][2] = { { "", "@B:x|@b:x|@\xc3\xa4:x|" },
                                            { "@B:x", "@b:x|@\xc3\xa4:x|" },
                                            { "@C", "@b:x|@\xc3\xa4:x|" },
                                            { "@\xc3\xa4:x", "" } };
    for (size_t i = 0; i < sizeof(rests) / sizeof(*rests); i++) {
        walk = (struct walk) { .most = 9 };
        ok(store_state_each(store, S("!a"), S("m.room.member"), S(rests[i][0]),
                            on_state, &walk, &err));
        assert_string_equal(walk.seen, rests[i][1]);
    }
}

static void cleared_state_forgets_its_members_alone(void **state)
{
    (void)state;
    struct store_state got;
    begin();
    ok(store_room_set_membership(store, S("!a"), S("join"), &err));
    ok(store_room_set_members_complete(store, S("!a"), &err));
    ok(store_room_set_members_complete(store, S("!b"), &err));
    put("!a", "t", "", "{}");
    put("!b", "t", "", "{}");
    ok(store_state_clear(store, S("!a"), &err));
    commit();
    assert_int_equal(store_state_get(store, S("!a"), S("t"), S(""), &got, &err),
                     0);
    assert_int_equal(store_state_get(store, S("!b"), S("t"), S(""), &got, &err),
                     1);
    assert_false(room_of("!a").members_complete);
    assert_slice(room_of("!a").membership, "join");
    assert_true(room_of("!b").members_complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(unknown_room_is_absent),
        MEMORY_TEST(summary_keeps_what_is_left_out),
        MEMORY_TEST(encryption_never_goes_back),
        MEMORY_TEST(direct_rooms_are_replaced),
        MEMORY_TEST(rooms_are_walked_by_membership),
        MEMORY_TEST(state_is_replaced_by_type_and_key),
        MEMORY_TEST(odd_bytes_come_back_as_they_went_in),
        MEMORY_TEST(state_keys_come_in_byte_order),
        MEMORY_TEST(cleared_state_forgets_its_members_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
