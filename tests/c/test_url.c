/* layer: net */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "limits.h"
#include "transport_fake.h"
#include "url.h"

#define S(text) slice_make(text, sizeof(text) - 1)

static void encodes_every_byte_but_the_unreserved(void **state)
{
    char all[256];
    struct buf out, back;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    buf_init(&out, LIMIT_HTTP_URL);
    buf_init(&back, LIMIT_HTTP_URL);
    assert_int_equal(url_encode(slice_make(all, 256), &out), 0);
    for (size_t i = 0; i < out.len; i++) {
        unsigned byte = (unsigned char)out.ptr[i];
        if (out.ptr[i] == '%') {
            assert_int_equal(sscanf(out.ptr + i + 1, "%2X", &byte), 1);
            i += 2;
        } else {
            assert_true(byte < 128 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "abcdefghijklmnopqrstuvwxyz"
                                             "0123456789-._~",
                                             (int)byte));
        }
        buf_addc(&back, (char)byte);
    }
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.ptr, all, 256);
    buf_free(&back);
    buf_free(&out);
}

static void paths_and_queries(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, LIMIT_HTTP_URL);
    url_path(&out, "/rooms/{}/redact/{}/{}", 3, S("!a:b"), S("$x/y+z"),
             S("t 1"));
    assert_string_equal(buf_str(&out),
                        "/rooms/%21a%3Ab/redact/%24x%2Fy%2Bz/t%201");
    buf_clear(&out);
    url_path(&out, "/state/{}/{}", 2, S(".."), S(""));
    assert_string_equal(buf_str(&out), "/state/%2E%2E/");
    buf_clear(&out);
    url_path(&out, "/a/{}/b", 1, S("."));
    assert_string_equal(buf_str(&out), "/a/%2E/b");
    buf_clear(&out);
    url_path(&out, "/a/{}/{}", 1, S("...")); /* fewer than holes */
    assert_string_equal(buf_str(&out), "/a/.../{}");
    buf_clear(&out);
    url_query(&out, S("via"), S("a:1"));
    url_query(&out, S("via"), S("b+c d"));
    assert_string_equal(buf_str(&out), "via=a%3A1&via=b%2Bc%20d");
    buf_free(&out);

    buf_init(&out, 8);
    assert_int_equal(url_path(&out, "/{}", 1, S("!!!!!!!!")), -1);
    buf_free(&out);
}

static void base_urls(void **state)
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } cases[] = {
        { "https://example.org", "https://example.org" },
        { "https://example.org/", "https://example.org" },
        { "HTTPS://Example.org//", "https://Example.org" },
        { "http://127.0.0.1:8008", "http://127.0.0.1:8008" },
        { "https://[::1]:8448/", "https://[::1]:8448" },
        { "https://example.org/matrix/x/", "https://example.org/matrix/x" },
        { "https://example.org/a%20b", "https://example.org/a%20b" },
        { "", NULL },
        { "example.org", NULL },
        { "ftp://example.org", NULL },
        { "file:///etc/passwd", NULL },
        { "https://", NULL },
        { "https:///path", NULL },
        { "https://:8448", NULL },
        { "https://user@example.org", NULL },
        { "https://127.0.0.1:80@example.org", NULL },
        { "https://example.org?x=1", NULL },
        { "https://example.org/?x=1", NULL },
        { "https://example.org#top", NULL },
        { "https://example.org:port", NULL },
        { "https://example.org:", NULL },
        { "https://example.org:123456", NULL },
        { "https://exa mple.org", NULL },
        { "https://example.org\r\nX: y", NULL },
        { "https://example.org\\@evil.org", NULL },
        { "https://ex\xc3\xa4mple.org", NULL },
        { "https://[::1", NULL },
        { "https://[]", NULL },
        { "https://[::1]x", NULL },
        { "https://example.org/a/../b", NULL },
        { "https://example.org/a b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf out;
        struct err err;
        int rc;
        buf_init(&out, LIMIT_HTTP_URL);
        rc = url_check_base(slice_str(cases[i].in), &out, &err);
        if (rc != (cases[i].out ? 0 : -1))
            fail_msg("%s: %d", cases[i].in, rc);
        if (cases[i].out)
            assert_string_equal(buf_str(&out), cases[i].out);
        else
            assert_int_equal(err.kind, ERR_CONFIG);
        buf_free(&out);
    }
}

static void loopback(void **state)
{
    static const char *const yes[] = {
        "http://localhost",       "http://LocalHost:8008/_matrix",
        "http://127.0.0.1:1",     "http://127.255.3.4/x?y@z",
        "https://[::1]:8448/a#b",
    };
    static const char *const no[] = {
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://127.1",
        "http://2130706433",
        "http://0177.0.0.1",
        "http://127.0.0.256",
        "http://127.0.0.1@example.org",
        "http://127.0.0.1:1@example.org",
        "http://example.org#@127.0.0.1",
        "http://127.0.0.1\\@example.org",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
        "http://127.0.0.1.",
        "http://10.127.0.1",
        "http://",
        "localhost",
        "http://127.0.0.01",
        "http://127..0.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        if (!url_is_loopback(slice_str(yes[i])))
            fail_msg("%s is loopback", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
        if (url_is_loopback(slice_str(no[i])))
            fail_msg("%s is not loopback", no[i]);
}

static void head_lookup_and_copy(void **state)
{
    char name[] = "retry-after", value[] = "12";
    struct http_header headers[] = { { S("date"), S("today") },
                                     { slice_str(name), slice_str(value) },
                                     { S("empty"), S("") } };
    struct http_head head = { 429, headers, 3, S("https://x/y"), 7 };
    struct http_head *copy = http_head_dup(&head);

    (void)state;
    assert_non_null(copy);
    memset(name, 'x', sizeof(name) - 1);
    memset(value, 'x', sizeof(value) - 1);
    assert_true(slice_is(http_head_get(copy, "retry-after"), "12"));
    assert_true(slice_is(http_head_get(copy, "empty"), ""));
    assert_non_null(http_head_get(copy, "empty").ptr);
    assert_null(http_head_get(copy, "etag").ptr);
    assert_null(http_head_get(NULL, "etag").ptr);
    assert_int_equal(copy->status, 429);
    assert_true(slice_is(copy->url, "https://x/y"));
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_every_byte_but_the_unreserved),
        cmocka_unit_test(paths_and_queries),
        cmocka_unit_test(base_urls),
        cmocka_unit_test(loopback),
        cmocka_unit_test(head_lookup_and_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
