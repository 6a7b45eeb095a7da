#include "sync_upload.h"

#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "limits.h"
#include "request.h"
#include "url.h"

struct sync_upload {
    struct store *store;
    const struct sync_filter *filter;
    struct request *request;
    sync_upload_fn *done;
    void *arg;
};

struct note { /* what goes into meta */
    char *hash, *id;
};

int sync_upload_known(struct store *store, const struct sync_filter *filter,
                      struct buf *out, struct err *err)
{
    struct buf hash;

    buf_init(&hash, KIB(1));
    int found = store_meta_get(store, "filter_hash", &hash, err);
    if (found == 1 && !slice_is(buf_slice(&hash), sync_filter_hash(filter)))
        found = 0;
    if (found == 1)
        found = store_meta_get(store, "filter_id", out, err);
    buf_free(&hash);
    return found;
}

static int run_note(struct store *store, void *arg, struct err *err)
{
    const struct note *note = arg;

    if (store_meta_set(store, "filter_id", slice_str(note->id), err) < 0)
        return -1;
    return store_meta_set(store, "filter_hash", slice_str(note->hash), err);
}

static void on_noted(void *arg, const struct err *err)
{
    struct note *note = arg;

    (void)err; /* at worst it is uploaded once more */
    free(note->hash);
    free(note->id);
    free(note);
}

static void remember(struct store *store, const char *hash, struct slice id)
{
    struct note *note = calloc(1, sizeof(*note));

    if (!note)
        return;
    note->hash = strdup(hash);
    note->id = slice_dup(id);
    if (!note->hash || !note->id ||
        store_write(store, run_note, on_noted, note, NULL) < 0)
        on_noted(note, NULL);
}

/* The server answers, and keeps no filters. A login that is over, a limit or
 * a fault of the moment are not that. */
static bool is_refusal(const struct err *err)
{
    return err->status >= 400 && err->status < 500 && err->status != 401 &&
           err->status != 408 && err->status != 429;
}

static void on_reply(void *arg, const struct reply *reply,
                     const struct err *err)
{
    struct sync_upload upload = *(struct sync_upload *)arg;
    char *id = NULL;

    free(arg);
    if (err && !is_refusal(err)) {
        upload.done(upload.arg, SLICE_NONE, err);
        return;
    }
    if (!err)
        id = json_dup(json_get(reply->body, "filter_id"), LIMIT_IDENTIFIER);
    /* An id that looks like JSON would be taken for a filter. */
    if (id && id[0] && id[0] != '{') {
        remember(upload.store, sync_filter_hash(upload.filter), slice_str(id));
        upload.done(upload.arg, slice_str(id), NULL);
    } else {
        upload.done(upload.arg, sync_filter_json(upload.filter), NULL);
    }
    free(id);
}

struct sync_upload *sync_upload_start(struct homeserver *homeserver,
                                      struct store *store, const char *user_id,
                                      const struct sync_filter *filter,
                                      sync_upload_fn *done, void *arg,
                                      struct err *err)
{
    struct sync_upload *upload = calloc(1, sizeof(*upload));
    struct request_options options = {
        .method = "POST",
        .body = sync_filter_json(filter),
        .repeat = REQUEST_REPEAT, /* at worst there are two */
        .no_retry = true,
    };
    struct buf path;

    if (!upload) {
        err_set(err, ERR_SYSTEM, "cannot upload a filter: out of memory");
        return NULL;
    }
    upload->store = store;
    upload->filter = filter;
    upload->done = done;
    upload->arg = arg;
    buf_init(&path, LIMIT_HTTP_URL);
    url_path(&path, "/_matrix/client/v3/user/{}/filter", 1, slice_str(user_id));
    options.path = buf_slice(&path);
    if (buf_check(&path, "a user id", err) == 0)
        upload->request =
            request_start(homeserver, &options, on_reply, upload, err);
    buf_free(&path);
    if (upload->request)
        return upload;
    free(upload);
    return NULL;
}

void sync_upload_cancel(struct sync_upload *upload)
{
    if (!upload)
        return;
    request_cancel(upload->request);
    free(upload);
}
