// The whole plan for people who look for what the compiler made of a model.
#include "lang/canonical.h"
#include "lang/syntax.h"

static const char *const kind_names[NODE_KIND_COUNT] = {[NODE_CONST] = "const",
                                                        [NODE_NOW] = "now",
                                                        [NODE_TRAIT] = "trait",
                                                        [NODE_PROPERTY] = "property",
                                                        [NODE_EVENT_TIME] = "time",
                                                        [NODE_METRIC] = "metric",
                                                        [NODE_SEGMENT] = "segment",
                                                        [NODE_LIST] = "list",
                                                        [NODE_NEGATE] = "negate",
                                                        [NODE_ADD] = "add",
                                                        [NODE_SUBTRACT] = "subtract",
                                                        [NODE_MULTIPLY] = "multiply",
                                                        [NODE_DIVIDE] = "divide",
                                                        [NODE_COMPARE] = "compare",
                                                        [NODE_AND] = "and",
                                                        [NODE_OR] = "or",
                                                        [NODE_NOT] = "not",
                                                        [NODE_IN] = "in",
                                                        [NODE_BETWEEN] = "between",
                                                        [NODE_IS_NULL] = "is null",
                                                        [NODE_MATCH] = "match",
                                                        [NODE_HOLIDAY] = "holiday",
                                                        [NODE_WITHIN] = "within",
                                                        [NODE_CALL] = "call",
                                                        [NODE_AGGREGATE] = "aggregate",
                                                        [NODE_SEQUENCE] = "sequence",
                                                        [NODE_FIT] = "fit",
                                                        [NODE_WAS] = "was",
                                                        [NODE_CHANGED] = "changed",
                                                        [NODE_HISTORY] = "history"};

static void print_node(Text *out, const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    base_text_printf(out, "  #%d %s %s", id, kind_names[node->kind],
                     data_value_type_name(node->type));
    for (int32_t i = 0; i < node->arg_count; i++) {
        base_text_printf(out, " #%d", node->args[i]);
    }
    base_text_append(out, node->is_event_scope ? STR(" [event]") : STR(""));
    base_text_append(out, node->is_zoned ? STR(" [zoned]") : STR(""));
    base_text_append(out, node->is_moving ? STR(" [moving]") : STR(""));
    base_text_append(out, STR(": "));
    lang_canonical_node(out, plan, id);
    base_text_append_char(out, '\n');
}

static void print_selections(Text *out, const Plan *plan) {
    base_text_printf(out, "selections: %d\n", plan->selection_count);
    for (int32_t i = 0; i < plan->selection_count; i++) {
        base_text_printf(out, "  %d ", i);
        lang_canonical_selection(out, plan, plan->selections[i].events, plan->selections[i].where);
        base_text_append_char(out, '\n');
    }
}

static void print_aggregates(Text *out, const Plan *plan) {
    base_text_printf(out, "aggregates: %d\n", plan->aggregate_count);
    for (int32_t i = 0; i < plan->aggregate_count; i++) {
        const Aggregate *aggregate = &plan->aggregates[i];
        base_text_printf(out, "  %d %s of selection %d", i,
                         lang_aggregate_name(aggregate->function), aggregate->selection);
        if (aggregate->value != NODE_NONE) {
            base_text_printf(out, ", value #%d", aggregate->value);
        }
        if (aggregate->pick != GROUP_NONE) {
            base_text_printf(out, ", %s by #%d", aggregate->pick == GROUP_MOST ? "most" : "fewest",
                             aggregate->by);
        }
        base_text_append(out, aggregate->window.kind == WINDOW_ALL ? STR("") : STR(","));
        lang_canonical_window(out, plan, &aggregate->window);
        base_text_printf(out, ", %s\n", data_value_type_name(aggregate->type));
    }
}

static void print_columns(Text *out, const Plan *plan) {
    base_text_printf(out, "properties: %d\n", plan->property_count);
    for (int32_t i = 0; i < plan->property_count; i++) {
        const PlanProperty *property = &plan->properties[i];
        base_text_printf(out, "  %d %.*s %s:", i, STR_ARG(property->name),
                         data_value_type_name(property->type));
        for (int32_t e = 0; e < property->count; e++) {
            Str event = plan->events[property->events[e]].name;
            int32_t column = property->columns[e];
            Str name = column < 0 ? STR("(null)") : plan->columns[column].column;
            base_text_printf(out, " %.*s.%.*s", STR_ARG(event), STR_ARG(name));
        }
        base_text_append_char(out, '\n');
    }
    base_text_printf(out, "traits: %d\n", plan->trait_count);
    for (int32_t i = 0; i < plan->trait_count; i++) {
        base_text_printf(out, "  %d %.*s %s\n", i, STR_ARG(plan->traits[i].name),
                         data_value_type_name(plan->traits[i].type));
    }
}

void lang_plan_print(Text *out, const Plan *plan) {
    base_text_printf(out, "events: %d\n", plan->event_count);
    for (int32_t i = 0; i < plan->event_count; i++) {
        base_text_printf(out, "  %d %.*s%s\n", i, STR_ARG(plan->events[i].name),
                         plan->events[i].is_any ? " [any]" : "");
    }
    print_columns(out, plan);
    print_selections(out, plan);
    print_aggregates(out, plan);
    base_text_printf(out, "fits: %d\n", plan->fit_count);
    for (int32_t i = 0; i < plan->fit_count; i++) {
        base_text_printf(out, "  %d level %d: %.*s\n", i, plan->fits[i].level,
                         STR_ARG(plan->fits[i].key));
    }
    base_text_printf(out, "nodes: %d\n", plan->node_count);
    for (NodeId i = 0; i < plan->node_count; i++) {
        print_node(out, plan, i);
    }
    base_text_printf(out, "metrics: %d\n", plan->metric_count);
    for (int32_t i = 0; i < plan->metric_count; i++) {
        base_text_printf(out, "  %.*s #%d\n", STR_ARG(plan->metrics[i].name),
                         plan->metrics[i].node);
    }
    base_text_printf(out, "segments: %d\n", plan->segment_count);
    for (int32_t i = 0; i < plan->segment_count; i++) {
        base_text_printf(out, "  %.*s #%d\n", STR_ARG(plan->segments[i].key),
                         plan->segments[i].node);
    }
}
