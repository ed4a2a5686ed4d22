#include "lang/model.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "lang/model_private.h"

static void read_version(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    (void)model;
    Str text;
    if (!lang_model_text(reader, key, value, &text) || base_str_equal(text, STR("1"))) {
        return;
    }
    bool is_number = text.size_bytes > 0 && text.size_bytes < 10;
    for (size_t i = 0; i < text.size_bytes; i++) {
        is_number = is_number && text.data[i] >= '0' && text.data[i] <= '9';
    }
    if (is_number && !base_str_equal(text, STR("0"))) {
        lang_model_error(reader, value,
                         "This model is written for version %.*s of the model language; this krets "
                         "reads version 1. Use a newer krets.",
                         STR_ARG(text));
    } else {
        lang_model_error(reader, value, "“krets” is the version of the model language: 1.");
    }
}

static bool is_upper_run(Str text, size_t count) {
    if (text.size_bytes < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (text.data[i] < 'A' || text.data[i] > 'Z') {
            return false;
        }
    }
    return true;
}

static Str upper_ascii(Arena *arena, Str text) {
    Str copy = base_arena_str(arena, text);
    for (size_t i = 0; i < copy.size_bytes; i++) {
        char c = copy.data[i];
        ((char *)copy.data)[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return copy;
}

static bool is_country(Str text) {
    if (!is_upper_run(text, 2) || base_str_equal(text, STR("UK"))) {
        return false;
    }
    size_t rest = text.size_bytes - 2;
    if (rest == 0) {
        return true;
    }
    bool is_region = rest >= 2 && rest <= 4 && text.data[2] == '-';
    for (size_t i = 3; i < text.size_bytes; i++) {
        char c = text.data[i];
        is_region = is_region && ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
    }
    return is_region;
}

static void read_country(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (is_country(text)) {
        *(Str *)field = text;
        return;
    }
    Str upper = upper_ascii(reader->arena, text);
    const char *near = base_str_equal(upper, STR("UK")) ? "GB" : upper.data;
    if (is_country(base_str_from(near))) {
        lang_model_error(reader, value,
                         "“country” is an ISO 3166 code in capitals. Did you mean “%s”?", near);
    } else {
        lang_model_error(reader, value,
                         "“country” is an ISO 3166 code of two capitals, such as SE or GB (or with "
                         "a region: GB-SCT).");
    }
}

static void read_currency(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (text.size_bytes != 3 || !is_upper_run(text, 3)) {
        lang_model_error(reader, value,
                         "“currency” is an ISO 4217 code of three capitals, such as EUR or SEK.");
        return;
    }
    *(Str *)field = text;
}

static void read_customers(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    *(bool *)field = base_str_equal(text, STR("identified"));
    if (!*(bool *)field && !base_str_equal(text, STR("all"))) {
        lang_model_error(reader, value,
                         "“customers” is all, or identified (anonymous visitors do not count).");
    }
}

static void read_value(ModelReader *reader, Str key, const YamlNode *value, void *object) {
    Model *model = object;
    if (lang_model_expression(reader, key, value, &model->value)) {
        model->value_place = value->place;
    }
}

static void read_now(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    (void)key;
    (void)model;
    reader->now = value; // its zone may stand further down
}

static void read_cohort(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    static const Str units[] = {{"day", 3}, {"week", 4}, {"month", 5}, {"quarter", 7}, {"year", 4}};
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (base_str_equal(text, units[i])) {
            *(Str *)field = text;
            return;
        }
    }
    Str near = lang_suggest(reader->arena, text, units, sizeof units / sizeof *units);
    lang_model_error(reader, value, "“cohort” is day, week, month, quarter or year.%s%.*s%s",
                     near.size_bytes > 0 ? " Did you mean “" : "", STR_ARG(near),
                     near.size_bytes > 0 ? "”?" : "");
}

static void read_report(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    static const ModelKey keys[] = {
        {"cohort_event", lang_model_read_text, offsetof(Model, cohort_event)},
        {"cohort", read_cohort, offsetof(Model, cohort_unit)},
    };
    (void)key;
    lang_model_read_keys(reader, value, STR("“report”"), model, keys, sizeof keys / sizeof *keys);
}

static const ModelKey model_keys[] = {
    {"krets", read_version, 0},
    {"name", lang_model_read_text, offsetof(Model, name)},
    {"timezone", lang_model_read_zone, offsetof(Model, timezone)},
    {"country", read_country, offsetof(Model, country)},
    {"currency", read_currency, offsetof(Model, currency)},
    {"now", read_now, 0},
    {"value", read_value, 0},
    {"customers", read_customers, offsetof(Model, is_identified_only)},
    {"sources", lang_model_read_sources, 0},
    {"report", read_report, 0},
    {"metrics", lang_model_read_metrics, 0},
    {"segments", lang_model_read_segments, 0},
};

// `wall clock`, `last event`, or a time; without an offset it is local in the model's zone.
static void finish_now(ModelReader *reader) {
    Model *model = reader->model;
    Str text;
    if (reader->now == NULL || !lang_model_text(reader, STR("now"), reader->now, &text) ||
        base_str_equal(text, STR("wall clock"))) {
        return;
    }
    if (base_str_equal(text, STR("last event")) || base_str_equal(text, STR("last-event"))) {
        model->now_kind = MODEL_NOW_LAST_EVENT;
        return;
    }
    int64_t local_us;
    bool has_offset;
    int32_t offset_s;
    int32_t day;
    if (base_calendar_parse_date(text, &day)) {
        model->now_us = base_zone_midnight(model->zone, day);
    } else if (base_calendar_parse_time(text, &local_us, &has_offset, &offset_s)) {
        model->now_us = has_offset ? local_us - offset_s * CALENDAR_US_PER_SECOND
                                   : base_zone_instant(model->zone, local_us, NULL);
    } else {
        lang_model_error(reader, reader->now,
                         "“now” is wall clock, last event, or a time like 2026-01-31T12:00.");
        return;
    }
    model->now_kind = MODEL_NOW_TIME;
}

static int finish_zone(ModelReader *reader, KretsError *error) {
    Model *model = reader->model;
    if (model->timezone.size_bytes == 0) {
        model->timezone = STR("UTC");
    }
    return base_zone_open(model->timezone, &model->zone, error);
}

static int compare_scalars(const void *left, const void *right) {
    const ModelScalar *a = left;
    const ModelScalar *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    return 0;
}

// Every scalar with bytes of its own, once (aliases stand where their anchor stands).
static void collect_scalars(const YamlNode *node, ModelScalar *scalars, size_t *count) {
    if (node->kind == YAML_SCALAR && node->end > node->begin) {
        scalars[(*count)++] = (ModelScalar){node->place, node->begin, node->end, node->style};
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_MAPPING) {
            collect_scalars(node->pairs[i].value, scalars, count);
        } else if (node->kind == YAML_SEQUENCE) {
            collect_scalars(node->items[i], scalars, count);
        }
    }
}

static void keep_scalars(ModelReader *reader, const YamlNode *root) {
    ModelScalar *scalars = base_arena_alloc_array(reader->arena, root->weight, sizeof *scalars);
    size_t count = 0;
    collect_scalars(root, scalars, &count);
    qsort(scalars, count, sizeof *scalars, compare_scalars);
    reader->model->scalars = scalars;
    reader->model->scalar_count = count;
}

// Wrong encodings, said with the line and what to do. Returns whether the text can be read.
static bool check_encoding(ModelReader *reader) {
    Str text = reader->text->text;
    if (base_str_starts(text, STR("\xFF\xFE")) || base_str_starts(text, STR("\xFE\xFF"))) {
        reader->text->text = (Str){NULL, 0};
        lang_diagnostic_add(reader->diagnostics, reader->text, (Place){0, 0}, 1, false,
                            "The file is in UTF-16. Save it as UTF-8.");
        return false;
    }
    if (base_str_starts(text, STR("\xEF\xBB\xBF"))) {
        reader->text->text = (Str){text.data + 3, text.size_bytes - 3};
        text = reader->text->text;
    }
    assert(text.data != NULL || text.size_bytes == 0);
    size_t invalid = base_utf8_invalid(text);
    if (invalid < text.size_bytes) {
        lang_diagnostic_add(reader->diagnostics, reader->text, lang_place_of(text, invalid), 1,
                            false,
                            "The byte 0x%02X is not UTF-8; the file may be in Windows-1252 or "
                            "Latin-1. Save it as UTF-8.",
                            (unsigned)(unsigned char)text.data[invalid]);
        return false;
    }
    const char *zero = text.size_bytes == 0 ? NULL : memchr(text.data, '\0', text.size_bytes);
    if (zero != NULL) {
        lang_diagnostic_add(reader->diagnostics, reader->text,
                            lang_place_of(text, (size_t)(zero - text.data)), 1, false,
                            "There is a zero byte here: this is not a text file (or it is UTF-16). "
                            "Save it as UTF-8.");
        return false;
    }
    return true;
}

static int read_root(ModelReader *reader, KretsError *error) {
    const YamlNode *root = lang_yaml_parse(reader->arena, reader->text, reader->diagnostics);
    if (root == NULL || lang_yaml_is_null(root)) {
        if (reader->diagnostics->error_count == 0) {
            lang_diagnostic_add(reader->diagnostics, reader->text, (Place){0, 0}, 1, false,
                                "The file is empty. A model begins with “krets: 1”.");
        }
        return 0;
    }
    bool is_whole = reader->diagnostics->error_count == 0;
    if (!lang_model_read_keys(reader, root, STR("The model"), reader->model, model_keys,
                              sizeof model_keys / sizeof *model_keys)) {
        return 0;
    }
    if (is_whole && lang_model_find(root, "krets") == NULL) {
        lang_diagnostic_add(reader->diagnostics, reader->text, root->place, 1, false,
                            "The model lacks “krets: 1”, the version of the model language.");
    }
    int result = finish_zone(reader, error);
    if (result != 0) {
        return result;
    }
    finish_now(reader);
    keep_scalars(reader, root);
    return 0;
}

static Str directory_of(Arena *arena, Str path) {
    size_t end = path.size_bytes;
    while (end > 0 && path.data[end - 1] != '/') {
        end--;
    }
    if (end == 0) {
        return STR(".");
    }
    return base_arena_str(arena, (Str){path.data, end == 1 ? 1 : end - 1});
}

int lang_model_parse(Arena *arena, Str path, Str text, Diagnostics *diagnostics,
                     const Model **ret_model, KretsError *error) {
    if (diagnostics->arena == NULL) {
        lang_diagnostics_init(diagnostics, arena);
    }
    SourceText *source = base_arena_alloc(arena, sizeof *source);
    Model *model = base_arena_alloc(arena, sizeof *model);
    *source = (SourceText){base_arena_str(arena, path), {NULL, 0}};
    *model = (Model){.path = source->path, .text = source, .cohort_unit = STR("month")};
    model->directory = directory_of(arena, path);
    ModelReader reader = {
        .arena = arena, .diagnostics = diagnostics, .text = source, .model = model};
    size_t errors_before = diagnostics->error_count;
    if (text.size_bytes > LANG_MODEL_BYTES_MAX) {
        lang_diagnostic_add(diagnostics, source, (Place){0, 0}, 1, false,
                            "The file is larger than 4 MiB, the most a model may have.");
    } else {
        source->text = base_arena_str(arena, text);
        int result = check_encoding(&reader) ? read_root(&reader, error) : 0;
        if (result != 0) {
            return result;
        }
    }
    model->secrets = reader.secrets;
    model->secret_count = reader.secret_count;
    lang_diagnostics_sort(diagnostics);
    size_t errors = diagnostics->error_count - errors_before;
    if (errors > 0) {
        return base_error_set(error, BASE_E_USAGE, "%.*s: %zu error%s in the model",
                              STR_ARG(source->path), errors, errors == 1 ? "" : "s");
    }
    *ret_model = model;
    return 0;
}

int lang_model_read(Arena *arena, Str path, Diagnostics *diagnostics, const Model **ret_model,
                    KretsError *error) {
    Str name = base_arena_str(arena, path);
    BASE_TEXT_SCOPED content = {0};
    int result = base_file_read(name.data, LANG_MODEL_BYTES_MAX, &content, error);
    if (result != 0) {
        if (diagnostics->arena == NULL) {
            lang_diagnostics_init(diagnostics, arena);
        }
        SourceText source = {name, {NULL, 0}};
        lang_diagnostic_add(diagnostics, &source, (Place){0, 0}, 1, false, "%s",
                            error == NULL ? "The file cannot be read." : error->text);
        return BASE_E_USAGE;
    }
    return lang_model_parse(arena, name, base_text_str(&content), diagnostics, ret_model, error);
}
