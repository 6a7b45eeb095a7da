#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "loop.h"
#include "store.h"
#include "store_internal.h"

/* A store in memory on a virtual loop, checked for integrity at the end. */
static struct loop *loop;
static struct store *store;
static struct err err;

#define S(text) slice_str(text)
#define ok(call) ok_at((call) < 0, #call, __LINE__)

static inline void ok_at(int failed, const char *call, int line)
{
    if (failed)
        fail_msg("line %d: %s: %s", line, call, err.text);
}

static inline void assert_slice(struct slice a, const char *text)
{
    char copy[256];
    snprintf(copy, sizeof(copy), "%.*s", SLICE_ARG(a));
    assert_string_equal(copy, text);
    assert_int_equal(a.len, strlen(text));
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* The first column of the first row. */
static inline int64_t number(struct store_file *file, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(file->db, sql, -1, &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static inline void assert_sound(void)
{
    struct store_file *const files[] = { &store->account, &store->scripts };
    for (int i = 0; i < 2; i++) {
        const char *sql = "SELECT integrity_check = 'ok' FROM"
                          " pragma_integrity_check";
        assert_int_equal(number(files[i], sql), 1);
        sql = "SELECT count(*) FROM pragma_foreign_key_check";
        assert_int_equal(number(files[i], sql), 0);
        /* No statement was left open: it would hold a snapshot. */
        sqlite3_stmt *stmt = NULL;
        while ((stmt = sqlite3_next_stmt(files[i]->db, stmt)) != NULL)
            assert_int_equal(sqlite3_stmt_busy(stmt), 0);
    }
}

static inline int set_up_memory(void **state)
{
    (void)state;
    loop = loop_new(LOOP_VIRTUAL, &err);
    store = loop ? store_open(loop, NULL, &err) : NULL;
    return store ? 0 : -1;
}

static inline int tear_down_memory(void **state)
{
    (void)state;
    assert_sound();
    store_close(store);
    assert_int_equal(loop_pending(loop), 0);
    loop_free(loop);
    return 0;
}

/* What stands between them is one transaction. */
static inline void begin(void)
{
    ok(store_ingest_begin(store, &err));
}

static inline void commit(void)
{
    ok(store_ingest_end(store, true, &err));
}

#define MEMORY_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, set_up_memory, tear_down_memory)

#endif
