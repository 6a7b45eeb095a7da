#include "line_input.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <histedit.h>

#include "limits.h"
#include "line_complete.h"
#include "line_history.h"
#include "line_terminal.h"

#define PROMPT_MAX 80

struct line_input {
    const struct line_input_use *use;
    EditLine *editor;
    History *history;
    struct line_history *kept;
    char prompt[PROMPT_MAX];
    wchar_t wide_prompt[PROMPT_MAX];
    bool editing; /* a line is on the screen ... */
    bool hidden;  /* ... or was, and is to be shown again */
    bool ended;
    enum line_input_result result; /* of a reading that get_key ended */
    int64_t idle_at;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct line_input *input_of(EditLine *editor)
{
    void *input = NULL;
    el_get(editor, EL_CLIENTDATA, &input);
    return input;
}

static char *prompt_of(EditLine *editor)
{
    return input_of(editor)->prompt;
}

/* ---- what is on the screen --------------------------------------------- */

/* Takes the prompt and what is typed off the screen. */
static void hide(struct line_input *input)
{
    const LineInfoW *line;
    int row;

    if (!input->editing || input->hidden)
        return;
    line = el_wline(input->editor);
    row = line_terminal_row(input->wide_prompt, line->buffer, line->cursor);
    if (row > 0)
        printf("\033[%dA", row);
    printf("\r\033[J");
    input->hidden = true;
}

static void show(struct line_input *input)
{
    if (!input->hidden)
        return;
    fflush(stdout);
    input->hidden = false;
    el_set(input->editor, EL_REFRESH);
}

/* Leaves what is typed on the screen, with a mark behind it. */
static void leave(struct line_input *input, const char *mark)
{
    const LineInfo *line = el_line(input->editor);

    hide(input);
    printf("%s%.*s%s\n", input->prompt, (int)(line->lastchar - line->buffer),
           line->buffer, mark);
    fflush(stdout);
}

void line_input_print(struct line_input *input, struct slice text)
{
    if (input)
        hide(input);
    fwrite(text.ptr, 1, text.len, stdout);
    if (!input || !input->editing)
        fflush(stdout);
}

/* ---- keys -------------------------------------------------------------- */

/* The reading is over. For get_key to return. */
static int end_with(struct line_input *input, enum line_input_result result)
{
    input->result = result;
    return -1;
}

static int interrupt(struct line_input *input)
{
    const LineInfoW *line = el_wline(input->editor);
    bool typed = line->lastchar > line->buffer;

    leave(input, "^C");
    return end_with(input, typed ? LINE_INPUT_CLEARED : LINE_INPUT_INTERRUPTED);
}

/* After another program had the terminal. */
static void take_again(struct line_input *input)
{
    el_set(input->editor, EL_PREP_TERM, 1);
    printf("\r\033[J");
    input->hidden = true;
}

static void stop(struct line_input *input)
{
    hide(input);
    fflush(stdout);
    el_set(input->editor, EL_PREP_TERM, 0);
    line_terminal_stop();
    line_terminal_signals(LINE_TERMINAL_CONTINUE);
    take_again(input);
}

/* 0, or -1 when the reading is over. */
static int heed_signals(struct line_input *input)
{
    int came =
        line_terminal_signals(LINE_TERMINAL_INTERRUPT | LINE_TERMINAL_STOP |
                              LINE_TERMINAL_CONTINUE | LINE_TERMINAL_RESIZE);

    if (line_input_ended(input)) {
        leave(input, "");
        return end_with(input, LINE_INPUT_END);
    }
    if (came & LINE_TERMINAL_INTERRUPT)
        return interrupt(input);
    if (came & LINE_TERMINAL_STOP)
        stop(input);
    else if (came & LINE_TERMINAL_CONTINUE)
        take_again(input);
    if (came & LINE_TERMINAL_RESIZE) {
        hide(input);
        el_resize(input->editor);
    }
    return 0;
}

static int idle(struct line_input *input)
{
    bool goes_on = input->use->on_idle(input->use->arg);

    input->idle_at = now_ms() + input->use->tick_ms;
    if (!goes_on) {
        hide(input);
        fflush(stdout);
        return end_with(input, LINE_INPUT_END);
    }
    return 0;
}

/* Until a key can be read: 0; -1 when the reading is over. */
static int wait_for_key(struct line_input *input)
{
    const struct line_input_use *use = input->use;

    for (;;) {
        int64_t left = -1;
        if (heed_signals(input) != 0)
            return -1;
        show(input);
        if (use->tick_ms >= 0) {
            left = input->idle_at - now_ms();
            left = left > 0 ? left : 0;
        }
        int ready = line_terminal_wait(STDIN_FILENO, use->fd, (int)left);
        bool tick = use->tick_ms >= 0 && now_ms() >= input->idle_at;
        if ((tick || (ready & 2)) && idle(input) != 0)
            return -1;
        if (ready & 1) {
            show(input);
            return 0;
        }
    }
}

/* One byte. 1, or -1 when the reading is over. */
static int read_byte(struct line_input *input, char *byte)
{
    for (;;) {
        if (wait_for_key(input) != 0)
            return -1;
        ssize_t got = read(STDIN_FILENO, byte, 1);
        if (got == 1)
            return 1;
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        input->ended = true;
        return end_with(input, LINE_INPUT_END);
    }
}

static bool is_full(struct line_input *input)
{
    const LineInfoW *line = el_wline(input->editor);
    return (size_t)(line->lastchar - line->buffer) >= LIMIT_CHAT_LINE / 4;
}

/* libedit's way to get a character. */
static int get_key(EditLine *editor, wchar_t *key)
{
    struct line_input *input = input_of(editor);
    mbstate_t state = { 0 };
    char byte;

    for (;;) {
        if (read_byte(input, &byte) != 1)
            return -1;
        size_t used = mbrtowc(key, &byte, 1, &state);
        if (used == (size_t)-2)
            continue;
        if (used == (size_t)-1)
            *key = L'?';
        if (*key < L' ' || *key == 127 || !is_full(input))
            return 1;
        el_beep(editor);
    }
}

/* ---- Tab --------------------------------------------------------------- */

static unsigned char complete(EditLine *editor, int key)
{
    struct line_input *input = input_of(editor);
    const LineInfo *line = el_line(editor);
    struct line_complete found;
    unsigned char result = CC_ERROR;

    (void)key;
    if (!input->use->on_complete)
        return CC_ERROR;
    line_complete_find(
        &found, input->use,
        slice_make(line->buffer, (size_t)(line->cursor - line->buffer)));
    if (found.count == 0)
        goto out;
    if (found.more.len > 0) {
        result = el_insertstr(editor, buf_str(&found.more)) == 0 ? CC_REFRESH
                                                                 : CC_ERROR;
    } else if (found.count > 1) {
        hide(input);
        line_complete_list(&found, line_terminal_columns());
        fflush(stdout);
        result = CC_REDISPLAY;
    }
    if (input->hidden) {
        input->hidden = false;
        result = CC_REDISPLAY;
    }
out:
    line_complete_free(&found);
    return result;
}

/* ---- from outside ------------------------------------------------------ */

bool line_input_possible(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind && *kind &&
           strcmp(kind, "dumb") != 0;
}

static const char *const keys[][2] = {
    { "^I", "lunatrix-complete" },       { "^R", "em-inc-search-prev" },
    { "\\e[3~", "ed-delete-next-char" }, { "\\e[1~", "ed-move-to-beg" },
    { "\\e[4~", "ed-move-to-end" },      { "\\e[1;5C", "em-next-word" },
    { "\\e[1;5D", "ed-prev-word" },      { "^W", "ed-delete-prev-word" },
};

static void remember(void *arg, const char *line)
{
    struct line_input *input = arg;
    HistEvent event;

    history(input->history, &event, H_ENTER, line);
}

static int set_up(struct line_input *input)
{
    HistEvent event;
    FILE *out = stdout;

    input->history = history_init();
    input->editor = el_init("lunatrix", stdin, out, stderr);
    if (!input->history || !input->editor)
        return -1;
    history(input->history, &event, H_SETSIZE, LIMIT_HISTORY_LINES);
    history(input->history, &event, H_SETUNIQUE, 1);
    input->kept = line_history_open(input->use->name, remember, input);
    el_set(input->editor, EL_CLIENTDATA, input);
    el_set(input->editor, EL_PROMPT, prompt_of);
    el_set(input->editor, EL_SIGNAL, 0);
    el_set(input->editor, EL_EDITOR, "emacs");
    el_set(input->editor, EL_HIST, history, input->history);
    el_set(input->editor, EL_GETCFN, get_key);
    /* The wide form: the other one leaks its names. */
    el_wset(input->editor, EL_ADDFN, L"lunatrix-complete", L"complete",
            complete);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        el_set(input->editor, EL_BIND, keys[i][0], keys[i][1], NULL);
    el_source(input->editor, NULL); /* ~/.editrc has the last word */
    return 0;
}

struct line_input *line_input_open(const struct line_input_use *use,
                                   struct err *err)
{
    struct line_input *input = calloc(1, sizeof *input);

    if (!input) {
        err_set(err, ERR_LIMIT, "cannot edit lines: out of memory");
        return NULL;
    }
    /* What is typed is UTF-8, as messages are. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    input->use = use;
    line_terminal_take();
    if (set_up(input) != 0) {
        err_set(err, ERR_SYSTEM, "cannot edit lines on this terminal");
        line_input_close(input);
        return NULL;
    }
    return input;
}

void line_input_close(struct line_input *input)
{
    if (!input)
        return;
    if (input->editor)
        el_end(input->editor);
    if (input->history)
        history_end(input->history);
    line_history_close(input->kept);
    line_terminal_give_back();
    free(input);
}

static void set_prompt(struct line_input *input, const char *prompt)
{
    snprintf(input->prompt, sizeof input->prompt, "%s", prompt);
    if (mbstowcs(input->wide_prompt, input->prompt, PROMPT_MAX) >= PROMPT_MAX)
        swprintf(input->wide_prompt, PROMPT_MAX, L"%s", "> ");
    if (mbstowcs(NULL, input->prompt, 0) == (size_t)-1)
        snprintf(input->prompt, sizeof input->prompt, "> ");
}

void line_input_prompt(struct line_input *input, const char *prompt)
{
    hide(input);
    set_prompt(input, prompt);
}

enum line_input_result line_input_read(struct line_input *input,
                                       const char *prompt, struct buf *line)
{
    const char *text;
    int length = 0;

    set_prompt(input, prompt);
    buf_clear(line);
    input->idle_at = now_ms() + input->use->tick_ms;
    input->result = LINE_INPUT_LINE;
    input->editing = true;
    fflush(stdout);
    text = el_gets(input->editor, &length);
    input->editing = input->hidden = false;
    if (input->result != LINE_INPUT_LINE)
        return input->result;
    if (!text || length <= 0) { /* Ctrl-D */
        printf("\n");
        return LINE_INPUT_END;
    }
    while (length > 0 && strchr("\r\n", text[length - 1]))
        length--;
    buf_add(line, slice_make(text, (size_t)length));
    if (line_history_wants(buf_slice(line)))
        remember(input, buf_str(line));
    line_history_add(input->kept, buf_slice(line));
    return LINE_INPUT_LINE;
}

bool line_input_wait(struct line_input *input, int fd, int ms)
{
    (void)input;
    if (line_terminal_signals(LINE_TERMINAL_STOP))
        line_terminal_stop();
    return line_terminal_wait(-1, fd, ms) & 2;
}

bool line_input_interrupted(struct line_input *input)
{
    (void)input;
    return line_terminal_signals(LINE_TERMINAL_INTERRUPT) != 0;
}

bool line_input_ended(const struct line_input *input)
{
    return input->ended || line_terminal_has_ended();
}
