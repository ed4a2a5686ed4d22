#include "cli/command.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int cli_command_format(const Arguments *arguments, const char *command, Format a, Format b,
                       KretsError *error) {
    Format format = arguments->format;
    if (format == FORMAT_NONE || format == a || format == b)
        return 0;
    return base_error_set(error, BASE_E_USAGE, "--format: %s writes %s or %s, not %s", command,
                          cli_arguments_format_name(a), cli_arguments_format_name(b),
                          cli_arguments_format_name(format));
}

int cli_command_json(json_t *document, KretsError *error) {
    // 15 digits: money reads as it is in the data (8911407.904, not 8911407.9039999992).
    int r = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(document);
    if (r != 0 || fputc('\n', stdout) == EOF || fflush(stdout) != 0)
        return base_error_set(error, BASE_E_RESOURCES, "could not write to standard output");
    return 0;
}

json_t *cli_command_json_text(Str text) {
    return json_stringn(text.size_bytes > 0 ? text.data : "", text.size_bytes);
}

json_t *cli_command_json_number(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *cli_command_json_time(int64_t time_us) {
    return cli_command_json_value((Value){.type = VALUE_TIME, .time_us = time_us});
}

json_t *cli_command_json_value(Value value) {
    if (value.is_null)
        return json_null();
    switch (value.type) {
    case VALUE_BOOLEAN:
        return json_boolean(value.boolean);
    case VALUE_INTEGER:
        return json_integer(value.integer);
    case VALUE_DECIMAL:
        return json_real(data_value_decimal_number(value.decimal));
    case VALUE_NUMBER:
        return cli_command_json_number(value.number);
    case VALUE_LIST: {
        json_t *items = json_array();
        for (size_t i = 0; i < value.list.count; i++)
            json_array_append_new(items, cli_command_json_text(value.list.items[i]));
        return items;
    }
    default: {
        BASE_TEXT_SCOPED text = {0};
        data_value_format(&text, value);
        return cli_command_json_text(base_text_str(&text));
    }
    }
}
