#include "engine/engine_fixture.h"

// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_EVENTS_MAX = 32, FIXTURE_PROPERTIES_MAX = 32 };

static ValueType type_of(const char *name) {
    for (int type = VALUE_NULL; type < VALUE_TYPE_COUNT; type++) {
        if (strcmp(data_value_type_name((ValueType)type), name) == 0) {
            return (ValueType)type;
        }
    }
    fail_msg("no type %s", name);
    return VALUE_NULL;
}

int64_t engine_fixture_time(const char *text) {
    int64_t local_us;
    bool has_offset;
    int32_t offset_s, day;
    if (strcmp(text, "always") == 0) {
        return CALENDAR_TIME_MIN;
    }
    if (base_calendar_parse_date(base_str_from(text), &day)) {
        return day * CALENDAR_US_PER_DAY;
    }
    if (!base_calendar_parse_time(base_str_from(text), &local_us, &has_offset, &offset_s) ||
        !has_offset) {
        fail_msg("not a time with an offset: %s", text);
    }
    return local_us - offset_s * CALENDAR_US_PER_SECOND;
}

static CatalogEvent *event_named(Catalog *catalog, Arena *arena, const char *name) {
    for (size_t i = 0; i < catalog->event_count; i++) {
        if (base_str_equal(catalog->events[i].name, base_str_from(name))) {
            return &catalog->events[i];
        }
    }
    assert_true(catalog->event_count < FIXTURE_EVENTS_MAX);
    CatalogEvent *event = &catalog->events[catalog->event_count++];
    event->name = base_str_from(name);
    event->is_any = data_catalog_is_any(event->name);
    event->properties =
        base_arena_alloc_array(arena, FIXTURE_PROPERTIES_MAX, sizeof(CatalogProperty));
    return event;
}

static int compare_properties(const void *a, const void *b) {
    return base_str_compare(((const CatalogProperty *)a)->name, ((const CatalogProperty *)b)->name);
}

static int compare_events(const void *a, const void *b) {
    return base_str_compare(((const CatalogEvent *)a)->name, ((const CatalogEvent *)b)->name);
}

// Columns are shared by properties of one name and type, as in the history.
static void make_catalog(Fixture *fixture, const FixtureProperty *properties) {
    Catalog *catalog = &fixture->catalog;
    catalog->events =
        base_arena_alloc_array(fixture->arena, FIXTURE_EVENTS_MAX, sizeof(CatalogEvent));
    for (; properties->event != NULL; properties++) {
        CatalogEvent *event = event_named(catalog, fixture->arena, properties->event);
        if (properties->name == NULL) {
            continue;
        }
        assert_true(event->property_count < FIXTURE_PROPERTIES_MAX);
        event->properties[event->property_count++] = (CatalogProperty){
            .name = base_str_from(properties->name),
            .column =
                base_arena_printf(fixture->arena, "%s~%s", properties->name, properties->type),
            .type = type_of(properties->type),
        };
    }
    qsort(catalog->events, catalog->event_count, sizeof(CatalogEvent), compare_events);
    for (size_t i = 0; i < catalog->event_count; i++) {
        qsort(catalog->events[i].properties, catalog->events[i].property_count,
              sizeof(CatalogProperty), compare_properties);
    }
}

// The next word of a line; {NULL, 0} at its end.
static Str next_word(const char **line) {
    while (**line == ' ') {
        (*line)++;
    }
    const char *begin = *line;
    while (**line != ' ' && **line != '\0') {
        (*line)++;
    }
    return (Str){begin == *line ? NULL : begin, (size_t)(*line - begin)};
}

static int compare_rows(const void *a, const void *b) {
    const FixtureRow *x = a, *y = b;
    int order = base_str_compare(x->customer, y->customer);
    if (order == 0) {
        order = (x->time_us > y->time_us) - (x->time_us < y->time_us);
    }
    return order != 0 ? order : (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static void read_lines(Fixture *fixture, const char *const *lines) {
    size_t count = 0;
    while (lines[count] != NULL) {
        count++;
    }
    fixture->rows = base_arena_alloc_array(fixture->arena, count + 1, sizeof(FixtureRow));
    for (size_t i = 0; i < count; i++) {
        const char *line = lines[i];
        FixtureRow *row = &fixture->rows[fixture->row_count++];
        row->arrival = i;
        row->customer = next_word(&line);
        Str time = base_arena_str(fixture->arena, next_word(&line));
        row->event = next_word(&line);
        row->fields = base_str_from(line);
        assert_non_null(row->event.data);
        row->time_us = engine_fixture_time(time.data);
    }
    qsort(fixture->rows, count, sizeof(FixtureRow), compare_rows);
}

void engine_fixture_init(Fixture *fixture, const char *zone, const char *country,
                         const FixtureProperty *properties, const char *const *lines) {
    *fixture = (Fixture){.arena = base_arena_new(SIZE_MAX)};
    KretsError error = {0};
    fixture->model = (Model){
        .path = STR("krets.yaml"),
        .directory = STR("."),
        .name = STR("Test"),
        .country = base_str_from(country),
        .timezone = base_str_from(zone),
    };
    if (base_zone_open(base_str_from(zone), &fixture->model.zone, &error) < 0) {
        fail_msg("%s", error.text);
    }
    make_catalog(fixture, properties);
    read_lines(fixture, lines);
}

void engine_fixture_done(Fixture *fixture) {
    base_arena_free(fixture->arena);
}

const Plan *engine_fixture_plan(Fixture *fixture, const char *expression, NodeId *ret_node) {
    Diagnostics diagnostics = {.arena = fixture->arena};
    KretsError error = {0};
    const Plan *plan = NULL;
    int code =
        lang_plan_compile_text(fixture->arena, &fixture->model, &fixture->catalog, STR("test"),
                               base_str_from(expression), &diagnostics, &plan, ret_node, &error);
    if (code < 0) {
        for (size_t i = 0; i < diagnostics.count; i++) {
            print_error("%.*s\n", STR_ARG(diagnostics.items[i].rendered));
        }
        fail_msg("%s: does not compile: %s", expression, error.text);
    }
    return plan;
}

static Str field_named(Str fields, Str name, Arena *arena) {
    const char *line = base_arena_str(arena, fields).data;
    for (Str word = next_word(&line); word.data != NULL; word = next_word(&line)) {
        const char *equals = memchr(word.data, '=', word.size_bytes);
        assert_non_null(equals);
        Str key = {word.data, (size_t)(equals - word.data)};
        if (base_str_equal(key, name)) {
            return base_arena_str(arena, (Str){equals + 1, word.size_bytes - key.size_bytes - 1});
        }
    }
    return (Str){NULL, 0};
}

static TableList list_of(Arena *arena, char *text) {
    Str *items = base_arena_alloc_array(arena, strlen(text) + 1, sizeof(Str));
    TableList list = {.items = items};
    for (char *item = strtok(text, ","); item != NULL; item = strtok(NULL, ",")) {
        items[list.count++] = base_str_from(item);
    }
    return list;
}

static int64_t decimal_of(const char *text) {
    char *end;
    bool is_negative = text[0] == '-';
    int64_t mantissa = strtoll(text, &end, 10) * VALUE_DECIMAL_ONE, scale = VALUE_DECIMAL_ONE;
    if (*end == '.') {
        for (end++; *end != '\0'; end++) {
            scale /= 10;
            mantissa += (is_negative ? -scale : scale) * (*end - '0');
        }
    }
    return mantissa;
}

static void set_field(Arena *arena, ValueType type, void *values, size_t row, Str text) {
    int32_t day = 0;
    switch (type) {
    case VALUE_BOOLEAN:
        ((uint8_t *)values)[row] = base_str_equal(text, STR("true"));
        break;
    case VALUE_INTEGER:
        ((int64_t *)values)[row] = strtoll(text.data, NULL, 10);
        break;
    case VALUE_DECIMAL:
        ((int64_t *)values)[row] = decimal_of(text.data);
        break;
    case VALUE_NUMBER:
        ((double *)values)[row] = strtod(text.data, NULL);
        break;
    case VALUE_TEXT:
        ((Str *)values)[row] = text;
        break;
    case VALUE_TIME:
        ((int64_t *)values)[row] = engine_fixture_time(text.data);
        break;
    case VALUE_DATE:
        assert_true(base_calendar_parse_date(text, &day));
        ((int32_t *)values)[row] = day;
        break;
    case VALUE_LIST:
        ((TableList *)values)[row] = list_of(arena, (char *)base_arena_str(arena, text).data);
        break;
    default:
        fail_msg("no column of this type");
    }
}

// Which property of an event is in the column; NULL when none is.
static const CatalogProperty *property_in_column(const Fixture *fixture, Str event, Str column) {
    const CatalogEvent *entry = data_catalog_event(&fixture->catalog, event);
    for (size_t i = 0; entry != NULL && i < entry->property_count; i++) {
        if (base_str_equal(entry->properties[i].column, column)) {
            return &entry->properties[i];
        }
    }
    return NULL;
}

static TableColumn make_column(Fixture *fixture, const PlanColumn *column) {
    size_t room = fixture->row_count + 1;
    void *values =
        base_arena_alloc_array(fixture->arena, room, data_table_value_size(column->type));
    uint8_t *valid = base_arena_alloc(fixture->arena, room);
    for (size_t i = 0; i < fixture->row_count; i++) {
        const FixtureRow *row = &fixture->rows[i];
        const CatalogProperty *property = property_in_column(fixture, row->event, column->column);
        Str text = {NULL, 0};
        if (property != NULL) {
            text = field_named(row->fields, property->name, fixture->arena);
        }
        if (text.data != NULL) {
            valid[i] = 1;
            set_field(fixture->arena, column->type, values, i, text);
        }
    }
    return (TableColumn){.type = column->type, .values = values, .valid = valid};
}

static uint16_t event_index(const Plan *plan, Str name) {
    for (int32_t i = 0; i < plan->event_count; i++) {
        if (base_str_equal(plan->events[i].name, name)) {
            return (uint16_t)i;
        }
    }
    return TABLE_EVENT_UNKNOWN;
}

const EventTable *engine_fixture_table(Fixture *fixture, const Plan *plan) {
    Arena *arena = fixture->arena;
    size_t count = fixture->row_count, customer_count = 0;
    EventTable *table = base_arena_alloc(arena, sizeof(EventTable));
    Str *ids = base_arena_alloc_array(arena, count + 1, sizeof(Str));
    uint64_t *first_row = base_arena_alloc_array(arena, count + 2, sizeof(uint64_t));
    int64_t *time_us = base_arena_alloc_array(arena, count + 1, sizeof(int64_t));
    uint16_t *event = base_arena_alloc_array(arena, count + 1, sizeof(uint16_t));
    uint8_t *is_any = base_arena_alloc(arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        const FixtureRow *row = &fixture->rows[i];
        if (i == 0 || !base_str_equal(row->customer, fixture->rows[i - 1].customer)) {
            ids[customer_count] = row->customer;
            first_row[customer_count++] = i;
        }
        time_us[i] = row->time_us;
        event[i] = event_index(plan, row->event);
        is_any[i] = data_catalog_is_any(row->event);
    }
    first_row[customer_count] = count;
    TableColumn *columns =
        base_arena_alloc_array(arena, (size_t)plan->column_count + 1, sizeof(TableColumn));
    for (int32_t i = 0; i < plan->column_count; i++) {
        columns[i] = make_column(fixture, &plan->columns[i]);
    }
    *table = (EventTable){.customer_count = customer_count,
                          .customer_ids = ids,
                          .first_row = first_row,
                          .row_count = count,
                          .time_us = time_us,
                          .event = event,
                          .is_any = is_any,
                          .columns = columns,
                          .column_count = (size_t)plan->column_count};
    return table;
}

size_t engine_fixture_customer(const EventTable *table, const char *id) {
    for (size_t i = 0; i < table->customer_count; i++) {
        if (base_str_equal(table->customer_ids[i], base_str_from(id))) {
            return i;
        }
    }
    fail_msg("no customer %s", id);
    return 0;
}

const FitSet *engine_fixture_fit(Fixture *fixture, const Plan *plan, const EventTable *table,
                                 int64_t now_us, unsigned threads) {
    if (plan->fit_count == 0) {
        return NULL;
    }
    KretsError error = {0};
    FitBuilder *builder = engine_fit_new(fixture->arena, plan, now_us);
    for (int32_t level = 0; level < engine_fit_level_count(builder); level++) {
        if (engine_fit_collect(builder, level, table, threads, &error) < 0 ||
            engine_fit_level(builder, level, &error) < 0) {
            fail_msg("%s", error.text);
        }
    }
    return engine_fit_done(builder);
}

Str engine_fixture_value(Fixture *fixture, const char *customer, const char *now,
                         const char *expression) {
    NodeId node = NODE_NONE;
    KretsError error = {0};
    const Trace *trace = NULL;
    int64_t now_us = engine_fixture_time(now);
    const Plan *plan = engine_fixture_plan(fixture, expression, &node);
    const EventTable *table = engine_fixture_table(fixture, plan);
    const FitSet *fits = engine_fixture_fit(fixture, plan, table, now_us, 1);
    if (engine_trace(fixture->arena, plan, table, engine_fixture_customer(table, customer), fits,
                     now_us, &trace, &error) < 0) {
        fail_msg("%s: %s", expression, error.text);
    }
    if (!trace->is_in_population) {
        return STR("out");
    }
    Value value = trace->nodes[node];
    if (value.is_null) {
        return STR("null");
    }
    BASE_TEXT_SCOPED text = {0};
    data_value_format(&text, value);
    return base_arena_str(fixture->arena, base_text_str(&text));
}
