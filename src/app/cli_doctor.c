#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "doctor.h"
#include "log.h"
#include "saved_login.h"

/* doctor: is all there that a bot needs? */

struct doctor_options {
    bool json;
};

/* The login as it is stored, in a session without a file: one that turns out
 * to be dead would take the file along. */
static int borrow_login(struct visit *visit, bool allow_http, bool *renews)
{
    struct saved_login login = { 0 };
    int found = saved_login_read(buf_str(&visit->file), &login, &visit->err);

    if (found == 0)
        err_set(&visit->err, ERR_CONFIG, "there is none any more");
    *renews = login.refresh_token != NULL;
    session_free(visit->session);
    visit->session = session_new(visit->loop, visit->transport, NULL,
                                 allow_http, &visit->err);
    if (found > 0 && visit->session)
        found =
            session_adopt(visit->session, slice_str(login.homeserver),
                          slice_str(login.user_id), slice_str(login.device_id),
                          slice_str(login.access_token), &visit->err) == 0;
    saved_login_clear(&login);
    return found > 0 && visit->session ? 0 : -1;
}

static void check_login(struct doctor *doctor, struct cli *cli)
{
    struct visit visit;
    bool renews;

    if (visit_open(&visit, cli) != 0) /* told on standard error */
        doctor_tell(doctor, DOCTOR_FAIL, "login", NULL, "cannot be used");
    else if (borrow_login(&visit, cli->allow_http, &renews) != 0)
        doctor_tell(doctor, DOCTOR_FAIL, "login", NULL, "%s", visit.err.text);
    else
        doctor_server(doctor, &visit, renews);
    visit_close(&visit);
}

static void check_account(struct doctor *doctor, struct cli *cli,
                          const char *account)
{
    struct cli one = *cli;

    one.account = account;
    doctor->account = account;
    if (doctor_folder(doctor, account))
        check_login(doctor, &one);
    else
        doctor_tell(doctor, DOCTOR_WARN, "login",
                    "run: lunatrix login @user:server",
                    "not logged in: the server is not looked at");
    doctor->account = NULL;
}

static struct config *check_config(struct doctor *doctor, struct cli *cli)
{
    struct err err;
    struct config *config = config_load(cli->config, &err);

    if (config && cli->account && !config_account(config, cli->account, &err)) {
        config_free(config);
        config = NULL;
    }
    if (!config)
        doctor_tell(doctor, DOCTOR_FAIL, "config", NULL, "%s", err.text);
    else if (!config->path)
        doctor_tell(doctor, DOCTOR_OK, "config", NULL,
                    "there is no lunatrix.lua: run takes scripts as "
                    "arguments");
    else
        doctor_tell(doctor, DOCTOR_OK, "config", NULL,
                    "%s: %zu account%s, %zu script%s", config->path,
                    config->account_count,
                    config->account_count == 1 ? "" : "s", config->script_count,
                    config->script_count == 1 ? "" : "s");
    return config;
}

static int run_doctor(struct cli *cli, void *record, int argc, char **argv)
{
    const struct doctor_options *options = record;
    struct doctor doctor = { .json = options->json };
    struct config *config;

    if (argc > 0)
        return cli_usage(&cli_doctor, "unexpected '%s'", argv[0]);
    printf("%s", doctor.json ? "{\"checks\":[" : "");
    config = check_config(&doctor, cli);
    doctor_machine(&doctor, config);
    if (config && config->path)
        doctor_scripts(&doctor, config, cli->lua_path);
    for (size_t i = 0; config && i < config->account_count; i++) {
        const char *name = config->accounts[i].name;
        if (!cli->account || strcmp(name, cli->account) == 0)
            check_account(&doctor, cli, name);
    }
    if (doctor.json)
        printf("],\"warnings\":%d,\"failures\":%d}\n", doctor.warned,
               doctor.failed);
    else
        printf("\n%d check%s, %d warning%s, %d failure%s\n", doctor.told,
               doctor.told == 1 ? "" : "s", doctor.warned,
               doctor.warned == 1 ? "" : "s", doctor.failed,
               doctor.failed == 1 ? "" : "s");
    config_free(config);
    log_clear_secrets();
    return doctor.failed ? EXIT_FAIL : EXIT_OK;
}

static const struct option doctor_list[] = {
    { "json", OPTION_FLAG, offsetof(struct doctor_options, json), NULL,
      "one JSON object: checks, a list" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_doctor = {
    .name = "doctor",
    .usage = "[--json]",
    .summary = "look for what may keep bots from running",
    .examples = "  lunatrix doctor\n",
    .options = doctor_list,
    .record_size = sizeof(struct doctor_options),
    .run = run_doctor,
};
