#include "store/builder_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUILDER_TEXT_BLOCK_BYTES = 1 << 18,
    BUILDER_CACHE_SLOTS = 1 << 12, // texts remembered for each column: equal ones share their bytes
    BUILDER_RUN_ROWS = 2048,
    BUILDER_EVENT_SLOTS = 64,
    BUILDER_EVENT_BYTES = 48, // longer names are looked up each time
};

// An event type as it was resolved; by the hash of its name.
typedef struct BuilderEvent {
    char text[BUILDER_EVENT_BYTES];
    uint32_t size_bytes;
    uint16_t index;
    bool is_any, is_kept, is_used;
} BuilderEvent;

typedef struct BuilderColumn {
    ValueType type;
    size_t item_bytes;
    char *values;
    uint8_t *valid; // made with the first null
    Str *cache;     // of texts, by hash
} BuilderColumn;

struct Builder {
    Arena *arena;   // arrays
    Arena *texts;   // texts and items: the same, or of a stream's table only
    StoreSink sink; // of a stream; NULL: there will be one table
    void *sink_context;
    const Plan *plan;
    bool keeps_all, uses_any, has_traits;
    Map *events; // name -> index in the plan
    uint64_t row_room, row_count;
    int64_t *time_us;
    uint16_t *event;
    uint8_t *is_any;
    BuilderColumn *columns;
    Str *customer_ids;
    uint64_t *first_row;
    size_t customer_room, customer_count;
    bool has_any_row; // of the current customer
    char *text_block;
    size_t text_left;
    BuilderEvent seen_events[BUILDER_EVENT_SLOTS];
    Str customers[BUILDER_RUN_ROWS], texts_of_run[BUILDER_RUN_ROWS];
    uint32_t kept[BUILDER_RUN_ROWS]; // rows of the chunk to be copied
};

static const size_t item_bytes[VALUE_TYPE_COUNT] = {
    [VALUE_NULL] = 1,
    [VALUE_BOOLEAN] = 1,
    [VALUE_INTEGER] = 8,
    [VALUE_DECIMAL] = 8,
    [VALUE_NUMBER] = 8,
    [VALUE_TEXT] = sizeof(Str),
    [VALUE_TIME] = 8,
    [VALUE_DATE] = sizeof(int32_t),
    [VALUE_LIST] = sizeof(TableList),
};

// --- memory ---

static int fail_memory(const Builder *builder, KretsError *error) {
    return base_error_set(error, BASE_E_RESOURCES,
                          "the events of one part of the customers need more memory than is left "
                          "(%zu MiB are used by %llu events of %llu): give the program more with "
                          "--memory, or ask for fewer properties",
                          base_arena_used(builder->arena) >> 20,
                          (unsigned long long)builder->row_count,
                          (unsigned long long)builder->row_room);
}

static void *take(Builder *builder, size_t count, size_t size_bytes) {
    return base_arena_alloc_array(builder->arena, count > 0 ? count : 1, size_bytes);
}

// A copy of the text; .data is NULL when the budget is exceeded.
static Str copy_text(Builder *builder, Str text) {
    size_t size = text.size_bytes + 1;
    if (size > BUILDER_TEXT_BLOCK_BYTES / 4)
        return base_arena_str(builder->texts, text);
    if (size > builder->text_left) {
        builder->text_block = base_arena_alloc(builder->texts, BUILDER_TEXT_BLOCK_BYTES);
        if (builder->text_block == NULL)
            return (Str){NULL, 0};
        builder->text_left = BUILDER_TEXT_BLOCK_BYTES;
    }
    char *copy = builder->text_block;
    if (text.size_bytes > 0)
        memcpy(copy, text.data, text.size_bytes);
    copy[text.size_bytes] = '\0';
    builder->text_block += size;
    builder->text_left -= size;
    return (Str){copy, text.size_bytes};
}

// For caches: only size, first and last bytes count.
static inline uint64_t quick_hash(Str text) {
    uint64_t first = 0, last = 0;
    size_t size = text.size_bytes;
    if (size >= sizeof(first)) {
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + size - sizeof(last), sizeof(last));
    } else if (size >= sizeof(uint32_t)) {
        memcpy(&first, text.data, sizeof(uint32_t));
        memcpy(&last, text.data + size - sizeof(uint32_t), sizeof(uint32_t));
    } else if (size > 0) {
        first = (uint64_t)(unsigned char)text.data[0] << 8 | (unsigned char)text.data[size / 2];
        last = (unsigned char)text.data[size - 1];
    }
    uint64_t mixed = (first + size) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 29 ^ last) * UINT64_C(0xBF58476D1CE4E5B9);
    return mixed >> 32;
}

static Str intern_text(Builder *builder, Str *cache, Str text) {
    Str *slot = &cache[quick_hash(text) % BUILDER_CACHE_SLOTS];
    if (slot->data != NULL && base_str_equal(*slot, text))
        return *slot;
    Str copy = copy_text(builder, text);
    if (copy.data != NULL)
        *slot = copy;
    return copy;
}

// --- making ---

static bool set_uses_any(const EventSet *events) {
    return events->is_any;
}

bool store_plan_uses_any(const Plan *plan) {
    for (int32_t i = 0; i < plan->aggregate_count; i++) {
        if (set_uses_any(&plan->aggregates[i].events))
            return true;
    }
    for (int32_t i = 0; i < plan->selection_count; i++) {
        if (set_uses_any(&plan->selections[i].events))
            return true;
    }
    return false;
}

bool store_plan_keeps(const Plan *plan, Str event) {
    if (plan->trait_count > 0 && base_str_equal(event, base_str_from(CATALOG_EVENT_IDENTIFY)))
        return true;
    if (data_catalog_is_any(event) && store_plan_uses_any(plan))
        return true;
    for (int32_t i = 0; i < plan->event_count; i++) {
        if (base_str_equal(plan->events[i].name, event))
            return true;
    }
    return false;
}

static bool make_columns(Builder *builder) {
    const Plan *plan = builder->plan;
    builder->columns = take(builder, (size_t)plan->column_count, sizeof(*builder->columns));
    if (builder->columns == NULL)
        return false;
    for (int32_t i = 0; i < plan->column_count; i++) {
        BuilderColumn *column = &builder->columns[i];
        column->type = plan->columns[i].type;
        column->item_bytes = item_bytes[column->type];
        column->values = take(builder, builder->row_room, column->item_bytes);
        bool has_text = column->type == VALUE_TEXT || column->type == VALUE_LIST;
        if (has_text)
            column->cache = calloc(BUILDER_CACHE_SLOTS, sizeof(*column->cache));
        if (column->values == NULL || (has_text && column->cache == NULL))
            return false;
    }
    return true;
}

int store_builder_new(Arena *arena, const Plan *plan, uint64_t row_room, bool keeps_all,
                      Builder **ret_builder, KretsError *error) {
    STORE_BUILDER_SCOPED builder = calloc(1, sizeof(*builder));
    if (builder == NULL)
        abort();
    builder->arena = builder->texts = arena;
    builder->plan = plan;
    builder->keeps_all = keeps_all;
    builder->uses_any = store_plan_uses_any(plan);
    builder->row_room = row_room;
    builder->events = base_map_new();
    for (int32_t i = 0; i < plan->event_count; i++)
        base_map_put(builder->events, plan->events[i].name, (uint64_t)i);
    builder->time_us = take(builder, row_room, sizeof(*builder->time_us));
    builder->event = take(builder, row_room, sizeof(*builder->event));
    builder->is_any = take(builder, row_room, sizeof(*builder->is_any));
    if (builder->time_us == NULL || builder->event == NULL || builder->is_any == NULL ||
        !make_columns(builder))
        return fail_memory(builder, error);
    *ret_builder = builder;
    builder = NULL;
    return 0;
}

void store_builder_free(Builder *builder) {
    if (builder == NULL)
        return;
    for (int32_t i = 0; builder->columns != NULL && i < builder->plan->column_count; i++)
        free(builder->columns[i].cache);
    base_map_free(builder->events);
    if (builder->texts != builder->arena)
        base_arena_free(builder->texts);
    free(builder);
}

void store_builder_stream(Builder *builder, size_t memory_bytes, StoreSink sink, void *context) {
    assert(builder->row_count == 0 && builder->texts == builder->arena);
    builder->texts = base_arena_new(memory_bytes);
    builder->sink = sink;
    builder->sink_context = context;
}

static void *widen(Builder *builder, void *array, uint64_t room, size_t size_bytes) {
    return array == NULL
               ? NULL
               : base_arena_grow(builder->arena, array, builder->row_count, room, size_bytes);
}

// Room for twice the rows: a customer of a stream has more than a table was made for.
static bool widen_rows(Builder *builder) {
    uint64_t room = builder->row_room * 2;
    builder->time_us = widen(builder, builder->time_us, room, sizeof(*builder->time_us));
    builder->event = widen(builder, builder->event, room, sizeof(*builder->event));
    builder->is_any = widen(builder, builder->is_any, room, sizeof(*builder->is_any));
    bool is_fine = builder->time_us != NULL && builder->event != NULL && builder->is_any != NULL;
    for (int32_t i = 0; is_fine && i < builder->plan->column_count; i++) {
        BuilderColumn *column = &builder->columns[i];
        bool has_valid = column->valid != NULL;
        column->values = widen(builder, column->values, room, column->item_bytes);
        column->valid = widen(builder, column->valid, room, 1);
        is_fine = column->values != NULL && (!has_valid || column->valid != NULL);
    }
    builder->row_room = room;
    return is_fine;
}

// --- customers and events of rows ---

static bool add_customer(Builder *builder, Str id) {
    if (builder->customer_count + 1 >= builder->customer_room) {
        size_t room = builder->customer_room * 2 + 1024;
        builder->customer_ids = base_arena_grow(builder->arena, builder->customer_ids,
                                                builder->customer_count, room, sizeof(Str));
        builder->first_row = base_arena_grow(builder->arena, builder->first_row,
                                             builder->customer_count, room, sizeof(uint64_t));
        if (builder->customer_ids == NULL || builder->first_row == NULL)
            return false;
        builder->customer_room = room;
    }
    Str copy = copy_text(builder, id);
    builder->customer_ids[builder->customer_count] = copy;
    builder->first_row[builder->customer_count++] = builder->row_count;
    builder->has_any_row = false;
    return copy.data != NULL;
}

static void look_up_event(const Builder *builder, Str event, BuilderEvent *ret_event) {
    uint64_t index = TABLE_EVENT_UNKNOWN;
    ret_event->is_any = data_catalog_is_any(event);
    ret_event->is_kept = base_map_get(builder->events, event, &index) || builder->keeps_all ||
                         store_plan_keeps(builder->plan, event);
    ret_event->index = (uint16_t)index;
}

static BuilderEvent resolve_event(Builder *builder, Str event) {
    BuilderEvent *seen = &builder->seen_events[quick_hash(event) % BUILDER_EVENT_SLOTS];
    if (seen->is_used && seen->size_bytes == event.size_bytes &&
        memcmp(seen->text, event.data, event.size_bytes) == 0)
        return *seen;
    BuilderEvent found = {.size_bytes = (uint32_t)event.size_bytes};
    look_up_event(builder, event, &found);
    if (event.size_bytes > sizeof(found.text))
        return found;
    found.is_used = true;
    memcpy(found.text, event.data, event.size_bytes);
    *seen = found;
    return found;
}

static int check_room(Builder *builder, KretsError *error) {
    if (builder->row_count < builder->row_room)
        return 0;
    if (builder->sink != NULL)
        return widen_rows(builder) ? 0 : fail_memory(builder, error);
    return base_error_set(error, BASE_E_STORE,
                          "the history holds more events than its manifest says: its files were "
                          "changed; import the sources again");
}

// Notes customer, time and event of the rows that are kept, and which those are. Of events that the
// plan does not name, a customer's first row tells since when they belong to the population, and
// the first that counts as `any` where "first n days" begins. Stops before the first customer that
// belongs to a stream's next table.
static int append_keys(Builder *builder, const DuckResult *chunk, size_t begin, size_t *end,
                       size_t *ret_kept, KretsError *error) {
    const int64_t *times = db_duck_chunk_data(chunk, BUILDER_TIME);
    Str *events = builder->texts_of_run;
    db_duck_chunk_texts(chunk, BUILDER_CUSTOMER, begin, *end, builder->customers);
    db_duck_chunk_texts(chunk, BUILDER_EVENT, begin, *end, events);
    size_t kept = 0;
    for (size_t row = begin; row < *end; row++) {
        Str customer = builder->customers[row - begin];
        bool is_first =
            builder->customer_count == 0 ||
            !base_str_equal(builder->customer_ids[builder->customer_count - 1], customer);
        if (is_first && builder->sink != NULL && builder->row_count >= BUILDER_TABLE_ROWS) {
            *end = row;
            break;
        }
        if (is_first && !add_customer(builder, customer))
            return fail_memory(builder, error);
        BuilderEvent event = resolve_event(builder, events[row - begin]);
        bool is_first_any = event.is_any && !builder->has_any_row;
        if (!event.is_kept && !is_first && !is_first_any)
            continue;
        int r = check_room(builder, error);
        if (r < 0)
            return r;
        builder->has_any_row |= event.is_any;
        builder->time_us[builder->row_count] = times[row];
        builder->event[builder->row_count] = event.index;
        builder->is_any[builder->row_count] = event.is_any;
        builder->row_count++;
        builder->kept[kept++] = (uint32_t)row;
    }
    *ret_kept = kept;
    return 0;
}

// --- columns ---

static bool append_validity(Builder *builder, BuilderColumn *column, const uint64_t *validity,
                            size_t kept, uint64_t first) {
    if (validity == NULL && column->valid == NULL)
        return true;
    if (column->valid == NULL) {
        column->valid = take(builder, builder->row_room, 1);
        if (column->valid == NULL)
            return false;
        memset(column->valid, 1, first);
    }
    for (size_t i = 0; i < kept; i++) {
        uint32_t row = builder->kept[i];
        column->valid[first + i] =
            (uint8_t)(validity == NULL ? 1 : validity[row / 64] >> (row % 64) & 1);
    }
    return true;
}

static void append_fixed8(const Builder *builder, char *values, const void *data, size_t kept) {
    const uint64_t *from = data;
    uint64_t *to = (uint64_t *)(void *)values;
    for (size_t i = 0; i < kept; i++)
        to[i] = from[builder->kept[i]];
}

static void append_fixed4(const Builder *builder, char *values, const void *data, size_t kept) {
    const uint32_t *from = data;
    uint32_t *to = (uint32_t *)(void *)values;
    for (size_t i = 0; i < kept; i++)
        to[i] = from[builder->kept[i]];
}

static void append_fixed1(const Builder *builder, char *values, const void *data, size_t kept) {
    const char *from = data;
    for (size_t i = 0; i < kept; i++)
        values[i] = from[builder->kept[i]];
}

static bool append_texts(Builder *builder, BuilderColumn *column, const DuckResult *chunk,
                         size_t index, size_t kept, uint64_t first) {
    Str *values = (Str *)(void *)column->values;
    if (kept == 0)
        return true;
    size_t begin = builder->kept[0]; // at most a run's rows lie between
    db_duck_chunk_texts(chunk, index, begin, builder->kept[kept - 1] + (size_t)1,
                        builder->texts_of_run);
    for (size_t i = 0; i < kept; i++) {
        if (column->valid != NULL && column->valid[first + i] == 0)
            continue;
        Str text = builder->texts_of_run[builder->kept[i] - begin];
        values[first + i] = intern_text(builder, column->cache, text);
        if (values[first + i].data == NULL)
            return false;
    }
    return true;
}

static bool append_lists(Builder *builder, BuilderColumn *column, const DuckResult *chunk,
                         size_t index, size_t kept, uint64_t first) {
    TableList *values = (TableList *)(void *)column->values;
    for (size_t i = 0; i < kept; i++) {
        if (column->valid != NULL && column->valid[first + i] == 0)
            continue;
        size_t first_item = 0;
        size_t count = db_duck_chunk_list(chunk, index, builder->kept[i], &first_item);
        Str *items = base_arena_alloc_array(builder->texts, count + 1, sizeof(*items));
        if (items == NULL)
            return false;
        size_t filled = 0;
        for (size_t k = 0; k < count; k++) {
            Str item;
            if (!db_duck_chunk_item(chunk, index, first_item + k, &item))
                continue;
            items[filled] = intern_text(builder, column->cache, item);
            if (items[filled++].data == NULL)
                return false;
        }
        values[first + i] = (TableList){items, filled};
    }
    return true;
}

static bool append_column(Builder *builder, size_t number, const DuckResult *chunk, size_t kept,
                          uint64_t first) {
    BuilderColumn *column = &builder->columns[number];
    size_t index = BUILDER_FIRST_COLUMN + number;
    if (!append_validity(builder, column, db_duck_chunk_validity(chunk, index), kept, first))
        return false;
    char *values = column->values + first * column->item_bytes;
    const void *data = db_duck_chunk_data(chunk, index);
    switch (column->type) {
    case VALUE_TEXT:
        return append_texts(builder, column, chunk, index, kept, first);
    case VALUE_LIST:
        return append_lists(builder, column, chunk, index, kept, first);
    case VALUE_DATE:
        append_fixed4(builder, values, data, kept);
        return true;
    case VALUE_BOOLEAN:
        append_fixed1(builder, values, data, kept);
        return true;
    case VALUE_NULL:
        return true;
    default:
        append_fixed8(builder, values, data, kept);
        return true;
    }
}

int store_builder_append(Builder *builder, const DuckResult *chunk, size_t begin, size_t end,
                         KretsError *error) {
    for (size_t run = begin; run < end;) {
        size_t run_end = end - run < BUILDER_RUN_ROWS ? end : run + BUILDER_RUN_ROWS;
        size_t stop = run_end;
        uint64_t first = builder->row_count;
        size_t kept = 0;
        int r = append_keys(builder, chunk, run, &stop, &kept, error);
        if (r < 0)
            return r;
        assert(first + kept == builder->row_count);
        for (int32_t i = 0; i < builder->plan->column_count; i++) {
            if (!append_column(builder, (size_t)i, chunk, kept, first))
                return fail_memory(builder, error);
        }
        if (stop < run_end)
            r = store_builder_flush(builder, error);
        if (r != 0)
            return r;
        run = stop;
    }
    return 0;
}

int store_builder_flush(Builder *builder, KretsError *error) {
    assert(builder->sink != NULL);
    if (builder->customer_count == 0)
        return 0;
    const EventTable *table = NULL;
    int r = store_builder_finish(builder, &table, error);
    if (r == 0)
        r = builder->sink(builder->sink_context, table, error);
    for (int32_t i = 0; i < builder->plan->column_count; i++) {
        if (builder->columns[i].cache != NULL)
            memset(builder->columns[i].cache, 0,
                   BUILDER_CACHE_SLOTS * sizeof(*builder->columns[i].cache));
    }
    base_arena_reset(builder->texts);
    builder->text_block = NULL;
    builder->text_left = 0;
    builder->row_count = builder->customer_count = 0;
    return r;
}

int store_builder_finish(Builder *builder, const EventTable **ret_table, KretsError *error) {
    size_t column_count = (size_t)builder->plan->column_count;
    EventTable *table = base_arena_alloc(builder->texts, sizeof(*table));
    TableColumn *columns =
        base_arena_alloc_array(builder->texts, column_count + 1, sizeof(*columns));
    if (builder->first_row == NULL)
        builder->first_row = take(builder, 1, sizeof(*builder->first_row));
    if (table == NULL || columns == NULL || builder->first_row == NULL)
        return fail_memory(builder, error);
    builder->first_row[builder->customer_count] = builder->row_count;
    for (size_t i = 0; i < column_count; i++) {
        const BuilderColumn *column = &builder->columns[i];
        columns[i] = (TableColumn){column->type, column->values, column->valid};
    }
    *table = (EventTable){
        .customer_count = builder->customer_count,
        .customer_ids = builder->customer_ids,
        .first_row = builder->first_row,
        .row_count = builder->row_count,
        .time_us = builder->time_us,
        .event = builder->event,
        .is_any = builder->is_any,
        .columns = columns,
        .column_count = column_count,
    };
    *ret_table = table;
    return 0;
}
