#include "call_topics.h"

#include <stdio.h>

#include "call_args.h"
#include "json_write.h"
#include "limits.h"
#include "op.h"

/* bot.store: each call is one transaction and answers at once. */

#define OWNER 256 /* a script's name, a slash, a space */

static struct store *need_store(struct call_args *args)
{
    struct store *store = args->op->caller->host->store;
    if (!store) {
        call_args_fault(args, "there is no account to keep it");
    }
    return store;
}

static struct slice get_key(struct call_args *args)
{
    struct slice key = call_args_string(args, "key");
    if (key.ptr && (key.len == 0 || key.len > LIMIT_STORE_KEY)) {
        call_args_fault(args, "key must have 1 to %zu bytes", LIMIT_STORE_KEY);
    }
    return key;
}

/* Whose value it is: the script's, or with a space what the library keeps for
 * the script, apart from what the script itself can name. */
static const char *get_owner(struct call_args *args, char *out)
{
    const char *script = args->op->caller->script;
    struct slice space = call_args_string_opt(args, "space");
    if (!space.ptr) {
        return script;
    }
    int len = snprintf(out, OWNER, "%s/%.*s", script, SLICE_ARG(space));
    if (len >= OWNER) {
        call_args_fault(args, "space is too long");
    }
    return out;
}

static int store_get(struct op *op, struct slice object, struct slice bytes,
                     struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice key = get_key(&args);
    char space[OWNER];
    const char *owner = get_owner(&args, space);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    struct buf value;
    int64_t expires = 0;
    buf_init(&value, LIMIT_STORE_VALUE);
    int found = store_kv_get(store, owner, key, &value, &expires, err);
    int result = found < 0 ? -1 : 0;
    if (found > 0) {
        struct json_writer w;
        json_writer_init(&w, &op->result);
        json_object_begin(&w);
        json_member_raw(&w, "value", buf_slice(&value));
        if (expires) {
            json_key(&w, "expires");
            json_put_double(&w, (double)expires / 1000);
        }
        json_object_end(&w);
        result = json_finish(&w, op->call->name, err);
    }
    buf_free(&value);
    if (result == 0) {
        op_done(op);
    }
    return result;
}

/* Wall ms when the value is to go, 0 never. */
static int64_t get_expiry(struct call_args *args)
{
    int64_t ttl = call_args_seconds_or(args, "ttl", -1);
    int64_t expires = call_args_seconds_or(args, "expires", 0);
    if (ttl == 0) {
        call_args_fault(args, "ttl must be greater than 0");
    }
    return ttl > 0 ? loop_wall(args->op->caller->host->loop) + ttl : expires;
}

static int store_set(struct op *op, struct slice object, struct slice bytes,
                     struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice key = get_key(&args);
    struct slice value = call_args_value(&args, "value");
    int64_t expires = get_expiry(&args);
    char space[OWNER];
    const char *owner = get_owner(&args, space);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    if (value.len > LIMIT_STORE_VALUE) {
        return err_set(err, ERR_LIMIT,
                       "cannot store '%.*s': %zu bytes are more than %zu",
                       SLICE_ARG(key), value.len, LIMIT_STORE_VALUE);
    }
    if (store_kv_set(store, owner, key, value, expires, op->caller->store_quota,
                     err)) {
        return -1;
    }
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

static int store_delete(struct op *op, struct slice object, struct slice bytes,
                        struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice key = get_key(&args);
    (void)bytes;
    if (call_args_check(&args) ||
        store_kv_delete(store, op->caller->script, key, err)) {
        return -1;
    }
    buf_adds(&op->result, "true");
    op_done(op);
    return 0;
}

static void add_key(void *arg, struct slice key)
{
    json_put_string(arg, key);
}

static int store_keys(struct op *op, struct slice object, struct slice bytes,
                      struct err *err)
{
    struct call_args args = call_args_of(op, object, err);
    struct store *store = need_store(&args);
    struct slice prefix = call_args_string_opt(&args, "prefix");
    struct slice after = call_args_string_opt(&args, "after");
    int max = (int)call_args_int(&args, "max", 100, 1, LIMIT_CALL_ROWS);
    (void)bytes;
    if (call_args_check(&args)) {
        return -1;
    }
    struct json_writer w;
    json_writer_init(&w, &op->result);
    json_array_begin(&w);
    if (store_kv_keys(store, op->caller->script,
                      prefix.ptr ? prefix : slice_str(""), after, max, add_key,
                      &w, err) < 0) {
        return -1;
    }
    json_array_end(&w);
    if (json_finish(&w, op->call->name, err)) {
        return -1;
    }
    op_done(op);
    return 0;
}

const struct call call_store_table[] = {
    { "store.get", CALL_NOW, store_get, NULL },
    { "store.set", CALL_NOW, store_set, NULL },
    { "store.delete", CALL_NOW, store_delete, NULL },
    { "store.keys", CALL_NOW, store_keys, NULL },
    { 0 },
};
