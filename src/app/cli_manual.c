#include "cli.h"

#include <string.h>

/* lunatrix(1), out of the table that the help is made of. cmake/manual.lua
 * puts the rest behind it, out of docs/cli.md. */

/* As roff wants it: nothing that it would read as a request or an escape. */
static void put_text(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else if ((text[i] == '.' || text[i] == '\'') &&
                 (i == 0 || text[i - 1] == '\n'))
            fprintf(out, "\\&%c", text[i]);
        else
            fputc(text[i], out);
    }
}

static void put(FILE *out, const char *text)
{
    put_text(out, text, strlen(text));
}

static void put_options(FILE *out, const struct option *list)
{
    for (; list && list->name; list++) {
        fputs(".TP\n\\fB", out);
        put(out, options_dashes(list));
        put(out, list->name);
        fputs("\\fR", out);
        if (list->value) {
            fputs(" \\fI", out);
            put(out, list->value);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        put(out, list->help);
        fputc('\n', out);
    }
}

static void put_command(FILE *out, const struct cli_command *command)
{
    fputs(".SS lunatrix ", out);
    put(out, command->name);
    fputc(' ', out);
    put(out, command->usage);
    fputs("\n", out);
    put(out, command->summary);
    fputs("\n.PP\n.EX\n", out);
    put(out, command->examples);
    fputs(".EE\n", out);
    put_options(out, command->options);
}

void cli_manual(FILE *out, const struct cli_command *const *commands,
                const struct option *options, const char *version)
{
    fprintf(out,
            ".TH LUNATRIX 1 \"\" \"lunatrix %s\" \"User Commands\"\n"
            ".SH NAME\nlunatrix \\- Matrix bots in Lua\n"
            ".SH SYNOPSIS\n.B lunatrix\n.RI [ OPTIONS ]\n.I COMMAND\n"
            ".RI [ ARGUMENT ...]\n"
            ".SH DESCRIPTION\n"
            "One program that runs Matrix bots written in Lua: it keeps the "
            "connection, the\nstorage and the order of things, and takes new "
            "code while it runs.\n"
            ".SH COMMANDS\n",
            version);
    for (; *commands; commands++)
        put_command(out, *commands);
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    put_options(out, options);
}
