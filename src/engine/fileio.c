#include "fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "file.h"
#include "gen_internal.h"
#include "limits.h"
#include "module.h"

#define FILENAME_MOST 255 /* of every Linux file system */

/* ---- finding the file ---- */

static int flags_of(const char *mode)
{
    bool update = strchr(mode, '+') != NULL;
    int flags = update ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    if (mode[0] != 'r') {
        flags |= O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
    }
    return flags;
}

static bool is_mode(const char *mode)
{
    if (*mode == '\0' || strchr("rwa", *mode) == NULL) {
        return false;
    }
    mode++;
    mode += *mode == '+';
    return strspn(mode, "b") == strlen(mode) && strlen(mode) < 2;
}

static int open_base(const struct gen *gen, bool make)
{
    const char *base = gen->caller.exec ? "." : gen->data_dir;
    if (!base) {
        errno = EACCES;
        return -1;
    }
    int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && make &&
        file_make_private_dir(base, NULL) == 0) {
        fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    return fd;
}

static void close_quietly(int fd)
{
    int kept = errno;
    close(fd);
    errno = kept;
}

/* One component of the path; takes the directory. */
static int descend(int directory, const char *name, size_t len, int flags)
{
    char part[FILENAME_MOST + 1];
    if (len >= sizeof part) {
        close(directory);
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, name, len);
    part[len] = '\0';
    int fd = openat(directory, part, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
    close_quietly(directory);
    return fd;
}

/* path has no ".." and does not begin at the root. */
static int open_below(int directory, const char *path, int flags)
{
    for (;;) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (path[len] == '\0') {
            return descend(directory, path, len, flags | O_NONBLOCK | O_NOCTTY);
        }
        directory = descend(directory, path, len, O_PATH | O_DIRECTORY);
        if (directory < 0) {
            return -1;
        }
        path += len;
    }
}

/* A pipe or a device could stop the whole program. */
static int check_regular(int fd)
{
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
        errno = EACCES;
    }
    return -1;
}

static FILE *open_file(const struct gen *gen, const char *path,
                       const char *mode)
{
    if (path[0] == '/' || path[0] == '\0' || module_leaves(path)) {
        errno = EACCES;
        return NULL;
    }
    int directory = open_base(gen, mode[0] != 'r');
    if (directory < 0) {
        return NULL;
    }
    int fd = check_regular(open_below(directory, path, flags_of(mode)));
    if (fd < 0) {
        return NULL;
    }
    FILE *file = fdopen(fd, mode);
    if (!file) {
        close_quietly(fd);
    }
    return file;
}

/* ---- the functions ---- */

static int close_handle(lua_State *L)
{
    luaL_Stream *handle = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    int status = fclose(handle->f);
    return luaL_fileresult(L, status == 0, NULL);
}

/* Pushes an open handle, or raises nothing and leaves errno: false. */
static bool push_file(lua_State *L, const char *path, const char *mode)
{
    luaL_Stream *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->closef = NULL; /* closed so far */
    luaL_setmetatable(L, LUA_FILEHANDLE);
    handle->f = open_file(gen_from(L), path, mode);
    if (!handle->f) {
        return false;
    }
    handle->closef = close_handle;
    return true;
}

static const char *check_path(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, strlen(path) == len, 1, "path holds a NUL");
    return path;
}

static int fileio_open_file(lua_State *L)
{
    const char *path = check_path(L);
    const char *mode = luaL_optstring(L, 2, "r");
    luaL_argcheck(L, is_mode(mode), 2, "invalid mode");
    return push_file(L, path, mode) ? 1 : luaL_fileresult(L, 0, path);
}

/* io.lines(path, ...): handle:lines(...), nil, nil, handle to be closed by
 * the loop. */
static int fileio_lines(lua_State *L)
{
    if (lua_isnoneornil(L, 1) && gen_from(L)->caller.exec) {
        lua_pushvalue(L, lua_upvalueindex(1)); /* of standard input */
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    const char *path = check_path(L);
    if (!push_file(L, path, "r")) {
        return luaL_error(L, "%s: %s", path, strerror(errno));
    }
    lua_replace(L, 1);
    int count = lua_gettop(L);
    luaL_checkstack(L, count + 4, "too many arguments");
    lua_getfield(L, 1, "lines");
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
    }
    lua_call(L, count, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, 1);
    return 4;
}

static void copy_fields(lua_State *L, int from, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        lua_setfield(L, -2, *names);
    }
}

void fileio_open(lua_State *L)
{
    static const char *const all[] = { "close", "type", NULL };
    static const char *const exec[] = { "read",   "write",  "stdin",
                                        "stdout", "stderr", NULL };
    lua_pushcfunction(L, luaopen_io);
    lua_call(L, 0, 1);
    int stock = lua_gettop(L);
    lua_newtable(L);
    lua_pushcfunction(L, fileio_open_file);
    lua_setfield(L, -2, "open");
    lua_getfield(L, stock, "lines");
    lua_pushcclosure(L, fileio_lines, 1);
    lua_setfield(L, -2, "lines");
    copy_fields(L, stock, all);
    if (gen_from(L)->caller.exec) {
        copy_fields(L, stock, exec);
    }
    lua_remove(L, stock);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    lua_pushboolean(L, 0); /* its __gc is nobody's to change */
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
