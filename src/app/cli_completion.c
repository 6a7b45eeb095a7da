#include <stdio.h>
#include <string.h>

#include "app.h"
#include "cli.h"

/* completion: what shells want to know of the command line, out of the table
 * that the help is made of. */

/* What may stand somewhere. */
enum kind {
    NOTHING,
    SCRIPTS, /* files of Lua, and directories */
    FILES,
    DIRECTORIES,
    COMMANDS,
    SHELLS
};

static const char shells[] = "bash zsh fish";

static enum kind kind_of_value(const struct option *option)
{
    if (option->type == OPTION_FLAG)
        return NOTHING;
    if (strcmp(option->value, "FILE") == 0)
        return FILES;
    return strcmp(option->value, "DIR") == 0 ? DIRECTORIES : NOTHING;
}

static enum kind kind_of_arguments(const struct cli_command *command)
{
    if (command == &cli_completion)
        return SHELLS;
    if (strstr(command->usage, "SCRIPT") || strstr(command->usage, "PATH") ||
        strstr(command->usage, "FILE"))
        return SCRIPTS;
    return strstr(command->usage, "DIR") ? DIRECTORIES : NOTHING;
}

/* With a backslash before each of `special`, and quotes as '\''. */
static void put(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

/* ---- bash -------------------------------------------------------------- */

/* Assigns the options to a variable: all, or those with a value of a kind. */
static void bash_options(const char *name, const struct option *list, bool all,
                         enum kind kind)
{
    const char *before = "";

    printf("        %s='", name);
    for (; list && list->name; list++) {
        if (!all && (list->type == OPTION_FLAG || kind_of_value(list) != kind))
            continue;
        printf("%s%s%s", before, options_dashes(list), list->name);
        before = " ";
    }
    printf("'\n");
}

static void bash_case(const char *name, const struct option *list,
                      const char *arguments)
{
    printf("    %s)\n", *name ? name : "''");
    bash_options("options", list, true, NOTHING);
    bash_options("files", list, false, FILES);
    bash_options("directories", list, false, DIRECTORIES);
    bash_options("others", list, false, NOTHING);
    printf("        arguments=%s ;;\n", arguments);
}

static const char *const kind_names[] = {
    "none", "scripts", "files", "directories", "commands", "shells",
};

static const char bash_head[] =
    "# bash: completion of lunatrix's command line, made by\n"
    "# lunatrix completion bash\n"
    "_lunatrix()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command= i\n"
    "    local before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local options files directories others arguments\n"
    "    COMPREPLY=()\n"
    "    if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; "
    "fi\n"
    "    if [[ $word == = ]]; then word=; fi\n";

static const char bash_tail[] =
    "    if [[ \" $files $all_files \" == *\" $before \"* ]]; then\n"
    "        arguments=files\n"
    "    elif [[ \" $directories $all_directories \" == *\" $before \"* ]]; "
    "then\n"
    "        arguments=directories\n"
    "    elif [[ \" $others $all_others \" == *\" $before \"* ]]; then\n"
    "        return\n"
    "    elif [[ $word == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$options $all_options\" -- "
    "\"$word\"))\n"
    "        return\n"
    "    fi\n"
    "    case $arguments in\n"
    "    commands) COMPREPLY=($(compgen -W \"$commands\" -- \"$word\")) ;;\n"
    "    shells) COMPREPLY=($(compgen -W \"$shells\" -- \"$word\")) ;;\n"
    "    scripts)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(\n"
    "            compgen -f -X '!*.lua' -- \"$word\"\n"
    "            compgen -d -- \"$word\") ;;\n"
    "    files)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
    "    directories)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _lunatrix lunatrix\n";

static void put_bash(const struct cli_command *const *commands)
{
    const struct option *common = cli_options();

    fputs(bash_head, stdout);
    printf("    local shells='%s' commands='help", shells);
    for (int i = 0; commands[i]; i++)
        printf(" %s", commands[i]->name);
    printf("'\n    local all_options all_files all_directories all_others\n");
    bash_options("all_options", common, true, NOTHING);
    bash_options("all_files", common, false, FILES);
    bash_options("all_directories", common, false, DIRECTORIES);
    bash_options("all_others", common, false, NOTHING);
    printf("    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        if [[ \" $all_files $all_directories $all_others \" == "
           "*\" ${COMP_WORDS[i]} \"* ]]; then\n"
           "            ((i++))\n"
           "            if [[ ${COMP_WORDS[i]} == = ]]; then ((i++)); fi\n"
           "        elif [[ ${COMP_WORDS[i]} != -* ]]; then\n"
           "            command=${COMP_WORDS[i]}\n"
           "            break\n"
           "        fi\n"
           "    done\n"
           "    case $command in\n");
    bash_case("", NULL, "commands");
    bash_case("help", NULL, "commands");
    for (int i = 0; commands[i]; i++)
        bash_case(commands[i]->name, commands[i]->options,
                  kind_names[kind_of_arguments(commands[i])]);
    printf("    esac\n");
    fputs(bash_tail, stdout);
}

/* ---- zsh --------------------------------------------------------------- */

static const char *zsh_action(enum kind kind)
{
    switch (kind) {
    case SCRIPTS:
        return "_files -g \"*.lua(-.)\"";
    case FILES:
        return "_files";
    case DIRECTORIES:
        return "_files -/";
    case SHELLS:
        return "(bash zsh fish)";
    default:
        return " ";
    }
}

static void zsh_options(const struct option *list)
{
    for (; list && list->name; list++) {
        printf(" \\\n            '%s%s%s[",
               list->type == OPTION_TEXTS ? "*" : "", options_dashes(list),
               list->name);
        put(list->help, "[]:\\");
        printf("]");
        if (list->type != OPTION_FLAG)
            printf(":%s:%s", list->value, zsh_action(kind_of_value(list)));
        printf("'");
    }
}

static void put_zsh(const struct cli_command *const *commands)
{
    printf("#compdef lunatrix\n"
           "# zsh: completion of lunatrix's command line, made by\n"
           "# lunatrix completion zsh\n"
           "_lunatrix() {\n"
           "    local state line\n"
           "    local -a commands common\n"
           "    commands=(\n        'help:this text'\n");
    for (int i = 0; commands[i]; i++) {
        printf("        '%s:", commands[i]->name);
        put(commands[i]->summary, ":\\");
        printf("'\n");
    }
    printf("    )\n    common=(");
    zsh_options(cli_options());
    printf("\n    )\n"
           "    _arguments -C $common '1:command:->command' "
           "'*::argument:->argument' && return\n"
           "    case $state in\n"
           "    command) _describe command commands ;;\n"
           "    argument)\n"
           "        case $words[1] in\n"
           "        help) _describe command commands ;;\n");
    for (int i = 0; commands[i]; i++) {
        printf("        %s)\n            _arguments $common",
               commands[i]->name);
        zsh_options(commands[i]->options);
        printf(" \\\n            '*:argument:%s' ;;\n",
               zsh_action(kind_of_arguments(commands[i])));
    }
    printf("        esac ;;\n    esac\n}\n"
           "if [[ $funcstack[1] == _lunatrix ]]; then\n"
           "    _lunatrix \"$@\"\n"
           "else\n"
           "    compdef _lunatrix lunatrix\n"
           "fi\n");
}

/* ---- fish -------------------------------------------------------------- */

static const char *fish_words(enum kind kind)
{
    switch (kind) {
    case SCRIPTS:
        return " -a '(__fish_complete_suffix .lua)'";
    case FILES:
        return " -F";
    case DIRECTORIES:
        return " -a '(__fish_complete_directories)'";
    case SHELLS:
        return " -a 'bash zsh fish'";
    default:
        return "";
    }
}

static void fish_options(const char *command, const struct option *list)
{
    for (; list && list->name; list++) {
        printf("complete -c lunatrix");
        if (command)
            printf(" -n '__fish_seen_subcommand_from %s'", command);
        printf(" -%c %s", list->name[1] ? 'l' : 's', list->name);
        if (list->type != OPTION_FLAG)
            printf(" -r%s", fish_words(kind_of_value(list)));
        printf(" -d '");
        put(list->help, "");
        printf("'\n");
    }
}

static void put_fish(const struct cli_command *const *commands)
{
    printf("# fish: completion of lunatrix's command line, made by\n"
           "# lunatrix completion fish\n"
           "complete -c lunatrix -f\n"
           "complete -c lunatrix -n __fish_use_subcommand -a help\n");
    for (int i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        const char *words = fish_words(kind_of_arguments(commands[i]));
        printf("complete -c lunatrix -n __fish_use_subcommand -a %s -d '",
               name);
        put(commands[i]->summary, "");
        printf("'\ncomplete -c lunatrix -n '__fish_seen_subcommand_from help' "
               "-a %s\n",
               name);
        if (*words)
            printf("complete -c lunatrix -n '__fish_seen_subcommand_from "
                   "%s'%s\n",
                   name, words);
        fish_options(name, commands[i]->options);
    }
    fish_options(NULL, cli_options());
}

/* ---- the command ------------------------------------------------------- */

static int run_completion(struct cli *cli, void *record, int argc, char **argv)
{
    const struct cli_command *const *commands = cli_commands();

    (void)cli;
    (void)record;
    if (argc != 1)
        return cli_usage(&cli_completion, "for which shell?");
    if (strcmp(argv[0], "bash") == 0)
        put_bash(commands);
    else if (strcmp(argv[0], "zsh") == 0)
        put_zsh(commands);
    else if (strcmp(argv[0], "fish") == 0)
        put_fish(commands);
    else
        return cli_usage(&cli_completion, "nothing is known of the shell '%s'",
                         argv[0]);
    return EXIT_OK;
}

const struct cli_command cli_completion = {
    .name = "completion",
    .usage = "bash|zsh|fish",
    .summary = "what a shell needs to complete this command line",
    .examples = "  eval \"$(lunatrix completion bash)\"      in ~/.bashrc\n"
                "  lunatrix completion fish | source       in config.fish\n",
    .run = run_completion,
};
