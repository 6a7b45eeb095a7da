/* layer: text */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "html.h"
#include "limits.h"
#include "markdown.h"

static const struct {
    const char *in, *out;
} rows[] = {
    { "", "" },
    { "plain", "plain" },
    { "**bold** and *soft*", "<strong>bold</strong> and <em>soft</em>" },
    { "a & b", "a &amp; b" },
    { "one\n\ntwo", "<p>one</p>\n<p>two</p>" },
    { "one\ntwo", "one<br />\ntwo" },
    { "# Head\ntext", "<h1>Head</h1>\n<p>text</p>" },
    { "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>" },
    { "3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>" },
    { "> old", "<blockquote>\n<p>old</p>\n</blockquote>" },
    { "```lua\na < b\n```",
      "<pre><code class=\"language-lua\">a &lt; b\n</code></pre>" },
    { "`a<b`", "<code>a&lt;b</code>" },
    /* HTML in the text */
    { "a <b>c</b>", "a &lt;b&gt;c&lt;/b&gt;" },
    { "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;" },
    { "<div>\n*x*\n</div>\n\ny", "<p>&lt;div&gt;<br />\n*x*<br />\n"
                                 "&lt;/div&gt;</p>\n<p>y</p>" },
    { "a <!-- b --> c", "a &lt;!-- b --&gt; c" },
    { "<mx-reply>x</mx-reply>", "&lt;mx-reply&gt;x&lt;/mx-reply&gt;" },
    /* links */
    { "[x](https://a.org/?b&c \"title\")",
      "<a href=\"https://a.org/?b&amp;c\">x</a>" },
    { "<https://a.org>", "<a href=\"https://a.org\">https://a.org</a>" },
    { "<me@a.org>", "<a href=\"mailto:me@a.org\">me@a.org</a>" },
    { "[x](HTTPS://a.org)", "<a href=\"HTTPS://a.org\">x</a>" },
    { "[*x*](javascript:alert(1))", "<em>x</em>" },
    { "[x](JaVaScRiPt:alert(1)) [y](data:text/html,z)", "x y" },
    { "[x](&#106;avascript:alert(1))", "x" },
    { "[x](/local) [y]() [z](//host)", "x y z" },
    { "[x](\"onclick=)", "x" },
    /* images */
    { "![a *cat*](mxc://a.org/b \"t\")",
      "<img src=\"mxc://a.org/b\" alt=\"a cat\" title=\"t\" />" },
    { "![cat](https://a.org/c.png)",
      "<a href=\"https://a.org/c.png\">cat</a>" },
    { "![](https://a.org/c)",
      "<a href=\"https://a.org/c\">https://a.org/c</a>" },
    { "![cat](data:image/png;base64,AA)", "cat" },
    { "[![cat](https://a.org/c.png)](https://b.org)",
      "<a href=\"https://b.org\">cat</a>" },
    { "![[x](https://b.org)](https://a.org)",
      "<a href=\"https://a.org\">x</a>" },
    { "[![cat](mxc://a/b)](https://b.org)",
      "<a href=\"https://b.org\"><img src=\"mxc://a/b\" alt=\"cat\" /></a>" },
};

static void each_text_becomes_what_matrix_allows(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, MIB(1));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&out);
        assert_int_equal(markdown_to_html(slice_str(rows[i].in), &out), 0);
        if (strcmp(buf_str(&out), rows[i].out) != 0) {
            fail_msg("%s\ngave   %s\nwanted %s", rows[i].in, buf_str(&out),
                     rows[i].out);
        }
    }
    buf_clear(&out);
    assert_int_equal(markdown_to_html(SLICE_NONE, &out), 0);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void its_text_is_readable(void **state)
{
    struct buf html, text;
    (void)state;
    buf_init(&html, MIB(1));
    buf_init(&text, MIB(1));
    markdown_to_html(slice_str("# T\n\n**a**\nb [l](https://x)\n\n- c"), &html);
    assert_int_equal(html_to_text(buf_slice(&html), &text), 0);
    assert_string_equal(buf_str(&text), "T\n\na\nb l (https://x)\n\n- c");
    buf_free(&html);
    buf_free(&text);
}

/* Deep nesting and openings without an end, as much as may come. */
static void hostile_text_ends(void **state)
{
    static const char *const units[] = { ">",  "*",    "_a ",   "[",     "![",
                                         "`",  "<a ",  "[a](",  "**a ",  "&#",
                                         "- ", "<!--", "\n1. ", "[[]](", "\0" };
    struct buf in, out;
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        buf_init(&in, LIMIT_MARKDOWN + KIB(1));
        buf_init(&out, MIB(8));
        while (in.len < LIMIT_MARKDOWN - 8) {
            buf_add(&in,
                    slice_make(units[i], *units[i] ? strlen(units[i]) : 1));
        }
        assert_int_equal(markdown_to_html(buf_slice(&in), &out), 0);
        buf_free(&in);
        buf_free(&out);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    struct buf in, out;
    (void)state;
    buf_init(&in, LIMIT_MARKDOWN + 1);
    buf_init(&out, 4);
    while (in.len <= LIMIT_MARKDOWN) {
        buf_addc(&in, 'x');
    }
    assert_int_equal(markdown_to_html(buf_slice(&in), &out), -1);
    assert_int_equal(markdown_to_html(slice_str("*too long*"), &out), -1);
    buf_free(&in);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_becomes_what_matrix_allows),
        cmocka_unit_test(its_text_is_readable),
        cmocka_unit_test(hostile_text_ends),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
