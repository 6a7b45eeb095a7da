#include "webhook_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call_args.h"
#include "digest.h"
#include "json_read.h"
#include "limits.h"
#include "log.h"

static const struct {
    const char *name, *header;
} kinds[WEBHOOK_KINDS] = {
    [WEBHOOK_OPEN] = { "none", NULL },
    [WEBHOOK_GITHUB] = { "github", "x-hub-signature-256" },
    [WEBHOOK_GITLAB] = { "gitlab", "x-gitlab-token" },
    [WEBHOOK_HMAC] = { "hmac-sha256", "x-signature-256" },
    [WEBHOOK_TOKEN] = { "token", "authorization" },
    [WEBHOOK_FUNCTION] = { "function", NULL },
};

static const char *const known_methods[] = { "GET", "POST", "PUT", "PATCH",
                                             "DELETE" };

/* ---- registering ---- */

static bool is_name(struct slice text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (text.len == 0 || text.len > 64) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!text.ptr[i] || !strchr(good, text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_method(struct slice text)
{
    for (size_t i = 0; i < sizeof known_methods / sizeof *known_methods; i++) {
        if (slice_is(text, known_methods[i])) {
            return true;
        }
    }
    return false;
}

static char *join_methods(struct call_args *args)
{
    struct json_iter it = json_iter(call_args_strings_opt(args, "methods"));
    struct buf list;
    buf_init(&list, KIB(1));
    while (json_next(&it)) {
        struct slice method = call_args_decode(args, it.value);
        if (!is_method(method)) {
            call_args_fault(args, "method can be GET, POST, PUT, PATCH or "
                                  "DELETE, or a list of these");
            break;
        }
        buf_addf(&list, "%s%.*s", list.len ? ", " : "", SLICE_ARG(method));
    }
    if (list.len == 0) {
        buf_adds(&list, "POST");
    }
    char *text = list.failed ? NULL : slice_dup(buf_slice(&list));
    buf_free(&list);
    return text;
}

static enum webhook_verify read_kind(struct call_args *args)
{
    struct slice name = call_args_string(args, "verify");
    for (int i = 0; i < WEBHOOK_KINDS; i++) {
        if (slice_is(name, kinds[i].name)) {
            return (enum webhook_verify)i;
        }
    }
    call_args_fault(args, "verify can be \"github\", \"gitlab\", "
                          "\"hmac-sha256\", \"token\", a function, or false");
    return WEBHOOK_OPEN;
}

static char *read_header(struct call_args *args, enum webhook_verify kind)
{
    struct slice wanted = call_args_string_opt(args, "header");
    char *header = wanted.ptr ? slice_dup(wanted)
                              : slice_dup(slice_str(kinds[kind].header));
    if (wanted.ptr && kind != WEBHOOK_HMAC && kind != WEBHOOK_TOKEN) {
        call_args_fault(args, "header goes with verify = \"hmac-sha256\" or "
                              "\"token\"");
    }
    for (char *p = header; p && *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
    }
    return header;
}

static void read_secret(struct call_args *args, struct webhook *webhook,
                        const char *placeholder)
{
    struct slice secret = call_args_string_opt(args, "secret");
    if (!kinds[webhook->verify].header) {
        if (secret.ptr) {
            call_args_fault(args, "secret goes with a built-in verify");
        }
        return;
    }
    if (secret.ptr) {
        log_add_secret(secret); /* it may stand in the code */
    } else {
        secret = slice_str(placeholder);
    }
    if (slice_empty(secret)) {
        call_args_fault(args,
                        "verify = \"%s\" needs a secret, such as "
                        "bot.secrets.%s; `secrets` of the script in "
                        "lunatrix.lua says where it is kept",
                        kinds[webhook->verify].name, webhook->name);
    }
    buf_add(&webhook->secret, secret);
}

struct webhook *webhook_rule_new(struct op *op, struct slice args,
                                 const char *placeholder, struct err *err)
{
    struct call_args a = call_args_of(op, args, err);
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook) {
        err_set(err, ERR_SYSTEM, "cannot register: out of memory");
        return NULL;
    }
    list_init(&webhook->node);
    buf_init(&webhook->secret, LIMIT_SECRET_FILE);
    webhook->id = (int)call_args_int(&a, "id", 0, 0, INT32_MAX);
    struct slice name = call_args_string(&a, "name");
    if (name.ptr && !is_name(name)) {
        call_args_fault(&a, "the name is part of an address: up to 64 letters, "
                            "digits, - and _");
    }
    webhook->name = slice_dup(name);
    webhook->where = slice_dup(slice_str(call_args_text_opt(&a, "where")));
    webhook->methods = join_methods(&a);
    webhook->verify = read_kind(&a);
    webhook->header = read_header(&a, webhook->verify);
    webhook->max_body = (size_t)call_args_int(
        &a, "max_bytes", LIMIT_WEBHOOK_BODY, 0, LIMIT_WEBHOOK_BODY_MOST);
    read_secret(&a, webhook, placeholder);
    if (call_args_check(&a) != 0) {
        webhook_rule_free(webhook);
        return NULL;
    }
    if (!webhook->name || !webhook->methods || webhook->secret.failed ||
        (kinds[webhook->verify].header && !webhook->header)) {
        webhook_rule_free(webhook);
        err_set(err, ERR_SYSTEM, "cannot register: out of memory");
        return NULL;
    }
    return webhook;
}

void webhook_rule_free(struct webhook *webhook)
{
    if (!webhook) {
        return;
    }
    list_remove(&webhook->node);
    if (webhook->secret.ptr) {
        explicit_bzero(webhook->secret.ptr, webhook->secret.cap);
    }
    buf_free(&webhook->secret);
    free(webhook->name);
    free(webhook->where);
    free(webhook->methods);
    free(webhook->header);
    free(webhook);
}

/* ---- checking ---- */

bool webhook_rule_allows(const struct webhook *webhook, struct slice method)
{
    const char *at = webhook->methods;
    while (*at) {
        size_t len = strcspn(at, ", ");
        if (slice_eq(method, slice_make(at, len))) {
            return true;
        }
        at += len;
        at += strspn(at, ", ");
    }
    return false;
}

/* The header's only value; one that comes twice is none. */
static struct slice proof_in(const struct http_head *head, const char *name)
{
    struct slice found = SLICE_NONE;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_is(head->headers[i].name, name)) {
            continue;
        }
        if (found.ptr) {
            return SLICE_NONE;
        }
        found = head->headers[i].value;
    }
    return found;
}

static bool cut_prefix(struct slice *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || strncasecmp(text->ptr, prefix, len) != 0) {
        return false;
    }
    *text = slice_make(text->ptr + len, text->len - len);
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_hmac(const struct webhook *webhook, struct slice hex,
                    struct slice body)
{
    unsigned char wanted[SHA256_SIZE], given[SHA256_SIZE];
    if (hex.len != 2 * SHA256_SIZE) {
        return false;
    }
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        int high = hex_digit(hex.ptr[2 * i]);
        int low = hex_digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        given[i] = (unsigned char)(high * 16 + low);
    }
    digest_hmac(buf_slice(&webhook->secret), body, wanted);
    return digest_equal(slice_make((char *)given, sizeof given),
                        slice_make((char *)wanted, sizeof wanted));
}

/* By their hashes, so that the time tells nothing of the length either. */
static bool is_secret(const struct webhook *webhook, struct slice given)
{
    unsigned char a[SHA256_SIZE], b[SHA256_SIZE];
    digest_sha256(buf_slice(&webhook->secret), a);
    digest_sha256(given, b);
    return digest_equal(slice_make((char *)a, sizeof a),
                        slice_make((char *)b, sizeof b));
}

bool webhook_rule_verify(const struct webhook *webhook,
                         const struct http_head *head, struct slice body)
{
    struct slice proof =
        webhook->header ? proof_in(head, webhook->header) : SLICE_NONE;
    bool own = webhook->header && strcmp(webhook->header, "authorization") != 0;
    switch (webhook->verify) {
    case WEBHOOK_GITHUB:
        return cut_prefix(&proof, "sha256=") && is_hmac(webhook, proof, body);
    case WEBHOOK_HMAC:
        cut_prefix(&proof, "sha256=");
        return is_hmac(webhook, proof, body);
    case WEBHOOK_GITLAB:
        return proof.ptr && is_secret(webhook, proof);
    case WEBHOOK_TOKEN:
        return proof.ptr && (own || cut_prefix(&proof, "Bearer ")) &&
               is_secret(webhook, proof);
    case WEBHOOK_OPEN:
    case WEBHOOK_FUNCTION:
    case WEBHOOK_KINDS:
        break;
    }
    return true;
}

bool webhook_rule_is_token(const struct webhook *webhook, struct slice name)
{
    return (webhook->verify == WEBHOOK_TOKEN ||
            webhook->verify == WEBHOOK_GITLAB) &&
           slice_is(name, webhook->header);
}

int webhook_rule_sign(const struct webhook *webhook, struct slice body,
                      struct buf *out)
{
    unsigned char sum[SHA256_SIZE];
    if (webhook->verify == WEBHOOK_GITHUB || webhook->verify == WEBHOOK_HMAC) {
        digest_hmac(buf_slice(&webhook->secret), body, sum);
        buf_adds(out, "sha256=");
        return digest_hex(slice_make((char *)sum, sizeof sum), out);
    }
    if (!webhook->header) {
        return 0;
    }
    if (strcmp(webhook->header, "authorization") == 0) {
        buf_adds(out, "Bearer ");
    }
    return buf_add(out, buf_slice(&webhook->secret));
}
