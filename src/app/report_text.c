#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_read.h"
#include "limits.h"

/* ---- members of the report --------------------------------------------- */

static int64_t number(struct slice object, const char *key)
{
    int64_t value = 0;

    json_int(json_get(object, key), &value);
    return value;
}

static bool flag(struct slice object, const char *key)
{
    bool value = false;

    json_bool(json_get(object, key), &value);
    return value;
}

/* The decoded text, "" without one; control characters are blanks. */
static void add_text(struct buf *out, struct slice object, const char *key)
{
    struct buf text;
    struct slice rest;

    buf_init(&text, LIMIT_REPORT_TEXT);
    json_string(json_get(object, key), &text);
    rest = buf_slice(&text);
    while (rest.len > 0) {
        size_t control = slice_control(rest), n = control ? control : 1;
        buf_addc(out, control ? ' ' : rest.ptr[0]);
        rest = slice_make(rest.ptr + n, rest.len - n);
    }
    buf_free(&text);
}

static bool is(struct slice object, const char *key, const char *text)
{
    return json_equals(json_get(object, key), slice_str(text));
}

/* "1.5 s" "12 s" "5 min" "3 h 12 min" "4 d 3 h" */
static void add_time(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;

    if (s < 10)
        buf_addf(out, "%.1f s", (double)(ms > 0 ? ms : 0) / 1000);
    else if (s < 120)
        buf_addf(out, "%" PRId64 " s", s);
    else if (s < 2 * 3600)
        buf_addf(out, "%" PRId64 " min", s / 60);
    else if (s < 48 * 3600)
        buf_addf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        buf_addf(out, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
}

static void add_ago(struct buf *out, struct slice report, struct slice object,
                    const char *key)
{
    add_time(out, number(report, "now") - number(object, key));
    buf_adds(out, " ago");
}

static void add_size(struct buf *out, int64_t bytes)
{
    if (bytes < (int64_t)MIB(10))
        buf_addf(out, "%.1f", (double)bytes / (double)MIB(1));
    else
        buf_addf(out, "%" PRId64, bytes / (int64_t)MIB(1));
}

/* ---- the account ------------------------------------------------------- */

static void add_account(struct buf *out, struct slice report)
{
    buf_adds(out, "account ");
    add_text(out, report, "account");
    if (json_get(report, "user_id").ptr) {
        buf_adds(out, ": ");
        add_text(out, report, "user_id");
        buf_adds(out, ", device ");
        add_text(out, report, "device_id");
        buf_adds(out, ", ");
        add_text(out, report, "homeserver");
    }
    buf_addc(out, '\n');
}

static void add_process(struct buf *out, struct slice report)
{
    if (!flag(report, "running")) {
        buf_adds(out, "  process    none runs it\n  login      ");
        add_text(out, report, "login");
        if (json_get(report, "login_error").ptr) {
            buf_adds(out, ": ");
            add_text(out, report, "login_error");
        }
        buf_addc(out, '\n');
        return;
    }
    buf_addf(out, "  process    %" PRId64 ", lunatrix ", number(report, "pid"));
    add_text(out, report, "version");
    buf_adds(out, ", since ");
    add_time(out, number(report, "now") - number(report, "started"));
    buf_adds(out, flag(report, "watch") ? ", reloads on save" : "");
    buf_adds(out, flag(report, "dry_run") ? ", sends nothing (dry run)" : "");
    buf_adds(out, "\n  login      ");
    add_text(out, report, "login");
    buf_addc(out, '\n');
}

static void add_sync(struct buf *out, struct slice report)
{
    struct slice sync = json_get(report, "sync");

    if (!sync.ptr)
        return;
    buf_adds(out, "  sync       ");
    add_text(out, sync, "state");
    if (json_get(sync, "failing_since").ptr) {
        buf_adds(out, ", began ");
        add_ago(out, report, sync, "failing_since");
    }
    if (json_get(sync, "last").ptr) {
        buf_adds(out, ", last good ");
        add_ago(out, report, sync, "last");
    }
    if (json_get(sync, "error").ptr) {
        buf_adds(out, ": ");
        add_text(out, sync, "error");
    }
    buf_addc(out, '\n');
}

static void add_queues(struct buf *out, struct slice report)
{
    struct slice sends = json_get(report, "sends");
    struct slice events = json_get(report, "events");

    if (sends.ptr) {
        buf_addf(out, "  sends      %" PRId64 " waiting",
                 number(sends, "waiting"));
        if (number(sends, "brake_ms")) {
            buf_adds(out, ", the server asked for a pause of ");
            add_time(out, number(sends, "brake_ms"));
        }
        buf_addc(out, '\n');
    }
    if (events.ptr)
        buf_addf(out,
                 "  events     %" PRId64 " waiting, %" PRId64 " set aside\n",
                 number(events, "waiting"), number(events, "set_aside"));
}

/* ---- the table of scripts ---------------------------------------------- */

enum { COLUMNS = 11 };
static const char *const heads[COLUMNS] = { "SCRIPT", "STATE",    "GEN",
                                            "LOADED", "HANDLERS", "TASKS",
                                            "TIMERS", "QUEUE",    "MEMORY",
                                            "DONE",   "FAILED" };

/* What waits on disk for a script. */
static int64_t queue_of(struct slice report, struct slice script)
{
    struct json_iter it = json_iter(json_get(report, "queues"));
    struct slice name = json_get(script, "script");

    while (json_next(&it)) {
        if (slice_eq(json_get(it.value, "script"), name))
            return number(it.value, "waiting");
    }
    return 0;
}

static void fill_state(struct buf *cells, struct slice report,
                       struct slice script)
{
    add_text(&cells[0], script, "script");
    add_text(&cells[1], script, "state");
    buf_adds(&cells[1], flag(script, "reloading") ? "..." : "");
    buf_addf(&cells[7], "%" PRId64, queue_of(report, script));
    if (!json_get(script, "generation").ptr)
        return;
    buf_addf(&cells[2], "%" PRId64, number(script, "generation"));
    add_ago(&cells[3], report, script, "loaded");
}

static void fill_work(struct buf *cells, struct slice script)
{
    if (!json_get(script, "generation").ptr)
        return;
    buf_addf(&cells[4], "%" PRId64,
             number(script, "handlers") + number(script, "commands"));
    buf_addf(&cells[5], "%" PRId64, number(script, "tasks"));
    if (json_get(script, "oldest_task_ms").ptr) {
        buf_adds(&cells[5], " (");
        add_time(&cells[5], number(script, "oldest_task_ms"));
        buf_adds(&cells[5], ")");
    }
    buf_addf(&cells[6], "%" PRId64, number(script, "timers"));
    add_size(&cells[8], number(script, "memory"));
    buf_adds(&cells[8], " of ");
    add_size(&cells[8], number(script, "memory_limit"));
    buf_adds(&cells[8], " MiB");
    buf_addf(&cells[9], "%" PRId64, number(script, "done"));
    buf_addf(&cells[10], "%" PRId64, number(script, "failed"));
}

/* Fills the cells of one row; script absent: the heads. */
static void fill(struct buf *cells, struct slice report, struct slice script)
{
    for (int i = 0; i < COLUMNS; i++) {
        buf_clear(&cells[i]);
        if (!script.ptr)
            buf_adds(&cells[i], heads[i]);
    }
    if (script.ptr) {
        fill_state(cells, report, script);
        fill_work(cells, script);
    }
}

static void add_row(struct buf *out, const struct buf *cells,
                    const size_t *widths)
{
    for (int i = 0; i < COLUMNS; i++) {
        const char *text = cells[i].len ? buf_str(&cells[i]) : "-";
        int width = i + 1 < COLUMNS ? (int)widths[i] : 0;
        buf_addf(out, "  %*s", i < 2 ? -width : (int)widths[i], text);
    }
    buf_addc(out, '\n');
}

static void widen(size_t *widths, const struct buf *cells)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (cells[i].len > widths[i])
            widths[i] = cells[i].len;
    }
}

static void add_table(struct buf *out, struct slice report)
{
    struct slice scripts = json_get(report, "scripts");
    struct json_iter it = json_iter(scripts);
    struct buf cells[COLUMNS];
    size_t widths[COLUMNS] = { 0 };

    if (!json_next(&it))
        return;
    for (int i = 0; i < COLUMNS; i++)
        buf_init(&cells[i], LIMIT_REPORT_CELL);
    fill(cells, report, SLICE_NONE);
    widen(widths, cells);
    for (it = json_iter(scripts); json_next(&it);) {
        fill(cells, report, it.value);
        widen(widths, cells);
    }
    fill(cells, report, SLICE_NONE);
    buf_addc(out, '\n');
    add_row(out, cells, widths);
    for (it = json_iter(scripts); json_next(&it);) {
        fill(cells, report, it.value);
        add_row(out, cells, widths);
    }
    for (int i = 0; i < COLUMNS; i++)
        buf_free(&cells[i]);
}

/* ---- below the table --------------------------------------------------- */

static void add_refusal(struct buf *out, struct slice report,
                        struct slice script)
{
    struct slice refused = json_get(script, "refused");

    if (!refused.ptr)
        return;
    buf_addc(out, '\n');
    add_text(out, script, "script");
    buf_addf(out, ": generation %" PRId64 " was refused ",
             number(refused, "generation"));
    add_ago(out, report, refused, "at");
    buf_adds(out, ": ");
    add_text(out, refused, "error");
    buf_addc(out, '\n');
}

static void add_errors(struct buf *out, struct slice report,
                       struct slice script)
{
    struct json_iter it = json_iter(json_get(script, "errors"));

    for (bool first = true; json_next(&it); first = false) {
        if (first) {
            buf_addc(out, '\n');
            add_text(out, script, "script");
            buf_adds(out, ": the last errors\n");
        }
        buf_adds(out, "  ");
        add_ago(out, report, it.value, "at");
        buf_adds(out, ": ");
        if (json_get(it.value, "place").ptr) {
            add_text(out, it.value, "place");
            buf_adds(out, ": ");
        }
        add_text(out, it.value, "error");
        if (json_get(it.value, "handler").ptr) {
            buf_adds(out, ", in ");
            add_text(out, it.value, "handler");
        }
        buf_addf(out, ", generation %" PRId64 "\n",
                 number(it.value, "generation"));
    }
}

/* A line of its own for each line of the text. */
static void add_lines(struct buf *out, struct slice value, const char *indent)
{
    struct buf text;
    const char *line;

    buf_init(&text, LIMIT_LOG_LINE);
    json_string(value, &text);
    for (line = buf_str(&text); *line;) {
        size_t length = strcspn(line, "\n");
        buf_addf(out, "%s%.*s\n", indent, (int)length, line);
        line += length + (line[length] == '\n');
    }
    buf_free(&text);
}

static void add_timer(struct buf *out, struct slice timer)
{
    buf_adds(out, "  ");
    add_text(out, timer, "kind");
    if (json_get(timer, "spec").ptr) {
        buf_addc(out, ' ');
        add_text(out, timer, "spec");
    } else {
        buf_addf(out, " %.10g s", (double)number(timer, "ms") / 1000);
    }
    buf_adds(out, " (");
    add_text(out, timer, "where");
    buf_addf(out, "): next in %.3f s%s\n",
             (double)number(timer, "next_ms") / 1000,
             flag(timer, "running") ? ", running" : "");
}

/* The tasks and timers of one generation, when the report has them. */
static void add_rows(struct buf *out, struct slice script,
                     struct slice generation, const char *what)
{
    struct json_iter it = json_iter(json_get(generation, "running"));

    if (!generation.ptr)
        return;
    if (what || number(generation, "tasks") || number(generation, "timers")) {
        buf_addc(out, '\n');
        add_text(out, script, "script");
        buf_addf(out, ": generation %" PRId64 "%s, %" PRId64 " running\n",
                 number(generation, "generation"), what ? what : "",
                 number(generation, "tasks"));
    }
    while (json_next(&it)) {
        buf_adds(out, "  ");
        add_text(out, it.value, "handler");
        buf_addf(out, ", %.1f s old\n",
                 (double)number(it.value, "age_ms") / 1000);
        add_lines(out, json_get(it.value, "traceback"), "    ");
    }
    it = json_iter(json_get(generation, "timer_list"));
    while (json_next(&it))
        add_timer(out, it.value);
}

static void add_jobs(struct buf *out, struct slice script)
{
    struct slice jobs = json_get(script, "jobs");

    if (number(jobs, "waiting") + number(jobs, "running") +
            number(jobs, "set_aside") ==
        0)
        return;
    buf_addc(out, '\n');
    add_text(out, script, "script");
    buf_addf(out,
             ": jobs: %" PRId64 " waiting, %" PRId64 " running, %" PRId64
             " set aside",
             number(jobs, "waiting"), number(jobs, "running"),
             number(jobs, "set_aside"));
    if (json_get(jobs, "next_ms").ptr) {
        buf_adds(out, "; the next in ");
        add_time(out, number(jobs, "next_ms"));
    }
    buf_addc(out, '\n');
}

static void add_set_aside(struct buf *out, struct slice report)
{
    struct json_iter it = json_iter(json_get(report, "set_aside"));

    for (bool first = true; json_next(&it); first = false) {
        buf_adds(out, first ? "\nset aside, the newest\n" : "");
        buf_adds(out, "  ");
        add_ago(out, report, it.value, "at");
        buf_adds(out, ": ");
        add_text(out, it.value, "script");
        buf_adds(out, ": ");
        add_text(out, it.value, "type");
        buf_addc(out, ' ');
        add_text(out, it.value, "event_id");
        buf_adds(out, " in ");
        add_text(out, it.value, "room_id");
        buf_adds(out, ": ");
        add_text(out, it.value, "error");
        buf_addc(out, '\n');
    }
}

/* Without a process there is no table: what waits, by script. */
static void add_stored(struct buf *out, struct slice report)
{
    struct json_iter it = json_iter(json_get(report, "queues"));

    while (!flag(report, "running") && json_next(&it)) {
        buf_adds(out, "    ");
        add_text(out, it.value, "script");
        buf_addf(out, ": %" PRId64 " waiting, %" PRId64 " set aside\n",
                 number(it.value, "waiting"), number(it.value, "set_aside"));
    }
}

void report_text(struct slice report, struct buf *out)
{
    struct json_iter it;

    add_account(out, report);
    add_process(out, report);
    add_sync(out, report);
    add_queues(out, report);
    add_stored(out, report);
    add_table(out, report);
    it = json_iter(json_get(report, "scripts"));
    while (json_next(&it)) {
        add_refusal(out, report, it.value);
        add_errors(out, report, it.value);
        add_jobs(out, it.value);
        if (json_get(it.value, "running").ptr)
            add_rows(out, it.value, it.value, NULL);
        add_rows(out, it.value, json_get(it.value, "draining"), " drains");
        add_rows(out, it.value, json_get(it.value, "stopping"), " stops");
    }
    add_set_aside(out, report);
}

enum report_health report_health(struct slice report)
{
    struct json_iter it = json_iter(json_get(report, "scripts"));
    struct slice sync = json_get(report, "sync");

    if (!flag(report, "running") || !is(report, "login", "live") ||
        is(sync, "state", "failing") || is(sync, "state", "ended"))
        return REPORT_BAD;
    while (json_next(&it)) {
        if (!is(it.value, "state", "ok") && !is(it.value, "state", "loading"))
            return REPORT_SCRIPT;
    }
    return REPORT_FINE;
}
