#include "oracle_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "data/table.h"
#include "engine/evaluate.h"
#include "engine/fit.h"
#include "lang/sql.h"

// ---- compiling ----

int world_compile(Arena *arena, const World *world, const Str *expressions, size_t count,
                  const Plan **ret_plan, KretsError *error) {
    Model *model = base_arena_alloc(arena, sizeof *model);
    *model = world->model;
    size_t more = world->model.metric_count;
    MetricSource *metrics = base_arena_alloc_array(arena, count + more + 1, sizeof *metrics);
    for (size_t i = 0; i < more; i++) {
        metrics[count + i] = world->model.metrics[i];
    }
    for (size_t i = 0; i < count; i++) {
        metrics[i].name = base_arena_printf(arena, "q%zu", i);
        metrics[i].expression = expressions[i];
    }
    model->metrics = metrics;
    model->metric_count = count + more;
    Diagnostics diagnostics = {.arena = arena};
    int r = lang_plan_compile(arena, model, world->catalog, &diagnostics, ret_plan, error);
    if (r < 0 && diagnostics.count > 0) {
        for (size_t i = 0; i < diagnostics.count; i++) {
            if (!diagnostics.items[i].is_warning) {
                return base_error_set(error, r, "%.*s", STR_ARG(diagnostics.items[i].message));
            }
        }
    }
    return r;
}

// ---- the evaluator ----

static int compare_events(const void *a, const void *b) {
    const WorldEvent *x = *(const WorldEvent *const *)a;
    const WorldEvent *y = *(const WorldEvent *const *)b;
    int order = base_str_compare(x->customer, y->customer);
    if (order != 0) {
        return order;
    }
    if (x->time_us != y->time_us) {
        return x->time_us < y->time_us ? -1 : 1;
    }
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static TableColumn make_column(Arena *arena, const World *world, const WorldEvent **rows,
                               const PlanColumn *column) {
    size_t index = 0;
    while (index < world->column_count &&
           !base_str_equal(world->columns[index].name, column->column)) {
        index++;
    }
    void *values =
        base_arena_alloc_array(arena, world->event_count + 1, data_table_value_size(column->type));
    uint8_t *valid = base_arena_alloc_array(arena, world->event_count + 1, 1);
    for (size_t i = 0; index < world->column_count && i < world->event_count; i++) {
        Value value = rows[i]->values[index];
        valid[i] = !value.is_null;
        if (!value.is_null) {
            data_table_put(values, i, value);
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

const EventTable *world_table(Arena *arena, const World *world, const Plan *plan) {
    size_t count = world->event_count;
    const WorldEvent **rows = base_arena_alloc_array(arena, count + 1, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = &world->events[i];
    }
    qsort(rows, count, sizeof *rows, compare_events);
    Str *ids = base_arena_alloc_array(arena, count + 1, sizeof *ids);
    uint64_t *first_row = base_arena_alloc_array(arena, count + 2, sizeof *first_row);
    int64_t *time_us = base_arena_alloc_array(arena, count + 1, sizeof *time_us);
    uint16_t *event = base_arena_alloc_array(arena, count + 1, sizeof *event);
    uint8_t *is_any = base_arena_alloc_array(arena, count + 1, 1);
    EventTable *table = base_arena_alloc(arena, sizeof *table);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !base_str_equal(rows[i]->customer, rows[i - 1]->customer)) {
            ids[table->customer_count] = rows[i]->customer;
            first_row[table->customer_count++] = i;
        }
        time_us[i] = rows[i]->time_us;
        event[i] = event_index(plan, rows[i]->event);
        is_any[i] = data_catalog_is_any(rows[i]->event);
    }
    first_row[table->customer_count] = count;
    TableColumn *columns =
        base_arena_alloc_array(arena, (size_t)plan->column_count + 1, sizeof *columns);
    for (int32_t i = 0; i < plan->column_count; i++) {
        columns[i] = make_column(arena, world, rows, &plan->columns[i]);
    }
    table->customer_ids = ids;
    table->first_row = first_row;
    table->row_count = count;
    table->time_us = time_us;
    table->event = event;
    table->is_any = is_any;
    table->columns = columns;
    table->column_count = (size_t)plan->column_count;
    return table;
}

typedef struct Sink {
    Arena *arena;
    const EventTable *table;
    WorldAnswers *answers;
} Sink;

static Value copy_value(Arena *arena, Value value) {
    if (!value.is_null && value.type == VALUE_TEXT) {
        value.text = base_arena_str(arena, value.text);
    }
    return value;
}

static int take_answer(void *context, unsigned thread, const Answer *answer) {
    (void)thread;
    Sink *sink = context;
    WorldAnswers *answers = sink->answers;
    answers->customers[answers->customer_count] = sink->table->customer_ids[answer->customer];
    for (size_t i = 0; i < answers->question_count; i++) {
        answers->values[answers->customer_count * answers->question_count + i] =
            copy_value(sink->arena, answer->metrics[i]);
    }
    answers->customer_count++;
    return 0;
}

static void init_answers(Arena *arena, const World *world, const Plan *plan,
                         WorldAnswers *answers) {
    *answers = (WorldAnswers){.question_count = (size_t)plan->metric_count};
    answers->customers =
        base_arena_alloc_array(arena, world->event_count + 1, sizeof *answers->customers);
    answers->values = base_arena_alloc_array(
        arena, (world->event_count + 1) * (answers->question_count + 1), sizeof *answers->values);
}

int world_fits(Arena *arena, const World *world, const Plan *plan, const EventTable *table,
               const FitSet **ret_fits, KretsError *error) {
    if (plan->fit_count == 0) {
        return 0;
    }
    FitBuilder *builder = engine_fit_new(arena, plan, world->now_us);
    int r = 0;
    for (int32_t level = 0; r >= 0 && level < engine_fit_level_count(builder); level++) {
        r = engine_fit_collect(builder, level, table, 1, error);
        r = r < 0 ? r : engine_fit_level(builder, level, error);
    }
    *ret_fits = engine_fit_done(builder);
    return r;
}

int world_evaluate(Arena *arena, const World *world, const Plan *plan, WorldAnswers *ret_answers,
                   KretsError *error) {
    const EventTable *table = world_table(arena, world, plan);
    init_answers(arena, world, plan, ret_answers);
    const FitSet *fits = NULL;
    int r = world_fits(arena, world, plan, table, &fits, error);
    if (r < 0) {
        return r;
    }
    Sink sink = {.arena = arena, .table = table, .answers = ret_answers};
    EvaluateJob job = {.plan = plan,
                       .table = table,
                       .fits = fits,
                       .nows_us = &world->now_us,
                       .now_count = 1,
                       .threads = 1,
                       .memory_bytes = (size_t)256 << 20,
                       .sink = take_answer,
                       .context = &sink};
    return engine_evaluate(&job, error);
}

bool world_trace(Arena *arena, const World *world, const Plan *plan, const Value **ret_nodes) {
    const EventTable *table = world_table(arena, world, plan);
    const FitSet *fits = NULL;
    const Trace *trace;
    if (world_fits(arena, world, plan, table, &fits, NULL) < 0 || table->customer_count == 0 ||
        engine_trace(arena, plan, table, 0, fits, world->now_us, &trace, NULL) < 0) {
        return false;
    }
    *ret_nodes = trace->nodes;
    return trace->is_in_population;
}

// ---- the SQL ----

static const char *sql_type(ValueType type) {
    static const char *const names[VALUE_TYPE_COUNT] = {
        "boolean", "boolean",     "bigint", "decimal(18,4)", "double",
        "varchar", "timestamptz", "date",   "varchar[]",     "bigint"};
    return names[type];
}

static void append_value(Text *out, Value value) {
    if (value.is_null) {
        base_text_append(out, STR("null"));
        return;
    }
    switch (value.type) {
    case VALUE_BOOLEAN:
        base_text_append(out, value.boolean ? STR("true") : STR("false"));
        break;
    case VALUE_DECIMAL:
        data_value_decimal_format(out, value.decimal);
        break;
    case VALUE_NUMBER:
        base_text_printf(out, "'%.17g'", value.number);
        break;
    case VALUE_TEXT:
        lang_sql_literal(out, value.text);
        break;
    case VALUE_TIME:
        base_text_printf(out, "make_timestamptz(%lld)", (long long)value.time_us);
        break;
    case VALUE_DATE:
        base_text_printf(out, "date '1970-01-01' + (%d)", value.date);
        break;
    case VALUE_LIST:
        base_text_append(out, STR("["));
        for (size_t i = 0; i < value.list.count; i++) {
            base_text_append(out, i > 0 ? STR(", ") : STR(""));
            lang_sql_literal(out, value.list.items[i]);
        }
        base_text_append(out, STR("]::varchar[]"));
        break;
    default:
        base_text_printf(out, "%lld", (long long)value.integer);
    }
}

int world_load(Arena *arena, const World *world, Duck *duck, KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("create or replace table world_events (customer varchar,"
                               " time timestamptz, arrival bigint, event varchar,"
                               " message_id varchar"));
    for (size_t i = 0; i < world->column_count; i++) {
        base_text_append(&sql, STR(", "));
        lang_sql_identifier(&sql, world->columns[i].name);
        base_text_printf(&sql, " %s", sql_type(world->columns[i].type));
    }
    base_text_append(&sql, STR(");\n"));
    if (world->event_count > 0) {
        base_text_append(&sql, STR("insert into world_events values"));
    }
    for (size_t i = 0; i < world->event_count; i++) {
        const WorldEvent *event = &world->events[i];
        base_text_append(&sql, i > 0 ? STR(",\n(") : STR("\n("));
        lang_sql_literal(&sql, event->customer);
        base_text_printf(&sql, ", make_timestamptz(%lld), %lld, ", (long long)event->time_us,
                         (long long)event->arrival);
        lang_sql_literal(&sql, event->event);
        base_text_append(&sql, STR(", null"));
        for (size_t j = 0; j < world->column_count; j++) {
            base_text_append(&sql, STR(", "));
            append_value(&sql, event->values[j]);
        }
        base_text_append(&sql, STR(")"));
    }
    (void)arena;
    return db_duck_run(duck, error, "%s", sql.data);
}

int world_query(Arena *arena, const World *world, const Plan *plan, Duck *duck,
                WorldAnswers *ret_answers, KretsError *error) {
    init_answers(arena, world, plan, ret_answers);
    NodeId *nodes = base_arena_alloc_array(arena, (size_t)plan->metric_count + 1, sizeof *nodes);
    for (int32_t i = 0; i < plan->metric_count; i++) {
        nodes[i] = plan->metrics[i].node;
    }
    BASE_TEXT_SCOPED sql = {0};
    SqlOptions options = {.history = STR("select * from world_events"), .now_us = world->now_us};
    int r = lang_sql_nodes(arena, &sql, plan, nodes, (size_t)plan->metric_count, &options, error);
    if (r < 0) {
        return r;
    }
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = db_duck_query(duck, base_text_str(&sql), &result, error);
    while (r >= 0 && (r = db_duck_next(result, error)) > 0) {
        size_t row = ret_answers->customer_count++;
        ret_answers->customers[row] = base_arena_str(arena, db_duck_value(result, 0).text);
        for (size_t i = 0; i < ret_answers->question_count; i++) {
            ret_answers->values[row * ret_answers->question_count + i] =
                copy_value(arena, db_duck_value(result, i + 1));
        }
    }
    if (r < 0 && getenv("KRETS_ORACLE_SHOW") != NULL) {
        fprintf(stderr, "%s\n", sql.data);
    }
    return r;
}

// ---- comparing ----

static bool is_close(double a, double b) {
    return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b)) + 1e-12;
}

bool world_value_equal(Value a, Value b, bool is_tolerant) {
    if (a.is_null || b.is_null) {
        return a.is_null && b.is_null;
    }
    if (a.type != b.type) {
        return false;
    }
    if (a.type == VALUE_NUMBER && is_tolerant) {
        return is_close(a.number, b.number);
    }
    return data_value_equal(a, b);
}

void world_value_print(Text *out, Value value) {
    base_text_printf(out, "%s ", data_value_type_name(value.type));
    if (value.is_null) {
        base_text_append(out, STR("null"));
    } else if (value.type == VALUE_NUMBER) {
        base_text_printf(out, "%.17g", value.number);
    } else {
        data_value_format(out, value);
    }
}
