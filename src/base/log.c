#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_line.h"
#include "log_secret.h"

#define INDENT "    "

static enum log_level least = LOG_LEVEL_INFO;
static enum log_format shape = LOG_TEXT;
static bool with_account;
static log_sink_fn *sink;
static void *sink_arg;
static log_tap_fn *tap;
static void *tap_arg;

static const struct {
    const char *name, *padded, *colour, *priority; /* journald's <N> */
} levels[] = {
    [LOG_LEVEL_DEBUG] = { "debug", "debug ", "\x1b[2m", "<7>" },
    [LOG_LEVEL_INFO] = { "info", "info  ", "", "<6>" },
    [LOG_LEVEL_WARN] = { "warn", "warn  ", "\x1b[33m", "<4>" },
    [LOG_LEVEL_ERROR] = { "error", "error ", "\x1b[31m", "<3>" },
};

void log_set_level(enum log_level level)
{
    least = level;
}

enum log_level log_get_level(void)
{
    return least;
}

void log_set_format(enum log_format format)
{
    shape = format;
}

void log_set_account_shown(bool shown)
{
    with_account = shown;
}

void log_set_sink(log_sink_fn *new_sink, void *arg)
{
    sink = new_sink;
    sink_arg = arg;
}

void log_set_tap(log_tap_fn *new_tap, void *arg)
{
    tap = new_tap;
    tap_arg = arg;
}

int log_level_parse(const char *name, enum log_level *level)
{
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

/* $JOURNAL_STREAM is inherited by everything below a service, a terminal
 * emulator for one: it counts only if stderr is the very stream it names. */
static bool under_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
           st.st_ino == inode;
}

static bool in_colour(void)
{
    const char *no_color = getenv("NO_COLOR");
    return !(no_color && *no_color) && isatty(STDERR_FILENO);
}

/* How a line of text is dressed up, by where it goes. */
enum dress { DRESS_PLAIN, DRESS_COLOUR, DRESS_JOURNAL };

static enum dress choose_dress(void)
{
    if (shape == LOG_JSON || sink)
        return DRESS_PLAIN;
    if (under_journal())
        return DRESS_JOURNAL;
    return in_colour() ? DRESS_COLOUR : DRESS_PLAIN;
}

/* The time, or the mark that lets the journal keep its own, and the level. */
static void add_head(struct log_line *line, enum log_level level,
                     enum dress dress)
{
    if (dress == DRESS_JOURNAL) {
        log_line_add(line, levels[level].priority);
        log_line_add(line, levels[level].padded);
        return;
    }
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm))
        strftime(stamp, sizeof stamp, "%H:%M:%S ", &tm);
    bool colour = dress == DRESS_COLOUR && *levels[level].colour;
    log_line_add(line, stamp);
    log_line_add(line, colour ? levels[level].colour : "");
    log_line_add(line, levels[level].padded);
    log_line_add(line, colour ? "\x1b[0m" : "");
}

/* "account script room file:line: ", of what is there. */
static void add_origin(struct log_line *line, const struct log_fields *fields,
                       const struct log_line_form *form)
{
    /* A plain script is named by its file. */
    bool same = fields->script && fields->file &&
                strcmp(fields->script, fields->file) == 0;
    const char *parts[] = { with_account ? fields->account : NULL,
                            same ? NULL : fields->script, fields->room_id,
                            fields->file };
    size_t before = line->len;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i])
            continue;
        log_line_add(line, line->len > before ? " " : "");
        log_line_value(line, form, slice_str(parts[i]), false);
    }
    char number[16];
    snprintf(number, sizeof number, ":%d", fields->line);
    log_line_add(line, fields->file && fields->line > 0 ? number : "");
    log_line_add(line, line->len > before ? ": " : "");
}

static void write_text(struct log_line *line, enum log_level level,
                       const struct log_fields *fields, struct slice message,
                       bool more, enum dress dress)
{
    bool journal = dress == DRESS_JOURNAL;
    char indent[16];
    snprintf(indent, sizeof indent, "%s" INDENT,
             journal ? levels[level].priority : "");
    struct log_line_form form = { LOG_LINE_TEXT, LIMIT_LOG_LINE / 4, NULL };
    add_head(line, level, dress);
    add_origin(line, fields, &form);
    form.end = LIMIT_LOG_LINE;
    log_line_value(line, &form, message, more);
    if (!fields->traceback)
        return;
    form.indent = indent;
    log_line_add(line, "\n");
    log_line_add(line, indent);
    log_line_value(line, &form, slice_str(fields->traceback), false);
}

/* Room is kept for the rest of the member, the last member and the brace. */
#define JSON_RESERVE 64

static void add_string(struct log_line *line, const char *key,
                       struct slice value, bool more, size_t end)
{
    struct log_line_form form = { LOG_LINE_JSON, end - 1, NULL };
    if (!value.ptr || line->len + strlen(key) + JSON_RESERVE > end)
        return;
    log_line_add(line, ",\"");
    log_line_add(line, key);
    log_line_add(line, "\":\"");
    log_line_value(line, &form, value, more);
    log_line_add(line, "\"");
}

static void add_number(struct log_line *line, const char *key, int value)
{
    char text[48];
    snprintf(text, sizeof text, ",\"%s\":%d", key, value);
    if (value > 0 && line->len + JSON_RESERVE < LIMIT_LOG_LINE - JSON_RESERVE)
        log_line_add(line, text);
}

/* printf's %f would follow the locale: "1,5" is not JSON. */
static void add_duration(struct log_line *line, double ms)
{
    if (!(ms > 0 && ms < 1e12))
        return;
    long long micro = (long long)(ms * 1000 + 0.5);
    char text[48];
    snprintf(text, sizeof text, ",\"dur_ms\":%lld.%03lld", micro / 1000,
             micro % 1000);
    log_line_add(line, text);
}

static void add_json_head(struct log_line *line, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    char stamp[32] = "", text[96];
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &tm))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\"", stamp,
             (int)(now.tv_nsec / 1000000), levels[level].name);
    log_line_add(line, text);
}

static void write_json(struct log_line *line, enum log_level level,
                       const struct log_fields *fields, struct slice message,
                       bool more)
{
    const size_t end = LIMIT_LOG_LINE - JSON_RESERVE;
    const struct {
        const char *key, *value;
    } ids[] = { { "room_id", fields->room_id },
                { "event_id", fields->event_id },
                { "sender", fields->sender },
                { "handler", fields->handler },
                { "file", fields->file } },
      ends[] = { { "kind", fields->kind },
                 { "errcode", fields->errcode },
                 { "error", fields->error },
                 { "traceback", fields->traceback } };
    add_json_head(line, level);
    add_string(line, "msg", message, more, LIMIT_LOG_LINE / 2);
    add_string(line, "account", slice_str(fields->account), false, end);
    add_string(line, "script", slice_str(fields->script), false, end);
    add_number(line, "gen", fields->gen);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        add_string(line, ids[i].key, slice_str(ids[i].value), false, end);
    add_number(line, "line", fields->line);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        add_string(line, ends[i].key, slice_str(ends[i].value), false, end);
    add_duration(line, fields->dur_ms);
    log_line_add(line, "}");
}

/* In one write, so that lines of several processes do not mix. There is
 * nobody to tell when stderr is gone. */
static void put(enum log_level level, const struct log_line *line)
{
    if (sink) {
        sink(sink_arg, level, slice_make(line->text, line->len));
        return;
    }
    char bytes[LIMIT_LOG_LINE + 1];
    size_t len = line->len + 1, done = 0;
    memcpy(bytes, line->text, line->len);
    bytes[len - 1] = '\n';
    while (done < len) {
        ssize_t n = write(STDERR_FILENO, bytes + done, len - done);
        if (n < 0 && errno != EINTR)
            return;
        done += n > 0 ? (size_t)n : 0;
    }
}

struct message {
    char small[512], *large;
    struct slice text;
    bool more; /* text is only the beginning */
};

/* Formats as much as can be shown, and so much on top that a secret which
 * begins in what is shown is whole. Without memory the small buffer does. */
static void format_message(struct message *message, const char *format,
                           va_list args)
{
    size_t most = LIMIT_LOG_LINE + log_secret_longest() + 1;
    size_t size = sizeof message->small;
    char *ptr = message->small;
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(ptr, size, format, args);
    message->large = NULL;
    if (need >= (int)size) {
        size_t want = (size_t)need < most ? (size_t)need + 1 : most;
        message->large = malloc(want);
        if (message->large) {
            size = want;
            ptr = message->large;
            vsnprintf(ptr, size, format, again);
        }
    }
    va_end(again);
    size_t len = need < 0 ? 0 : (size_t)need;
    message->more = len >= size;
    message->text = slice_make(ptr, message->more ? size - 1 : len);
}

static void write_line(enum log_level level, const struct log_fields *fields,
                       const struct message *message)
{
    struct log_line line = { .len = 0 };
    enum dress dress = choose_dress();
    if (shape == LOG_JSON)
        write_json(&line, level, fields, message->text, message->more);
    else
        write_text(&line, level, fields, message->text, message->more, dress);
    put(level, &line);
    if (!tap)
        return;
    if (dress != DRESS_PLAIN) {
        line.len = 0;
        write_text(&line, level, fields, message->text, message->more,
                   DRESS_PLAIN);
    }
    tap(tap_arg, fields, slice_make(line.text, line.len));
}

void log_write(enum log_level level, const struct log_fields *fields,
               const char *format, ...)
{
    if (level < least)
        return;
    int kept = errno;
    const struct log_fields none = { 0 };
    struct message message;
    va_list args;
    va_start(args, format);
    format_message(&message, format, args);
    va_end(args);
    if (!fields)
        fields = &none;
    write_line(level, fields, &message);
    free(message.large);
    errno = kept;
}
