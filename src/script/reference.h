#ifndef REFERENCE_H
#define REFERENCE_H

#include "buf.h"
#include "err.h"

/* What the description of the API (lua/matrix/describe_*.lua) says, as text.
 * lua_path as in gen_config. All append to out and return 0, or -1. */

/* Annotations for editors that know LuaLS: of what `require "matrix"` gives,
 * and of every class; module "test": of what `require "matrix.test"` gives. */
int reference_types(const char *lua_path, const char *module, struct buf *out,
                    struct err *err);
/* The entry of a name ("ev:reply"), or of all names that hold it; name NULL:
 * every name, a line each. An unknown one is ERR_CONFIG, with a suggestion. */
int reference_docs(const char *lua_path, const char *name, struct buf *out,
                   struct err *err);
/* All of it, as a page of Markdown. */
int reference_page(const char *lua_path, struct buf *out, struct err *err);

#endif
