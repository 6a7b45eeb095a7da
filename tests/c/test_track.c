/* layer: engine */
#include "script_fixture.h"

static const char *path(const char *name)
{
    static char text[4][200];
    static int next;
    char *out = text[next++ % 4];
    snprintf(out, sizeof text[0], "%s/%s", fixture.dir, name);
    return out;
}

static int read_one(const char *name)
{
    struct buf text;
    struct err err;
    buf_init(&text, LIMIT_SCRIPT_FILE);
    int status = track_read(fixture.track, path(name), &text, &err);
    buf_free(&text);
    return status;
}

static void check_changed(const char *name)
{
    struct buf what;
    buf_init(&what, LIMIT_PATH);
    bool changed = track_changed(fixture.track, &what);
    assert_int_equal(changed, name != NULL);
    assert_string_equal(buf_str(&what), name ? path(name) : "");
    assert_int_equal(track_changed(fixture.track, NULL), changed);
    buf_free(&what);
}

static void changes_are_seen_by_content(void **state)
{
    struct buf text;
    struct err err;
    (void)state;
    fixture.track = track_new();
    fixture_write("a.lua", "one");
    fixture_write("empty.lua", "");
    buf_init(&text, LIMIT_SCRIPT_FILE);
    buf_adds(&text, "kept ");
    assert_int_equal(track_read(fixture.track, path("a.lua"), &text, &err), 0);
    assert_string_equal(buf_str(&text), "kept one");
    buf_free(&text);
    assert_int_equal(read_one("empty.lua"), 0);
    check_changed(NULL);
    fixture_write("a.lua", "one");
    check_changed(NULL);
    fixture_write("a.lua", "two");
    check_changed("a.lua");
    assert_int_equal(read_one("a.lua"), 0); /* the first reading counts */
    check_changed("a.lua");
    fixture_write("a.lua", "one");
    check_changed(NULL);
    assert_int_equal(unlink(path("a.lua")), 0);
    check_changed("a.lua");
}

static void what_was_missing_and_appears_is_a_change(void **state)
{
    (void)state;
    fixture.track = track_new();
    assert_int_equal(read_one("later.lua"), -1);
    track_missing(fixture.track, path("other.lua"));
    track_missing(fixture.track, path("other.lua"));
    check_changed(NULL);
    fixture_write("other.lua", "");
    check_changed("other.lua");
    assert_int_equal(read_one("other.lua"), 0);
    check_changed(NULL);
}

static void the_stamp_changes_with_the_files(void **state)
{
    (void)state;
    fixture.track = track_new();
    fixture_write("a.lua", "1");
    read_one("a.lua");
    track_missing(fixture.track, path("b.lua"));
    uint64_t first = track_stamp(fixture.track);
    assert_true(track_stamp(fixture.track) == first);
    fixture_write("a.lua", "2");
    uint64_t second = track_stamp(fixture.track);
    assert_true(second != first);
    fixture_write("b.lua", "");
    uint64_t third = track_stamp(fixture.track);
    assert_true(third != second);
    unlink(path("b.lua"));
    assert_true(track_stamp(fixture.track) == second);
    fixture_write("a.lua", "1");
    assert_true(track_stamp(fixture.track) == first);
    unlink(path("a.lua"));
    assert_true(track_stamp(fixture.track) != first);
}

static char seen[2000];

static void note(void *arg, const char *directory)
{
    (void)arg;
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%s\n", directory);
}

static void directories_are_told_once_with_those_behind_links(void **state)
{
    char want[500];
    (void)state;
    fixture.track = track_new();
    fixture_mkdir("far");
    fixture_write("far/real.lua", "");
    fixture_write("a.lua", "");
    assert_int_equal(symlink("far/real.lua", path("link.lua")), 0);
    read_one("a.lua");
    read_one("link.lua");
    read_one("sub/none.lua");
    track_missing(fixture.track, "bare.lua");
    track_missing(fixture.track, "/root.lua");
    seen[0] = '\0';
    track_directories(fixture.track, note, NULL);
    snprintf(want, sizeof want, "%s\n%s/far\n%s/sub\n.\n/\n", fixture.dir,
             fixture.dir, fixture.dir);
    assert_string_equal(seen, want);
}

int main(void)
{
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(changes_are_seen_by_content),
        TEST(what_was_missing_and_appears_is_a_change),
        TEST(the_stamp_changes_with_the_files),
        TEST(directories_are_told_once_with_those_behind_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
