// What the parts of ingest/ share: one source on its way from bytes to a relation of events.
#ifndef KRETS_INGEST_INGEST_PRIVATE_H
#define KRETS_INGEST_INGEST_PRIVATE_H

#include "ingest/ingest.h"

// How a column's type came to be, and so how far it may be narrowed.
typedef enum ColumnOrigin {
    ORIGIN_TEXT,   // CSV, Excel: everything is text until looked at
    ORIGIN_STRING, // JSON strings: only times and dates hide in them
    ORIGIN_LOOSE,  // JSON numbers: decimal when every value allows
    ORIGIN_TYPED   // Parquet, databases, queries: as declared
} ColumnOrigin;

// Values that do not fit their column's type: rejected, not imported.
typedef struct Misfit {
    uint64_t count;
    Str reason;
} Misfit;

typedef struct InputColumn {
    Str name;     // as the user knows it: "Price", "address.city"
    Str raw;      // SQL over the source table, aliased s
    Str raw_type; // DuckDB's name of its type
    ColumnOrigin origin;
    bool is_nest; // a struct shown whole to the user's SQL; its leaves are columns of their own
    Str typed;    // SQL over s: the narrowed value
    Str typed_type;
    ValueType type;
    bool is_mixed_zone; // text times, some with and some without an offset
    bool was_fraction;  // whole values written with a fraction ("17850.0")
    bool has_span;      // of times without an offset, as if UTC
    int64_t least_us, most_us;
    uint64_t blank_count; // only white space
    Misfit misfit;
    Str format; // of times, for people
    Str note;   // "" or something to tell (ambiguous dates)
} InputColumn;

typedef enum InputKind {
    INPUT_CSV,
    INPUT_JSON,
    INPUT_PARQUET,
    INPUT_EXCEL,
    INPUT_QUERY,
    INPUT_DATABASE
} InputKind;

// How delimited text is written.
typedef struct Dialect {
    char delimiter, quote, decimal; // quote 0: none; decimal 0: look at the values
    bool has_header;
    Str encoding;
    const Str *names;
    size_t name_count;
} Dialect;

typedef struct InputFile {
    Str path;  // as read: local, a temporary copy, or a URL
    Str shown; // for messages
    bool is_temporary;
    uint64_t size_bytes;
    Str stamp;          // changes when the file does, "" unknown
    uint64_t first_row; // row number of its first row
} InputFile;

// One thing wrong with the data.
typedef struct Example {
    uint64_t row;  // 0-based row number, UINT64_MAX: none
    uint64_t line; // 1-based line of the file, 0 unknown
    Str file;
    Str value;
    bool has_value;
} Example;

typedef struct Finding {
    Str reason;
    Str subject; // a column or property, "" none
    uint64_t count;
    Example *examples;
    size_t example_count;
} Finding;

#define EXAMPLES_MAX 5

typedef struct Findings {
    Finding *items;
    size_t count, capacity;
} Findings;

typedef struct Stage {
    Arena *arena;
    Duck *duck;
    const Model *model;
    const Source *source;
    size_t place;
    const IngestState *state;
    KretsError *error;

    InputKind kind;
    InputFile *files;
    size_t file_count;
    Dialect dialect;
    Str table;           // what to select from, to be aliased s
    Str row_sql;         // 0-based row number over s
    bool is_held;        // table is a temporary table, rowid is the row number
    uint64_t row_count;  // rows of the table
    uint64_t line_count; // rows of the source, malformed ones included
    InputColumn *columns;
    size_t column_count;
    Findings left_out, rejected, noted;
    Str malformed_table; // positions of malformed records, "" none
    Str definition;      // hash of the source's definition
    Str stamp, content;  // of the files or rows
    bool is_append;      // cursor or changed traits
    Str cursor;          // new highest value
} Stage;

// --- small helpers (ask.c) ---
// Formats into the arena.
#define stage_printf(stage, ...) base_arena_printf((stage)->arena, __VA_ARGS__)
Str stage_identifier(Stage *stage, Str name);   // "na""me"
Str stage_literal(Stage *stage, Str text);      // 'it''s'
Str stage_text(Stage *stage, const Text *text); // a copy in the arena
// First row of a query; texts are copied. 1 when there is no row.
int stage_ask(Stage *stage, Str sql, size_t count, Value *ret_values);
int stage_ask_count(Stage *stage, Str sql, uint64_t *ret_count);
int stage_run(Stage *stage, Str sql);
Str stage_value_text(Stage *stage, Value value);
// Types of the columns of a select, by name.
typedef struct Shape {
    Str *names, *types;
    size_t count;
} Shape;
int stage_shape(Stage *stage, Str sql, Shape *ret_shape);
Finding *findings_add(Stage *stage, Findings *findings, Str reason, Str subject, uint64_t count);
// Up to EXAMPLES_MAX rows of "select row, value from ..." (row may be null) as examples.
int finding_examples(Stage *stage, Finding *finding, Str sql);
const char *stage_source(const Stage *stage); // "source NAME", for messages

// --- bytes (transcode.c, dialect.c) ---
typedef struct FileBytes {
    const char *data;
    size_t size_bytes;
} FileBytes;
// The whole file in memory, read-only; an empty one has no data.
int file_map(Str path, FileBytes *ret_bytes, KretsError *error);
void file_unmap(FileBytes *bytes);
#define FILE_MAP_SCOPED __attribute__((cleanup(file_unmap))) FileBytes
int file_head(Str path, size_t most, Arena *arena, Str *ret_head, KretsError *error);
int file_hash(Str path, uint64_t *ret_hash, KretsError *error);
// A temporary file's path, created empty.
int file_temporary(Stage *stage, const char *suffix, Str *ret_path);
int file_transcode(Stage *stage, InputFile *file, Str encoding);
bool dialect_encoding_known(Str encoding);
// Looks at the beginning of a file; options that are set win.
void dialect_look(Arena *arena, Str head, const CsvOptions *options, bool is_tabs, Dialect *ret);
// Fields of the record at *offset (which moves past it), unquoted, in the arena; blank lines are
// skipped. Returns false at the end.
bool dialect_record(Arena *arena, Str data, size_t *offset, char delimiter, char quote,
                    Str **ret_fields, size_t *ret_count);
// 1-based lines of records (0-based among good ones, ascending); `bad` holds byte offsets of
// malformed records, ascending.
int dialect_lines(const Dialect *dialect, Str path, const uint64_t *bad, size_t bad_count,
                  const uint64_t *records, size_t count, uint64_t *ret_lines, KretsError *error);
int dialect_line_at(Str path, uint64_t offset, uint64_t *ret_line, KretsError *error);

// --- reading (files.c, input.c, input_json.c, connect.c) ---
int files_list(Stage *stage);
void files_release(Stage *stage);
int files_fetch(Stage *stage); // remote text files into temporary ones
int input_open(Stage *stage);
int input_json_open(Stage *stage);
int input_connect_open(Stage *stage);
int input_describe(Stage *stage, ColumnOrigin origin); // columns from the table's shape
int input_locate(Stage *stage, Findings *findings);    // lines of the examples' rows

// --- types (types.c, narrow.c, moment.c) ---
typedef struct TypeField {
    Str name;
    Str type;
} TypeField;
bool type_is_struct(Str type);
bool type_is_list(Str type, Str *ret_item);
// Fields of STRUCT(...): names unquoted.
size_t type_fields(Arena *arena, Str type, TypeField **ret_fields);
ValueType type_value(Str type);        // what a DuckDB type stands for in Krets
const char *type_duck(ValueType type); // and back
// Narrows columns of `relation` (aliased s) whose origin allows it; fills typed, typed_type, type.
int narrow_columns(Stage *stage, Str relation, uint64_t row_count, InputColumn *columns,
                   size_t count);
// Text that may be a time: the expression that parses it (over s), or "" when it is none.
int narrow_time(Stage *stage, Str relation, InputColumn *column, bool is_forced);

typedef struct Moment {
    Str value; // SQL of the epoch microseconds over columns of the relation, null where unknown
    Str fold;  // SQL: 1 in a gap, 2 in an overlap, else 0; "" when it cannot happen
} Moment;
// `naive`: SQL of local microseconds as if UTC, within [least, most].
Moment moment_local(Stage *stage, const Zone *zone, Str naive, int64_t least, int64_t most);

// --- rows (rows.c, trait_rows.c) and report (profile.c) ---
typedef struct RowProperty {
    Str name, array, column;
    Str sql; // over the row view
    Str duck_type;
    ValueType type;
    bool is_source; // the same as a column of the source: profiled there
    const InputColumn *input;
    size_t value_index; // which of the source's values it is,
    bool is_nested;     // or a part of
} RowProperty;

typedef struct RowPlan RowPlan;

typedef struct Rows {
    Str table; // temporary table or view with every row of the source
    bool is_held;
    RowProperty *properties;
    size_t property_count;
    Str relation;
    Str kept_sql; // over the table, aliased r
    uint64_t kept_count;
    uint64_t repeat_count, differing_count; // rows that repeat an id; of them, differ elsewhere
    bool has_items;
    RowPlan *plan;
} Rows;
// Opens the source and finds its columns' types: 0, INGEST_UNCHANGED, or an error.
int stage_open(Stage *stage);
int rows_build(Stage *stage, Rows *ret_rows);
int rows_profile(Stage *stage, Rows *rows, Str *ret_json);

#endif
