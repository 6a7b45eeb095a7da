#include <stddef.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "world_lua.h"

/* try: the offline chat with a script. */

struct try_options {
    const char *record;
};

static int run_try(struct cli *cli, void *record, int argc, char **argv)
{
    const struct try_options *options = record;
    struct world_lua_chat chat = {
        .record = options->record,
        .terminal = isatty(STDIN_FILENO),
    };
    struct err err;
    int failed;

    if (argc != 1)
        return cli_usage(&cli_try, "name one script");
    chat.script = argv[0];
    failed = world_lua_chat(cli->lua_path, &chat, &err);
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
