#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "limits.h"

static struct slice copy_slice(struct slice text, bool *failed)
{
    char *copy = slice_dup(text.ptr ? text : slice_str("{}"));
    *failed |= !copy;
    return copy ? slice_make(copy, text.ptr ? text.len : 2) : SLICE_NONE;
}

static const char *copy_text(const char *text, bool *failed)
{
    char *copy = text ? slice_dup(slice_str(text)) : NULL;
    *failed |= text && !copy;
    return copy;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static char *join(struct slice directory, const char *file, bool *failed)
{
    struct buf out;
    buf_init(&out, LIMIT_PATH);
    buf_addf(&out, "%.*s/%s", SLICE_ARG(directory), file);
    char *path = out.failed ? NULL : slice_dup(buf_slice(&out));
    buf_free(&out);
    *failed |= !path;
    return path;
}

/* The last part of a path, without slashes at its end. */
static struct slice last_part(struct slice path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/') {
        path.len--;
    }
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    if (slash && path.len > 1) {
        size_t skip = (size_t)(slash + 1 - path.ptr);
        path = slice_make(path.ptr + skip, path.len - skip);
    }
    return path;
}

static bool resolve(struct settings *settings)
{
    const char *path = settings->script.path;
    struct slice name = last_part(slice_str(path));
    bool failed = false;
    if (is_directory(path)) {
        struct slice directory =
            slice_make(path, (size_t)(name.ptr + name.len - path));
        settings->directory = slice_dup(directory);
        settings->file = join(directory, "main.lua", &failed);
        settings->title = join(name, "main.lua", &failed);
    } else {
        const char *slash = strrchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : 0;
        settings->directory = slice_dup(
            !slash ? slice_str(".") : slice_make(path, len ? len : 1));
        settings->file = slice_dup(slice_str(path));
        settings->title = slice_dup(name);
    }
    return !failed && settings->directory && settings->file && settings->title;
}

struct settings *settings_new(const struct manager_script *script,
                              struct err *err)
{
    struct settings *settings = calloc(1, sizeof *settings);
    bool failed = false;
    if (!settings) {
        err_set(err, ERR_SYSTEM, "cannot add a script: out of memory");
        return NULL;
    }
    settings->refs = 1;
    settings->script = *script;
    settings->script.name = copy_text(script->name, &failed);
    settings->script.path = copy_text(script->path, &failed);
    settings->script.data_dir = copy_text(script->data_dir, &failed);
    settings->script.config = copy_slice(script->config, &failed);
    settings->script.config_places = copy_slice(script->config_places, &failed);
    settings->script.secrets = copy_slice(script->secrets, &failed);
    if (failed || !resolve(settings)) {
        settings_unref(settings);
        err_set(err, ERR_SYSTEM, "cannot add a script: out of memory");
        return NULL;
    }
    return settings;
}

struct settings *settings_ref(struct settings *settings)
{
    settings->refs++;
    return settings;
}

void settings_unref(struct settings *settings)
{
    if (!settings || --settings->refs > 0) {
        return;
    }
    struct slice secrets = settings->script.secrets;
    if (secrets.ptr) {
        explicit_bzero((char *)secrets.ptr, secrets.len);
    }
    free((char *)secrets.ptr);
    free((char *)settings->script.config.ptr);
    free((char *)settings->script.config_places.ptr);
    free((char *)settings->script.name);
    free((char *)settings->script.path);
    free((char *)settings->script.data_dir);
    free(settings->file);
    free(settings->directory);
    free(settings->title);
    free(settings);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
    const struct manager_script *x = &a->script, *y = &b->script;
    return same_text(x->name, y->name) && same_text(x->path, y->path) &&
           same_text(x->data_dir, y->data_dir) &&
           slice_eq(x->config, y->config) && slice_eq(x->secrets, y->secrets) &&
           x->limits.memory == y->limits.memory &&
           x->limits.burst_ms == y->limits.burst_ms &&
           x->limits.load_ms == y->limits.load_ms &&
           x->limits.handler_ms == y->limits.handler_ms &&
           x->store_quota == y->store_quota && x->http_body == y->http_body &&
           x->http_private == y->http_private && x->handlers == y->handlers &&
           x->queue == y->queue && x->log_lines == y->log_lines &&
           x->drain_ms == y->drain_ms;
}
