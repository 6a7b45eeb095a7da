#include "log_line.h"

#include <stdio.h>

#include "log_secret.h"

#define CUT "\xE2\x80\xA6" /* the character "..." */
#define BAD "\xEF\xBF\xBD" /* U+FFFD */
#define PIECE 256          /* holds an indent, a character or the mark */

static bool fits(const struct log_line *line, size_t len, size_t end)
{
    if (end > sizeof line->text)
        end = sizeof line->text;
    return line->len <= end && len <= end - line->len;
}

static void add(struct log_line *line, struct slice bytes)
{
    memcpy(line->text + line->len, bytes.ptr, bytes.len);
    line->len += bytes.len;
}

void log_line_add(struct log_line *line, const char *text)
{
    if (fits(line, strlen(text), sizeof line->text))
        add(line, slice_str(text));
}

/* The length of the UTF-8 character that text begins with, 0 when it begins
 * with none: overlong, surrogate, above U+10FFFF or cut. */
static size_t utf8_length(struct slice text, unsigned int *code)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = p[0] < 0x80   ? 1
                 : p[0] < 0xC0 ? 0
                 : p[0] < 0xE0 ? 2
                 : p[0] < 0xF0 ? 3
                 : p[0] < 0xF8 ? 4
                               : 0;
    if (len == 0 || len > text.len)
        return 0;
    *code = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
    return *code < least[len] || *code > 0x10FFFF || surrogate ? 0 : len;
}

/* A character that must not reach a terminal or a JSON string as it is. */
static void escape(const struct log_line_form *form, unsigned int code,
                   char piece[PIECE])
{
    if (code == '\n' && form->indent)
        snprintf(piece, PIECE, "\n%s", form->indent);
    else if (code == '\t' && form->style == LOG_LINE_TEXT)
        snprintf(piece, PIECE, "%s", "    ");
    else if (code == '\n')
        snprintf(piece, PIECE, "%s", "\\n");
    else if (code == '\t')
        snprintf(piece, PIECE, "%s", "\\t");
    else if (code == '\r')
        snprintf(piece, PIECE, "%s", "\\r");
    else if (code == '"' || code == '\\')
        snprintf(piece, PIECE, "\\%c", (char)code);
    else if (form->style == LOG_LINE_JSON)
        snprintf(piece, PIECE, "\\u%04x", code);
    else
        snprintf(piece, PIECE, "\\x%02x", code & 0xFF);
}

static bool needs_escape(enum log_line_style style, unsigned int code)
{
    if (style == LOG_LINE_JSON && (code == '"' || code == '\\'))
        return true;
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

/* Turns the beginning of value into a piece; returns how much it took. */
static size_t next_piece(const struct log_line_form *form, struct slice value,
                         char piece[PIECE])
{
    size_t len = log_secret_match(value);
    if (len > 0) {
        snprintf(piece, PIECE, "%s", LOG_SECRET_MARK);
        return len;
    }
    unsigned int code;
    len = utf8_length(value, &code);
    if (len == 0) {
        snprintf(piece, PIECE, "%s", BAD);
        return 1;
    }
    if (needs_escape(form->style, code)) {
        escape(form, code, piece);
        return len;
    }
    memcpy(piece, value.ptr, len);
    piece[len] = '\0';
    return len;
}

/* The cut mark takes the place of as many whole pieces as it needs: line->len
 * is taken back to the last place where there was room for it. */
void log_line_value(struct log_line *line, const struct log_line_form *form,
                    struct slice value, bool more)
{
    size_t unsure = more ? log_secret_longest() : 0;
    size_t safe = line->len;
    while (value.len > unsure || (value.len > 0 && log_secret_match(value))) {
        char piece[PIECE];
        size_t took = next_piece(form, value, piece);
        if (fits(line, sizeof CUT - 1, form->end))
            safe = line->len;
        if (!fits(line, strlen(piece), form->end)) {
            more = true;
            line->len = safe;
            break;
        }
        add(line, slice_str(piece));
        value = slice_make(value.ptr + took, value.len - took);
    }
    if (!more)
        return;
    if (!fits(line, sizeof CUT - 1, form->end))
        line->len = safe;
    if (fits(line, sizeof CUT - 1, form->end))
        add(line, slice_str(CUT));
}
