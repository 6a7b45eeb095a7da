#ifndef LINE_INPUT_H
#define LINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

/* Lines typed at a terminal: edited, with a history that is kept, with
 * completion; and output in between that leaves what is typed whole. One
 * process has one terminal, so there is one of these at most. */
struct line_input;

struct line_input_use {
    const char *name; /* of the program's part: its history is its own */
    int fd;           /* looked at besides the keyboard; -1: none */
    int tick_ms;      /* on_idle after that long at the latest; -1: no clock */
    /* fd can be read, or a tick has passed. False ends the reading. */
    bool (*on_idle)(void *arg);
    /* Of `text`, which is before the cursor, the word from the returned offset
     * on may be completed: appends what it may become to out, each with '\n'
     * behind it. What ends in a space is a word of its own. NULL: no Tab. */
    size_t (*on_complete)(void *arg, const char *text, struct buf *out);
    void *arg;
};

enum line_input_result {
    LINE_INPUT_LINE,
    LINE_INPUT_CLEARED,     /* Ctrl-C: what was typed is gone */
    LINE_INPUT_INTERRUPTED, /* Ctrl-C, and nothing was typed */
    LINE_INPUT_END          /* Ctrl-D, SIGTERM, no terminal any more, on_idle */
};

/* Can lines be edited: are standard input and output terminals that can move
 * the cursor? */
bool line_input_possible(void);
/* Borrows use. From now on SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT and
 * SIGWINCH are taken, but only while something is waited for here. The
 * terminal's state is put back whatever ends the process, SIGKILL excepted.
 * Returns owned, or NULL. */
struct line_input *line_input_open(const struct line_input_use *use,
                                   struct err *err);
void line_input_close(struct line_input *input);

/* Replaces the content of line by the next line, without its end. */
enum line_input_result line_input_read(struct line_input *input,
                                       const char *prompt, struct buf *line);
/* While a line is read: another prompt. */
void line_input_prompt(struct line_input *input, const char *prompt);
/* Prints whole lines, at any time. input may be NULL. */
void line_input_print(struct line_input *input, struct slice text);
/* Waits until fd can be read, ms pass (-1: no limit) or a signal came: true
 * when fd can be read. While no line is read. */
bool line_input_wait(struct line_input *input, int fd, int ms);
/* Was Ctrl-C pressed since the last call? */
bool line_input_interrupted(struct line_input *input);
/* Has something asked the process to end? It stays true. */
bool line_input_ended(const struct line_input *input);

#endif
