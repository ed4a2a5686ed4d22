// The physical plan: which aggregates are answered by which loop over which events.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/kernel_private.h"

// --- what is needed, and how ---

static bool unit_is_exact(CalendarUnit unit) {
    return unit <= UNIT_WEEK;
}

static NodeId unwrap_metric(const Plan *plan, NodeId id) {
    while (plan->nodes[id].kind == NODE_METRIC)
        id = plan->nodes[id].args[0];
    return id;
}

static bool is_constant_point(const Plan *plan, NodeId id) {
    return id == NODE_NONE || plan->nodes[id].kind == NODE_CONST;
}

static BoundsKind bounds_of(const Plan *plan, const Window *window) {
    switch (window->kind) {
    case WINDOW_ALL:
        return BOUNDS_SHARED;
    case WINDOW_LAST:
    case WINDOW_MORE_THAN:
        return unit_is_exact(window->unit) ? BOUNDS_SHARED : BOUNDS_ZONED;
    case WINDOW_AGO:
        return unit_is_exact(window->unit) && unit_is_exact(window->to_unit) ? BOUNDS_SHARED
                                                                             : BOUNDS_ZONED;
    case WINDOW_LAST_FULL:
    case WINDOW_PERIOD:
        return BOUNDS_ZONED;
    case WINDOW_SINCE:
    case WINDOW_BEFORE:
    case WINDOW_FROM_TO:
        return is_constant_point(plan, window->from) && is_constant_point(plan, window->to)
                   ? BOUNDS_SHARED
                   : BOUNDS_LANES;
    case WINDOW_FIRST:
    case WINDOW_AFTER:
    case WINDOW_PRIOR:
        break;
    }
    return BOUNDS_LANES;
}

static bool is_same_window(const Window *a, const Window *b) {
    return a->kind == b->kind && a->n == b->n && a->unit == b->unit && a->to_n == b->to_n &&
           a->to_unit == b->to_unit && a->shift == b->shift && a->from == b->from && a->to == b->to;
}

int32_t engine_kernel_window_of(Kernel *kernel, const Window *window) {
    for (int32_t i = 0; i < kernel->window_count; i++) {
        if (is_same_window(&kernel->windows[i].window, window))
            return i;
    }
    kernel->windows[kernel->window_count] =
        (KernelWindow){.window = *window, .kind = bounds_of(kernel->plan, window)};
    return kernel->window_count++;
}

// The one property that an event node reads; -1 without one, -2 when there are several or the node
// depends on anything but the property.
static int32_t property_of(const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    if (node->is_zoned || node->is_moving || node->kind == NODE_EVENT_TIME)
        return -2;
    if (node->kind == NODE_PROPERTY)
        return node->index;
    int32_t property = -1;
    for (int32_t i = 0; i < node->arg_count; i++) {
        int32_t of_arg = property_of(plan, node->args[i]);
        if (of_arg == -2 || (property >= 0 && of_arg >= 0 && of_arg != property))
            return -2;
        property = of_arg >= 0 ? of_arg : property;
    }
    return property;
}

static int32_t clause_of(Kernel *kernel, NodeId id, int32_t property) {
    for (int32_t i = 0; i < kernel->clause_count; i++) {
        if (kernel->clauses[i].node == id)
            return i;
    }
    kernel->clauses[kernel->clause_count] = (Clause){.node = id, .property = property};
    return kernel->clause_count++;
}

static size_t count_clauses(const Plan *plan, NodeId where) {
    const Node *node = &plan->nodes[where];
    size_t count = node->kind == NODE_AND ? 0 : 1;
    for (int32_t i = 0; node->kind == NODE_AND && i < node->arg_count; i++)
        count += count_clauses(plan, node->args[i]);
    return count;
}

// Parts of a `where`, while it is parted.
typedef struct WhereParts {
    int32_t *clauses;
    NodeId *tests;
    KernelSelection *selection;
} WhereParts;

// Parts a `where` at its `and`s: into clauses of one property, and tests of rows.
static void add_parts(Kernel *kernel, NodeId where, const WhereParts *parts) {
    const Node *node = &kernel->plan->nodes[where];
    KernelSelection *selection = parts->selection;
    for (int32_t i = 0; node->kind == NODE_AND && i < node->arg_count; i++)
        add_parts(kernel, node->args[i], parts);
    if (node->kind == NODE_AND)
        return;
    int32_t property = property_of(kernel->plan, where);
    if (property >= 0) {
        parts->clauses[selection->clause_count++] = clause_of(kernel, where, property);
        return;
    }
    parts->tests[selection->test_count++] = where;
    selection->is_shifting |=
        node->is_moving ||
        (node->is_zoned && (kernel->plan->zone_trait >= 0 || kernel->plan->country_trait >= 0));
    selection->is_fast &= engine_kernel_is_row_node(kernel->plan, where);
}

int32_t engine_kernel_selection_of(Kernel *kernel, int32_t selection) {
    for (int32_t i = 0; i < kernel->selection_count; i++) {
        if (kernel->selections[i].selection == selection)
            return i;
    }
    KernelSelection made = {.selection = selection, .is_fast = true};
    NodeId where = kernel->plan->selections[selection].where;
    if (where != NODE_NONE) {
        size_t count = count_clauses(kernel->plan, where);
        WhereParts parts = {.clauses =
                                base_arena_alloc_array(kernel->arena, count, sizeof(int32_t)),
                            .tests = base_arena_alloc_array(kernel->arena, count, sizeof(NodeId)),
                            .selection = &made};
        add_parts(kernel, where, &parts);
        made.clauses = parts.clauses;
        made.tests = parts.tests;
        kernel->has_rows |= made.test_count > 0;
    }
    kernel->selections[kernel->selection_count] = made;
    return kernel->selection_count++;
}

static bool is_whole_number(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL;
}

static FeatureKind kind_of(const Kernel *kernel, const Aggregate *aggregate) {
    const Plan *plan = kernel->plan;
    ValueType type = VALUE_NULL;
    if (aggregate->pick != GROUP_NONE)
        return FEATURE_SLOW;
    bool is_plain = true;
    if (aggregate->value != NODE_NONE) {
        is_plain = plan->nodes[aggregate->value].kind == NODE_PROPERTY;
        if (!is_plain && !engine_kernel_is_row_node(plan, aggregate->value))
            return FEATURE_SLOW;
        type = plan->nodes[aggregate->value].type;
    }
    // Of doubles of several streams the order tells.
    const EventSet *events = &plan->selections[aggregate->selection].events;
    bool is_number = type == VALUE_NUMBER && !events->is_any && events->count == 1;
    switch (aggregate->function) {
    case AGGREGATE_COUNT:
    case AGGREGATE_DID:
    case AGGREGATE_NEVER:
        return FEATURE_COUNT;
    case AGGREGATE_DAYS:
    case AGGREGATE_WEEKS:
    case AGGREGATE_MONTHS:
        return is_plain ? FEATURE_PERIODS : FEATURE_SLOW;
    case AGGREGATE_GAP:
        return is_plain ? FEATURE_GAP : FEATURE_SLOW;
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_NTH:
        return is_plain ? FEATURE_PICK : FEATURE_SLOW;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        return is_whole_number(type) ? FEATURE_SUM : is_number ? FEATURE_NUMBER : FEATURE_SLOW;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return is_whole_number(type) || type == VALUE_TIME || type == VALUE_DATE || is_number
                   ? FEATURE_EXTREME
                   : FEATURE_SLOW;
    case AGGREGATE_DISTINCT:
        return !is_plain || type == VALUE_LIST || type == VALUE_NULL ? FEATURE_SLOW
                                                                     : FEATURE_DISTINCT;
    case AGGREGATE_MODE:
    case AGGREGATE_FUNCTION_COUNT:
        break;
    }
    return FEATURE_SLOW;
}

// Whether windows can hang on the point: an event that a fast feature picks, or a column of times.
bool engine_kernel_is_fast_point(Kernel *kernel, NodeId point) {
    if (is_constant_point(kernel->plan, point))
        return true;
    NodeId id = unwrap_metric(kernel->plan, point);
    const Node *node = &kernel->plan->nodes[id];
    if (node->type != VALUE_TIME)
        return false;
    if (node->kind != NODE_AGGREGATE ||
        !engine_aggregate_is_event(&kernel->plan->aggregates[node->index]))
        return true;
    int32_t feature = kernel->node_features[id];
    if (feature < 0 || kernel->features[feature].kind != FEATURE_PICK)
        return false;
    if (!kernel->features[feature].is_anchor) {
        kernel->features[feature].is_anchor = true;
        kernel->features[feature].anchor = kernel->anchor_count++;
    }
    return true;
}

void engine_kernel_add_slow(Kernel *kernel, NodeId id) {
    kernel->slow_nodes[kernel->slow_count++] = id;
}

// What a fast feature reads: codes of a property, or a value of each row.
static void set_value(Kernel *kernel, Feature *feature, NodeId value) {
    const Node *node = &kernel->plan->nodes[value];
    bool is_added = feature->kind == FEATURE_NUMBER || feature->kind == FEATURE_EXTREME;
    if (node->kind == NODE_PROPERTY && !(is_added && node->type == VALUE_NUMBER)) {
        feature->property = node->index;
        return;
    }
    feature->value = value;
    kernel->has_rows = true;
}

// Nodes come in topological order, so anchors have their features already.
static void add_feature(Kernel *kernel, NodeId id, bool is_slow) {
    const Plan *plan = kernel->plan;
    int32_t index = plan->nodes[id].index;
    const Aggregate *aggregate = &plan->aggregates[index];
    Feature feature = {
        .node = id, .aggregate = index, .property = -1, .value = NODE_NONE, .kind = FEATURE_SLOW};
    if (!is_slow)
        feature.kind = kind_of(kernel, aggregate);
    if (feature.kind != FEATURE_SLOW) {
        feature.selection = engine_kernel_selection_of(kernel, aggregate->selection);
        feature.window = engine_kernel_window_of(kernel, &aggregate->window);
        bool is_fast = kernel->selections[feature.selection].is_fast;
        if (kernel->windows[feature.window].kind == BOUNDS_LANES)
            is_fast = is_fast && engine_kernel_is_fast_point(kernel, aggregate->window.from) &&
                      engine_kernel_is_fast_point(kernel, aggregate->window.to);
        if (!is_fast)
            feature.kind = FEATURE_SLOW;
    }
    if (aggregate->value != NODE_NONE && feature.kind != FEATURE_SLOW)
        set_value(kernel, &feature, aggregate->value);
    if (feature.kind == FEATURE_SLOW)
        engine_kernel_add_slow(kernel, id);
    kernel->node_features[id] = kernel->feature_count;
    kernel->features[kernel->feature_count++] = feature;
}

// --- comparisons that need no column ---

// The constant in the units of the feature; false when the comparison must be made by value.
static bool constant_of(const Feature *feature, const Aggregate *aggregate, Value constant,
                        int64_t *ret_constant) {
    if (constant.is_null)
        return false;
    bool is_count = feature->kind == FEATURE_COUNT || feature->kind == FEATURE_DISTINCT ||
                    feature->kind == FEATURE_PERIODS;
    if (is_count || (feature->kind == FEATURE_SUM && aggregate->type == VALUE_INTEGER)) {
        *ret_constant = constant.integer;
        return constant.type == VALUE_INTEGER;
    }
    if (feature->kind != FEATURE_SUM || aggregate->type != VALUE_DECIMAL)
        return false;
    if (constant.type == VALUE_DECIMAL) {
        *ret_constant = constant.decimal;
        return true;
    }
    return constant.type == VALUE_INTEGER &&
           !__builtin_mul_overflow(constant.integer, VALUE_DECIMAL_ONE, ret_constant);
}

static const Feature *feature_of(const Kernel *kernel, NodeId id) {
    int32_t feature = kernel->node_features[unwrap_metric(kernel->plan, id)];
    return feature < 0 || kernel->features[feature].kind == FEATURE_SLOW
               ? NULL
               : &kernel->features[feature];
}

static bool is_constant(const Kernel *kernel, NodeId id, Value *ret_value) {
    *ret_value = kernel->plan->nodes[id].value;
    return kernel->plan->nodes[id].kind == NODE_CONST;
}

// The greatest age in microseconds for which `age in days op constant` is as it is at age 0
// or younger; the answer changes once as the age grows.
static int64_t age_limit(CompareOp op, double constant) {
    bool is_young = op == COMPARE_LT || op == COMPARE_LE; // true up to the limit
    int64_t low = -1, high = CALENDAR_TIME_MAX - CALENDAR_TIME_MIN + 1;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        double days = (double)middle / ENGINE_US_PER_DAY;
        bool holds = op == COMPARE_LT   ? days < constant
                     : op == COMPARE_LE ? days <= constant
                     : op == COMPARE_GT ? days > constant
                                        : days >= constant;
        if (holds == is_young)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// `days_since(last(event)) op constant`
static const Feature *since_use(const Kernel *kernel, const Node *node, FeatureUse *use) {
    const Plan *plan = kernel->plan;
    const Node *call = &plan->nodes[unwrap_metric(plan, node->args[0])];
    Value constant;
    if (call->kind != NODE_CALL || call->function != CALL_DAYS_SINCE ||
        !is_constant(kernel, node->args[1], &constant) || constant.is_null ||
        node->compare == COMPARE_EQ || node->compare == COMPARE_NE)
        return NULL;
    const Feature *feature = feature_of(kernel, call->args[0]);
    if (feature == NULL || feature->kind != FEATURE_PICK || feature->property >= 0)
        return NULL;
    use->kind = USE_SINCE;
    use->op = node->compare;
    use->low = age_limit(node->compare, engine_value_number(constant));
    return feature;
}

// The feature that a node compares with constants, and how; NULL where it does not.
static const Feature *use_of(const Kernel *kernel, NodeId id, FeatureUse *use) {
    const Plan *plan = kernel->plan;
    const Node *node = &plan->nodes[id];
    *use = (FeatureUse){.node = id, .is_negated = node->is_negated};
    if (node->kind != NODE_COMPARE && node->kind != NODE_BETWEEN)
        return NULL;
    const Feature *feature = feature_of(kernel, node->args[0]);
    if (feature == NULL)
        return node->kind == NODE_COMPARE ? since_use(kernel, node, use) : NULL;
    const Aggregate *aggregate = &plan->aggregates[feature->aggregate];
    Value low, high;
    if (aggregate->function == AGGREGATE_AVG || aggregate->function == AGGREGATE_DID ||
        aggregate->function == AGGREGATE_NEVER || !is_constant(kernel, node->args[1], &low) ||
        !constant_of(feature, aggregate, low, &use->low))
        return NULL;
    if (node->kind == NODE_COMPARE) {
        use->op = node->compare;
        return feature;
    }
    use->kind = USE_BETWEEN;
    return is_constant(kernel, node->args[2], &high) &&
                   constant_of(feature, aggregate, high, &use->high)
               ? feature
               : NULL;
}

// Reads a node as a column of values, and what it is made of, but for uses.
static void read_node(Kernel *kernel, NodeId id) {
    const Plan *plan = kernel->plan;
    if (id == NODE_NONE || kernel->is_read[id] || plan->nodes[id].is_event_scope)
        return;
    const Node *node = &plan->nodes[id];
    kernel->is_read[id] = true;
    FeatureUse use;
    const Feature *feature = use_of(kernel, id, &use);
    if (feature != NULL) {
        kernel->features[feature - kernel->features].use_count++;
        return;
    }
    if (kernel->node_features[id] >= 0)
        kernel->features[kernel->node_features[id]].needs_column = true;
    for (int32_t i = 0; i < node->arg_count; i++)
        read_node(kernel, node->args[i]);
    if (node->kind == NODE_FIT) {
        read_node(kernel, plan->fits[node->index].x);
        read_node(kernel, plan->fits[node->index].where);
    }
}

static void read_window(Kernel *kernel, int32_t index) {
    const Window *window = &kernel->windows[index].window;
    NodeId points[] = {window->from, window->to};
    for (size_t p = 0; p < 2; p++) {
        const Feature *anchor = points[p] == NODE_NONE ? NULL : feature_of(kernel, points[p]);
        if (anchor == NULL || !anchor->is_anchor)
            read_node(kernel, points[p]);
    }
}

// Instants that windows hang on, but for the events that features pick.
static void read_points(Kernel *kernel) {
    for (int32_t i = 0; i < kernel->feature_count; i++) {
        if (kernel->features[i].kind != FEATURE_SLOW)
            read_window(kernel, kernel->features[i].window);
    }
    for (int32_t i = 0; i < kernel->sequence_count; i++)
        read_window(kernel, kernel->sequences[i].window);
}

static void read_roots(Kernel *kernel) {
    const Plan *plan = kernel->plan;
    for (int32_t i = 0; i < kernel->segment_count; i++)
        read_node(kernel, plan->segments[kernel->segments[i]].node);
    for (int32_t i = 0; i < kernel->metric_count; i++)
        read_node(kernel, plan->metrics[kernel->metrics[i]].node);
    read_node(kernel, kernel->value);
    read_points(kernel);
}

static void find_uses(Kernel *kernel) {
    const Plan *plan = kernel->plan;
    read_roots(kernel);
    for (int32_t i = 0; i < kernel->feature_count; i++) {
        kernel->features[i].first_use = kernel->use_count;
        kernel->use_count += kernel->features[i].use_count;
        kernel->features[i].use_count = 0;
    }
    for (int32_t i = 0; i < plan->node_count; i++) {
        FeatureUse use;
        const Feature *found = kernel->is_read[i] ? use_of(kernel, i, &use) : NULL;
        if (found == NULL)
            continue;
        Feature *feature = &kernel->features[found - kernel->features];
        kernel->uses[feature->first_use + feature->use_count++] = use;
    }
}

// --- passes ---

// Windows that end at now share a pass: what is newer is in all of them.
static bool ends_now(const Window *window) {
    return window->kind == WINDOW_ALL || window->kind == WINDOW_LAST ||
           window->kind == WINDOW_SINCE;
}

static bool can_share(const Kernel *kernel, const Feature *a, const Feature *b) {
    const KernelWindow *wa = &kernel->windows[a->window], *wb = &kernel->windows[b->window];
    const Aggregate *ga = &kernel->plan->aggregates[a->aggregate];
    const Aggregate *gb = &kernel->plan->aggregates[b->aggregate];
    if (a->kind != b->kind || a->selection != b->selection || a->property != b->property ||
        a->value != b->value || wa->kind != wb->kind)
        return false;
    if (a->kind == FEATURE_PERIODS && ga->function != gb->function)
        return false;
    if (ga->function == AGGREGATE_NTH || gb->function == AGGREGATE_NTH)
        return false;
    if (a->kind == FEATURE_PICK || a->kind == FEATURE_EXTREME) {
        if (ga->function != gb->function)
            return false;
    }
    return a->window == b->window || (a->kind != FEATURE_NUMBER && wa->kind != BOUNDS_LANES &&
                                      ends_now(&wa->window) && ends_now(&wb->window));
}

// Shared bounds first, by selection; then those by lane, in the order of their nodes: an anchor
// comes before the windows that hang on it.
static int compare_passes(const void *a, const void *b) {
    const Pass *x = a, *y = b;
    bool x_lanes = x->bounds == BOUNDS_LANES, y_lanes = y->bounds == BOUNDS_LANES;
    if (x_lanes != y_lanes)
        return x_lanes - y_lanes;
    if (!x_lanes && x->selection != y->selection)
        return (x->selection > y->selection) - (x->selection < y->selection);
    return (x->node > y->node) - (x->node < y->node);
}

// Counts above the limit answer as the limit does.
static uint32_t limit_of(const Kernel *kernel, const Feature *feature, uint32_t limit) {
    AggregateFunction function = kernel->plan->aggregates[feature->aggregate].function;
    bool is_flag = function == AGGREGATE_DID || function == AGGREGATE_NEVER;
    int64_t most = is_flag ? 1 : limit;
    if (feature->needs_column && !is_flag)
        return UINT32_MAX;
    for (int32_t i = 0; i < feature->use_count; i++) {
        const FeatureUse *use = &kernel->uses[feature->first_use + i];
        bool is_low_enough =
            use->kind == USE_COMPARE && (use->op == COMPARE_GE || use->op == COMPARE_LT);
        int64_t constant = use->kind == USE_BETWEEN && use->high > use->low ? use->high : use->low;
        int64_t wanted = is_low_enough || constant == INT64_MAX ? constant : constant + 1;
        most = wanted > most ? (wanted < UINT32_MAX ? wanted : UINT32_MAX) : most;
    }
    return most > limit ? (uint32_t)most : limit;
}

static void make_passes(Kernel *kernel) {
    bool *is_done = base_arena_alloc(kernel->arena, (size_t)kernel->feature_count + 1);
    kernel->pass_features =
        base_arena_alloc_array(kernel->arena, (size_t)kernel->feature_count + 1, sizeof(int32_t));
    kernel->passes = base_arena_alloc_array(kernel->arena, (size_t)kernel->feature_count + 1,
                                            sizeof(*kernel->passes));
    for (int32_t i = 0; i < kernel->feature_count; i++) {
        const Feature *first = &kernel->features[i];
        if (is_done[i] || first->kind == FEATURE_SLOW)
            continue;
        int32_t *features = kernel->pass_features + kernel->pass_feature_count;
        int32_t count = 0;
        bool needs_counts = false;
        uint32_t limit = 0;
        bool needs_events = false;
        for (int32_t j = i; j < kernel->feature_count; j++) {
            if (!is_done[j] && (i == j || can_share(kernel, first, &kernel->features[j]))) {
                int32_t aggregate = kernel->features[j].aggregate;
                is_done[j] = true;
                needs_counts |= kernel->plan->aggregates[aggregate].function == AGGREGATE_AVG;
                limit = limit_of(kernel, &kernel->features[j], limit);
                needs_events |= kernel->features[j].needs_column || kernel->features[j].is_anchor;
                features[count++] = j;
            }
        }
        kernel->passes[kernel->pass_count++] =
            (Pass){.kind = first->kind,
                   .node = first->node,
                   .bounds = kernel->windows[first->window].kind,
                   .selection = first->selection,
                   .property = first->property,
                   .value = first->value,
                   .period = kernel->plan->aggregates[first->aggregate].function,
                   .needs_counts = needs_counts,
                   .limit = limit,
                   .needs_events = needs_events,
                   .first_feature = kernel->pass_feature_count,
                   .features = features,
                   .feature_count = count};
        kernel->pass_feature_count += count;
    }
    qsort(kernel->passes, (size_t)kernel->pass_count, sizeof(*kernel->passes), compare_passes);
}

// --- the whole ---

static const Window *window_of_node(const Plan *plan, const Node *node) {
    switch (node->kind) {
    case NODE_AGGREGATE:
        return &plan->aggregates[node->index].window;
    case NODE_SEQUENCE:
        return &plan->sequences[node->index].window;
    case NODE_CHANGED:
        return &plan->changes[node->index].window;
    case NODE_HISTORY:
        return &plan->histories[node->index].window;
    default:
        return NULL;
    }
}

static void need(Kernel *kernel, NodeId id) {
    if (id == NODE_NONE || kernel->is_needed[id] || kernel->plan->nodes[id].is_event_scope)
        return;
    const Plan *plan = kernel->plan;
    const Node *node = &plan->nodes[id];
    kernel->is_needed[id] = true;
    // What a segment was in the past is not what it is now.
    for (int32_t i = 0; node->kind != NODE_HISTORY && i < node->arg_count; i++)
        need(kernel, node->args[i]);
    if (node->kind == NODE_FIT) {
        need(kernel, plan->fits[node->index].x);
        if (plan->fits[node->index].kind == FIT_TOP)
            need(kernel, plan->fits[node->index].where);
    }
    const Window *window = window_of_node(plan, node);
    if (window != NULL) {
        need(kernel, window->from);
        need(kernel, window->to);
    }
}

// What the reference reads to answer the slow leaves.
static void mark_slow(Kernel *kernel) {
    bool *is_needed = kernel->is_needed;
    kernel->is_needed = kernel->is_slow; // which need() marks
    for (int32_t i = 0; i < kernel->slow_count; i++)
        need(kernel, kernel->slow_nodes[i]);
    kernel->is_needed = is_needed;
}

static void need_roots(Kernel *kernel) {
    const Plan *plan = kernel->plan;
    for (int32_t i = 0; i < kernel->segment_count; i++)
        need(kernel, plan->segments[kernel->segments[i]].node);
    for (int32_t i = 0; i < kernel->metric_count; i++)
        need(kernel, plan->metrics[kernel->metrics[i]].node);
    need(kernel, kernel->value);
}

// Whether lanes has a form for the kind (or for its children); others are leaves.
static bool is_leaf(const Node *node) {
    switch (node->kind) {
    case NODE_CONST:
    case NODE_NOW:
    case NODE_METRIC:
    case NODE_SEGMENT:
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
    case NODE_COMPARE:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_IN:
    case NODE_BETWEEN:
    case NODE_IS_NULL:
    case NODE_MATCH:
    case NODE_HOLIDAY:
    case NODE_WITHIN:
    case NODE_CALL:
    case NODE_FIT:
        return false;
    default:
        return true;
    }
}

static void make_leaves(Kernel *kernel, bool is_slow) {
    const Plan *plan = kernel->plan;
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Node *node = &plan->nodes[i];
        kernel->node_features[i] = -1;
        kernel->node_sequences[i] = -1;
        if (!kernel->is_needed[i] || !is_leaf(node))
            continue;
        if (node->kind == NODE_AGGREGATE)
            add_feature(kernel, i, is_slow);
        else if (node->kind == NODE_SEQUENCE && !is_slow)
            engine_kernel_add_sequence(kernel, i);
        else if (is_slow || (node->kind != NODE_TRAIT && node->kind != NODE_LIST))
            engine_kernel_add_slow(kernel, i);
    }
}

static const int32_t *indices(Arena *arena, const int32_t *given, int32_t given_count,
                              int32_t all_count, int32_t *ret_count) {
    int32_t count = given != NULL ? given_count : all_count;
    int32_t *copy = base_arena_alloc_array(arena, (size_t)count + 1, sizeof(*copy));
    for (int32_t i = 0; i < count; i++)
        copy[i] = given != NULL ? given[i] : i;
    *ret_count = count;
    return copy;
}

static void allot(Kernel *kernel) {
    const Plan *plan = kernel->plan;
    Arena *arena = kernel->arena;
    size_t nodes = (size_t)plan->node_count + 1;
    size_t windows = (size_t)plan->aggregate_count + (size_t)plan->sequence_count + 1;
    kernel->is_needed = base_arena_alloc(arena, nodes);
    kernel->is_read = base_arena_alloc(arena, nodes);
    kernel->is_slow = base_arena_alloc(arena, nodes);
    kernel->selections = base_arena_alloc_array(arena, (size_t)plan->selection_count + 1,
                                                sizeof(*kernel->selections));
    kernel->clauses = base_arena_alloc_array(arena, nodes, sizeof(*kernel->clauses));
    kernel->windows = base_arena_alloc_array(arena, windows, sizeof(*kernel->windows));
    kernel->features = base_arena_alloc_array(arena, nodes, sizeof(*kernel->features));
    kernel->node_features = base_arena_alloc_array(arena, nodes, sizeof(int32_t));
    kernel->sequences =
        base_arena_alloc_array(arena, (size_t)plan->sequence_count + 1, sizeof(*kernel->sequences));
    kernel->node_sequences = base_arena_alloc_array(arena, nodes, sizeof(int32_t));
    kernel->uses = base_arena_alloc_array(arena, nodes, sizeof(*kernel->uses));
    kernel->slow_nodes = base_arena_alloc_array(arena, nodes, sizeof(NodeId));
}

int engine_kernel_new(const Plan *plan, const KernelOptions *options, Kernel **ret_kernel,
                      KretsError *error) {
    static const KernelOptions defaults = {0};
    options = options == NULL ? &defaults : options;
    Arena *arena = base_arena_new(SIZE_MAX);
    ENGINE_KERNEL_SCOPED kernel = base_arena_alloc(arena, sizeof(*kernel));
    kernel->arena = arena;
    kernel->plan = plan;
    kernel->simd = options->simd;
    int code = engine_ready_make(plan, &kernel->ready, error);
    if (code < 0)
        return code;
    kernel->segments = indices(arena, options->segments, options->segment_count,
                               plan->segment_count, &kernel->segment_count);
    kernel->metrics = indices(arena, options->metrics, options->metric_count, plan->metric_count,
                              &kernel->metric_count);
    kernel->value = options->is_without_value ? NODE_NONE : plan->value;
    allot(kernel);
    need_roots(kernel);
    make_leaves(kernel, options->is_slow);
    find_uses(kernel);
    make_passes(kernel);
    mark_slow(kernel);
    *ret_kernel = kernel;
    kernel = NULL;
    return BASE_OK;
}

void engine_kernel_free(Kernel *kernel) {
    if (kernel == NULL)
        return;
    engine_ready_free(kernel->ready);
    base_arena_free(kernel->arena);
}

// What the slow path takes for each event it reads: measured, on one 2.6 GHz processor of 2023,
// over selections of one to four event types (docs/benchmarks.md).
enum { SLOW_NS_AN_EVENT = 110, SLOW_NS_A_LEAF = 10 };

void engine_kernel_print(Text *out, const Kernel *kernel) {
    base_text_printf(out,
                     "%d aggregates in %d passes over %d selections; %d leaves on the slow path\n",
                     (int)(kernel->feature_count), (int)kernel->pass_count,
                     (int)kernel->selection_count, (int)kernel->slow_count);
    if (kernel->slow_count > 0)
        base_text_printf(out,
                         "  the slow path takes about %d ns for each event that its leaves read\n",
                         SLOW_NS_AN_EVENT + SLOW_NS_A_LEAF * (int)kernel->slow_count);
    for (int32_t i = 0; i < kernel->slow_count; i++) {
        base_text_append(out, STR("  slow: "));
        lang_canonical_node(out, kernel->plan, kernel->slow_nodes[i]);
        base_text_append_char(out, '\n');
    }
}
