#include "webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_args.h"
#include "call_wire.h"
#include "failure.h"
#include "json_read.h"
#include "json_write.h"
#include "limits.h"
#include "log.h"
#include "task.h"
#include "webhook_reply.h"

struct webhooks {
    const struct generation_world *world;
    struct generation *generation;
    struct list waiting;
    int waiting_count, running;
    int64_t number; /* of the last call */
    bool held, stopping;
    struct tick *tick;
    int64_t warned; /* when a refusal was told */
    int refused;    /* since then, not told */
};

struct webhook_call {
    struct list node; /* webhooks->waiting, or generation->webhook_calls */
    struct webhooks *webhooks;
    struct generation *generation; /* NULL: it waits */
    int64_t number;
    char *name, *method, *path, *query;
    struct http_head *head;
    struct buf body;
    char label[160];
    struct webhook_reply reply; /* the script's */
    webhook_done_fn *done;      /* NULL: told, or nobody asks */
    void *arg;
    struct timer *timer;
    struct task *task;
    bool late;
};

static struct loop *loop_of(const struct webhooks *webhooks)
{
    return webhooks->world->host->loop;
}

static void serve_soon(struct webhooks *webhooks);

/* ---- the end of a call ---- */

static void drop(struct webhook_call *call)
{
    if (call->generation) {
        call->webhooks->running--;
    } else {
        call->webhooks->waiting_count--;
    }
    list_remove(&call->node);
    timer_cancel(call->timer);
    webhook_reply_free(&call->reply);
    buf_free(&call->body);
    free(call->head);
    free(call->name);
    free(call->method);
    free(call->path);
    free(call->query);
    free(call);
}

static void tell(struct webhook_call *call, const struct listen_answer *answer)
{
    webhook_done_fn *done = call->done;
    call->done = NULL;
    timer_cancel(call->timer);
    call->timer = NULL;
    if (done) {
        done(call->arg, answer);
    }
}

/* name, value: a header beside the type, or NULL. */
static void tell_plain(struct webhook_call *call, int status, const char *text,
                       const char *name, const char *value)
{
    struct http_header headers[2] = {
        { slice_str("content-type"), slice_str("text/plain; charset=utf-8") },
        { slice_str(name), slice_str(value) },
    };
    struct listen_answer answer = { status, headers, name ? 2 : 1,
                                    slice_str(text) };
    tell(call, &answer);
}

static void tell_later(struct webhook_call *call, const char *text)
{
    tell_plain(call, 503, text, "retry-after", "2");
}

/* ---- refusals ---- */

static struct log_fields fields_of(const struct webhooks *webhooks)
{
    const struct generation *generation = webhooks->generation;
    return (struct log_fields) {
        .account = webhooks->world->host->account,
        .script = generation ? generation->settings->script.name : NULL,
        .gen = generation ? generation->number : 0,
    };
}

/* One line a minute, whatever comes. */
static void note_refusal(struct webhooks *webhooks, const char *name)
{
    struct log_fields fields = fields_of(webhooks);
    int64_t now = loop_now(loop_of(webhooks));
    char more[64] = "";
    if (webhooks->warned && now - webhooks->warned < LIMIT_WEBHOOK_WARN_MS) {
        webhooks->refused++;
        return;
    }
    if (webhooks->refused) {
        snprintf(more, sizeof more, " (and %d before it)", webhooks->refused);
    }
    webhooks->warned = now ? now : 1;
    webhooks->refused = 0;
    log_write(LOG_LEVEL_WARN, &fields,
              "webhook %s: a request without the right signature or token is "
              "refused%s",
              name, more);
}

static void refuse(struct webhook_call *call)
{
    note_refusal(call->webhooks, call->name);
    tell_plain(call, 401, "the signature or token is wrong\n",
               "www-authenticate", "Bearer");
}

/* ---- tasks ---- */

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct webhook_call *call = arg;
    struct webhooks *webhooks = call->webhooks;
    struct generation *generation = call->generation;
    struct listen_answer answer;
    call->task = NULL;
    if (call->reply.refused) {
        refuse(call);
    } else if (result->end == TASK_DONE && call->reply.status) {
        struct http_header headers[LIMIT_WEBHOOK_FIELDS];
        webhook_reply_get(&call->reply, headers, &answer);
        tell(call, &answer);
    } else if (result->end == TASK_CANCELLED && !call->late) {
        tell_later(call, "this took too long to stop\n");
    } else {
        tell_plain(call, 500, "the script failed\n", NULL, NULL);
    }
    drop(call);
    failure_note(generation, task, result, NULL);
    serve_soon(webhooks);
}

static const struct task_owner owner = { .ended = on_ended };

/* A token got the request in; the script needs no more than that. */
static struct http_head without_token(const struct http_head *head,
                                      const struct webhook *webhook,
                                      struct http_header *kept)
{
    struct http_head shown = *head;
    shown.headers = kept;
    shown.header_count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!webhook_rule_is_token(webhook, head->headers[i].name) &&
            shown.header_count < LIMIT_LISTEN_FIELDS) {
            kept[shown.header_count++] = head->headers[i];
        }
    }
    return shown;
}

static int write_info(const struct webhook_call *call,
                      const struct webhook *webhook, struct buf *info,
                      struct err *err)
{
    struct http_header kept[LIMIT_LISTEN_FIELDS];
    struct http_head shown = without_token(call->head, webhook, kept);
    struct json_writer w;
    json_writer_init(&w, info);
    json_object_begin(&w);
    json_member_int(&w, "request", call->number);
    json_member_str(&w, "method", call->method);
    json_member_str(&w, "path", call->path);
    json_key(&w, "query");
    webhook_reply_write_query(&w, call->query);
    json_key(&w, "headers");
    call_wire_write_headers(&w, &shown);
    json_object_end(&w);
    return json_finish(&w, "a web hook's request", err);
}

static void start_task(struct webhook_call *call, const struct webhook *webhook)
{
    struct webhooks *webhooks = call->webhooks;
    struct generation *generation = webhooks->generation;
    struct err err;
    struct buf info;
    char path[16];
    snprintf(path, sizeof path, "%d", webhook->id);
    snprintf(call->label, sizeof call->label, "webhook %s (%s)", webhook->name,
             generation_base(webhook->where));
    buf_init(&info, LIMIT_CALL_ARGS);
    struct task_options options = {
        .handler = webhook->id,
        .kind = "webhook",
        .label = call->label,
        .cause = { .path = slice_str(path) },
        .owner = &owner,
        .arg = call,
    };
    if (write_info(call, webhook, &info, &err) != 0) {
        tell_plain(call, 400, "headers and query must be UTF-8\n", NULL, NULL);
        drop(call);
    } else {
        options.info = buf_slice(&info);
        call->task = task_start(generation->gen, &options, &err);
        if (call->task) {
            list_remove(&call->node);
            webhooks->waiting_count--;
            webhooks->running++;
            call->generation = generation;
            list_push(&generation->webhook_calls, &call->node);
        } else {
            tell_later(call, "too much at once\n");
            drop(call);
        }
    }
    buf_free(&info);
}

/* Its turn in line. */
static void serve(struct webhook_call *call)
{
    const struct webhook *webhook =
        webhooks_find(call->webhooks, slice_str(call->name));
    if (!call->webhooks->generation) {
        tell_later(call, "the script does not run\n");
    } else if (!webhook) {
        tell_plain(call, 404, "there is no such web hook\n", NULL, NULL);
    } else if (!webhook_rule_allows(webhook, slice_str(call->method))) {
        tell_plain(call, 405, "not with this method\n", "allow",
                   webhook->methods);
    } else if (call->body.len > webhook->max_body) {
        tell_plain(call, 413, "the body is too large\n", NULL, NULL);
    } else if (!webhook_rule_verify(webhook, call->head,
                                    buf_slice(&call->body))) {
        refuse(call);
    } else {
        start_task(call, webhook);
        return;
    }
    drop(call);
}

static void on_tick(void *arg)
{
    struct webhooks *webhooks = arg;
    struct list *first = list_first(&webhooks->waiting);
    webhooks->tick = NULL;
    if (first && !webhooks->held && webhooks->running < LIMIT_WEBHOOK_RUNNING) {
        serve(list_entry(first, struct webhook_call, node));
        serve_soon(webhooks); /* one a turn: signatures take time */
    }
}

static void serve_soon(struct webhooks *webhooks)
{
    if (!webhooks->tick && !webhooks->held && webhooks->waiting_count > 0) {
        webhooks->tick = tick_start(loop_of(webhooks), on_tick, webhooks, NULL);
    }
}

static void on_late(void *arg)
{
    struct webhook_call *call = arg;
    struct log_fields fields = fields_of(call->webhooks);
    call->timer = NULL;
    call->late = true;
    if (!call->task) {
        tell_later(call, "its turn did not come\n");
        drop(call);
        return;
    }
    log_write(LOG_LEVEL_WARN, &fields,
              "%s: no answer within %d s; it is cancelled", call->label,
              LIMIT_WEBHOOK_MS / 1000);
    tell_plain(call, 504, "the script took too long\n", NULL, NULL);
    task_cancel(call->task); /* may end the call */
}

/* ---- asking ---- */

const struct webhook *webhooks_find(const struct webhooks *webhooks,
                                    struct slice name)
{
    if (!webhooks->generation) {
        return NULL;
    }
    list_each(node, &webhooks->generation->webhooks)
    {
        const struct webhook *webhook = list_entry(node, struct webhook, node);
        if (!webhook->off && slice_is(name, webhook->name)) {
            return webhook;
        }
    }
    return NULL;
}

int webhooks_look(const struct webhooks *webhooks, struct slice name,
                  struct slice method, size_t *max_body, const char **methods)
{
    const struct webhook *webhook = webhooks_find(webhooks, name);
    *max_body = webhook ? webhook->max_body : LIMIT_WEBHOOK_BODY;
    if (webhooks->stopping) {
        return 503;
    }
    if (webhooks->held) {
        return 0; /* another generation may know it */
    }
    if (!webhook) {
        return webhooks->generation ? 404 : 503;
    }
    *methods = webhook->methods;
    return webhook_rule_allows(webhook, method) ? 0 : 405;
}

static int copy_request(struct webhook_call *call,
                        const struct webhook_request *request)
{
    buf_init(&call->body, LIMIT_WEBHOOK_BODY_MOST);
    buf_add(&call->body, request->body);
    call->name = slice_dup(request->name);
    call->method = slice_dup(request->method);
    call->path = slice_dup(request->path);
    call->query =
        slice_dup(request->query.ptr ? request->query : slice_str(""));
    call->head = http_head_dup(&request->head);
    return call->name && call->method && call->path && call->query &&
                   call->head && !call->body.failed
               ? 0
               : -1;
}

struct webhook_call *webhooks_ask(struct webhooks *webhooks,
                                  const struct webhook_request *request,
                                  webhook_done_fn *done, void *arg,
                                  struct err *err)
{
    struct webhook_call *call;
    if (webhooks->stopping ||
        webhooks->waiting_count >= LIMIT_WEBHOOK_WAITING) {
        err_set(err, ERR_LIMIT, "%d requests are waiting",
                webhooks->waiting_count);
        return NULL;
    }
    call = calloc(1, sizeof *call);
    if (!call) {
        err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    call->webhooks = webhooks;
    call->number = ++webhooks->number;
    webhook_reply_init(&call->reply);
    list_push(&webhooks->waiting, &call->node);
    webhooks->waiting_count++;
    if (copy_request(call, request) == 0) {
        call->timer = timer_start(loop_of(webhooks), LIMIT_WEBHOOK_MS, on_late,
                                  call, NULL);
    }
    serve_soon(webhooks);
    if (!call->timer || (!webhooks->tick && !webhooks->held)) {
        drop(call);
        err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    call->done = done;
    call->arg = arg;
    return call;
}

void webhook_call_forget(struct webhook_call *call)
{
    if (call) {
        call->done = NULL;
    }
}

/* ---- life ---- */

struct webhooks *webhooks_new(const struct generation_world *world,
                              struct err *err)
{
    struct webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (!webhooks) {
        err_set(err, ERR_SYSTEM, "cannot add a script: out of memory");
        return NULL;
    }
    webhooks->world = world;
    webhooks->held = true;
    list_init(&webhooks->waiting);
    return webhooks;
}

void webhooks_free(struct webhooks *webhooks)
{
    struct list *node;
    if (!webhooks) {
        return;
    }
    while ((node = list_first(&webhooks->waiting)) != NULL) {
        drop(list_entry(node, struct webhook_call, node));
    }
    tick_cancel(webhooks->tick);
    free(webhooks);
}

void webhooks_set_generation(struct webhooks *webhooks,
                             struct generation *generation)
{
    webhooks->generation = generation;
}

void webhooks_hold(struct webhooks *webhooks, bool held)
{
    if (!webhooks) {
        return;
    }
    webhooks->held = held && !webhooks->stopping;
    serve_soon(webhooks);
}

void webhooks_stop(struct webhooks *webhooks)
{
    struct list *node;
    webhooks->stopping = true;
    webhooks->held = false;
    while ((node = list_first(&webhooks->waiting)) != NULL) {
        struct webhook_call *call = list_entry(node, struct webhook_call, node);
        tell_later(call, "stopping\n");
        drop(call);
    }
}

bool webhooks_idle(const struct webhooks *webhooks)
{
    return webhooks->waiting_count == 0 && webhooks->running == 0;
}

/* ---- for a generation ---- */

int webhook_add(struct generation *generation, struct op *op, struct slice args,
                struct err *err)
{
    const struct call_host *host = generation->world->host;
    struct webhook *webhook =
        webhook_rule_new(op, args, host->offline ? "offline" : NULL, err);
    if (!webhook) {
        return -1;
    }
    list_each(node, &generation->webhooks)
    {
        const struct webhook *other = list_entry(node, struct webhook, node);
        if (strcmp(other->name, webhook->name) == 0) {
            err_set(err, ERR_MISUSE, "there is a webhook '%s' already (%s)",
                    other->name, other->where);
            webhook_rule_free(webhook);
            return -1;
        }
    }
    list_push(&generation->webhooks, &webhook->node);
    return 0;
}

bool webhook_off(struct generation *generation, int id)
{
    list_each(node, &generation->webhooks)
    {
        struct webhook *webhook = list_entry(node, struct webhook, node);
        if (webhook->id == id) {
            webhook->off = true;
            return true;
        }
    }
    return false;
}

void webhook_tell(const struct generation *generation)
{
    const struct call_host *host = generation->world->host;
    struct log_fields fields = {
        .account = host->account,
        .script = generation->settings->script.name,
        .gen = generation->number,
    };
    list_each(node, &generation->webhooks)
    {
        const struct webhook *webhook = list_entry(node, struct webhook, node);
        if (host->web_url) {
            log_write(LOG_LEVEL_INFO, &fields,
                      "webhook %s is at %s/hook/%s/%s/%s", webhook->name,
                      host->web_url, host->account, fields.script,
                      webhook->name);
        } else if (!host->offline) {
            log_write(LOG_LEVEL_WARN, &fields,
                      "webhook %s cannot be called: lunatrix.lua has no "
                      "listen = { address = \"127.0.0.1:9008\" }",
                      webhook->name);
        }
    }
}

void webhook_free_all(struct generation *generation)
{
    list_each_safe(node, &generation->webhook_calls)
    {
        struct webhook_call *call = list_entry(node, struct webhook_call, node);
        tell_later(call, "the script was stopped\n");
        drop(call);
    }
    list_each_safe(node, &generation->webhooks)
    {
        webhook_rule_free(list_entry(node, struct webhook, node));
    }
}

/* ---- calls ---- */

static struct webhook_call *find_call(struct generation *generation,
                                      struct call_args *args)
{
    int64_t number = call_args_int(args, "request", 0, 0, INT64_MAX);
    list_each(node, &generation->webhook_calls)
    {
        struct webhook_call *call = list_entry(node, struct webhook_call, node);
        if (call->number == number) {
            return call;
        }
    }
    call_args_fault(args, "there is no such request");
    return NULL;
}

int webhook_body(struct generation *generation, struct op *op,
                 struct slice args, struct err *err)
{
    struct call_args a = call_args_of(op, args, err);
    struct webhook_call *call = find_call(generation, &a);
    if (call_args_check(&a) != 0 || !call) {
        return -1;
    }
    op->bytes.max = call->body.max;
    buf_add(&op->bytes, buf_slice(&call->body));
    buf_free(&call->body);
    op->has_bytes = true;
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

int webhook_answer(struct generation *generation, struct op *op,
                   struct slice args, struct slice bytes, struct err *err)
{
    struct call_args a = call_args_of(op, args, err);
    struct webhook_call *call = find_call(generation, &a);
    if (call) {
        webhook_reply_set(&call->reply, &a, bytes);
    }
    if (call_args_check(&a) != 0) {
        return -1;
    }
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}
