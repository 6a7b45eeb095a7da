/* layer: json */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json_corpus.h"
#include "json_read.h"
#include "json_scan.h"
#include "limits.h"

/* What the scanner said, as text: one token a word. */
struct trace {
    struct buf log;
    int capture_at; /* capture containers at this depth; -1: none */
    int skip_at;
    struct buf raw; /* of the last captured value */
    bool ended;
    int captures, spoiled;
    const char *fault;
    bool cut;
};

static void token(void *arg, struct json_scan *scan, enum json_token token,
                  struct slice text, int depth)
{
    static const char *const names[] = { "{", "}", "[", "]", "k",
                                         "s", "n", "t", "f", "0" };
    struct trace *t = arg;
    buf_addf(&t->log, "%s%d", names[token], depth);
    if (text.ptr) {
        buf_addc(&t->log, '<');
        buf_add(&t->log, text);
        buf_addc(&t->log, '>');
    }
    buf_addc(&t->log, ' ');
    t->cut = t->cut || json_scan_is_cut(scan);
    if (depth == t->capture_at && token <= JSON_TOKEN_ARRAY_END) {
        buf_clear(&t->raw);
        t->ended = false;
        json_scan_capture(scan); /* not heard unless a container begins */
    } else if (depth == t->skip_at) {
        json_scan_skip(scan);
    }
}

static void capture(void *arg, struct slice piece, const char *fault)
{
    struct trace *t = arg;
    assert_false(t->ended);
    if (piece.ptr) {
        assert_true(piece.len > 0);
        assert_null(fault);
        buf_add(&t->raw, piece);
        return;
    }
    t->ended = true;
    t->captures++;
    t->spoiled += fault != NULL;
    t->fault = fault;
    buf_addf(&t->log, fault ? "!" : "@");
    buf_add(&t->log, buf_slice(&t->raw));
    buf_addc(&t->log, ' ');
}

static void trace_init(struct trace *t, int capture_at, int skip_at)
{
    *t = (struct trace) { .capture_at = capture_at, .skip_at = skip_at };
    buf_init(&t->log, KIB(64));
    buf_init(&t->raw, KIB(64));
}

static void trace_free(struct trace *t)
{
    buf_free(&t->log);
    buf_free(&t->raw);
}

/* Feeds text in pieces of `size` bytes, each a block of its own so that the
 * sanitizer sees a look beyond it, or a look back at one that is gone. */
static int scan(struct trace *t, struct slice text, size_t size,
                struct err *err)
{
    struct json_scan *s = json_scan_new(token, capture, t);
    assert_non_null(s);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < text.len; at += size) {
        size_t len = text.len - at < size ? text.len - at : size;
        char *piece = malloc(len);
        assert_non_null(piece);
        memcpy(piece, text.ptr + at, len);
        rc = json_scan_feed(s, slice_make(piece, len), err);
        free(piece);
    }
    if (rc != 0) { /* it is over for good */
        assert_int_equal(json_scan_feed(s, slice_str(" "), NULL), -1);
        assert_int_equal(json_scan_end(s, err), -1);
    } else {
        rc = json_scan_end(s, err);
    }
    json_scan_free(s);
    return rc;
}

static void agrees(struct slice text, size_t size)
{
    struct trace t;
    struct err read = { 0 }, scanned = { 0 };
    trace_init(&t, -1, -1);
    int a = json_check(text, &read);
    int b = scan(&t, text, size, &scanned);
    if (a != b) {
        fail_msg("%.*s by %zu: read %d (%s), scan %d (%s)", SLICE_ARG(text),
                 size, a, read.text, b, scanned.text);
    }
    assert_true(b == 0 || scanned.kind == ERR_JSON);
    trace_free(&t);
}

static void agrees_with_the_reader(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size += size < 9 ? 1 : 10) {
        for (size_t i = 0; i < COUNT(json_valid); i++) {
            agrees(json_valid[i], size);
        }
        for (size_t i = 0; i < COUNT(json_invalid); i++) {
            agrees(json_invalid[i], size);
        }
    }
}

static unsigned dice(unsigned sides)
{
    static uint64_t state = 42;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % sides;
}

/* Damages a valid text here and there, often so that it stays valid. */
static struct slice damage(struct slice text, char *out)
{
    static const char bytes[] = "{}[]:,\"\\u0dD819eE+-. \n\x80\xbf\xc3\xe2"
                                "\xed\xf0\xf4\xfftfn";
    size_t len = text.len;
    memcpy(out, text.ptr, len);
    for (unsigned n = 1 + dice(3); n > 0 && len > 0; n--) {
        size_t at = dice((unsigned)len);
        switch (dice(3)) {
        case 0:
            out[at] = bytes[dice(sizeof bytes - 1)];
            break;
        case 1:
            memmove(out + at + 1, out + at, len - at);
            out[at] = bytes[dice(sizeof bytes - 1)];
            len++;
            break;
        default:
            memmove(out + at, out + at + 1, --len - at);
        }
    }
    return slice_make(out, len);
}

static void agrees_on_damaged_texts(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char room[256];
        struct slice text = damage(json_valid[dice(COUNT(json_valid))], room);
        agrees(text, 1 + dice(12));
    }
}

/* A captured value is sound exactly when the reader takes it: put each text
 * into an array, capture that, and compare. */
static void captured_is_sound_when_read(void **state)
{
    int sound = 0, spoiled = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char room[256], text[300];
        struct slice inner = damage(json_valid[dice(COUNT(json_valid))], room);
        int len = snprintf(text, sizeof text, "[[%.*s],0]", SLICE_ARG(inner));
        if ((size_t)len != inner.len + 6) {
            continue; /* it holds a NUL */
        }
        struct trace t;
        trace_init(&t, 1, -1);
        if (scan(&t, slice_str(text), 1 + dice(12), NULL) == 0) {
            assert_true(t.captures >= 1);
            if (t.captures == 1) {
                int rc = json_check(buf_slice(&t.raw), NULL);
                assert_int_equal(t.spoiled ? -1 : 0, rc);
                sound += rc == 0;
                spoiled += rc != 0;
            }
        } else {
            assert_int_equal(json_check(slice_str(text), NULL), -1);
        }
        trace_free(&t);
    }
    assert_true(sound > 1000 && spoiled > 100);
}

static void tokens(void **state)
{
    static const struct {
        const char *text, *log;
        int capture_at, skip_at;
    } cases[] = {
        { "{}", "{0 }0 ", -1, -1 },
        { " [ 1 , -2.5e3,\"x\" ,true,false,null ] ",
          "[0 n1<1> n1<-2.5e3> s1<x> t1 f1 01 ]0 ", -1, -1 },
        { "{\"a\\n\\u00e9\":{\"\":[]},\"b\":\"\\ud83d\\ude00!\"}",
          "{0 k1<a\n\xc3\xa9> {1 k2<> [2 ]2 }1 k1<b> "
          "s1<\xf0\x9f\x98\x80!> }0 ",
          -1, -1 },
        { "42", "n0<42> ", -1, -1 },
        { "\"\xe2\x82\xac\"", "s0<\xe2\x82\xac> ", -1, -1 },
        { "[ { \"a\" : [ ] } ,\n[1,[2]],3]",
          "[0 {1 @{ \"a\" : [ ] } [1 @[1,[2]] n1<3> ]0 ", 1, -1 },
        { "[[\"]\\\"\\\\\",\"}\"],{}]",
          "[0 [1 @[\"]\\\"\\\\\",\"}\"] {1 @{} ]0 ", 1, -1 },
        { " {\"a\":1} ", "{0 @{\"a\":1} ", 0, -1 },
        { "{\"a\":{\"b\":[1]},\"c\":[2],\"d\":3}",
          "{0 k1<a> {1 k1<c> [1 k1<d> n1<3> }0 ", -1, 1 },
        { "[[\"\xff\"],[\"\\ud800\"],[\"\n\"],[\"\\q\\u12\"],[1]]",
          "[0 [1 [1 [1 [1 [1 ]0 ", -1, 1 },
        { "[{\"\\udc00\":\"\xc3\"},{\"b\":\"\\ud800\\n\xe2\x82\"},[\"\\ud8\"],"
          "[\"\\ud800\\ud800\"],[\"\t\"],[\"ok\"]]",
          "[0 {1 !{\"\\udc00\":\"\xc3\"} {1 !{\"b\":\"\\ud800\\n\xe2\x82\"} "
          "[1 ![\"\\ud8\"] [1 ![\"\\ud800\\ud800\"] [1 ![\"\t\"] "
          "[1 @[\"ok\"] ]0 ",
          1, -1 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t size = 1; size <= strlen(cases[i].text); size++) {
            struct trace t;
            struct err err = { 0 };
            trace_init(&t, cases[i].capture_at, cases[i].skip_at);
            int rc = scan(&t, slice_str(cases[i].text), size, &err);
            assert_string_equal(err.text, "");
            assert_int_equal(rc, 0);
            assert_string_equal(buf_str(&t.log), cases[i].log);
            trace_free(&t);
        }
    }
}

static void structure_ends_it_even_inside(void **state)
{
    static const char *const cases[] = {
        "[[1,]]", "[[1 2]]", "[{\"a\"}]", "[[tru]]", "[[01]]", "[[1.]]",
        "[[}]",   "[[\"a]]", "[{1:2}]",   "[[1]",    "[[-]]",  "[{,}]",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int skip = 0; skip < 2; skip++) {
            for (size_t size = 1; size < 5; size++) {
                struct trace t;
                trace_init(&t, skip ? -1 : 1, skip ? 1 : -1);
                struct slice text = slice_str(cases[i]);
                assert_int_equal(scan(&t, text, size, NULL), -1);
                trace_free(&t);
            }
        }
    }
}

static void depth_is_bounded(void **state)
{
    static char text[4096];
    static const struct {
        const char *open, *close;
    } kinds[] = { { "[", "]" }, { "{\"[\":", "}" } };
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (size_t n = LIMIT_JSON_DEPTH - 1; n < LIMIT_JSON_DEPTH + 2; n++) {
            size_t len = json_nest(text, n, kinds[k].open, "1", kinds[k].close);
            agrees(slice_make(text, len), 1 + n % 5);
        }
        /* within a captured value its own depth counts */
        for (size_t n = 1; n < 3 * LIMIT_JSON_DEPTH; n += 7) {
            text[0] = '[';
            size_t len = 1 + json_nest(text + 1, n, kinds[k].open, "\"]\\\"}\"",
                                       kinds[k].close);
            memcpy(text + len, ",[7]]", 6);
            struct trace t;
            trace_init(&t, 1, -1);
            assert_int_equal(scan(&t, slice_str(text), 1 + n % 5, NULL), 0);
            assert_int_equal(t.captures, 2);
            assert_int_equal(t.spoiled, n > LIMIT_JSON_DEPTH);
            assert_string_equal(buf_str(&t.raw), "[7]");
            assert_null(t.fault);
            trace_free(&t);
        }
    }
}

/* Keys and strings beyond the limit are cut between characters, and said to
 * be; a number beyond its limit is a fault. */
static void long_scalars(void **state)
{
    static char text[3 * LIMIT_JSON_KEY];
    (void)state;
    for (size_t extra = 0; extra < 4; extra++) {
        for (size_t size = 1; size < 8192; size = size * 3 + 1) {
            size_t n = LIMIT_JSON_KEY - 2 + extra;
            text[0] = '"';
            memset(text + 1, 'x', n);
            memcpy(text + 1 + n, "\xc3\xa9\"", 4);
            struct trace t;
            trace_init(&t, -1, -1);
            assert_int_equal(scan(&t, slice_str(text), size, NULL), 0);
            assert_int_equal(t.cut, n + 2 > LIMIT_JSON_KEY);
            size_t kept = n + 2 <= LIMIT_JSON_KEY ? n + 2
                          : n > LIMIT_JSON_KEY    ? LIMIT_JSON_KEY
                                                  : n;
            assert_int_equal(t.log.len, strlen("s0<> ") + kept);
            trace_free(&t);
        }
    }
    for (size_t n = LIMIT_JSON_NUMBER - 1; n < LIMIT_JSON_NUMBER + 3; n++) {
        memset(text, '1', n);
        text[n] = '\0';
        agrees(slice_make(text, n), n % 7 + 1);
        text[0] = '-';
        agrees(slice_make(text, n), n + 1);
        memcpy(text, "[[1", 3);
        memcpy(text + n, "],[2]]", 7);
        struct trace t;
        trace_init(&t, 1, -1);
        assert_int_equal(scan(&t, slice_str(text), 5, NULL), 0);
        assert_int_equal(t.spoiled, n - 2 > LIMIT_JSON_NUMBER);
        trace_free(&t);
    }
}

static void messages_name_the_byte(void **state)
{
    static const char *const cases[][2] = {
        { "{\"a\" 1}", "byte 5: expected ':'" },
        { "[1,]", "byte 3: expected a value" },
        { "[1", "byte 2: the text ends inside of its value" },
        { "", "byte 0: the text ends inside of its value" },
        { "{} {}", "byte 3: text after the value" },
        { "[\"a\nb\"]", "byte 3: control byte in a string" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t size = 1; size < 8; size++) {
            struct trace t;
            struct err err = { 0 };
            trace_init(&t, -1, -1);
            struct slice text = slice_str(cases[i][0]);
            assert_int_equal(scan(&t, text, size, &err), -1);
            assert_string_equal(err.text, cases[i][1]);
            trace_free(&t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reader),
        cmocka_unit_test(agrees_on_damaged_texts),
        cmocka_unit_test(captured_is_sound_when_read),
        cmocka_unit_test(tokens),
        cmocka_unit_test(structure_ends_it_even_inside),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(long_scalars),
        cmocka_unit_test(messages_name_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
