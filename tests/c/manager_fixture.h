#ifndef MANAGER_FIXTURE_H
#define MANAGER_FIXTURE_H

/* An account with scripts on a virtual loop: a store, a login, a scripted
 * network, and a library just large enough to register and say things. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "transport_fake.h"

#include "inbox.h"
#include "instance.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"
#include "manager.h"
#include "session.h"
#include "store.h"
#include "store_internal.h"

#define S(text) slice_str(text)
#define BOT "@bot:hs.test"

static struct err err;

static struct world {
    char dir[64];
    struct loop *loop;
    struct fake *fake;
    struct call_host host;
    struct inbox *inbox;
    struct manager *manager;
    struct manager_config config;
    int64_t batch;
    char said[1 << 16]; /* what scripts say, a word each */
    char log[1 << 16];  /* every line of the log */
    int loaded, live, failed, changed;
    int reloaded, refused, stopped;
    char report[1 << 14];
} w;

static const char fixture_library[] =
    "local core = ...\n"
    "local handlers, n = {}, 0\n"
    "core.set_error(function(f) return setmetatable(f, { __tostring =\n"
    "    function(e) return e.kind .. ': ' .. e.error end }) end)\n"
    "core.set_entry(function(kind, id, ev, info)\n"
    "    if kind == 'repl' then return load(info.code or '')() end\n"
    "    return handlers[id](ev, info, kind) end)\n"
    "local function add(fn) n = n + 1 handlers[n] = fn return n end\n"
    "local function where() local f, l = core.where()\n"
    "    return f .. ':' .. l end\n"
    "local bot = { call = core.call, spawn = core.spawn, join = core.join }\n"
    "function bot.on(name, filter, fn)\n"
    "    if not fn then filter, fn = nil, filter end\n"
    "    local id = add(fn)\n"
    "    core.call('script.on', { id = id, name = name, filter = filter,\n"
    "        where = where() })\n"
    "    return id\n"
    "end\n"
    "function bot.command(name, fn, aliases)\n"
    "    core.call('script.command', { id = add(fn), name = name,\n"
    "        aliases = aliases, usage = name, where = where() })\n"
    "end\n"
    "function bot.every(s, opts, fn)\n"
    "    if not fn then opts, fn = {}, opts end\n"
    "    local id = add(fn)\n"
    "    local ok, err = core.call('script.timer', { id = id, seconds = s,\n"
    "        every = true, name = opts.name, now = opts.now,\n"
    "        jitter = opts.jitter, where = where() })\n"
    "    return ok and id, err\n"
    "end\n"
    "function bot.after(s, fn)\n"
    "    return core.call('script.timer', { id = add(fn), seconds = s,\n"
    "        every = false, where = where() })\n"
    "end\n"
    "function bot.cron(spec, fn)\n"
    "    core.call('script.cron', { id = add(fn), spec = spec,\n"
    "        where = where() })\n"
    "end\n"
    "function bot.off(id) core.call('script.off', { id = id }) end\n"
    "function bot.set(t) core.call('script.set', t) end\n"
    "function bot.say(text)\n"
    "    core.call('log.write', { level = 'debug', text = text })\n"
    "end\n"
    "function bot.park(s)\n"
    "    return core.call('timer.sleep', { seconds = s })\n"
    "end\n"
    "function bot.wait()\n"
    "    return core.call('room.resolve', { alias = '#a:hs.test' })\n"
    "end\n"
    "function bot.wait_for(name, seconds, fits)\n"
    "    local got, id\n"
    "    id = add(function(ev)\n"
    "        if fits and not fits(ev) then return end\n"
    "        if not core.call('script.answer', { id = id }) then return end\n"
    "        got = ev\n"
    "        return true\n"
    "    end)\n"
    "    local ok, e = core.call('script.await', { id = id, name = name,\n"
    "        where = where() })\n"
    "    if not ok then return nil, e end\n"
    "    ok, e = core.call('script.wait', { id = id, seconds = seconds })\n"
    "    return ok and got, e\n"
    "end\n"
    "return { bot = bot }, bot\n";

/* ---- files ---- */

static inline void write_file(const char *name, const char *text)
{
    char path[256], other[256];
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    snprintf(other, sizeof other, "%s/saved", w.dir);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0); /* as editors do */
}

/* ---- the log ---- */

static void on_log(void *arg, enum log_level level, struct slice line)
{
    (void)arg;
    size_t len = strlen(w.log), said = strlen(w.said);
    snprintf(w.log + len, sizeof w.log - len, "%.*s\n", SLICE_ARG(line));
    const char *text = memmem(line.ptr, line.len, ": ", 2);
    if (level == LOG_LEVEL_DEBUG && text) {
        snprintf(w.said + said, sizeof w.said - said, "%.*s ",
                 (int)(line.ptr + line.len - text - 2), text + 2);
    }
}

static inline void expect_said(const char *text)
{
    if (strcmp(w.said, text) != 0)
        fail_msg("said <%s>, not <%s>; log:\n%s", w.said, text, w.log);
    w.said[0] = '\0';
}

static inline void expect_log(const char *text)
{
    if (!strstr(w.log, text))
        fail_msg("<%s> is not in the log:\n%s", text, w.log);
}

static inline int count_of(const char *in, const char *text)
{
    int count = 0;
    for (const char *p = in; (p = strstr(p, text)) != NULL; p++)
        count++;
    return count;
}

/* All that is told of the scripts, in place of what is in out. */
static inline void report_to(struct buf *out, int rows)
{
    struct json_writer writer;
    buf_clear(out);
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    manager_report(w.manager, rows, &writer);
    json_array_end(&writer);
    assert_int_equal(json_finish(&writer, "the report", &err), 0);
    assert_int_equal(json_check(buf_slice(out), &err), 0);
}

/* ---- events ---- */

struct new_event {
    const char *room, *id, *body;
    bool history;
};

struct adding {
    int64_t event;
    int count;
};

static void add_delivery(void *arg, const char *script)
{
    struct adding *adding = arg;
    adding->count++;
    assert_int_equal(
        store_delivery_add(w.host.store, adding->event, script, &err), 0);
}

/* Stores one response with these messages of Ann's, as sync does: for those
 * who want them. Returns how many deliveries that made. */
static inline int put_events(const struct new_event *events, int count)
{
    struct sync_interest interest = manager_interest(w.manager);
    struct adding adding = { 0, 0 };
    w.batch++;
    assert_int_equal(store_ingest_begin(w.host.store, &err), 0);
    for (int i = 0; i < count; i++) {
        char json[512];
        snprintf(json, sizeof json,
                 "{\"type\":\"m.room.message\",\"event_id\":\"%s\","
                 "\"sender\":\"@ann:hs.test\",\"content\":"
                 "{\"msgtype\":\"m.text\",\"body\":\"%s\"}}",
                 events[i].id, events[i].body);
        struct store_event row = { .batch = w.batch,
                                   .idx = i,
                                   .room_id = S(events[i].room),
                                   .event_id = S(events[i].id),
                                   .section = S("timeline"),
                                   .type = S("m.room.message"),
                                   .json = S(json),
                                   .history = events[i].history };
        assert_int_equal(
            store_inbox_add(w.host.store, &row, &adding.event, &err), 1);
        struct event event;
        assert_int_equal(event_parse(S(json), &event), 0);
        struct sync_occasion occasion = { .section = "timeline",
                                          .room_id = S(events[i].room),
                                          .event = &event,
                                          .history = events[i].history };
        interest.match(interest.arg, &occasion, add_delivery, &adding);
        event_free(&event);
    }
    assert_int_equal(store_ingest_end(w.host.store, true, &err), 0);
    return adding.count;
}

static inline void say(const char *room, const char *body)
{
    static int last;
    char id[32];
    snprintf(id, sizeof id, "$e%d", ++last);
    put_events(&(struct new_event) { room, id, body, false }, 1);
    manager_committed(w.manager, false);
}

static inline void run(int64_t ms)
{
    loop_advance(w.loop, ms);
}

static void count_row(void *arg, const struct store_delivery_row *row)
{
    (void)row;
    ++*(int *)arg;
}

static inline int queued(const char *script)
{
    int count = 0;
    assert_true(store_delivery_read(w.host.store, script, INT64_MIN, INT64_MIN,
                                    10000, count_row, &count, &err) >= 0);
    return count;
}

static inline int unfinished(void)
{
    return (int)store_delivery_unfinished(w.host.store, &err);
}

/* ---- scripts ---- */

static inline int add_script_with(const char *name, const char *text,
                                  struct manager_script script)
{
    char path[300], file[100];
    snprintf(file, sizeof file, "%s.lua", name);
    snprintf(path, sizeof path, "%s/%s", w.dir, file);
    if (text)
        write_file(file, text);
    script.name = name;
    script.path = path;
    script.log_lines = 1000000;
    if (!script.config.ptr)
        script.config = S("{\"k\":1}");
    if (!script.secrets.ptr)
        script.secrets = S("{\"s\":\"hush\"}");
    return manager_add(w.manager, &script, &err);
}

static inline void add_script(const char *name, const char *text)
{
    struct manager_script script = { .drain_ms = 2000 };
    if (add_script_with(name, text, script) != 0)
        fail_msg("%s", err.text);
}

static void on_all_loaded(void *arg, int live, int failed)
{
    (void)arg;
    w.loaded++;
    w.live = live;
    w.failed = failed;
}

static inline void load_all(int live, int failed)
{
    int before = w.loaded;
    assert_int_equal(manager_load(w.manager, on_all_loaded, NULL, &err), 0);
    assert_int_equal(w.loaded, before);
    run(1);
    assert_int_equal(w.loaded, before + 1);
    if (w.live != live || w.failed != failed)
        fail_msg("live %d, failed %d:\n%s", w.live, w.failed, w.log);
    manager_committed(w.manager, false);
}

static void on_all_reloaded(void *arg, bool refused, const char *report)
{
    (void)arg;
    w.reloaded++;
    w.refused += refused;
    snprintf(w.report, sizeof w.report, "%s", report);
}

static inline void ask_reload(const char *script, int flags)
{
    int before = w.reloaded;
    assert_int_equal(
        manager_reload(w.manager, script, flags, on_all_reloaded, NULL, &err),
        0);
    assert_int_equal(w.reloaded, before);
}

/* Reloads all; refused or not, within a moment. */
static inline void reload(bool refused)
{
    int before = w.reloaded, were = w.refused;
    ask_reload(NULL, 0);
    run(1);
    assert_int_equal(w.reloaded, before + 1);
    if (w.refused != were + refused)
        fail_msg("%s\n%s", w.report, w.log);
}

static void on_all_stopped(void *arg)
{
    (void)arg;
    w.stopped++;
}

static inline void stop(int64_t ms)
{
    manager_stop(w.manager, ms, on_all_stopped, NULL);
    assert_int_equal(w.stopped, 0);
}

/* ---- life ---- */

static void on_changed(void *arg)
{
    (void)arg;
    w.changed++;
}

static inline void open_manager(void)
{
    w.inbox = inbox_new(w.loop, w.host.store, &err);
    assert_non_null(w.inbox);
    w.config.inbox = w.inbox;
    w.manager = manager_new(&w.config, &err);
    assert_non_null(w.manager);
    w.stopped = 0;
}

static inline void close_manager(void)
{
    manager_free(w.manager);
    inbox_free(w.inbox);
    call_host_close(&w.host);
    w.manager = NULL;
}

static int refuse_commit(void *arg)
{
    (void)arg;
    return 1;
}

/* While broken, no commit of account.db reaches the disk. */
static inline void break_disk(bool broken)
{
    sqlite3_commit_hook(w.host.store->account.db, broken ? refuse_commit : NULL,
                        NULL);
}

/* The process ends here, and starts again; scripts are to be added. */
static inline void crash(void)
{
    break_disk(true);
    manager_free(w.manager);
    inbox_free(w.inbox);
    call_host_close(&w.host);
    store_flush(w.host.store);
    break_disk(false);
    open_manager();
    w.said[0] = w.log[0] = '\0';
}

static inline int set_up(void **state)
{
    char path[128];
    (void)state;
    memset(&w, 0, sizeof w);
    strcpy(w.dir, "/tmp/manager.XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(path, sizeof path, "%s/matrix", w.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("matrix/init.lua", fixture_library);
    log_set_level(LOG_LEVEL_DEBUG);
    log_set_sink(on_log, NULL);
    w.loop = loop_new(LOOP_VIRTUAL, &err);
    w.fake = fake_new(w.loop);
    w.host = (struct call_host) { .loop = w.loop,
                                  .transport = &w.fake->transport,
                                  .account = "main",
                                  .prefix = "!" };
    w.host.store = store_open(w.loop, NULL, &err);
    assert_non_null(w.host.store);
    w.host.session = session_new(w.loop, &w.fake->transport, NULL, true, &err);
    assert_non_null(w.host.session);
    assert_int_equal(session_adopt(w.host.session, S("https://hs.test"), S(BOT),
                                   S("DEVICE"), S("secret-token"), &err),
                     0);
    w.config = (struct manager_config) { .host = &w.host,
                                         .lua_path = w.dir,
                                         .help = true,
                                         .interest_changed = on_changed };
    open_manager();
    return 0;
}

static inline int tear_down(void **state)
{
    char command[100];
    (void)state;
    close_manager();
    store_close(w.host.store);
    session_free(w.host.session);
    assert_int_equal(loop_pending(w.loop), 0);
    fake_end(w.fake);
    loop_free(w.loop);
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", w.dir);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
