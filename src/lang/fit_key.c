// The name of a fit: its content in one line, with metrics and segments expanded, so that a fit is
// found again after a metric was renamed, and not found after one was changed.

#include <inttypes.h>

#include "lang/build_private.h"
#include "lang/syntax.h"

#define KEY_BYTES_MAX 1000
#define KEY_DEPTH_MAX 200

static const char *const kind_names[NODE_KIND_COUNT] = {
    [NODE_NOW] = "now",         [NODE_EVENT_TIME] = "time",   [NODE_NEGATE] = "negate",
    [NODE_ADD] = "add",         [NODE_SUBTRACT] = "subtract", [NODE_MULTIPLY] = "multiply",
    [NODE_DIVIDE] = "divide",   [NODE_COMPARE] = "compare",   [NODE_AND] = "and",
    [NODE_OR] = "or",           [NODE_NOT] = "not",           [NODE_IN] = "in",
    [NODE_BETWEEN] = "between", [NODE_IS_NULL] = "is null",   [NODE_MATCH] = "match",
    [NODE_HOLIDAY] = "holiday", [NODE_WITHIN] = "within",     [NODE_SEGMENT] = "segment",
};

static const char *const window_names[] = {
    [WINDOW_ALL] = "",          [WINDOW_LAST] = "last",           [WINDOW_LAST_FULL] = "last full",
    [WINDOW_AGO] = "ago",       [WINDOW_MORE_THAN] = "more than", [WINDOW_SINCE] = "since",
    [WINDOW_BEFORE] = "before", [WINDOW_FROM_TO] = "from",        [WINDOW_PERIOD] = "period",
    [WINDOW_FIRST] = "first",   [WINDOW_AFTER] = "after",         [WINDOW_PRIOR] = "prior",
};

static uint64_t digest_text(Str text) {
    uint64_t digest = UINT64_C(14695981039346656037); // FNV-1a
    for (size_t i = 0; i < text.size_bytes; i++)
        digest = (digest ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
    return digest;
}

// Writes nodes; children as their digests when `digests` is set, else in full until the key is
// long.
typedef struct KeyWriter {
    const Build *build;
    Text *out;
    const uint64_t *digests;
    int depth;
    bool is_cut;
} KeyWriter;

static void write_node(KeyWriter *writer, NodeId id);

static void write_child(KeyWriter *writer, NodeId id) {
    if (id == NODE_NONE)
        return;
    if (writer->digests != NULL) {
        base_text_printf(writer->out, "#%016" PRIx64, writer->digests[id]);
    } else if (writer->depth >= KEY_DEPTH_MAX || writer->out->size_bytes > KEY_BYTES_MAX) {
        writer->is_cut = true;
    } else {
        writer->depth++;
        write_node(writer, id);
        writer->depth--;
    }
}

static void write_value(Text *out, Value value) {
    if (value.is_null) {
        base_text_append(out, STR("null"));
    } else if (value.type == VALUE_TEXT) {
        base_text_printf(out, "'%.*s'", STR_ARG(value.text));
    } else if (value.type == VALUE_DURATION) {
        base_text_printf(out, "%" PRId64 " months %" PRId64 " us", value.duration.months,
                         value.duration.us);
    } else {
        data_value_format(out, value);
    }
}

static void write_events(KeyWriter *writer, EventSet events) {
    const PlanEvent *names = writer->build->events.items;
    if (events.is_any)
        base_text_append(writer->out, STR("any"));
    for (int32_t i = 0; i < events.count; i++)
        base_text_printf(writer->out, "%s\"%.*s\"", i == 0 ? "" : " or ",
                         STR_ARG(names[events.events[i]].name));
}

static void write_window(KeyWriter *writer, const Window *window) {
    if (window->kind == WINDOW_ALL)
        return;
    base_text_printf(writer->out, " %s %" PRId64 " %s", window_names[window->kind], window->n,
                     lang_unit_name(window->unit));
    if (window->kind == WINDOW_AGO)
        base_text_printf(writer->out, " to %" PRId64 " %s", window->to_n,
                         lang_unit_name(window->to_unit));
    if (window->kind == WINDOW_PERIOD)
        base_text_printf(writer->out, " %d", window->shift);
    if (window->from != NODE_NONE)
        base_text_append(writer->out, STR(" from "));
    write_child(writer, window->from);
    if (window->to != NODE_NONE)
        base_text_append(writer->out, STR(" to "));
    write_child(writer, window->to);
}

static void write_where(KeyWriter *writer, NodeId where) {
    if (where == NODE_NONE)
        return;
    base_text_append(writer->out, STR(" where "));
    write_child(writer, where);
}

static void write_aggregate(KeyWriter *writer, const Aggregate *aggregate) {
    static const char *const picks[] = {"", "most ", "fewest "};
    base_text_printf(writer->out, "%s%s(", picks[aggregate->pick],
                     lang_aggregate_name(aggregate->function));
    write_events(writer, aggregate->events);
    if (aggregate->value != NODE_NONE)
        base_text_append_char(writer->out, '.');
    write_child(writer, aggregate->value);
    if (aggregate->function == AGGREGATE_NTH)
        base_text_printf(writer->out, ", %" PRId64, aggregate->n);
    write_where(writer, aggregate->where);
    write_window(writer, &aggregate->window);
    if (aggregate->by != NODE_NONE)
        base_text_append(writer->out, STR(" by "));
    write_child(writer, aggregate->by);
    base_text_append_char(writer->out, ')');
}

static void write_sequence(KeyWriter *writer, const Sequence *sequence) {
    const Selection *selections = writer->build->selections.items;
    base_text_append(writer->out, STR("sequence("));
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        base_text_printf(writer->out, "%s%s", i == 0 ? "" : " then ",
                         step->is_negated ? "not " : "");
        write_events(writer, selections[step->selection].events);
        write_where(writer, selections[step->selection].where);
        if (step->within_n > 0)
            base_text_printf(writer->out, " within %" PRId64 " %s", step->within_n,
                             lang_unit_name(step->within_unit));
    }
    if (sequence->all_within_n > 0)
        base_text_printf(writer->out, " in all within %" PRId64 " %s", sequence->all_within_n,
                         lang_unit_name(sequence->all_within_unit));
    if (sequence->by != NODE_NONE)
        base_text_append(writer->out, STR(" by "));
    write_child(writer, sequence->by);
    write_window(writer, &sequence->window);
    base_text_append_char(writer->out, ')');
}

static Str trait_of(const KeyWriter *writer, int32_t trait) {
    return ((const PlanTrait *)writer->build->traits.items)[trait].name;
}

static void write_changed(KeyWriter *writer, const TraitChange *change) {
    base_text_printf(writer->out, "changed(\"%.*s\"", STR_ARG(trait_of(writer, change->trait)));
    if (change->has_from) {
        base_text_append(writer->out, STR(" from "));
        write_value(writer->out, change->from);
    }
    if (change->has_to) {
        base_text_append(writer->out, STR(" to "));
        write_value(writer->out, change->to);
    }
    write_window(writer, &change->window);
    base_text_append_char(writer->out, ')');
}

static void write_history(KeyWriter *writer, const Node *node) {
    static const char *const words[] = {"entered(", "exited(", "stayed("};
    const SegmentHistory *history =
        (const SegmentHistory *)writer->build->histories.items + node->index;
    base_text_append(writer->out, base_str_from(words[history->kind]));
    write_child(writer, node->args[0]);
    write_window(writer, &history->window);
    base_text_append_char(writer->out, ')');
}

static void write_fit(KeyWriter *writer, const Fit *fit) {
    base_text_printf(writer->out, "%s(", lang_fit_name(fit->kind));
    if (fit->kind != FIT_PERCENTILE)
        base_text_printf(writer->out, "%" PRId64 ", ", fit->tiles);
    write_child(writer, fit->x);
    write_where(writer, fit->where);
    base_text_append_char(writer->out, ')');
}

static void write_detail(Text *out, const Node *node) {
    if (node->is_negated)
        base_text_append(out, STR(" not"));
    switch (node->kind) {
    case NODE_COMPARE:
        base_text_printf(out, " %d", (int)node->compare);
        break;
    case NODE_MATCH:
        base_text_printf(out, " %d %d", (int)node->match, node->escape);
        break;
    case NODE_WITHIN:
        base_text_printf(out, " %d %" PRId64 " %s", node->within.is_next, node->within.amount,
                         lang_unit_name(node->within.unit));
        break;
    case NODE_HOLIDAY:
        base_text_printf(out, " %d %" PRId64 " '%.*s' '%.*s' %d", (int)node->holiday.side,
                         node->holiday.days, STR_ARG(node->holiday.name),
                         STR_ARG(node->holiday.country), node->holiday.is_observed);
        break;
    default:
        break;
    }
}

static void write_call(KeyWriter *writer, const Node *node) {
    base_text_append(writer->out,
                     base_str_from(node->kind == NODE_CALL ? lang_call_name(node->function)
                                                           : kind_names[node->kind]));
    write_detail(writer->out, node);
    base_text_append_char(writer->out, '(');
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (i > 0)
            base_text_append(writer->out, STR(", "));
        write_child(writer, node->args[i]);
    }
    base_text_append_char(writer->out, ')');
}

static void write_node(KeyWriter *writer, NodeId id) {
    const Build *build = writer->build;
    const Node *node = lang_build_at(build, id);
    Str name;
    switch (node->kind) {
    case NODE_CONST:
        write_value(writer->out, node->value);
        break;
    case NODE_TRAIT:
        base_text_printf(writer->out, "\"%.*s\"", STR_ARG(trait_of(writer, node->index)));
        break;
    case NODE_WAS:
        base_text_printf(writer->out, "was(\"%.*s\", ", STR_ARG(trait_of(writer, node->index)));
        write_child(writer, node->args[0]);
        base_text_append_char(writer->out, ')');
        break;
    case NODE_CHANGED:
        write_changed(writer, (const TraitChange *)build->changes.items + node->index);
        break;
    case NODE_PROPERTY:
        name = ((const PlanProperty *)build->properties.items)[node->index].name;
        base_text_printf(writer->out, "\"%.*s\"", STR_ARG(name));
        break;
    case NODE_LIST:
        name = ((const PlanList *)build->lists.items)[node->index].key;
        base_text_printf(writer->out, "list(\"%.*s\")", STR_ARG(name));
        break;
    case NODE_METRIC:
        write_child(writer, node->args[0]);
        break;
    case NODE_HISTORY:
        write_history(writer, node);
        break;
    case NODE_AGGREGATE:
        write_aggregate(writer, (const Aggregate *)build->aggregates.items + node->index);
        break;
    case NODE_SEQUENCE:
        write_sequence(writer, (const Sequence *)build->sequences.items + node->index);
        break;
    case NODE_FIT:
        write_fit(writer, (const Fit *)build->fits.items + node->index);
        break;
    default:
        write_call(writer, node);
    }
}

static uint64_t digest_fit(const Build *build, const Fit *fit) {
    uint64_t *digests =
        base_arena_alloc_array(build->arena, (size_t)build->nodes.count + 1, sizeof *digests);
    BASE_TEXT_SCOPED text = {0};
    KeyWriter writer = {.build = build, .out = &text, .digests = digests};
    for (NodeId id = 0; id < build->nodes.count; id++) {
        base_text_clear(&text);
        write_node(&writer, id);
        digests[id] = digest_text(base_text_str(&text));
    }
    base_text_clear(&text);
    write_fit(&writer, fit);
    return digest_text(base_text_str(&text));
}

Str lang_fit_key(const Build *build, const Fit *fit) {
    BASE_TEXT_SCOPED text = {0};
    KeyWriter writer = {.build = build, .out = &text};
    write_fit(&writer, fit);
    if (writer.is_cut)
        base_text_printf(&text, "… #%016" PRIx64, digest_fit(build, fit));
    return base_arena_str(build->arena, base_text_str(&text));
}
