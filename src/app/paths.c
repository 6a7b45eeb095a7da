#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "limits.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Empties out and makes it ready for one path. */
static void start(struct buf *out)
{
    buf_free(out);
    buf_init(out, LIMIT_PATH);
}

static int finish(struct buf *out, struct err *err)
{
    return buf_check(out, "path", err);
}

/* $variable, or $HOME/fallback. */
static int below_home(struct buf *out, const char *variable,
                      const char *fallback, struct err *err)
{
    const char *base = environment(variable);
    const char *home = environment("HOME");

    if (base)
        return buf_adds(out, base);
    if (!home)
        return err_set(err, ERR_CONFIG,
                       "cannot find a folder for lunatrix: neither $%s nor "
                       "$HOME is set",
                       variable);
    return buf_addf(out, "%s/%s", home, fallback);
}

const char *paths_account_variable(void)
{
    static const char *const names[] = { "LUNATRIX_STATE_DIR",
                                         "STATE_DIRECTORY", "XDG_DATA_HOME" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (environment(names[i]))
            return names[i];
    }
    return "HOME";
}

int paths_account(const char *account, struct buf *out, struct err *err)
{
    const char *base = environment("LUNATRIX_STATE_DIR");

    if (paths_check_name("account", account, err) != 0)
        return -1;
    start(out);
    if (!base)
        base = environment("STATE_DIRECTORY");
    if (base) {
        buf_addf(out, "%s/%s", base, account);
        return finish(out, err);
    }
    if (below_home(out, "XDG_DATA_HOME", ".local/share", err) != 0)
        return -1;
    buf_addf(out, "/lunatrix/%s", account);
    return finish(out, err);
}

int paths_in_account(const char *account, const char *name, struct buf *out,
                     struct err *err)
{
    if (paths_account(account, out, err) != 0)
        return -1;
    buf_addf(out, "/%s", name);
    return finish(out, err);
}

int paths_socket(const char *account, struct buf *out, struct err *err)
{
    const char *systemd = environment("RUNTIME_DIRECTORY");
    const char *xdg = environment("XDG_RUNTIME_DIR");

    if (paths_check_name("account", account, err) != 0)
        return -1;
    if (!systemd && !xdg)
        return paths_in_account(account, "control.sock", out, err);
    start(out);
    if (systemd)
        buf_adds(out, systemd);
    else
        buf_addf(out, "%s/lunatrix", xdg);
    if (finish(out, err) != 0 || file_make_private_dir(buf_str(out), err) != 0)
        return -1;
    buf_addf(out, "/%s.sock", account);
    return finish(out, err);
}

int paths_history(const char *name, struct buf *out, struct err *err)
{
    start(out);
    if (below_home(out, "XDG_STATE_HOME", ".local/state", err) != 0)
        return -1;
    buf_adds(out, "/lunatrix");
    if (finish(out, err) != 0 || file_make_private_dir(buf_str(out), err) != 0)
        return -1;
    buf_addf(out, "/history-%s", name);
    return finish(out, err);
}

static int exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int paths_config(const char *flag, struct buf *out, struct err *err)
{
    const char *named = flag ? flag : environment("LUNATRIX_CONFIG");
    const char *systemd = environment("CONFIGURATION_DIRECTORY");

    start(out);
    if (named) {
        if (!exists(named))
            return err_set(err, ERR_CONFIG,
                           "cannot read the configuration %s: %s", named,
                           strerror(errno));
        return buf_adds(out, named) == 0 ? 1 : finish(out, err);
    }
    if (exists("lunatrix.lua"))
        return buf_adds(out, "lunatrix.lua") == 0 ? 1 : finish(out, err);
    if (systemd)
        buf_adds(out, systemd);
    else if (below_home(out, "XDG_CONFIG_HOME", ".config", NULL) == 0)
        buf_adds(out, "/lunatrix");
    buf_adds(out, "/lunatrix.lua");
    if (finish(out, err) != 0)
        return -1;
    if (exists(buf_str(out)))
        return 1;
    start(out);
    buf_adds(out, "/etc/lunatrix/lunatrix.lua");
    return exists(buf_str(out));
}

int paths_check_name(const char *what, const char *name, struct err *err)
{
    size_t length = strlen(name);

    if (length == 0 || length > 64 || name[0] == '.')
        goto bad;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
            goto bad;
    }
    return 0;
bad:
    return err_set(err, ERR_CONFIG,
                   "'%.80s' cannot be the name of an %s: use letters, digits, "
                   "'-' and '_', at most 64",
                   name, what);
}

int paths_directory(const char *path, struct buf *out)
{
    const char *slash = strrchr(path, '/');

    start(out);
    if (!slash)
        return buf_adds(out, ".");
    if (slash == path)
        return buf_adds(out, "/");
    return buf_add(out, slice_make(path, (size_t)(slash - path)));
}
