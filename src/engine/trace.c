#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

static bool is_library(const lua_Debug *ar)
{
    return strncmp(ar->source, TRACE_LIBRARY, strlen(TRACE_LIBRARY)) == 0;
}

static bool is_script(const lua_Debug *ar)
{
    return ar->what[0] != 'C' && !is_library(ar);
}

static const char *file_of(const lua_Debug *ar)
{
    return ar->source[0] == '@' ? ar->source + 1 : ar->short_src;
}

static void set_place(struct trace_place *place, const char *file, int line)
{
    snprintf(place->file, sizeof place->file, "%s", file);
    place->line = line;
}

bool trace_where(lua_State *L, int level, struct trace_place *place)
{
    lua_Debug ar;
    set_place(place, "", 0);
    for (int end = level + LIMIT_TRACE_LEVELS; level < end; level++) {
        if (!lua_getstack(L, level, &ar)) {
            return false;
        }
        lua_getinfo(L, "Sl", &ar);
        if (is_script(&ar) && ar.currentline > 0) {
            set_place(place, file_of(&ar), ar.currentline);
            return true;
        }
    }
    return false;
}

static void write_frame(const lua_Debug *ar, struct buf *out)
{
    buf_addf(out, "%s%s:%d: in ", out->len > 0 ? "\n" : "", file_of(ar),
             ar->currentline);
    if (strcmp(ar->what, "main") == 0) {
        buf_adds(out, "main chunk");
    } else if (ar->namewhat[0] == '\0') {
        buf_addf(out, "function <%s:%d>", file_of(ar), ar->linedefined);
    } else if (strcmp(ar->namewhat, "global") == 0) {
        buf_addf(out, "function '%s'", ar->name);
    } else {
        buf_addf(out, "%s '%s'", ar->namewhat, ar->name);
    }
}

void trace_write(lua_State *L, struct buf *out)
{
    lua_Debug ar;
    int shown = 0;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sln", &ar);
        if (!is_script(&ar)) {
            continue;
        }
        if (shown == LIMIT_TRACE_SHOWN || level == LIMIT_TRACE_LEVELS) {
            buf_adds(out, "\n...");
            break;
        }
        write_frame(&ar, out);
        shown++;
    }
}

const char *trace_called_as(lua_State *L, lua_Debug *ar)
{
    const char *name = NULL;
    for (int level = 0; level < LIMIT_TRACE_LEVELS; level++) {
        if (!lua_getstack(L, level, ar)) {
            break;
        }
        lua_getinfo(L, "Sn", ar);
        if (is_script(ar)) {
            break;
        }
        if (is_library(ar)) {
            name = ar->name;
        }
    }
    return name;
}

/* The whole file name for a shortened one ("...s/echo.lua"). */
static void whole_file(lua_State *L, struct trace_place *place)
{
    lua_Debug ar;
    for (int level = 0; level < LIMIT_TRACE_LEVELS; level++) {
        if (!lua_getstack(L, level, &ar)) {
            return;
        }
        lua_getinfo(L, "S", &ar);
        if (ar.what[0] != 'C' && strcmp(ar.short_src, place->file) == 0) {
            set_place(place, file_of(&ar), place->line);
            return;
        }
    }
}

const char *trace_split(lua_State *L, const char *message,
                        struct trace_place *place)
{
    const char *p = message;
    while ((p = strchr(p, ':')) != NULL) {
        char *end;
        long line = strtol(p + 1, &end, 10);
        if (strncmp(p, "://", 3) == 0) {
            break; /* a URL with a port */
        }
        if (end > p + 1 && strncmp(end, ": ", 2) == 0 && line > 0 &&
            (size_t)(p - message) < sizeof place->file) {
            snprintf(place->file, sizeof place->file, "%.*s",
                     (int)(p - message), message);
            place->line = (int)line;
            whole_file(L, place);
            return end + 2;
        }
        if (memchr(message, '\n', (size_t)(p - message))) {
            break;
        }
        p++;
    }
    trace_where(L, 0, place);
    return message;
}
