#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "config.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "world_lua.h"

/* try: the offline chat with a script. */

struct try_options {
    const char *record;
};

/* Do both lead to the same file? */
static bool is_same(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Is this what the configuration calls its file, or the main.lua in it? */
static bool is_file_of(const struct config_script *script, const char *path)
{
    struct buf file;

    buf_init(&file, LIMIT_PATH);
    buf_adds(&file, script->file);
    bool same = is_same(buf_str(&file), path);
    buf_adds(&file, "/main.lua");
    same = same || is_same(buf_str(&file), path);
    buf_free(&file);
    return same;
}

/* Offline nothing can be reached, so no secret is read: each is a word. */
static int write_secrets(struct slice wanted, struct buf *out, struct err *err)
{
    struct json_iter it = json_iter(wanted);
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    while (json_next(&it)) {
        char *name = json_dup(it.key, 64);
        if (name)
            json_member_string(&w, name, slice_str("offline"));
        free(name);
    }
    json_object_end(&w);
    return json_finish(&w, "the secrets", err);
}

/* What lunatrix.lua says of the script: the file that --config names, the one
 * beside the script, or the usual one. */
static int read_settings(struct cli *cli, const char *path, struct buf *config,
                         struct buf *secrets, struct err *err)
{
    struct buf beside;
    const char *slash = strrchr(path, '/');
    const struct config_script *found = NULL;

    buf_init(&beside, LIMIT_PATH);
    buf_addf(&beside, "%.*slunatrix.lua", slash ? (int)(slash - path + 1) : 0,
             path);
    bool there = !cli->config && access(buf_str(&beside), F_OK) == 0;
    struct config *all =
        config_load(there ? buf_str(&beside) : cli->config, err);
    buf_free(&beside);
    if (!all)
        return -1;
    for (size_t i = 0; i < all->script_count && !found; i++) {
        if (is_file_of(&all->scripts[i], path))
            found = &all->scripts[i];
    }
    buf_add(config, found && found->settings.len ? buf_slice(&found->settings)
                                                 : slice_str("{}"));
    int result =
        write_secrets(found && found->secrets.len ? buf_slice(&found->secrets)
                                                  : slice_str("{}"),
                      secrets, err);
    config_free(all);
    return result == 0 ? buf_check(config, "the configuration", err) : -1;
}

static bool is_styled(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
           strcmp(term, "dumb") != 0;
}

static int run_try(struct cli *cli, void *record, int argc, char **argv)
{
    const struct try_options *options = record;
    struct world_lua_chat chat = {
        .record = options->record,
        .terminal = isatty(STDIN_FILENO),
        .styled = is_styled(),
    };
    struct buf config, secrets;
    struct err err;
    int failed;

    if (argc != 1)
        return cli_usage(&cli_try, "name one script");
    buf_init(&config, LIMIT_CONFIG_FILE);
    buf_init(&secrets, LIMIT_CONFIG_FILE);
    failed = read_settings(cli, argv[0], &config, &secrets, &err);
    if (failed == 0) {
        chat.script = argv[0];
        chat.config = buf_str(&config);
        chat.secrets = buf_str(&secrets);
        failed = world_lua_chat(cli->lua_path, &chat, &err);
    }
    buf_free(&config);
    buf_free(&secrets);
    if (failed < 0)
        return cli_fail(&err);
    return failed ? EXIT_FAIL : EXIT_OK;
}

static const struct option list[] = {
    { "record", OPTION_TEXT, offsetof(struct try_options, record), "FILE",
      "write the lines that are typed" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_try = {
    .name = "try",
    .usage = "SCRIPT [OPTIONS]",
    .summary = "talk to a bot here, with no account and no network",
    .examples = "  lunatrix try scripts/echo.lua\n"
                "  lunatrix try scripts/echo.lua <session.chat\n",
    .options = list,
    .record_size = sizeof(struct try_options),
    .run = run_try,
};
