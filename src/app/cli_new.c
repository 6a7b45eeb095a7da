#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "cli.h"
#include "config_value.h"
#include "embedded.h"
#include "limits.h"

/* new: a folder with a bot, from a template (lua/templates/<name>/). */

struct new_options {
    const char *template_name;
};

/* Beside the Lua files of a template. */
static const struct {
    const char *name, *text;
} plain_files[] = {
    { ".gitignore", "# what the editor is told, made by `lunatrix types`; "
                    "secrets stay out\n.lunatrix/\nsecrets/\n" },
    { ".luarc.json", CLI_LUARC },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PLACEHOLDER "mybot"

/* "templates/echo/main.lua": the name of the template, the file's name. */
static struct slice template_of(const struct embedded_file *file,
                                const char **name)
{
    const char *from = strchr(file->path, '/') + 1;
    const char *slash = strchr(from, '/');

    *name = slash + 1;
    return slice_make(from, (size_t)(slash - from));
}

static bool has_template(const char *wanted)
{
    const char *name;

    for (const struct embedded_file *f = templates_files; f->module; f++) {
        if (slice_is(template_of(f, &name), wanted))
            return true;
    }
    return false;
}

/* Each once: the files of a template stand together. */
static void list_templates(struct buf *out)
{
    struct slice last = SLICE_NONE;
    const char *name;

    for (const struct embedded_file *f = templates_files; f->module; f++) {
        struct slice one = template_of(f, &name);
        if (last.ptr && slice_eq(one, last))
            continue;
        buf_addf(out, "%s%.*s", last.ptr ? ", " : "", SLICE_ARG(one));
        last = one;
    }
}

/* The script's name: the folder's. */
static int read_name(const char *directory, struct buf *name, struct err *err)
{
    char resolved[LIMIT_PATH];
    struct slice path = slice_str(directory);

    if (strcmp(directory, ".") == 0 && getcwd(resolved, sizeof resolved))
        path = slice_str(resolved);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    for (size_t i = path.len; i > 0; i--) {
        if (path.ptr[i - 1] == '/') {
            path = slice_make(path.ptr + i, path.len - i);
            break;
        }
    }
    bool good = path.len > 0 && path.len <= 64 &&
                (isalpha((unsigned char)path.ptr[0]) || path.ptr[0] == '_');
    for (size_t i = 0; i < path.len; i++)
        good = good && (isalnum((unsigned char)path.ptr[i]) ||
                        strchr("_-", path.ptr[i]));
    if (!good)
        return err_set(err, ERR_CONFIG,
                       "cannot make a bot named '%.*s': a name has letters, "
                       "digits, - and _, and begins with a letter",
                       SLICE_ARG(path));
    return buf_add(name, path);
}

/* Makes the folder; one that is there must be empty. */
static int make_directory(const char *path, struct err *err)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return err_set(err, ERR_SYSTEM, "cannot make the folder %s: %s", path,
                       strerror(errno));
    DIR *directory = opendir(path);
    if (!directory)
        return err_set(err, ERR_SYSTEM, "cannot read the folder %s: %s", path,
                       strerror(errno));
    bool empty = true;
    for (const struct dirent *e; empty && (e = readdir(directory));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                strcmp(e->d_name, ".git") == 0;
    closedir(directory);
    return empty ? 0
                 : err_set(err, ERR_CONFIG,
                           "%s is not empty: nothing was changed", path);
}

static int write_file(const char *directory, const char *name,
                      struct slice text, struct err *err)
{
    char path[LIMIT_PATH];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok ? 0
              : err_set(err, ERR_SYSTEM, "cannot write %s: %s", path,
                        strerror(errno));
}

/* Lua writes my-bot as ["my-bot"] where mybot stands. */
static void add_named(struct buf *out, struct slice text, const char *name)
{
    const char *from = text.ptr, *end = text.ptr + text.len, *at;
    bool plain = strchr(name, '-') == NULL;

    while ((at = strstr(from, PLACEHOLDER)) != NULL) {
        buf_add(out, slice_make(from, (size_t)(at - from)));
        buf_addf(out, plain ? "%s" : "[\"%s\"]", name);
        from = at + strlen(PLACEHOLDER);
    }
    buf_add(out, slice_make(from, (size_t)(end - from)));
}

static int write_bot(const char *directory, const char *template_name,
                     const char *name, struct err *err)
{
    const char *file;
    int result = 0;

    for (const struct embedded_file *f = templates_files;
         f->module && result == 0; f++) {
        if (!slice_is(template_of(f, &file), template_name))
            continue;
        struct buf text;
        buf_init(&text, LIMIT_SCRIPT_FILE);
        add_named(&text, slice_make(f->text, f->size), name);
        result = buf_check(&text, file, err);
        if (result == 0)
            result = write_file(directory, file, buf_slice(&text), err);
        buf_free(&text);
    }
    for (size_t i = 0; i < COUNT(plain_files) && result == 0; i++)
        result = write_file(directory, plain_files[i].name,
                            slice_str(plain_files[i].text), err);
    return result;
}

static int run_new(struct cli *cli, void *record, int argc, char **argv)
{
    const struct new_options *options = record;
    const char *wanted =
        options->template_name ? options->template_name : "echo";
    struct buf text;
    struct err err;
    int result;
    (void)cli;

    if (argc != 1)
        return cli_usage(&cli_new, "name one folder, which is the bot's name");
    buf_init(&text, LIMIT_PATH);
    if (!has_template(wanted)) {
        list_templates(&text);
        result = cli_usage(&cli_new, "there is no template '%s'; there is %s",
                           wanted, buf_str(&text));
        buf_free(&text);
        return result;
    }
    result = strlen(argv[0]) < LIMIT_PATH - 32
                 ? read_name(argv[0], &text, &err)
                 : err_set(&err, ERR_LIMIT, "the path is too long");
    if (result == 0)
        result = make_directory(argv[0], &err);
    if (result == 0)
        result = write_bot(argv[0], wanted, buf_str(&text), &err);
    buf_free(&text);
    if (result != 0)
        return cli_fail(&err);
    printf("made %s from the template '%s'; next:\n"
           "  lunatrix try %s/main.lua     talk to it here\n"
           "  lunatrix test %s             run its tests\n",
           argv[0], wanted, argv[0], argv[0]);
    return EXIT_OK;
}

static const struct option list[] = {
    { "template", OPTION_TEXT, offsetof(struct new_options, template_name),
      "NAME", "echo (the default), command, poller, moderator or webhook" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_new = {
    .name = "new",
    .usage = "DIR [OPTIONS]",
    .summary = "make a folder with a bot, its test and its configuration",
    .examples = "  lunatrix new mybot\n"
                "  lunatrix new mybot --template command\n",
    .options = list,
    .record_size = sizeof(struct new_options),
    .run = run_new,
};
