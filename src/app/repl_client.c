#include "repl_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"

static void send_line(struct repl_client *client, const struct buf *line)
{
    size_t sent = 0;

    while (sent < line->len) {
        ssize_t n =
            send(client->fd, line->ptr + sent, line->len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            client->closed = true;
            return;
        }
        sent += (size_t)n;
    }
}

static void send_pair(struct repl_client *client, const char *key,
                      const char *text, bool yes)
{
    struct json_writer w;
    struct buf line;
    struct err err;

    buf_init(&line, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &line);
    json_object_begin(&w);
    if (text)
        json_member_str(&w, key, text);
    else
        json_member_bool(&w, key, yes);
    json_object_end(&w);
    if (json_finish(&w, "what was typed", &err) == 0) {
        buf_addc(&line, '\n');
        send_line(client, &line);
    } else {
        buf_clear(&client->answer);
        buf_adds(&client->answer, "{\"error\":{\"kind\":\"limit\",\"error\":");
        json_quote(slice_str(err.text), &client->answer);
        buf_adds(&client->answer, "}}");
        client->answered = true;
    }
    buf_free(&line);
}

static void take_line(struct repl_client *client, struct slice line)
{
    struct slice opened;
    struct err err;
    int64_t number = 0;

    if (json_check(line, &err) != 0) {
        client->closed = true;
        return;
    }
    opened = json_get(line, "repl");
    if (json_int(json_get(line, "moved"), &number) ||
        json_int(json_get(opened, "generation"), &number))
        client->generation = (int)number;
    if (opened.ptr || json_get(line, "done").ptr ||
        json_get(line, "error").ptr) {
        buf_clear(&client->answer);
        buf_add(&client->answer, line);
        client->answered = true;
    } else {
        client->said(client->arg, line);
    }
}

static void take_lines(struct repl_client *client)
{
    const char *end;

    while (client->in.len > 0 &&
           (end = memchr(client->in.ptr, '\n', client->in.len))) {
        size_t length = (size_t)(end - client->in.ptr);
        take_line(client, slice_make(client->in.ptr, length));
        buf_consume(&client->in, length + 1);
    }
}

void repl_client_read(struct repl_client *client, bool wait)
{
    char chunk[16384];
    ssize_t n = recv(client->fd, chunk, sizeof chunk, wait ? 0 : MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || buf_add(&client->in, slice_make(chunk, (size_t)n)) != 0)
        client->closed = true;
    else
        take_lines(client);
}

void repl_client_ask(struct repl_client *client, const char *key,
                     const char *text)
{
    client->answered = false;
    send_pair(client, key, text, true);
}

void repl_client_follow(struct repl_client *client, bool on)
{
    client->answered = false;
    send_pair(client, "events", NULL, on);
}

void repl_client_cancel(struct repl_client *client)
{
    send_pair(client, "cancel", NULL, true);
}

/* ---- the beginning ----------------------------------------------------- */

static int read_opening(struct repl_client *client, struct err *err)
{
    struct slice line = buf_slice(&client->answer);
    struct slice failure = json_get(json_get(line, "error"), "error");
    char *script = json_dup(json_get(json_get(line, "repl"), "script"), 79);
    struct buf text;
    int result = 0;

    buf_init(&text, sizeof err->text);
    if (script)
        snprintf(client->script, sizeof client->script, "%s", script);
    else if (json_string(failure, &text) == 0)
        result = err_set(err, ERR_CONFIG, "%s", buf_str(&text));
    else
        result = err_set(err, ERR_SYSTEM,
                         "the running process gave no sense of itself");
    buf_free(&text);
    free(script);
    return result;
}

int repl_client_open(struct repl_client *client, const char *account,
                     const char *script, struct err *err)
{
    struct json_writer w;
    struct buf line;
    int found;

    client->fd = -1;
    buf_init(&client->in, LIMIT_REPL_OUTPUT + LIMIT_REPL_RESULT);
    buf_init(&client->answer, LIMIT_REPL_OUTPUT + LIMIT_REPL_RESULT);
    found = control_connect(account, &client->fd, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return err_set(err, ERR_SYSTEM,
                       "no lunatrix runs account '%s': start it with "
                       "lunatrix run",
                       account);
    buf_init(&line, LIMIT_CONTROL_LINE);
    json_writer_init(&w, &line);
    json_object_begin(&w);
    json_member_str(&w, "do", "repl");
    json_member_str(&w, "script", script);
    json_object_end(&w);
    buf_addc(&line, '\n');
    send_line(client, &line);
    buf_free(&line);
    while (!client->answered && !client->closed)
        repl_client_read(client, true);
    if (!client->answered)
        return err_set(err, ERR_SYSTEM,
                       "the running process ended before it answered");
    return read_opening(client, err);
}

void repl_client_close(struct repl_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    buf_free(&client->in);
    buf_free(&client->answer);
}
