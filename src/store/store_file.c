#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "file.h"
#include "limits.h"

int store_file_failed(struct store_file *file, const char *what, int code,
                      struct err *err)
{
    int primary = code & 0xff;
    const char *why = sqlite3_errstr(code);
    if (file->db && sqlite3_errcode(file->db) == code)
        why = sqlite3_errmsg(file->db);
    int number = file->db ? sqlite3_system_errno(file->db) : 0;
    if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN)
        number = 0; /* left over from something that went well in the end */
    return err_set(err, primary == SQLITE_TOOBIG ? ERR_LIMIT : ERR_STORE,
                   "cannot %s in %s: %s%s%s", what, file->name, why,
                   number ? ": " : "", number ? strerror(number) : "");
}

int store_file_private(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return file_check_private(path, err);
    int status = fd < 0 ? -1 : fchmod(fd, 0600); /* whatever the umask is */
    if (status < 0)
        err_set(err, ERR_STORE, "cannot make %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

static int check_side_files(const char *path, struct err *err)
{
    static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        char *side = NULL;
        if (asprintf(&side, "%s%s", path, suffixes[i]) < 0)
            return err_set(err, ERR_SYSTEM, "cannot open %s: out of memory",
                           path);
        bool there = access(side, F_OK) == 0;
        int status = there ? file_check_private(side, err) : 0;
        free(side);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int run_text(struct store_file *file, const char *what, const char *sql,
                    struct err *err)
{
    int code = sqlite3_exec(file->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : store_file_failed(file, what, code, err);
}

static int set_up(struct store_file *file, struct err *err)
{
    sqlite3_extended_result_codes(file->db, 1);
    /* The folder's lock is ours, but somebody may take a look. */
    sqlite3_busy_timeout(file->db, LIMIT_STORE_BUSY_MS);
    sqlite3_limit(file->db, SQLITE_LIMIT_LENGTH, (int)LIMIT_ROW);
    char limit[64];
    snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit = %zu",
             LIMIT_WAL);
    if (run_text(file, "set limits", limit, err) < 0)
        return -1;
    return run_text(file, "set up the database",
                    "PRAGMA trusted_schema = OFF;"
                    "PRAGMA journal_mode = WAL;"
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA foreign_keys = ON;"
                    "PRAGMA temp_store = MEMORY",
                    err);
}

static int read_version(struct store_file *file, int *version, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code =
        sqlite3_prepare_v2(file->db, "PRAGMA user_version", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW
               ? 0
               : store_file_failed(file, "read the version", code, err);
}

static int migrate_step(struct store_file *file, const char *sql, int version,
                        struct err *err)
{
    char pragma[64];
    snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version);
    if (store_file_begin(file, err) < 0)
        return -1;
    if (run_text(file, "change the schema", sql, err) < 0 ||
        run_text(file, "change the schema", pragma, err) < 0) {
        store_file_end(file, false, NULL);
        return -1;
    }
    return store_file_end(file, true, err);
}

static int migrate(struct store_file *file, const struct store_schema *schema,
                   struct err *err)
{
    int version = 0;
    if (read_version(file, &version, err) < 0)
        return -1;
    if (version < 0 || version > schema->count)
        return err_set(err, ERR_STORE,
                       "cannot use %s: its schema %d is newer than %d, the "
                       "newest this lunatrix knows",
                       file->name, version, schema->count);
    for (; version < schema->count; version++)
        if (migrate_step(file, schema->steps[version], version + 1, err) < 0)
            return -1;
    return 0;
}

/* One thread, and nobody asks how much memory is in use: no lock around each
 * allocation. Refused, to no harm, once SQLite has begun. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int open_path(struct store_file *file, const char *path,
                     const struct store_schema *schema, struct err *err)
{
    configure();
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &file->db, flags, NULL);
    int status = code == SQLITE_OK
                     ? 0
                     : store_file_failed(file, "open the file", code, err);
    if (status == 0)
        status = set_up(file, err);
    if (status == 0)
        status = migrate(file, schema, err);
    if (status < 0)
        store_file_close(file);
    return status;
}

int store_file_open(struct store_file *file, const char *directory,
                    const char *name, const struct store_schema *schema,
                    struct err *err)
{
    *file = (struct store_file) { .name = name };
    if (!directory)
        return open_path(file, ":memory:", schema, err);
    char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return err_set(err, ERR_SYSTEM, "cannot open %s: out of memory", name);
    /* The file is made before SQLite sees it: SQLite gives a new one the
     * umask's mode, and -wal and -shm the mode of the file. */
    int status = store_file_private(path, err);
    if (status == 0)
        status = check_side_files(path, err);
    if (status == 0 && open_path(file, path, schema, err) < 0)
        status = err_prefix(err, "account folder %s", directory);
    free(path);
    return status;
}

static int look_at(struct store_file *file, const char *path,
                   const struct store_schema *schema, struct err *err)
{
    int version = 0;
    configure();
    int code = sqlite3_open_v2(
        path, &file->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return store_file_failed(file, "open the file", code, err);
    sqlite3_busy_timeout(file->db, LIMIT_STORE_BUSY_MS);
    sqlite3_limit(file->db, SQLITE_LIMIT_LENGTH, (int)LIMIT_ROW);
    if (read_version(file, &version, err) < 0)
        return -1;
    if (version == schema->count)
        return 0;
    return err_set(err, ERR_STORE,
                   "cannot look into %s: its schema is %d and not %d; run "
                   "brings it up to date",
                   file->name, version, schema->count);
}

int store_file_look(struct store_file *file, const char *directory,
                    const char *name, const struct store_schema *schema,
                    struct err *err)
{
    char *path = NULL;
    *file = (struct store_file) { .name = name };
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return err_set(err, ERR_SYSTEM, "cannot open %s: out of memory", name);
    int status = file_check_private(directory, err);
    if (status == 0)
        status = file_check_private(path, err);
    if (status == 0 && look_at(file, path, schema, err) < 0)
        status = err_prefix(err, "account folder %s", directory);
    free(path);
    if (status < 0)
        store_file_close(file);
    return status;
}

void store_file_close(struct store_file *file)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(file->statements[i]);
        file->statements[i] = NULL;
    }
    sqlite3_close(file->db);
    file->db = NULL;
}

bool store_file_in_transaction(const struct store_file *file)
{
    return !sqlite3_get_autocommit(file->db);
}

static int control(struct store_file *file, enum store_statement which,
                   const char *what, const char *sql, struct err *err)
{
    struct store_query query;
    store_query_open(&query, file, which, what, sql);
    int status = store_query_step(&query, err);
    store_query_close(&query);
    return status;
}

int store_file_begin(struct store_file *file, struct err *err)
{
    /* IMMEDIATE: what cannot be written is known before anything ran. */
    return control(file, STATEMENT_BEGIN, "begin a transaction",
                   "BEGIN IMMEDIATE", err);
}

static void roll_back(struct store_file *file)
{
    if (store_file_in_transaction(file))
        control(file, STATEMENT_ROLLBACK, "roll back", "ROLLBACK", NULL);
}

int store_file_end(struct store_file *file, bool commit, struct err *err)
{
    int status = 0;
    if (commit && !store_file_in_transaction(file))
        status = err_set(err, ERR_STORE,
                         "cannot commit to %s: an earlier failure rolled the "
                         "transaction back",
                         file->name);
    else if (commit)
        status = control(file, STATEMENT_COMMIT, "commit", "COMMIT", err);
    if (!commit || status < 0)
        roll_back(file);
    return status;
}

const char *store_version(void)
{
    return sqlite3_libversion();
}
