#ifndef CALLS_FIXTURE_H
#define CALLS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transport_fake.h"

#include "call.h"
#include "json_read.h"
#include "limits.h"
#include "op.h"

/* What tests of calls share: an account on a virtual loop, with a scripted
 * network, databases in memory and a login. */

#define S(text) slice_str(text)

static struct err err;
static struct loop *loop;
static struct fake *fake;
static struct call_host host;
static struct caller caller;
static struct crypto *crypto;
static struct op_cause cause; /* of what is begun next */

static inline void lost_send(void *arg, const struct store_outbox_row *row,
                             const struct err *why)
{
    (void)row;
    (void)why;
    ++*(int *)arg;
}

static int lost_sends;

static inline void open_login(void)
{
    host.session = session_new(loop, &fake->transport, NULL, true, &err);
    assert_non_null(host.session);
    assert_int_equal(session_adopt(host.session, S("https://hs.test"),
                                   S("@bot:hs.test"), S("DEVICE"),
                                   S("secret-token"), &err),
                     0);
}

static inline void open_outbox(void)
{
    crypto = crypto_new(host.store, &err);
    assert_non_null(crypto);
    struct outbox_config config = {
        .loop = loop,
        .store = host.store,
        .homeserver = session_homeserver(host.session),
        .crypto = crypto,
        .lost = lost_send,
        .arg = &lost_sends,
    };
    host.outbox = outbox_new(&config, &err);
    assert_non_null(host.outbox);
    outbox_synced(host.outbox);
}

/* A host without an account, as under exec. */
static inline int set_up_bare(void **state)
{
    (void)state;
    loop = loop_new(LOOP_VIRTUAL, &err);
    fake = fake_new(loop);
    lost_sends = 0;
    cause = (struct op_cause) { 0 };
    host = (struct call_host) { .loop = loop,
                                .transport = &fake->transport,
                                .account = "main",
                                .prefix = "!" };
    caller = (struct caller) { .host = &host,
                               .script = "echo",
                               .generation = 1,
                               .store_quota = LIMIT_STORE,
                               .http_body = LIMIT_HTTP_BODY,
                               .log_lines = LIMIT_LOG_LINES };
    return loop ? 0 : -1;
}

static inline int set_up_account(void **state)
{
    set_up_bare(state);
    host.store = store_open(loop, NULL, &err);
    if (!host.store)
        return -1;
    open_login();
    open_outbox();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    caller_close(&caller);
    call_host_close(&host);
    outbox_free(host.outbox);
    crypto_free(crypto);
    crypto = NULL;
    store_close(host.store);
    session_free(host.session);
    assert_int_equal(loop_pending(loop), 0);
    fake_end(fake);
    loop_free(loop);
    return 0;
}

/* ---- one call ---- */

static inline void count_wake(void *arg)
{
    ++*(int *)arg;
}

static int woken; /* wakes so far, of all ops */

/* Starts the call; NULL when it could not be started (err says why). */
static inline struct op *begin_bytes(const char *name, const char *args,
                                     struct slice bytes)
{
    const struct call *call = call_find(S(name));
    if (!call)
        fail_msg("no call is named %s", name);
    if (json_check(S(args), &err) != 0)
        fail_msg("%s: %s", args, err.text);
    bool now = call->flags & CALL_NOW;
    struct op *op = op_start(&caller, call, &cause, S(args), bytes,
                             now ? NULL : count_wake, &woken, &err);
    if (op)
        assert_int_equal(op->complete, now);
    return op;
}

static inline struct op *begin(const char *name, const char *args)
{
    struct op *op = begin_bytes(name, args, SLICE_NONE);
    if (!op)
        fail_msg("%s %s: %s", name, args, err.text);
    return op;
}

/* Runs until it is complete; it must be within ms. */
static inline void finish(struct op *op, int64_t ms)
{
    int before = woken;
    bool waits = !op->complete;
    if (waits)
        loop_advance(loop, ms);
    assert_true(op->complete);
    assert_int_equal(woken - before, waits);
}

static inline const char *keep_text(const char *text)
{
    static char kept[8][4096];
    static int next;
    char *out = kept[next++ % 8];
    snprintf(out, sizeof(kept[0]), "%s", text);
    return out;
}

/* The result of a call that succeeds; a copy. */
static inline const char *answer(const char *name, const char *args)
{
    struct op *op = begin(name, args);
    finish(op, 1000);
    if (op->failed)
        fail_msg("%s %s: %s", name, args, op->err.text);
    assert_int_equal(
        json_check(op->result.len ? buf_slice(&op->result) : S("null"), &err),
        0);
    const char *text = keep_text(buf_str(&op->result));
    op_free(op);
    return text;
}

/* The call cannot be started, for that reason. */
static inline void refused(const char *name, const char *args,
                           enum err_kind kind, const char *text)
{
    struct op *op = begin_bytes(name, args, SLICE_NONE);
    if (op)
        fail_msg("%s %s was started", name, args);
    if (err.kind != kind || !strstr(err.text, text))
        fail_msg("%s %s: %s: %s", name, args, err_kind_name(err.kind),
                 err.text);
}

/* The call is started and fails, with that kind; its error is in err. */
static inline void fails(const char *name, const char *args, int64_t ms,
                         enum err_kind kind)
{
    struct op *op = begin(name, args);
    finish(op, ms);
    assert_true(op->failed);
    if (op->err.kind != kind)
        fail_msg("%s: %s: %s", name, err_kind_name(op->err.kind), op->err.text);
    err = op->err;
    op_free(op);
}

/* ---- the store ---- */

struct test_room {
    const char *room_id, *membership;
    bool encrypted;
};

static inline int put_room(struct store *store, void *arg, struct err *why)
{
    const struct test_room *room = arg;
    if (store_room_set_membership(store, S(room->room_id), S(room->membership),
                                  why))
        return -1;
    return room->encrypted
               ? store_room_set_encrypted(store, S(room->room_id), why)
               : 0;
}

struct test_write {
    store_write_fn *run;
    void *arg;
    int done;
};

static inline int test_write_run(struct store *store, void *arg,
                                 struct err *why)
{
    struct test_write *write = arg;
    return write->run(store, write->arg, why);
}

static inline void test_write_done(void *arg, const struct err *why)
{
    if (why)
        fail_msg("%s", why->text);
    ((struct test_write *)arg)->done++;
}

static inline void write_now(store_write_fn *run, void *arg)
{
    struct test_write write = { run, arg, 0 };
    assert_int_equal(
        store_write(host.store, test_write_run, test_write_done, &write, &err),
        0);
    store_flush(host.store);
    assert_int_equal(write.done, 1);
}

static inline void add_room(const char *room_id, const char *membership,
                            bool encrypted)
{
    struct test_room room = { room_id, membership, encrypted };
    write_now(put_room, &room);
}

static inline int put_state(struct store *store, void *arg, struct err *why)
{
    return store_state_put(store, arg, why);
}

static inline void add_state(const char *room_id, const char *type,
                             const char *key, const char *sender,
                             const char *content)
{
    struct store_state state = { .room_id = S(room_id),
                                 .type = S(type),
                                 .state_key = S(key),
                                 .sender = S(sender),
                                 .event_id = S("$state"),
                                 .content = S(content),
                                 .origin_server_ts = 5 };
    write_now(put_state, &state);
}

#endif
