#include "api_name.h"

#include <stdio.h>
#include <string.h>

struct name {
    const char *call, *shown;
};

static const struct name names[] = {
    { "batch.next", "batch:events" },
    { "client.open", "matrix.client" },
    { "http.request", "matrix.http" },
    { "log.write", "matrix.log" },
    { "matrix.discover", "matrix.discover" },
    { "room.join", "bot:join" },
    { "room.resolve", "bot:resolve" },
    { "script.await", "bot:wait_for" },
    { "script.emit", "bot:emit" },
    { "script.resource", "bot:resource" },
    { "script.timer", "bot:every" },
    { "script.wait", "bot:wait_for" },
    { "secret.get", "matrix.secret" },
    { "timer.sleep", "matrix.sleep" },
};

/* The rest differ in what stands before the point. */
static const struct name topics[] = {
    { "account.", "bot:" },     { "batch.", "batch:" },
    { "client.", "client:" },   { "memory.", "bot.memory:" },
    { "room.", "room:" },       { "script.", "bot:" },
    { "store.", "bot.store:" }, { "task.", "task:" },
};

void api_name(const char *call, char out[API_NAME])
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(call, names[i].call) == 0) {
            snprintf(out, API_NAME, "%s", names[i].shown);
            return;
        }
    }
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        size_t len = strlen(topics[i].call);
        if (strncmp(call, topics[i].call, len) == 0) {
            snprintf(out, API_NAME, "%s%s", topics[i].shown, call + len);
            return;
        }
    }
    snprintf(out, API_NAME, "%s", call);
}

void api_name_error(struct err *err, const char *call)
{
    size_t len = call ? strlen(call) : 0;
    if (len > 0 && strncmp(err->text, call, len) == 0 &&
        strchr(": ", err->text[len]) && err->text[len]) {
        char shown[API_NAME], rest[sizeof err->text];
        api_name(call, shown);
        snprintf(rest, sizeof rest, "%s", err->text + len);
        snprintf(err->text, sizeof err->text, "%s%.*s", shown,
                 (int)(sizeof rest - sizeof shown), rest);
    }
    if (err->kind == ERR_CONFIG || err->kind == ERR_SYSTEM) {
        err->kind = ERR_STORE;
    }
}
