/* layer: app */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "config_value.h"
#include "file.h"

static char folder[] = "/tmp/lunatrix-config-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/lunatrix.lua", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct config *load(const char *text, struct err *err)
{
    assert_int_equal(file_write_private(path, slice_str(text), err), 0);
    return config_load(path, err);
}

static void every_key_is_read(void **state)
{
    struct err err;
    struct config *config = load(
        "return { accounts = { main = { user_id = \"@b:x\",\n"
        "  admins = { \"@a:x\", \"@c:x\" }, admin_room = \"#ops:x\",\n"
        "  autojoin = \"admins\", prefix = \"?\", catch_up = \"1h30m\",\n"
        "  help = false } },\n"
        "  scripts = { feed = { file = \"feed.lua\",\n"
        "    config = { n = 1, list = { 1, 2 } }, http = { \"private\" },\n"
        "    secrets = { key = { file = \"k\" } } } },\n"
        "  limits = { memory = \"32M\", burst = \"200ms\", handlers = 8,\n"
        "    drain = 5 } }\n",
        &err);

    (void)state;
    assert_non_null(config);
    assert_int_equal(config->account_count, 1);
    const struct config_account *account = config_account(config, NULL, &err);
    assert_non_null(account);
    assert_string_equal(account->user_id, "@b:x");
    assert_string_equal(account->admins[1], "@c:x");
    assert_null(account->admins[2]);
    assert_string_equal(account->prefix, "?");
    assert_int_equal(account->catch_up_ms, 90 * 60 * 1000);
    assert_false(account->help);
    assert_int_equal(config->script_count, 1);
    char want[128];
    snprintf(want, sizeof want, "%s/feed.lua", folder);
    assert_string_equal(config->scripts[0].file, want);
    assert_non_null(strstr(buf_str(&config->scripts[0].settings), "[1,2]"));
    assert_true(config->scripts[0].http_private);
    assert_int_equal(config->limits.memory, 32 << 20);
    assert_int_equal(config->limits.burst_ms, 200);
    assert_int_equal(config->limits.handlers, 8);
    assert_int_equal(config->limits.drain_ms, 5000);
    config_free(config);
}

static void mistakes_name_line_and_remedy(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "return {\n accounts = { main = {\n  prefx = \"!\" } } }",
          ":3: unknown key 'prefx' in accounts.main, did you mean 'prefix'?" },
        { "return { scripts = {\n a = { } } }",
          ":2: scripts.a needs file = \"...\"" },
        { "return { accounts = { main = { autojoin = \"yes\" } } }",
          ":1: accounts.main.autojoin must be never|admins|invited" },
        { "return { accounts = { main = {\n user_id = \"bot\" } } }",
          ":2: accounts.main.user_id must be a user ID, like \"@bot:" },
        { "return { accounts = { main = {\n admins = { \"@a:b\", \"@c\" } } } "
          "}",
          ":2: accounts.main.admins must be a list of user IDs" },
        { "return { accounts = { main = {\n catch_up = \"soon\" } } }",
          ":2: accounts.main.catch_up must be a duration" },
        { "return { scripts = { a = { file = \"x\",\n account = \"b\" } } }",
          "names account 'b', which is not in accounts" },
        { "return { limits = { memory = \"much\" } }",
          "limits.memory must be a size" },
        { "return { scripts = { a = { file = \"x\",\n http = { \"all\" } } } }",
          ":2: scripts.a.http can hold \"private\" only, not \"all\"" },
        { "return { scripts = { a = { file = \"x\",\n rooms = {} } } }",
          "it is not built yet" },
        { "return { listen = {} }", "listen needs address" },
        { "return { listen = { address = \"127.0.0.1:1\",\n metrics = 1 } }",
          ":2: listen.metrics must be " },
        { "return { listen = { address = \"x\",\n public_url = \"x.y\" } }",
          ":2: listen.public_url: " },
        { "return 5", "it must return a table" },
        { "x = = 2", ":1: unexpected symbol" },
        { "return { a = 1 }", "unknown key 'a'" },
        { "os.exit()", "attempt to index a nil value (global 'os')" },
        { "while true do end", "it runs for too long" },
        { "local t = {} while true do t[#t+1] = (\"x\"):rep(9) end",
          "" /* no string library: an error, whatever it says */ },
        { "return { accounts = { [\"../x\"] = {} } }",
          "cannot be the name of an account" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        assert_null(load(cases[i].text, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        if (!strstr(err.text, cases[i].message))
            fail_msg("case %zu: %s", i, err.text);
        assert_non_null(strstr(err.text, "lunatrix.lua"));
    }
}

static void scripts_stand_in_the_order_of_their_names(void **state)
{
    struct err err;
    struct config *config =
        load("return { scripts = { d = { file = \"x\" }, a = { file = \"x\" },"
             " c = { file = \"x\" }, b = { file = \"x\" } } }",
             &err);

    (void)state;
    assert_non_null(config);
    assert_int_equal(config->script_count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(config->scripts[i].name[0], "abcd"[i]);
    config_free(config);
}

static void an_unknown_account_is_told_with_those_there_are(void **state)
{
    struct err err;
    struct config *config =
        load("return { accounts = { one = {}, two = {} } }", &err);

    (void)state;
    assert_non_null(config);
    assert_null(config_account(config, NULL, &err));
    assert_null(config_account(config, "three", &err));
    assert_non_null(strstr(err.text, "one"));
    assert_non_null(config_account(config, "two", &err));
    config_free(config);
}

static void without_a_file_every_account_is_there(void **state)
{
    char here[300];
    struct err err;

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    setenv("XDG_CONFIG_HOME", folder, 1);
    assert_int_equal(chdir(folder), 0);
    unlink("lunatrix.lua");
    struct config *config = config_load(NULL, &err);
    assert_int_equal(chdir(here), 0);
    assert_non_null(config);
    assert_string_equal(config_account(config, "one", &err)->name, "one");
    assert_string_equal(config_account(config, NULL, &err)->name, "main");
    config_free(config);
}

static void durations_and_sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = { { "90s", 90000 },     { "10m", 600000 },
                      { "1h30m", 5400000 }, { "7d", 604800000 },
                      { "200ms", 200 },     { "2", 2000 },
                      { "", -1 },           { "5x", -1 },
                      { "m", -1 },          { "-5s", -1 } };
    size_t bytes;

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t ms = -1;
        int result = config_duration(slice_str(durations[i].text), &ms);
        assert_int_equal(result, durations[i].ms < 0 ? -1 : 0);
        assert_int_equal(ms, durations[i].ms);
    }
    assert_int_equal(config_size(slice_str("64M"), &bytes), 0);
    assert_int_equal(bytes, 64 << 20);
    assert_int_equal(config_size(slice_str("8k"), &bytes), 0);
    assert_int_equal(bytes, 8192);
    assert_int_equal(config_size(slice_str("8kb"), &bytes), -1);
    assert_int_equal(config_size(slice_str("lots"), &bytes), -1);
}

static void a_value_has_its_line(void **state)
{
    static const struct {
        const char *text, *where, *key;
        int line;
    } cases[] = {
        { "return {\n a = {\n  b = 1,\n } }", "a", "b", 3 },
        { "return {\n a = {\n  b = 1,\n } }", "a", "", 2 },
        { "return {\n a = {\n  b = 1,\n } }", "a", "c", 2 },
        { "return {\n a = {\n  b = 1,\n } }", "x", "c", 1 },
        /* neither comments nor strings, nor what is above or below */
        { "-- b = 1\nreturn {\n x = { b = 1 },\n --[[ a = {\n ]]\n"
          " a = { t = \"b = 1\", l = [=[\n b = 1 ]] ]=],\n"
          "  { b = 1 }, --b = 1\n  b = 2 } }",
          "a", "b", 9 },
        { "return { a = { x = 1 },\n c = {\n b = 1 } }", "a", "b", 1 },
        { "return { a = { x = b == 1,\n ab = 1,\n b = 1 } }", "a", "b", 3 },
        { "return { t = 'it\\'s', [ \"a\" ] =\n{\n['b'] = 1 } }", "a", "b", 3 },
        /* names with dots, the longest last */
        { "return { s = {\n a = {},\n [\"a.b\"] = {\n c = 1 } } }", "s.a.b",
          "c", 2 },
        { "return { s = {\n [\"a.b\"] = {\n c = 1 } } }", "s.a.b", "c", 3 },
        /* through variables */
        { "local a = {\n b = 1 }\nlocal r = { a = a }\nreturn r", "a", "b", 2 },
        { "local function f(a)\n return { b = a } end\n"
          "return { a = f(1),\n c = { b = 1 } }",
          "a", "b", 3 },
        { "local a = a\nreturn {\n a = a }", "a", "b", 3 },
        { "return 5", "a", "b", 1 },
        { "", "a", "b", 1 },
        { "return {\n a = { [[", "a", "b", 2 },
        { "return {\n a = { 'x", "a", "b", 2 },
        { "return {\n a = { --[[", "a", "b", 2 },
        { "return {\n a = { [", "a", "b", 2 },
        { "return {\n a = { b", "a", "b", 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* of its exact size: reading behind it would be noticed */
        size_t length = strlen(cases[i].text);
        char *text = malloc(length ? length : 1);
        assert_non_null(text);
        memcpy(text, cases[i].text, length);
        struct config_place place = { "f", slice_make(text, length),
                                      cases[i].where };
        int line = config_line(&place, slice_str(cases[i].key));
        free(text);
        if (line != cases[i].line)
            fail_msg("case %zu: line %d", i, line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(mistakes_name_line_and_remedy),
        cmocka_unit_test(an_unknown_account_is_told_with_those_there_are),
        cmocka_unit_test(without_a_file_every_account_is_there),
        cmocka_unit_test(scripts_stand_in_the_order_of_their_names),
        cmocka_unit_test(durations_and_sizes),
        cmocka_unit_test(a_value_has_its_line),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
