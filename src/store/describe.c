// What the new files hold: event types with their spans, properties with their counts of values.

#include "store/loader_private.h"

// arrival = place << 53 | row << 13 | child
#define ROW_OF_ARRIVAL "(arrival >> 13) & 1099511627775"

static void append_files(Text *out, const Load *load) {
    base_text_append(out, STR(" from read_parquet(["));
    for (size_t i = 0; i < load->file_count; i++) {
        if (i > 0)
            base_text_append(out, STR(", "));
        db_sql_literal(out, load->files[i].whole_path);
    }
    base_text_append(out, STR("], hive_partitioning = false) h"));
}

static int describe_events(Load *load, KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select event, count(*), epoch_us(min(time)), epoch_us(max(time)),"
                               " max(" ROW_OF_ARRIVAL ")"));
    append_files(&sql, load);
    base_text_append(&sql, STR(" group by event order by event"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(load->store->duck, base_text_str(&sql), &result, error);
    size_t room = 0;
    while (r == 0 && (r = db_duck_next(result, error)) == 1) {
        if (load->event_count == room) {
            room = room * 2 + 16;
            load->events = base_arena_grow(load->arena, load->events, load->event_count, room,
                                           sizeof(*load->events));
        }
        load->events[load->event_count++] = (StoredEvent){
            .generation = load->generation,
            .name = base_arena_str(load->arena, db_duck_value(result, 0).text),
            .row_count = (uint64_t)db_duck_value(result, 1).integer,
            .time_min_us = db_duck_value(result, 2).integer,
            .time_max_us = db_duck_value(result, 3).integer,
        };
        int64_t row = db_duck_value(result, 4).integer;
        load->row_max = row > load->row_max ? row : load->row_max;
        r = 0;
    }
    return r;
}

// "event[products]" holds the properties of the array "products", other events those of none.
static bool may_hold(Str event, Str array) {
    if (array.size_bytes == 0)
        return !(event.size_bytes > 0 && event.data[event.size_bytes - 1] == ']');
    BASE_TEXT_SCOPED tail = {0};
    base_text_printf(&tail, "[%.*s]", STR_ARG(array));
    return base_str_ends(event, base_text_str(&tail));
}

// Values of each staged property in each event type, as counts[event * properties + property].
static int count_values(Load *load, uint64_t *counts, KretsError *error) {
    const Staged *staged = load->staged;
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select event"));
    for (size_t i = 0; i < load->column_count; i++) {
        const LoadColumn *column = &load->columns[i];
        StoredProperty property = {
            .column = column->column, .type = column->type, .is_more = column->is_more};
        base_text_append(&sql, STR(", count("));
        store_column_read_sql(&sql, &property);
        base_text_append_char(&sql, ')');
    }
    append_files(&sql, load);
    base_text_append(&sql, STR(" group by event order by event"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(load->store->duck, base_text_str(&sql), &result, error);
    for (size_t event = 0; r == 0 && (r = db_duck_next(result, error)) == 1; event++) {
        for (size_t i = 0; i < staged->property_count; i++) {
            const LoadColumn *column = load->property_columns[i];
            if (column == NULL || !may_hold(load->events[event].name, staged->properties[i].array))
                continue;
            size_t index = 1 + (size_t)(column - load->columns);
            counts[event * staged->property_count + i] =
                (uint64_t)db_duck_value(result, index).integer;
        }
        r = 0;
    }
    return r;
}

// Events that may hold the properties of an array (or of none).
static size_t count_holders(const Load *load, Str array) {
    size_t count = 0;
    for (size_t i = 0; i < load->event_count; i++)
        count += may_hold(load->events[i].name, array) ? 1 : 0;
    return count;
}

static bool has_property(const Load *load, size_t first, Str name) {
    for (size_t i = first; i < load->property_count; i++) {
        if (base_str_equal(load->properties[i].name, name))
            return true;
    }
    return false;
}

// A property without any value is known where only one event type can have it; where a source has
// several, it belongs to none of them.
static void add_properties(Load *load, size_t event, const uint64_t *counts) {
    const Staged *staged = load->staged;
    size_t first = load->property_count;
    for (size_t i = 0; i < staged->property_count; i++) {
        const StagedProperty *property = &staged->properties[i];
        uint64_t count = counts[event * staged->property_count + i];
        if (!may_hold(load->events[event].name, property->array) ||
            has_property(load, first, property->name) ||
            (count == 0 && count_holders(load, property->array) > 1))
            continue;
        const LoadColumn *column = count > 0 ? load->property_columns[i] : NULL;
        load->properties[load->property_count++] = (StoredProperty){
            .event = load->events[event].name,
            .name = property->name,
            .column = column != NULL ? column->column : STR(""),
            .type = column != NULL ? column->type : VALUE_NULL,
            .is_more = column != NULL && column->is_more,
            .value_count = count,
        };
    }
}

int load_describe(Load *load, KretsError *error) {
    if (load->file_count == 0)
        return 0;
    int r = describe_events(load, error);
    if (r < 0)
        return r;
    size_t cells = load->event_count * load->staged->property_count;
    uint64_t *counts = base_arena_alloc_array(load->arena, cells + 1, sizeof(*counts));
    load->properties = base_arena_alloc_array(load->arena, cells + 1, sizeof(*load->properties));
    if (cells > 0)
        r = count_values(load, counts, error);
    for (size_t event = 0; r == 0 && event < load->event_count; event++)
        add_properties(load, event, counts);
    return r;
}
