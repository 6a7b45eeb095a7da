#ifndef LINE_TERMINAL_H
#define LINE_TERMINAL_H

#include <stdbool.h>
#include <wchar.h>

/* The terminal below line_input.c: its signals, its state, its width. */

enum line_terminal_signal {
    LINE_TERMINAL_INTERRUPT = 1, /* SIGINT */
    LINE_TERMINAL_END = 2,       /* SIGTERM, SIGHUP */
    LINE_TERMINAL_STOP = 4,      /* SIGTSTP */
    LINE_TERMINAL_CONTINUE = 8,  /* SIGCONT */
    LINE_TERMINAL_RESIZE = 16    /* SIGWINCH */
};

/* From now on those signals are only taken in line_terminal_wait, and what
 * ends the process puts the terminal's state back as it is now. */
void line_terminal_take(void);
/* As before line_terminal_take. */
void line_terminal_give_back(void);

/* Waits for one of two descriptors (-1: none), ms (-1: no limit) or a signal.
 * Which are readable, bit 0 and 1. */
int line_terminal_wait(int first, int second, int ms);
/* The signals that came since, LINE_TERMINAL_*; forgets those in `mask`. */
int line_terminal_signals(int mask);
/* Did SIGTERM or SIGHUP come? */
bool line_terminal_has_ended(void);
/* Stops the process as Ctrl-Z does, until it is continued. */
void line_terminal_stop(void);

/* How many rows below the prompt's first the cursor stands, with this text in
 * front of it (a prompt and what is typed before the cursor). */
int line_terminal_row(const wchar_t *prompt, const wchar_t *from,
                      const wchar_t *to);
int line_terminal_columns(void);

#endif
