#include "op_request.h"

#include <stdlib.h>

#include "json_write.h"
#include "limits.h"
#include "log.h"

struct op_request {
    struct op *op; /* NULL: detached */
    struct request *request;
    struct tick *dry;            /* instead of the request */
    struct op_request_spec spec; /* of options, only what is no slice */
    struct call_host *host;
    /* For the log, once detached. */
    struct op_request *next;
    const char *name; /* of the call: static */
    char *script;
    int generation;
};

static void op_request_free(struct op_request *request)
{
    request_cancel(request->request);
    tick_cancel(request->dry);
    free(request->script);
    free(request);
}

static void unlink_detached(struct op_request *request)
{
    struct op_request **at = &request->host->detached;
    while (*at && *at != request) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = request->next;
    }
}

static void tell_lost(const struct op_request *request, const struct err *err)
{
    struct log_fields fields = {
        .account = request->host->account,
        .script = request->script,
        .gen = request->generation,
        .kind = err_kind_name(err->kind),
        .errcode = err->errcode[0] ? err->errcode : NULL,
        .error = err->text,
    };
    log_write(LOG_LEVEL_WARN, &fields,
              "%s failed when its task had ended already: %s", request->name,
              err->text);
}

/* The members of the reply that make the result. */
static int pick_fields(struct op *op, const struct op_field *fields,
                       struct slice body, struct err *err)
{
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_object_begin(&w);
    for (; fields && fields->key; fields++) {
        struct slice value = json_get(body, fields->key);
        if (json_type(value) == fields->type) {
            json_member_raw(&w, fields->key, value);
        } else if (!fields->optional) {
            return err_set(err, ERR_JSON, "%s: the server's reply has no %s",
                           op->call->name, fields->key);
        }
    }
    json_object_end(&w);
    return json_finish(&w, op->call->name, err);
}

/* Ends the op; request is free already. */
static void settle(struct op *op, const struct op_request_spec *spec,
                   const struct reply *reply, const struct err *failure)
{
    struct err err;
    if (!failure) {
        int filled = spec->finish
                         ? spec->finish(op, reply, &err)
                         : pick_fields(op, spec->fields, reply->body, &err);
        if (filled == 0) {
            op_done(op);
            return;
        }
        buf_clear(&op->result);
        failure = &err;
    }
    op_fail(op, failure, reply ? reply->body : SLICE_NONE);
}

static void request_done(void *arg, const struct reply *reply,
                         const struct err *err)
{
    struct op_request *request = arg;
    struct op *op = request->op;
    struct op_request_spec spec = request->spec;
    request->request = NULL;
    if (op) {
        op->state = NULL;
    } else {
        unlink_detached(request);
        if (err) {
            tell_lost(request, err);
        }
    }
    op_request_free(request);
    if (op) {
        settle(op, &spec, reply, err);
    }
}

static void dry_done(void *arg)
{
    struct op_request *request = arg;
    struct op *op = request->op;
    const char *result = request->spec.dry;
    request->dry = NULL;
    op->state = NULL;
    op_request_free(request);
    buf_adds(&op->result, result);
    op_done(op);
}

static int start_dry(struct op_request *request, const struct op *op,
                     struct err *err)
{
    const struct request_options *options = &request->spec.options;
    struct log_fields fields = { .account = request->host->account,
                                 .script = op->caller->script,
                                 .gen = op->caller->generation };
    request->dry = tick_start(request->host->loop, dry_done, request, err);
    if (!request->dry) {
        return -1;
    }
    log_write(LOG_LEVEL_INFO, &fields, "dry run: %s %.*s %.*s", options->method,
              SLICE_ARG(options->path), SLICE_ARG(options->body));
    return 0;
}

int op_request_start(struct op *op, const struct op_request_spec *spec,
                     struct err *err)
{
    struct op_request *request = calloc(1, sizeof(*request));
    if (!request) {
        return err_set(err, ERR_SYSTEM, "%s: out of memory", op->call->name);
    }
    request->op = op;
    request->spec = *spec;
    request->host = op->caller->host;
    request->name = op->call->name;
    if (spec->dry && request->host->dry_run) {
        if (start_dry(request, op, err)) {
            goto fail;
        }
    } else {
        request->request = request_start(spec->homeserver, &spec->options,
                                         request_done, request, err);
        if (!request->request) {
            goto fail;
        }
    }
    op->state = request;
    return 0;
fail:
    op_request_free(request);
    return -1;
}

void op_request_cancel(struct op *op)
{
    if (op->state) {
        op_request_free(op->state);
        op->state = NULL;
    }
}

void op_request_detach(struct op *op)
{
    struct op_request *request = op->state;
    if (!request || request->dry) {
        op_request_cancel(op);
        return;
    }
    op->state = NULL;
    request->op = NULL;
    request->script = slice_dup(slice_str(op->caller->script));
    request->generation = op->caller->generation;
    request->next = request->host->detached;
    request->host->detached = request;
}

void op_request_close(struct call_host *host,
                      const struct homeserver *homeserver)
{
    struct op_request **at = &host->detached;
    while (*at) {
        struct op_request *request = *at;
        if (homeserver && request->spec.homeserver != homeserver) {
            at = &request->next;
            continue;
        }
        *at = request->next;
        op_request_free(request);
    }
}
