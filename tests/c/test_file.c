/* layer: base */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int enter_folder(void **state)
{
    char *path = strdup("/tmp/test_file.XXXXXX");
    *state = path;
    return mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", (char *)*state);
    int status = chdir("/") == 0 ? system(command) : -1;
    free(*state);
    return status;
}

static void write_plain(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static unsigned int mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void reads_up_to_the_limit(void **state)
{
    (void)state;
    static const struct {
        size_t size, max, room;
        int status;
    } rows[] = {
        { 0, 0, 10, 0 },          { 1, 0, 10, -1 },
        { 10, 10, 10, 0 },        { 11, 10, 20, -1 },
        { 11, 20, 10, -1 },       { 9000, 9000, 9000, 0 },
        { 9000, 8999, 9000, -1 }, { 4096, 4096, 4096, 0 },
        { 8192, 4096, 9000, -1 },
    };
    char text[9001];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        struct err err;
        memset(text, 'x', sizeof text);
        text[rows[i].size] = '\0';
        write_plain("f", text, 0600);
        buf_init(&out, rows[i].room + 1);
        buf_addc(&out, '>');
        assert_int_equal(file_read("f", rows[i].max, &out, &err),
                         rows[i].status);
        assert_int_equal(out.len, 1 + (rows[i].status ? 0 : rows[i].size));
        if (rows[i].status) {
            assert_int_equal(err.kind, ERR_LIMIT);
            assert_non_null(strstr(err.text, "cannot read f: "));
        }
        buf_free(&out);
    }
}

static void read_says_what_and_why(void **state)
{
    (void)state;
    struct buf out;
    struct err err;
    buf_init(&out, 10);
    errno = 0;
    assert_int_equal(file_read("gone", 10, &out, &err), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_string_equal(err.text,
                        "cannot read gone: No such file or directory");
    assert_int_equal(file_read(".", 10, &out, &err), -1);
    assert_int_equal(errno, EISDIR);
    buf_free(&out);
}

static void only_files_are_read_without_waiting(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int why; /* 0: it is read */
    } rows[] = {
        { "f", 0 },      { "link", 0 },           { "pipe", EACCES },
        { ".", EISDIR }, { "/dev/null", EACCES }, { "gone", ENOENT },
    };
    struct buf out;
    struct err err;
    write_plain("f", "text", 0600);
    assert_int_equal(symlink("f", "link"), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_init(&out, 10);
        errno = 0;
        assert_int_equal(file_read_regular(rows[i].path, 10, &out, &err),
                         rows[i].why ? -1 : 0);
        assert_int_equal(rows[i].why ? errno : 0, rows[i].why);
        assert_string_equal(buf_str(&out), rows[i].why ? "" : "text");
        buf_free(&out);
    }
}

static int count_files(void)
{
    int count = 0;
    DIR *dir = opendir(".");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void write_is_private_whatever_the_umask(void **state)
{
    (void)state;
    struct err err;
    struct buf out;
    buf_init(&out, 100);
    for (int i = 0; i < 2; i++) {
        mode_t before = umask(i ? 0777 : 0);
        write_plain("s", "a longer old text", 0644);
        assert_int_equal(file_write_private("s", slice_make("n\0w", 3), &err),
                         0);
        umask(before);
        assert_int_equal(mode_of("s"), 0600);
        buf_clear(&out);
        assert_int_equal(file_read("s", 100, &out, &err), 0);
        assert_true(slice_eq(buf_slice(&out), slice_make("n\0w", 3)));
        assert_int_equal(count_files(), 1); /* no temporary one is left */
    }
    buf_free(&out);
}

static void write_replaces_a_link(void **state)
{
    (void)state;
    struct err err;
    write_plain("victim", "untouched", 0644);
    assert_int_equal(symlink("victim", "s"), 0);
    assert_int_equal(file_write_private("s", slice_str("new"), &err), 0);
    struct buf out;
    buf_init(&out, 100);
    assert_int_equal(file_read("victim", 100, &out, &err), 0);
    assert_string_equal(buf_str(&out), "untouched");
    buf_free(&out);
}

static void a_failed_write_leaves_no_trace(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(file_write_private("d", slice_str("x"), &err), -1);
    assert_non_null(strstr(err.text, "cannot write d: "));
    assert_int_equal(file_write_private("gone/s", slice_str("x"), &err), -1);
    assert_string_equal(err.text,
                        "cannot write gone/s: No such file or directory");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(count_files(), 1);
}

static void makes_what_is_missing_of_a_path(void **state)
{
    struct err err;
    char absolute[64];
    mode_t before = umask(0);
    assert_int_equal(mkdir("old", 0755), 0);
    assert_int_equal(file_make_private_dir("old/a//b/", &err), 0);
    assert_int_equal(file_make_private_dir("old/a/b", &err), 0);
    snprintf(absolute, sizeof absolute, "%s/new", (char *)*state);
    assert_int_equal(file_make_private_dir(absolute, &err), 0);
    umask(before);
    assert_int_equal(mode_of("old"), 0755);
    assert_int_equal(mode_of("old/a"), 0700);
    assert_int_equal(mode_of("old/a/b"), 0700);
    assert_int_equal(mode_of("new"), 0700);
    assert_int_equal(file_make_private_dir("/", &err), 0);
    assert_int_equal(file_make_private_dir("", &err), -1);
}

static void a_file_in_the_way_is_named(void **state)
{
    (void)state;
    struct err err;
    write_plain("f", "", 0600);
    assert_int_equal(file_make_private_dir("f", &err), -1);
    assert_string_equal(err.text, "cannot make directory f: Not a directory");
    assert_int_equal(file_make_private_dir("f/b/c", &err), -1);
    assert_non_null(strstr(err.text, "Not a directory"));
}

static void check_names_the_chmod_to_run(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned int mode;
        const char *text; /* NULL: private */
    } rows[] = {
        { "ok", 0600, NULL },
        { "ok", 0400, NULL },
        { "ok", 0711, NULL },
        { "t", 0640,
          "cannot use t: other users can read it (mode 0640); run: "
          "chmod 600 t" },
        { "t", 0604,
          "cannot use t: other users can read it (mode 0604); run: "
          "chmod 600 t" },
        { "t", 0602,
          "cannot use t: other users can write it (mode 0602); "
          "run: chmod 600 t" },
        { "it's", 0644,
          "cannot use it's: other users can read it (mode "
          "0644); run: chmod 600 'it'\\''s'" },
        { "-R", 0644,
          "cannot use -R: other users can read it (mode 0644); "
          "run: chmod 600 './-R'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = { .text = "" };
        write_plain(rows[i].name, "", rows[i].mode);
        assert_int_equal(file_check_private(rows[i].name, &err),
                         rows[i].text ? -1 : 0);
        if (rows[i].text) {
            assert_string_equal(err.text, rows[i].text);
            assert_int_equal(err.kind, ERR_CONFIG);
        }
    }
    struct err err;
    assert_int_equal(mkdir("d", 0755), 0);
    assert_int_equal(chmod("d", 0755), 0);
    assert_int_equal(file_check_private("d", &err), -1);
    assert_non_null(strstr(err.text, "run: chmod 700 d"));
    assert_int_equal(file_check_private("gone", &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
}

/* Their access list shows as group bits. */
static void credentials_of_systemd_are_private(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(mkdir("cred", 0700), 0);
    write_plain("cred/token", "x", 0440);
    write_plain("cred2", "x", 0440);
    assert_int_equal(file_check_private("cred/token", &err), -1);
    setenv("CREDENTIALS_DIRECTORY", "cred", 1);
    assert_int_equal(file_check_private("cred/token", &err), 0);
    assert_int_equal(file_check_private("cred2", &err), -1);
    assert_int_equal(file_check_private("cred/../cred2", &err), -1);
    unsetenv("CREDENTIALS_DIRECTORY");
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(reads_up_to_the_limit),
        IN_FOLDER(read_says_what_and_why),
        IN_FOLDER(only_files_are_read_without_waiting),
        IN_FOLDER(write_is_private_whatever_the_umask),
        IN_FOLDER(write_replaces_a_link),
        IN_FOLDER(a_failed_write_leaves_no_trace),
        IN_FOLDER(makes_what_is_missing_of_a_path),
        IN_FOLDER(a_file_in_the_way_is_named),
        IN_FOLDER(check_names_the_chmod_to_run),
        IN_FOLDER(credentials_of_systemd_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
