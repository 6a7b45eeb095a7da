/* layer: app */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_show.h"
#include "file.h"
#include "limits.h"

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

/* "key value line" of each, a line each; built-in ones have line 0. */
static void add_row(void *arg, const struct config_row *row)
{
    struct buf *out = arg;

    assert_int_equal(row->from, row->line ? CONFIG_FILE : CONFIG_BUILT_IN);
    buf_addf(out, "%s = ", row->key);
    config_lua(row->value, out);
    buf_addf(out, " %d\n", row->line);
}

static void show(const char *text, const char *account, struct buf *out)
{
    struct err err;

    assert_int_equal(file_write_private(path, slice_str(text), &err), 0);
    struct config *config = config_load(path, &err);
    if (!config)
        fail_msg("%s", err.text);
    buf_init(out, MIB(1));
    assert_int_equal(config_show(config, account, add_row, out, &err), 0);
    config_free(config);
}

/* What docs/limits.md and docs/configuration.md say. */
static void what_the_file_leaves_out_is_built_in(void **state)
{
    struct buf out;

    (void)state;
    show("return {}", NULL, &out);
    assert_string_equal(buf_str(&out), "accounts.main.user_id = nil 0\n"
                                       "accounts.main.homeserver = nil 0\n"
                                       "accounts.main.admins = {} 0\n"
                                       "accounts.main.admin_room = nil 0\n"
                                       "accounts.main.autojoin = \"never\" 0\n"
                                       "accounts.main.prefix = \"!\" 0\n"
                                       "accounts.main.catch_up = \"5m\" 0\n"
                                       "accounts.main.help = true 0\n"
                                       "limits.memory = \"64M\" 0\n"
                                       "limits.http_body = \"8M\" 0\n"
                                       "limits.store = \"64M\" 0\n"
                                       "limits.burst = \"200ms\" 0\n"
                                       "limits.handler = \"5m\" 0\n"
                                       "limits.drain = \"30s\" 0\n"
                                       "limits.handlers = 64 0\n"
                                       "limits.queue = 1000 0\n"
                                       "limits.log = 100 0\n"
                                       "listen.address = nil 0\n"
                                       "listen.public_url = nil 0\n"
                                       "listen.metrics = false 0\n");
    buf_free(&out);
}

static void what_it_says_has_its_line(void **state)
{
    static const char text[] =
        "local quick = { catch_up = 0 }\n"
        "return { accounts = { b = quick,\n"
        "  a = { admins = { \"@a:x\" }, help = false } },\n"
        "scripts = { s = { file = \"/s.lua\", account = \"a\",\n"
        "  config = { z = { 1, { [\"k 1\"] = true, k = 1.5 } }, a = \"\\1\",\n"
        "    [\"odd key\"] = {} } },\n"
        "  t = { file = \"/t.lua\", account = \"b\" } },\n"
        "limits = { memory = 1000, store = \"1G\",\n"
        "  handler = \"1d2h\" },\n"
        "listen = { address = \"127.0.0.1:0\",\n"
        "  metrics = true } }";
    static const char *const rows[] = {
        "accounts.b.catch_up = \"0s\" 1\n",
        "accounts.a.catch_up = \"5m\" 0\n",
        "accounts.a.admins = { \"@a:x\" } 3\n",
        "accounts.a.help = false 3\n",
        "scripts.s.file = \"/s.lua\" 4\n",
        "scripts.s.config.a = \"\\u0001\" 5\nscripts.s.config.odd key = {} 6\n",
        "{} 6\nscripts.s.config.z = { 1, {",
        " [\"k 1\"] = true",
        "limits.memory = 1000 8\n",
        "limits.store = \"1G\" 8\n",
        "limits.handler = \"1d2h\" 9\n",
        "limits.drain = \"30s\" 0\n",
        "listen.address = \"127.0.0.1:0\" 10\n",
        "listen.metrics = true 11\n",
    };
    struct buf out;

    (void)state;
    show(text, NULL, &out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strstr(buf_str(&out), rows[i]))
            fail_msg("no %s in %s", rows[i], buf_str(&out));
    }
    assert_non_null(strstr(buf_str(&out), "scripts.t.file"));
    buf_free(&out);
    show(text, "a", &out);
    assert_non_null(strstr(buf_str(&out), "scripts.s.file"));
    assert_null(strstr(buf_str(&out), "scripts.t.file"));
    assert_null(strstr(buf_str(&out), "accounts.b"));
    buf_free(&out);
}

/* Their lines would take long to find: they get the table's. */
static void of_many_keys_the_table_has_a_line(void **state)
{
    struct buf text, out;

    (void)state;
    buf_init(&text, MIB(1));
    buf_adds(&text, "return { scripts = { s = { file = \"/s.lua\",\n"
                    "config = {\n");
    for (int i = 0; i <= LIMIT_CONFIG_PLACES; i++)
        buf_addf(&text, "k%d = 1,\n", i);
    buf_adds(&text, "} } } }");
    show(buf_str(&text), NULL, &out);
    assert_non_null(strstr(buf_str(&out), "scripts.s.config.k0 = 1 2\n"));
    assert_non_null(strstr(buf_str(&out), "scripts.s.config.k99 = 1 2\n"));
    buf_free(&text);
    buf_free(&out);
}

static void of_secrets_the_source_is_shown(void **state)
{
    struct buf out;

    (void)state;
    show("return { scripts = { s = { file = \"/s.lua\", secrets = {\n"
         "a = { file = \"f\", password = \"hunter2\" },\n"
         "b = \"hunter2\",\n"
         "c = { command = { \"pass\", \"x\" } },\n"
         "d = { fd = 3 }, e = { fd = \"hunter2\" }, f = { \"hunter2\" } "
         "} } } }",
         NULL, &out);
    assert_non_null(strstr(buf_str(&out),
                           "scripts.s.secrets.a = { file = \"f\" } 2\n"
                           "scripts.s.secrets.b = nil 3\n"
                           "scripts.s.secrets.c = { command = { \"pass\", "
                           "\"x\" } } 4\n"
                           "scripts.s.secrets.d = { fd = 3 } 5\n"
                           "scripts.s.secrets.e = nil 5\n"
                           "scripts.s.secrets.f = nil 5\n"));
    assert_null(strstr(buf_str(&out), "hunter2"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_file_leaves_out_is_built_in),
        cmocka_unit_test(what_it_says_has_its_line),
        cmocka_unit_test(of_many_keys_the_table_has_a_line),
        cmocka_unit_test(of_secrets_the_source_is_shown),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
