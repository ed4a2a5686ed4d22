// Reading the sources of the model file.
#include <stddef.h>
#include <string.h>

#include "base/utf8.h"
#include "lang/model_private.h"

#define KEY(key, reader, field)                                                                    \
    { key, reader, offsetof(Source, field) }

static void read_column_text(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Field *target = field;
    if (lang_model_text(reader, key, value, &target->text)) {
        target->kind = FIELD_COLUMN;
        target->place = value->place;
    }
}

static void read_sql_text(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Field *target = field;
    if (lang_model_expression(reader, key, value, &target->text)) {
        target->kind = FIELD_SQL;
        target->place = value->place;
    }
}

// { column: NAME } or { sql: "…" }.
static void read_field_mapping(ModelReader *reader, Str key, const YamlNode *value, Field *field) {
    static const ModelKey keys[] = {
        {"column", read_column_text, 0},
        {"sql", read_sql_text, 0},
    };
    Str what = base_arena_printf(reader->arena, "“%.*s”", STR_ARG(key));
    size_t errors = reader->diagnostics->error_count;
    lang_model_read_keys(reader, value, what, field, keys, 2);
    bool has_both =
        lang_model_find(value, "column") != NULL && lang_model_find(value, "sql") != NULL;
    bool has_none = field->kind == FIELD_NONE && errors == reader->diagnostics->error_count;
    if (has_both || has_none) {
        lang_model_error(reader, value, "“%.*s” takes either { column: NAME } or { sql: \"…\" }.",
                         STR_ARG(key));
    }
}

static void read_field(ModelReader *reader, Str key, const YamlNode *value, Field *field,
                       FieldKind scalar_kind) {
    if (value->kind == YAML_MAPPING) {
        read_field_mapping(reader, key, value, field);
        return;
    }
    if (!lang_model_text(reader, key, value, &field->text)) {
        return;
    }
    if (field->text.size_bytes == 0) {
        lang_model_error(reader, value, "“%.*s” is empty.", STR_ARG(key));
        return;
    }
    field->kind = scalar_kind;
    field->place = value->place;
}

static void read_column(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    read_field(reader, key, value, field, FIELD_COLUMN);
}

static void read_event(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    read_field(reader, key, value, field, FIELD_CONSTANT);
}

static void read_kind(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (base_str_equal(text, STR("traits"))) {
        *(SourceKind *)field = SOURCE_TRAITS;
    } else if (!base_str_equal(text, STR("events"))) {
        lang_model_error(reader, value, "“kind” is events or traits.");
    }
}

static void read_one_char(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (base_str_equal(text, STR("tab")) || base_str_equal(text, STR("\\t"))) {
        text = STR("\t");
    }
    bool may_be_empty = base_str_equal(key, STR("quote"));
    if (base_utf8_count(text) != 1 && !(may_be_empty && text.size_bytes == 0)) {
        lang_model_error(reader, value, "“%.*s” is one character, as in \"%s\"%s.", STR_ARG(key),
                         may_be_empty ? "'" : ";", may_be_empty ? "" : " (or tab)");
        return;
    }
    *(Str *)field = text;
}

static void read_decimal(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (!base_str_equal(text, STR(".")) && !base_str_equal(text, STR(","))) {
        lang_model_error(reader, value, "“decimal” is \".\" or \",\".");
        return;
    }
    *(Str *)field = text;
}

static void read_header(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    CsvOptions *csv = field;
    size_t errors = reader->diagnostics->error_count;
    lang_model_read_boolean(reader, key, value, &csv->header);
    csv->has_header_option = errors == reader->diagnostics->error_count;
}

static void read_csv(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    static const ModelKey keys[] = {
        {"delimiter", read_one_char, offsetof(CsvOptions, delimiter)},
        {"encoding", lang_model_read_text, offsetof(CsvOptions, encoding)},
        {"decimal", read_decimal, offsetof(CsvOptions, decimal)},
        {"quote", read_one_char, offsetof(CsvOptions, quote)},
        {"header", read_header, 0},
    };
    (void)key;
    lang_model_read_keys(reader, value, STR("“csv”"), field, keys, sizeof keys / sizeof *keys);
    CsvOptions *csv = field;
    if (csv->delimiter.size_bytes > 0 && base_str_equal(csv->delimiter, csv->decimal)) {
        lang_model_error(reader, value,
                         "“delimiter” and “decimal” are the same character, so no number could "
                         "be read.");
    }
}

static void read_properties(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Source *source = field;
    if (value->kind != YAML_MAPPING) {
        lang_model_error(reader, value,
                         "“%.*s” must be a mapping: a name and its SQL over the row.",
                         STR_ARG(key));
        return;
    }
    SourceProperty *properties =
        base_arena_alloc_array(reader->arena, value->count + 1, sizeof *properties);
    size_t count = 0;
    for (size_t i = 0; i < value->count; i++) {
        const YamlPair *pair = &value->pairs[i];
        SourceProperty property = {.name = pair->key->text, .place = pair->value->place};
        if (!lang_model_is_split(reader, value, i) && lang_model_name_check(reader, pair->key) &&
            lang_model_expression(reader, pair->key->text, pair->value, &property.sql)) {
            properties[count++] = property;
        }
    }
    source->has_properties = true;
    source->properties = properties;
    source->property_count = count;
}

static const ModelKey source_keys[] = {
    KEY("file", lang_model_read_text, file),
    KEY("connect", lang_model_read_text, connect),
    KEY("query", lang_model_read_expression, query),
    KEY("kind", read_kind, kind),
    KEY("csv", read_csv, csv),
    KEY("where", lang_model_read_expression, where),
    KEY("customer", read_column, customer),
    KEY("time", read_column, time),
    KEY("timezone", lang_model_read_zone, timezone),
    KEY("event", read_event, event),
    KEY("id", read_column, id),
    {"properties", read_properties, 0},
    KEY("cursor", lang_model_read_text, cursor),
};

static void check_origin(ModelReader *reader, const YamlNode *key, const YamlNode *node,
                         const Source *source) {
    bool has_file = lang_model_find(node, "file") != NULL;
    bool has_connect = lang_model_find(node, "connect") != NULL;
    bool has_query = lang_model_find(node, "query") != NULL;
    Str name = source->key;
    if (!has_file && !has_connect && !has_query) {
        lang_model_error(reader, key,
                         "The source “%.*s” does not say where its rows come from: give “file”, "
                         "or “query” (with “connect” for a database).",
                         STR_ARG(name));
    } else if (has_file && (has_connect || has_query)) {
        lang_model_error(reader, lang_model_find(node, "file"),
                         "The source “%.*s” has “file” and “%s”: keep one of them. A query can "
                         "read files by itself.",
                         STR_ARG(name), has_query ? "query" : "connect");
    } else if (has_connect && !has_query) {
        lang_model_error(reader, lang_model_find(node, "connect"),
                         "The source “%.*s” has “connect” and no “query”: write the SQL to send "
                         "to that database.",
                         STR_ARG(name));
    }
    if (lang_model_find(node, "csv") != NULL && !has_file) {
        lang_model_error(reader, lang_model_find(node, "csv"),
                         "“csv” describes a file, and this source has none.");
    }
}

static void require(ModelReader *reader, const YamlNode *key, const YamlNode *node,
                    const char *name, const char *meaning) {
    if (lang_model_find(node, name) == NULL) {
        lang_model_error(reader, key, "The source “%.*s” lacks “%s”: %s.", STR_ARG(key->text), name,
                         meaning);
    }
}

// A query names its columns itself: `customer`, `time` and `event` unless the model says otherwise.
static void fill_query(const YamlNode *key, Source *source) {
    if (source->customer.kind == FIELD_NONE) {
        source->customer = (Field){FIELD_COLUMN, STR("customer"), key->place};
    }
    if (source->kind == SOURCE_EVENTS && source->time.kind == FIELD_NONE) {
        source->time = (Field){FIELD_COLUMN, STR("time"), key->place};
    }
    if (source->kind == SOURCE_EVENTS && source->event.kind == FIELD_NONE) {
        source->event = (Field){FIELD_COLUMN, STR("event"), key->place};
    }
}

static void check_fields(ModelReader *reader, const YamlNode *key, const YamlNode *node,
                         Source *source) {
    const YamlNode *event = lang_model_find(node, "event");
    if (source->kind == SOURCE_TRAITS && event != NULL) {
        lang_model_error(reader, event,
                         "A source of traits has no “event”. Leave it out, or leave out “kind”.");
    }
    if (lang_model_find(node, "query") != NULL) {
        fill_query(key, source);
        return;
    }
    if (lang_model_find(node, "file") == NULL) {
        return;
    }
    require(reader, key, node, "customer", "the column with the customer's id");
    if (source->kind == SOURCE_EVENTS) {
        require(reader, key, node, "time", "the column that says when");
        require(reader, key, node, "event", "what a row is, for example order");
    }
}

static void read_source(ModelReader *reader, const YamlPair *pair, Source *source) {
    source->key = pair->key->text;
    source->place = pair->key->place;
    Str what = base_arena_printf(reader->arena, "The source “%.*s”", STR_ARG(source->key));
    size_t errors = reader->diagnostics->error_count;
    if (lang_model_name_check(reader, pair->key)) {
        lang_model_read_keys(reader, pair->value, what, source, source_keys,
                             sizeof source_keys / sizeof *source_keys);
    }
    if (reader->diagnostics->error_count > errors) {
        return; // what seems missing may be misspelt
    }
    check_origin(reader, pair->key, pair->value, source);
    check_fields(reader, pair->key, pair->value, source);
}

void lang_model_read_sources(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    (void)key;
    Model *target = model;
    if (value->kind != YAML_MAPPING) {
        lang_model_error(reader, value,
                         "“sources” must be a mapping: a name for each source, and under it “file” "
                         "or “query”.");
        return;
    }
    if (value->count > LANG_MODEL_SOURCES_MAX) {
        lang_model_error(reader, value, "The model has %zu sources; at most %d are read.",
                         value->count, LANG_MODEL_SOURCES_MAX);
        return;
    }
    Source *sources = base_arena_alloc_array(reader->arena, value->count + 1, sizeof *sources);
    reader->is_in_source = true;
    for (size_t i = 0; i < value->count; i++) {
        read_source(reader, &value->pairs[i], &sources[i]);
    }
    reader->is_in_source = false;
    target->sources = sources;
    target->source_count = value->count;
}
