#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"
#include "cli.h"
#include "limits.h"
#include "world_lua.h"

/* test: runs *_test.lua files. */

struct test_options {
    const char *format, *only;
};

struct files {
    char **names;
    int count;
};

static int add_file(struct files *files, const char *path, struct err *err)
{
    char **grown;

    if (files->count == LIMIT_TEST_FILES)
        return err_set(err, ERR_LIMIT, "more than %d test files",
                       LIMIT_TEST_FILES);
    grown = realloc(files->names, ((size_t)files->count + 1) * sizeof *grown);
    if (grown) {
        files->names = grown;
        grown[files->count] = strdup(path);
        if (grown[files->count]) {
            files->count++;
            return 0;
        }
    }
    return err_set(err, ERR_SYSTEM, "cannot look for tests: out of memory");
}

static bool is_test(const char *name)
{
    size_t length = strlen(name);

    return length > 9 && strcmp(name + length - 9, "_test.lua") == 0;
}

/* Everything below a directory but what is hidden, in order of name. */
static int add_directory(struct files *files, const char *path, int depth,
                         struct err *err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), result = 0;

    if (count < 0)
        return err_set(err, ERR_CONFIG, "cannot read the directory %s", path);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct buf inner;
        struct stat is;
        buf_init(&inner, LIMIT_PATH);
        if (result == 0 && name[0] != '.' &&
            (strcmp(path, ".") == 0
                 ? buf_adds(&inner, name)
                 : buf_addf(&inner, "%s/%s", path, name)) == 0 &&
            lstat(buf_str(&inner), &is) == 0) {
            if (S_ISDIR(is.st_mode) && depth < LIMIT_TEST_DEPTH)
                result = add_directory(files, buf_str(&inner), depth + 1, err);
            else if (is_test(name) && !S_ISDIR(is.st_mode))
                result = add_file(files, buf_str(&inner), err);
        }
        buf_free(&inner);
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int add_path(struct files *files, const char *path, struct err *err)
{
    struct stat is;

    if (stat(path, &is) != 0)
        return err_set(err, ERR_CONFIG, "there is no %s", path);
    return S_ISDIR(is.st_mode) ? add_directory(files, path, 0, err)
                               : add_file(files, path, err);
}

static int find_files(struct files *files, int argc, char **argv,
                      struct err *err)
{
    int result = argc == 0 ? add_path(files, ".", err) : 0;

    for (int i = 0; i < argc && result == 0; i++)
        result = add_path(files, argv[i], err);
    if (result == 0 && files->count == 0)
        result = err_set(err, ERR_CONFIG, "there is no *_test.lua here");
    return result;
}

static int run_test(struct cli *cli, void *record, int argc, char **argv)
{
    const struct test_options *test = record;
    const char *format = test->format ? test->format : "text";
    struct files files = { 0 };
    struct err err;
    int failed = -1;

    if (strcmp(format, "text") != 0 && strcmp(format, "tap") != 0 &&
        strcmp(format, "junit") != 0)
        return cli_usage(&cli_test,
                         "--format is '%s', but must be text, tap or junit",
                         format);
    if (find_files(&files, argc, argv, &err) == 0)
        failed =
            world_lua_run(cli->lua_path, format, test->only,
                          (const char *const *)files.names, files.count, &err);
    for (int i = 0; i < files.count; i++)
        free(files.names[i]);
    free(files.names);
    if (failed < 0)
        return cli_fail(&err);
    return failed ? EXIT_FAIL : EXIT_OK;
}

static const struct option list[] = {
    { "format", OPTION_TEXT, offsetof(struct test_options, format), "FORMAT",
      "text, tap or junit" },
    { "only", OPTION_TEXT, offsetof(struct test_options, only), "TEXT",
      "cases whose name has TEXT in it" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_test = {
    .name = "test",
    .usage = "[PATH...] [OPTIONS]",
    .summary = "run tests of bots: *_test.lua files, or those in directories",
    .examples = "  lunatrix test\n"
                "  lunatrix test tests/bots/ping_test.lua --only reload\n",
    .options = list,
    .record_size = sizeof(struct test_options),
    .run = run_test,
};
