/* layer: net */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netdb.h>

#include "guard.h"
#include "http_server.h"
#include "loop.h"
#include "transport_curl.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- addresses --------------------------------------------------------- */

static const char *const public[] = {
    "1.1.1.1",          "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
    "100.128.0.0",      "126.255.255.255", "169.253.255.255", "172.15.255.255",
    "172.32.0.0",       "192.0.1.0",       "192.167.0.1",     "198.20.0.0",
    "223.255.255.255",  "2606:4700::1111", "2a00::1",         "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1", "2001:200::1",
};

static const char *const private[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1.1.1.1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
};

static bool judge(const char *text)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found;
    bool answer;

    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        fail_msg("%s is no address", text);
    answer = guard_is_public(found->ai_addr);
    freeaddrinfo(found);
    assert_int_equal(guard_host_is_public(slice_str(text)), answer);
    return answer;
}

static void addresses_are_public_or_not(void **state)
{
    struct sockaddr other = { .sa_family = AF_UNIX };

    (void)state;
    for (size_t i = 0; i < COUNT(public); i++) {
        if (!judge(public[i]))
            fail_msg("%s is public", public[i]);
    }
    for (size_t i = 0; i < COUNT(private); i++) {
        if (judge(private[i]))
            fail_msg("%s is not public", private[i]);
    }
    assert_false(guard_is_public(&other));
}

static void names_of_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_public;
    } cases[] = {
        { "example.org", true },   { "10.example.org", true },
        { "localhost", false },    { "LOCALHOST.", false },
        { "a.localhost", false },  { "notlocalhost", true },
        { "[::1]", false },        { "[2606:4700::1]", true },
        { "fe80::1%eth0", false }, { "", false },
        { "127.0.0.1.", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (guard_host_is_public(slice_str(cases[i].host)) !=
            cases[i].is_public)
            fail_msg("case %zu: %s", i, cases[i].host);
    }
}

/* ---- requests ---------------------------------------------------------- */

struct rig {
    struct loop *loop;
    struct server *server;
    struct transport *transport;
    int done, status;
    struct err err;
};

/* As a proxy it is asked for whole URLs. */
static bool answer(struct connection *c)
{
    char head[128] = "";

    if (strstr(c->target, "/to-10"))
        snprintf(head, sizeof(head), "Location: http://10.1.2.3/\r\n");
    if (strstr(c->target, "/to-name"))
        snprintf(head, sizeof(head), "Location: http://localhost:%d/\r\n",
                 c->server->port);
    server_reply(c, head[0] ? 302 : 200, head, "ok", 2);
    return true;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    rig->loop = loop_new(LOOP_REAL, NULL);
    rig->server = server_new(answer);
    rig->transport = transport_curl_new(rig->loop, NULL);
    *state = rig;
    return rig->transport ? 0 : -1;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    transport_free(rig->transport);
    assert_int_equal(loop_pending(rig->loop), 0);
    loop_free(rig->loop);
    server_end(rig->server);
    unsetenv("http_proxy");
    free(rig);
    return 0;
}

static void on_head(void *arg, const struct http_head *head)
{
    ((struct rig *)arg)->status = head->status;
}

static void on_done(void *arg, const struct err *err)
{
    struct rig *rig = arg;

    rig->done++;
    if (err)
        rig->err = *err;
    loop_stop(rig->loop);
}

/* The status, or below 0 for an error. */
static int get(struct rig *rig, const char *url, bool public_only)
{
    static const struct http_handlers handlers = { .head = on_head,
                                                   .done = on_done };
    struct http_request request = { .method = "GET",
                                    .url = slice_str(url),
                                    .redirects = 5,
                                    .allow_http = true,
                                    .public_only = public_only };

    rig->done = rig->status = 0;
    memset(&rig->err, 0, sizeof(rig->err));
    if (!transport_start(rig->transport, &request, &handlers, rig, &rig->err))
        return -(int)rig->err.kind - 1;
    loop_run(rig->loop);
    assert_int_equal(rig->done, 1);
    return rig->err.text[0] ? -(int)rig->err.kind - 1 : rig->status;
}

static void is_denied(struct rig *rig, const char *url, const char *address)
{
    int got = get(rig, url, true);

    if (got != -(int)ERR_DENIED - 1)
        fail_msg("%s: %d %s", url, got, rig->err.text);
    if (!strstr(rig->err.text, address) ||
        !strstr(rig->err.text, "http = { \"private\" }"))
        fail_msg("%s: %s", url, rig->err.text);
}

static void private_addresses_are_not_connected_to(void **state)
{
    /* who they are is curl's and the resolver's business */
    static const struct {
        const char *host, *address;
    } hosts[] = {
        { "127.0.0.1", "127.0.0.1" },
        { "localhost", "localhost" },
        { "2130706433", "127.0.0.1" },
        { "0x7f.1", "127.0.0.1" },
        { "0177.0.0.1", "127.0.0.1" },
        { "[::1]", "[::1]" },
        { "[::ffff:127.0.0.1]", "::ffff:" },
        { "user@127.0.0.1", "127.0.0.1" },
        { "0", "0.0.0.0" },
    };
    struct rig *rig = *state;
    char url[128];

    for (size_t i = 0; i < COUNT(hosts); i++) {
        snprintf(url, sizeof(url), "http://%s:%d/", hosts[i].host,
                 rig->server->port);
        is_denied(rig, url, hosts[i].address);
        assert_false(rig->err.unknown);
    }
    assert_int_equal(rig->server->connections, 0);
}

/* A name that is looked up: the judgement falls when a socket is made. */
static void name_of_this_machine_is_judged_by_its_address(void **state)
{
    struct rig *rig = *state;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char name[65], url[128];
    bool usable = gethostname(name, sizeof(name)) == 0 &&
                  getaddrinfo(name, NULL, &hints, &found) == 0;

    for (struct addrinfo *one = found; one && usable; one = one->ai_next)
        usable = !guard_is_public(one->ai_addr);
    if (found)
        freeaddrinfo(found);
    if (!usable || !guard_host_is_public(slice_str(name))) {
        print_message("skipped: this machine's name has no private address\n");
        skip();
    }
    snprintf(url, sizeof(url), "http://%s:%d/", name, rig->server->port);
    is_denied(rig, url, " is no public address");
    assert_int_equal(rig->server->connections, 0);
}

static void kept_connection_is_judged_too(void **state)
{
    struct rig *rig = *state;
    char url[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", rig->server->port);
    assert_int_equal(get(rig, url, false), 200);
    is_denied(rig, url, "127.0.0.1");
    assert_int_equal(get(rig, url, false), 200);
    assert_int_equal(rig->server->requests, 2);
    assert_int_equal(rig->server->connections, 1);
}

static void proxy_is_reached_and_redirects_are_judged(void **state)
{
    struct rig *rig = *state;
    char proxy[64];

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", rig->server->port);
    setenv("http_proxy", proxy, 1);
    setenv("no_proxy", "example.org", 1); /* would go past it */
    assert_int_equal(get(rig, "http://example.org/", true), 200);
    assert_int_equal(rig->server->requests, 1);
    is_denied(rig, "http://example.org/to-10", "10.1.2.3");
    assert_int_equal(rig->server->requests, 2);
    is_denied(rig, "http://example.org/to-name", "localhost");
    assert_int_equal(rig->server->requests, 3);
    is_denied(rig, "http://192.168.1.1/", "192.168.1.1");
    assert_int_equal(rig->server->requests, 3);
    unsetenv("no_proxy");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_public_or_not),
        cmocka_unit_test(names_of_hosts),
        TEST(private_addresses_are_not_connected_to),
        TEST(name_of_this_machine_is_judged_by_its_address),
        TEST(kept_connection_is_judged_too),
        TEST(proxy_is_reached_and_redirects_are_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
