// Arrays of objects in a row: their items become child events.
#include "ingest/rows_private.h"

void row_items_add(Stage *stage, RowPlan *plan, Str name, Str sql, Str item_type) {
    if (plan->array_count == plan->array_capacity) {
        size_t wider = plan->array_capacity == 0 ? 4 : plan->array_capacity * 2;
        plan->arrays =
            base_arena_grow(stage->arena, plan->arrays, plan->array_count, wider, sizeof(RowArray));
        plan->array_capacity = wider;
    }
    plan->arrays[plan->array_count] = (RowArray){
        .name = name,
        .column = stage_printf(stage, "a%zu", plan->array_count),
        .sql = sql,
        .item_type = item_type,
    };
    plan->array_count++;
}

void row_items_append_held(Stage *stage, const RowPlan *plan, Text *sql) {
    (void)stage;
    for (size_t i = 0; i < plan->array_count; i++)
        base_text_printf(sql, ", %s as %s", plan->arrays[i].sql.data, plan->arrays[i].column.data);
}

typedef struct ItemLeaves {
    InputColumn *items;
    size_t count, capacity;
} ItemLeaves;

static void add_leaves(Stage *stage, ItemLeaves *leaves, Str name, Str sql, Str type) {
    if (type_is_struct(type)) {
        TypeField *fields;
        size_t count = type_fields(stage->arena, type, &fields);
        for (size_t i = 0; i < count; i++)
            add_leaves(stage, leaves,
                       name.size_bytes == 0 ? fields[i].name
                                            : stage_printf(stage, "%.*s.%.*s", STR_ARG(name),
                                                           STR_ARG(fields[i].name)),
                       stage_printf(stage, "%s.%s", sql.data,
                                    stage_identifier(stage, fields[i].name).data),
                       fields[i].type);
        return;
    }
    if (leaves->count == leaves->capacity) {
        size_t wider = leaves->capacity == 0 ? 16 : leaves->capacity * 2;
        leaves->items =
            base_arena_grow(stage->arena, leaves->items, leaves->count, wider, sizeof(InputColumn));
        leaves->capacity = wider;
    }
    bool is_json = stage->kind == INPUT_JSON;
    ColumnOrigin origin = !is_json                               ? ORIGIN_TYPED
                          : base_str_equal(type, STR("VARCHAR")) ? ORIGIN_STRING
                          : base_str_equal(type, STR("DOUBLE"))  ? ORIGIN_LOOSE
                                                                 : ORIGIN_TYPED;
    leaves->items[leaves->count++] = (InputColumn){.name = name,
                                                   .raw = sql,
                                                   .raw_type = type,
                                                   .origin = origin,
                                                   .typed = sql,
                                                   .typed_type = type,
                                                   .type = type_value(type)};
}

static Str parent_type(const RowProperty *property) {
    return base_str_from(type_duck(property->type));
}

static void add_parents(Stage *stage, RowPlan *plan, const RowArray *array) {
    size_t count = plan->property_count;
    for (size_t i = 0; i < count; i++) {
        RowProperty parent = plan->properties[i];
        if (parent.array.size_bytes > 0)
            continue;
        RowProperty *property = row_property_add(stage, plan);
        property->name = stage_printf(stage, "parent.%.*s", STR_ARG(parent.name));
        property->array = array->name;
        property->type = parent.type;
        property->duck_type = parent_type(&parent);
        property->sql = parent.column;
        property->is_source = true;
    }
}

static int describe_array(Stage *stage, RowPlan *plan, const RowArray *array, const Rows *rows) {
    ItemLeaves leaves = {0};
    add_leaves(stage, &leaves, STR(""), STR("s.it"), array->item_type);
    Str relation = stage_printf(stage, "(select unnest(%s) as it from %s) s", array->column.data,
                                rows->table.data);
    bool is_held = stage->is_held;
    stage->is_held = false; // there is no rowid to sample by
    int r = narrow_columns(stage, relation, 0, leaves.items, leaves.count);
    stage->is_held = is_held;
    if (r < 0)
        return r;
    for (size_t i = 0; i < leaves.count; i++) {
        RowProperty *property = row_property_add(stage, plan);
        property->name = leaves.items[i].name;
        property->array = array->name;
        property->duck_type = leaves.items[i].typed_type;
        property->type = leaves.items[i].type;
        property->is_source = true;
        property->sql = row_value_convert(stage, plan, leaves.items[i].typed.data,
                                          leaves.items[i].typed_type, leaves.items[i].type);
    }
    return 0;
}

int row_items_describe(Stage *stage, RowPlan *plan, const Rows *rows) {
    for (size_t i = 0; i < plan->array_count; i++) {
        int r = describe_array(stage, plan, &plan->arrays[i], rows);
        if (r < 0)
            return r;
        add_parents(stage, plan, &plan->arrays[i]);
    }
    return 0;
}
