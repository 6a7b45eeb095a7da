/* layer: engine */
#include "script_fixture.h"

static const struct {
    const char *code, *want; /* JSON returned, or part of the error */
} rows[] = {
    { "return core.json_encode({ a = 1.5 })", "\"{\\\"a\\\":1.5}\"" },
    { "return core.json_encode({ a = 10 / 2 }, 'm')", "\"{\\\"a\\\":5}\"" },
    { "return core.json_encode({ b = 1, a = 2 }, 's')",
      "\"{\\\"a\\\":2,\\\"b\\\":1}\"" },
    { "return core.json_encode({ 1 }, 'p')", "\"[\\n  1\\n]\"" },
    { "return core.json_encode(nil)", "\"null\"" },
    { "return core.json_encode({})", "\"{}\"" },
    { "return core.json_encode(core.json_decode('[]'))", "\"[]\"" },
    { "core.json_encode({ a = 1.5 }, 'm')", "a is a fraction" },
    { "core.json_encode({ a = { print } })", "a[1] is a function" },
    { "core.json_encode({}, 'x')", "flags are m, p and s" },
    { "core.json_encode()", "value expected" },
    { "core.json_encode(('x'):rep(9e6))", "the JSON" },
    { "return { core.json_decode('{\"a\":null}').a == core.null, "
      "math.type(core.json_decode('1')), core.json_decode('false') }",
      "[true,\"integer\",false]" },
    { "local v, e = core.json_decode('[1,]') return { v == nil, type(e) }",
      "[true,\"string\"]" },
    { "return core.json_decode('null') == core.null", "true" },
    { "core.json_decode({})", "string expected" },
    { "return core.html_escape('<a & \"b\">')",
      "\"&lt;a &amp; &quot;b&quot;&gt;\"" },
    { "return core.html_unescape('&lt;&amp;&#x41;')", "\"<&A\"" },
    { "return core.html_to_text('<b>x</b><br>y')", "\"x\\ny\"" },
    { "return core.strip_body('> <@a:b> hi\\n\\nanswer')", "\"answer\"" },
    { "return core.strip_html('<mx-reply>x</mx-reply>y')", "\"y\"" },
    { "return core.strip_body('')", "\"\"" },
    { "return core.url_encode('!a:b/c d')", "\"%21a%3Ab%2Fc%20d\"" },
    { "core.url_encode()", "string expected" },
    { "return core.markdown('**a** <b>')", "\"<strong>a</strong> &lt;b&gt;\"" },
    { "return { core.markdown(('x'):rep(65537)) == nil, "
      "select(2, core.markdown(('x'):rep(65537))) }",
      "[true,\"Markdown of more than 65536 bytes\"]" },
    { "return core.hex(core.sha256(''))",
      "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"" },
    { "return core.hex(core.hmac('key', 'text'))",
      "\"6afa9046a9579cad143a384c1b564b9a250d27d6f6a63f9f20bf3a7594c9e2c6\"" },
    { "return { core.equal('a', 'a'), core.equal('a', 'b'), "
      "core.equal('a', 'ab') }",
      "[true,false,false]" },
    { "return { core.base64_encode('a?>'), core.base64_decode('YT8-'), "
      "core.base64_decode('YQ'), core.base64_decode('Y') == nil }",
      "[\"YT8+\",\"a?>\",\"a\",true]" },
    { "return { #core.random(64), core.random(16) ~= core.random(16) }",
      "[64,true]" },
    { "core.random(65)", "too many bytes" },
    { "return { core.now(), core.monotonic() > 0 }", "[1767225600.0,true]" },
    { "matrix.wait(2.5) return core.now()", "1767225602.5" },
};

static void pure_functions(void **state)
{
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text,
                 "local core = matrix.core\nbot.on(function() %s end)",
                 rows[i].code);
        fixture_load(text);
        const struct fixture_end *end = fixture_run(1);
        const char *got = end->end == TASK_DONE ? end->value : end->text;
        if (end->end == TASK_DONE ? strcmp(got, rows[i].want) != 0
                                  : !strstr(got, rows[i].want)) {
            fail_msg("%s\ngave <%s>", rows[i].code, got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pure_functions, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
