// JSON lines: read as lines, so that a malformed one has its number, then given one shape.
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "ingest/ingest_private.h"

static bool is_array_file(Stage *stage, const InputFile *file, int *ret_r) {
    Str head;
    *ret_r = file_head(file->path, 4096, stage->arena, &head, stage->error);
    if (*ret_r < 0)
        return false;
    if (base_str_starts(head, STR("\xEF\xBB\xBF")))
        head = (Str){head.data + 3, head.size_bytes - 3};
    head = base_str_trim(head);
    return head.size_bytes > 0 && head.data[0] == '[';
}

// One table of texts: line number, file, text.
static int load_lines(Stage *stage) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(&sql, "create or replace temp table krets_lines_%zu as ", stage->place);
    for (size_t i = 0; i < stage->file_count; i++) {
        int r = 0;
        bool is_array = is_array_file(stage, &stage->files[i], &r);
        if (r < 0)
            return base_error_prefix(stage->error, r, "%s", stage_source(stage));
        Str path = stage_literal(stage, stage->files[i].path);
        base_text_append(&sql, i == 0 ? STR("") : STR(" union all "));
        if (is_array)
            base_text_printf(&sql,
                             "select cast(to_json(json) as varchar) as line, %zu as file from "
                             "read_json_objects(%s, format = 'array')",
                             i, path.data);
        else
            base_text_printf(&sql,
                             "select line, %zu as file from read_csv(%s, columns = {'line': "
                             "'VARCHAR'}, delim = chr(1), quote = '', escape = '', header = false, "
                             "auto_detect = false, strict_mode = false, max_line_size = 16777216)",
                             i, path.data);
    }
    int r = stage_run(stage, base_text_str(&sql));
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(stage->files[0].shown));
    return 0;
}

static Str line_number(Stage *stage) {
    return stage_printf(stage,
                        "(l.rowid - (select min(m.rowid) from krets_lines_%zu m where m.file = "
                        "l.file) + 1)",
                        stage->place);
}

static int report_bad_lines(Stage *stage) {
    Str bad = stage_printf(stage,
                           "krets_lines_%zu l where trim(line) <> '' and coalesce(json_type(case "
                           "when json_valid(line) then line end), '') <> 'OBJECT'",
                           stage->place);
    uint64_t count = 0;
    int r =
        stage_ask_count(stage, stage_printf(stage, "select count(*) from %s", bad.data), &count);
    if (r < 0 || count == 0)
        return r;
    stage->line_count += count;
    Finding *finding = findings_add(stage, &stage->left_out,
                                    STR("malformed line: not a JSON object"), STR(""), count);
    finding->examples = base_arena_alloc_array(stage->arena, EXAMPLES_MAX, sizeof(Example));
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = db_duck_query(
        stage->duck,
        stage_printf(stage, "select file, %s, left(line, 200) from %s order by l.rowid limit %d",
                     line_number(stage).data, bad.data, EXAMPLES_MAX),
        &result, stage->error);
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0)
        finding->examples[finding->example_count++] = (Example){
            .row = UINT64_MAX,
            .line = (uint64_t)db_duck_value(result, 1).integer,
            .file = stage->files[db_duck_value(result, 0).integer].shown,
            .value = base_arena_str(stage->arena, db_duck_value(result, 2).text),
            .has_value = true,
        };
    return r;
}

// --- the shape ---

// Names of the objects' own members and the types DuckDB found for them, but for what would lose
// something: big integers become numbers and mixtures text.
static const char *leaf_type(const char *found) {
    static const char *const types[][2] = {
        {"BIGINT", "BIGINT"}, {"UBIGINT", "HUGEINT"}, {"HUGEINT", "HUGEINT"},
        {"DOUBLE", "DOUBLE"}, {"BOOLEAN", "BOOLEAN"}, {"VARCHAR", "VARCHAR"},
        {"NULL", "VARCHAR"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(found, types[i][0]) == 0)
            return types[i][1];
    return "VARCHAR";
}

static void append_shape(Text *out, const json_t *shape) {
    if (json_is_string(shape)) {
        base_text_printf(out, "\"%s\"", leaf_type(json_string_value(shape)));
    } else if (json_is_array(shape)) {
        base_text_append_char(out, '[');
        const json_t *item = json_array_get(shape, 0);
        // Lists hold texts unless they hold objects.
        if (json_is_object(item))
            append_shape(out, item);
        else
            base_text_append(out, STR("\"VARCHAR\""));
        base_text_append_char(out, ']');
    } else {
        base_text_append_char(out, '{');
        const char *key;
        json_t *value;
        bool is_first = true;
        json_object_foreach((json_t *)(uintptr_t)shape, key, value) {
            json_t *quoted = json_string(key);
            char *name = json_dumps(quoted, JSON_ENCODE_ANY);
            base_text_printf(out, "%s%s: ", is_first ? "" : ", ", name);
            free(name);
            json_decref(quoted);
            is_first = false;
            append_shape(out, value);
        }
        base_text_append_char(out, '}');
    }
}

static int find_shape(Stage *stage, Str objects, Text *ret_shape) {
    Value value;
    int r = stage_ask(
        stage,
        stage_printf(stage,
                     "select cast(json_group_structure(cast(line as json)) as varchar) from "
                     "(%.*s)",
                     STR_ARG(objects)),
        1, &value);
    if (r < 0)
        return r;
    json_error_t problem;
    json_t *shape =
        value.is_null ? NULL : json_loadb(value.text.data, value.text.size_bytes, 0, &problem);
    if (!json_is_object(shape) || json_object_size(shape) == 0) {
        json_decref(shape);
        return base_error_set(stage->error, BASE_E_STORE, "%s: %.*s holds no JSON objects",
                              stage_source(stage), STR_ARG(stage->files[0].shown));
    }
    append_shape(ret_shape, shape);
    json_decref(shape);
    return 0;
}

int input_json_open(Stage *stage) {
    int r = files_fetch(stage);
    if (r == 0)
        r = load_lines(stage);
    if (r < 0)
        return r;
    Str objects = stage_printf(stage,
                               "select l.line, %s as krets_line, l.file as krets_file_number from "
                               "krets_lines_%zu l where json_type(case when json_valid(line) then "
                               "line end) = 'OBJECT' order by l.rowid",
                               line_number(stage).data, stage->place);
    BASE_TEXT_SCOPED shape = {0};
    r = find_shape(stage, objects, &shape);
    if (r < 0)
        return r;
    r = stage_run(stage,
                  stage_printf(stage,
                               "create or replace temp table krets_source_%zu as select "
                               "unnest(from_json(line, %s)), krets_line, krets_file_number "
                               "from (%s)",
                               stage->place, stage_literal(stage, base_text_str(&shape)).data,
                               objects.data));
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(stage->files[0].shown));
    stage->table = stage_printf(stage, "temp.krets_source_%zu", stage->place);
    stage->row_sql = STR("s.rowid");
    stage->is_held = true;
    r = stage_ask_count(stage, stage_printf(stage, "select count(*) from %s", stage->table.data),
                        &stage->row_count);
    stage->line_count += stage->row_count;
    if (r == 0)
        r = report_bad_lines(stage);
    return r == 0 ? input_describe(stage, ORIGIN_STRING) : r;
}
