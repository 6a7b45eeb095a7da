#include "store_internal.h"

#include <sqlite3.h>

void store_query_open(struct store_query *query, struct store_file *file,
                      enum store_statement which, const char *what,
                      const char *sql)
{
    sqlite3_stmt **stmt = &file->statements[which];
    *query = (struct store_query) { .file = file, .what = what };
    if (!*stmt)
        query->code = sqlite3_prepare_v3(file->db, sql, -1,
                                         SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (query->code != SQLITE_OK)
        return;
    query->busy = sqlite3_stmt_busy(*stmt);
    if (!query->busy)
        query->stmt = *stmt;
}

static void note(struct store_query *query, int code)
{
    if (query->code == SQLITE_OK)
        query->code = code;
}

void store_query_text(struct store_query *query, int at, struct slice value)
{
    if (!query->stmt)
        return;
    if (value.ptr)
        note(query, sqlite3_bind_text64(query->stmt, at, value.ptr, value.len,
                                        SQLITE_STATIC, SQLITE_UTF8));
    else
        note(query, sqlite3_bind_null(query->stmt, at));
}

void store_query_int(struct store_query *query, int at, int64_t value)
{
    if (query->stmt)
        note(query, sqlite3_bind_int64(query->stmt, at, value));
}

int store_query_step(struct store_query *query, struct err *err)
{
    if (query->busy)
        return err_set(err, ERR_MISUSE,
                       "cannot %s in %s: a walk of that kind is under way",
                       query->what, query->file->name);
    int code = query->code;
    if (code == SQLITE_OK)
        code = sqlite3_step(query->stmt);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    /* Told now: closing the statement forgets the message. */
    return store_file_failed(query->file, query->what, code, err);
}

struct slice store_query_slice(struct store_query *query, int column)
{
    /* As a blob: no conversion, so no memory that could run out. */
    const void *bytes = sqlite3_column_blob(query->stmt, column);
    int len = sqlite3_column_bytes(query->stmt, column);
    if (sqlite3_column_type(query->stmt, column) == SQLITE_NULL)
        return SLICE_NONE;
    return bytes ? slice_make(bytes, (size_t)len) : slice_str("");
}

const char *store_query_string(struct store_query *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query->stmt, column);
    return text ? (const char *)text : "";
}

int64_t store_query_number(struct store_query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

void store_query_close(struct store_query *query)
{
    if (!query->stmt)
        return;
    sqlite3_reset(query->stmt);
    sqlite3_clear_bindings(query->stmt);
    query->stmt = NULL;
}

int store_query_run(struct store_query *query, struct err *err)
{
    int status = 0;
    if (!store_file_in_transaction(query->file))
        status =
            err_set(err, ERR_STORE, "cannot %s in %s: no transaction is open",
                    query->what, query->file->name);
    while (status == 0 && (status = store_query_step(query, err)) == 1)
        status = 0;
    store_query_close(query);
    return status;
}

int store_query_changes(const struct store_query *query)
{
    return sqlite3_changes(query->file->db);
}

int64_t store_query_inserted(const struct store_query *query)
{
    return sqlite3_last_insert_rowid(query->file->db);
}
