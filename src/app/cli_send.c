#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "app.h"
#include "cli_visit.h"
#include "control.h"
#include "html.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "markdown.h"
#include "transport_curl.h"
#include "txn.h"
#include "url.h"

/* send: one message into one or several rooms, through the running process
 * when there is one. Prints the event ids. */

struct send_options {
    struct option_list room;
    bool html, markdown, code, emote, text;
    const char *reply_to, *thread, *edit;
};

/* ---- the message ------------------------------------------------------- */

static void read_input(struct buf *text)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0)
        buf_add(text, slice_make(chunk, (size_t)n));
    if (text->len && text->ptr[text->len - 1] == '\n')
        buf_truncate(text, text->len - 1);
}

/* "-" is standard input; anything else is the words, joined by spaces. */
static int read_text(int argc, char **argv, struct buf *text, struct err *err)
{
    if (argc == 1 && strcmp(argv[0], "-") == 0)
        read_input(text);
    else
        for (int i = 0; i < argc; i++)
            buf_addf(text, "%s%s", i ? " " : "", argv[i]);
    if (buf_check(text, "the message", err) != 0)
        return -1;
    return text->len ? 0 : err_set(err, ERR_MISUSE, "there is no text to send");
}

/* The formatted body, and the plain one. */
static int write_formatted(const struct send_options *options,
                           struct slice text, struct buf *plain,
                           struct buf *html)
{
    int result = 0;

    if (options->markdown)
        result |= markdown_to_html(text, html);
    else if (options->html)
        result |= buf_add(html, text);
    if (options->markdown || options->html)
        return result | html_to_text(buf_slice(html), plain);
    if (options->code) {
        result |= buf_adds(html, "<pre><code>");
        result |= html_escape(text, html);
        result |= buf_adds(html, "</code></pre>");
    }
    return result | buf_add(plain, text);
}

/* body, msgtype and, when there is one, the formatted body. */
static int write_body(struct json_writer *w, const struct send_options *options,
                      struct slice text, const char *mark)
{
    struct buf plain, html;
    int result = 0;

    buf_init(&plain, LIMIT_EVENT_SEND);
    buf_init(&html, LIMIT_EVENT_SEND);
    buf_adds(&plain, mark);
    result |= write_formatted(options, text, &plain, &html);
    json_member_str(w, "msgtype",
                    options->emote  ? "m.emote"
                    : options->text ? "m.text"
                                    : "m.notice");
    json_member_string(w, "body", buf_slice(&plain));
    if (html.len) {
        json_member_str(w, "format", "org.matrix.custom.html");
        json_member_string(w, "formatted_body", buf_slice(&html));
    }
    buf_free(&plain);
    buf_free(&html);
    return result;
}

static void write_in_reply_to(struct json_writer *w, const char *event_id)
{
    json_key(w, "m.in_reply_to");
    json_object_begin(w);
    json_member_str(w, "event_id", event_id);
    json_object_end(w);
}

static void write_relation(struct json_writer *w,
                           const struct send_options *options)
{
    if (!options->reply_to && !options->thread && !options->edit)
        return;
    json_key(w, "m.relates_to");
    json_object_begin(w);
    if (options->edit) {
        json_member_str(w, "rel_type", "m.replace");
        json_member_str(w, "event_id", options->edit);
    } else if (options->thread) {
        json_member_str(w, "rel_type", "m.thread");
        json_member_str(w, "event_id", options->thread);
        json_member_bool(w, "is_falling_back", !options->reply_to);
        write_in_reply_to(w, options->reply_to ? options->reply_to
                                               : options->thread);
    } else {
        write_in_reply_to(w, options->reply_to);
    }
    json_object_end(w);
}

static int write_content(const struct send_options *options, struct slice text,
                         struct buf *out, struct err *err)
{
    struct json_writer w;
    int result;

    json_writer_init(&w, out);
    json_object_begin(&w);
    result = write_body(&w, options, text, options->edit ? "* " : "");
    json_key(&w, "m.mentions");
    json_object_begin(&w);
    json_object_end(&w);
    write_relation(&w, options);
    if (options->edit) {
        json_key(&w, "m.new_content");
        json_object_begin(&w);
        result |= write_body(&w, options, text, "");
        json_object_end(&w);
    }
    json_object_end(&w);
    if (result != 0)
        return err_set(err, ERR_LIMIT, "the message is larger than %zu bytes",
                       LIMIT_EVENT_SEND);
    return json_finish(&w, "the message", err);
}

/* ---- the room ---------------------------------------------------------- */

/* A room id as it is; an alias is looked up. Appended to out. */
static int find_room(struct visit *visit, const char *room, struct buf *out)
{
    struct buf path;
    int result;

    if (*room == '!')
        return buf_adds(out, room);
    if (*room != '#')
        return err_set(&visit->err, ERR_CONFIG,
                       "'%s' is no room: use an ID (!...) or an alias (#...)",
                       room);
    buf_init(&path, LIMIT_PATH);
    url_path(&path, "/_matrix/client/v3/directory/room/{}", 1, slice_str(room));
    struct request_options options = { .method = "GET",
                                       .path = buf_slice(&path) };
    result = visit_request(visit, &options);
    buf_free(&path);
    if (result != 0)
        return err_prefix(&visit->err, "cannot find %s", room);
    return json_string(json_get(buf_slice(&visit->reply), "room_id"), out);
}

/* ---- sending ----------------------------------------------------------- */

/* Through the running process. 1 sent, 0 none runs, -1. */
static int send_by_control(struct visit *visit, struct slice room,
                           struct slice content, struct buf *event_id)
{
    struct buf request, reply;
    struct json_writer w;
    int asked = -1;

    buf_init(&request, LIMIT_CONTROL_LINE);
    buf_init(&reply, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &request);
    json_object_begin(&w);
    json_member_str(&w, "do", "send");
    json_member_string(&w, "room_id", room);
    json_member_str(&w, "type", "m.room.message");
    json_member_raw(&w, "content", content);
    json_object_end(&w);
    if (json_finish(&w, "the request", &visit->err) == 0)
        asked = control_ask(visit->account->name, buf_slice(&request), &reply,
                            &visit->err);
    struct slice failure = json_get(buf_slice(&reply), "error");
    if (asked > 0 && failure.ptr) {
        struct buf text;
        buf_init(&text, LIMIT_CONTROL_LINE);
        json_string(json_get(failure, "error"), &text);
        asked = err_set(&visit->err, ERR_MATRIX, "%s", buf_str(&text));
        buf_free(&text);
    } else if (asked > 0) {
        json_string(json_get(buf_slice(&reply), "event_id"), event_id);
    }
    buf_free(&request);
    buf_free(&reply);
    return asked;
}

static void on_sent(void *arg, struct slice event_id, const struct err *err)
{
    visit_step(arg, event_id, err);
}

static void on_stopped(void *arg, struct account *account,
                       const struct err *err)
{
    struct err why = *err;

    (void)account;
    err_prefix(&why, "not sent, kept until the next run");
    visit_step(arg, SLICE_NONE, &why);
}

/* The outbox would go on for as long as it takes. */
static void on_late(void *arg)
{
    struct visit *visit = arg;
    struct err err;

    visit->timer = NULL;
    err_set(&err, ERR_TIMEOUT,
            "not sent within %d s, kept until the next run: the server does "
            "not answer as it should",
            LIMIT_HTTP_TOTAL_MS / 1000);
    visit_step(visit, SLICE_NONE, &err);
}

/* With the account opened here: its outbox sends, and whatever waited. */
static int send_here(struct visit *visit, struct slice room,
                     struct slice content, struct buf *event_id)
{
    struct account_options options = { .loop = visit->loop,
                                       .transport = visit->transport,
                                       .config = visit->config,
                                       .settings = visit->account,
                                       .stopped = on_stopped,
                                       .arg = visit };
    struct outbox_send send = { .script = "send",
                                .room_id = room,
                                .type = slice_str("m.room.message"),
                                .content = content };
    struct account *account = account_open(&options, &visit->err);
    struct buf txn;
    int result = -1;

    buf_init(&txn, TXN_LENGTH);
    if (!account)
        goto out;
    if (txn_random(&txn) != 0) {
        err_set(&visit->err, ERR_LIMIT, "cannot send: out of memory");
        goto out;
    }
    send.txn_id = buf_slice(&txn);
    visit->timer = timer_start(visit->loop, LIMIT_HTTP_TOTAL_MS, on_late, visit,
                               &visit->err);
    if (!visit->timer)
        goto out;
    result = visit_wait(visit, outbox_put(account_outbox(account), &send,
                                          on_sent, visit, &visit->err)
                                   ? 0
                                   : -1);
    if (result == 0)
        buf_add(event_id, buf_slice(&visit->reply));
out:
    timer_cancel(visit->timer);
    visit->timer = NULL;
    buf_free(&txn);
    account_close(account);
    return result;
}

static int send_to(struct visit *visit, const char *name, struct slice content)
{
    struct buf room, event_id;
    int sent = -1;

    buf_init(&room, KIB(1));
    buf_init(&event_id, KIB(1));
    if (find_room(visit, name, &room) == 0)
        sent = send_by_control(visit, buf_slice(&room), content, &event_id);
    if (sent == 0)
        sent = send_here(visit, buf_slice(&room), content, &event_id);
    if (sent >= 0)
        printf("%s\n", buf_str(&event_id));
    buf_free(&room);
    buf_free(&event_id);
    return sent < 0 ? cli_fail(&visit->err) : EXIT_OK;
}

static int run_send(struct cli *cli, void *record, int argc, char **argv)
{
    const struct send_options *options = record;
    struct visit visit;
    struct buf text, content;
    int code;

    if (options->room.count == 0)
        return cli_usage(&cli_send, "to which room? --room ROOM");
    if (argc == 0)
        return cli_usage(&cli_send, "what? TEXT, or - for standard input");
    if (options->html + options->markdown + options->code > 1)
        return cli_usage(&cli_send, "one of --html, --markdown and --code");
    if (options->emote && options->text)
        return cli_usage(&cli_send, "--emote or --text, not both");
    if (options->edit && (options->reply_to || options->thread))
        return cli_usage(&cli_send, "an edit stays where it is: --edit goes "
                                    "without --reply-to and --thread");
    for (int i = 0; i < options->room.count; i++) {
        const char *room = options->room.items[i];
        if (*room != '!' && *room != '#')
            return cli_usage(&cli_send,
                             "'%s' is no room: use an ID (!...) or "
                             "an alias (#...)",
                             room);
    }
    buf_init(&text, LIMIT_EVENT_SEND);
    buf_init(&content, LIMIT_EVENT_SEND);
    code = visit_login(&visit, cli);
    if (code == 0 &&
        (read_text(argc, argv, &text, &visit.err) != 0 ||
         write_content(options, buf_slice(&text), &content, &visit.err) != 0))
        code = cli_fail(&visit.err);
    for (int i = 0; code == 0 && i < options->room.count; i++)
        code = send_to(&visit, options->room.items[i], buf_slice(&content));
    buf_free(&text);
    buf_free(&content);
    visit_close(&visit);
    return code;
}

static const struct option send_list[] = {
    { "room", OPTION_TEXTS, offsetof(struct send_options, room), "ROOM",
      "room ID or alias; may be repeated" },
    { "html", OPTION_FLAG, offsetof(struct send_options, html), NULL,
      "the text is HTML" },
    { "markdown", OPTION_FLAG, offsetof(struct send_options, markdown), NULL,
      "the text is Markdown" },
    { "code", OPTION_FLAG, offsetof(struct send_options, code), NULL,
      "show it as a block of code" },
    { "emote", OPTION_FLAG, offsetof(struct send_options, emote), NULL,
      "send as /me (m.emote)" },
    { "text", OPTION_FLAG, offsetof(struct send_options, text), NULL,
      "send as m.text (default: m.notice)" },
    { "reply-to", OPTION_TEXT, offsetof(struct send_options, reply_to), "EVENT",
      "reply to that event" },
    { "thread", OPTION_TEXT, offsetof(struct send_options, thread), "EVENT",
      "in the thread of that event" },
    { "edit", OPTION_TEXT, offsetof(struct send_options, edit), "EVENT",
      "replace that event's text" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_send = {
    .name = "send",
    .usage = "--room ROOM [OPTIONS] TEXT... | -",
    .summary = "send a message, print its event ID",
    .examples = "  lunatrix send --room '#ops:example.org' backup done\n"
                "  make 2>&1 | lunatrix send --room '!id:example.org' --code "
                "-\n",
    .options = send_list,
    .record_size = sizeof(struct send_options),
    .run = run_send,
};
