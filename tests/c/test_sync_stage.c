/* layer: sync */
#include "delivery_fixture.h"

#include <sys/stat.h>

#include "limits.h"
#include "sync_stage.h"

static struct sync_stage *stage;

static struct sync_stage *new_stage(const struct sync_wanted *wanted,
                                    bool keep_body)
{
    static const struct sync_wanted all = { 0 };

    stage = sync_stage_new(wanted ? wanted : &all, keep_body, &err);
    assert_non_null(stage);
    return stage;
}

static void event(enum sync_section section, enum sync_membership membership,
                  const char *room_id, const char *json)
{
    sync_stage_event(stage, section, membership,
                     room_id ? S(room_id) : SLICE_NONE, S(json));
}

static void finish(void)
{
    sync_stage_set_next_batch(stage, S("s1"));
    ok(sync_stage_finish(stage, &err));
}

/* All records of some sections: "section room json|..." */
static const char *read_all(unsigned sections)
{
    static char text[4096];
    struct sync_cursor cursor;
    struct sync_record record;
    int more;

    text[0] = '\0';
    sync_cursor_init(&cursor, stage, sections);
    while ((more = sync_cursor_next(&cursor, &record, &err)) == 1)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s %.*s %.*s|", sync_stage_section_name(record.section),
                 SLICE_ARG(record.room_id), SLICE_ARG(record.json));
    assert_int_equal(more, 0);
    assert_int_equal(sync_cursor_next(&cursor, &record, &err), 0);
    sync_cursor_free(&cursor);
    return text;
}

static void records_come_back_by_section_in_order(void **state)
{
    (void)state;
    new_stage(NULL, false);
    event(SYNC_TIMELINE, SYNC_JOIN, "!a", "{\"n\":1}");
    event(SYNC_STATE, SYNC_JOIN, "!a", "{\"n\":2}");
    event(SYNC_TIMELINE, SYNC_JOIN, "!a", "{\"n\":3}");
    sync_stage_limited(stage, SYNC_JOIN, S("!a"));
    event(SYNC_TO_DEVICE, SYNC_NO_ROOM, NULL, "{\"n\":4}");
    sync_stage_room(stage, SYNC_LEAVE, S("!b"));
    event(SYNC_STATE, SYNC_JOIN, "!c", "{\"n\":5}");
    sync_stage_summary(stage, SYNC_JOIN, S("!c"), S("{\"sum\":1}"));
    sync_stage_state_after(stage, SYNC_JOIN, S("!c"));
    event(SYNC_TIMELINE, SYNC_JOIN, "!c", "{\"n\":6}");
    event(SYNC_ACCOUNT_DATA, SYNC_NO_ROOM, NULL, "{\"n\":7}");
    finish();
    assert_string_equal(sync_stage_next_batch(stage), "s1");
    assert_int_equal(sync_stage_events(stage), 7);
    assert_string_equal(read_all(1u << SYNC_TIMELINE),
                        "timeline !a {\"n\":1}|timeline !a {\"n\":3}|"
                        "timeline !c {\"n\":6}|");
    assert_string_equal(read_all(1u << SYNC_STATE | 1u << SYNC_TO_DEVICE),
                        "state !a {\"n\":2}|to_device  {\"n\":4}|"
                        "state !c {\"n\":5}|");
    assert_string_equal(read_all(1u << SYNC_ACCOUNT_DATA),
                        "account_data  {\"n\":7}|");
    assert_string_equal(read_all(1u << SYNC_PRESENCE), "");
    assert_int_equal(sync_stage_rooms(stage), 5);
    assert_true(sync_stage_room_at(stage, 0).limited);
    assert_int_equal(sync_stage_room_at(stage, 2).membership, SYNC_LEAVE);
    assert_true(sync_stage_room_at(stage, 3).has_state_after);
    assert_false(sync_stage_room_at(stage, 0).has_state_after);
    struct buf summary;
    buf_init(&summary, 100);
    assert_int_equal(sync_stage_room_summary(stage, 3, &summary, &err), 1);
    assert_string_equal(buf_str(&summary), "{\"sum\":1}");
    assert_int_equal(sync_stage_room_summary(stage, 0, &summary, &err), 0);
    buf_free(&summary);
    sync_stage_free(stage);
}

static int open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void what_is_large_goes_to_a_file_without_a_name(void **state)
{
    char dir[] = "/tmp/lunatrix-stage-XXXXXX";
    char json[1200], room_id[32];
    int before = open_files();
    size_t n = 0;

    (void)state;
    assert_non_null(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    new_stage(NULL, false);
    for (int room = 0; room < 50; room++) {
        snprintf(room_id, sizeof(room_id), "!%d", room);
        for (int i = 0; i < 100; i++) {
            memset(json, 'x', sizeof(json));
            int len = snprintf(json, sizeof(json), "{\"n\":%d,\"p\":\"",
                               room * 100 + i);
            json[len] = 'x';
            memcpy(json + 100 + (i * 37) % 1000, "\"}", 3);
            event(i % 2 ? SYNC_TIMELINE : SYNC_STATE, SYNC_JOIN, room_id, json);
            n += strlen(json);
        }
    }
    finish();
    assert_true(n > 2 * LIMIT_SYNC_STAGE_MEMORY);
    assert_int_equal(open_files(), before + 1);
    for (int pass = 0; pass < 2; pass++) { /* two cursors at a time */
        struct sync_cursor a, b;
        struct sync_record record;
        struct buf copy;
        int next = 0;
        buf_init(&copy, sizeof(json));
        sync_cursor_init(&a, stage, 1u << SYNC_STATE);
        sync_cursor_init_room(&b, stage, 30, 1u << SYNC_TIMELINE);
        while (sync_cursor_next(&a, &record, &err) == 1) {
            int number = atoi(record.json.ptr + 5);
            assert_int_equal(number, next);
            next += 2;
            if (number % 60 == 0) {
                int more = sync_cursor_next(&b, &record, &err);
                assert_int_equal(more, number / 60 < 50);
                if (more)
                    assert_int_equal(atoi(record.json.ptr + 5),
                                     3001 + number / 30);
            }
        }
        assert_int_equal(next, 5000);
        sync_cursor_free(&a);
        sync_cursor_free(&b);
        buf_free(&copy);
    }
    sync_stage_free(stage);
    assert_int_equal(open_files(), before);
    assert_int_equal(rmdir(dir), 0); /* it was empty all the time */
    unsetenv("TMPDIR");
}

static bool no_messages(void *arg, enum sync_section section,
                        enum sync_membership membership, struct slice room_id,
                        struct slice type, struct slice json)
{
    (void)arg;
    (void)section;
    (void)membership;
    (void)room_id;
    (void)json;
    return !slice_is(type, "m.room.message");
}

static void what_nobody_wants_is_not_kept_and_members_are_trimmed(void **state)
{
    const struct sync_wanted wanted = { NULL, no_messages, true };

    (void)state;
    new_stage(&wanted, false);
    sync_stage_room(stage, SYNC_JOIN, S("!a"));
    event(SYNC_TIMELINE, SYNC_JOIN, "!a", "{\"type\":\"m.room.message\"}");
    event(SYNC_TIMELINE, SYNC_JOIN, "!a",
          "{\"type\":\"m\\u002eroom.message\"}"); /* the same, escaped */
    event(SYNC_STATE, SYNC_JOIN, "!a",
          "{\"type\":\"m.room.member\",\"state_key\":\"@a:b\",\"x\":[1],"
          "\"sender\":\"@a:b\",\"event_id\":\"$1\",\"origin_server_ts\":5,"
          "\"unsigned\":{\"age\":1},\"content\":{\"membership\":\"join\","
          "\"displayname\":\"\\u00e9\",\"avatar_url\":null,\"y\":{}}}");
    event(SYNC_TIMELINE, SYNC_JOIN, "!a",
          "{\"type\":\"m.room.member\",\"x\":1}");
    finish();
    assert_string_equal(
        read_all(~0u),
        "state !a {\"type\":\"m.room.member\",\"state_key\":\"@a:b\","
        "\"sender\":\"@a:b\",\"event_id\":\"$1\",\"origin_server_ts\":5,"
        "\"content\":{\"membership\":\"join\",\"displayname\":\"\\u00e9\"}}|"
        "timeline !a {\"type\":\"m.room.member\",\"x\":1}|");
    assert_int_equal(sync_stage_rooms(stage), 1);
    sync_stage_free(stage);
}

static void the_body_is_kept_up_to_its_limit(void **state)
{
    static char piece[1 << 20];
    struct slice body;

    (void)state;
    memset(piece, 'x', sizeof(piece));
    new_stage(NULL, true);
    sync_stage_body_piece(stage, S("{"));
    sync_stage_body_piece(stage, S("}"));
    finish();
    ok(sync_stage_body(stage, &body, &err));
    assert_slice(body, "{}");
    sync_stage_free(stage);

    new_stage(NULL, true);
    for (size_t i = 0; i <= LIMIT_JSON_BODY / sizeof(piece); i++)
        sync_stage_body_piece(stage, slice_make(piece, sizeof(piece)));
    finish();
    assert_int_equal(sync_stage_body(stage, &body, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    sync_stage_free(stage);

    new_stage(NULL, false);
    finish();
    assert_int_equal(sync_stage_body(stage, &body, &err), -1);
    sync_stage_free(stage);
}

static void failures_stick_and_are_told_at_the_end(void **state)
{
    (void)state;
    new_stage(NULL, false);
    event(SYNC_TIMELINE, SYNC_JOIN, "!a", "{}");
    assert_int_equal(sync_stage_finish(stage, &err), -1);
    assert_contains(err.text, "next_batch");
    sync_stage_free(stage);

    setenv("TMPDIR", "/nowhere", 1); /* another place is found */
    new_stage(NULL, false);
    static char json[LIMIT_SYNC_EVENT];
    memset(json, ' ', sizeof(json) - 1);
    json[0] = '{';
    json[sizeof(json) - 2] = '}';
    for (int i = 0; i < 4; i++)
        event(SYNC_TIMELINE, SYNC_JOIN, "!a", json);
    finish();
    assert_int_equal(sync_stage_events(stage), 4);
    sync_stage_free(stage);
    unsetenv("TMPDIR");
}

static void sections_have_names(void **state)
{
    (void)state;
    for (int i = SYNC_ACCOUNT_DATA; i <= SYNC_KNOCK_STATE; i++) {
        enum sync_section section = SYNC_PRESENCE;
        const char *name = sync_stage_section_name((enum sync_section)i);
        assert_int_equal(sync_stage_section_parse(S(name), &section), 0);
        assert_int_equal(section, i);
    }
    enum sync_section section;
    assert_int_equal(sync_stage_section_parse(S("other"), &section), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_by_section_in_order),
        cmocka_unit_test(what_is_large_goes_to_a_file_without_a_name),
        cmocka_unit_test(what_nobody_wants_is_not_kept_and_members_are_trimmed),
        cmocka_unit_test(the_body_is_kept_up_to_its_limit),
        cmocka_unit_test(failures_stick_and_are_told_at_the_end),
        cmocka_unit_test(sections_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
