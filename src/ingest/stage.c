// One source, from its definition to a staged relation.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ingest/ingest_private.h"

// --- fingerprints: "definition;stamp;content" ---

static void add_part(Text *text, Str part) {
    base_text_printf(text, "%zu:", part.size_bytes);
    base_text_append(text, part);
}

static void add_field(Text *text, const Field *field) {
    base_text_printf(text, "%d", (int)field->kind);
    add_part(text, field->text);
}

// Everything in the model that bears on what the source delivers. Changing the version makes every
// source import anew.
static Str define(Stage *stage) {
    const Source *source = stage->source;
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("ingest 1"));
    base_text_printf(&text, "%zu %d", stage->place, (int)source->kind);
    const Str parts[] = {source->file,          source->query,       source->where,
                         source->timezone,      source->cursor,      source->csv.delimiter,
                         source->csv.encoding,  source->csv.decimal, source->csv.quote,
                         stage->model->timezone};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        add_part(&text, parts[i]);
    base_text_printf(&text, "%d%d%d", source->csv.has_header_option, source->csv.header,
                     source->has_properties);
    add_field(&text, &source->customer);
    add_field(&text, &source->time);
    add_field(&text, &source->event);
    add_field(&text, &source->id);
    for (size_t i = 0; i < source->property_count; i++) {
        add_part(&text, source->properties[i].name);
        add_part(&text, source->properties[i].sql);
    }
    return stage_printf(stage, "%016" PRIx64, base_str_hash(base_text_str(&text)));
}

static Str fingerprint_part(Str fingerprint, int index) {
    size_t begin = 0;
    for (size_t i = 0; i <= fingerprint.size_bytes; i++) {
        if (i < fingerprint.size_bytes && fingerprint.data[i] != ';')
            continue;
        if (index-- == 0)
            return (Str){fingerprint.data + begin, i - begin};
        begin = i + 1;
    }
    return (Str){NULL, 0};
}

bool ingest_is_same_definition(Arena *arena, const Model *model, const Source *source,
                               size_t source_place, Str fingerprint) {
    Stage stage = {.arena = arena, .model = model, .source = source, .place = source_place};
    return base_str_equal(fingerprint_part(fingerprint, 0), define(&stage));
}

// Names, sizes and times of change; "" when a server does not tell.
static Str stamp_files(Stage *stage) {
    BASE_TEXT_SCOPED text = {0};
    for (size_t i = 0; i < stage->file_count; i++) {
        if (stage->files[i].stamp.size_bytes == 0)
            return (Str){NULL, 0};
        add_part(&text, stage->files[i].shown);
        add_part(&text, stage->files[i].stamp);
    }
    return stage_printf(stage, "%016" PRIx64, base_str_hash(base_text_str(&text)));
}

static int hash_files(Stage *stage, Str *ret_content) {
    uint64_t size = 0;
    BASE_TEXT_SCOPED text = {0};
    for (size_t i = 0; i < stage->file_count; i++)
        size += stage->files[i].size_bytes;
    if (size > INGEST_HASHED_BYTES_MAX) {
        *ret_content = stage->stamp;
        return 0;
    }
    for (size_t i = 0; i < stage->file_count; i++) {
        uint64_t hash;
        if (base_str_contains(stage->files[i].path, STR("://"))) {
            *ret_content = stage->stamp;
            return 0;
        }
        int r = file_hash(stage->files[i].path, &hash, stage->error);
        if (r < 0)
            return base_error_prefix(stage->error, r, "%s", stage_source(stage));
        add_part(&text, stage->files[i].shown);
        base_text_printf(&text, "%016" PRIx64, hash);
    }
    *ret_content = stage_printf(stage, "%016" PRIx64, base_str_hash(base_text_str(&text)));
    return 0;
}

// Rows of a query or a database: the same rows in any order hash to the same.
static int hash_rows(Stage *stage, Str *ret_content) {
    Value values[3];
    int r = stage_ask(stage,
                      stage_printf(stage,
                                   "select count(*), cast(bit_xor(hash(s)) as varchar), "
                                   "cast(sum(hash(s)) as varchar) from %s s",
                                   stage->table.data),
                      3, values);
    if (r < 0)
        return r;
    *ret_content = stage_printf(stage, "%lld.%.*s.%.*s", (long long)values[0].integer,
                                STR_ARG(values[1].is_null ? STR("") : values[1].text),
                                STR_ARG(values[2].is_null ? STR("") : values[2].text));
    return 0;
}

static Str fingerprint(Stage *stage) {
    return stage_printf(stage, "%.*s;%.*s;%.*s", STR_ARG(stage->definition), STR_ARG(stage->stamp),
                        STR_ARG(stage->content));
}

static bool is_file(const Stage *stage) {
    return stage->source->file.size_bytes > 0;
}

// INGEST_UNCHANGED when the definition and the files are as they were.
static int compare_files(Stage *stage) {
    const IngestState *state = stage->state;
    bool is_same_definition =
        state->is_known &&
        base_str_equal(fingerprint_part(state->fingerprint, 0), stage->definition);
    stage->is_append =
        is_same_definition && stage->source->cursor.size_bytes > 0 && state->cursor.size_bytes > 0;
    if (!is_file(stage))
        return 0;
    int r = files_list(stage);
    if (r < 0)
        return r;
    stage->stamp = stamp_files(stage);
    if (is_same_definition && stage->stamp.size_bytes > 0 &&
        base_str_equal(fingerprint_part(state->fingerprint, 1), stage->stamp))
        return INGEST_UNCHANGED;
    r = hash_files(stage, &stage->content);
    if (r < 0)
        return r;
    bool is_same = is_same_definition && stage->content.size_bytes > 0 &&
                   base_str_equal(fingerprint_part(state->fingerprint, 2), stage->content);
    return is_same ? INGEST_UNCHANGED : 0;
}

static int compare_rows(Stage *stage) {
    if (is_file(stage))
        return 0;
    int r = hash_rows(stage, &stage->content);
    if (r < 0)
        return r;
    const IngestState *state = stage->state;
    bool is_same = state->is_known &&
                   base_str_equal(fingerprint_part(state->fingerprint, 0), stage->definition) &&
                   base_str_equal(fingerprint_part(state->fingerprint, 2), stage->content);
    return is_same ? INGEST_UNCHANGED : 0;
}

// --- staging ---

static int choose_kind(Stage *stage) {
    const Source *source = stage->source;
    if (is_file(stage))
        return 0; // the files say
    if (source->connect.size_bytes > 0)
        stage->kind = INPUT_DATABASE;
    else if (source->query.size_bytes > 0)
        stage->kind = INPUT_QUERY;
    else
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%.*s:%d: %s: say where its rows are: file:, query: or connect:",
                              STR_ARG(stage->model->path), source->place.line, stage_source(stage));
    return 0;
}

int stage_open(Stage *stage) {
    stage->definition = define(stage);
    int r = stage_run(stage, STR("set timezone = 'UTC'"));
    if (r == 0)
        r = choose_kind(stage);
    if (r == 0)
        r = compare_files(stage);
    if (r == 0)
        r = input_open(stage);
    if (r == 0)
        r = compare_rows(stage);
    if (r != 0)
        return r;
    if (stage->row_count >= INGEST_ROWS_MAX)
        return base_error_set(stage->error, BASE_E_STORE, "%s has too many rows",
                              stage_source(stage));
    return narrow_columns(stage, stage_printf(stage, "%s s", stage->table.data), stage->row_count,
                          stage->columns, stage->column_count);
}

static int find_cursor(Stage *stage, const Rows *rows) {
    stage->cursor = stage->state->cursor;
    if (stage->source->cursor.size_bytes == 0)
        return 0;
    Value value;
    int r = stage_ask(
        stage,
        stage_printf(stage, "select cast(max(krets_cursor) as varchar) from %s", rows->table.data),
        1, &value);
    if (r == 0 && !value.is_null)
        stage->cursor = value.text;
    return r;
}

static int fill(Stage *stage, Rows *rows, Staged *ret) {
    int r = find_cursor(stage, rows);
    Str report;
    if (r == 0)
        r = rows_profile(stage, rows, &report);
    uint64_t count = 0;
    if (r == 0 && stage->is_append)
        r = stage_ask_count(
            stage, stage_printf(stage, "select count(*) from (%.*s)", STR_ARG(rows->relation)),
            &count);
    if (r < 0)
        return r;
    if (stage->is_append && count == 0)
        return INGEST_UNCHANGED;
    StagedProperty *properties =
        base_arena_alloc_array(stage->arena, rows->property_count + 1, sizeof(*properties));
    for (size_t i = 0; i < rows->property_count; i++)
        properties[i] = (StagedProperty){
            .name = rows->properties[i].name,
            .array = rows->properties[i].array,
            .column = rows->properties[i].column,
            .type = rows->properties[i].type,
        };
    *ret = (Staged){
        .source = stage->source->key,
        .relation = rows->relation,
        .properties = properties,
        .property_count = rows->property_count,
        .mode = stage->is_append ? STAGED_APPEND : STAGED_REPLACE,
        .row_count = stage->is_append  ? count
                     : rows->has_items ? 0
                                       : rows->kept_count,
        .fingerprint = fingerprint(stage),
        .cursor = stage->cursor,
        .report_json = report,
    };
    return 0;
}

static int stage_source_rows(Stage *stage, Staged *ret) {
    int r = stage_open(stage);
    if (r != 0)
        return r;
    bool is_timeless =
        stage->source->kind == SOURCE_TRAITS && stage->source->time.kind == FIELD_NONE;
    // Traits without a time: only what changed since, when the source's rows mean what they meant.
    if (is_timeless && stage->state->is_known && stage->state->history_sql.size_bytes > 0)
        stage->is_append = true;
    Rows rows;
    r = rows_build(stage, &rows);
    return r == 0 ? fill(stage, &rows, ret) : r;
}

int ingest_stage(Arena *arena, Duck *duck, const Model *model, const Source *source,
                 size_t source_place, const IngestState *state, Staged *ret, KretsError *error) {
    Stage *stage = base_arena_alloc(arena, sizeof(*stage));
    *stage = (Stage){.arena = arena,
                     .duck = duck,
                     .model = model,
                     .source = source,
                     .place = source_place,
                     .state = state,
                     .error = error};
    int r = stage_source_rows(stage, ret);
    files_release(stage);
    if (r != 0) // nothing will read the tables; the first error is the one to tell
        ingest_release(duck, source_place, NULL);
    return r;
}

int ingest_release(Duck *duck, size_t source_place, KretsError *error) {
    static const char *const tables[] = {"rows",    "repeats", "source", "lines",
                                         "rejects", "scans",   "summary"};
    size_t p = source_place;
    int r = db_duck_run(duck, error, "drop view if exists krets_streamed_%zu", p);
    for (size_t i = 0; r == 0 && i < sizeof(tables) / sizeof(tables[0]); i++)
        r = db_duck_run(duck, error, "drop table if exists krets_%s_%zu", tables[i], p);
    return r;
}
