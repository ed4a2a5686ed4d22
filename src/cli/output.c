#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#include "data/value.h"

void cli_output_csv(Text *out, Str field) {
    bool needs_quotes = false;
    for (size_t i = 0; i < field.size_bytes; i++)
        needs_quotes |= field.data[i] == '\0' || strchr(",\"\r\n", field.data[i]) != NULL;
    if (!needs_quotes) {
        base_text_append(out, field);
        return;
    }
    base_text_append_char(out, '"');
    for (size_t i = 0; i < field.size_bytes; i++) {
        if (field.data[i] == '"')
            base_text_append_char(out, '"');
        base_text_append_char(out, field.data[i]);
    }
    base_text_append_char(out, '"');
}

void cli_output_time(Text *out, int64_t time_us) {
    data_value_format(out, (Value){.type = VALUE_TIME, .time_us = time_us});
}

int cli_output_json(json_t *object, KretsError *error) {
    int r = json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    if (r != 0 || fputc('\n', stdout) == EOF)
        return base_error_set(error, BASE_E_RESOURCES, "could not write to standard output");
    return 0;
}
