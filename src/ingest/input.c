// Opens a source: a table of its rows, and the columns it has.
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/ingest_private.h"

#define HEAD_BYTES ((size_t)1 << 18)

static Str table_name(Stage *stage, const char *what) {
    return stage_printf(stage, "temp.krets_%s_%zu", what, stage->place);
}

static int hold(Stage *stage, Str select) {
    stage->table = table_name(stage, "source");
    stage->row_sql = STR("s.rowid");
    stage->is_held = true;
    int r = stage_run(stage,
                      stage_printf(stage, "create or replace temp table krets_source_%zu as %.*s",
                                   stage->place, STR_ARG(select)));
    if (r == 0)
        r = stage_ask_count(stage,
                            stage_printf(stage, "select count(*) from %s", stage->table.data),
                            &stage->row_count);
    stage->line_count = stage->row_count;
    return r;
}

// --- columns of typed sources ---

typedef struct ColumnList {
    InputColumn *items;
    size_t count, capacity;
} ColumnList;

static InputColumn *add_column(Stage *stage, ColumnList *list) {
    if (list->count == list->capacity) {
        size_t wider = list->capacity == 0 ? 32 : list->capacity * 2;
        list->items =
            base_arena_grow(stage->arena, list->items, list->count, wider, sizeof(InputColumn));
        list->capacity = wider;
    }
    return &list->items[list->count++];
}

static ColumnOrigin leaf_origin(ColumnOrigin origin, Str type) {
    if (origin == ORIGIN_TEXT && !base_str_equal(type, STR("VARCHAR")))
        return ORIGIN_TYPED;
    if (origin != ORIGIN_STRING)
        return origin;
    if (base_str_equal(type, STR("VARCHAR")))
        return ORIGIN_STRING;
    return base_str_equal(type, STR("DOUBLE")) ? ORIGIN_LOOSE : ORIGIN_TYPED;
}

// A struct is shown whole and as its leaves: "address" and "address.city".
static void describe_column(Stage *stage, ColumnList *list, Str name, Str raw, Str type,
                            ColumnOrigin origin) {
    bool is_struct = type_is_struct(type);
    InputColumn *column = add_column(stage, list);
    *column = (InputColumn){.name = name,
                            .raw = raw,
                            .raw_type = type,
                            .is_nest = is_struct,
                            .origin = is_struct ? ORIGIN_TYPED : leaf_origin(origin, type),
                            .typed = raw,
                            .typed_type = type,
                            .type = type_value(type)};
    if (!is_struct)
        return;
    TypeField *fields;
    size_t count = type_fields(stage->arena, type, &fields);
    for (size_t i = 0; i < count; i++)
        describe_column(stage, list,
                        stage_printf(stage, "%.*s.%.*s", STR_ARG(name), STR_ARG(fields[i].name)),
                        stage_printf(stage, "%.*s.%s", STR_ARG(raw),
                                     stage_identifier(stage, fields[i].name).data),
                        fields[i].type, origin);
}

int input_describe(Stage *stage, ColumnOrigin origin) {
    Shape shape;
    int r =
        stage_shape(stage, stage_printf(stage, "select s.* from %s s", stage->table.data), &shape);
    if (r < 0)
        return r;
    ColumnList list = {0};
    for (size_t i = 0; i < shape.count; i++) {
        if (base_str_starts(shape.names[i], STR("krets_")) ||
            (stage->kind == INPUT_PARQUET &&
             base_str_equal(shape.names[i], STR("file_row_number"))))
            continue;
        describe_column(stage, &list, shape.names[i],
                        stage_printf(stage, "s.%s", stage_identifier(stage, shape.names[i]).data),
                        shape.types[i], origin);
    }
    stage->columns = list.items;
    stage->column_count = list.count;
    if (list.count == 0)
        return base_error_set(stage->error, BASE_E_STORE, "%s: it has no columns",
                              stage_source(stage));
    return 0;
}

// --- CSV ---

static Str char_literal(Stage *stage, char c) {
    return c == 0 ? STR("''") : stage_literal(stage, (Str){&c, 1});
}

static void append_columns(Text *sql, size_t count) {
    base_text_append(sql, STR("{"));
    for (size_t i = 0; i < count; i++)
        base_text_printf(sql, "%s'c%zu': 'VARCHAR'", i == 0 ? "" : ", ", i);
    base_text_append(sql, STR("}"));
}

// One read_csv over files [begin, end), whose columns are alike.
static void append_read_csv(Stage *stage, Text *sql, const Dialect *dialect, size_t begin,
                            size_t end) {
    base_text_append(sql, STR("read_csv(["));
    for (size_t i = begin; i < end; i++)
        base_text_printf(sql, "%s%s", i == begin ? "" : ", ",
                         stage_literal(stage, stage->files[i].path).data);
    base_text_append(sql, STR("], columns = "));
    append_columns(sql, dialect->name_count);
    Str quote = char_literal(stage, dialect->quote);
    base_text_printf(sql,
                     ", delim = %s, quote = %s, escape = %s, header = %s, auto_detect = false, "
                     "strict_mode = true, filename = %s, "
                     "store_rejects = true, rejects_table = 'krets_rejects_%zu', "
                     "rejects_scan = 'krets_scans_%zu', rejects_limit = 0)",
                     char_literal(stage, dialect->delimiter).data, quote.data, quote.data,
                     dialect->has_header ? "true" : "false",
                     stage->file_count > 1 ? "true" : "false", stage->place, stage->place);
}

static bool same_names(const Dialect *a, const Dialect *b) {
    if (a->name_count != b->name_count)
        return false;
    for (size_t i = 0; i < a->name_count; i++)
        if (!base_str_equal(a->names[i], b->names[i]))
            return false;
    return true;
}

static int look_at_csv(Stage *stage, const InputFile *file, Dialect *ret_dialect) {
    Str head;
    int r = file_head(file->path, HEAD_BYTES, stage->arena, &head, stage->error);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s", stage_source(stage));
    bool is_tabs = base_str_ends(file->shown, STR(".tsv")) ||
                   base_str_ends(file->shown, STR(".tab")) ||
                   base_str_ends(file->shown, STR(".tsv.gz"));
    dialect_look(stage->arena, head, &stage->source->csv, is_tabs, ret_dialect);
    if (ret_dialect->name_count == 0)
        return base_error_set(stage->error, BASE_E_STORE,
                              "%s: %.*s is empty: it has not even a header", stage_source(stage),
                              STR_ARG(file->shown));
    if (ret_dialect->name_count > 2000)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%s: %.*s has %zu columns, more than 2000: check csv: delimiter",
                              stage_source(stage), STR_ARG(file->shown), ret_dialect->name_count);
    return 0;
}

// Position of a name among the columns so far, which it joins when it is new.
static size_t column_position(Stage *stage, Str **names, size_t *count, size_t *capacity,
                              Str name) {
    for (size_t i = 0; i < *count; i++)
        if (base_str_equal((*names)[i], name))
            return i;
    if (*count == *capacity) {
        size_t wider = *capacity == 0 ? 32 : *capacity * 2;
        *names = base_arena_grow(stage->arena, *names, *count, wider, sizeof(Str));
        *capacity = wider;
    }
    (*names)[*count] = name;
    return (*count)++;
}

// Files with other columns, or in another order, are matched by name.
static int select_csv(Stage *stage, Text *sql) {
    Str *names = NULL;
    size_t name_count = 0, capacity = 0, begin = 0;
    while (begin < stage->file_count) {
        Dialect dialect = {0}, other = {0};
        int r = look_at_csv(stage, &stage->files[begin], &dialect);
        size_t end = begin + 1;
        for (; r == 0 && end < stage->file_count; end++) {
            r = look_at_csv(stage, &stage->files[end], &other);
            if (r == 0 && (!same_names(&dialect, &other) || other.delimiter != dialect.delimiter ||
                           other.has_header != dialect.has_header))
                break;
        }
        if (r < 0)
            return r;
        base_text_append(sql, begin == 0 ? STR("select ") : STR(" union all by name select "));
        for (size_t i = 0; i < dialect.name_count; i++)
            base_text_printf(
                sql, "%sc%zu as c%zu", i == 0 ? "" : ", ", i,
                column_position(stage, &names, &name_count, &capacity, dialect.names[i]));
        base_text_append(sql, stage->file_count > 1 ? STR(", filename as krets_file from ")
                                                    : STR(" from "));
        append_read_csv(stage, sql, &dialect, begin, end);
        if (begin == 0)
            stage->dialect = dialect;
        begin = end;
    }
    stage->dialect.names = names;
    stage->dialect.name_count = name_count;
    return 0;
}

static int drop_rejects(Stage *stage) {
    return stage_run(stage, stage_printf(stage,
                                         "drop table if exists krets_rejects_%zu; "
                                         "drop table if exists krets_scans_%zu",
                                         stage->place, stage->place));
}

static int load_csv(Stage *stage) {
    BASE_TEXT_SCOPED sql = {0};
    int r = drop_rejects(stage);
    if (r == 0)
        r = select_csv(stage, &sql);
    if (r < 0)
        return r;
    r = hold(stage, base_text_str(&sql));
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(stage->files[0].shown));
    return 0;
}

// Shares of well-formed sequences and of stray bytes decide what unmarked text is.
static int is_probably_1252(Stage *stage, bool *ret_is) {
    uint64_t good = 0, bad = 0;
    for (size_t f = 0; f < stage->file_count; f++) {
        FILE_MAP_SCOPED bytes = {0};
        int r = file_map(stage->files[f].path, &bytes, stage->error);
        if (r < 0)
            return r;
        size_t at = 0;
        while (at < bytes.size_bytes) {
            Str rest = {bytes.data + at, bytes.size_bytes - at};
            size_t valid = base_utf8_invalid(rest);
            for (size_t i = 0; i < valid; i++)
                good += (unsigned char)rest.data[i] >= 0xC0;
            at += valid + 1;
            bad += at <= bytes.size_bytes;
        }
    }
    *ret_is = bad > good;
    return 0;
}

static int convert_files(Stage *stage, Str encoding) {
    for (size_t i = 0; i < stage->file_count; i++) {
        int r = file_transcode(stage, &stage->files[i], encoding);
        if (r < 0)
            return base_error_prefix(stage->error, r, "%s", stage_source(stage));
    }
    stage->dialect.encoding = encoding;
    return 0;
}

static int find_encoding(Stage *stage) {
    Str encoding = stage->source->csv.encoding, head;
    if (encoding.size_bytes > 0 && !dialect_encoding_known(encoding))
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%s: csv: encoding: %.*s is not known: say utf-8, latin-1, "
                              "windows-1252, windows-1250, windows-1251, iso-8859-15 or utf-16",
                              stage_source(stage), STR_ARG(encoding));
    int r = file_head(stage->files[0].path, 4, stage->arena, &head, stage->error);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s", stage_source(stage));
    if (encoding.size_bytes == 0 &&
        (base_str_starts(head, STR("\xFF\xFE")) || base_str_starts(head, STR("\xFE\xFF"))))
        encoding = STR("utf-16");
    if (encoding.size_bytes > 0 && strncasecmp(encoding.data, "utf-8", 5) != 0 &&
        strncasecmp(encoding.data, "utf8", 4) != 0)
        return convert_files(stage, encoding);
    return 0;
}

static int open_csv(Stage *stage) {
    int r = files_fetch(stage);
    if (r == 0)
        r = find_encoding(stage);
    Str encoding = stage->dialect.encoding;
    if (r == 0)
        r = load_csv(stage);
    if (r < 0)
        return r;
    uint64_t invalid = 0;
    r = stage_ask_count(stage,
                        stage_printf(stage,
                                     "select count(*) from krets_rejects_%zu "
                                     "where error_type = 'INVALID ENCODING'",
                                     stage->place),
                        &invalid);
    bool is_1252 = false;
    if (r == 0 && invalid > 0 && stage->source->csv.encoding.size_bytes == 0)
        r = is_probably_1252(stage, &is_1252);
    if (r == 0 && is_1252) {
        r = convert_files(stage, STR("windows-1252"));
        encoding = STR("windows-1252");
        if (r == 0)
            r = load_csv(stage);
    }
    stage->dialect.encoding = encoding.size_bytes > 0 ? encoding : STR("utf-8");
    return r;
}

// Column c7 of the table is the user's column 7.
static void describe_csv(Stage *stage) {
    const Dialect *dialect = &stage->dialect;
    stage->columns = base_arena_alloc_array(stage->arena, dialect->name_count, sizeof(InputColumn));
    stage->column_count = dialect->name_count;
    for (size_t i = 0; i < dialect->name_count; i++) {
        Str raw = stage_printf(stage, "s.c%zu", i);
        stage->columns[i] = (InputColumn){.name = dialect->names[i],
                                          .raw = raw,
                                          .raw_type = STR("VARCHAR"),
                                          .origin = ORIGIN_TEXT,
                                          .typed = raw,
                                          .typed_type = STR("VARCHAR"),
                                          .type = VALUE_TEXT};
    }
}

static Str shown_file(Stage *stage, Str path) {
    for (size_t i = 0; i < stage->file_count; i++)
        if (base_str_equal(stage->files[i].path, path))
            return stage->files[i].shown;
    return base_arena_str(stage->arena, path);
}

// One finding for each way of being malformed, with the true lines of its first examples.
static int report_malformed(Stage *stage) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    Str sql = stage_printf(
        stage,
        "with r as (select s.file_path, r.line_byte_position p, first(r.error_type::varchar) k, "
        "first(r.csv_line) t from krets_rejects_%zu r join krets_scans_%zu s using (scan_id, "
        "file_id) "
        "group by all), n as (select *, row_number() over (partition by k order by file_path, p) "
        "i, "
        "count(*) over (partition by k) n from r) "
        "select k, n, file_path, p, left(ltrim(t, chr(10) || chr(13)), 200) from n where i <= %d "
        "order by k, i",
        stage->place, stage->place, EXAMPLES_MAX);
    int r = db_duck_query(stage->duck, sql, &result, stage->error);
    Finding *finding = NULL;
    Str kind = {NULL, 0};
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0) {
        Str name = base_arena_str(stage->arena, db_duck_value(result, 0).text);
        if (finding == NULL || !base_str_equal(name, kind)) {
            uint64_t count = (uint64_t)db_duck_value(result, 1).integer;
            Str said = base_utf8_lower(stage->arena, name);
            finding = findings_add(stage, &stage->left_out,
                                   stage_printf(stage, "malformed line: %.*s", STR_ARG(said)),
                                   STR(""), count);
            finding->examples = base_arena_alloc_array(stage->arena, EXAMPLES_MAX, sizeof(Example));
            stage->line_count += count;
            kind = name;
        }
        Str path = base_arena_str(stage->arena, db_duck_value(result, 2).text);
        Value at = db_duck_value(result, 3), text = db_duck_value(result, 4);
        Example *example = &finding->examples[finding->example_count++];
        *example = (Example){.row = UINT64_MAX,
                             .file = shown_file(stage, path),
                             .value = stage_value_text(stage, text),
                             .has_value = true};
        if (!at.is_null && at.integer > 0)
            r = dialect_line_at(path, (uint64_t)at.integer - 1, &example->line, stage->error);
    }
    return r < 0 ? r : 0;
}

// --- Parquet ---

static int open_parquet(Stage *stage) {
    BASE_TEXT_SCOPED list = {0};
    for (size_t i = 0; i < stage->file_count; i++)
        base_text_printf(&list, "%s%s", i == 0 ? "[" : ", ",
                         stage_literal(stage, stage->files[i].path).data);
    base_text_append_char(&list, ']');
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(
        stage->duck,
        stage_printf(stage, "select num_rows from parquet_file_metadata(%s)", list.data), &result,
        stage->error);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(stage->files[0].shown));
    BASE_TEXT_SCOPED offsets = {0};
    size_t file = 0;
    while ((r = db_duck_next(result, stage->error)) > 0 && file < stage->file_count) {
        stage->files[file].first_row = stage->row_count;
        base_text_printf(&offsets, "%s%" PRIu64, file == 0 ? "" : ", ", stage->row_count);
        stage->row_count += (uint64_t)db_duck_value(result, 0).integer;
        file++;
    }
    if (r < 0)
        return r;
    stage->line_count = stage->row_count;
    stage->table = stage_printf(stage, "read_parquet(%s, file_row_number = true%s)", list.data,
                                stage->file_count > 1 ? ", union_by_name = true" : "");
    if (stage->file_count == 1)
        stage->row_sql = STR("s.file_row_number");
    else
        stage->row_sql =
            stage_printf(stage, "(s.file_row_number + ([%s]::bigint[])[s.file_index::bigint + 1])",
                         offsets.data);
    return input_describe(stage, ORIGIN_TYPED);
}

// --- Excel ---

// Text of a cell as it would stand in a CSV: dates are written out, whole numbers plainly.
static void append_cell(Stage *stage, Text *sql, size_t index, Str name, Str type) {
    Str cell = stage_identifier(stage, name);
    base_text_append(sql, index == 0 ? STR("select ") : STR(", "));
    if (base_str_starts(type, STR("TIMESTAMP")) || base_str_equal(type, STR("DATE")))
        base_text_printf(
            sql,
            "coalesce(strftime(timestamp '1899-12-30' + to_microseconds(cast(round("
            "try_cast(%s as double) * 86400000) * 1000 as bigint)), '%s'), %s) as c%zu",
            cell.data, base_str_equal(type, STR("DATE")) ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S",
            cell.data, index);
    else if (base_str_equal(type, STR("DOUBLE")))
        base_text_printf(sql,
                         "coalesce(regexp_replace(cast(try_cast(%s as double) as varchar), "
                         "'[.]0$', ''), %s) as c%zu",
                         cell.data, cell.data, index);
    else if (base_str_equal(type, STR("BOOLEAN")))
        base_text_printf(sql,
                         "case %s when '1' then 'true' when '0' then 'false' else %s end as c%zu",
                         cell.data, cell.data, index);
    else
        base_text_printf(sql, "%s as c%zu", cell.data, index);
}

static int select_excel(Stage *stage, size_t file, Shape *shape, Text *sql) {
    Str path = stage_literal(stage, stage->files[file].path);
    int r = stage_shape(
        stage, stage_printf(stage, "select * from read_xlsx(%s, ignore_errors = true)", path.data),
        shape);
    if (r < 0)
        return r;
    for (size_t i = 0; i < shape->count; i++)
        append_cell(stage, sql, i, shape->names[i], shape->types[i]);
    if (stage->file_count > 1)
        base_text_printf(sql, ", %s as krets_file", path.data);
    base_text_printf(sql, " from read_xlsx(%s, all_varchar = true)", path.data);
    return 0;
}

static int open_excel(Stage *stage) {
    int r = db_duck_load(stage->duck, "excel", stage->error);
    if (r == 0)
        r = files_fetch(stage);
    BASE_TEXT_SCOPED sql = {0};
    Shape first = {0}, shape = {0};
    for (size_t i = 0; r == 0 && i < stage->file_count; i++) {
        if (i > 0)
            base_text_append(&sql, STR(" union all "));
        r = select_excel(stage, i, i == 0 ? &first : &shape, &sql);
        if (r == 0 && i > 0 && shape.count != first.count)
            return base_error_set(stage->error, BASE_E_STORE,
                                  "%s: %.*s has %zu columns, but %.*s has %zu", stage_source(stage),
                                  STR_ARG(stage->files[i].shown), shape.count,
                                  STR_ARG(stage->files[0].shown), first.count);
    }
    if (r == 0)
        r = hold(stage, base_text_str(&sql));
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(stage->files[0].shown));
    stage->dialect = (Dialect){.has_header = true, .names = first.names, .name_count = first.count};
    describe_csv(stage);
    return 0;
}

// --- queries ---

static int open_query(Stage *stage) {
    Str directory = stage->model->directory;
    int r = 0;
    if (directory.size_bytes > 0)
        r = stage_run(stage, stage_printf(stage, "set file_search_path = %s",
                                          stage_literal(stage, directory).data));
    Str query = base_str_trim(stage->source->query);
    while (base_str_ends(query, STR(";")))
        query = base_str_trim((Str){query.data, query.size_bytes - 1});
    if (r == 0)
        r = hold(stage, stage_printf(stage, "select * from (%.*s\n) q", STR_ARG(query)));
    if (r < 0)
        base_error_prefix(stage->error, r, "%s: its query fails", stage_source(stage));
    int reset = stage_run(stage, STR("reset file_search_path"));
    if (r < 0 || reset < 0)
        return r < 0 ? r : reset;
    return input_describe(stage, ORIGIN_TYPED);
}

int input_open(Stage *stage) {
    int r;
    switch (stage->kind) {
    case INPUT_CSV:
        r = open_csv(stage);
        if (r == 0)
            describe_csv(stage);
        return r == 0 ? report_malformed(stage) : r;
    case INPUT_JSON:
        return input_json_open(stage);
    case INPUT_PARQUET:
        return open_parquet(stage);
    case INPUT_EXCEL:
        return open_excel(stage);
    case INPUT_QUERY:
        return open_query(stage);
    case INPUT_DATABASE:
        return input_connect_open(stage);
    }
    return base_error_set(stage->error, BASE_E_USAGE, "%s: unknown kind", stage_source(stage));
}
