// What the sources themselves say about events and properties, before anything was imported.
#include <stdlib.h>

#include "base/utf8.h"
#include "ingest/ingest_private.h"

// Rows looked at for the names of events when a source is too large to be held.
#define EVENT_ROWS      "1000000"
#define EVENT_NAMES_MAX 10000

typedef struct Builder {
    Arena *arena;
    CatalogEvent *events;
    size_t count, capacity;
} Builder;

static CatalogEvent *find_event(Builder *builder, Str name) {
    for (size_t i = 0; i < builder->count; i++)
        if (base_str_equal(builder->events[i].name, name))
            return &builder->events[i];
    if (builder->count == builder->capacity) {
        size_t wider = builder->capacity == 0 ? 16 : builder->capacity * 2;
        builder->events = base_arena_grow(builder->arena, builder->events, builder->count, wider,
                                          sizeof(*builder->events));
        builder->capacity = wider;
    }
    CatalogEvent *event = &builder->events[builder->count++];
    *event = (CatalogEvent){.name = name, .is_any = data_catalog_is_any(name)};
    return event;
}

// integer -> decimal -> number -> text; anything else that differs is text.
static ValueType widen(ValueType a, ValueType b) {
    if (a == b || b == VALUE_NULL)
        return a;
    if (a == VALUE_NULL)
        return b;
    bool is_number =
        a >= VALUE_INTEGER && a <= VALUE_NUMBER && b >= VALUE_INTEGER && b <= VALUE_NUMBER;
    return is_number ? (a > b ? a : b) : VALUE_TEXT;
}

static void add_property(Builder *builder, CatalogEvent *event, Str name, ValueType type) {
    for (size_t i = 0; i < event->property_count; i++)
        if (base_str_equal(event->properties[i].name, name)) {
            event->properties[i].type = widen(event->properties[i].type, type);
            return;
        }
    event->properties = base_arena_grow(builder->arena, event->properties, event->property_count,
                                        event->property_count + 1, sizeof(*event->properties));
    event->properties[event->property_count++] =
        (CatalogProperty){.name = name, .column = name, .type = type};
}

static void add_properties(Builder *builder, CatalogEvent *event, Str array, const Rows *rows) {
    for (size_t i = 0; i < rows->property_count; i++)
        if (base_str_equal(rows->properties[i].array, array))
            add_property(builder, event, rows->properties[i].name, rows->properties[i].type);
}

// The event itself, and those of the arrays that its rows carry.
static void add_event(Builder *builder, Str name, const Rows *rows) {
    add_properties(builder, find_event(builder, name), STR(""), rows);
    for (size_t i = 0; i < rows->property_count; i++) {
        Str array = rows->properties[i].array;
        bool is_new = array.size_bytes > 0;
        for (size_t j = 0; is_new && j < i; j++)
            is_new = !base_str_equal(rows->properties[j].array, array);
        if (!is_new)
            continue;
        Str item = base_arena_printf(builder->arena, "%.*s[%.*s]", STR_ARG(name), STR_ARG(array));
        add_properties(builder, find_event(builder, item), array, rows);
    }
}

static int add_source(Builder *builder, Stage *stage) {
    Rows rows;
    int r = stage_open(stage);
    if (r == 0)
        r = rows_build(stage, &rows);
    if (r != 0)
        return r;
    DB_DUCK_RESULT_SCOPED result = NULL;
    Str from = rows.is_held
                   ? rows.table
                   : stage_printf(stage, "(from %s limit " EVENT_ROWS ")", rows.table.data);
    r = db_duck_query(
        stage->duck,
        stage_printf(stage,
                     "select distinct krets_event from %s where krets_reason = 0 order "
                     "by 1 limit %d",
                     from.data, EVENT_NAMES_MAX),
        &result, stage->error);
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0)
        add_event(builder, base_arena_str(builder->arena, db_duck_value(result, 0).text), &rows);
    return r;
}

static int compare_events(const void *a, const void *b) {
    return base_str_compare(((const CatalogEvent *)a)->name, ((const CatalogEvent *)b)->name);
}

static int compare_properties(const void *a, const void *b) {
    return base_str_compare(((const CatalogProperty *)a)->name, ((const CatalogProperty *)b)->name);
}

int ingest_catalog(Arena *arena, Duck *duck, const Model *model, int64_t now_us,
                   const Catalog **ret_catalog, KretsError *error) {
    Builder builder = {.arena = arena};
    IngestState state = {.now_us = now_us};
    for (size_t i = 0; i < model->source_count; i++) {
        Stage *stage = base_arena_alloc(arena, sizeof(*stage));
        *stage = (Stage){.arena = arena,
                         .duck = duck,
                         .model = model,
                         .error = error,
                         .source = &model->sources[i],
                         .place = i,
                         .state = &state};
        int r = add_source(&builder, stage);
        files_release(stage);
        if (r == 0)
            r = ingest_release(duck, i, error);
        if (r < 0)
            return r;
    }
    if (builder.count > 0)
        qsort(builder.events, builder.count, sizeof(*builder.events), compare_events);
    for (size_t i = 0; i < builder.count; i++)
        if (builder.events[i].property_count > 0)
            qsort(builder.events[i].properties, builder.events[i].property_count,
                  sizeof(CatalogProperty), compare_properties);
    Catalog *catalog = base_arena_alloc(arena, sizeof(*catalog));
    *catalog =
        (Catalog){.events = builder.events, .event_count = builder.count, .is_provisional = true};
    *ret_catalog = catalog;
    return 0;
}
