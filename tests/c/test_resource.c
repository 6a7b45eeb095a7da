/* layer: script */
#include "manager_fixture.h"

#include "resource.h"
#include "waiter.h"

#define READS                                                                  \
    "local function read(path)\n"                                              \
    "    local ok, text = bot.call('script.resource', { path = path })\n"      \
    "    return ok and text or text.kind\n"                                    \
    "end\n"

static void watched(void)
{
    manager_free(w.manager);
    w.config.watch = true;
    w.manager = manager_new(&w.config, &err);
    assert_non_null(w.manager);
}

static void make_folder(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *to, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    assert_int_equal(symlink(to, path), 0);
}

static void hear(const char *body)
{
    say("!a:hs.test", body);
    run(10);
}

static void saving_it_reloads(void **state)
{
    (void)state;
    watched();
    make_folder("texts");
    write_file("texts/a.txt", "one");
    add_script("echo",
               READS "local text, other = read 'texts/a.txt', read 'b'\n"
                     "bot.on('message', function()\n"
                     "    bot.say(text .. ':' .. other) end)\n");
    load_all(1, 0);
    run(100);
    hear("x");
    expect_said("one:store ");
    write_file("texts/a.txt", "two");
    run(200);
    hear("x");
    expect_said("two:store ");
    expect_log("texts/a.txt changed");
    write_file("b", "there"); /* it was missing */
    run(200);
    hear("x");
    expect_said("two:there ");
    write_file("unrelated", "x");
    write_file("texts/unrelated", "x");
    run(200);
    assert_int_equal(count_of(w.log, "replaces"), 2);
}

/* Read for the first time by a handler, in a directory nobody watched. */
static void also_what_a_handler_reads(void **state)
{
    (void)state;
    watched();
    make_folder("late");
    write_file("late/a.txt", "one");
    add_script("echo", READS "bot.on('message', function(ev)\n"
                             "    bot.say(read(ev.content.body)) end)\n");
    load_all(1, 0);
    run(100);
    hear("late/a.txt");
    hear("late/none.txt");
    expect_said("one store ");
    run(100);
    write_file("late/none.txt", "x"); /* read anew by each call */
    run(200);
    assert_int_equal(count_of(w.log, "replaces"), 0);
    write_file("late/a.txt", "two");
    run(200);
    assert_int_equal(count_of(w.log, "replaces"), 1);
    hear("late/a.txt");
    expect_said("two ");
}

static void nothing_outside(void **state)
{
    static const struct {
        const char *path;
        enum err_kind kind; /* ERR_SYSTEM + 1: it is read */
    } rows[] = {
        { "in/a.txt", ERR_SYSTEM + 1 },   { "./in//a.txt", ERR_SYSTEM + 1 },
        { "inner", ERR_SYSTEM + 1 }, /* a link within */
        { "..a", ERR_SYSTEM + 1 },        { "", ERR_MISUSE },
        { "/etc/passwd", ERR_MISUSE },    { "../x", ERR_MISUSE },
        { "in/../in/a.txt", ERR_MISUSE }, { "in/..", ERR_MISUSE },
        { "passwd", ERR_DENIED }, /* a link */
        { "etc/passwd", ERR_DENIED },     { "sibling", ERR_DENIED },
        { "none", ERR_SYSTEM },           { "in", ERR_SYSTEM },
        { "in/a.txt/b", ERR_SYSTEM },     { "circle", ERR_SYSTEM },
        { "pipe", ERR_SYSTEM },
    };
    char path[128];
    (void)state;
    make_folder("bots");
    make_folder("bots-too");
    make_folder("bots/in");
    write_file("bots-too/x", "x");
    write_file("bots/in/a.txt", "a");
    write_file("bots/..a", "a");
    make_link("in/a.txt", "bots/inner");
    make_link("/etc/passwd", "bots/passwd");
    make_link("/etc", "bots/etc");
    make_link("../bots-too/x", "bots/sibling");
    make_link("circle", "bots/circle");
    snprintf(path, sizeof path, "%s/bots/pipe", w.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/bots/echo.lua", w.dir);
    struct manager_script script = {
        .name = "echo", .path = path, .config = S("{}"), .secrets = S("{}")
    };
    write_file("bots/echo.lua", "");
    struct settings *settings = settings_new(&script, &err);
    struct waiters waiters = { .count = 0 };
    struct generation_world world = { .host = &w.host,
                                      .lua_path = w.dir,
                                      .waiters = &waiters };
    list_init(&waiters.list);
    struct generation *generation =
        settings ? generation_new(&world, settings, 1, &err) : NULL;
    assert_non_null(generation);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text;
        bool good = rows[i].kind > ERR_SYSTEM;
        buf_init(&text, LIMIT_RESOURCE);
        int got = resource_read(generation, rows[i].path, &text, &err);
        if (got != (good ? 0 : -1) || (!good && err.kind != rows[i].kind))
            fail_msg("%s: %d %s", rows[i].path, got, err.text);
        if (good)
            assert_string_equal(buf_str(&text), "a");
        buf_free(&text);
    }
    assert_false(track_changed(generation->track, NULL));
    generation_free(generation, NULL);
    settings_unref(settings);
}

static void too_large(void **state)
{
    (void)state;
    char path[128];
    write_file("large", "");
    snprintf(path, sizeof path, "%s/large", w.dir);
    assert_int_equal(truncate(path, LIMIT_RESOURCE), 0);
    add_script("echo", READS "bot.on('message', function()\n"
                             "    bot.say('' .. #read 'large') end)\n");
    load_all(1, 0);
    hear("x");
    expect_said("8388608 ");
    assert_int_equal(truncate(path, LIMIT_RESOURCE + 1), 0);
    write_file("echo.lua", READS "bot.on('message', function()\n"
                                 "    bot.say(read 'large') end)\n");
    reload(false);
    hear("x");
    expect_said("limit ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(saving_it_reloads),
        TEST(also_what_a_handler_reads),
        TEST(nothing_outside),
        TEST(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
