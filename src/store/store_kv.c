#include "store_internal.h"

#include "limits.h"

/* scripts.db. Bytes of keys and values are summed up in `usage` by triggers;
 * an expired key is absent at once, and deleted by the script's next set. */

int store_kv_get(struct store *store, const char *script, struct slice key,
                 struct buf *value, int64_t *expires, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->scripts, STATEMENT_KV_GET, "read a key",
                     "SELECT value, expires FROM kv"
                     " WHERE script = ?1 AND key = ?2"
                     "    AND (expires = 0 OR expires > ?3)");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, key);
    store_query_int(&query, 3, loop_wall(store->loop));
    int found = store_query_step(&query, err);
    if (found == 1) {
        if (expires)
            *expires = store_query_number(&query, 1);
        if (buf_add(value, store_query_slice(&query, 0)) < 0)
            found = buf_check(value, "the stored value", err);
    }
    store_query_close(&query);
    return found;
}

static int check_sizes(struct slice key, struct slice value, struct err *err)
{
    if (key.len > LIMIT_STORE_KEY)
        return err_set(err, ERR_LIMIT,
                       "cannot store: a key of %zu bytes is over the limit of "
                       "%zu",
                       key.len, LIMIT_STORE_KEY);
    if (value.len > LIMIT_STORE_VALUE)
        return err_set(err, ERR_LIMIT,
                       "cannot store %.*s: its value of %zu bytes is over the "
                       "limit of %zu",
                       SLICE_ARG(key), value.len, LIMIT_STORE_VALUE);
    return 0;
}

static int delete_expired(struct store *store, const char *script,
                          struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->scripts, STATEMENT_KV_EXPIRE,
                     "delete expired keys",
                     "DELETE FROM kv WHERE script = ?1"
                     " AND expires > 0 AND expires <= ?2");
    store_query_text(&query, 1, slice_str(script));
    store_query_int(&query, 2, loop_wall(store->loop));
    return store_query_run(&query, err);
}

static int check_quota(struct store *store, const char *script,
                       struct slice key, size_t bytes, size_t quota,
                       struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->scripts, STATEMENT_KV_ROOM,
                     "read what is used",
                     "SELECT"
                     "  coalesce((SELECT bytes FROM usage WHERE script = ?1),"
                     "    0)"
                     "  - coalesce((SELECT bytes FROM kv"
                     "    WHERE script = ?1 AND key = ?2), 0)");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, key);
    int status = store_query_step(&query, err);
    int64_t others = status == 1 ? store_query_number(&query, 0) : 0;
    store_query_close(&query);
    if (status < 0)
        return -1;
    if (bytes > quota || others > (int64_t)(quota - bytes))
        return err_set(err, ERR_LIMIT,
                       "cannot store %.*s: %lld bytes in other keys and %zu "
                       "now are over the quota of %zu",
                       SLICE_ARG(key), (long long)others, bytes, quota);
    return 0;
}

static int put(struct store *store, const char *script, struct slice key,
               struct slice value, int64_t expires, struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->scripts, STATEMENT_KV_SET, "store a key",
                     "INSERT INTO kv(script, key, value, expires, bytes)"
                     " VALUES(?1, ?2, ?3, ?4, ?5)"
                     " ON CONFLICT(script, key) DO UPDATE"
                     " SET value = ?3, expires = ?4, bytes = ?5");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, key);
    store_query_text(&query, 3, value);
    store_query_int(&query, 4, expires);
    store_query_int(&query, 5, (int64_t)(key.len + value.len));
    return store_query_run(&query, err);
}

int store_kv_set(struct store *store, const char *script, struct slice key,
                 struct slice value, int64_t expires, size_t quota,
                 struct err *err)
{
    size_t bytes = key.len + value.len;
    if (check_sizes(key, value, err) < 0 ||
        store_file_begin(&store->scripts, err) < 0)
        return -1;
    int status = delete_expired(store, script, err);
    if (status == 0)
        status = check_quota(store, script, key, bytes, quota, err);
    if (status == 0)
        status = put(store, script, key, value, expires, err);
    if (status == 0)
        return store_file_end(&store->scripts, true, err);
    store_file_end(&store->scripts, false, NULL);
    return -1;
}

int store_kv_delete(struct store *store, const char *script, struct slice key,
                    struct err *err)
{
    struct store_query query;
    if (store_file_begin(&store->scripts, err) < 0)
        return -1;
    store_query_open(&query, &store->scripts, STATEMENT_KV_DELETE,
                     "delete a key",
                     "DELETE FROM kv WHERE script = ?1 AND key = ?2");
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, key);
    if (store_query_run(&query, err) == 0)
        return store_file_end(&store->scripts, true, err);
    store_file_end(&store->scripts, false, NULL);
    return -1;
}

#define KEYS_WHERE(more)                                                       \
    "SELECT key FROM kv WHERE script = ?1 AND " more                           \
    " AND (expires = 0 OR expires > ?3) ORDER BY key LIMIT ?4"

static bool has_prefix(struct slice key, struct slice prefix)
{
    return key.len >= prefix.len &&
           slice_eq(slice_make(key.ptr, prefix.len), prefix);
}

int store_kv_keys(struct store *store, const char *script, struct slice prefix,
                  struct slice after, int max, store_key_fn *fn, void *arg,
                  struct err *err)
{
    struct store_query query;
    if (!prefix.ptr)
        prefix = slice_str("");
    struct slice from = prefix;
    /* Keys with the prefix stand together; they begin at the prefix. */
    if (after.ptr && slice_compare(after, from) >= 0) {
        store_query_open(&query, &store->scripts, STATEMENT_KV_KEYS_AFTER,
                         "list keys", KEYS_WHERE("key > ?2"));
        from = after;
    } else {
        store_query_open(&query, &store->scripts, STATEMENT_KV_KEYS_FROM,
                         "list keys", KEYS_WHERE("key >= ?2"));
    }
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, from);
    store_query_int(&query, 3, loop_wall(store->loop));
    store_query_int(&query, 4, max < 0 ? 0 : max);
    int count = 0;
    int status;
    while ((status = store_query_step(&query, err)) == 1) {
        struct slice key = store_query_slice(&query, 0);
        if (!has_prefix(key, prefix)) {
            status = 0;
            break;
        }
        fn(arg, key);
        count++;
    }
    store_query_close(&query);
    return status < 0 ? -1 : count;
}

#define NEXT_WHERE(more)                                                       \
    "SELECT key, expires, value FROM kv WHERE script = ?1 AND " more           \
    " AND (expires = 0 OR expires > ?3) ORDER BY key LIMIT 1"

int store_kv_next(struct store *store, const char *script, struct slice prefix,
                  struct slice after, struct slice *key, struct slice *value,
                  int64_t *expires, struct err *err)
{
    struct store_query query;
    if (!prefix.ptr)
        prefix = slice_str("");
    bool further = after.ptr && slice_compare(after, prefix) >= 0;
    if (further)
        store_query_open(&query, &store->scripts, STATEMENT_KV_NEXT_AFTER,
                         "read the next key", NEXT_WHERE("key > ?2"));
    else
        store_query_open(&query, &store->scripts, STATEMENT_KV_NEXT_FROM,
                         "read the next key", NEXT_WHERE("key >= ?2"));
    store_query_text(&query, 1, slice_str(script));
    store_query_text(&query, 2, further ? after : prefix);
    store_query_int(&query, 3, loop_wall(store->loop));
    int found = store_query_step(&query, err);
    if (found == 1 && !has_prefix(store_query_slice(&query, 0), prefix))
        found = 0;
    if (found == 1) {
        *key = store_query_slice(&query, 0);
        *expires = store_query_number(&query, 1);
        *value = store_query_slice(&query, 2);
        struct slice *const slices[] = { key, value };
        if (store_keep(store, slices, 2, err) < 0)
            found = -1;
    }
    store_query_close(&query);
    return found;
}

int store_kv_scripts(struct store *store, store_owner_fn *fn, void *arg,
                     struct err *err)
{
    struct store_query query;
    store_query_open(&query, &store->scripts, STATEMENT_KV_SCRIPTS,
                     "list who keeps something",
                     "SELECT script,"
                     "  (SELECT count(*) FROM kv WHERE script = usage.script"
                     "    AND (expires = 0 OR expires > ?1)),"
                     "  bytes - coalesce((SELECT sum(bytes) FROM kv"
                     "    WHERE script = usage.script"
                     "    AND expires > 0 AND expires <= ?1), 0)"
                     " FROM usage ORDER BY script");
    store_query_int(&query, 1, loop_wall(store->loop));
    int status;
    while ((status = store_query_step(&query, err)) == 1)
        fn(arg, store_query_string(&query, 0), store_query_number(&query, 1),
           store_query_number(&query, 2));
    store_query_close(&query);
    return status;
}
