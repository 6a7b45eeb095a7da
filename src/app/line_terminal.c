#include "line_terminal.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

static const struct {
    int number, flag;
} taken[] = {
    { SIGINT, LINE_TERMINAL_INTERRUPT }, { SIGTERM, LINE_TERMINAL_END },
    { SIGHUP, LINE_TERMINAL_END },       { SIGTSTP, LINE_TERMINAL_STOP },
    { SIGCONT, LINE_TERMINAL_CONTINUE }, { SIGWINCH, LINE_TERMINAL_RESIZE },
};
static const int deadly[] = {
    SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct {
    struct termios state;
    bool has_state;
    sigset_t mask; /* of before */
    struct sigaction before[COUNT(taken)], before_death[COUNT(deadly)];
} saved;

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    for (size_t i = 0; i < COUNT(taken); i++) {
        if (taken[i].number == number)
            signals |= taken[i].flag;
    }
}

static void restore_state(void)
{
    if (saved.has_state)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved.state);
}

/* The terminal first, then whatever the signal did before. */
static void on_death(int number)
{
    restore_state();
    for (size_t i = 0; i < COUNT(deadly); i++) {
        if (deadly[i] == number)
            sigaction(number, &saved.before_death[i], NULL);
    }
    raise(number);
}

void line_terminal_take(void)
{
    static bool at_exit;
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t blocked;

    saved.has_state = tcgetattr(STDIN_FILENO, &saved.state) == 0;
    if (!at_exit)
        at_exit = atexit(restore_state) == 0;
    sigemptyset(&blocked);
    for (size_t i = 0; i < COUNT(taken); i++)
        sigaddset(&blocked, taken[i].number);
    action.sa_mask = blocked;
    sigprocmask(SIG_BLOCK, &blocked, &saved.mask);
    for (size_t i = 0; i < COUNT(taken); i++)
        sigaction(taken[i].number, &action, &saved.before[i]);
    action.sa_handler = on_death;
    for (size_t i = 0; i < COUNT(deadly); i++)
        sigaction(deadly[i], &action, &saved.before_death[i]);
}

void line_terminal_give_back(void)
{
    restore_state();
    saved.has_state = false;
    for (size_t i = 0; i < COUNT(taken); i++)
        sigaction(taken[i].number, &saved.before[i], NULL);
    for (size_t i = 0; i < COUNT(deadly); i++)
        sigaction(deadly[i], &saved.before_death[i], NULL);
    sigprocmask(SIG_SETMASK, &saved.mask, NULL);
}

int line_terminal_wait(int first, int second, int ms)
{
    struct pollfd wanted[2] = { { .fd = first, .events = POLLIN },
                                { .fd = second, .events = POLLIN } };
    struct timespec limit = { ms / 1000, ms % 1000 * 1000000L };

    if (ppoll(wanted, 2, ms < 0 ? NULL : &limit, &saved.mask) <= 0)
        return 0;
    return (wanted[0].revents != 0) | (wanted[1].revents != 0) << 1;
}

int line_terminal_signals(int mask)
{
    int found = signals & mask;
    signals &= ~mask; /* none can come: they are blocked */
    return found;
}

bool line_terminal_has_ended(void)
{
    return signals & LINE_TERMINAL_END;
}

void line_terminal_stop(void)
{
    struct sigaction plain = { .sa_handler = SIG_DFL }, before;
    sigset_t stop, mask;

    sigemptyset(&plain.sa_mask);
    sigaction(SIGTSTP, &plain, &before);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &mask); /* stops here */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &before, NULL);
}

/* ---- where the cursor is ----------------------------------------------- */

static void screen(int *rows, int *columns)
{
    struct winsize size;

    *rows = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_row > 0)
        *rows = size.ws_row;
    if (size.ws_col > 0)
        *columns = size.ws_col;
}

int line_terminal_columns(void)
{
    int rows, columns;
    screen(&rows, &columns);
    return columns;
}

/* How libedit shows a character. */
static int width(wchar_t c, int column)
{
    if (c == L'\t')
        return 8 - column % 8;
    if (iswcntrl((wint_t)c))
        return 2; /* ^X */
    if (!iswprint((wint_t)c))
        return c > 0xffff ? 8 : 7; /* \U+XXXX */
    return wcwidth(c);
}

static void move(const wchar_t *from, const wchar_t *to, int columns, int *row,
                 int *column)
{
    for (; from < to; from++) {
        int wide = width(*from, *column);
        if (*from == L'\n' || *column + wide > columns) {
            ++*row;
            *column = *from == L'\n' ? 0 : wide;
        } else {
            *column += wide;
        }
        if (*column >= columns) {
            *column = 0;
            ++*row;
        }
    }
}

int line_terminal_row(const wchar_t *prompt, const wchar_t *from,
                      const wchar_t *to)
{
    int rows, columns, row = 0, column = 0;

    screen(&rows, &columns);
    move(prompt, prompt + wcslen(prompt), columns, &row, &column);
    move(from, to, columns, &row, &column);
    return row < rows ? row : rows - 1;
}
