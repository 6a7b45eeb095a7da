#include "cli_visit.h"

#include <string.h>

#include "app.h"
#include "limits.h"
#include "log.h"
#include "paths.h"
#include "transport_curl.h"

void visit_close(struct visit *visit)
{
    session_free(visit->session);
    transport_free(visit->transport);
    loop_free(visit->loop);
    config_free(visit->config);
    buf_free(&visit->directory);
    buf_free(&visit->file);
    buf_free(&visit->reply);
    log_clear_secrets();
}

int visit_open(struct visit *visit, struct cli *cli)
{
    int code = EXIT_OK;

    memset(visit, 0, sizeof *visit);
    buf_init(&visit->directory, LIMIT_PATH);
    buf_init(&visit->file, LIMIT_PATH);
    buf_init(&visit->reply, LIMIT_JSON_BODY);
    visit->config = cli_config(cli, &visit->account, &code);
    if (!visit->config)
        return code;
    if (paths_account(visit->account->name, &visit->directory, &visit->err) ||
        paths_in_account(visit->account->name, "session", &visit->file,
                         &visit->err) ||
        !(visit->loop = loop_new(LOOP_REAL, &visit->err)) ||
        !(visit->transport = transport_curl_new(visit->loop, &visit->err)) ||
        !(visit->session =
              session_new(visit->loop, visit->transport, buf_str(&visit->file),
                          cli->allow_http, &visit->err)))
        return cli_fail(&visit->err);
    return 0;
}

void visit_step(void *arg, struct slice body, const struct err *err)
{
    struct visit *visit = arg;

    visit->done = true;
    visit->failed = err != NULL;
    if (err)
        visit->err = *err;
    buf_clear(&visit->reply);
    buf_add(&visit->reply, body);
    loop_stop(visit->loop);
}

int visit_wait(struct visit *visit, int started)
{
    if (started != 0)
        return -1;
    visit->done = false;
    while (!visit->done)
        loop_run(visit->loop);
    return visit->failed ? -1 : 0;
}

int visit_login(struct visit *visit, struct cli *cli)
{
    int code = visit_open(visit, cli);
    int found;

    if (code != 0)
        return code;
    found = session_load(visit->session, &visit->err);
    if (found == 0)
        err_set(&visit->err, ERR_CONFIG,
                "account '%s' is not logged in: run lunatrix login first",
                visit->account->name);
    return found > 0 ? 0 : cli_fail(&visit->err);
}

static void on_reply(void *arg, const struct reply *reply,
                     const struct err *err)
{
    visit_step(arg, err ? SLICE_NONE : reply->body, err);
}

int visit_request(struct visit *visit, const struct request_options *options)
{
    struct request *request =
        request_start(session_homeserver(visit->session), options, on_reply,
                      visit, &visit->err);

    return visit_wait(visit, request ? 0 : -1);
}
