#include "op_draft.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"

void op_draft_init(struct op_draft *draft, struct homeserver *homeserver,
                   const char *method, int64_t timeout_ms)
{
    memset(draft, 0, sizeof(*draft));
    draft->spec.homeserver = homeserver;
    draft->spec.options.method = method;
    draft->spec.options.timeout_ms = timeout_ms;
    draft->spec.options.repeat = REQUEST_ONCE;
    buf_init(&draft->path, LIMIT_HTTP_URL);
    buf_init(&draft->query, LIMIT_HTTP_URL);
    buf_init(&draft->body, LIMIT_CALL_ARGS);
    buf_init(&draft->header_text, LIMIT_CALL_ARGS);
    json_writer_init(&draft->w, &draft->body);
}

void op_draft_free(struct op_draft *draft)
{
    buf_free(&draft->path);
    buf_free(&draft->query);
    buf_free(&draft->body);
    buf_free(&draft->header_text);
    free(draft->headers);
    draft->headers = NULL;
}

static struct slice keep(struct buf *out, struct slice text)
{
    size_t at = out->len;
    buf_add(out, text);
    return slice_make(out->ptr + at, text.len);
}

int op_draft_headers(struct op_draft *draft, const struct http_header *headers,
                     size_t count, struct err *err)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += headers[i].name.len + headers[i].value.len;
    }
    draft->headers = calloc(count + 1, sizeof(*headers));
    /* All room at once: what is kept must not move. */
    if (!draft->headers || !buf_reserve(&draft->header_text, size)) {
        return err_set(err, ERR_LIMIT, "the headers are too large");
    }
    for (size_t i = 0; i < count; i++) {
        draft->headers[i].name = keep(&draft->header_text, headers[i].name);
        draft->headers[i].value = keep(&draft->header_text, headers[i].value);
    }
    draft->spec.options.headers = draft->headers;
    draft->spec.options.header_count = count;
    return 0;
}

static bool has_body(const struct op_draft *draft)
{
    const char *method = draft->spec.options.method;
    return !draft->no_body && strcmp(method, "GET") != 0 &&
           strcmp(method, "HEAD") != 0;
}

static int finish(struct op_draft *draft, const struct op *op, struct err *err)
{
    struct request_options *options = &draft->spec.options;
    if (!draft->spec.homeserver) {
        return err_set(err, ERR_MISUSE, "%s: there is no account",
                       op->call->name);
    }
    if (buf_check(&draft->path, "the path", err) ||
        buf_check(&draft->query, "the query", err)) {
        return err_prefix(err, "%s", op->call->name);
    }
    options->path = buf_slice(&draft->path);
    if (draft->query.len) {
        options->query = buf_slice(&draft->query);
    }
    if (has_body(draft)) {
        if (json_finish(&draft->w, op->call->name, err)) {
            return -1;
        }
        options->body = buf_slice(&draft->body);
    }
    return 0;
}

int op_draft_start(struct op_draft *draft, struct op *op, struct err *err)
{
    int result = finish(draft, op, err);
    if (result == 0) {
        result = op_request_start(op, &draft->spec, err);
    }
    op_draft_free(draft);
    return result;
}
