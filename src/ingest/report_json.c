#include "ingest/report_json.h"

#include <inttypes.h>
#include <math.h>

#include "base/utf8.h"

void report_string(Text *out, Str text) {
    base_text_append_char(out, '"');
    for (size_t at = 0; at < text.size_bytes;) {
        unsigned char c = (unsigned char)text.data[at];
        if (c == '"' || c == '\\') {
            base_text_printf(out, "\\%c", c);
            at++;
        } else if (c < 0x20) {
            base_text_printf(out, "\\u%04x", c);
            at++;
        } else {
            base_utf8_append(out, base_utf8_next(text, &at));
        }
    }
    base_text_append_char(out, '"');
}

void report_key(Text *out, const char *key) {
    char last = out->size_bytes > 0 ? out->data[out->size_bytes - 1] : '{';
    base_text_printf(out, "%s\"%s\":", last == '{' || last == '[' ? "" : ",", key);
}

void report_text(Text *out, const char *key, Str text) {
    report_key(out, key);
    report_string(out, text);
}

void report_count(Text *out, const char *key, uint64_t count) {
    report_key(out, key);
    base_text_printf(out, "%" PRIu64, count);
}

void report_value(Text *out, const char *key, Value value) {
    report_key(out, key);
    bool is_number =
        value.type == VALUE_INTEGER || value.type == VALUE_DECIMAL || value.type == VALUE_NUMBER;
    bool is_infinite = value.type == VALUE_NUMBER && !isfinite(value.number); // JSON has no word
    if (value.is_null || is_infinite) {
        base_text_append(out, STR("null"));
    } else if (is_number || value.type == VALUE_BOOLEAN) {
        data_value_format(out, value);
    } else {
        BASE_TEXT_SCOPED text = {0};
        data_value_format(&text, value);
        report_string(out, base_text_str(&text));
    }
}

static void append_example(Text *out, const Example *example) {
    base_text_append_char(out, '{');
    if (example->row != UINT64_MAX)
        report_count(out, "row", example->row + 1);
    if (example->line > 0)
        report_count(out, "line", example->line);
    if (example->file.size_bytes > 0)
        report_text(out, "file", example->file);
    if (example->has_value)
        report_text(out, "value", example->value);
    base_text_append_char(out, '}');
}

void report_findings(Text *out, const char *key, const Findings *findings) {
    report_key(out, key);
    base_text_append_char(out, '[');
    for (size_t i = 0; i < findings->count; i++) {
        const Finding *finding = &findings->items[i];
        base_text_append(out, i == 0 ? STR("{") : STR(",{"));
        report_text(out, "reason", finding->reason);
        if (finding->subject.size_bytes > 0)
            report_text(out, "column", finding->subject);
        report_count(out, "count", finding->count);
        report_key(out, "examples");
        base_text_append_char(out, '[');
        for (size_t j = 0; j < finding->example_count; j++) {
            if (j > 0)
                base_text_append_char(out, ',');
            append_example(out, &finding->examples[j]);
        }
        base_text_append(out, STR("]}"));
    }
    base_text_append_char(out, ']');
}
