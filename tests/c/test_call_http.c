/* layer: calls */
#include "calls_fixture.h"

static void the_whole_exchange(void **state)
{
    (void)state;
    fake_on(fake, "POST", "https://x.test/a?b=1&q=a%20b&n=2&n=true",
            (struct fake_reply) { .status = 418,
                                  .headers = "content-type: text/plain\n"
                                             "set-cookie: a=1\nx-y: 1\n"
                                             "set-cookie: b=2",
                                  .body = "short\0stout",
                                  .body_len = 11,
                                  .piece = 1 });
    struct op *op = begin_bytes(
        "http.request",
        "{\"method\":\"POST\",\"url\":\"https://x.test/a?b=1#part\","
        "\"headers\":{\"X-Key\":\"k\"},"
        "\"query\":{\"q\":\"a b\",\"n\":[2,true]}}",
        slice_make("p\0q", 3));
    assert_non_null(op);
    finish(op, 1000);
    assert_false(op->failed);
    assert_string_equal(buf_str(&op->result),
                        "{\"status\":418,\"headers\":{\"content-type\":"
                        "\"text/plain\",\"set-cookie\":\"a=1, b=2\",\"x-y\":"
                        "\"1\"},\"url\":\"https://x.test/a?b=1&q=a%20b&n=2&"
                        "n=true\"}");
    assert_true(op->has_bytes);
    assert_true(
        slice_eq(buf_slice(&op->bytes), slice_make("short\0stout", 11)));
    assert_string_equal(fake_header(&fake->seen[0], "x-key"), "k");
    assert_string_equal(fake_header(&fake->seen[0], "authorization"), "");
    assert_memory_equal(fake->seen[0].body, "p\0q", 3);
    assert_int_equal(fake->seen[0].total_ms, LIMIT_HTTP_TOTAL_MS);
    op_free(op);
}

static void headers_that_are_no_utf8_are_read_as_latin1(void **state)
{
    (void)state;
    fake_on(fake, "GET", "http://x.test/",
            (struct fake_reply) { .headers = "x-name: caf\xe9" });
    assert_string_equal(answer("http.request", "{\"method\":\"GET\",\"url\":"
                                               "\"http://x.test/\"}"),
                        "{\"status\":200,\"headers\":{\"x-name\":"
                        "\"caf\xc3\xa9\"},\"url\":\"http://x.test/\"}");
}

static void bodies_have_a_limit(void **state)
{
    (void)state;
    fake_on(fake, "GET", "/big",
            (struct fake_reply) { .body = "0123456789", .piece = 3 });
    fails("http.request",
          "{\"method\":\"GET\",\"url\":\"https://x.test/big?token=hush\","
          "\"max_bytes\":9}",
          1000, ERR_LIMIT);
    assert_string_equal(err.request, "GET https://x.test/big");
    fake_on(fake, "GET", "/big",
            (struct fake_reply) { .body = "0123456789", .piece = 3 });
    answer("http.request", "{\"method\":\"GET\",\"url\":\"https://x.test/big\","
                           "\"max_bytes\":10}");
}

static void failures_name_the_request_but_no_secret(void **state)
{
    (void)state;
    fake_on(fake, "PUT", "x.test", (struct fake_reply) { .fault = FAKE_LOST });
    fails("http.request",
          "{\"method\":\"PUT\",\"url\":\"https://ann:hush@x.test/p?k=hush\"}",
          1000, ERR_NETWORK);
    assert_true(err.unknown);
    assert_string_equal(err.request, "PUT https://x.test/p");
    assert_int_equal(strncmp(err.text, "PUT https://x.test/p: ", 22), 0);
    assert_null(strstr(err.text + 22, "x.test: "));
}

static void timeout_ends_it(void **state)
{
    (void)state;
    fake_on(fake, "GET", "x.test",
            (struct fake_reply) { .fault = FAKE_SILENT });
    struct op *op =
        begin("http.request", "{\"method\":\"GET\",\"url\":"
                              "\"https://x.test/\",\"timeout\":90}");
    loop_advance(loop, 89000);
    assert_false(op->complete);
    finish(op, 2000);
    assert_int_equal(op->err.kind, ERR_TIMEOUT);
    op_free(op);
}

static void freeing_it_cancels(void **state)
{
    (void)state;
    fake_on(fake, "GET", "x.test",
            (struct fake_reply) { .fault = FAKE_SILENT });
    int before = woken;
    op_free(begin("http.request",
                  "{\"method\":\"GET\",\"url\":\"https://x.test/\"}"));
    assert_int_equal(fake->open, 0);
    assert_int_equal(fake->cancelled, 1);
    loop_advance(loop, 100000);
    assert_int_equal(woken, before);
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *args, *text;
    } cases[] = {
        { "{\"url\":\"https://x/\"}", "method must be" },
        { "{\"method\":\"get\",\"url\":\"https://x/\"}", "method must be" },
        { "{\"method\":\"G T\",\"url\":\"https://x/\"}", "method must be" },
        { "{\"method\":\"CONNECT\",\"url\":\"https://x/\"}", "method must" },
        { "{\"method\":\"GET\"}", "url must be a string" },
        { "{\"method\":\"GET\",\"url\":\"file:///etc/passwd\"}", "url must" },
        { "{\"method\":\"GET\",\"url\":\"x.test/\"}", "url must be" },
        { "{\"method\":\"GET\",\"url\":\"https://x/a b\"}", "url must be" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\\u00e9\"}", "url must" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\\r\\nX: y\"}", "url must" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"headers\":"
          "{\"A\":\"b\\r\\nC: d\"}}",
          "must be a string on one line" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"headers\":"
          "{\"A\":1}}",
          "must be a string on one line" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"headers\":"
          "{\"A:\":\"b\"}}",
          "no name of a header" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"headers\":"
          "{\"\":\"b\"}}",
          "no name of a header" },
        { "{\"method\":\"POST\",\"url\":\"https://x/\",\"headers\":"
          "{\"content-LENGTH\":\"0\"}}",
          "set by the host" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"query\":"
          "{\"a\":{}}}",
          "values of query" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"redirects\":1000}",
          "redirects must be 0 to 20" },
        { "{\"method\":\"GET\",\"url\":\"https://x/\",\"max_bytes\":0}",
          "max_bytes must be" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refused("http.request", cases[i].args, ERR_MISUSE, cases[i].text);
    assert_int_equal(fake->count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_whole_exchange),
        TEST(headers_that_are_no_utf8_are_read_as_latin1),
        TEST(bodies_have_a_limit),
        TEST(failures_name_the_request_but_no_secret),
        TEST(timeout_ends_it),
        TEST(freeing_it_cancels),
        TEST(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
