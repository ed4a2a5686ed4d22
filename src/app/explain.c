#include "app/explain.h"

#include <assert.h>

#include "app/members.h"
#include "lang/canonical.h"
#include "lang/words.h"

typedef struct Explainer {
    Project *project;
    Arena *arena;
    const Plan *plan;
    const EventTable *table;
    const Trace *trace;
    ExplainNode *nodes;
    size_t count, capacity;
} Explainer;

static Str node_text(Explainer *e, NodeId node,
                     void (*write)(Text *out, const Plan *plan, NodeId node)) {
    BASE_TEXT_SCOPED text = {0};
    write(&text, e->plan, node);
    return base_arena_str(e->arena, base_text_str(&text));
}

static Str value_text(Explainer *e, NodeId node, Value value) {
    BASE_TEXT_SCOPED text = {0};
    lang_words_value(&text, e->plan, node, value);
    return base_arena_str(e->arena, base_text_str(&text));
}

// "amount 12.5, country GB" of one row: what the plan reads and is not null.
static Str event_details(Explainer *e, uint64_t row) {
    BASE_TEXT_SCOPED text = {0};
    for (size_t c = 0; c < e->table->column_count; c++) {
        Value value = data_table_value(&e->table->columns[c], row);
        if (value.is_null)
            continue;
        if (text.size_bytes > 0)
            base_text_append(&text, STR(", "));
        base_text_printf(&text, "%.*s ", STR_ARG(e->plan->columns[c].column));
        data_value_format(&text, value);
    }
    return base_arena_str(e->arena, base_text_str(&text));
}

static void add_events(Explainer *e, ExplainNode *node, const TraceRows *rows) {
    size_t shown = rows->count < EXPLAIN_EVENT_MAX ? rows->count : EXPLAIN_EVENT_MAX;
    ExplainEvent *events = base_arena_alloc_array(e->arena, shown + 1, sizeof *events);
    for (size_t i = 0; i < shown; i++) {
        uint64_t row = rows->rows[rows->count - shown + i];
        uint16_t event = e->table->event[row];
        events[i] = (ExplainEvent){
            .time_us = e->table->time_us[row],
            .event = event == TABLE_EVENT_UNKNOWN ? STR("(other)") : e->plan->events[event].name,
            .details = event_details(e, row)};
    }
    node->events = events;
    node->event_count = shown;
    node->event_total = rows->count;
}

static bool is_true(const Explainer *e, NodeId node) {
    Value value = e->trace->nodes[node];
    return value.type == VALUE_BOOLEAN && !value.is_null && value.boolean;
}

static ExplainNode *push_node(Explainer *e) {
    if (e->count == e->capacity) {
        size_t capacity = e->capacity ? e->capacity * 2 : 32;
        e->nodes = base_arena_grow(e->arena, e->nodes, e->count, capacity, sizeof *e->nodes);
        e->capacity = capacity;
    }
    return &e->nodes[e->count++];
}

// Constants need no line of their own; segments are explained on their own.
static bool is_shown(const Explainer *e, NodeId node) {
    const Node *at = &e->plan->nodes[node];
    return at->kind != NODE_CONST && at->kind != NODE_NOW && !at->is_event_scope;
}

static void add_node(Explainer *e, NodeId node, int32_t depth, bool is_decisive) {
    const Node *at = &e->plan->nodes[node];
    ExplainNode *line = push_node(e);
    *line = (ExplainNode){.depth = depth,
                          .source = node_text(e, node, lang_canonical_node),
                          .words = node_text(e, node, lang_words_node),
                          .value = value_text(e, node, e->trace->nodes[node]),
                          .raw = e->trace->nodes[node],
                          .is_decisive = is_decisive};
    if (at->kind == NODE_AGGREGATE)
        add_events(e, line, &e->trace->aggregates[at->index]);
    if (at->kind == NODE_SEQUENCE)
        add_events(e, line, &e->trace->sequences[at->index]);
    bool is_and = at->kind == NODE_AND, is_or = at->kind == NODE_OR;
    bool is_met = is_true(e, node);
    for (int32_t i = 0; i < at->arg_count; i++) {
        NodeId part = at->args[i];
        if (!is_shown(e, part))
            continue;
        // An `and` that holds needs all its parts, one that fails fails by those that do not hold.
        bool decides = (is_and || is_or) && is_true(e, part) == is_met;
        add_node(e, part, depth + 1, decides);
    }
}

static void append_part(Text *text, const ExplainNode *node) {
    base_text_printf(text, "%s%.*s", text->size_bytes > 0 ? "; " : "", STR_ARG(node->words));
    if (node->raw.is_null)
        base_text_append(text, STR(" (not known)"));
}

// "this holds: …; …" or "this does not hold: …": the parts that decide, one level down, else the
// whole.
static Str because(Explainer *e, bool is_member) {
    BASE_TEXT_SCOPED parts = {0};
    for (size_t i = 0; i < e->count; i++)
        if (e->nodes[i].depth == 1 && e->nodes[i].is_decisive)
            append_part(&parts, &e->nodes[i]);
    if (parts.size_bytes == 0 && e->count > 0)
        append_part(&parts, &e->nodes[0]);
    return base_arena_printf(e->arena, "%s: %.*s", is_member ? "this holds" : "this does not hold",
                             (int)parts.size_bytes, parts.data ? parts.data : "");
}

static ExplainSegment explain_segment(Explainer *e, int32_t index, bool is_asked_for) {
    const PlanSegment *segment = &e->plan->segments[index];
    e->nodes = NULL;
    e->count = e->capacity = 0;
    add_node(e, segment->node, 0, false);
    ExplainSegment result = {.key = segment->key,
                             .name = e->project->model->segments[index].name,
                             .words = node_text(e, segment->node, lang_words_node),
                             .is_member = is_true(e, segment->node),
                             .because = because(e, is_true(e, segment->node))};
    if (is_asked_for) {
        result.nodes = e->nodes;
        result.node_count = e->count;
    }
    return result;
}

static void explain_metrics(Explainer *e, ExplainResult *result) {
    result->metric_count = (size_t)e->plan->metric_count;
    result->metrics =
        base_arena_alloc_array(e->arena, result->metric_count + 1, sizeof *result->metrics);
    for (size_t m = 0; m < result->metric_count; m++) {
        NodeId node = e->plan->metrics[m].node;
        result->metrics[m] = (ExplainMetric){.name = e->plan->metrics[m].name,
                                             .value = value_text(e, node, e->trace->nodes[node]),
                                             .raw = e->trace->nodes[node]};
    }
}

static int trace_customer(Project *project, const FitSet *fits, ExplainResult *result, Explainer *e,
                          KretsError *error) {
    int r = store_read_customer(project->store, project->arena, project->plan, result->customer,
                                &e->table, error);
    if (r < 0)
        return r;
    if (r > 0)
        return base_error_set(error, BASE_E_USAGE,
                              "there is no customer `%.*s`; ids are compared byte for byte",
                              STR_ARG(result->customer));
    result->event_count = e->table->row_count;
    return engine_trace(project->arena, project->plan, e->table, 0, fits, result->now_us, &e->trace,
                        error);
}

static int explain_segments(Explainer *e, const FitSet *fits, int32_t only, ExplainResult *result,
                            KretsError *error) {
    Project *project = e->project;
    int32_t first = only < 0 ? 0 : only;
    int32_t last = only < 0 ? project->plan->segment_count : only + 1;
    result->segments = base_arena_alloc_array(project->arena, (size_t)(last - first) + 1,
                                              sizeof *result->segments);
    OutlookJob job = {.project = project,
                      .table = e->table,
                      .fits = fits,
                      .now_us = result->now_us,
                      .trace = e->trace};
    int r = engine_flips_new(project->plan, e->table, fits, project->options.memory_bytes / 10,
                             &job.flips, error);
    for (int32_t s = first; r == 0 && s < last; s++) {
        ExplainSegment *segment = &result->segments[result->segment_count++];
        *segment = explain_segment(e, s, only >= 0);
        r = app_outlook(&job, s, only < 0, &segment->outlook, error);
    }
    engine_flips_free(job.flips);
    return r;
}

int app_explain(Project *project, Str customer, Str segment, ExplainResult *ret_result,
                KretsError *error) {
    ExplainResult result = {.customer = customer};
    int32_t only = -1;
    int r = segment.size_bytes > 0 ? app_members_find(project, segment, &only, error) : 0;
    if (r == 0)
        r = app_project_now(project, &result.now_us, error);
    const FitSet *fits = NULL;
    if (r == 0)
        r = app_population_stored_fit(project, &fits, &result.fit_version, error);
    Explainer e = {.project = project, .arena = project->arena, .plan = project->plan};
    if (r == 0)
        r = trace_customer(project, fits, &result, &e, error);
    if (r < 0)
        return r;
    assert(e.trace != NULL);
    result.is_in_population = e.trace->is_in_population;
    explain_metrics(&e, &result);
    r = explain_segments(&e, fits, only, &result, error);
    if (r == 0)
        *ret_result = result;
    return r;
}
