/* layer: text */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "html.h"
#include "limits.h"

struct html_case {
    const char *in, *out;
};

static void check(int (*fn)(struct slice, struct buf *),
                  const struct html_case *cases, size_t count)
{
    struct buf out;

    buf_init(&out, MIB(1));
    for (size_t i = 0; i < count; i++) {
        buf_clear(&out);
        assert_int_equal(fn(slice_str(cases[i].in), &out), 0);
        if (strcmp(buf_str(&out), cases[i].out) != 0)
            fail_msg("%s\ngave   %s\nwanted %s", cases[i].in, buf_str(&out),
                     cases[i].out);
    }
    buf_free(&out);
}

static void escaping(void **state)
{
    static const struct html_case cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "<a href=\"x\">'&'</a>",
          "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;" },
    };

    (void)state;
    check(html_escape, cases, sizeof cases / sizeof *cases);
}

static void unescaping(void **state)
{
    static const struct html_case cases[] = {
        { "&lt;&gt;&amp;&quot;&apos;&#39;", "<>&\"''" },
        { "&#65;&#x42;&#X43;&euro;", "ABC\u20ac" },
        { "&#128512; &#x1F600;", "\U0001F600 \U0001F600" },
        { "&#0;&#xd800;&#99999999;", "\ufffd\ufffd\ufffd" },
        { "a & b &unknown; &; &#; &#x; &#xg; &amp", "a & b &unknown; &; &#; "
                                                    "&#x; &#xg; &amp" },
        { "&amp;lt;", "&lt;" },
        { "&&amp;&", "&&&" },
    };

    (void)state;
    check(html_unescape, cases, sizeof cases / sizeof *cases);
}

static void text_of_html(void **state)
{
    static const struct html_case cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "a <b>bold</b> <i>word</i>", "a bold word" },
        { "<p>one</p><p>two</p>", "one\n\ntwo" },
        { "one<br>two<br/>three", "one\ntwo\nthree" },
        { "  much \n\n blank   ", "much blank" },
        { "<ul><li>a</li><li>b</li></ul>after", "- a\n- b\nafter" },
        { "<ol><li>a<li>b</ol>", "1. a\n2. b" },
        { "<ul><li>a<ol><li>x</li></ol></li><li>b</li></ul>",
          "- a\n  1. x\n- b" },
        { "<a href=\"https://x.org/?a&amp;b\">link</a>",
          "link (https://x.org/?a&b)" },
        { "<a href='https://x.org'>https://x.org</a>", "https://x.org" },
        { "<a href=\"https://x.org/?a&amp;b\">https://x.org/?a&amp;b</a>",
          "https://x.org/?a&b" },
        { "<a href=\"https://x.org\"></a><a href=\"\">y</a>", "y" },
        { "<a href=\"https://matrix.to/#/@a:x\">Ann</a>: hi", "Ann: hi" },
        { "<pre><code>a\n  b\n</code></pre>", "a\n  b" },
        { "<mx-reply><blockquote>old</blockquote></mx-reply>new", "new" },
        { "<script>alert(1)</script>ok<style>p{}</style>", "ok" },
        { "a<!-- note -->b", "ab" },
        { "1 < 2 &amp; 3 > 2", "1 < 2 & 3 > 2" },
        { "x <", "x <" },
        { "</ul></ol></li>x", "x" },
        { "<p>a</p>\n<p>b</p>", "a\n\nb" },
    };

    (void)state;
    check(html_to_text, cases, sizeof cases / sizeof *cases);
}

static void fallbacks_go(void **state)
{
    static const struct html_case bodies[] = {
        { "plain", "plain" },
        { "> <@a:x> hello\n\nanswer", "answer" },
        { "> a\n> b\n\nc\n> d", "c\n> d" },
        { "> only", "" },
        { ">not a quote", ">not a quote" },
        { "> a\n>\n> b\n\nc", "c" },
    };
    static const struct html_case htmls[] = {
        { "<mx-reply>x</mx-reply>y", "y" },
        { "<MX-Reply a=b>x</MX-REPLY>y", "y" },
        { "<mx-reply>never closed", "<mx-reply>never closed" },
        { "y<mx-reply>x</mx-reply>", "y<mx-reply>x</mx-reply>" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_true(slice_is(html_strip_body_fallback(slice_str(bodies[i].in)),
                             bodies[i].out));
    for (size_t i = 0; i < sizeof htmls / sizeof *htmls; i++)
        assert_true(
            slice_is(html_strip_reply(slice_str(htmls[i].in)), htmls[i].out));
}

/* Hostile texts that make a careless reader quadratic: a million bytes each
 * would not end here in the lifetime of a test run. */
static void hostile_text_is_read_in_one_pass(void **state)
{
    static const char *const units[] = { "<",         "&",       "<a href=",
                                         "<mx-reply", "<script", "<ol><li>",
                                         "<pre>",     "&#x41",   "<!--" };
    struct buf in, out;

    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        buf_init(&in, MIB(2));
        buf_init(&out, MIB(32));
        while (in.len < MIB(1))
            buf_adds(&in, units[i]);
        buf_addc(&in, '>');
        assert_int_equal(html_to_text(buf_slice(&in), &out), 0);
        buf_clear(&out);
        assert_int_equal(html_unescape(buf_slice(&in), &out), 0);
        html_strip_reply(buf_slice(&in));
        buf_free(&in);
        buf_free(&out);
    }
}

static void a_full_buffer_is_told(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4);
    assert_int_equal(html_escape(slice_str("<<<"), &out), -1);
    buf_clear(&out);
    assert_int_equal(html_to_text(slice_str("too long"), &out), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escaping),
        cmocka_unit_test(unescaping),
        cmocka_unit_test(text_of_html),
        cmocka_unit_test(fallbacks_go),
        cmocka_unit_test(hostile_text_is_read_in_one_pass),
        cmocka_unit_test(a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
