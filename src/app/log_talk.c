#include "log_talk.h"

#include <stdlib.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log_ring.h"
#include "manager.h"

struct log_talk {
    struct log_follower follower;
    char *script, *account;
    repl_say_fn *say;
    void *arg;
};

static void on_line(void *arg, struct slice text)
{
    struct log_talk *talk = arg;
    struct json_writer w;
    struct buf line;
    struct err err;

    buf_init(&line, LIMIT_LOG_LINE * 6 + 64);
    json_writer_init(&w, &line);
    json_object_begin(&w);
    json_member_string(&w, "line", text);
    json_object_end(&w);
    if (json_finish(&w, "a line of the log", &err) == 0)
        talk->say(talk->arg, buf_slice(&line), false);
    buf_free(&line);
}

struct log_talk *log_talk_open(struct account *account, struct slice request,
                               repl_say_fn *say, void *arg, struct err *err)
{
    struct log_talk *talk = calloc(1, sizeof *talk);
    int64_t lines = 0;
    bool follows = false;

    if (!talk) {
        err_set(err, ERR_LIMIT, "cannot show the log: out of memory");
        return NULL;
    }
    *talk = (struct log_talk) {
        .follower = { .fn = on_line, .arg = talk },
        .script = json_dup(json_get(request, "script"), LIMIT_PATH),
        .account = json_dup(json_get(request, "account"), LIMIT_PATH),
        .say = say,
        .arg = arg,
    };
    list_init(&talk->follower.node);
    talk->follower.filter =
        (struct log_ring_filter) { talk->script, talk->account };
    json_int(json_get(request, "lines"), &lines);
    json_bool(json_get(request, "follow"), &follows);
    if (talk->script &&
        !manager_instance(account_manager(account), talk->script, err)) {
        log_talk_close(talk);
        return NULL;
    }
    if (lines > LIMIT_LOG_RING_LINES)
        lines = LIMIT_LOG_RING_LINES;
    log_ring_read(&talk->follower.filter, (int)lines, on_line, talk);
    if (follows)
        log_ring_follow(&talk->follower);
    else
        say(arg, slice_str("{\"done\":{}}"), true);
    return talk;
}

void log_talk_close(struct log_talk *talk)
{
    if (!talk)
        return;
    log_ring_unfollow(&talk->follower);
    free(talk->script);
    free(talk->account);
    free(talk);
}
