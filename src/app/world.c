#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "config.h"
#include "digest.h"
#include "file.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "paths.h"
#include "session.h"
#include "store.h"
#include "transport_lua.h"

struct script {
    char *name, *path;
    struct config_script settings;
};

struct world {
    const char *lua_path;
    struct loop *loop;
    struct transport *transport;
    struct config *config;
    struct store *store;
    struct session *session;
    struct account *account;
    struct script *scripts;
    size_t script_count;
    char *directory; /* of its own, removed with it */
    bool stopped;
    struct buf *report; /* where a reload tells */
    bool refused, reloaded;
    uint64_t seen, looked; /* stamps of the files */
};

static int out_of_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "cannot make a world: out of memory");
}

/* ---- opening ----------------------------------------------------------- */

static int make_directory(struct world *world, struct err *err)
{
    const char *base = getenv("TMPDIR");
    struct buf path;
    int result = -1;

    buf_init(&path, LIMIT_PATH);
    buf_addf(&path, "%s/lunatrix-test-XXXXXX", base && *base ? base : "/tmp");
    if (buf_check(&path, "path", err) != 0)
        goto out;
    if (!mkdtemp(path.ptr)) {
        err_set(err, ERR_SYSTEM, "cannot make the directory %s", path.ptr);
        goto out;
    }
    world->directory = slice_dup(buf_slice(&path));
    result = world->directory ? 0 : out_of_memory(err);
out:
    buf_free(&path);
    return result;
}

/* Writes a file below the world's directory; its path replaces path. */
static int write_file(struct world *world, const char *name, struct slice text,
                      struct buf *path, struct err *err)
{
    buf_clear(path);
    buf_addf(path, "%s/%s", world->directory, name);
    if (buf_check(path, "path", err) != 0)
        return -1;
    return file_write_private(buf_str(path), text, err);
}

/* A configuration that says nothing: one account, all defaults. */
static int load_config(struct world *world, struct err *err)
{
    struct buf path;
    int result;

    buf_init(&path, LIMIT_PATH);
    result =
        write_file(world, "lunatrix.lua", slice_str("return {}\n"), &path, err);
    if (result == 0)
        world->config = config_load(buf_str(&path), err);
    buf_free(&path);
    return world->config ? 0 : -1;
}

static int log_in(struct world *world, struct err *err)
{
    struct buf out;
    struct slice token;
    int result = -1;

    buf_init(&out, LIMIT_TOKEN);
    world->session =
        session_new(world->loop, world->transport, NULL, false, err);
    if (world->session &&
        transport_lua_control(world->transport, "account",
                              slice_str("[\"" WORLD_USER "\"]"), &out,
                              err) == 0) {
        char *text = json_dup(json_get(buf_slice(&out), "access_token"), 256);
        token = text ? slice_str(text) : SLICE_NONE;
        result =
            session_adopt(world->session, slice_str(TRANSPORT_LUA_URL),
                          slice_str(WORLD_USER), slice_str("BOT"), token, err);
        free(text);
    }
    buf_free(&out);
    return result;
}

struct world *world_new(const char *lua_path, log_sink_fn *log, void *arg,
                        struct err *err)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world) {
        out_of_memory(err);
        return NULL;
    }
    digest_seed(1);
    log_set_sink(log, arg);
    world->lua_path = lua_path;
    world->loop = loop_new(LOOP_VIRTUAL, err);
    if (world->loop && make_directory(world, err) == 0 &&
        load_config(world, err) == 0) {
        world->transport = transport_lua_new(world->loop, err);
        world->store =
            world->transport ? store_open(world->loop, NULL, err) : NULL;
        if (world->store)
            return world;
    }
    world_free(world, NULL);
    return NULL;
}

/* ---- scripts ----------------------------------------------------------- */

/* {"name":"value"} to what a configuration says of secrets: {"name":
 * {"file":"..."}}. */
static int write_secrets(struct world *world, struct slice secrets,
                         struct buf *out, struct err *err)
{
    struct json_iter it = json_iter(secrets);
    struct json_writer w;
    struct buf path;
    int result = 0;

    buf_init(&path, LIMIT_PATH);
    json_writer_init(&w, out);
    json_object_begin(&w);
    while (result == 0 && json_next(&it)) {
        char *name = json_dup(it.key, 64);
        char *value = json_dup(it.value, LIMIT_SECRET_FILE);
        if (!name || !value || paths_check_name("secret", name, err) != 0)
            result = err_set(err, ERR_CONFIG,
                             "secrets must be texts with simple names");
        else
            result = write_file(world, name, slice_str(value), &path, err);
        if (result == 0) {
            json_key(&w, name);
            json_object_begin(&w);
            json_member_string(&w, "file", buf_slice(&path));
            json_object_end(&w);
        }
        free(name);
        free(value);
    }
    json_object_end(&w);
    buf_free(&path);
    return result == 0 ? json_finish(&w, "the secrets", err) : -1;
}

/* "scripts/ping.lua" is called ping. */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_str(slash ? slash + 1 : path);

    if (name.len > 4 && memcmp(name.ptr + name.len - 4, ".lua", 4) == 0)
        name.len -= 4;
    return slice_dup(name);
}

int world_add_script(struct world *world, const char *path, struct slice config,
                     struct slice secrets, struct err *err)
{
    struct script *grown = realloc(world->scripts, (world->script_count + 1) *
                                                       sizeof *world->scripts);
    struct script *script;

    if (!grown)
        return out_of_memory(err);
    world->scripts = grown;
    script = &grown[world->script_count++];
    *script = (struct script) { .name = name_of(path),
                                .path = slice_dup(slice_str(path)) };
    buf_init(&script->settings.settings, LIMIT_CONFIG_FILE);
    buf_init(&script->settings.secrets, LIMIT_CONFIG_FILE);
    if (!script->name || !script->path)
        return out_of_memory(err);
    buf_add(&script->settings.settings, config);
    if (buf_check(&script->settings.settings, "the configuration", err) != 0)
        return -1;
    return write_secrets(world, secrets, &script->settings.secrets, err);
}

/* ---- running ----------------------------------------------------------- */

static void on_stopped(void *arg, struct account *account,
                       const struct err *err)
{
    (void)arg;
    log_error("the account %s ended: %s", account_name(account), err->text);
}

/* A script that failed is in the log. */
static void on_loaded(void *arg, int live, int failed)
{
    struct world *world = arg;

    (void)live;
    (void)failed;
    account_sync(world->account);
}

int world_start(struct world *world, struct err *err)
{
    struct account_options options = {
        .loop = world->loop,
        .transport = world->transport,
        .config = world->config,
        .settings = &world->config->accounts[0],
        .lua_path = world->lua_path,
        .store = world->store,
        .directory = world->directory,
        .stopped = on_stopped,
        .arg = world,
    };

    if (log_in(world, err) != 0)
        return -1;
    options.session = world->session;
    world->account = account_open(&options, err);
    if (!world->account)
        return -1;
    for (size_t i = 0; i < world->script_count; i++) {
        struct script *script = &world->scripts[i];
        if (account_add_script(world->account, script->name, script->path,
                               &script->settings, err) != 0)
            return -1;
    }
    if (account_start(world->account, on_loaded, world, err) != 0)
        return -1;
    world_advance(world, 0);
    return 0;
}

static void on_account_stopped(void *arg)
{
    ((struct world *)arg)->stopped = true;
}

static void close_account(struct world *world, bool crash)
{
    if (world->account && !crash) {
        world->stopped = false;
        account_stop(world->account, LIMIT_STOP_MS, on_account_stopped, world);
        world_advance(world, 0);
        if (!world->stopped)
            world_advance(world, LIMIT_STOP_MS + LIMIT_STOP_MS);
    }
    account_close(world->account);
    session_free(world->session);
    world->account = NULL;
    world->session = NULL;
}

int world_restart(struct world *world, bool crash, struct err *err)
{
    close_account(world, crash);
    return world_start(world, err);
}

struct account *world_account(struct world *world)
{
    return world->account;
}

void world_advance(struct world *world, int64_t ms)
{
    loop_advance(world->loop, ms);
}

int world_control(struct world *world, const char *name, struct slice arguments,
                  struct buf *out, struct err *err)
{
    int result =
        transport_lua_control(world->transport, name, arguments, out, err);

    world_advance(world, 0);
    return result;
}

static void on_reloaded(void *arg, bool refused, const char *report)
{
    struct world *world = arg;

    world->reloaded = true;
    world->refused = refused;
    if (world->report)
        buf_adds(world->report, report);
}

/* The first script's next generation comes from that text. */
static int replace_source(struct world *world, struct slice source,
                          struct err *err)
{
    struct script *script = &world->scripts[0];
    struct buf path;
    char name[80], *copy = NULL;
    int result;

    buf_init(&path, LIMIT_PATH);
    snprintf(name, sizeof name, "%.64s.lua", script->name);
    result = write_file(world, name, source, &path, err);
    if (result == 0)
        result = account_update_script(world->account, script->name,
                                       buf_str(&path), &script->settings, err);
    if (result == 0) {
        copy = slice_dup(buf_slice(&path));
        result = copy ? 0 : out_of_memory(err);
    }
    if (copy) {
        free(script->path);
        script->path = copy;
    }
    buf_free(&path);
    return result;
}

int world_reload(struct world *world, struct slice source, bool *refused,
                 struct buf *out, struct err *err)
{
    world->report = out;
    world->reloaded = false;
    if (source.ptr && world->script_count > 0 &&
        replace_source(world, source, err) != 0)
        return -1;
    if (manager_reload(account_manager(world->account), NULL, MANAGER_FORCE,
                       on_reloaded, world, err) != 0)
        return -1;
    world_advance(world, 0);
    if (!world->reloaded) /* hooks that wait for something */
        world_advance(world, LIMIT_STOP_MS);
    world->report = NULL;
    *refused = world->refused;
    return world->reloaded ? 0
                           : err_set(err, ERR_TIMEOUT,
                                     "the reload does not come to an end");
}

void world_look(struct world *world)
{
    struct manager *manager = account_manager(world->account);
    uint64_t stamp = manager_stamp(manager);

    if (stamp == world->seen && stamp != world->looked) {
        manager_look(manager);
        world_advance(world, 0);
        stamp = manager_stamp(manager); /* it may be made of other files now */
        world->looked = stamp;
    }
    world->seen = stamp;
}

/* ---- the store --------------------------------------------------------- */

struct reading {
    struct world *world;
    struct json_writer w;
};

static void put_value(void *arg, struct slice key)
{
    struct reading *reading = arg;
    struct world *world = reading->world;
    struct buf value;
    char *name = slice_dup(key);

    buf_init(&value, LIMIT_CALL_RESULT);
    if (name && store_kv_get(world->store, world->scripts[0].name, key, &value,
                             NULL, NULL) == 1) {
        json_key(&reading->w, name);
        json_put_raw(&reading->w, buf_slice(&value));
    }
    buf_free(&value);
    free(name);
}

int world_store(struct world *world, struct buf *out, struct err *err)
{
    struct reading reading = { .world = world };

    json_writer_init(&reading.w, out);
    json_object_begin(&reading.w);
    if (world->script_count > 0 &&
        store_kv_keys(world->store, world->scripts[0].name, SLICE_NONE,
                      SLICE_NONE, LIMIT_CALL_ROWS, put_value, &reading,
                      err) < 0)
        return -1;
    json_object_end(&reading.w);
    return json_finish(&reading.w, "the store", err);
}

/* ---- closing ----------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

int world_free(struct world *world, struct err *err)
{
    int result = 0;

    close_account(world, false);
    store_close(world->store);
    transport_free(world->transport);
    if (world->loop && loop_pending(world->loop) > 0)
        result = err_set(err, ERR_MISUSE, "%d timer(s) are left over",
                         loop_pending(world->loop));
    else
        loop_free(world->loop);
    for (size_t i = 0; i < world->script_count; i++) {
        free(world->scripts[i].name);
        free(world->scripts[i].path);
        buf_free(&world->scripts[i].settings.settings);
        buf_free(&world->scripts[i].settings.secrets);
    }
    free(world->scripts);
    config_free(world->config);
    if (world->directory)
        nftw(world->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(world->directory);
    free(world);
    log_set_sink(NULL, NULL);
    log_clear_secrets();
    digest_seed(0);
    return result;
}
