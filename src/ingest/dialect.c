// How delimited text is written, and where its records lie.
#include <string.h>

#include "base/utf8.h"
#include "ingest/ingest_private.h"

#define RECORDS_LOOKED_AT 500

// --- records ---

static bool at_line_end(Str data, size_t offset) {
    return data.data[offset] == '\n' || data.data[offset] == '\r';
}

static size_t skip_line_end(Str data, size_t offset) {
    if (offset + 1 < data.size_bytes && data.data[offset] == '\r' && data.data[offset + 1] == '\n')
        return offset + 2;
    return offset + 1;
}

// One field: quoted text may hold delimiters, line ends and doubled quotes.
static Str read_field(Arena *arena, Str data, size_t *offset, char delimiter, char quote) {
    size_t at = *offset;
    if (quote != 0 && at < data.size_bytes && data.data[at] == quote) {
        BASE_TEXT_SCOPED text = {0};
        for (at++; at < data.size_bytes; at++) {
            if (data.data[at] != quote) {
                base_text_append_char(&text, data.data[at]);
            } else if (at + 1 < data.size_bytes && data.data[at + 1] == quote) {
                base_text_append_char(&text, quote);
                at++;
            } else {
                at++;
                break;
            }
        }
        while (at < data.size_bytes && data.data[at] != delimiter && !at_line_end(data, at))
            base_text_append_char(&text, data.data[at++]);
        *offset = at;
        return base_arena_str(arena, base_text_str(&text));
    }
    while (at < data.size_bytes && data.data[at] != delimiter && !at_line_end(data, at))
        at++;
    Str field = {data.data + *offset, at - *offset};
    *offset = at;
    return field;
}

bool dialect_record(Arena *arena, Str data, size_t *offset, char delimiter, char quote,
                    Str **ret_fields, size_t *ret_count) {
    size_t at = *offset, count = 0, capacity = 16;
    while (at < data.size_bytes && at_line_end(data, at))
        at++;
    if (at >= data.size_bytes)
        return false;
    Str *fields = base_arena_alloc_array(arena, capacity, sizeof(*fields));
    for (;;) {
        if (count == capacity) {
            fields = base_arena_grow(arena, fields, count, capacity * 2, sizeof(*fields));
            capacity *= 2;
        }
        fields[count++] = read_field(arena, data, &at, delimiter, quote);
        if (at >= data.size_bytes)
            break;
        if (data.data[at] != delimiter) {
            at = skip_line_end(data, at);
            break;
        }
        at++;
    }
    *offset = at;
    *ret_fields = fields;
    *ret_count = count;
    return true;
}

// --- looking ---

// How well a delimiter explains the text: the share of records with the most common number of
// fields, and that number. 0 when it splits nothing.
static double rate_delimiter(Str head, char delimiter, char quote, size_t *ret_fields) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    size_t counts[RECORDS_LOOKED_AT], records = 0, offset = 0, best = 0, fields_of_best = 0;
    Str *fields;
    while (records < RECORDS_LOOKED_AT &&
           dialect_record(arena, head, &offset, delimiter, quote, &fields, &counts[records]))
        records++;
    if (records > 2 && offset >= head.size_bytes)
        records--; // the last one may be cut
    for (size_t i = 0; i < records; i++) {
        size_t same = 0;
        for (size_t j = 0; j < records; j++)
            same += counts[j] == counts[i];
        if (same > best || (same == best && counts[i] > fields_of_best)) {
            best = same;
            fields_of_best = counts[i];
        }
    }
    *ret_fields = fields_of_best;
    if (records == 0 || fields_of_best < 2)
        return 0;
    return (double)best / (double)records;
}

static char find_delimiter(Str head, char quote, bool is_tabs) {
    static const char candidates[] = {',', ';', '\t', '|', '~'};
    char found = is_tabs ? '\t' : ',';
    double best = 0;
    size_t fields_best = 0;
    for (size_t i = 0; i < sizeof(candidates); i++) {
        size_t fields = 0;
        double rate = rate_delimiter(head, candidates[i], quote, &fields);
        if (is_tabs && candidates[i] == '\t' && rate > 0.5)
            return '\t';
        // A clearly steadier one wins; among equals the one that splits more.
        if (rate > best + 0.05 || (rate > best - 0.05 && rate > 0 && fields > fields_best)) {
            best = rate;
            fields_best = fields;
            found = candidates[i];
        }
    }
    return found;
}

static bool looks_like_value(Str field) {
    field = base_str_trim(field);
    if (field.size_bytes == 0)
        return true;
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < field.size_bytes; i++) {
        unsigned char c = (unsigned char)field.data[i];
        digits += c >= '0' && c <= '9';
        letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80 || c == '_';
    }
    return digits > 0 && letters <= 1;
}

static bool has_value(const Str *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (base_str_trim(fields[i]).size_bytes > 0 && looks_like_value(fields[i]))
            return true;
    return false;
}

static bool repeats_itself(const Str *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (fields[i].size_bytes > 0 && base_str_equal(fields[i], fields[j]))
                return true;
    return false;
}

// The first record is a header unless one of its fields reads like a number or a date, or it
// repeats itself and the second, read from `offset` on, has no such field either. An empty first
// name is fine (a row number without a title).
static bool find_header(Arena *arena, Str head, size_t offset, const Dialect *dialect,
                        const Str *fields, size_t count) {
    if (has_value(fields, count))
        return false;
    if (count <= 2 || !repeats_itself(fields, count))
        return true;
    Str *second = NULL;
    size_t second_count = 0;
    return dialect_record(arena, head, &offset, dialect->delimiter, dialect->quote, &second,
                          &second_count) &&
           second_count == count && has_value(second, second_count);
}

static bool same_ignoring_case(Arena *arena, Str a, Str b) {
    return base_str_equal(base_utf8_lower(arena, a), base_utf8_lower(arena, b));
}

static void name_columns(Arena *arena, Dialect *dialect, const Str *fields, size_t count) {
    Str *names = base_arena_alloc_array(arena, count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        Str wanted = dialect->has_header ? base_str_trim(fields[i]) : (Str){NULL, 0};
        if (wanted.size_bytes == 0)
            wanted = base_arena_printf(arena, "column%zu", i);
        if (base_utf8_invalid(wanted) < wanted.size_bytes)
            wanted = base_arena_printf(arena, "column%zu", i);
        names[i] = base_arena_str(arena, wanted);
        for (size_t j = 0, suffix = 1; j < i; j++)
            if (same_ignoring_case(arena, names[i], names[j])) {
                names[i] = base_arena_printf(arena, "%.*s_%zu", STR_ARG(wanted), suffix++);
                j = (size_t)-1; // the new name may be taken as well
            }
    }
    dialect->names = names;
    dialect->name_count = count;
}

void dialect_look(Arena *arena, Str head, const CsvOptions *options, bool is_tabs, Dialect *ret) {
    Dialect dialect = {.quote = '"', .encoding = ret->encoding};
    if (base_str_starts(head, STR("\xEF\xBB\xBF")))
        head = (Str){head.data + 3, head.size_bytes - 3};
    if (options->quote.size_bytes > 0)
        dialect.quote = options->quote.data[0];
    if (options->delimiter.size_bytes > 0)
        dialect.delimiter =
            base_str_equal(options->delimiter, STR("\\t")) ? '\t' : options->delimiter.data[0];
    else
        dialect.delimiter = find_delimiter(head, dialect.quote, is_tabs);
    if (options->decimal.size_bytes > 0)
        dialect.decimal = options->decimal.data[0];
    Str *fields = NULL;
    size_t count = 0, offset = 0;
    if (!dialect_record(arena, head, &offset, dialect.delimiter, dialect.quote, &fields, &count))
        count = 0;
    dialect.has_header =
        options->has_header_option
            ? options->header
            : count > 0 && find_header(arena, head, offset, &dialect, fields, count);
    name_columns(arena, &dialect, fields, count);
    *ret = dialect;
}

// --- lines ---

static size_t count_lines(FileBytes bytes, size_t from, size_t to) {
    size_t lines = 0;
    for (const char *at = bytes.data + from; at < bytes.data + to; at++) {
        at = memchr(at, '\n', (size_t)(bytes.data + to - at));
        if (at == NULL)
            break;
        lines++;
    }
    return lines;
}

// DuckDB gives the place of a record from before the blank lines that lead to it.
static size_t skip_breaks(FileBytes bytes, size_t at) {
    while (at < bytes.size_bytes && (bytes.data[at] == '\n' || bytes.data[at] == '\r'))
        at++;
    return at;
}

int dialect_line_at(Str path, uint64_t offset, uint64_t *ret_line, KretsError *error) {
    FILE_MAP_SCOPED bytes = {0};
    int r = file_map(path, &bytes, error);
    if (r < 0)
        return r;
    size_t at = offset < bytes.size_bytes ? offset : bytes.size_bytes;
    *ret_line = 1 + count_lines(bytes, 0, skip_breaks(bytes, at));
    return 0;
}

// Offset of the record after the one at `at`; counts the lines passed.
static size_t next_record(FileBytes bytes, size_t at, char quote, uint64_t *line) {
    bool is_quoted = false;
    for (; at < bytes.size_bytes; at++) {
        char c = bytes.data[at];
        if (quote != 0 && c == quote)
            is_quoted = !is_quoted; // a doubled quote toggles twice
        if (c == '\n') {
            (*line)++;
            if (!is_quoted)
                return at + 1;
        }
    }
    return at;
}

// A malformed record ends at its line's end: a stray quote must not swallow what follows.
static size_t next_line(FileBytes bytes, size_t at, uint64_t *line) {
    const char *end = memchr(bytes.data + at, '\n', bytes.size_bytes - at);
    if (end == NULL)
        return bytes.size_bytes;
    (*line)++;
    return (size_t)(end - bytes.data) + 1;
}

static bool is_blank_line(FileBytes bytes, size_t at) {
    return bytes.data[at] == '\n' ||
           (bytes.data[at] == '\r' && at + 1 < bytes.size_bytes && bytes.data[at + 1] == '\n');
}

int dialect_lines(const Dialect *dialect, Str path, const uint64_t *bad, size_t bad_count,
                  const uint64_t *records, size_t count, uint64_t *ret_lines, KretsError *error) {
    FILE_MAP_SCOPED bytes = {0};
    int r = file_map(path, &bytes, error);
    if (r < 0)
        return r;
    char quote = dialect->quote;
    uint64_t line = 1, record = 0;
    bool is_header = dialect->has_header;
    size_t at = 0, found = 0, bad_at = 0;
    while (at < bytes.size_bytes && found < count) {
        while (bad_at < bad_count && skip_breaks(bytes, bad[bad_at]) < at)
            bad_at++;
        bool is_bad = bad_at < bad_count && skip_breaks(bytes, bad[bad_at]) == at;
        if (is_blank_line(bytes, at) || is_bad) {
            at = next_line(bytes, at, &line);
            continue;
        }
        if (!is_header) {
            while (found < count && records[found] == record)
                ret_lines[found++] = line;
            record++;
        }
        is_header = false;
        at = next_record(bytes, at, quote, &line);
    }
    while (found < count)
        ret_lines[found++] = 0;
    return 0;
}
