#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lua.h>

#include "check.h"
#include "control.h"
#include "digest.h"
#include "doctor.h"
#include "file.h"
#include "json_read.h"
#include "limits.h"
#include "loop_uv.h"
#include "paths.h"
#include "secret.h"
#include "store.h"
#include "transport_curl.h"
#include "version.h"

/* What can be seen without the network. */

/* ---- the machine ------------------------------------------------------- */

static void check_versions(struct doctor *doctor)
{
    char curl[400];

    transport_curl_version(curl, sizeof curl);
    doctor_tell(doctor, DOCTOR_OK, "versions", NULL,
                "lunatrix %s; %s; OpenSSL %s; SQLite %s; %s; libuv %s",
                LUNATRIX_VERSION, curl, digest_version(), store_version(),
                LUA_RELEASE, loop_uv_version());
}

static void check_descriptors(struct doctor *doctor)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < LIMIT_DOCTOR_FILES)
        doctor_tell(doctor, DOCTOR_WARN, "limits",
                    "raise it: ulimit -n 1024, or LimitNOFILE= in the unit",
                    "only %llu files may be open at once",
                    (unsigned long long)limit.rlim_cur);
    else
        doctor_tell(doctor, DOCTOR_OK, "limits", NULL,
                    "%llu files may be open at once",
                    (unsigned long long)limit.rlim_cur);
}

/* A number from /proc, -1 unknown. */
static long read_number(const char *path)
{
    struct buf text;
    long value = -1;

    buf_init(&text, KIB(1));
    if (file_read(path, KIB(1), &text, NULL) == 0)
        value = strtol(buf_str(&text), NULL, 10);
    buf_free(&text);
    return value;
}

/* Each script watches a folder or a few; each account is one instance. */
static void check_inotify(struct doctor *doctor, const struct config *config)
{
    size_t scripts = config ? config->script_count : 0;
    long watches = read_number("/proc/sys/fs/inotify/max_user_watches");
    long needed = 16 * (long)(scripts + 1);
    int fd = inotify_init1(IN_CLOEXEC);

    if (fd < 0) {
        doctor_tell(doctor, DOCTOR_WARN, "inotify",
                    "raise it: sysctl fs.inotify.max_user_instances=512",
                    "no further watch can be made (%s): saved scripts are "
                    "noticed by looking every second",
                    strerror(errno));
        return;
    }
    close(fd);
    if (watches >= 0 && watches < needed)
        doctor_tell(doctor, DOCTOR_WARN, "inotify",
                    "raise it: sysctl fs.inotify.max_user_watches=65536",
                    "%ld folders may be watched; %zu scripts may need %ld",
                    watches, scripts, needed);
    else
        doctor_tell(doctor, DOCTOR_OK, "inotify", NULL,
                    "%ld folders may be watched", watches);
}

/* User services end with the last login, unless the user lingers. */
static void check_linger(struct doctor *doctor)
{
    const struct passwd *user = getpwuid(getuid());
    const char *home = getenv("HOME");
    char path[LIMIT_PATH];

    if (getuid() == 0 || !user || !home ||
        access("/run/systemd/system", F_OK) != 0)
        return;
    snprintf(path, sizeof path, "%s/.config/systemd/user/lunatrix@.service",
             home);
    if (access(path, F_OK) != 0)
        return;
    snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", user->pw_name);
    if (access(path, F_OK) != 0)
        doctor_tell(doctor, DOCTOR_WARN, "systemd",
                    "run: loginctl enable-linger",
                    "services of %s end when they log out", user->pw_name);
    else
        doctor_tell(doctor, DOCTOR_OK, "systemd", NULL,
                    "services of %s run on after they log out", user->pw_name);
}

void doctor_machine(struct doctor *doctor, const struct config *config)
{
    check_versions(doctor);
    check_descriptors(doctor);
    check_inotify(doctor, config);
    check_linger(doctor);
}

/* ---- an account's folder ----------------------------------------------- */

/* The chmod to run is in the message. */
static int check_mode(struct doctor *doctor, const char *path)
{
    struct err err;

    if (access(path, F_OK) != 0 || file_check_private(path, &err) == 0)
        return 0;
    doctor_tell(doctor, DOCTOR_FAIL, "folder", NULL, "%s", err.text);
    return -1;
}

static void check_files(struct doctor *doctor, const char *directory)
{
    static const char *const names[] = { "session",        "account.db",
                                         "scripts.db",     "lock",
                                         "account.db-wal", "scripts.db-wal" };
    char path[2 * LIMIT_PATH];
    int bad = check_mode(doctor, directory);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        bad |= check_mode(doctor, path);
    }
    if (bad == 0 && access(directory, W_OK) != 0)
        doctor_tell(doctor, DOCTOR_FAIL, "folder",
                    "it must belong to the user who runs the bot",
                    "cannot write to %s: %s", directory, strerror(errno));
    else if (bad == 0)
        doctor_tell(doctor, DOCTOR_OK, "folder", NULL, "%s, yours only",
                    directory);
}

static void check_disk(struct doctor *doctor, const char *directory)
{
    struct statvfs disk;
    unsigned long long free_bytes;
    enum doctor_level level = DOCTOR_OK;

    if (statvfs(directory, &disk) != 0)
        return;
    free_bytes = (unsigned long long)disk.f_bavail * disk.f_frsize;
    if (free_bytes < LIMIT_DOCTOR_DISK_WARN)
        level = DOCTOR_WARN;
    if (free_bytes < LIMIT_DOCTOR_DISK_FAIL)
        level = DOCTOR_FAIL;
    doctor_tell(doctor, level, "disk",
                level == DOCTOR_OK ? NULL
                                   : "make room: without it nothing is "
                                     "received or sent",
                "%llu MiB free", free_bytes / MIB(1));
}

static void check_socket(struct doctor *doctor, const char *account)
{
    struct buf reply;
    struct err err;
    int64_t pid = 0;
    int asked;

    buf_init(&reply, LIMIT_REPORT);
    asked =
        control_ask(account, slice_str("{\"do\":\"status\"}"), &reply, &err);
    json_int(json_get(buf_slice(&reply), "pid"), &pid);
    if (asked < 0)
        doctor_tell(doctor, DOCTOR_FAIL, "process", NULL, "%s", err.text);
    else if (asked == 0)
        doctor_tell(doctor, DOCTOR_OK, "process", NULL, "none runs it");
    else
        doctor_tell(doctor, DOCTOR_OK, "process", NULL,
                    "%lld runs it and answers", (long long)pid);
    buf_free(&reply);
}

bool doctor_folder(struct doctor *doctor, const char *account)
{
    struct buf directory, session;
    struct err err;
    bool there = false;

    buf_init(&directory, LIMIT_PATH);
    buf_init(&session, LIMIT_PATH);
    if (paths_account(account, &directory, &err) != 0 ||
        paths_in_account(account, "session", &session, &err) != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, "folder", NULL, "%s", err.text);
    } else if (access(buf_str(&directory), F_OK) != 0) {
        doctor_tell(doctor, DOCTOR_OK, "folder", NULL,
                    "%s is made by lunatrix login", buf_str(&directory));
    } else {
        there = access(buf_str(&session), F_OK) == 0;
        check_files(doctor, buf_str(&directory));
        check_disk(doctor, buf_str(&directory));
    }
    check_socket(doctor, account);
    buf_free(&directory);
    buf_free(&session);
    return there;
}

/* ---- scripts ----------------------------------------------------------- */

static void check_secrets(struct doctor *doctor, const struct config *config,
                          const struct config_script *script)
{
    struct json_iter it = json_iter(buf_slice(&script->secrets));
    struct buf value;
    struct err err;

    while (json_next(&it)) {
        if (!json_get(it.value, "file").ptr)
            continue;
        buf_init(&value, LIMIT_SECRET_FILE);
        if (secret_read(script->name, it.value, config->directory, 0, &value,
                        &err) != 0)
            doctor_tell(doctor, DOCTOR_FAIL, "secrets", NULL, "%s: %s",
                        script->name, err.text);
        if (value.ptr)
            explicit_bzero(value.ptr, value.cap);
        buf_free(&value);
    }
}

static void check_one(struct doctor *doctor, struct loop *loop,
                      const struct config_script *settings,
                      const char *lua_path)
{
    struct manager_script script = {
        .name = "check",
        .path = settings->file,
        .config = settings->settings.len ? buf_slice(&settings->settings)
                                         : slice_str("{}"),
        .secrets = slice_str("{}"),
    };
    struct buf found;
    struct err err;
    int count;

    buf_init(&found, LIMIT_REPORT);
    count = check_script(loop, &script, lua_path, &found, &err);
    if (count < 0)
        doctor_tell(doctor, DOCTOR_FAIL, "scripts", NULL, "%s: %s",
                    settings->name, err.text);
    else if (count > 0)
        doctor_tell(doctor,
                    strstr(buf_str(&found), ": error: ") ? DOCTOR_FAIL
                                                         : DOCTOR_WARN,
                    "scripts", "run: lunatrix check", "%s: %d finding%s: %.*s",
                    settings->name, count, count == 1 ? "" : "s",
                    (int)strcspn(buf_str(&found), "\n"), buf_str(&found));
    buf_free(&found);
}

void doctor_scripts(struct doctor *doctor, const struct config *config,
                    const char *lua_path)
{
    struct err err;
    struct loop *loop = loop_new(LOOP_VIRTUAL, &err);
    int before = doctor->warned + doctor->failed;

    if (!loop) {
        doctor_tell(doctor, DOCTOR_FAIL, "scripts", NULL, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < config->script_count; i++) {
        check_one(doctor, loop, &config->scripts[i], lua_path);
        check_secrets(doctor, config, &config->scripts[i]);
    }
    if (doctor->warned + doctor->failed == before)
        doctor_tell(doctor, DOCTOR_OK, "scripts", NULL, "%zu checked",
                    config->script_count);
    loop_free(loop);
}
