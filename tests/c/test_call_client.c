/* layer: calls */
#include "calls_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int set_up_exec(void **state)
{
    int result = set_up_bare(state);
    caller.exec = true;
    return result;
}

static void is(const char *name, const char *args, const char *expected)
{
    assert_string_equal(answer(name, args), expected);
}

static void expect(const char *method, const char *url, const char *body)
{
    fake_on(fake, method, url, (struct fake_reply) { .body = body });
}

#define VERSIONS "{\"versions\":[\"v1.11\"]}"
#define LOGIN                                                                  \
    "{\"user_id\":\"@ann:hs.test\",\"device_id\":\"D\","                       \
    "\"access_token\":\"tok-1234\",\"refresh_token\":\"ref-1234\","            \
    "\"expires_in_ms\":60000,\"well_known\":{}}"

/* A client with a token, number 1. */
static void open_client(void)
{
    is("client.open",
       "{\"homeserver\":\"https://hs.test\",\"access_token\":\"tok-1234\","
       "\"user_id\":\"@ann:hs.test\"}",
       "{\"client\":1}");
}

/* ---- logins ---- */

static void login_at_a_homeserver(void **state)
{
    (void)state;
    is("client.open", "{\"homeserver\":\"https://hs.test\"}", "{\"client\":1}");
    assert_int_equal(fake->count, 0);
    fake_on(fake, "GET", "/versions",
            (struct fake_reply) { .body = VERSIONS, .times = -1 });
    expect("POST", "https://hs.test/_matrix/client/v3/login", LOGIN);
    is("client.login",
       "{\"client\":1,\"user\":\"ann\",\"password\":\"hush hush\","
       "\"device_name\":\"test\"}",
       "{\"user_id\":\"@ann:hs.test\",\"device_id\":\"D\",\"access_token\":"
       "\"tok-1234\",\"refresh_token\":\"ref-1234\",\"expires_in_ms\":60000}");
    is("client.info", "{\"client\":1}",
       "{\"homeserver\":\"https://hs.test\",\"user_id\":\"@ann:hs.test\","
       "\"device_id\":\"D\"}");
}

static void login_finds_the_server_of_a_user(void **state)
{
    (void)state;
    is("client.open", "{\"user_id\":\"@ann:hs.test\"}", "{\"client\":1}");
    expect("GET", "https://hs.test/.well-known/matrix/client",
           "{\"m.homeserver\":{\"base_url\":\"https://matrix.hs.test/\"}}");
    expect("GET", "https://matrix.hs.test/_matrix/client/versions", VERSIONS);
    expect("POST", "https://matrix.hs.test/_matrix/client/v3/login", LOGIN);
    answer("client.login", "{\"client\":1,\"password\":\"hush hush\"}");
    is("client.info", "{\"client\":1}",
       "{\"homeserver\":\"https://matrix.hs.test\","
       "\"user_id\":\"@ann:hs.test\",\"device_id\":\"D\"}");
}

static void refused_login(void **state)
{
    (void)state;
    open_client();
    fake_on(fake, "POST", "/login",
            (struct fake_reply) { .status = 403,
                                  .body = "{\"errcode\":\"M_FORBIDDEN\","
                                          "\"error\":\"no\"}" });
    fails("client.login",
          "{\"client\":1,\"user\":\"ann\",\"password\":\"wrong one\"}", 1000,
          ERR_MATRIX);
    assert_string_equal(err.errcode, "M_FORBIDDEN");
}

static void login_ends_with_its_task_or_its_time(void **state)
{
    static const char args[] =
        "{\"client\":1,\"user\":\"ann\",\"password\":\"hush\",\"timeout\":5}";
    (void)state;
    open_client();
    fake_on(fake, "POST", "/login",
            (struct fake_reply) { .fault = FAKE_SILENT, .times = 2 });
    struct op *op = begin("client.login", args);
    struct op *second = begin_bytes("client.login", args, SLICE_NONE);
    assert_null(second); /* one at a time */
    assert_int_equal(err.kind, ERR_MISUSE);
    op_free(op);
    assert_int_equal(fake->open, 0);
    fails("client.login", args, 5000, ERR_TIMEOUT);
    assert_int_equal(fake->open, 0);
}

static void logout(void **state)
{
    (void)state;
    open_client();
    expect("POST", "/_matrix/client/v3/logout", "{}");
    is("client.logout", "{\"client\":1}", "true");
    is("client.open", "{\"homeserver\":\"hs.test\"}", "{\"client\":2}");
    refused("client.logout", "{\"client\":2}", ERR_MISUSE, "not logged in");
}

static void discover(void **state)
{
    (void)state;
    expect("GET", "https://hs.test/.well-known/matrix/client",
           "{\"m.homeserver\":{\"base_url\":\"https://m.test\"}}");
    expect("GET", "https://m.test/_matrix/client/versions", VERSIONS);
    is("matrix.discover", "{\"server\":\"hs.test\"}",
       "{\"homeserver\":\"https://m.test\"}");
    fake_on(fake, "GET", "slow.test",
            (struct fake_reply) { .fault = FAKE_SILENT, .times = 2 });
    fails("matrix.discover", "{\"server\":\"slow.test\",\"timeout\":1}", 1000,
          ERR_TIMEOUT);
    op_free(begin("matrix.discover", "{\"server\":\"slow.test\"}"));
    assert_int_equal(fake->open, 0);
}

static void files_keep_a_login(void **state)
{
    char dir[] = "/tmp/test_call_client.XXXXXX", file[64], args[128];
    struct stat status;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/login", dir);
    open_client();
    snprintf(args, sizeof(args), "{\"client\":1,\"file\":\"%s\"}", file);
    is("client.save", args, "true");
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(args, sizeof(args), "{\"session\":\"%s\"}", file);
    is("client.open", args, "{\"client\":2}");
    is("client.info", "{\"client\":2}",
       "{\"homeserver\":\"https://hs.test\",\"user_id\":\"@ann:hs.test\"}");
    unlink(file);
    refused("client.open", args, ERR_STORE, "no session file");
    caller.data_dir = dir;
    refused("client.save", "{\"client\":1,\"file\":\"../x\"}", ERR_DENIED,
            "outside");
    refused("client.open", "{\"session\":\"/etc/passwd\"}", ERR_DENIED,
            "outside");
    is("client.save", "{\"client\":1,\"file\":\"mine\"}", "true");
    snprintf(file, sizeof(file), "%s/mine", dir);
    unlink(file);
    assert_int_equal(rmdir(dir), 0);
}

static int stored_session(void *arg, const char *name, struct session **session,
                          struct err *why)
{
    (void)arg;
    if (name)
        return err_set(why, ERR_CONFIG, "no account %s", name);
    *session = session_new(loop, &fake->transport, NULL, true, why);
    return session_adopt(*session, S("https://hs.test"), S("@bot:hs.test"),
                         S("D"), S("stored-token"), why);
}

static void stored_logins(void **state)
{
    (void)state;
    refused("client.open", "{}", ERR_UNSUPPORTED, "no logins are stored");
    host.open_session = stored_session;
    is("client.open", "{}", "{\"client\":2}");
    refused("client.open", "{\"account\":\"x\"}", ERR_CONFIG, "no account x");
    expect("GET", "/account/whoami", "{}");
    is("client.request",
       "{\"client\":2,\"method\":\"GET\",\"path\":\"/account/whoami\"}",
       "{\"body\":{},\"status\":200,\"headers\":{}}");
    assert_string_equal(fake_header(&fake->seen[0], "authorization"),
                        "Bearer stored-token");
}

static int secret(void *arg, struct slice name, struct buf *out,
                  struct err *why)
{
    (void)arg;
    if (!slice_is(name, "door"))
        return err_set(why, ERR_CONFIG, "no such secret");
    return buf_adds(out, "open \"sesame\"");
}

static void secrets(void **state)
{
    (void)state;
    refused("secret.get", "{\"name\":\"door\"}", ERR_UNSUPPORTED, "");
    host.secret = secret;
    is("secret.get", "{\"name\":\"door\"}", "\"open \\\"sesame\\\"\"");
    refused("secret.get", "{\"name\":\"x\"}", ERR_CONFIG, "no such secret");
    log_clear_secrets();
}

/* ---- requests ---- */

static void request_goes_out_as_told(void **state)
{
    (void)state;
    open_client();
    fake_on(fake, "POST",
            "https://hs.test/_matrix/client/v3/createRoom?a=1&a=2",
            (struct fake_reply) { .body = "{\"room_id\":\"!a\"}",
                                  .headers = "x-a: b" });
    is("client.request",
       "{\"client\":1,\"method\":\"POST\",\"path\":\"/createRoom\","
       "\"query\":{\"a\":[1,2]},\"headers\":{\"X-B\":\"c\"},"
       "\"body\":{\"name\": \"x\"}}",
       "{\"body\":{\"room_id\":\"!a\"},\"status\":200,\"headers\":"
       "{\"x-a\":\"b\"}}");
    assert_string_equal(fake->seen[0].body, "{\"name\": \"x\"}");
    assert_string_equal(fake_header(&fake->seen[0], "x-b"), "c");
    expect("GET", "https://hs.test/_matrix/client/versions", VERSIONS);
    answer("client.request", "{\"client\":1,\"method\":\"GET\",\"path\":"
                             "\"/_matrix/client/versions\"}");
    expect("POST", "/logout/all", "{}"); /* its own login is its own */
    answer("client.request",
           "{\"client\":1,\"method\":\"POST\",\"path\":\"/logout/all\"}");
    assert_string_equal(fake->seen[2].body, "{}");
}

static void only_reads_and_puts_are_repeated(void **state)
{
    static const struct {
        const char *method;
        int requests;
    } cases[] = { { "GET", 2 }, { "PUT", 2 }, { "POST", 1 }, { "DELETE", 1 } };
    (void)state;
    open_client();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char args[128];
        int before = fake->count;
        fake_on(fake, cases[i].method, "/x",
                (struct fake_reply) { .fault = FAKE_LOST });
        if (cases[i].requests > 1)
            expect(cases[i].method, "/x", "{}");
        snprintf(args, sizeof(args),
                 "{\"client\":1,\"method\":\"%s\",\"path\":\"/x\"}",
                 cases[i].method);
        struct op *op = begin("client.request", args);
        assert_int_equal(op->writes, strcmp(cases[i].method, "GET") != 0);
        finish(op, 60000);
        assert_int_equal(op->failed, cases[i].requests == 1);
        assert_int_equal(op->failed && op->err.unknown, op->failed);
        assert_int_equal(fake->count - before, cases[i].requests);
        op_free(op);
    }
}

static void requests_wait_until_the_server_is_known(void **state)
{
    (void)state;
    is("client.open",
       "{\"user_id\":\"@ann:hs.test\",\"access_token\":\"tok-1234\"}",
       "{\"client\":1}");
    fake_on(fake, "GET", "/.well-known",
            (struct fake_reply) {
                .body = "{\"m.homeserver\":{\"base_url\":\"https://m.test\"}}",
                .delay_ms = 100 });
    expect("GET", "https://m.test/_matrix/client/versions", VERSIONS);
    expect("GET", "https://m.test/_matrix/client/v3/joined_rooms", "{}");
    expect("PUT", "https://m.test/_matrix/client/v3/x", "{}");
    struct op *read = begin("client.request",
                            "{\"client\":1,\"method\":\"GET\",\"path\":"
                            "\"/joined_rooms\",\"headers\":{\"X-B\":\"c\"}}");
    struct op *gone = begin("client.request", "{\"client\":1,\"method\":"
                                              "\"GET\",\"path\":\"/gone\"}");
    struct op *late =
        begin("client.request", "{\"client\":1,\"method\":\"GET\",\"path\":"
                                "\"/late\",\"timeout\":0.01}");
    struct op *write =
        begin("client.request", "{\"client\":1,\"method\":\"PUT\",\"path\":"
                                "\"/x\",\"body\":{\"a\":1}}");
    op_free(gone);
    finish(late, 50);
    assert_int_equal(late->err.kind, ERR_TIMEOUT);
    op_free(late);
    loop_advance(loop, 1000);
    assert_true(read->complete && !read->failed);
    assert_true(write->complete && !write->failed);
    assert_int_equal(fake->count, 4);
    for (int i = 2; i < 4; i++)
        assert_string_equal(fake_header(&fake->seen[i], "authorization"),
                            "Bearer tok-1234");
    assert_string_equal(fake_header(&fake->seen[2], "x-b"), "c");
    assert_string_equal(fake->seen[3].body, "{\"a\":1}");
    op_free(read);
    op_free(write);
}

static void a_server_that_is_not_found_fails_all_who_wait(void **state)
{
    (void)state;
    is("client.open", "{\"homeserver\":\"hs.test\"}", "{\"client\":1}");
    fake_on(fake, "GET", "/.well-known",
            (struct fake_reply) { .body = "nonsense", .times = -1 });
    struct op *a = begin("client.request", "{\"client\":1,\"method\":\"GET\","
                                           "\"path\":\"/a\"}");
    struct op *b = begin("client.login", "{\"client\":1,\"user\":\"ann\","
                                         "\"password\":\"hush hush\"}");
    loop_advance(loop, 60000);
    assert_true(a->complete && a->failed && b->complete && b->failed);
    op_free(a);
    op_free(b);
    refused("client.request",
            "{\"client\":1,\"method\":\"GET\",\"path\":\"a\"}", ERR_MISUSE,
            "path must begin with /");
}

static void a_write_is_cut_when_its_client_closes(void **state)
{
    (void)state;
    open_client();
    fake_on(fake, "PUT", "/x", (struct fake_reply) { .fault = FAKE_SILENT });
    op_free(begin("client.request",
                  "{\"client\":1,\"method\":\"PUT\",\"path\":\"/x\"}"));
    assert_int_equal(fake->open, 1);
    caller_close(&caller);
    assert_int_equal(fake->open, 0);
    assert_null(host.detached);
}

static void send_and_define_filter(void **state)
{
    (void)state;
    open_client();
    expect("PUT",
           "https://hs.test/_matrix/client/v3/rooms/%21r/send/"
           "m.room.message/hello-1",
           "{\"event_id\":\"$1\"}");
    is("client.send",
       "{\"client\":1,\"room_id\":\"!r\",\"type\":\"m.room.message\","
       "\"content\":{\"body\": \"x\"},\"txn_id\":\"hello-1\"}",
       "{\"event_id\":\"$1\"}");
    assert_string_equal(fake->seen[0].body, "{\"body\": \"x\"}");
    /* A random id is kept over retries. */
    fake_on(fake, "PUT", "/send/", (struct fake_reply) { .fault = FAKE_LOST });
    expect("PUT", "/send/", "{\"event_id\":\"$2\"}");
    struct op *op = begin("client.send", "{\"client\":1,\"room_id\":\"!r\","
                                         "\"type\":\"t\",\"content\":{}}");
    finish(op, 60000);
    assert_false(op->failed);
    op_free(op);
    assert_string_equal(fake->seen[1].url, fake->seen[2].url);
    expect("POST", "/user/%40ann%3Ahs.test/filter", "{\"filter_id\":\"7\"}");
    is("client.define_filter", "{\"client\":1,\"filter\":{\"room\":{}}}",
       "{\"filter_id\":\"7\"}");
    assert_string_equal(fake->seen[3].body, "{\"room\":{}}");
}

/* ---- the bot's own account ---- */

static void own_requests_cannot_touch_the_login(void **state)
{
    static const struct {
        const char *method, *path, *body;
        enum err_kind kind; /* ERR_TASK: it goes out */
    } cases[] = {
        { "GET", "/login", NULL, ERR_DENIED },
        { "POST", "/login", "{}", ERR_DENIED },
        { "POST", "/login/get_token", "{}", ERR_DENIED },
        { "POST", "/logout", "{}", ERR_DENIED },
        { "POST", "/logout/all", "{}", ERR_DENIED },
        { "POST", "/refresh", "{}", ERR_DENIED },
        { "POST", "/account/password", "{}", ERR_DENIED },
        { "POST", "/account/deactivate", "{}", ERR_DENIED },
        { "POST", "/_matrix/client/r0/logout", "{}", ERR_DENIED },
        { "POST", "/_matrix/client/api/v1/login", "{}", ERR_DENIED },
        { "POST", "/_matrix/client/unstable/org.x/logout", "{}", ERR_DENIED },
        { "POST", "/_matrix//client/v3//logout/", "{}", ERR_DENIED },
        { "POST", "/%6Cogout", "{}", ERR_DENIED },
        { "POST", "/account%2Fpassword", "{}", ERR_TASK }, /* one segment */
        { "POST", "/x/../logout", "{}", ERR_MISUSE },
        { "POST", "/x/%2E%2e/logout", "{}", ERR_MISUSE },
        { "DELETE", "/devices/DEVICE", "{}", ERR_DENIED },
        { "DELETE", "/devices/OTHER", "{}", ERR_TASK },
        { "GET", "/devices/DEVICE", NULL, ERR_TASK },
        { "POST", "/delete_devices", "{\"devices\":[\"X\",\"DEVICE\"]}",
          ERR_DENIED },
        { "POST", "/delete_devices", "{\"devices\":[\"X\"]}", ERR_TASK },
        { "GET", "/account/whoami", NULL, ERR_TASK },
        { "PUT", "/rooms/!secret/send/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/rooms/%21secret/send/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/rooms/!secret/%73end/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/rooms//!secret/send/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/_matrix/client/r0/rooms/!secret/send/t/1", "{}",
          ERR_UNSUPPORTED },
        { "PUT", "/rooms/!unknown/send/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/rooms/!left/send/t/1", "{}", ERR_UNSUPPORTED },
        { "PUT", "/rooms/!secret/state/t/", "{}", ERR_TASK },
        { "PUT", "/rooms/!open/send/t/1", "{}", ERR_TASK },
        { "PUT", "/rooms/!open/send/t/1?x=/", "{}", ERR_MISUSE },
        { "GET", "/x#y", NULL, ERR_MISUSE },
        { "GET", "/x y", NULL, ERR_MISUSE },
        { "GET", "https://evil.test/", NULL, ERR_MISUSE },
    };
    (void)state;
    add_room("!secret", "join", true);
    add_room("!open", "join", false);
    add_room("!left", "leave", false);
    is("client.open", "{\"own\":true}", "{\"client\":1}");
    is("client.open", "{\"own\":true}", "{\"client\":1}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char args[256];
        int before = fake->count;
        snprintf(args, sizeof(args),
                 "{\"client\":1,\"method\":\"%s\",\"path\":\"%s\",\"body\":%s}",
                 cases[i].method, cases[i].path,
                 cases[i].body ? cases[i].body : "null");
        if (!cases[i].body)
            snprintf(args, sizeof(args),
                     "{\"client\":1,\"method\":\"%s\",\"path\":\"%s\"}",
                     cases[i].method, cases[i].path);
        if (cases[i].kind == ERR_TASK) {
            expect(cases[i].method, "hs.test", "{}");
            answer("client.request", args);
            assert_int_equal(fake->count, before + 1);
        } else {
            refused("client.request", args, cases[i].kind, "");
            assert_int_equal(fake->count, before);
        }
    }
}

static void own_sends_go_through_the_outbox(void **state)
{
    (void)state;
    add_room("!secret", "join", true);
    add_room("!open", "join", false);
    is("client.open", "{\"own\":true}", "{\"client\":1}");
    refused("client.send",
            "{\"client\":1,\"room_id\":\"!secret\",\"type\":\"t\","
            "\"content\":{}}",
            ERR_UNSUPPORTED, "");
    static const char args[] = "{\"client\":1,\"room_id\":\"!open\","
                               "\"type\":\"t\",\"content\":{}}";
    fake_on(
        fake, "PUT", "/send/",
        (struct fake_reply) { .body = "{\"event_id\":\"$1\"}", .times = 2 });
    is("client.send", args, "{\"event_id\":\"$1\"}");
    op_free(begin("client.send", args)); /* goes on without us */
    loop_advance(loop, 1000);
    assert_int_equal(fake->count, 2);
    assert_int_equal(outbox_pending(host.outbox), 0);
}

static void bots_have_no_other_clients(void **state)
{
    (void)state;
    refused("client.open", "{\"homeserver\":\"https://hs.test\"}", ERR_DENIED,
            "own account only");
    refused("client.open", "{}", ERR_DENIED, "own account only");
    refused("client.login", "{\"client\":1}", ERR_MISUSE, "exec");
    refused("client.sync", "{\"client\":1}", ERR_MISUSE, "exec");
    refused("secret.get", "{\"name\":\"x\"}", ERR_MISUSE, "exec");
}

static void a_bot_finds_public_servers_and_its_own(void **state)
{
    static const struct {
        const char *server, *base;
        bool guarded[2]; /* the look-up, the server */
    } rows[] = {
        { "else.test", "https://m.test", { true, true } },
        { "else.test", "https://hs.test", { true, false } },
        { "hs.test", "http://10.0.0.1", { false, true } },
        { "hs.test:1", "https://hs.test:1", { true, true } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{\"m.homeserver\":{\"base_url\":\"%s\"}}",
                 rows[i].base);
        expect("GET", "/.well-known/matrix/client", text);
        expect("GET", "/_matrix/client/versions", VERSIONS);
        snprintf(text, sizeof(text), "{\"server\":\"%s\"}", rows[i].server);
        answer("matrix.discover", text);
        for (size_t j = 0; j < 2; j++)
            if (fake->seen[2 * i + j].public_only != rows[i].guarded[j])
                fail_msg("row %zu, request %zu", i, j);
    }
    caller.http_private = true;
    fake_on(fake, "GET", "/versions", (struct fake_reply) { .body = VERSIONS });
    is("matrix.discover", "{\"server\":\"http://10.0.0.1\"}",
       "{\"homeserver\":\"http://10.0.0.1\"}");
    assert_false(fake->seen[8].public_only);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    refused("client.open", "{\"own\":true,\"session\":\"x\"}", ERR_MISUSE,
            "not several");
    refused("client.open", "{\"user_id\":\"ann\"}", ERR_MISUSE, "full user_id");
    refused("client.open", "{\"access_token\":\"x\"}", ERR_MISUSE,
            "homeserver");
    open_client();
    refused("client.info", "{\"client\":2}", ERR_MISUSE, "no client 2");
    refused("client.info", "{}", ERR_MISUSE, "no client");
    refused("client.login", "{\"client\":1,\"user\":\"ann\"}", ERR_MISUSE,
            "give user and password, or token");
    refused("client.request",
            "{\"client\":1,\"method\":\"GET\",\"path\":\"/x\",\"headers\":"
            "{\"AUTHORIZATION\":\"Bearer x\"}}",
            ERR_MISUSE, "set by the host");
    refused("client.request",
            "{\"client\":1,\"method\":\"GET\",\"path\":\"/x\",\"body\":1}",
            ERR_MISUSE, "takes no body");
    refused("client.sync", "{\"client\":1,\"filter\":3}", ERR_MISUSE,
            "filter must be");
    refused("batch.next", "{\"client\":1,\"batch\":1}", ERR_MISUSE,
            "batch is gone");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_exec, tear_down)
#define BOT(name)                                                              \
    cmocka_unit_test_setup_teardown(name, set_up_account, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(login_at_a_homeserver),
        TEST(login_finds_the_server_of_a_user),
        TEST(refused_login),
        TEST(login_ends_with_its_task_or_its_time),
        TEST(logout),
        TEST(discover),
        TEST(files_keep_a_login),
        TEST(stored_logins),
        TEST(secrets),
        TEST(request_goes_out_as_told),
        TEST(only_reads_and_puts_are_repeated),
        TEST(requests_wait_until_the_server_is_known),
        TEST(a_server_that_is_not_found_fails_all_who_wait),
        TEST(a_write_is_cut_when_its_client_closes),
        TEST(send_and_define_filter),
        BOT(own_requests_cannot_touch_the_login),
        BOT(own_sends_go_through_the_outbox),
        BOT(bots_have_no_other_clients),
        BOT(a_bot_finds_public_servers_and_its_own),
        TEST(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
