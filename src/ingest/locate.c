// Where in its file a row stands: the line a person would open.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/ingest_private.h"

typedef struct Wanted {
    Example *example;
    uint64_t record; // within its file
    size_t file;
} Wanted;

static int compare_wanted(const void *a, const void *b) {
    const Wanted *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

static size_t file_index(const Stage *stage, Str path) {
    for (size_t i = 0; i < stage->file_count; i++)
        if (base_str_equal(stage->files[i].path, path))
            return i;
    return 0;
}

// Record within its file, and the file, of a row of a CSV or Excel source.
static int find_record(Stage *stage, uint64_t row, Wanted *wanted) {
    wanted->record = row;
    if (stage->file_count < 2)
        return 0;
    Value values[2];
    int r = stage_ask(
        stage,
        stage_printf(stage,
                     "select krets_file, %" PRIu64 " - (select min(rowid) from %s b "
                     "where b.krets_file = s.krets_file) from %s s where rowid = %" PRIu64,
                     row, stage->table.data, stage->table.data, row),
        2, values);
    if (r != 0)
        return r < 0 ? r : 0;
    wanted->file = file_index(stage, values[0].text);
    wanted->record = (uint64_t)values[1].integer;
    return 0;
}

static int locate_json(Stage *stage, Example *example) {
    Value values[2];
    int r = stage_ask(
        stage,
        stage_printf(stage, "select krets_line, krets_file_number from %s where rowid = %" PRIu64,
                     stage->table.data, example->row),
        2, values);
    if (r != 0)
        return r < 0 ? r : 0;
    example->line = (uint64_t)values[0].integer;
    example->file = stage->files[values[1].integer].shown;
    return 0;
}

// Byte offsets of the malformed records of a file, ascending.
static int list_bad(Stage *stage, Str path, uint64_t **ret_bad, size_t *ret_count) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r =
        db_duck_query(stage->duck,
                      stage_printf(stage,
                                   "select distinct line_byte_position - 1 from krets_rejects_%zu "
                                   "join krets_scans_%zu s using (scan_id, file_id) where "
                                   "line_byte_position > 0 and s.file_path = %s order by 1",
                                   stage->place, stage->place, stage_literal(stage, path).data),
                      &result, stage->error);
    size_t count = 0, capacity = 0;
    uint64_t *bad = NULL;
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0) {
        if (count == capacity) {
            size_t wider = capacity == 0 ? 64 : capacity * 2;
            bad = base_arena_grow(stage->arena, bad, count, wider, sizeof(*bad));
            capacity = wider;
        }
        bad[count++] = (uint64_t)db_duck_value(result, 0).integer;
    }
    *ret_bad = bad;
    *ret_count = count;
    return r < 0 ? r : 0;
}

static int locate_file(Stage *stage, Wanted *wanted, size_t count) {
    const InputFile *file = &stage->files[wanted[0].file];
    uint64_t *bad, *records = base_arena_alloc_array(stage->arena, count, sizeof(*records));
    uint64_t *lines = base_arena_alloc_array(stage->arena, count, sizeof(*lines));
    size_t bad_count;
    int r = list_bad(stage, file->path, &bad, &bad_count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        records[i] = wanted[i].record;
    r = dialect_lines(&stage->dialect, file->path, bad, bad_count, records, count, lines,
                      stage->error);
    for (size_t i = 0; r == 0 && i < count; i++) {
        wanted[i].example->line = lines[i];
        wanted[i].example->file = file->shown;
    }
    return r;
}

static int locate_csv(Stage *stage, Wanted *wanted, size_t count) {
    qsort(wanted, count, sizeof(*wanted), compare_wanted);
    for (size_t begin = 0; begin < count;) {
        size_t end = begin;
        while (end < count && wanted[end].file == wanted[begin].file)
            end++;
        int r = locate_file(stage, wanted + begin, end - begin);
        if (r < 0)
            return r;
        begin = end;
    }
    return 0;
}

static int locate_one(Stage *stage, Example *example, Wanted *wanted) {
    int r = find_record(stage, example->row, wanted);
    if (r == 0 && stage->kind == INPUT_EXCEL) {
        example->line = wanted->record + 2;
        example->file = stage->files[wanted->file].shown;
    }
    return r;
}

int input_locate(Stage *stage, Findings *findings) {
    size_t most = findings->count * EXAMPLES_MAX, count = 0;
    Wanted *wanted = base_arena_alloc_array(stage->arena, most + 1, sizeof(*wanted));
    bool is_text = stage->kind == INPUT_CSV || stage->kind == INPUT_EXCEL;
    for (size_t i = 0; i < findings->count; i++)
        for (size_t j = 0; j < findings->items[i].example_count; j++) {
            Example *example = &findings->items[i].examples[j];
            int r = 0;
            if (example->row == UINT64_MAX)
                continue;
            if (stage->kind == INPUT_JSON)
                r = locate_json(stage, example);
            if (is_text) {
                wanted[count].example = example;
                r = locate_one(stage, example, &wanted[count++]);
            }
            if (r < 0)
                return r;
        }
    return stage->kind == INPUT_CSV && count > 0 ? locate_csv(stage, wanted, count) : 0;
}
