#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cli_visit.h"
#include "file.h"
#include "json_read.h"
#include "limits.h"
#include "secret.h"

/* login, logout and whoami. */

struct login_options {
    const char *homeserver, *password_file, *token_file, *device_name;
};

/* ---- login ------------------------------------------------------------- */

/* The server part of "@user:server", after the first colon; NULL. */
static const char *server_of(const char *user_id)
{
    const char *colon = user_id ? strchr(user_id, ':') : NULL;
    return user_id && *user_id == '@' && colon && colon[1] ? colon + 1 : NULL;
}

static int find_server(struct visit *visit, const struct login_options *options,
                       const char *user_id)
{
    const char *server = options->homeserver ? options->homeserver
                         : visit->account->homeserver
                             ? visit->account->homeserver
                             : server_of(user_id);

    return visit_wait(visit, session_discover(visit->session, slice_str(server),
                                              visit_step, visit, &visit->err));
}

static int read_password(const struct login_options *options,
                         const char *user_id, struct buf *password,
                         struct err *err)
{
    char prompt[300];

    if (options->password_file)
        return secret_path(options->password_file, password, err);
    snprintf(prompt, sizeof prompt, "Password of %s: ", user_id);
    if (secret_ask(prompt, password, err) == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "there is no terminal to ask for the password on: use "
                   "--password-file FILE");
}

static int log_in(struct visit *visit, const struct login_options *options,
                  const char *user_id)
{
    struct session_login login = {
        .user = slice_str(user_id),
        .device_name =
            slice_str(options->device_name ? options->device_name : "lunatrix"),
    };
    struct buf secret;
    int result = -1;

    buf_init(&secret, LIMIT_SECRET_FILE);
    if (options->token_file) {
        if (secret_path(options->token_file, &secret, &visit->err) == 0)
            result = visit_wait(visit, session_login_access_token(
                                           visit->session, buf_slice(&secret),
                                           visit_step, visit, &visit->err));
    } else if (read_password(options, user_id, &secret, &visit->err) == 0) {
        login.password = buf_slice(&secret);
        result =
            visit_wait(visit, session_login(visit->session, &login, visit_step,
                                            visit, &visit->err));
    }
    if (secret.ptr)
        explicit_bzero(secret.ptr, secret.cap);
    buf_free(&secret);
    return result;
}

/* Another user's login is not replaced by the way. */
static int check_old_login(struct visit *visit, const char *user_id)
{
    int found = session_load(visit->session, &visit->err);
    const char *old = session_user_id(visit->session);

    if (found <= 0 || strcmp(old, user_id) == 0)
        return found < 0 ? -1 : 0;
    return err_set(&visit->err, ERR_CONFIG,
                   "account '%s' is logged in as %s: run lunatrix logout "
                   "first, or give the new login a name of its own with "
                   "--account NAME",
                   visit->account->name, old);
}

static int run_login(struct cli *cli, void *record, int argc, char **argv)
{
    const struct login_options *options = record;
    struct visit visit;
    int code = visit_open(&visit, cli);
    const char *user_id = argc > 0    ? argv[0]
                          : code == 0 ? visit.account->user_id
                                      : NULL;

    if (code != 0)
        goto out;
    code = EXIT_USAGE;
    if (argc > 1 || !user_id) {
        cli_usage(&cli_login, argc > 1 ? "one user at a time"
                                       : "log in as whom? @user:server");
        goto out;
    }
    if (!server_of(user_id)) {
        cli_usage(&cli_login, "'%s' is no user ID: it looks like @user:server",
                  user_id);
        goto out;
    }
    if (file_make_private_dir(buf_str(&visit.directory), &visit.err) != 0 ||
        check_old_login(&visit, user_id) != 0 ||
        find_server(&visit, options, user_id) != 0 ||
        log_in(&visit, options, user_id) != 0) {
        code = cli_fail(&visit.err);
        goto out;
    }
    code = EXIT_OK;
    fprintf(stderr,
            "logged in as %s, device %s, on %s\n"
            "the login is kept in %s, readable by you only\n",
            session_user_id(visit.session), session_device_id(visit.session),
            homeserver_base(session_homeserver(visit.session)),
            buf_str(&visit.file));
out:
    visit_close(&visit);
    return code;
}

static const struct option login_list[] = {
    { "homeserver", OPTION_TEXT, offsetof(struct login_options, homeserver),
      "URL", "the server's address, instead of discovering it" },
    { "password-file", OPTION_TEXT,
      offsetof(struct login_options, password_file), "FILE",
      "read the password from a private file" },
    { "token-file", OPTION_TEXT, offsetof(struct login_options, token_file),
      "FILE", "use the access token in a private file" },
    { "device-name", OPTION_TEXT, offsetof(struct login_options, device_name),
      "NAME", "what other clients show (default: lunatrix)" },
    { NULL, OPTION_FLAG, 0, NULL, NULL }
};

const struct cli_command cli_login = {
    .name = "login",
    .usage = "@user:server [OPTIONS]",
    .summary = "log in and keep the login",
    .examples = "  lunatrix login @bot:example.org\n"
                "  lunatrix login @bot:localhost --homeserver "
                "http://127.0.0.1:8008 --password-file pw\n",
    .options = login_list,
    .record_size = sizeof(struct login_options),
    .run = run_login,
};

/* ---- logout, whoami ---------------------------------------------------- */

static int run_logout(struct cli *cli, void *record, int argc, char **argv)
{
    struct visit visit;
    int code = visit_login(&visit, cli);

    (void)record;
    if (code == 0 && argc > 0)
        code = cli_usage(&cli_logout, "unexpected '%s'", argv[0]);
    else if (code == 0 &&
             visit_wait(&visit, session_logout(visit.session, visit_step,
                                               &visit, &visit.err)) != 0)
        code = cli_fail(&visit.err);
    else if (code == 0)
        fprintf(stderr, "logged out of account '%s'\n", visit.account->name);
    visit_close(&visit);
    return code;
}

const struct cli_command cli_logout = {
    .name = "logout",
    .usage = "[--account NAME]",
    .summary = "end the login, here and on the server",
    .examples = "  lunatrix logout\n",
    .run = run_logout,
};

static int ask_whoami(struct visit *visit)
{
    struct request_options options = {
        .method = "GET",
        .path = slice_str("/_matrix/client/v3/account/whoami"),
    };

    return visit_request(visit, &options);
}

static int run_whoami(struct cli *cli, void *record, int argc, char **argv)
{
    struct visit visit;
    int code = visit_login(&visit, cli);
    char *user = NULL;

    (void)record;
    if (code == 0 && argc > 0) {
        code = cli_usage(&cli_whoami, "unexpected '%s'", argv[0]);
    } else if (code == 0 && ask_whoami(&visit) != 0) {
        code = cli_fail(&visit.err);
    } else if (code == 0) {
        user = json_dup(json_get(buf_slice(&visit.reply), "user_id"), KIB(1));
        printf("%s %s %s\n", user ? user : session_user_id(visit.session),
               session_device_id(visit.session),
               homeserver_base(session_homeserver(visit.session)));
    }
    free(user);
    visit_close(&visit);
    return code;
}

const struct cli_command cli_whoami = {
    .name = "whoami",
    .usage = "[--account NAME]",
    .summary = "ask the server who is logged in: user, device, server",
    .examples = "  lunatrix whoami\n",
    .run = run_whoami,
};
