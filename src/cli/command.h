// The commands of the program.
#ifndef KRETS_CLI_COMMAND_H
#define KRETS_CLI_COMMAND_H

#include <jansson.h>

#include "cli/arguments.h"

typedef struct Command {
    const char *name;
    const char *operands; // "SEGMENT", "CUSTOMER [SEGMENT]", ""
    int operand_min, operand_max;
    const char *summary;
    const char *help; // what it does, its options, examples
    // 0 done, 1 the answer is no, negative: see the error. With `project` opened on the model when
    // `needs_model`.
    int (*run)(const Arguments *arguments, Project *project, KretsError *error);
    bool needs_model;
} Command;

int cli_changes_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_check_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_doctor_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_explain_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_fit_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_import_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_init_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_members_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_profile_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_run_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_sql_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_verify_run(const Arguments *arguments, Project *project, KretsError *error);
int cli_version_run(const Arguments *arguments, Project *project, KretsError *error);

// BASE_E_USAGE when a --format was given that is neither of the two.
int cli_command_format(const Arguments *arguments, const char *command, Format a, Format b,
                       KretsError *error);

// One JSON document on standard output; consumes `document`.
int cli_command_json(json_t *document, KretsError *error);
json_t *cli_command_json_text(Str text);
json_t *cli_command_json_value(Value value);
json_t *cli_command_json_time(int64_t time_us); // "2026-01-31T12:00:00Z"
json_t *cli_command_json_number(double number); // null where it is not finite

#endif
