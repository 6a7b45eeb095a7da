#include "store_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "limits.h"

/* Above this a row buffer is not kept for the next row. */
#define ROW_KEPT KIB(64)

static int open_folder(struct store *store, const char *directory,
                       struct err *err)
{
    if (file_make_private_dir(directory, err) < 0 ||
        file_check_private(directory, err) < 0)
        return -1;
    store->lock = store_lock_take(directory, err);
    return store->lock < 0 ? -1 : 0;
}

static struct store *make(struct loop *loop, struct err *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        err_set(err, ERR_SYSTEM, "cannot open the store: out of memory");
        return NULL;
    }
    store->loop = loop;
    store->lock = -1;
    list_init(&store->queue);
    buf_init(&store->rows[0], LIMIT_ROW);
    buf_init(&store->rows[1], LIMIT_ROW);
    return store;
}

struct store *store_look(struct loop *loop, const char *directory,
                         struct err *err)
{
    struct store *store = make(loop, err);
    if (store && store_file_look(&store->account, directory, "account.db",
                                 &store_schema_account, err) == 0)
        return store;
    free(store);
    return NULL;
}

struct store *store_look_scripts(struct loop *loop, const char *directory,
                                 struct err *err)
{
    struct store *store = make(loop, err);
    if (store && store_file_look(&store->scripts, directory, "scripts.db",
                                 &store_schema_scripts, err) == 0)
        return store;
    free(store);
    return NULL;
}

struct store *store_open(struct loop *loop, const char *directory,
                         struct err *err)
{
    struct store *store = make(loop, err);
    if (!store)
        return NULL;
    if (directory && open_folder(store, directory, err) < 0)
        goto fail;
    if (store_file_open(&store->account, directory, "account.db",
                        &store_schema_account, err) < 0)
        goto fail;
    if (store_file_open(&store->scripts, directory, "scripts.db",
                        &store_schema_scripts, err) < 0)
        goto fail_account;
    return store;

fail_account:
    store_file_close(&store->account);
fail:
    if (store->lock >= 0)
        close(store->lock);
    free(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->ingesting)
        store_ingest_end(store, false, NULL);
    store_flush(store);
    /* What the done callbacks queued; nothing more can follow it. */
    store->closing = true;
    store_flush(store);
    store_file_close(&store->scripts);
    store_file_close(&store->account);
    buf_free(&store->rows[0]);
    buf_free(&store->rows[1]);
    if (store->lock >= 0)
        close(store->lock);
    free(store);
}

int store_keep(struct store *store, struct slice *const *slices, int count,
               struct err *err)
{
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += slices[i]->len;
    /* The other buffer: what was looked for may lie in the current one. */
    store->row = !store->row;
    struct buf *row = &store->rows[store->row];
    if (row->cap > ROW_KEPT)
        buf_free(row);
    buf_clear(row);
    char *at = buf_reserve(row, len + 1);
    if (!at)
        return err_set(err, ERR_STORE,
                       "cannot read a row of %zu bytes: too large, or out of "
                       "memory",
                       len);
    for (int i = 0; i < count; i++) {
        struct slice *slice = slices[i];
        if (!slice->ptr)
            continue;
        if (slice->len)
            memcpy(at, slice->ptr, slice->len);
        slice->ptr = at;
        at += slice->len;
    }
    return 0;
}

int store_meta_get(struct store *store, const char *key, struct buf *out,
                   struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_META_GET,
                     "read a value", "SELECT value FROM meta WHERE key = ?1");
    store_query_text(&query, 1, slice_str(key));
    int found = store_query_step(&query, err);
    if (found == 1 && buf_add(out, store_query_slice(&query, 0)) < 0)
        found = buf_check(out, key, err);
    store_query_close(&query);
    return found;
}

int store_meta_set(struct store *store, const char *key, struct slice value,
                   struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->account, STATEMENT_META_SET,
                     "store a value",
                     "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                     " ON CONFLICT(key) DO UPDATE SET value = ?2");
    store_query_text(&query, 1, slice_str(key));
    store_query_text(&query, 2, value);
    return store_query_run(&query, err);
}
