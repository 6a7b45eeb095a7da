/* layer: matrix */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"
#include "loop.h"
#include "request.h"
#include "session.h"
#include "transport_fake.h"

#define HS "https://hs.test"
#define VERSIONS "{\"versions\":[\"r0.6.1\",\"v1.1\",\"v1.12\"]}"
#define LOGIN                                                                  \
    "{\"user_id\":\"@ann:hs.test\",\"device_id\":\"DEV\",\"access_token\":"    \
    "\"tok1\",\"refresh_token\":\"ref1\",\"expires_in_ms\":3600000}"
#define DEAD "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"error\":\"gone\"}"
#define SOFT "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}"

struct rig {
    struct loop *loop;
    struct fake *fake;
    struct session *session;
    char directory[64], file[96];
    int done, changes, requests_done, requests_ok;
    bool ok;
    struct err err, why, request_err;
    enum session_state state;
    struct buf body;
};

static void on_change(void *arg, enum session_state state,
                      const struct err *err)
{
    struct rig *rig = arg;

    rig->changes++;
    rig->state = state;
    rig->why = err ? *err : (struct err) { 0 };
}

static void on_done(void *arg, struct slice body, const struct err *err)
{
    struct rig *rig = arg;

    rig->done++;
    rig->ok = !err;
    buf_clear(&rig->body);
    buf_add(&rig->body, body.ptr ? body : slice_str(""));
    if (err)
        rig->err = *err;
}

static void new_session(struct rig *rig)
{
    session_free(rig->session);
    rig->session =
        session_new(rig->loop, &rig->fake->transport, rig->file, false, NULL);
    assert_non_null(rig->session);
    session_on_change(rig->session, on_change, rig);
    rig->changes = 0;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    digest_seed(3);
    rig->loop = loop_new(LOOP_VIRTUAL, NULL);
    rig->fake = fake_new(rig->loop);
    snprintf(rig->directory, sizeof(rig->directory), "/tmp/session-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    snprintf(rig->file, sizeof(rig->file), "%s/session", rig->directory);
    buf_init(&rig->body, LIMIT_HTTP_BODY);
    new_session(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    session_free(rig->session);
    loop_advance(rig->loop, 0);
    fake_end(rig->fake);
    assert_int_equal(loop_pending(rig->loop), 0);
    loop_free(rig->loop);
    unlink(rig->file);
    assert_int_equal(rmdir(rig->directory), 0); /* no temporary file left */
    buf_free(&rig->body);
    log_clear_secrets();
    digest_seed(0);
    free(rig);
    return 0;
}

static void write_file(struct rig *rig, const char *text)
{
    assert_int_equal(file_write_private(rig->file, slice_str(text), NULL), 0);
}

/* A member of the session file; "" when there is none, or no file. */
static const char *saved(const struct rig *rig, const char *key)
{
    static char value[256];
    struct buf text, member;

    buf_init(&text, LIMIT_SESSION_FILE);
    buf_init(&member, sizeof(value) - 1);
    value[0] = '\0';
    if (file_read(rig->file, LIMIT_SESSION_FILE, &text, NULL) == 0) {
        assert_int_equal(json_check(buf_slice(&text), NULL), 0);
        json_string(json_get(buf_slice(&text), key), &member);
        snprintf(value, sizeof(value), "%s", buf_str(&member));
    }
    buf_free(&member);
    buf_free(&text);
    return value;
}

static void load(struct rig *rig, const char *text)
{
    write_file(rig, text);
    new_session(rig);
    assert_int_equal(session_load(rig->session, NULL), 1);
    assert_int_equal(session_state(rig->session), SESSION_LIVE);
    rig->changes = 0;
}

#define FILE_PLAIN                                                             \
    "{\"user_id\":\"@ann:hs.test\",\"device_id\":\"DEV\",\"homeserver\":"      \
    "\"" HS "\",\"access_token\":\"tok1\"}"
#define FILE_REFRESH                                                           \
    "{\"user_id\":\"@ann:hs.test\",\"device_id\":\"DEV\",\"homeserver\":"      \
    "\"" HS "\",\"access_token\":\"tok1\",\"refresh_token\":\"ref1\"}"

/* ---- discovery --------------------------------------------------------- */

static void discovery(void **state)
{
    static const struct {
        const char *server;
        struct fake_reply well_known;
        const char *base;     /* asked for /versions; NULL: never */
        const char *versions; /* the reply to it */
        const char *fault;    /* in the error's text; NULL: fine */
    } cases[] = {
        { "hs.test",
          { .body =
                "{\"m.homeserver\":{\"base_url\":\"https://m.hs.test/\"}}" },
          "https://m.hs.test",
          VERSIONS,
          NULL },
        { "hs.test", { .status = 404 }, HS, VERSIONS, NULL },
        { "hs.test:8448",
          { .status = 404, .body = "<html>" },
          "https://hs.test:8448",
          VERSIONS,
          NULL },
        { "https://hs.test/x/",
          { .times = -1 },
          "https://hs.test/x",
          VERSIONS,
          NULL },
        { "hs.test", { .body = "<html>" }, NULL, NULL, "--homeserver" },
        { "hs.test",
          { .body = "{\"m.homeserver\":\"https://x\"}" },
          NULL,
          NULL,
          "names no m.homeserver.base_url" },
        { "hs.test",
          { .body = "{\"m.homeserver\":{\"base_url\":\"ftp://x\"}}" },
          NULL,
          NULL,
          "no base URL" },
        { "hs.test",
          { .body = "{\"m.homeserver\":{\"base_url\":\"https://u@x\"}}" },
          NULL,
          NULL,
          "no base URL" },
        { "hs.test", { .status = 500 }, NULL, NULL, "HTTP status 500" },
        { "hs.test", { .fault = FAKE_REFUSED }, NULL, NULL, "--homeserver" },
        { "hs.test", { .fault = FAKE_SILENT }, NULL, NULL, "no answer" },
        { "hs.test",
          { .status = 404 },
          HS,
          "<html>",
          "does not answer as a homeserver" },
        { "hs.test",
          { .status = 404 },
          HS,
          "{}",
          "does not answer as a homeserver" },
        { "hs.test",
          { .status = 404 },
          HS,
          "{\"versions\":[\"r0.6.1\"]}",
          "too old" },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int before = rig->fake->count;
        new_session(rig);
        rig->done = 0;
        if (cases[i].well_known.times == 0)
            fake_on(rig->fake, "GET", "/.well-known/matrix/client",
                    cases[i].well_known);
        if (cases[i].base)
            fake_on(rig->fake, "GET", "/_matrix/client/versions",
                    (struct fake_reply) { .body = cases[i].versions });
        assert_int_equal(session_discover(rig->session,
                                          slice_str(cases[i].server), on_done,
                                          rig, NULL),
                         0);
        assert_int_equal(rig->done, 0);
        loop_advance(rig->loop, 120000);
        assert_int_equal(rig->done, 1);
        if (rig->ok != !cases[i].fault ||
            (cases[i].fault && !strstr(rig->err.text, cases[i].fault)))
            fail_msg("case %zu: %s", i, rig->err.text);
        if (cases[i].base)
            assert_int_equal(fake_count(rig->fake, "GET", cases[i].base) > 0,
                             1);
        if (rig->ok) {
            assert_string_equal(buf_str(&rig->body), cases[i].base);
            assert_string_equal(
                homeserver_base(session_homeserver(rig->session)),
                cases[i].base);
        } else {
            assert_null(session_homeserver(rig->session));
        }
        for (int n = before; n < rig->fake->count; n++)
            assert_string_equal(rig->fake->seen[n].headers, "");
    }
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const names[] = { "",    "a b", "a/b",
                                         "a@b", "a?b", "h\xc3\xa4" };
    struct rig *rig = *state;
    struct err err;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(session_discover(rig->session, slice_str(names[i]),
                                          on_done, rig, &err),
                         -1);
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    assert_int_equal(rig->done, 0);
}

static void one_operation_at_a_time_and_cancel_is_silent(void **state)
{
    struct rig *rig = *state;
    struct err err;

    fake_on(rig->fake, "GET", "/.well-known/matrix/client",
            (struct fake_reply) { .status = 404, .delay_ms = 10, .times = -1 });
    fake_on(
        rig->fake, "GET", "/versions",
        (struct fake_reply) { .body = VERSIONS, .delay_ms = 10, .times = -1 });
    for (int ms = 0; ms < 25; ms += 5) {
        assert_int_equal(session_discover(rig->session, slice_str("hs.test"),
                                          on_done, rig, NULL),
                         0);
        loop_advance(rig->loop, ms);
        if (rig->done)
            break;
        assert_int_equal(session_discover(rig->session, slice_str("hs.test"),
                                          on_done, rig, &err),
                         -1);
        assert_int_equal(err.kind, ERR_MISUSE);
        session_cancel(rig->session);
        loop_advance(rig->loop, 100);
        assert_int_equal(rig->done, 0);
    }
    assert_int_equal(rig->done, 1);
}

/* ---- logging in and out ------------------------------------------------ */

static void find_server(struct rig *rig)
{
    fake_on(rig->fake, "GET", "/versions",
            (struct fake_reply) { .body = VERSIONS });
    session_discover(rig->session, slice_str(HS), on_done, rig, NULL);
    loop_advance(rig->loop, 10);
    assert_int_equal(rig->done, 1);
    rig->done = 0;
}

static void log_in(struct rig *rig, const struct session_login *login,
                   struct fake_reply reply)
{
    rig->done = 0;
    fake_on(rig->fake, "POST", HS "/_matrix/client/v3/login", reply);
    assert_int_equal(session_login(rig->session, login, on_done, rig, NULL), 0);
    assert_int_equal(rig->done, 0);
    loop_advance(rig->loop, 10);
    assert_int_equal(rig->done, 1);
}

static const char *sent(struct rig *rig, const char *key)
{
    static char text[256];
    struct slice body = slice_str(rig->fake->seen[rig->fake->count - 1].body);
    struct slice value = json_get(body, key);

    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(value));
    return text;
}

static void sink(void *arg, enum log_level level, struct slice line)
{
    (void)level;
    buf_add(arg, line);
}

static void login_saves_and_keeps_the_device(void **state)
{
    struct rig *rig = *state;
    struct session_login login = { .user = slice_str("ann"),
                                   .password = slice_str("s3cr\"et"),
                                   .device_name = slice_str("bot") };
    struct stat info;
    struct buf lines;

    find_server(rig);
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_true(rig->ok);
    assert_string_equal(buf_str(&rig->body), LOGIN);
    assert_string_equal(sent(rig, "type"), "\"m.login.password\"");
    assert_string_equal(sent(rig, "identifier"),
                        "{\"type\":\"m.id.user\",\"user\":\"ann\"}");
    assert_string_equal(sent(rig, "password"), "\"s3cr\\\"et\"");
    assert_string_equal(sent(rig, "refresh_token"), "true");
    assert_string_equal(sent(rig, "initial_device_display_name"), "\"bot\"");
    assert_string_equal(sent(rig, "device_id"), "");
    assert_int_equal(session_state(rig->session), SESSION_LIVE);
    assert_int_equal(rig->changes, 1);
    assert_int_equal(stat(rig->file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_string_equal(saved(rig, "user_id"), "@ann:hs.test");
    assert_string_equal(saved(rig, "device_id"), "DEV");
    assert_string_equal(saved(rig, "homeserver"), HS);
    assert_string_equal(saved(rig, "access_token"), "tok1");
    assert_string_equal(saved(rig, "refresh_token"), "ref1");
    assert_string_equal(saved(rig, "device_name"), "bot");

    buf_init(&lines, LIMIT_LOG_LINE);
    log_set_sink(sink, &lines);
    log_error("tok1 ref1 s3cr\"et");
    log_set_sink(NULL, NULL);
    assert_null(strstr(buf_str(&lines), "tok1"));
    assert_null(strstr(buf_str(&lines), "ref1"));
    assert_null(strstr(buf_str(&lines), "s3cr"));
    buf_free(&lines);

    /* again, in a new process */
    new_session(rig);
    assert_int_equal(session_load(rig->session, NULL), 1);
    login.device_name = SLICE_NONE;
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_string_equal(sent(rig, "device_id"), "\"DEV\"");
    assert_string_equal(sent(rig, "initial_device_display_name"), "\"bot\"");
    login.user = slice_str("@ann:hs.test");
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_string_equal(sent(rig, "device_id"), "\"DEV\"");
    login.user = slice_str("bob"); /* somebody else */
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_string_equal(sent(rig, "device_id"), "");
    login.user = login.password = SLICE_NONE;
    login.token = slice_str("onetime");
    login.device_id = slice_str("OWN");
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_string_equal(sent(rig, "type"), "\"m.login.token\"");
    assert_string_equal(sent(rig, "token"), "\"onetime\"");
    assert_string_equal(sent(rig, "device_id"), "\"OWN\"");
    assert_string_equal(sent(rig, "password"), "");
    new_session(rig); /* the timer of the refresh goes with it */
}

static void login_that_fails_changes_nothing(void **state)
{
    static const struct {
        struct fake_reply reply;
        const char *fault;
        bool unknown;
    } cases[] = {
        { { .status = 403,
            .body = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"Invalid "
                    "username or password\"}" },
          "logging in at " HS ": POST /login: M_FORBIDDEN: Invalid username or "
          "password",
          false },
        { { .status = 429,
            .headers = "retry-after: 300",
            .body = "{\"errcode\":\"M_LIMIT_EXCEEDED\"}" },
          "M_LIMIT_EXCEEDED",
          false },
        { { .fault = FAKE_LOST }, "lost", true },
        { { .body = "{}" }, "lacks user_id", false },
        { { .body = "{\"user_id\":\"@a:b\",\"device_id\":7,"
                    "\"access_token\":\"x\"}" },
          "lacks user_id",
          false },
        { { .body = "{\"user_id\":\"@a:b\",\"device_id\":\"D\","
                    "\"access_token\":\"x\\r\\ny\"}" },
          "control character",
          false },
        { { .body = "<html>" }, "damaged", true },
    };
    struct rig *rig = *state;
    struct session_login login = { .user = slice_str("ann"),
                                   .password = slice_str("secret") };

    find_server(rig);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        log_in(rig, &login, cases[i].reply);
        if (rig->ok || !strstr(rig->err.text, cases[i].fault))
            fail_msg("case %zu: %s", i, rig->err.text);
        assert_int_equal(rig->err.unknown, cases[i].unknown);
        assert_int_equal(session_state(rig->session), SESSION_NONE);
        assert_false(homeserver_has_token(session_homeserver(rig->session)));
    }
    assert_int_equal(rmdir(rig->directory), 0);
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_false(rig->ok);
    assert_non_null(strstr(rig->err.text, "cannot be saved"));
    assert_int_equal(session_state(rig->session), SESSION_NONE);
    assert_int_equal(mkdir(rig->directory, 0700), 0);
    assert_int_equal(rig->changes, 0);
}

static void files_that_are_not_right(void **state)
{
    static const struct {
        const char *text;
        int mode, result;
        const char *fault;
    } cases[] = {
        { FILE_PLAIN, 0600, 1, NULL },
        { FILE_PLAIN, 0640, -1, "chmod" },
        { FILE_PLAIN, 0604, -1, "chmod" },
        { "", 0600, -1, "damaged" },
        { "{\"user_id\":", 0600, -1, "damaged" },
        { "[]", 0600, -1, "damaged" },
        { "{\"user_id\":\"@a:b\",\"homeserver\":\"https://x\"}", 0600, -1,
          "access_token is missing" },
        { "{\"user_id\":\"@a:b\",\"homeserver\":\"nonsense\","
          "\"access_token\":\"x\"}",
          0600, -1, "no base URL" },
    };
    struct rig *rig = *state;
    struct err err;

    assert_int_equal(session_load(rig->session, &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int result;
        write_file(rig, cases[i].text);
        chmod(rig->file, (mode_t)cases[i].mode);
        new_session(rig);
        result = session_load(rig->session, &err);
        if (result != cases[i].result ||
            (result < 0 && !strstr(err.text, cases[i].fault)))
            fail_msg("case %zu: %d %s", i, result, err.text);
        assert_int_equal(session_state(rig->session),
                         result == 1 ? SESSION_LIVE : SESSION_NONE);
    }
}

static void access_token_is_checked_with_whoami(void **state)
{
    struct rig *rig = *state;

    find_server(rig);
    for (int good = 0; good < 2; good++) {
        fake_on(rig->fake, "GET", "/account/whoami",
                good ? (struct fake_reply) { .body = "{\"user_id\":\"@a:b\","
                                                     "\"device_id\":\"D\"}" }
                     : (struct fake_reply) { .status = 401, .body = DEAD });
        assert_int_equal(session_login_access_token(rig->session,
                                                    slice_str("given"), on_done,
                                                    rig, NULL),
                         0);
        loop_advance(rig->loop, 10);
        assert_int_equal(rig->done, 1 + good);
        assert_int_equal(rig->ok, good);
        assert_string_equal(fake_header(&rig->fake->seen[rig->fake->count - 1],
                                        "authorization"),
                            "Bearer given");
        assert_int_equal(session_state(rig->session),
                         good ? SESSION_LIVE : SESSION_NONE);
    }
    assert_string_equal(saved(rig, "access_token"), "given");
    assert_string_equal(session_device_id(rig->session), "D");
}

static void logout(void **state)
{
    static const struct {
        struct fake_reply reply;
        bool ok;
    } cases[] = {
        { { .body = "{}" }, true },
        { { .status = 401, .body = DEAD }, true },
        { { .status = 401, .body = SOFT }, true },
        { { .status = 500 }, false },
        { { .status = 403, .body = "{\"errcode\":\"M_FORBIDDEN\"}" }, false },
    };
    struct rig *rig = *state;
    struct err err;

    assert_int_equal(session_logout(rig->session, on_done, rig, &err), -1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        load(rig, FILE_PLAIN);
        rig->done = 0;
        fake_on(rig->fake, "POST", "/v3/logout", cases[i].reply);
        assert_int_equal(session_logout(rig->session, on_done, rig, NULL), 0);
        loop_advance(rig->loop, 10);
        assert_int_equal(rig->done, 1);
        assert_int_equal(rig->ok, cases[i].ok);
        assert_int_equal(access(rig->file, F_OK), cases[i].ok ? -1 : 0);
        assert_int_equal(session_state(rig->session),
                         cases[i].ok ? SESSION_DEAD : SESSION_LIVE);
        assert_string_equal(session_device_id(rig->session),
                            cases[i].ok ? "" : "DEV");
    }
}

static void adopted_token_is_not_saved_but_can_be(void **state)
{
    struct rig *rig = *state;

    write_file(rig, FILE_PLAIN); /* another login's */
    assert_int_equal(session_adopt(rig->session, slice_str(HS "/"),
                                   slice_str("@x:y"), SLICE_NONE,
                                   slice_str("tokx"), NULL),
                     0);
    assert_string_equal(session_user_id(rig->session), "@x:y");
    assert_string_equal(session_device_id(rig->session), "");
    assert_string_equal(saved(rig, "access_token"), "tok1");
    fake_on(rig->fake, "POST", "/v3/logout",
            (struct fake_reply) { .body = "{}" });
    assert_int_equal(session_save(rig->session, rig->file, NULL), 0);
    assert_string_equal(saved(rig, "access_token"), "tokx");
    session_logout(rig->session, on_done, rig, NULL);
    loop_advance(rig->loop, 10);
    assert_true(rig->ok);
    assert_int_equal(access(rig->file, F_OK), 0); /* not ours to remove */
    assert_int_equal(session_save(rig->session, rig->file, NULL), -1);
}

/* ---- 401 and refresh --------------------------------------------------- */

/* A server that knows one access token and one refresh token, and what it says
 * to a refresh. */
struct server {
    struct rig *rig;
    const char *token; /* the one it takes */
    const char *refresh_token;
    struct fake_reply refreshed;
    int refreshes, used_before_saved;
};

static bool serve(void *arg, const struct fake_seen *seen,
                  struct fake_reply *reply)
{
    struct server *server = arg;
    char bearer[64];

    if (strstr(seen->url, "/refresh")) {
        char body[128];
        snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\"}",
                 server->refresh_token);
        assert_string_equal(seen->body, body);
        assert_string_equal(fake_header(seen, "authorization"), "");
        server->refreshes++;
        *reply = server->refreshed;
        reply->delay_ms = 20;
        return true;
    }
    snprintf(bearer, sizeof(bearer), "Bearer %s", server->token);
    reply->delay_ms = 5;
    if (strcmp(fake_header(seen, "authorization"), bearer) == 0) {
        reply->body = "{}";
        server->used_before_saved +=
            strcmp(saved(server->rig, "access_token"), server->token) != 0;
        return true;
    }
    reply->status = 401;
    reply->body = DEAD;
    return true;
}

static void on_request(void *arg, const struct reply *reply,
                       const struct err *err)
{
    struct rig *rig = arg;

    (void)reply;
    rig->requests_done++;
    rig->requests_ok += !err;
    if (err)
        rig->request_err = *err;
}

static void ask(struct rig *rig)
{
    struct request_options options = {
        .method = "GET", .path = slice_str("/_matrix/client/v3/sync")
    };

    assert_non_null(request_start(session_homeserver(rig->session), &options,
                                  on_request, rig, NULL));
}

#define NEW_BOTH                                                               \
    "{\"access_token\":\"tok2\",\"refresh_token\":\"ref2\",\"expires_in_ms\":" \
    "600000}"
#define NEW_ACCESS "{\"access_token\":\"tok2\"}"

static void refresh_is_saved_then_used_and_done_once(void **state)
{
    struct rig *rig = *state;

    for (int both = 0; both < 2; both++) {
        struct server server = { .rig = rig,
                                 .token = "tok2",
                                 .refresh_token = "ref1",
                                 .refreshed.body =
                                     both ? NEW_BOTH : NEW_ACCESS };
        rig->fake->answer = serve;
        rig->fake->answer_arg = &server;
        rig->requests_done = rig->requests_ok = 0;
        load(rig, FILE_REFRESH);
        for (int i = 0; i < 5; i++)
            ask(rig);
        loop_advance(rig->loop, 10);
        ask(rig); /* while the refresh is under way */
        loop_advance(rig->loop, 100);
        assert_int_equal(rig->requests_ok, 6);
        assert_int_equal(server.refreshes, 1);
        assert_int_equal(server.used_before_saved, 0);
        assert_string_equal(saved(rig, "refresh_token"),
                            both ? "ref2" : "ref1");
        assert_string_equal(saved(rig, "device_id"), "DEV");
        assert_int_equal(session_state(rig->session), SESSION_LIVE);
        assert_int_equal(rig->changes, 0);
        assert_int_equal(loop_pending(rig->loop), both); /* the next refresh */
    }
}

static void refresh_that_is_refused_ends_the_login(void **state)
{
    static const struct {
        struct fake_reply reply;
        enum session_state state;
    } cases[] = {
        { { .status = 401, .body = DEAD }, SESSION_DEAD },
        { { .status = 401, .body = SOFT }, SESSION_SOFT },
        { { .status = 403, .body = "{\"errcode\":\"M_FORBIDDEN\"}" },
          SESSION_SOFT },
        { { .status = 401, .body = "{\"errcode\":\"M_USER_LOCKED\"}" },
          SESSION_LOCKED },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool dead = cases[i].state == SESSION_DEAD;
        struct server server = { .rig = rig,
                                 .token = "tok2",
                                 .refresh_token = "ref1",
                                 .refreshed = cases[i].reply };
        rig->fake->answer = serve;
        rig->fake->answer_arg = &server;
        rig->requests_done = rig->requests_ok = 0;
        load(rig, FILE_REFRESH);
        ask(rig);
        ask(rig);
        loop_advance(rig->loop, 100);
        assert_int_equal(rig->requests_done, 2);
        assert_int_equal(rig->requests_ok, 0);
        assert_string_equal(rig->request_err.errcode, "M_UNKNOWN_TOKEN");
        assert_int_equal(session_state(rig->session), cases[i].state);
        assert_int_equal(rig->changes, 1);
        assert_int_equal(rig->state, cases[i].state);
        assert_int_equal(access(rig->file, F_OK), dead ? -1 : 0);
        assert_string_equal(session_device_id(rig->session), dead ? "" : "DEV");
        assert_int_equal(server.refreshes, 1);
        assert_int_equal(loop_pending(rig->loop), 0);
    }
}

static void refresh_outlives_an_outage(void **state)
{
    struct rig *rig = *state;
    struct server server = { .rig = rig,
                             .token = "tok2",
                             .refresh_token = "ref1",
                             .refreshed = { .status = 503 } };

    rig->fake->answer = serve;
    rig->fake->answer_arg = &server;
    load(rig, FILE_REFRESH);
    ask(rig);
    loop_advance(rig->loop, 300 * 1000);
    assert_int_equal(rig->requests_done, 1); /* its own time was up */
    assert_int_equal(rig->request_err.kind, ERR_TIMEOUT);
    assert_int_equal(session_state(rig->session), SESSION_LIVE);
    assert_in_range(server.refreshes, 5, 15);
    server.refreshed = (struct fake_reply) { .body = NEW_ACCESS };
    ask(rig);
    loop_advance(rig->loop, 60 * 1000);
    assert_int_equal(rig->requests_ok, 1);
    assert_string_equal(saved(rig, "access_token"), "tok2");
    assert_int_equal(loop_pending(rig->loop), 0);
}

static void token_that_cannot_be_saved_is_not_used(void **state)
{
    struct rig *rig = *state;
    char moved[96];
    struct server server = { .rig = rig,
                             .token = "tok2",
                             .refresh_token = "ref1",
                             .refreshed = { .body = NEW_BOTH } };

    rig->fake->answer = serve;
    rig->fake->answer_arg = &server;
    load(rig, FILE_REFRESH);
    snprintf(moved, sizeof(moved), "%s-moved", rig->directory);
    assert_int_equal(rename(rig->directory, moved), 0);
    ask(rig);
    loop_advance(rig->loop, 100);
    assert_int_equal(server.refreshes, 1);
    assert_int_equal(rig->requests_done, 0);
    assert_int_equal(rig->changes, 1);
    assert_int_equal(rig->state, SESSION_LIVE);
    assert_non_null(strstr(rig->why.text, "cannot be saved"));
    assert_int_equal(rename(moved, rig->directory), 0);
    loop_advance(rig->loop, 5000); /* it is tried again, with the old one */
    assert_int_equal(rig->requests_ok, 1);
    assert_int_equal(server.used_before_saved, 0);
    assert_string_equal(saved(rig, "refresh_token"), "ref2");
}

static void refresh_comes_before_the_token_expires(void **state)
{
    static const struct {
        int64_t expires_in, at;
    } cases[] = {
        { 3600000, 3540000 }, { 600000, 540000 }, { 60000, 30000 },
        { 4000, 2000 },       { -5000, 0 },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct server server = { .rig = rig,
                                 .token = "tok2",
                                 .refresh_token = "ref1",
                                 .refreshed = { .body = NEW_ACCESS } };
        char text[512];
        rig->fake->answer = serve;
        rig->fake->answer_arg = &server;
        snprintf(text, sizeof(text), "%.*s,\"expires_at\":%lld}",
                 (int)sizeof(FILE_REFRESH) - 2, FILE_REFRESH,
                 (long long)(loop_wall(rig->loop) + cases[i].expires_in));
        load(rig, text);
        if (cases[i].at > 0)
            loop_advance(rig->loop, cases[i].at - 1);
        assert_int_equal(server.refreshes, 0);
        loop_advance(rig->loop, 1);
        assert_int_equal(server.refreshes, 1);
        loop_advance(rig->loop, 1000);
        assert_string_equal(saved(rig, "access_token"), "tok2");
    }
}

static void lost_token_without_refresh(void **state)
{
    static const struct {
        const char *body;
        enum session_state state;
    } cases[] = {
        { DEAD, SESSION_DEAD },
        { SOFT, SESSION_SOFT },
        { "{\"errcode\":\"M_USER_LOCKED\",\"soft_logout\":true}",
          SESSION_LOCKED },
        { "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"flows\":[]}", SESSION_LIVE },
        { "{\"errcode\":\"M_MISSING_TOKEN\"}", SESSION_LIVE },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool dead = cases[i].state == SESSION_DEAD;
        load(rig, FILE_PLAIN);
        rig->requests_done = 0;
        fake_on(rig->fake, "GET", "/sync",
                (struct fake_reply) { .status = 401, .body = cases[i].body });
        ask(rig);
        loop_advance(rig->loop, 10);
        assert_int_equal(rig->requests_done, 1);
        assert_int_equal(rig->request_err.status, 401);
        assert_int_equal(session_state(rig->session), cases[i].state);
        assert_int_equal(rig->changes, cases[i].state != SESSION_LIVE);
        assert_int_equal(access(rig->file, F_OK), dead ? -1 : 0);
        assert_int_equal(homeserver_has_token(session_homeserver(rig->session)),
                         !dead);
    }
}

static void locked_account_comes_back(void **state)
{
    struct rig *rig = *state;

    load(rig, FILE_PLAIN);
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) { .status = 401,
                                  .body = "{\"errcode\":\"M_USER_LOCKED\"}" });
    ask(rig);
    loop_advance(rig->loop, 10);
    assert_int_equal(session_state(rig->session), SESSION_LOCKED);
    fake_on(rig->fake, "GET", "/sync", (struct fake_reply) { .body = "{}" });
    ask(rig);
    loop_advance(rig->loop, 10);
    assert_int_equal(session_state(rig->session), SESSION_LIVE);
    assert_int_equal(rig->changes, 2);
}

static void login_after_soft_logout_keeps_the_device(void **state)
{
    struct rig *rig = *state;
    struct session_login login = { .user = slice_str("ann"),
                                   .password = slice_str("secret") };

    load(rig, FILE_PLAIN);
    fake_on(rig->fake, "GET", "/sync",
            (struct fake_reply) { .status = 401, .body = SOFT });
    ask(rig);
    loop_advance(rig->loop, 10);
    assert_int_equal(session_state(rig->session), SESSION_SOFT);
    log_in(rig, &login, (struct fake_reply) { .body = LOGIN });
    assert_string_equal(sent(rig, "device_id"), "\"DEV\"");
    assert_int_equal(session_state(rig->session), SESSION_LIVE);
    new_session(rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(discovery),
        TEST(names_that_are_none_are_refused),
        TEST(one_operation_at_a_time_and_cancel_is_silent),
        TEST(login_saves_and_keeps_the_device),
        TEST(login_that_fails_changes_nothing),
        TEST(files_that_are_not_right),
        TEST(access_token_is_checked_with_whoami),
        TEST(logout),
        TEST(adopted_token_is_not_saved_but_can_be),
        TEST(refresh_is_saved_then_used_and_done_once),
        TEST(refresh_that_is_refused_ends_the_login),
        TEST(refresh_outlives_an_outage),
        TEST(token_that_cannot_be_saved_is_not_used),
        TEST(refresh_comes_before_the_token_expires),
        TEST(lost_token_without_refresh),
        TEST(locked_account_comes_back),
        TEST(login_after_soft_logout_keeps_the_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
