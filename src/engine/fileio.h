#ifndef FILEIO_H
#define FILEIO_H

#include <lua.h>

/* The script's `io`: Lua's own file handles, opened only below the script's
 * data directory (a plain script's: the working directory), following no
 * symbolic link, and only regular files. A plain script has its standard
 * streams too. */

/* Pushes the table. */
void fileio_open(lua_State *L);

#endif
