#include "chat_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "limits.h"
#include "line_input.h"

#define TICK_MS 100 /* between two looks at the clock and the script */

/* One process has one standard input. */
static struct {
    char text[LIMIT_CHAT_LINE];
    size_t length;
    bool ended;
    int64_t then;
} input;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigemptyset(&action.sa_mask);
    /* Without SA_RESTART: a wait ends. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int64_t take_elapsed(void)
{
    int64_t now = now_ms(), elapsed = now - input.then;
    input.then = now;
    return elapsed;
}

/* ---- lines that are edited --------------------------------------------- */

static struct {
    struct line_input *input;
    lua_State *L; /* while read runs; its stack: prompt, idle, complete */
    bool failed;  /* an error is on top of the stack */
    struct buf line;
} editor;

/* Calls the function below n arguments. */
static bool call_back(int n, int results)
{
    editor.failed = lua_pcall(editor.L, n, results, 0) != LUA_OK;
    return !editor.failed;
}

static bool on_idle(void *arg)
{
    (void)arg;
    if (editor.failed)
        return false;
    lua_pushvalue(editor.L, 2);
    lua_pushinteger(editor.L, take_elapsed());
    return call_back(1, 0);
}

static size_t on_complete(void *arg, const char *text, struct buf *out)
{
    lua_State *L = editor.L;
    lua_Integer start = 0;

    (void)arg;
    if (editor.failed)
        return 0;
    lua_pushvalue(L, 3);
    lua_pushstring(L, text);
    if (!call_back(1, 2))
        return 0;
    start = lua_tointeger(L, -2);
    for (int i = 1; lua_istable(L, -1); i++) {
        bool is_word = lua_rawgeti(L, -1, i) == LUA_TSTRING;
        if (is_word)
            buf_addf(out, "%s\n", lua_tostring(L, -1));
        lua_pop(L, 1);
        if (!is_word)
            break;
    }
    lua_pop(L, 2);
    return start > 0 ? (size_t)start - 1 : 0;
}

static const struct line_input_use use = {
    .name = "try",
    .fd = -1,
    .tick_ms = TICK_MS,
    .on_idle = on_idle,
    .on_complete = on_complete,
};

int chat_input_edits(lua_State *L)
{
    lua_pushboolean(L, editor.input != NULL);
    return 1;
}

int chat_input_print(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);

    lua_pushfstring(L, "%s\n", text);
    text = lua_tolstring(L, -1, &length);
    line_input_print(editor.input, slice_make(text, length));
    return 0;
}

int chat_input_read(lua_State *L)
{
    const char *prompt = luaL_checkstring(L, 1);
    enum line_input_result result;

    lua_settop(L, 3);
    editor.L = L;
    editor.failed = false;
    do
        result = line_input_read(editor.input, prompt, &editor.line);
    while (result == LINE_INPUT_CLEARED && !editor.failed);
    if (editor.failed)
        return lua_error(L);
    if (result == LINE_INPUT_LINE)
        lua_pushlstring(L, buf_str(&editor.line), editor.line.len);
    else
        lua_pushboolean(L, 0);
    lua_pushinteger(L, take_elapsed());
    return 2;
}

/* ---- lines as they come ------------------------------------------------ */

void chat_input_stop(void)
{
    line_input_close(editor.input);
    editor.input = NULL;
    buf_free(&editor.line);
}

void chat_input_start(void)
{
    struct err err;

    input.then = now_ms();
    buf_init(&editor.line, LIMIT_CHAT_LINE);
    if (line_input_possible())
        editor.input = line_input_open(&use, &err);
    if (!editor.input)
        catch_signals();
}
static int push_elapsed(lua_State *L)
{
    lua_pushinteger(L, take_elapsed());
    return 2;
}

/* Pushes the first line of what was read. False: there is none. */
static bool push_line(lua_State *L)
{
    char *end = memchr(input.text, '\n', input.length);
    size_t length = end ? (size_t)(end - input.text) : input.length;
    size_t used = end ? length + 1 : length;
    bool full = input.length == sizeof input.text;

    if (!end && !full && !(input.ended && length > 0))
        return false;
    lua_pushlstring(L, input.text, length);
    input.length -= used;
    memmove(input.text, input.text + used, input.length);
    return true;
}

/* False: ms passed, or a signal came. */
static bool read_more(int ms)
{
    struct pollfd wanted = { .fd = STDIN_FILENO, .events = POLLIN };
    ssize_t got;

    if (poll(&wanted, 1, ms) <= 0)
        return false;
    got = read(STDIN_FILENO, input.text + input.length,
               sizeof input.text - input.length);
    if (got > 0)
        input.length += (size_t)got;
    else if (got == 0 || errno != EINTR)
        input.ended = true;
    return true;
}

int chat_input_wait(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);

    for (;;) {
        if (interrupted)
            break;
        if (push_line(L))
            return push_elapsed(L);
        if (input.ended)
            break;
        if (!read_more((int)ms) && !interrupted && ms >= 0) {
            lua_pushnil(L);
            return push_elapsed(L);
        }
    }
    lua_pushboolean(L, 0);
    return push_elapsed(L);
}

int chat_input_interrupted(lua_State *L)
{
    bool is_so = interrupted;
    if (editor.input) {
        line_input_wait(editor.input, -1, 0); /* signals come only here */
        is_so = line_input_interrupted(editor.input) ||
                line_input_ended(editor.input);
    }
    lua_pushboolean(L, is_so);
    return 1;
}
