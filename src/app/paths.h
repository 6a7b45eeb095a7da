#ifndef PATHS_H
#define PATHS_H

#include "buf.h"
#include "err.h"

/* Where things are kept: systemd's folders when it names them, else XDG's,
 * else below $HOME. Each function replaces the content of out. 0 or -1. */

/* An account's folder: $LUNATRIX_STATE_DIR/<account>,
 * $STATE_DIRECTORY/<account>, $XDG_DATA_HOME/lunatrix/<account>. */
int paths_account(const char *account, struct buf *out, struct err *err);
/* The variable that decides, HOME with none of those. */
const char *paths_account_variable(void);
/* <account's folder>/<name>. */
int paths_in_account(const char *account, const char *name, struct buf *out,
                     struct err *err);
/* The control socket: $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/lunatrix, or the
 * account's folder where there is neither; its folder is made. */
int paths_socket(const char *account, struct buf *out, struct err *err);
/* Lines typed at `name`: $XDG_STATE_HOME/lunatrix/history-<name>; its folder
 * is made. */
int paths_history(const char *name, struct buf *out, struct err *err);
/* The first configuration that exists: $LUNATRIX_CONFIG, ./lunatrix.lua, the
 * user's folder, /etc/lunatrix. 1 found, 0 none, -1. */
int paths_config(const char *flag, struct buf *out, struct err *err);
/* Is name fit for an account or script: letters, digits, '-', '_', '.', not
 * beginning with '.', at most 64 bytes? */
int paths_check_name(const char *what, const char *name, struct err *err);
/* The folder part of path, "." when it has none. */
int paths_directory(const char *path, struct buf *out);

#endif
