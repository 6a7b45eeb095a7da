#ifndef CHECK_H
#define CHECK_H

#include "buf.h"
#include "err.h"
#include "loop.h"
#include "manager.h"

/* Looks for mistakes in a script without running it for real: loads its main
 * chunk in a generation whose account is empty and in memory, checks what it
 * registers, and reads its text for names that do not exist. Appends lines
 * "file:line:col: error: ..." to out. Returns the number of findings, or -1
 * with *err filled when the file cannot be looked at at all. */
int check_script(struct loop *loop, const struct manager_script *script,
                 const char *lua_path, struct buf *out, struct err *err);

#endif
