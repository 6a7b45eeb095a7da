#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cli.h"
#include "file.h"
#include "limits.h"
#include "reference.h"

/* docs, types: the description of the API, for people and for editors. */

struct types_options {
    bool write;
};

struct docs_options {
    bool markdown;
};

static int run_docs(struct cli *cli, void *record, int argc, char **argv)
{
    const struct docs_options *options = record;
    struct buf text;
    struct err err;

    if (argc > 1 || (argc == 1 && options->markdown))
        return cli_usage(&cli_docs, "one name, or --markdown for all of them");
    buf_init(&text, LIMIT_REPORT);
    int result =
        options->markdown
            ? reference_page(cli->lua_path, &text, &err)
            : reference_docs(cli->lua_path, argc ? argv[0] : NULL, &text, &err);
    if (result == 0)
        fputs(buf_str(&text), stdout);
    buf_free(&text);
    return result == 0 ? EXIT_OK : cli_fail(&err);
}

/* Written beside and moved into place: an editor may be reading it. */
static int write_whole(const char *path, struct slice text, struct err *err)
{
    char beside[LIMIT_PATH];
    size_t len = (size_t)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = len < sizeof beside ? fopen(beside, "we") : NULL;
    bool ok = file && fwrite(text.ptr, 1, text.len, file) == text.len;

    if (file && fclose(file) != 0)
        ok = false;
    return ok && rename(beside, path) == 0
               ? 0
               : err_set(err, ERR_SYSTEM, "cannot write %s: %s", path,
                         strerror(errno));
}

/* The files of the library folder, and the module each is of. */
static const struct {
    const char *file, *module;
} library[] = {
    { ".lunatrix/library/matrix.lua", NULL },
    { ".lunatrix/library/matrix.test.lua", "test" },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int write_one(struct cli *cli, const char *directory, size_t i,
                     struct err *err)
{
    char path[LIMIT_PATH];
    struct buf text;
    int result;

    buf_init(&text, LIMIT_REPORT);
    snprintf(path, sizeof path, "%s/%s", directory, library[i].file);
    result = reference_types(cli->lua_path, library[i].module, &text, err);
    if (result == 0)
        result = write_whole(path, buf_slice(&text), err);
    if (result == 0)
        printf("wrote %s\n", path);
    buf_free(&text);
    return result;
}

/* The folders that are missing, and the files. */
static int write_library(struct cli *cli, const char *directory,
                         struct err *err)
{
    static const char *const folders[] = { ".lunatrix", ".lunatrix/library" };
    char path[LIMIT_PATH];

    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, folders[i]);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return err_set(err, ERR_SYSTEM, "cannot make the folder %s: %s",
                           path, strerror(errno));
    }
    for (size_t i = 0; i < COUNT(library); i++) {
        if (write_one(cli, directory, i, err) != 0)
            return -1;
    }
    return 0;
}

void cli_note_types(struct cli *cli, const char *directory)
{
    char path[LIMIT_PATH];
    struct buf have, want;
    struct err err;

    buf_init(&have, LIMIT_REPORT);
    buf_init(&want, LIMIT_REPORT);
    snprintf(path, sizeof path, "%s/%s", directory, library[0].file);
    if (file_read(path, LIMIT_REPORT, &have, NULL) == 0 &&
        reference_types(cli->lua_path, NULL, &want, &err) == 0 &&
        !slice_eq(buf_slice(&have), buf_slice(&want)))
        fprintf(stderr, "%s is of another version: lunatrix types --write %s\n",
                path, directory);
    buf_free(&have);
    buf_free(&want);
}

static int write_settings(const char *directory, struct err *err)
{
    char path[LIMIT_PATH];

    snprintf(path, sizeof path, "%s/.luarc.json", directory);
    if (access(path, F_OK) == 0)
        return 0;
    if (write_whole(path, slice_str(CLI_LUARC), err) != 0)
        return -1;
    printf("wrote %s\n", path);
    return 0;
}

static int run_types(struct cli *cli, void *record, int argc, char **argv)
{
    const struct types_options *options = record;
    const char *directory = argc ? argv[0] : ".";
    struct buf text;
    struct err err;
    int result;

    if (argc > 1 || (argc == 1 && !options->write))
        return cli_usage(&cli_types, "one folder, with --write");
    if (strlen(directory) > LIMIT_PATH - 64)
        return cli_usage(&cli_types, "the path is too long");
    buf_init(&text, LIMIT_REPORT);
    if (options->write) {
        result = write_library(cli, directory, &err);
        if (result == 0)
            result = write_settings(directory, &err);
    } else {
        result = reference_types(cli->lua_path, NULL, &text, &err);
        fputs(buf_str(&text), stdout);
    }
    buf_free(&text);
    return result == 0 ? EXIT_OK : cli_fail(&err);
}

static const struct option types_list[] = {
    { "write", OPTION_FLAG, offsetof(struct types_options, write), NULL,
      "into .lunatrix/library/ of the folder" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_types = {
    .name = "types",
    .usage = "[DIR] [OPTIONS]",
    .summary = "tell editors (LuaLS) what bots can call",
    .examples = "  lunatrix types --write\n",
    .options = types_list,
    .record_size = sizeof(struct types_options),
    .run = run_types,
};

static const struct option docs_list[] = {
    { "markdown", OPTION_FLAG, offsetof(struct docs_options, markdown), NULL,
      "all of it, as a page of Markdown" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_docs = {
    .name = "docs",
    .usage = "[NAME] [OPTIONS]",
    .summary = "what a name of the API does; none: all names",
    .examples = "  lunatrix docs ev:reply\n  lunatrix docs matrix.http.get\n",
    .options = docs_list,
    .record_size = sizeof(struct docs_options),
    .run = run_docs,
};
