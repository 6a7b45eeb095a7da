#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "webhook.h"
#include "world.h"

/* A web hook called without a network: the request goes where one from the
 * network would go once it is read. */

#define STEP_MS 100

struct visit {
    bool done;
    struct buf *out, *bytes;
    struct err err;
    int result;
};

static void on_answer(void *arg, const struct listen_answer *answer)
{
    struct visit *visit = arg;
    struct json_writer w;

    visit->done = true;
    json_writer_init(&w, visit->out);
    json_object_begin(&w);
    json_member_int(&w, "status", answer->status);
    json_key(&w, "headers");
    json_object_begin(&w);
    for (size_t i = 0; i < answer->header_count; i++) {
        struct http_header header = answer->headers[i];
        char *name = slice_dup(header.name);
        for (char *p = name; p && *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
        json_member_string(&w, name ? name : "", header.value);
        free(name);
    }
    json_object_end(&w);
    json_object_end(&w);
    buf_add(visit->bytes, answer->body);
    visit->result = json_finish(&w, "the answer", &visit->err);
    if (visit->result == 0)
        visit->result = buf_check(visit->bytes, "the answer", &visit->err);
}

/* The request's headers, and the proof that the script wants. */
struct head {
    struct http_header fields[LIMIT_LISTEN_FIELDS];
    size_t count;
    struct buf texts[2 * LIMIT_LISTEN_FIELDS]; /* what fields point to */
};

static void add_field(struct head *head, struct slice name, struct slice value)
{
    struct buf *texts = &head->texts[2 * head->count];

    buf_init(&texts[0], KIB(1));
    buf_init(&texts[1], LIMIT_LISTEN_HEADERS);
    buf_add(&texts[0], name);
    buf_add(&texts[1], value);
    head->fields[head->count++] =
        (struct http_header) { buf_slice(&texts[0]), buf_slice(&texts[1]) };
}

static int read_fields(struct head *head, struct slice headers, struct err *err)
{
    struct json_iter it = json_iter(headers);

    while (json_next(&it)) {
        char *name = json_dup(it.key, KIB(1));
        char *value = json_dup(it.value, LIMIT_LISTEN_HEADERS);
        bool good = name && value && head->count < LIMIT_LISTEN_FIELDS - 1;
        if (good)
            add_field(head, slice_str(name), slice_str(value));
        free(name);
        free(value);
        if (!good)
            return err_set(err, ERR_MISUSE, "too many or too long headers");
    }
    return 0;
}

static void sign(struct head *head, const struct webhook *webhook,
                 struct slice body)
{
    struct http_head given = { .headers = head->fields,
                               .header_count = head->count };
    struct buf proof;

    if (!webhook->header || http_head_get(&given, webhook->header).ptr)
        return;
    buf_init(&proof, LIMIT_SECRET_FILE);
    webhook_rule_sign(webhook, body, &proof);
    add_field(head, slice_str(webhook->header), buf_slice(&proof));
    buf_free(&proof);
}

static void free_head(struct head *head)
{
    for (size_t i = 0; i < 2 * head->count; i++)
        buf_free(&head->texts[i]);
    free(head);
}

static int visit_script(struct world *world, struct webhooks *webhooks,
                        const struct webhook_request *request,
                        struct visit *visit, struct err *err)
{
    struct webhook_call *call =
        webhooks_ask(webhooks, request, on_answer, visit, err);

    if (!call)
        return -1;
    world_advance(world, 0);
    for (int ms = 0; !visit->done && ms <= LIMIT_WEBHOOK_MS; ms += STEP_MS)
        world_advance(world, STEP_MS);
    if (!visit->done) {
        webhook_call_forget(call);
        return err_set(err, ERR_TIMEOUT, "the web hook does not answer");
    }
    if (visit->result != 0 && err)
        *err = visit->err;
    return visit->result;
}

/* Its method, or the first one it takes. */
static char *method_of(struct slice request, const struct webhook *webhook)
{
    char *given = json_dup(json_get(request, "method"), 32);
    size_t len = strcspn(webhook->methods, ",");

    return given ? given : slice_dup(slice_make(webhook->methods, len));
}

int world_webhook(struct world *world, struct slice name, struct slice request,
                  struct slice body, struct buf *out, struct buf *bytes,
                  struct err *err)
{
    struct manager *manager = account_manager(world_account(world));
    const char *script = manager_webhook_script(manager, name);
    struct visit visit = { .out = out, .bytes = bytes };
    struct head *head = calloc(1, sizeof *head);
    char *method = NULL, *query = NULL;
    struct buf path;
    int result = -1;

    buf_init(&path, KIB(1));
    if (!script || !head) {
        err_set(err, ERR_MISUSE, "no script has a web hook '%.*s'",
                SLICE_ARG(name));
        goto out;
    }
    struct webhooks *webhooks = manager_webhooks(manager, script);
    const struct webhook *webhook = webhooks_find(webhooks, name);
    method = method_of(request, webhook);
    query = json_dup(json_get(request, "query"), LIMIT_LISTEN_HEADERS);
    buf_addf(&path, "/hook/%s/%s/%s", account_name(world_account(world)),
             script, webhook->name);
    if (read_fields(head, json_get(request, "headers"), err) != 0)
        goto out;
    sign(head, webhook, body);
    struct webhook_request asked = {
        .name = name,
        .method = slice_str(method),
        .path = buf_slice(&path),
        .query = slice_str(query),
        .head = { .headers = head->fields, .header_count = head->count },
        .body = body,
    };
    result = visit_script(world, webhooks, &asked, &visit, err);
out:
    if (head)
        free_head(head);
    free(method);
    free(query);
    buf_free(&path);
    return result;
}
