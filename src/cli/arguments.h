// The command line: options, and what is left.
#ifndef KRETS_CLI_ARGUMENTS_H
#define KRETS_CLI_ARGUMENTS_H

#include "app/project.h"

typedef enum Format { FORMAT_NONE, FORMAT_CSV, FORMAT_NDJSON, FORMAT_PARQUET } Format;

typedef struct Arguments {
    AppOptions app;
    const char *command;         // NULL: none given
    const char *const *operands; // after the command
    int operand_count;
    bool is_json, is_help, is_version;
    bool is_print, is_plan; // check
    bool is_reference;      // verify
    Format format;          // run: csv, parquet; members, changes: csv, ndjson
    bool is_force;          // init
    const char *from;       // init: a file; changes: a time
    const char *to;         // changes
    const char *at;         // run: times; members, explain: the time, in place of --now
    const char *with;       // run: until; members: since, until
    int64_t limit;          // members, changes; 0: all
} Arguments;

const char *cli_arguments_format_name(Format format);

// BASE_E_USAGE with a sentence and a suggestion. Options may stand before or after the command.
int cli_arguments_parse(int argc, char **argv, Arguments *ret_arguments, KretsError *error);

#endif
