// Sequences: one CTE a positive step with the events at which a chain can stand there.
//
// A chain is a path through pairs (p, e) of neighbouring positive steps, and each condition
// concerns one pair alone; so the events that a step can end at are all that the next step must
// know. But for `in all within`: there each event carries `until`, the latest end of the chains
// that lead to it. With `by` each carries its value, `shared`, which all joins compare.
#include "lang/sql_private.h"

// The steps from one positive step up to the next, or to the end.
typedef struct Stretch {
    const Sequence *sequence;
    const Str *events; // beside Sequence.steps: the CTE of each step's events
    int32_t first_negative;
    int32_t negative_count;
    int32_t positive; // NODE_NONE at the end
} Stretch;

static Str limit_text(SqlBuilder *b, const SequenceStep *step) {
    return lang_sql_add(b, lang_sql_zone(b, "c"), STR("p.time_us"), step->within_unit,
                        step->within_n);
}

static const SequenceStep *negative(const Stretch *stretch, int32_t i) {
    return &stretch->sequence->steps[stretch->first_negative + i];
}

static Str negative_events(const Stretch *stretch, int32_t i) {
    return stretch->events[stretch->first_negative + i];
}

static bool is_calendar(CalendarUnit unit, int64_t n) {
    return n > 0 && !lang_sql_unit_is_exact(unit);
}

static bool has_calendar(const SequenceStep *step) {
    return is_calendar(step->within_unit, step->within_n);
}

static Str customer_join(SqlBuilder *b, const Stretch *stretch) {
    bool is_needed =
        stretch->positive >= 0 && has_calendar(&stretch->sequence->steps[stretch->positive]);
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        is_needed = is_needed || has_calendar(negative(stretch, i));
    }
    return (is_needed && b->plan->zone_trait >= 0) || (stretch->positive < 0 && b->outer != NULL)
               ? STR("\n  join customers c on c.customer = p.customer")
               : STR("");
}

static Str same_value(SqlBuilder *b, const Stretch *stretch, const char *left, const char *right) {
    return stretch->sequence->by == NODE_NONE
               ? STR("")
               : base_arena_printf(b->arena, " and %s.shared = %s.shared", left, right);
}

// What a step's events carry on beside their place.
static const char *carried(const Sequence *sequence) {
    return sequence->by == NODE_NONE ? "" : ", e.shared";
}

// No limit of a negative step between moves with p, nor does a later p reach less far.
static bool is_simple(const SequenceStep *step) {
    return step->is_negated ? step->within_n == 0 : !has_calendar(step);
}

// The last p before e is as good as any: what forbids it forbids the earlier ones. Where chains end
// by `in all within`, it also has the latest end: each p before it came from a step no later,
// unless a limit on the way here let an earlier event through and not a later one.
static bool is_nearest_enough(const Stretch *stretch) {
    const Sequence *sequence = stretch->sequence;
    bool is_ending = sequence->all_within_n > 0;
    int32_t first = is_ending ? 1 : stretch->first_negative;
    for (int32_t i = first; i <= stretch->positive; i++) {
        if (!is_simple(&sequence->steps[i])) {
            return false;
        }
    }
    return !is_ending || lang_sql_unit_is_exact(sequence->all_within_unit);
}

static void write_nearest(SqlBuilder *b, Text *out, const Stretch *stretch, Str before) {
    const SequenceStep *step = &stretch->sequence->steps[stretch->positive];
    bool is_ending = stretch->sequence->all_within_n > 0;
    base_text_printf(out,
                     "  select e.customer, e.time_us, e.place%s%s\n  from %.*s e\n"
                     "  asof join %.*s p on p.customer = e.customer%.*s and e.place > p.place",
                     carried(stretch->sequence), is_ending ? ", p.until" : "",
                     STR_ARG(stretch->events[stretch->positive]), STR_ARG(before),
                     STR_ARG(same_value(b, stretch, "p", "e")));
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        const char *alias = base_arena_printf(b->arena, "n%d", i).data;
        base_text_printf(out,
                         "\n  asof left join %.*s %s"
                         " on %s.customer = e.customer%.*s and e.place > %s.place",
                         STR_ARG(negative_events(stretch, i)), alias, alias,
                         STR_ARG(same_value(b, stretch, alias, "e")), alias);
    }
    const char *word = "where";
    if (step->within_n > 0) {
        base_text_printf(out, "\n  where e.time_us <= %.*s", STR_ARG(limit_text(b, step)));
        word = "and";
    }
    if (is_ending) {
        base_text_printf(out, "\n  %s e.time_us <= p.until", word);
        word = "and";
    }
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        base_text_printf(out, "\n  %s (n%d.place is null or n%d.place <= p.place)", word, i, i);
        word = "and";
    }
}

// `n` is the first of its events after p: where it does no harm, none does.
static void join_next(SqlBuilder *b, Text *out, const Stretch *stretch) {
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        const char *alias = base_arena_printf(b->arena, "n%d", i).data;
        base_text_printf(out,
                         "\n  asof left join %.*s %s"
                         " on %s.customer = p.customer%.*s and p.place < %s.place",
                         STR_ARG(negative_events(stretch, i)), alias, alias,
                         STR_ARG(same_value(b, stretch, alias, "p")), alias);
    }
}

static void write_pairs(SqlBuilder *b, Text *out, const Stretch *stretch, Str before) {
    const Sequence *sequence = stretch->sequence;
    const SequenceStep *step = &sequence->steps[stretch->positive];
    bool is_ending = sequence->all_within_n > 0;
    base_text_printf(out, "  select%s e.customer, e.time_us, e.place%s%s\n  from %.*s p",
                     is_ending ? "" : " distinct", carried(sequence),
                     is_ending ? ", max(p.until) as until" : "", STR_ARG(before));
    join_next(b, out, stretch);
    base_text_printf(out,
                     "%.*s\n  join %.*s e on e.customer = p.customer%.*s and e.place > p.place\n"
                     "  where true",
                     STR_ARG(customer_join(b, stretch)),
                     STR_ARG(stretch->events[stretch->positive]),
                     STR_ARG(same_value(b, stretch, "e", "p")));
    if (step->within_n > 0) {
        base_text_printf(out, "\n  and e.time_us <= %.*s", STR_ARG(limit_text(b, step)));
    }
    base_text_append(out, is_ending ? STR("\n  and e.time_us <= p.until") : STR(""));
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        const SequenceStep *absent = negative(stretch, i);
        if (absent->within_n > 0) {
            base_text_printf(out,
                             "\n  and (n%d.place is null or n%d.place > e.place"
                             " or n%d.time_us > %.*s)",
                             i, i, i, STR_ARG(limit_text(b, absent)));
        } else {
            base_text_printf(out, "\n  and (n%d.place is null or n%d.place >= e.place)", i, i);
        }
    }
    if (is_ending) {
        base_text_printf(out, "\n  group by e.customer, e.time_us, e.place%s", carried(sequence));
    }
}

static void write_end(SqlBuilder *b, Text *out, const Stretch *stretch, Str before) {
    base_text_printf(out, "  select distinct p.customer\n  from %.*s p", STR_ARG(before));
    join_next(b, out, stretch);
    base_text_printf(out, "%.*s\n  where true", STR_ARG(customer_join(b, stretch)));
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        const SequenceStep *absent = negative(stretch, i);
        if (absent->within_n > 0) {
            Str limit = limit_text(b, absent);
            base_text_printf(out,
                             "\n  and (n%d.place is null or n%d.time_us > %.*s) and %.*s >= %.*s",
                             i, i, STR_ARG(limit), STR_ARG(b->now), STR_ARG(limit));
        } else {
            base_text_printf(out, "\n  and n%d.place is null", i);
        }
    }
}

// The next positive step's events, or the customers for whom the end holds.
static Str stretch_cte(SqlBuilder *b, const Stretch *stretch, Str before) {
    Str name = lang_sql_name(b, stretch->positive >= 0 ? "step" : "end_of_sequence", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    if (stretch->positive < 0) {
        write_end(b, out, stretch, before);
    } else if (is_nearest_enough(stretch)) {
        write_nearest(b, out, stretch, before);
    } else {
        write_pairs(b, out, stretch, before);
    }
    lang_sql_cte_end(b);
    return name;
}

// A step's events with the value that all steps share.
static Str shared_cte(SqlBuilder *b, const Sequence *sequence, int32_t selection) {
    SQL_SCOPE_SCOPED scope = {.events = &b->plan->selections[selection].events};
    Str from = lang_sql_selection_cte(b, selection);
    Str value = lang_sql_node_text(b, &scope, sequence->by);
    Str name = lang_sql_name(b, "events_by", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    base_text_printf(out,
                     "  select * from (select e.customer, e.time_us, e.place, %.*s as shared"
                     " from %.*s e)\n  where shared is not null",
                     STR_ARG(value), STR_ARG(from));
    lang_sql_cte_end(b);
    return name;
}

// The CTE of each step's events.
static const Str *events_of_steps(SqlBuilder *b, const Sequence *sequence) {
    Str *names = base_arena_alloc_array(b->arena, (size_t)sequence->step_count, sizeof *names);
    for (int32_t i = 0; i < sequence->step_count; i++) {
        int32_t selection = sequence->steps[i].selection;
        if (sequence->by == NODE_NONE) {
            names[i] = lang_sql_selection_cte(b, selection);
            continue;
        }
        for (int32_t k = 0; k < i && names[i].size_bytes == 0; k++) {
            names[i] = sequence->steps[k].selection == selection ? names[k] : names[i];
        }
        names[i] = names[i].size_bytes > 0 ? names[i] : shared_cte(b, sequence, selection);
    }
    return names;
}

static Str first_step_cte(SqlBuilder *b, const Sequence *sequence, const Str *events,
                          const SqlWindow *window) {
    Str name = lang_sql_name(b, "step", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    base_text_printf(out, "  select e.customer, e.time_us, e.place%s", carried(sequence));
    if (sequence->all_within_n > 0) {
        Str until = lang_sql_add(b, lang_sql_zone(b, "c"), STR("e.time_us"),
                                 sequence->all_within_unit, sequence->all_within_n);
        base_text_printf(out, ", %.*s as until", STR_ARG(until));
    }
    bool needs_customer = is_calendar(sequence->all_within_unit, sequence->all_within_n) &&
                          b->plan->zone_trait >= 0 && !window->has_customer;
    base_text_printf(out, "\n  from %.*s e%.*s%s", STR_ARG(events[0]), STR_ARG(window->join),
                     needs_customer ? "\n  join customers c on c.customer = e.customer" : "");
    if (window->condition.size_bytes > 0) {
        base_text_printf(out, "\n  where %.*s", STR_ARG(window->condition));
    }
    lang_sql_cte_end(b);
    return name;
}

Str lang_sql_sequence_cte(SqlBuilder *b, NodeId id) {
    int32_t index = b->plan->nodes[id].index;
    if (b->sequences[index].size_bytes > 0) {
        return b->sequences[index];
    }
    const Sequence *sequence = &b->plan->sequences[index];
    b->needs_place = true;
    SqlWindow window = lang_sql_window_cte(b, &sequence->window);
    const Str *events = events_of_steps(b, sequence);
    Str at = first_step_cte(b, sequence, events, &window);
    Stretch stretch = {.sequence = sequence, .events = events, .first_negative = 1};
    for (int32_t i = 1; i <= sequence->step_count; i++) {
        if (i < sequence->step_count && sequence->steps[i].is_negated) {
            stretch.negative_count++;
            continue;
        }
        if (i == sequence->step_count && stretch.negative_count == 0) {
            break;
        }
        stretch.positive = i < sequence->step_count ? i : -1;
        at = stretch_cte(b, &stretch, at);
        stretch = (Stretch){.sequence = sequence, .events = events, .first_negative = i + 1};
    }
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->sequences[index] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    base_text_printf(out,
                     "  select s.customer, s.customer in (select customer from %.*s) as value\n"
                     "  from %.*s s",
                     STR_ARG(at), STR_ARG(window.customers));
    lang_sql_cte_end(b);
    return name;
}
