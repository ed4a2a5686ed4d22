#include "lang/build_private.h"

#include <assert.h>
#include <string.h>

#include "lang/model.h"

void lang_build_init(Build *build, Arena *arena, const Catalog *catalog) {
    *build = (Build){.arena = arena, .catalog = catalog, .seen = base_map_new()};
}

void lang_build_done(Build *build) {
    base_map_free(build->seen);
    build->seen = NULL;
}

const Node *lang_build_at(const Build *build, NodeId id) {
    assert(id >= 0 && id < build->nodes.count);
    return (const Node *)build->nodes.items + id;
}

int32_t lang_build_level(const Build *build, NodeId id) {
    assert(id >= 0 && id < build->levels.count);
    return ((const int32_t *)build->levels.items)[id];
}

static void *add_entry(Build *build, BuildTable *table, size_t size) {
    if (table->count == table->capacity) {
        int32_t wider = table->capacity == 0 ? 32 : table->capacity * 2;
        table->items =
            base_arena_grow(build->arena, table->items, (size_t)table->count, (size_t)wider, size);
        table->capacity = wider;
    }
    return (char *)table->items + (size_t)table->count++ * size;
}

static void *copy(Build *build, const void *items, size_t count, size_t size) {
    if (count == 0)
        return NULL;
    void *room = base_arena_alloc_array(build->arena, count, size);
    memcpy(room, items, count * size);
    return room;
}

// ---- serialised entries: equal bytes mean equal entries ----

static void put_number(Text *out, int64_t number) {
    base_text_append(out, (Str){(const char *)&number, sizeof number});
}

static void put_text(Text *out, Str text) {
    put_number(out, (int64_t)text.size_bytes);
    base_text_append(out, text);
}

static void put_numbers(Text *out, const int32_t *numbers, int32_t count) {
    put_number(out, count);
    for (int32_t i = 0; i < count; i++)
        put_number(out, numbers[i]);
}

static void put_value(Text *out, Value value) {
    put_number(out, value.type);
    put_number(out, value.is_null);
    if (value.is_null)
        return;
    switch (value.type) {
    case VALUE_BOOLEAN:
        put_number(out, value.boolean);
        break;
    case VALUE_INTEGER:
        put_number(out, value.integer);
        break;
    case VALUE_DECIMAL:
        put_number(out, value.decimal);
        break;
    case VALUE_NUMBER: {
        double number = value.number == 0.0 ? 0.0 : value.number; // -0 is 0
        base_text_append(out, (Str){(const char *)&number, sizeof number});
        break;
    }
    case VALUE_TEXT:
        put_text(out, value.text);
        break;
    case VALUE_TIME:
        put_number(out, value.time_us);
        break;
    case VALUE_DATE:
        put_number(out, value.date);
        break;
    case VALUE_DURATION:
        put_number(out, value.duration.months);
        put_number(out, value.duration.us);
        break;
    default:
        assert(false && "no literal has this type");
    }
}

static void put_detail(Text *out, const Node *node) {
    switch (node->kind) {
    case NODE_CONST:
        put_value(out, node->value);
        break;
    case NODE_COMPARE:
        put_number(out, node->compare);
        break;
    case NODE_MATCH:
        put_number(out, node->match);
        put_number(out, node->escape);
        break;
    case NODE_CALL:
        put_number(out, node->function);
        break;
    case NODE_HOLIDAY:
        put_number(out, node->holiday.side);
        put_number(out, node->holiday.days);
        put_number(out, node->holiday.is_observed);
        put_text(out, node->holiday.name);
        put_text(out, node->holiday.country);
        break;
    case NODE_WITHIN:
        put_number(out, node->within.is_next);
        put_number(out, node->within.unit);
        put_number(out, node->within.amount);
        break;
    default:
        break;
    }
}

static void put_events(Text *out, EventSet events) {
    put_number(out, events.is_any);
    put_numbers(out, events.events, events.count);
}

static void put_window(Text *out, const Window *window) {
    const int64_t parts[] = {window->kind,    window->n,     window->unit, window->to_n,
                             window->to_unit, window->shift, window->from, window->to};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        put_number(out, parts[i]);
}

// The index of the entry with these bytes, or `*ret_is_new` and the index it will have.
static int32_t find_entry(Build *build, const Text *key, const BuildTable *table,
                          bool *ret_is_new) {
    uint64_t found;
    *ret_is_new = !base_map_get(build->seen, base_text_str(key), &found);
    if (!*ret_is_new)
        return (int32_t)found;
    base_map_put(build->seen, base_text_str(key), (uint64_t)table->count);
    return table->count;
}

// ---- nodes ----

static void add_flags(Node *node, const Node *from) {
    node->is_event_scope |= from->is_event_scope;
    node->is_zoned |= from->is_zoned;
    node->is_moving |= from->is_moving;
    node->is_historic |= from->is_historic;
}

NodeId lang_build_node(Build *build, const Node *node) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'n');
    put_number(&key, node->kind);
    put_number(&key, node->type);
    put_number(&key, node->is_negated);
    put_number(&key, node->index);
    put_numbers(&key, node->args, node->arg_count);
    put_detail(&key, node);
    bool is_new;
    int32_t id = find_entry(build, &key, &build->nodes, &is_new);
    if (!is_new)
        return id;
    if (build->nodes.count >= LANG_PLAN_NODES_MAX)
        build->is_full = true;
    Node made = *node;
    int32_t level = 0;
    made.args = copy(build, node->args, (size_t)node->arg_count, sizeof(NodeId));
    for (int32_t i = 0; i < node->arg_count; i++) {
        assert(node->args[i] < id);
        add_flags(&made, lang_build_at(build, node->args[i]));
        int32_t needed = lang_build_level(build, node->args[i]);
        level = needed > level ? needed : level;
    }
    if (node->kind == NODE_FIT)
        level = ((const Fit *)build->fits.items)[node->index].level + 1;
    *(Node *)add_entry(build, &build->nodes, sizeof(Node)) = made;
    *(int32_t *)add_entry(build, &build->levels, sizeof(int32_t)) = level;
    return id;
}

NodeId lang_build_const(Build *build, Value value) {
    return lang_build_node(build, &(Node){.kind = NODE_CONST, .type = value.type, .value = value});
}

static void add_flags_of(Build *build, Node *node, NodeId id) {
    if (id == NODE_NONE)
        return;
    Node part = *lang_build_at(build, id);
    part.is_event_scope = false; // the aggregate itself has one value per customer
    add_flags(node, &part);
}

NodeId lang_build_aggregate(Build *build, const Aggregate *aggregate, const Node *flags) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'a');
    put_number(&key, aggregate->function);
    put_events(&key, aggregate->events);
    put_number(&key, aggregate->value);
    put_number(&key, aggregate->n);
    put_number(&key, aggregate->where);
    put_window(&key, &aggregate->window);
    put_number(&key, aggregate->pick);
    put_number(&key, aggregate->by);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->aggregates, &is_new);
    if (is_new)
        *(Aggregate *)add_entry(build, &build->aggregates, sizeof *aggregate) = *aggregate;
    Node node = {.kind = NODE_AGGREGATE, .type = aggregate->type, .index = index};
    add_flags(&node, flags);
    node.is_event_scope = false;
    add_flags_of(build, &node, aggregate->value);
    add_flags_of(build, &node, aggregate->where);
    add_flags_of(build, &node, aggregate->by);
    return lang_build_node(build, &node);
}

NodeId lang_build_sequence(Build *build, const Sequence *sequence, const Node *flags) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 's');
    put_window(&key, &sequence->window);
    put_number(&key, sequence->all_within_n);
    put_number(&key, sequence->all_within_unit);
    put_number(&key, sequence->by);
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        put_number(&key, step->is_negated);
        put_number(&key, step->selection);
        put_number(&key, step->within_n);
        put_number(&key, step->within_unit);
    }
    bool is_new;
    int32_t index = find_entry(build, &key, &build->sequences, &is_new);
    if (is_new) {
        Sequence made = *sequence;
        made.steps =
            copy(build, sequence->steps, (size_t)sequence->step_count, sizeof(SequenceStep));
        *(Sequence *)add_entry(build, &build->sequences, sizeof made) = made;
    }
    Node node = {.kind = NODE_SEQUENCE, .type = VALUE_BOOLEAN, .index = index};
    add_flags(&node, flags);
    node.is_event_scope = false;
    add_flags_of(build, &node, sequence->by);
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const Selection *selections = build->selections.items;
        add_flags_of(build, &node, selections[sequence->steps[i].selection].where);
    }
    return lang_build_node(build, &node);
}

NodeId lang_build_changed(Build *build, const TraitChange *change, const Node *flags) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'd');
    put_number(&key, change->trait);
    put_number(&key, change->has_from);
    put_number(&key, change->has_to);
    put_value(&key, change->from);
    put_value(&key, change->to);
    put_window(&key, &change->window);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->changes, &is_new);
    if (is_new)
        *(TraitChange *)add_entry(build, &build->changes, sizeof *change) = *change;
    Node node = {.kind = NODE_CHANGED, .type = VALUE_BOOLEAN, .index = index};
    add_flags(&node, flags);
    return lang_build_node(build, &node);
}

NodeId lang_build_history(Build *build, const SegmentHistory *history, NodeId segment,
                          const Node *flags) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'h');
    put_number(&key, history->kind);
    put_number(&key, history->segment);
    put_window(&key, &history->window);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->histories, &is_new);
    if (is_new)
        *(SegmentHistory *)add_entry(build, &build->histories, sizeof *history) = *history;
    Node node = {.kind = NODE_HISTORY,
                 .type = VALUE_BOOLEAN,
                 .is_historic = true,
                 .is_moving = true,
                 .index = index,
                 .args = &segment,
                 .arg_count = 1};
    add_flags(&node, flags);
    return lang_build_node(build, &node);
}

NodeId lang_build_fit(Build *build, FitKind kind, int64_t tiles, NodeId x, NodeId where) {
    BASE_TEXT_SCOPED key = {0};
    const int64_t parts[] = {kind, tiles, x, where};
    base_text_append_char(&key, 'f');
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        put_number(&key, parts[i]);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->fits, &is_new);
    if (is_new) {
        Fit fit = {.kind = kind, .tiles = tiles, .x = x, .where = where};
        fit.level = lang_build_level(build, x);
        if (where != NODE_NONE && lang_build_level(build, where) > fit.level)
            fit.level = lang_build_level(build, where);
        fit.key = lang_fit_key(build, &fit);
        *(Fit *)add_entry(build, &build->fits, sizeof fit) = fit;
    }
    static const ValueType types[] = {
        [FIT_NTILE] = VALUE_INTEGER, [FIT_PERCENTILE] = VALUE_NUMBER, [FIT_TOP] = VALUE_BOOLEAN};
    Node node = {.kind = NODE_FIT, .type = types[kind], .index = index};
    add_flags_of(build, &node, x); // the bounds are frozen: only x moves
    if (kind == FIT_TOP)           // and who counts
        add_flags_of(build, &node, where);
    node.is_historic |= where != NODE_NONE && lang_build_at(build, where)->is_historic;
    return lang_build_node(build, &node);
}

// ---- events, columns, properties ----

int32_t lang_build_selection(Build *build, EventSet events, NodeId where) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'w');
    put_events(&key, events);
    put_number(&key, where);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->selections, &is_new);
    if (is_new)
        *(Selection *)add_entry(build, &build->selections, sizeof(Selection)) =
            (Selection){.events = events, .where = where};
    return index;
}

int32_t lang_build_event(Build *build, Str name) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'e');
    base_text_append(&key, name);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->events, &is_new);
    if (is_new) {
        const CatalogEvent *seen = data_catalog_event(build->catalog, name);
        PlanEvent event = {.name = base_arena_str(build->arena, name)};
        event.is_any = seen != NULL ? seen->is_any : data_catalog_is_any(name);
        *(PlanEvent *)add_entry(build, &build->events, sizeof event) = event;
    }
    return index;
}

int32_t lang_build_column(Build *build, Str column, ValueType type) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'c');
    put_number(&key, type);
    base_text_append(&key, column);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->columns, &is_new);
    if (is_new)
        *(PlanColumn *)add_entry(build, &build->columns, sizeof(PlanColumn)) =
            (PlanColumn){.column = base_arena_str(build->arena, column), .type = type};
    return index;
}

NodeId lang_build_property(Build *build, const PlanProperty *property) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 'p');
    put_text(&key, property->name);
    put_number(&key, property->type);
    put_numbers(&key, property->events, property->count);
    put_numbers(&key, property->columns, property->count);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->properties, &is_new);
    if (is_new) {
        PlanProperty made = *property;
        made.name = base_arena_str(build->arena, property->name);
        made.events = copy(build, property->events, (size_t)property->count, sizeof(int32_t));
        made.columns = copy(build, property->columns, (size_t)property->count, sizeof(int32_t));
        *(PlanProperty *)add_entry(build, &build->properties, sizeof made) = made;
    }
    return lang_build_node(build, &(Node){.kind = NODE_PROPERTY,
                                          .type = property->type,
                                          .is_event_scope = true,
                                          .index = index});
}

int32_t lang_build_trait(Build *build, const CatalogProperty *trait) {
    BASE_TEXT_SCOPED key = {0};
    base_text_append_char(&key, 't');
    base_text_append(&key, trait->name);
    bool is_new;
    int32_t index = find_entry(build, &key, &build->traits, &is_new);
    if (is_new) {
        PlanTrait made = {.name = base_arena_str(build->arena, trait->name), .type = trait->type};
        made.column =
            trait->type == VALUE_NULL ? -1 : lang_build_column(build, trait->column, trait->type);
        lang_build_event(build, STR(CATALOG_EVENT_IDENTIFY)); // the rows that carry traits
        *(PlanTrait *)add_entry(build, &build->traits, sizeof made) = made;
    }
    return index;
}

NodeId lang_build_list(Build *build, const PlanList *list) {
    int32_t index = build->lists.count;
    *(PlanList *)add_entry(build, &build->lists, sizeof *list) = *list;
    return lang_build_node(build,
                           &(Node){.kind = NODE_LIST, .type = VALUE_BOOLEAN, .index = index});
}

void lang_build_finish(Build *build, Plan *plan) {
    plan->nodes = build->nodes.items;
    plan->node_count = build->nodes.count;
    plan->aggregates = build->aggregates.items;
    plan->aggregate_count = build->aggregates.count;
    plan->sequences = build->sequences.items;
    plan->sequence_count = build->sequences.count;
    plan->selections = build->selections.items;
    plan->selection_count = build->selections.count;
    plan->fits = build->fits.items;
    plan->fit_count = build->fits.count;
    plan->changes = build->changes.items;
    plan->change_count = build->changes.count;
    plan->histories = build->histories.items;
    plan->history_count = build->histories.count;
    plan->events = build->events.items;
    plan->event_count = build->events.count;
    plan->columns = build->columns.items;
    plan->column_count = build->columns.count;
    plan->properties = build->properties.items;
    plan->property_count = build->properties.count;
    plan->traits = build->traits.items;
    plan->trait_count = build->traits.count;
    plan->lists = build->lists.items;
    plan->list_count = build->lists.count;
}
