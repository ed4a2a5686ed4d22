// The command line: options, and what is left.
#ifndef KRETS_CLI_ARGUMENTS_H
#define KRETS_CLI_ARGUMENTS_H

#include "app/project.h"

typedef struct Arguments {
    AppOptions app;
    const char *command;         // NULL: none given
    const char *const *operands; // after the command
    int operand_count;
    bool is_json, is_help, is_version;
    bool is_print, is_plan; // check
    bool is_csv;            // run, members: --format csv
    bool is_force;          // init
    const char *from;       // init
    int64_t limit;          // members; 0: all
} Arguments;

// BASE_E_USAGE with a sentence and a suggestion. Options may stand before or after the command.
int cli_arguments_parse(int argc, char **argv, Arguments *ret_arguments, KretsError *error);

#endif
