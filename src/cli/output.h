// Rows for programs on standard output: CSV (RFC 4180, with a header) or a JSON object a line.
#ifndef KRETS_CLI_OUTPUT_H
#define KRETS_CLI_OUTPUT_H

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

// One field, quoted where it has to be.
void cli_output_csv(Text *out, Str field);
// "2026-01-31T12:00:00Z", with microseconds where there are any.
void cli_output_time(Text *out, int64_t time_us);
// One line; consumes `object`. BASE_E_RESOURCES when it cannot be written.
int cli_output_json(json_t *object, KretsError *error);

#endif
