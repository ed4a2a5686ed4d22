// The model file (krets.yaml) as written: sources, metrics, segments, with their places.
#ifndef KRETS_LANG_MODEL_H
#define KRETS_LANG_MODEL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/zone.h"
#include "data/catalog.h"
#include "lang/diagnostic.h"
#include "lang/plan.h"

// Limits of a model file; above them reading ends with an error that says so. Nesting and the
// number of values (aliases expanded) are limited in the YAML reader.
#define LANG_MODEL_BYTES_MAX    ((size_t)4 * 1024 * 1024)
#define LANG_MODEL_SOURCES_MAX  1000
#define LANG_MODEL_METRICS_MAX  10000
#define LANG_MODEL_SEGMENTS_MAX 10000

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
    // A source with `query` and without these reads the columns `customer`, `time` and `event`; a
    // source of traits without `time` (FIELD_NONE) dates them from the beginning.
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

// A scalar of the file: where it stands and which raw bytes it was read from.
typedef enum ScalarStyle {
    SCALAR_PLAIN,
    SCALAR_SINGLE_QUOTED,
    SCALAR_DOUBLE_QUOTED,
    SCALAR_LITERAL,
    SCALAR_FOLDED
} ScalarStyle;
typedef struct ModelScalar {
    Place place;
    size_t begin, end; // bytes [begin, end) of the file, with quotes or block header
    ScalarStyle style;
} ModelScalar;

typedef struct Model {
    Str path;               // of the file, for messages
    const SourceText *text; // of the file as written, for diagnostics
    Str directory;          // what relative paths are relative to
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
    const ModelScalar *scalars;
    size_t scalar_count; // sorted by place
    const Str *secrets;
    size_t secret_count; // values put in for ${VAR}: never print
} Model;

// Reads and checks the file's structure (not the expressions). `model` and everything in it live in
// `arena`. Returns 0; BASE_E_USAGE when there were errors (they are in `diagnostics`).
int lang_model_read(Arena *arena, Str path, Diagnostics *diagnostics, const Model **ret_model,
                    KretsError *error);
// The same from text in memory (`path` names it in messages).
int lang_model_parse(Arena *arena, Str path, Str text, Diagnostics *diagnostics,
                     const Model **ret_model, KretsError *error);

// The place in the file of a byte of an expression (or of any other scalar), given the place where
// the model says the expression begins: exact inside quoted, folded, literal and many-line scalars
// too. An offset at or after the end gives the place of the end.
Place lang_model_place(const Model *model, Place expression_place, Str expression,
                       size_t byte_offset);

// Appends `message` with every value that came from the environment replaced by "***".
void lang_model_redact(Text *out, const Model *model, Str message);

// Parses and type-checks all expressions against the catalog: the plan, or all errors.
int lang_plan_compile(Arena *arena, const Model *model, const Catalog *catalog,
                      Diagnostics *diagnostics, const Plan **ret_plan, KretsError *error);

// One expression against an existing model (tests, previews). `what` names it in messages.
int lang_plan_compile_text(Arena *arena, const Model *model, const Catalog *catalog, Str what,
                           Str expression, Diagnostics *diagnostics, const Plan **ret_plan,
                           NodeId *ret_node, KretsError *error);

#endif
