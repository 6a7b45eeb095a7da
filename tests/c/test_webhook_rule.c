/* layer: script */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "webhook_rule.h"

#define S(text) slice_str(text)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))
/* HMAC-SHA256 of "body" with "key", by another program */
#define SUM "515aae133b435d4000956731f68ae5cf5eb85d4f0dc6a546d2bfcd3595ec1ae1"

static const struct row {
    enum webhook_verify verify;
    const char *header; /* of the rule */
    struct {
        const char *name, *value;
    } sent[2];
    bool taken;
} rows[] = {
    { WEBHOOK_OPEN, NULL, { { NULL, NULL } }, true },
    { WEBHOOK_FUNCTION, NULL, { { NULL, NULL } }, true },

    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer key" } },
      true },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "bEARER key" } },
      true },
    { WEBHOOK_TOKEN, "authorization", { { "authorization", "key" } }, false },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer" } },
      false },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer " } },
      false },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer  key" } },
      false },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer KEY" } },
      false },
    { WEBHOOK_TOKEN, "authorization", { { "authorization", "" } }, false },
    { WEBHOOK_TOKEN, "authorization", { { "x", "Bearer key" } }, false },
    { WEBHOOK_TOKEN, "authorization", { { NULL, NULL } }, false },
    /* which of two would a proxy have looked at? */
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer key" }, { "authorization", "Bearer x" } },
      false },
    { WEBHOOK_TOKEN,
      "authorization",
      { { "authorization", "Bearer key" }, { "authorization", "Bearer key" } },
      false },
    { WEBHOOK_TOKEN, "x-key", { { "x-key", "key" } }, true },
    { WEBHOOK_TOKEN, "x-key", { { "x-key", "Bearer key" } }, false },
    { WEBHOOK_TOKEN, "x-key", { { "x-key", "keykey" } }, false },

    { WEBHOOK_GITLAB, "x-gitlab-token", { { "x-gitlab-token", "key" } }, true },
    { WEBHOOK_GITLAB, "x-gitlab-token", { { "x-gitlab-token", "ke" } }, false },
    { WEBHOOK_GITLAB, "x-gitlab-token", { { NULL, NULL } }, false },

    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", "sha256=" SUM } }, true },
    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", SUM } }, false },
    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", "sha1=" SUM } }, false },
    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", "sha256=" } }, false },
    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", "sha256=" SUM "00" } }, false },
    { WEBHOOK_GITHUB, "x-sum", { { "x-sum", "" } }, false },
    { WEBHOOK_GITHUB, "x-sum", { { NULL, NULL } }, false },
    { WEBHOOK_HMAC, "x-sum", { { "x-sum", SUM } }, true },
    { WEBHOOK_HMAC, "x-sum", { { "x-sum", "SHA256=" SUM } }, true },
    { WEBHOOK_HMAC, "x-sum", { { "x-sum", SUM }, { "x-sum", SUM } }, false },
    { WEBHOOK_HMAC, "x-sum", { { NULL, NULL } }, false },
};

static bool ask(const struct row *row, const char *body)
{
    char header[32] = "";
    struct http_header sent[2];
    struct http_head head = { .headers = sent };
    struct webhook webhook = { .verify = row->verify,
                               .header = row->header ? header : NULL };

    snprintf(header, sizeof(header), "%s", row->header ? row->header : "");
    for (int i = 0; i < 2 && row->sent[i].name; i++)
        sent[head.header_count++] =
            (struct http_header) { S(row->sent[i].name),
                                   S(row->sent[i].value) };
    buf_init(&webhook.secret, 100);
    buf_adds(&webhook.secret, "key");
    bool taken = webhook_rule_verify(&webhook, &head, S(body));
    buf_free(&webhook.secret);
    return taken;
}

static void only_who_has_the_secret_comes_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool signs =
            rows[i].verify == WEBHOOK_GITHUB || rows[i].verify == WEBHOOK_HMAC;
        if (ask(&rows[i], "body") != rows[i].taken)
            fail_msg("row %zu", i);
        if (signs && (ask(&rows[i], "Body") || ask(&rows[i], "")))
            fail_msg("row %zu: another body", i);
    }
}

static void what_is_signed_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char header[32] = "";
        struct buf proof;
        struct webhook webhook = { .verify = rows[i].verify,
                                   .header = rows[i].header ? header : NULL };
        snprintf(header, sizeof(header), "%s",
                 rows[i].header ? rows[i].header : "");
        buf_init(&proof, 100);
        buf_init(&webhook.secret, 100);
        buf_adds(&webhook.secret, "another key");
        assert_int_equal(webhook_rule_sign(&webhook, S("x"), &proof), 0);
        struct http_header sent = { S(header), buf_slice(&proof) };
        struct http_head head = { .headers = &sent, .header_count = 1 };
        assert_true(webhook_rule_verify(&webhook, &head, S("x")));
        buf_free(&proof);
        buf_free(&webhook.secret);
    }
}

static void methods_are_whole_words(void **state)
{
    static char methods[] = "GET, POST";
    struct webhook webhook = { .methods = methods };

    (void)state;
    assert_true(webhook_rule_allows(&webhook, S("GET")));
    assert_true(webhook_rule_allows(&webhook, S("POST")));
    assert_false(webhook_rule_allows(&webhook, S("post")));
    assert_false(webhook_rule_allows(&webhook, S("POS")));
    assert_false(webhook_rule_allows(&webhook, S("GET, POST")));
    assert_false(webhook_rule_allows(&webhook, S("HEAD")));
    assert_false(webhook_rule_allows(&webhook, S("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_has_the_secret_comes_in),
        cmocka_unit_test(what_is_signed_is_taken),
        cmocka_unit_test(methods_are_whole_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
