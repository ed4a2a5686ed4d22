#include "app/focus.h"

#include <assert.h>

#include "app/tables.h"

// Which nodes of the plan a segment is made of.
typedef struct Focus {
    const Plan *plan;
    bool *is_seen; // by node
} Focus;

static void see(Focus *focus, NodeId id);

static void see_window(Focus *focus, const Window *window) {
    see(focus, window->from);
    see(focus, window->to);
}

static void see_aggregate(Focus *focus, const Aggregate *aggregate) {
    see(focus, aggregate->value);
    see(focus, aggregate->where);
    see(focus, aggregate->by);
    see_window(focus, &aggregate->window);
}

static void see_sequence(Focus *focus, const Sequence *sequence) {
    for (int32_t i = 0; i < sequence->step_count; i++)
        see(focus, focus->plan->selections[sequence->steps[i].selection].where);
    see(focus, sequence->by);
    see_window(focus, &sequence->window);
}

static void see(Focus *focus, NodeId id) {
    if (id == NODE_NONE || focus->is_seen[id])
        return;
    const Plan *plan = focus->plan;
    const Node *node = &plan->nodes[id];
    assert(id >= 0 && id < plan->node_count);
    focus->is_seen[id] = true;
    for (int32_t i = 0; i < node->arg_count; i++)
        see(focus, node->args[i]);
    switch (node->kind) {
    case NODE_AGGREGATE:
        see_aggregate(focus, &plan->aggregates[node->index]);
        break;
    case NODE_SEQUENCE:
        see_sequence(focus, &plan->sequences[node->index]);
        break;
    case NODE_FIT:
        see(focus, plan->fits[node->index].x);
        see(focus, plan->fits[node->index].where);
        break;
    case NODE_CHANGED:
        see_window(focus, &plan->changes[node->index].window);
        break;
    case NODE_HISTORY:
        see_window(focus, &plan->histories[node->index].window);
        break;
    default:
        break;
    }
}

static bool is_named(const Focus *focus, NodeKind kind, size_t index) {
    for (NodeId id = 0; id < focus->plan->node_count; id++)
        if (focus->is_seen[id] && focus->plan->nodes[id].kind == kind &&
            (size_t)focus->plan->nodes[id].index == index)
            return true;
    return false;
}

int app_focus_segment(Project *project, int32_t segment, int32_t *ret_segment, KretsError *error) {
    Arena *arena = project->arena;
    const Model *whole = project->model;
    assert(segment >= 0 && (size_t)segment < whole->segment_count);
    Focus focus = {
        .plan = project->plan,
        .is_seen = base_arena_alloc(arena, (size_t)project->plan->node_count + 1),
    };
    see(&focus, project->plan->segments[segment].node);
    MetricSource *metrics = base_arena_alloc_array(arena, whole->metric_count + 1, sizeof *metrics);
    SegmentSource *segments =
        base_arena_alloc_array(arena, whole->segment_count + 1, sizeof *segments);
    Model *model = base_arena_alloc(arena, sizeof *model);
    *model = *whole;
    model->value = (Str){0};
    model->metrics = metrics;
    model->metric_count = 0;
    for (size_t m = 0; m < whole->metric_count; m++)
        if (is_named(&focus, NODE_METRIC, m))
            metrics[model->metric_count++] = whole->metrics[m];
    model->segments = segments;
    model->segment_count = 0;
    for (size_t s = 0; s < whole->segment_count; s++) {
        if (s == (size_t)segment)
            *ret_segment = (int32_t)model->segment_count;
        if (s == (size_t)segment || is_named(&focus, NODE_SEGMENT, s))
            segments[model->segment_count++] = whole->segments[s];
    }
    Diagnostics diagnostics = {.arena = arena}; // its warnings were said before
    int r = lang_plan_compile(arena, model, project->catalog, &diagnostics, &project->plan, error);
    if (r < 0)
        return r;
    app_tables_done(project);
    project->model = model;
    return 0;
}
