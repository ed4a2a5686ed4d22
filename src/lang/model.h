// The model file (krets.yaml) as written: sources, metrics, segments, with their places.
#ifndef KRETS_LANG_MODEL_H
#define KRETS_LANG_MODEL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/zone.h"
#include "data/catalog.h"
#include "lang/plan.h"

// A place in the model file; 1-based, columns in code points. line 0: nowhere.
typedef struct Place {
    int32_t line;
    int32_t column;
} Place;

// A column name, an SQL expression over the source's row, or (for `event`) a constant.
typedef enum FieldKind { FIELD_NONE, FIELD_COLUMN, FIELD_SQL, FIELD_CONSTANT } FieldKind;
typedef struct Field {
    FieldKind kind;
    Str text;
    Place place;
} Field;

typedef struct CsvOptions { // empty text / unset: looked at and reported
    Str delimiter, encoding, decimal, quote;
    bool has_header_option, header;
} CsvOptions;

typedef struct SourceProperty {
    Str name;
    Str sql; // over the row
    Place place;
} SourceProperty;

typedef enum SourceKind { SOURCE_EVENTS, SOURCE_TRAITS } SourceKind;

typedef struct Source {
    Str key;
    Place place;
    SourceKind kind;
    Str file;    // glob or URL as written, "" when not given; relative to the model file
    Str connect; // after ${VAR}; holds secrets: never print
    Str query;
    CsvOptions csv;
    Str where; // SQL over the row; "" none
    Field customer, time, event, id;
    Str timezone;        // "" : the model's
    bool has_properties; // false: all other columns
    const SourceProperty *properties;
    size_t property_count;
    Str cursor;
} Source;

typedef struct MetricSource {
    Str name;
    Str expression;
    Place place;
} MetricSource;

typedef struct SegmentSource {
    Str key;
    Str name;       // display name; the key when none is given
    Str expression; // "" for a static list
    Str list;       // file of a static list, relative to the model file
    Str goal, owner;
    bool has_review;
    int32_t review; // day
    Str polarity;   // "positive", "negative", "neutral" or ""
    Place place;
} SegmentSource;

typedef enum ModelNow { MODEL_NOW_WALL, MODEL_NOW_TIME, MODEL_NOW_LAST_EVENT } ModelNow;

typedef struct Model {
    Str path;      // of the file, for messages
    Str directory; // what relative paths are relative to
    Str name, country, currency;
    Str timezone;
    const Zone *zone;
    ModelNow now_kind;
    int64_t now_us;
    bool is_identified_only;
    Str value; // expression, "" none
    Place value_place;
    const Source *sources;
    size_t source_count;
    const MetricSource *metrics;
    size_t metric_count;
    const SegmentSource *segments;
    size_t segment_count;
    Str cohort_event; // "" : the first event type
    Str cohort_unit;  // "day", "week", "month" (default), "quarter", "year"
} Model;

// Every error of a model, in the order of the file. Text for people: file:line:column, the line,
// a caret, a sentence, a suggestion.
typedef struct Diagnostic {
    bool is_warning;
    Place place;
    Str message;  // one sentence, or two with what to do
    Str rendered; // the whole, several lines, no trailing newline
} Diagnostic;

typedef struct Diagnostics {
    Arena *arena;
    Diagnostic *items;
    size_t count, capacity;
    size_t error_count;
} Diagnostics;

// Reads and checks the file's structure (not the expressions). `model` and everything in it live in
// `arena`. Returns 0; BASE_E_USAGE when there were errors (they are in `diagnostics`).
int lang_model_read(Arena *arena, Str path, Diagnostics *diagnostics, const Model **ret_model,
                    KretsError *error);
// The same from text in memory (`path` names it in messages).
int lang_model_parse(Arena *arena, Str path, Str text, Diagnostics *diagnostics,
                     const Model **ret_model, KretsError *error);

// Parses and type-checks all expressions against the catalog: the plan, or all errors.
int lang_plan_compile(Arena *arena, const Model *model, const Catalog *catalog,
                      Diagnostics *diagnostics, const Plan **ret_plan, KretsError *error);

// One expression against an existing model (tests, previews). `what` names it in messages.
int lang_plan_compile_text(Arena *arena, const Model *model, const Catalog *catalog, Str what,
                           Str expression, Diagnostics *diagnostics, const Plan **ret_plan,
                           NodeId *ret_node, KretsError *error);

#endif
