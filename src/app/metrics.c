#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json_read.h"
#include "limits.h"
#include "report.h"
#include "version.h"

/* How a value is made of the member that a metric names. */
enum value {
    VALUE_NUMBER,
    VALUE_SECONDS, /* from milliseconds */
    VALUE_AGE,     /* seconds since then */
    VALUE_IS,      /* 1 when it is `word`, else 0 */
    VALUE_THERE    /* 1 when it is there, else 0 */
};

enum level { LEVEL_ACCOUNT, LEVEL_SCRIPT, LEVEL_QUEUE };

/* One line per account or script. Lines of one name stand together. */
struct metric {
    const char *name, *type, *help;
    enum level level;
    enum value value;
    const char *in, *key; /* in: NULL when key is a member of the object */
    const char *word;
    const char *state; /* a label more, NULL: none */
};

static const struct metric metrics[] = {
    { "lunatrix_start_time_seconds", "gauge",
      "When the account was opened, in seconds since 1970.", LEVEL_ACCOUNT,
      VALUE_SECONDS, NULL, "started", NULL, NULL },
    { "lunatrix_login_up", "gauge",
      "Whether the server takes the login (1) or not (0).", LEVEL_ACCOUNT,
      VALUE_IS, NULL, "login", "live", NULL },
    { "lunatrix_sync_up", "gauge",
      "Whether the last sync went well (1) or not, or none is done (0).",
      LEVEL_ACCOUNT, VALUE_IS, "sync", "state", "ok", NULL },
    { "lunatrix_sync_age_seconds", "gauge",
      "Time since the last good sync; up to a minute when nothing happens.",
      LEVEL_ACCOUNT, VALUE_AGE, "sync", "last", NULL, NULL },
    { "lunatrix_sends_waiting", "gauge",
      "Messages that the server has not taken yet.", LEVEL_ACCOUNT,
      VALUE_NUMBER, "sends", "waiting", NULL, NULL },
    { "lunatrix_events_waiting", "gauge",
      "Events that are not handled yet, running ones included.", LEVEL_QUEUE,
      VALUE_NUMBER, NULL, "waiting", NULL, NULL },
    { "lunatrix_events_set_aside", "gauge",
      "Events that ended the process each time they were handled.", LEVEL_QUEUE,
      VALUE_NUMBER, NULL, "set_aside", NULL, NULL },
    { "lunatrix_script_up", "gauge",
      "Whether a generation of the script runs (1) or none (0).", LEVEL_SCRIPT,
      VALUE_THERE, NULL, "generation", NULL, NULL },
    { "lunatrix_script_refused", "gauge",
      "Whether what is on disk was refused (1) or not (0).", LEVEL_SCRIPT,
      VALUE_THERE, NULL, "refused", NULL, NULL },
    { "lunatrix_script_generation", "gauge",
      "The generation in charge: one more with each load.", LEVEL_SCRIPT,
      VALUE_NUMBER, NULL, "generation", NULL, NULL },
    { "lunatrix_script_tasks", "gauge",
      "Handlers that run or wait at this moment.", LEVEL_SCRIPT, VALUE_NUMBER,
      NULL, "tasks", NULL, NULL },
    { "lunatrix_script_oldest_task_seconds", "gauge",
      "Age of the oldest handler that runs or waits, if any.", LEVEL_SCRIPT,
      VALUE_SECONDS, NULL, "oldest_task_ms", NULL, NULL },
    { "lunatrix_script_timers", "gauge", "Timers of the script.", LEVEL_SCRIPT,
      VALUE_NUMBER, NULL, "timers", NULL, NULL },
    { "lunatrix_script_jobs", "gauge", "Jobs of the script.", LEVEL_SCRIPT,
      VALUE_NUMBER, "jobs", "waiting", NULL, "waiting" },
    { "lunatrix_script_jobs", "gauge", "", LEVEL_SCRIPT, VALUE_NUMBER, "jobs",
      "running", NULL, "running" },
    { "lunatrix_script_jobs", "gauge", "", LEVEL_SCRIPT, VALUE_NUMBER, "jobs",
      "set_aside", NULL, "set_aside" },
    { "lunatrix_script_memory_bytes", "gauge", "Memory of the script's Lua.",
      LEVEL_SCRIPT, VALUE_NUMBER, NULL, "memory", NULL, NULL },
    { "lunatrix_script_memory_limit_bytes", "gauge",
      "What it may have of it at most.", LEVEL_SCRIPT, VALUE_NUMBER, NULL,
      "memory_limit", NULL, NULL },
    { "lunatrix_script_handled_total", "counter",
      "Handlers of the generation in charge that ended well.", LEVEL_SCRIPT,
      VALUE_NUMBER, NULL, "done", NULL, NULL },
    { "lunatrix_script_failed_total", "counter",
      "Handlers of the generation in charge that failed.", LEVEL_SCRIPT,
      VALUE_NUMBER, NULL, "failed", NULL, NULL },
};

/* ---- lines ------------------------------------------------------------- */

static void add_head(struct buf *out, const char *name, const char *type,
                     const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name="value", where value is a JSON string. */
static void add_label(struct buf *out, const char *name, struct slice value)
{
    struct buf text;

    buf_init(&text, LIMIT_REPORT);
    json_string(value, &text);
    buf_addf(out, "%s=\"", name);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"')
            buf_addc(out, '\\');
        if (c == '\n')
            buf_adds(out, "\\n");
        else
            buf_addc(out, c);
    }
    buf_addc(out, '"');
    buf_free(&text);
}

/* Not as a float: that depends on the locale. */
static void add_seconds(struct buf *out, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    buf_addf(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

static void add_line(struct buf *out, const struct metric *metric,
                     struct slice report, struct slice script,
                     struct slice object)
{
    struct slice from = metric->in ? json_get(object, metric->in) : object;
    struct slice member = json_get(from, metric->key);
    int64_t value = 0, now = 0;

    if (metric->value == VALUE_IS)
        value = json_equals(member, slice_str(metric->word));
    else if (metric->value == VALUE_THERE)
        value = member.ptr != NULL;
    else if (!json_int(member, &value) && metric->level != LEVEL_QUEUE)
        return;
    buf_addf(out, "%s{", metric->name);
    add_label(out, "account", json_get(report, "account"));
    if (script.ptr) {
        buf_addc(out, ',');
        add_label(out, "script", script);
    }
    if (metric->state)
        buf_addf(out, ",state=\"%s\"", metric->state);
    buf_adds(out, "} ");
    if (metric->value == VALUE_AGE && json_int(json_get(report, "now"), &now))
        add_seconds(out, now - value);
    else if (metric->value == VALUE_SECONDS)
        add_seconds(out, value);
    else
        buf_addf(out, "%" PRId64 "\n", value);
}

/* ---- whose ------------------------------------------------------------- */

/* The member of a list that is about this script; absent: none is. */
static struct slice find_script(struct slice list, struct slice script)
{
    struct json_iter it = json_iter(list);

    while (json_next(&it)) {
        if (slice_eq(json_get(it.value, "script"), script))
            return it.value;
    }
    return SLICE_NONE;
}

/* Scripts that run, then those that only left something behind. */
static void add_queues(struct buf *out, const struct metric *metric,
                       struct slice report)
{
    struct slice scripts = json_get(report, "scripts");
    struct slice queues = json_get(report, "queues");
    struct json_iter it = json_iter(scripts);

    while (json_next(&it)) {
        struct slice script = json_get(it.value, "script");
        add_line(out, metric, report, script, find_script(queues, script));
    }
    it = json_iter(queues);
    while (json_next(&it)) {
        struct slice script = json_get(it.value, "script");
        if (!find_script(scripts, script).ptr)
            add_line(out, metric, report, script, it.value);
    }
}

static void add_account(struct buf *out, const struct metric *metric,
                        struct slice report)
{
    struct json_iter it = json_iter(json_get(report, "scripts"));
    bool running = false;

    json_bool(json_get(report, "running"), &running);
    if (!running)
        return;
    switch (metric->level) {
    case LEVEL_ACCOUNT:
        add_line(out, metric, report, SLICE_NONE, report);
        break;
    case LEVEL_SCRIPT:
        while (json_next(&it))
            add_line(out, metric, report, json_get(it.value, "script"),
                     it.value);
        break;
    case LEVEL_QUEUE:
        add_queues(out, metric, report);
        break;
    }
}

static void add_process(struct buf *out, const struct metrics_process *process)
{
    add_head(out, "lunatrix_info", "gauge", "1, with the program's version.");
    buf_addf(out, "lunatrix_info{version=\"%s\"} 1\n", process->version);
    if (process->resident >= 0) {
        add_head(out, "process_resident_memory_bytes", "gauge",
                 "Resident memory of the process.");
        buf_addf(out, "process_resident_memory_bytes %" PRId64 "\n",
                 process->resident);
    }
    add_head(out, "process_cpu_seconds_total", "counter",
             "CPU time of the process, user and system.");
    buf_adds(out, "process_cpu_seconds_total ");
    add_seconds(out, process->cpu_ms);
}

int metrics_text(struct slice report, const struct metrics_process *process,
                 struct buf *out, struct err *err)
{
    struct slice accounts = json_get(report, "accounts");
    const char *before = "";

    add_process(out, process);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const struct metric *metric = &metrics[i];
        struct json_iter it = json_iter(accounts);
        if (strcmp(metric->name, before) != 0)
            add_head(out, metric->name, metric->type, metric->help);
        before = metric->name;
        while (json_next(&it))
            add_account(out, metric, it.value);
    }
    return buf_check(out, "the metrics", err);
}

/* ---- this process ------------------------------------------------------ */

/* Linux only; elsewhere the metric is left out. */
static int64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[200], *end = NULL;
    int64_t pages = -1;

    if (!file)
        return -1;
    if (fgets(line, sizeof line, file)) {
        strtoll(line, &end, 10); /* of all */
        pages = *end == ' ' ? strtoll(end, NULL, 10) : -1;
    }
    fclose(file);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static int64_t cpu_ms(void)
{
    struct timespec used = { 0 };

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static int add_reports(const struct accounts *accounts, struct buf *out,
                       struct err *err)
{
    struct buf one;
    int result = 0;

    buf_init(&one, LIMIT_REPORT);
    buf_adds(out, "{\"accounts\":[");
    for (size_t i = 0; result == 0 && i < accounts_count(accounts); i++) {
        buf_clear(&one);
        result = report_account(accounts_at(accounts, i), 0, &one, err);
        buf_adds(out, i ? "," : "");
        buf_add(out, buf_slice(&one));
    }
    buf_adds(out, "]}");
    buf_free(&one);
    return result == 0 ? buf_check(out, "the reports", err) : result;
}

int metrics_collect(const struct accounts *accounts, struct buf *out,
                    struct err *err)
{
    struct metrics_process process = { LUNATRIX_VERSION, resident(), cpu_ms() };
    struct buf report;
    int result;

    buf_init(&report, LIMIT_REPORT_TEXT);
    result = add_reports(accounts, &report, err);
    if (result == 0)
        result = metrics_text(buf_slice(&report), &process, out, err);
    buf_free(&report);
    return result;
}
