#ifndef DELIVERY_FIXTURE_H
#define DELIVERY_FIXTURE_H

#include "store_fixture.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* What tests of delivery and sync share beyond a store in memory. */

static inline int refuse_commit(void *arg)
{
    (void)arg;
    return 1;
}

/* While broken, no commit of account.db reaches the disk. */
static inline void break_disk(bool broken)
{
    sqlite3_commit_hook(store->account.db, broken ? refuse_commit : NULL, NULL);
}

static inline void remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char file[512];
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        unlink(file);
    }
    closedir(dir);
    rmdir(path);
}

#endif
