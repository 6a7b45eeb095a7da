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

void chat_input_start(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigemptyset(&action.sa_mask);
    /* Without SA_RESTART: a wait ends. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    input.then = now_ms();
}

static int push_elapsed(lua_State *L)
{
    int64_t now = now_ms();
    lua_pushinteger(L, now - input.then);
    input.then = now;
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
