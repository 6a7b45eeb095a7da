/* bench_json [FILE]: how fast JSON is read and scanned, in MB/s. Without a
 * file a text like a /sync response is made up. Links: json. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json_read.h"
#include "json_scan.h"

#define SIZE ((size_t)32 * 1024 * 1024)
#define PIECE ((size_t)16 * 1024) /* as curl hands them out */

static size_t tokens, captured;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_up(struct buf *out)
{
    buf_adds(out, "[");
    for (unsigned i = 0; out->len < SIZE - 1024; i++) {
        buf_addf(
            out,
            "%s{\"type\":\"m.room.message\",\"sender\":\"@user%u:example."
            "org\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"This is "
            "message %u, with \\\"quotes\\\" and %s\"},"
            "\"origin_server_ts\":1700000%06u,\"unsigned\":{\"age\":%u},"
            "\"event_id\":\"$abcdefghijklmnopqrstuvwxyz0123456789-_%05u\"}",
            i ? "," : "", i % 997, i,
            i % 4 ? "plain text to its end"
                  : "gr\xc3\xbc\xc3\x9f"
                    "e",
            i % 1000000, i % 5000, i % 100000);
    }
    buf_adds(out, "]");
}

static int load(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    size_t n;
    do {
        char *to = buf_reserve(out, PIECE);
        n = to ? fread(to, 1, PIECE, file) : 0;
        if (n > 0) {
            buf_added(out, n);
        }
    } while (n > 0);
    fclose(file);
    return out->failed ? -1 : 0;
}

static int read_check(struct slice text)
{
    return json_check(text, NULL);
}

static int read_walk(struct slice text)
{
    struct json_iter it = json_iter(text);
    while (json_next(&it)) {
        tokens += json_get(json_get(it.value, "content"), "body").len;
    }
    return 0;
}

static void count(void *arg, struct json_scan *scan, enum json_token token,
                  struct slice text, int depth)
{
    (void)arg;
    (void)scan;
    (void)token;
    (void)depth;
    tokens += text.len + 1;
}

static void capture_items(void *arg, struct json_scan *scan,
                          enum json_token token, struct slice text, int depth)
{
    count(arg, scan, token, text, depth);
    if (depth == 1) {
        json_scan_capture(scan);
    }
}

static void skip_items(void *arg, struct json_scan *scan, enum json_token token,
                       struct slice text, int depth)
{
    count(arg, scan, token, text, depth);
    if (depth == 1) {
        json_scan_skip(scan);
    }
}

static void sink(void *arg, struct slice piece, const char *fault)
{
    (void)arg;
    (void)fault;
    captured += piece.len;
}

static int scan_with(json_token_fn *token, struct slice text)
{
    struct json_scan *scan = json_scan_new(token, sink, NULL);
    int rc = scan ? 0 : -1;
    for (size_t at = 0; rc == 0 && at < text.len; at += PIECE) {
        size_t len = text.len - at < PIECE ? text.len - at : PIECE;
        rc = json_scan_feed(scan, slice_make(text.ptr + at, len), NULL);
    }
    rc = rc ? rc : json_scan_end(scan, NULL);
    json_scan_free(scan);
    return rc;
}

static int scan_tokens(struct slice text)
{
    return scan_with(count, text);
}

static int scan_capture(struct slice text)
{
    return scan_with(capture_items, text);
}

static int scan_skip(struct slice text)
{
    return scan_with(skip_items, text);
}

static int measure(const char *name, int run(struct slice text),
                   struct slice text)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double start = now();
        if (run(text) != 0) {
            fprintf(stderr, "%s: not JSON\n", name);
            return -1;
        }
        double took = now() - start;
        best = took < best ? took : best;
    }
    printf("%-13s %7.0f MB/s\n", name, (double)text.len / best / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct slice text);
    } runs[] = {
        { "read check", read_check },   { "read walk", read_walk },
        { "scan tokens", scan_tokens }, { "scan capture", scan_capture },
        { "scan skip", scan_skip },
    };
    struct buf text;
    int rc = 0;
    buf_init(&text, argc > 1 ? (size_t)1 << 32 : SIZE);
    if (argc < 2) {
        make_up(&text);
    } else if (load(argv[1], &text) != 0) {
        fprintf(stderr, "bench_json: cannot read %s\n", argv[1]);
        rc = -1;
    }
    for (size_t i = 0; rc == 0 && i < sizeof runs / sizeof *runs; i++) {
        rc = measure(runs[i].name, runs[i].run, buf_slice(&text));
    }
    buf_free(&text);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
