// Sequences: one CTE a positive step with the events at which a chain can stand there.
//
// A chain is a path through pairs (p, e) of neighbouring positive steps, and each condition
// concerns one pair alone; so the events that a step can end at are all that the next step must
// know.
#include "lang/sql_private.h"

// The steps from one positive step up to the next, or to the end.
typedef struct Stretch {
    const Sequence *sequence;
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

static bool is_calendar(const SequenceStep *step) {
    return step->within_n > 0 && !lang_sql_unit_is_exact(step->within_unit);
}

static Str customer_join(SqlBuilder *b, const Stretch *stretch) {
    bool is_needed =
        stretch->positive >= 0 && is_calendar(&stretch->sequence->steps[stretch->positive]);
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        is_needed = is_needed || is_calendar(negative(stretch, i));
    }
    return is_needed && b->plan->zone_trait >= 0
               ? STR("\n  join customers c on c.customer = p.customer")
               : STR("");
}

// The last p before e is as good as any: no limit of a negative step moves with p.
static bool is_nearest_enough(const Stretch *stretch) {
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        if (negative(stretch, i)->within_n > 0) {
            return false;
        }
    }
    return !is_calendar(&stretch->sequence->steps[stretch->positive]);
}

static void write_nearest(SqlBuilder *b, Text *out, const Stretch *stretch, Str before,
                          const Str *negatives) {
    const SequenceStep *step = &stretch->sequence->steps[stretch->positive];
    base_text_printf(out,
                     "  select e.customer, e.time_us, e.place\n  from %.*s e\n  asof join %.*s p"
                     " on p.customer = e.customer and e.place > p.place",
                     STR_ARG(b->selections[step->selection]), STR_ARG(before));
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        base_text_printf(out,
                         "\n  asof left join %.*s n%d"
                         " on n%d.customer = e.customer and e.place > n%d.place",
                         STR_ARG(negatives[i]), i, i, i);
    }
    const char *word = "where";
    if (step->within_n > 0) {
        base_text_printf(out, "\n  where e.time_us <= %.*s", STR_ARG(limit_text(b, step)));
        word = "and";
    }
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        base_text_printf(out, "\n  %s (n%d.place is null or n%d.place <= p.place)", word, i, i);
        word = "and";
    }
}

// `n` is the first of its events after p: where it does no harm, none does.
static void join_next(Text *out, const Stretch *stretch, const Str *negatives) {
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        base_text_printf(out,
                         "\n  asof left join %.*s n%d"
                         " on n%d.customer = p.customer and p.place < n%d.place",
                         STR_ARG(negatives[i]), i, i, i);
    }
}

static void write_pairs(SqlBuilder *b, Text *out, const Stretch *stretch, Str before,
                        const Str *negatives) {
    const SequenceStep *step = &stretch->sequence->steps[stretch->positive];
    base_text_printf(out, "  select distinct e.customer, e.time_us, e.place\n  from %.*s p",
                     STR_ARG(before));
    join_next(out, stretch, negatives);
    base_text_printf(out,
                     "%.*s\n  join %.*s e on e.customer = p.customer and e.place > p.place\n"
                     "  where true",
                     STR_ARG(customer_join(b, stretch)), STR_ARG(b->selections[step->selection]));
    if (step->within_n > 0) {
        base_text_printf(out, "\n  and e.time_us <= %.*s", STR_ARG(limit_text(b, step)));
    }
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
}

static void write_end(SqlBuilder *b, Text *out, const Stretch *stretch, Str before,
                      const Str *negatives) {
    base_text_printf(out, "  select distinct p.customer\n  from %.*s p", STR_ARG(before));
    join_next(out, stretch, negatives);
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
    Str *negatives =
        base_arena_alloc_array(b->arena, (size_t)stretch->negative_count + 1, sizeof *negatives);
    for (int32_t i = 0; i < stretch->negative_count; i++) {
        negatives[i] = lang_sql_selection_cte(b, negative(stretch, i)->selection);
    }
    if (stretch->positive >= 0) {
        lang_sql_selection_cte(b, stretch->sequence->steps[stretch->positive].selection);
    }
    Str name = lang_sql_name(b, stretch->positive >= 0 ? "step" : "end_of_sequence", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    if (stretch->positive < 0) {
        write_end(b, out, stretch, before, negatives);
    } else if (is_nearest_enough(stretch)) {
        write_nearest(b, out, stretch, before, negatives);
    } else {
        write_pairs(b, out, stretch, before, negatives);
    }
    lang_sql_cte_end(b);
    return name;
}

static Str first_step_cte(SqlBuilder *b, const Sequence *sequence, const SqlWindow *window) {
    Str from = lang_sql_selection_cte(b, sequence->steps[0].selection);
    Str name = lang_sql_name(b, "step", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    base_text_printf(out, "  select e.customer, e.time_us, e.place\n  from %.*s e%.*s",
                     STR_ARG(from), STR_ARG(window->join));
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
    Str at = first_step_cte(b, sequence, &window);
    Stretch stretch = {.sequence = sequence, .first_negative = 1};
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
        stretch = (Stretch){.sequence = sequence, .first_negative = i + 1};
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
