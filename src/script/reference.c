#include "reference.h"

#include <lauxlib.h>
#include <lualib.h>

#include "library_state.h"

struct reference {
    const char *lua_path, *file, *name;
    struct buf *out;
};

/* Protected: core.require(file)(name), which returns text, or nil and why. */
static int run(lua_State *L)
{
    struct reference *reference = lua_touserdata(L, 1);
    size_t len;
    luaL_openlibs(L);
    library_state_push(L, reference->lua_path);
    lua_getfield(L, -1, "require");
    lua_pushstring(L, reference->file);
    lua_call(L, 1, 1);
    lua_pushstring(L, reference->name);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2)) {
        return lua_error(L);
    }
    const char *text = luaL_checklstring(L, -2, &len);
    buf_add(reference->out, slice_make(text, len));
    return 0;
}

static int render(struct reference *reference, struct err *err)
{
    lua_State *L = luaL_newstate();
    int result = -1;
    if (!L) {
        return err_set(err, ERR_SYSTEM,
                       "cannot read the description: out of memory");
    }
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, reference);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) {
        result = buf_check(reference->out, "the description", err);
    } else {
        err_set(err, ERR_CONFIG, "%s", luaL_tolstring(L, -1, NULL));
    }
    lua_close(L);
    return result;
}

int reference_types(const char *lua_path, const char *module, struct buf *out,
                    struct err *err)
{
    struct reference reference = { lua_path, "annotate", module, out };
    return render(&reference, err);
}

int reference_docs(const char *lua_path, const char *name, struct buf *out,
                   struct err *err)
{
    struct reference reference = { lua_path, "reference", name, out };
    return render(&reference, err);
}

int reference_page(const char *lua_path, struct buf *out, struct err *err)
{
    struct reference reference = { lua_path, "reference_page", NULL, out };
    return render(&reference, err);
}
