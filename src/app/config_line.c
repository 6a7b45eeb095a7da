#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "config_value.h"

/* Which line a value stands on. Lua does not tell, so the text is read: from
 * `return` on, through as many table constructors as lead to the value, also
 * by the names of variables. */

enum { HOPS = 8 }; /* from variable to variable */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static char at(struct slice text, size_t i)
{
    return i < text.len ? text.ptr[i] : '\0';
}

/* Behind the long bracket that begins at i; i when none does. */
static size_t skip_long(struct slice text, size_t i)
{
    size_t level = i + 1;

    while (at(text, level) == '=')
        level++;
    if (at(text, i) != '[' || at(text, level) != '[')
        return i;
    level -= i + 1;
    for (i += level + 2; i < text.len; i++) {
        size_t end = i + 1;
        while (at(text, end) == '=')
            end++;
        if (text.ptr[i] == ']' && at(text, end) == ']' && end - i - 1 == level)
            return end + 1;
    }
    return text.len;
}

/* Behind the string or comment that begins at i; i when none does. */
static size_t skip_inert(struct slice text, size_t i)
{
    char quote = at(text, i);

    if (quote == '-' && at(text, i + 1) == '-') {
        size_t end = skip_long(text, i + 2);
        if (end == i + 2)
            while (end < text.len && text.ptr[end] != '\n')
                end++;
        return end;
    }
    if (quote != '"' && quote != '\'')
        return skip_long(text, i);
    for (i++; i < text.len && text.ptr[i] != quote; i++)
        i += text.ptr[i] == '\\';
    return i < text.len ? i + 1 : text.len;
}

static size_t skip_space(struct slice text, size_t i)
{
    for (;;) {
        while (i < text.len && isspace((unsigned char)text.ptr[i]))
            i++;
        size_t end = at(text, i) == '-' ? skip_inert(text, i) : i;
        if (end == i)
            return i;
        i = end;
    }
}

/* Behind `key`, `["key"]` or `['key']` at i; i when it is another one. */
static size_t skip_key(struct slice text, size_t i, struct slice key)
{
    bool bracket = at(text, i) == '[';
    size_t begin = bracket ? skip_space(text, i + 1) + 1 : i;
    size_t end = begin + key.len;

    if (end > text.len || memcmp(text.ptr + begin, key.ptr, key.len) != 0 ||
        (bracket && (!strchr("\"'", text.ptr[begin - 1]) ||
                     at(text, end) != text.ptr[begin - 1])) ||
        (!bracket && is_word(at(text, end))))
        return i;
    if (!bracket)
        return end;
    end = skip_space(text, end + 1);
    return at(text, end) == ']' ? end + 1 : i;
}

/* The next thing behind i: a word, a string, a comment or one character. */
static size_t next(struct slice text, size_t i)
{
    size_t end = skip_inert(text, i);

    while (end < text.len && is_word(text.ptr[end]))
        end++;
    return end > i ? end : i + 1;
}

/* Where `key` is given a value between i and the end of that table, and in
 * *value where the value begins. The text's length: nowhere. */
static size_t find_key(struct slice text, size_t i, struct slice key,
                       size_t *value)
{
    int depth = 0;

    for (; i < text.len && depth >= 0; i = next(text, i)) {
        char c = text.ptr[i];
        if (depth == 0 && (c == '[' || is_word(c))) {
            size_t end = skip_key(text, i, key);
            size_t equals = skip_space(text, end);
            *value = equals + 1;
            if (end > i && at(text, equals) == '=' && at(text, *value) != '=')
                return i;
        }
        depth += (c == '{' || c == '(') - (c == '}' || c == ')');
    }
    return text.len;
}

/* Behind the brace of the table that the value at i is; the text's length
 * when it cannot be told. */
static size_t enter(struct slice text, size_t i)
{
    for (int hops = 0; hops < HOPS; hops++) {
        i = skip_space(text, i);
        size_t end = i;
        while (is_word(at(text, end)))
            end++;
        if (at(text, i) == '{')
            return i + 1;
        char rest = at(text, skip_space(text, end));
        if (end == i || (rest && strchr(".[(:", rest)) ||
            find_key(text, 0, slice_make(text.ptr + i, end - i), &i) ==
                text.len)
            break;
    }
    return text.len;
}

/* The table that the last `return` outside of all others returns. */
static size_t enter_root(struct slice text)
{
    static const struct slice word = { "return", 6 };
    size_t last = text.len;
    int depth = 0;

    for (size_t i = 0; i < text.len; i = next(text, i)) {
        char c = text.ptr[i];
        if (depth == 0 && skip_key(text, i, word) > i && c != '[')
            last = i + word.len;
        depth += (c == '{' || c == '(') - (c == '}' || c == ')');
    }
    return last < text.len ? enter(text, last) : last;
}

/* Goes from the table at *table to what `name` begins with, a key that may
 * have dots. Its length, *found and *table are set; 0: it is not there. */
static size_t descend(struct slice text, const char *name, size_t *table,
                      size_t *found)
{
    size_t value;

    for (size_t length = 0; name[length];) {
        length++;
        if (name[length] != '.' && name[length] != '\0')
            continue;
        size_t key = find_key(text, *table, slice_make(name, length), &value);
        if (key == text.len)
            continue;
        *found = key;
        *table = enter(text, value);
        return length;
    }
    return 0;
}

int config_line(const struct config_place *place, struct slice key)
{
    struct slice text = place->text;
    size_t found = 0, value, table = enter_root(text);
    const char *name = place->where;
    int line = 1;

    while (*name && table < text.len) {
        size_t length = descend(text, name, &table, &found);
        if (length == 0)
            table = text.len;
        name += length + (name[length] == '.');
    }
    if (key.len && table < text.len) {
        size_t there = find_key(text, table, key, &value);
        found = there < text.len ? there : found;
    }
    for (size_t i = 0; i < found; i++)
        line += text.ptr[i] == '\n';
    return line;
}
