// The instants at which a segment may change: listed from its expression, as SQL.
//
// Between two events a node changes only where an event leaves or enters a window, where a length
// of time since a point is over, or with the local day. Each gives instants as a select of
// (customer, at_us); too many do no harm. What moves with now in another way has no such list.
#include <math.h>
#include <stdlib.h>

#include "lang/sql_private.h"

#define SPAN_DAYS_MAX    4100 // of a span whose local days are listed
#define SHIFT_US_MAX     (100000 * CALENDAR_US_PER_DAY)
#define SHIFT_MONTHS_MAX 1200
#define EVENTS           STR("select customer, time_us as v from events")

typedef struct Moments {
    SqlBuilder *b;
    const Window *window; // of the span
    Str span;
    Text selects; // of (customer, at_us)
    bool *seen;   // by node
    Str zones;    // the CTE of (customer, zone), "" until needed
} Moments;

static void walk(Moments *m, NodeId id);
static void find_points(Moments *m, NodeId id, Text *out);

static void fail(Moments *m, const char *what) {
    lang_sql_fail(m->b, base_arena_printf(m->b->arena,
                                          "the past of a segment, and the instants at which that "
                                          "changes cannot be listed because of %s",
                                          what)
                            .data);
}

static void add_select(Moments *m, Str select) {
    Str so_far = base_text_str(&m->selects);
    if (so_far.size_bytes == 0 || !base_str_contains(so_far, select)) {
        base_text_printf(&m->selects, "%s    %.*s",
                         so_far.size_bytes == 0 ? "" : "\n    union all\n", STR_ARG(select));
    }
}

// All zones that a customer may have had, beside the model's.
static Str zones_cte(Moments *m) {
    SqlBuilder *b = m->b;
    if (m->zones.size_bytes > 0) {
        return m->zones;
    }
    Str model = lang_sql_model_zone(b);
    m->zones = lang_sql_name(b, "zones_of", STR("customers"));
    bool is_own = b->plan->zone_trait >= 0 && b->plan->traits[b->plan->zone_trait].column >= 0;
    Str column = is_own ? lang_sql_column(b, b->plan->traits[b->plan->zone_trait].column) : STR("");
    Text *out = lang_sql_cte_begin(b, m->zones, NODE_NONE);
    base_text_printf(out, "  select customer, %.*s as zone from population", STR_ARG(model));
    if (is_own) {
        base_text_printf(out,
                         "\n  union select e.customer, k.zone from events e\n"
                         "  join known_zones k on k.zone = e.%.*s where e.event = 'identify'",
                         STR_ARG(column));
    }
    lang_sql_cte_end(b);
    return m->zones;
}

// Both instants at which a local day may begin: the clock may go back over it.
static Str day_begins(Moments *m, const char *zone, const char *day) {
    SqlBuilder *b = m->b;
    return base_arena_printf(b->arena, "unnest([%.*s, epoch_us(timezone(%s, %s::timestamp))])",
                             STR_ARG(lang_sql_midnight(b, base_str_from(zone), base_str_from(day))),
                             zone, day);
}

// ---- steps in time from points, a select of (customer, v) ----

static void add_shifted(Moments *m, Str points, int64_t us, int64_t around) {
    add_select(m, base_arena_printf(m->b->arena,
                                    "select p.customer, p.v + (%lld) + d.d as at_us from (%.*s) p"
                                    " cross join (select unnest(range(%lld, %lld)) as d) d",
                                    (long long)us, STR_ARG(points), (long long)-around,
                                    (long long)around + 1));
}

static bool exact_us(CalendarUnit unit, int64_t n, int64_t *ret_us) {
    int64_t unit_us = lang_sql_unit_us(unit);
    if (n > SHIFT_US_MAX / unit_us || n < -(SHIFT_US_MAX / unit_us)) {
        return false;
    }
    *ret_us = n * unit_us;
    return true;
}

// When `now - n unit`, as windows count it, comes to the points.
static void add_window_start(Moments *m, Str points, CalendarUnit unit, int64_t n) {
    SqlBuilder *b = m->b;
    int64_t us, months = lang_sql_unit_is_exact(unit) ? 0 : lang_sql_unit_months(unit);
    if (months == 0) {
        if (exact_us(unit, n, &us)) {
            add_shifted(m, points, us, 0);
        } else {
            fail(m, "a window of centuries");
        }
        return;
    }
    if (n > SHIFT_MONTHS_MAX / months) {
        fail(m, "a window of centuries");
        return;
    }
    int64_t shift = n * months;
    // The same time of day so many months later; where there is no such day, a midnight near it.
    Str zone = STR("q.zone");
    Str later =
        base_arena_printf(b->arena, "cast(q.day + interval %lld month as date)", (long long)shift);
    Str from = base_arena_printf(
        b->arena,
        "(select p.customer, p.v, z.zone, cast(%.*s as date) + k.k::integer as day, k.k\n"
        "      from (%.*s) p join %.*s z using (customer)"
        " cross join (select unnest(range(-2, 6)) as k) k where p.v > %lld) q",
        STR_ARG(lang_sql_local(b, STR("z.zone"), STR("p.v"))), STR_ARG(points),
        STR_ARG(zones_cte(m)), (long long)CALENDAR_TIME_MIN);
    add_select(m, base_arena_printf(
                      b->arena, "select q.customer, %.*s + q.v - %.*s as at_us\n    from %.*s",
                      STR_ARG(lang_sql_midnight(b, zone, later)),
                      STR_ARG(lang_sql_midnight(b, zone, STR("q.day"))), STR_ARG(from)));
    Str near = base_arena_printf(
        b->arena, "cast(q.day - q.k::integer + interval %lld month as date) + q.k::integer",
        (long long)shift);
    add_select(m, base_arena_printf(b->arena, "select q.customer, %.*s as at_us\n    from %.*s",
                                    STR_ARG(lang_sql_midnight(b, zone, near)), STR_ARG(from)));
}

// The points moved by n unit, as base_zone_add moves them.
static void add_moved(Moments *m, Str points, CalendarUnit unit, int64_t n) {
    SqlBuilder *b = m->b;
    if (lang_sql_unit_is_exact(unit)) {
        add_window_start(m, points, unit, n);
        return;
    }
    if (n > SHIFT_MONTHS_MAX / lang_sql_unit_months(unit)) {
        fail(m, "a length of centuries");
        return;
    }
    add_select(m, base_arena_printf(
                      b->arena,
                      "select p.customer, %.*s as at_us from (%.*s) p join %.*s z using (customer)",
                      STR_ARG(lang_sql_add(b, STR("z.zone"), STR("p.v"), unit, n)), STR_ARG(points),
                      STR_ARG(zones_cte(m))));
}

// A span that is short enough to list its local days.
static bool is_short(const Moments *m) {
    static const int64_t days[] = {0, 0, 0, 1, 7, 31, 92, 366};
    const Window *window = m->window;
    int64_t n = window->n, each = days[window->unit];
    switch (window->kind) {
    case WINDOW_MORE_THAN:
    case WINDOW_BEFORE:
        return false;
    case WINDOW_SINCE:
    case WINDOW_FROM_TO: {
        const Node *from = &m->b->plan->nodes[window->from];
        if (from->kind != NODE_CONST) {
            return true;
        }
        int64_t day =
            from->type == VALUE_DATE ? from->value.date : from->value.time_us / CALENDAR_US_PER_DAY;
        return m->b->options->now_us / CALENDAR_US_PER_DAY - day <= SPAN_DAYS_MAX;
    }
    default:
        return each == 0 || n <= SPAN_DAYS_MAX / each;
    }
}

static void add_days(Moments *m, int64_t shift_us) {
    SqlBuilder *b = m->b;
    if (!is_short(m)) {
        fail(m, "the local days of a long time");
        return;
    }
    add_select(
        m, base_arena_printf(
               b->arena,
               "select q.customer, %.*s + (%lld) as at_us\n"
               "    from (select s.customer, z.zone, unnest(generate_series(cast(%.*s as date) - 2,"
               " cast(%.*s as date) + 3, interval 1 day))::date as day\n"
               "      from %.*s s join %.*s z using (customer)) q",
               STR_ARG(day_begins(m, "q.zone", "q.day")), (long long)shift_us,
               STR_ARG(lang_sql_local(
                   b, STR("z.zone"),
                   base_arena_printf(b->arena, "s.after_us - (%lld)", (long long)shift_us))),
               STR_ARG(lang_sql_local(
                   b, STR("z.zone"),
                   base_arena_printf(b->arena, "s.until_us - (%lld)", (long long)shift_us))),
               STR_ARG(m->span), STR_ARG(zones_cte(m))));
}

// ---- points: every value that a time or a date has had, as a select of (customer, v) ----

static void add_point(Text *out, Str select) {
    base_text_printf(out, "%s%.*s", out->size_bytes == 0 ? "" : " union all ", STR_ARG(select));
}

static NodeId bare(const Plan *plan, NodeId id) {
    while (plan->nodes[id].kind == NODE_METRIC) {
        id = plan->nodes[id].args[0];
    }
    return id;
}

static void find_aggregate_points(Moments *m, const Aggregate *aggregate, Text *out) {
    SqlBuilder *b = m->b;
    if (aggregate->value == NODE_NONE) {
        add_point(out, EVENTS);
        return;
    }
    SQL_SCOPE_SCOPED scope = {.events = &aggregate->events};
    Str value = lang_sql_node_text(b, &scope, aggregate->value);
    if (scope.needs_customer) {
        fail(m, "a value of events that depends on the customer");
        return;
    }
    add_point(out, base_arena_printf(
                       b->arena, "select e.customer, %.*s as v from events e where %.*s",
                       STR_ARG(value), STR_ARG(lang_sql_event_filter(b, &aggregate->events))));
}

static void find_trait_points(Moments *m, int32_t trait, Text *out) {
    SqlBuilder *b = m->b;
    if (b->plan->traits[trait].column >= 0) {
        add_point(out,
                  base_arena_printf(b->arena,
                                    "select e.customer, e.%.*s as v from events e"
                                    " where e.event = 'identify'",
                                    STR_ARG(lang_sql_column(b, b->plan->traits[trait].column))));
    }
}

// Anniversaries in the years of a short span that ends now or earlier, and the next.
static void find_anniversary_points(Moments *m, const Node *node, Text *out) {
    SqlBuilder *b = m->b;
    BASE_TEXT_SCOPED of = {0};
    find_points(m, node->args[0], &of);
    if (b->plan->nodes[node->args[0]].type != VALUE_DATE || of.size_bytes == 0) {
        fail(m, "the anniversary of a time");
        return;
    }
    int32_t year = base_calendar_date((int32_t)(b->options->now_us / CALENDAR_US_PER_DAY)).year;
    add_point(out, base_arena_printf(b->arena,
                                     "select p.customer, make_date(y.y::integer, month(p.v), 1)"
                                     " + (day(p.v) - 1)::integer as v from (%.*s) p cross join"
                                     " (select unnest(range(%d, %d)) as y) y where p.v is not null",
                                     STR_ARG(base_text_str(&of)), year - 13, year + 3));
}

static void find_call_points(Moments *m, const Node *node, Text *out) {
    switch (node->function) {
    case CALL_COALESCE:
    case CALL_LEAST:
    case CALL_GREATEST:
    case CALL_IF:
        for (int32_t i = node->function == CALL_IF ? 1 : 0; i < node->arg_count; i++) {
            const Node *arg = &m->b->plan->nodes[node->args[i]];
            if (arg->type != node->type && arg->type != VALUE_NULL) {
                fail(m, "dates beside times");
                return;
            }
            find_points(m, node->args[i], out);
        }
        break;
    case CALL_ANNIVERSARY:
        find_anniversary_points(m, node, out);
        break;
    default:
        fail(m, "a time made by a function");
        break;
    }
}

static void find_points(Moments *m, NodeId id, Text *out) {
    SqlBuilder *b = m->b;
    id = bare(b->plan, id);
    const Node *node = &b->plan->nodes[id];
    if (node->type == VALUE_NULL) {
        return;
    }
    switch (node->kind) {
    case NODE_CONST: {
        SQL_SCOPE_SCOPED scope = {0};
        Str value = node->type == VALUE_DATE ? lang_sql_instant_of(b, &scope, id)
                                             : lang_sql_node_text(b, &scope, id);
        add_point(out, base_arena_printf(b->arena, "select customer, %.*s as v from population",
                                         STR_ARG(value)));
        break;
    }
    case NODE_AGGREGATE:
        find_aggregate_points(m, &b->plan->aggregates[node->index], out);
        break;
    case NODE_TRAIT:
    case NODE_WAS:
        find_trait_points(m, node->index, out);
        break;
    case NODE_CALL:
        find_call_points(m, node, out);
        break;
    default:
        fail(m, "a time that is reckoned");
        break;
    }
}

// The points of a time; of a date, its first instant in each zone.
static Str instants_of(Moments *m, NodeId id) {
    BASE_TEXT_SCOPED points = {0};
    const Node *node = &m->b->plan->nodes[bare(m->b->plan, id)];
    find_points(m, id, &points);
    Str text = points.size_bytes == 0 ? STR("select customer, cast(null as bigint) as v"
                                            " from population where false")
                                      : base_arena_str(m->b->arena, base_text_str(&points));
    if (node->type != VALUE_DATE || node->kind == NODE_CONST) {
        return text;
    }
    return base_arena_printf(m->b->arena,
                             "select p.customer, %.*s as v from (%.*s) p"
                             " join %.*s z using (customer) where p.v is not null",
                             STR_ARG(day_begins(m, "z.zone", "p.v")), STR_ARG(text),
                             STR_ARG(zones_cte(m)));
}

// ---- comparisons with what moves with now ----

// Whether the value moves with every instant.
static bool is_sliding(const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[bare(plan, id)];
    bool is_reckoned = node->kind >= NODE_NEGATE && node->kind <= NODE_DIVIDE;
    if (node->kind == NODE_CALL) {
        if (node->function == CALL_DAYS_SINCE || node->function == CALL_DAYS_UNTIL) {
            return true;
        }
        is_reckoned = node->function == CALL_DAYS_BETWEEN ||
                      (node->function >= CALL_ABS && node->function <= CALL_IF);
    }
    for (int32_t i = 0; is_reckoned && i < node->arg_count; i++) {
        if (is_sliding(plan, node->args[i])) {
            return true;
        }
    }
    return node->kind == NODE_NOW;
}

// `now`, moved by exact lengths; false where it is something else.
static bool is_shifted_now(const Plan *plan, NodeId id, int64_t *ret_us) {
    const Node *node = &plan->nodes[bare(plan, id)];
    if (node->kind == NODE_NOW) {
        *ret_us = 0;
        return true;
    }
    if (node->type != VALUE_TIME || (node->kind != NODE_ADD && node->kind != NODE_SUBTRACT)) {
        return false;
    }
    bool is_swapped = plan->nodes[node->args[0]].type == VALUE_DURATION;
    const Node *length = &plan->nodes[node->args[is_swapped ? 0 : 1]];
    int64_t us;
    if (length->kind != NODE_CONST || length->value.is_null || length->value.duration.months != 0 ||
        llabs(length->value.duration.us) > SHIFT_US_MAX ||
        !is_shifted_now(plan, node->args[is_swapped ? 1 : 0], &us)) {
        return false;
    }
    *ret_us = us + (node->kind == NODE_SUBTRACT ? -1 : 1) * length->value.duration.us;
    return llabs(*ret_us) <= SHIFT_US_MAX;
}

// days_since(x) or days_until(x) beside a number.
static bool meet_days(Moments *m, const Node *sliding, const Node *other) {
    if (sliding->kind != NODE_CALL || other->kind != NODE_CONST || other->value.is_null ||
        (sliding->function != CALL_DAYS_SINCE && sliding->function != CALL_DAYS_UNTIL)) {
        return other->kind == NODE_CONST && other->value.is_null;
    }
    double days = other->type == VALUE_INTEGER   ? (double)other->value.integer
                  : other->type == VALUE_DECIMAL ? data_value_decimal_number(other->value.decimal)
                                                 : other->value.number;
    if (fabs(days) * (double)CALENDAR_US_PER_DAY > (double)SHIFT_US_MAX) {
        return false;
    }
    int64_t us = (int64_t)floor(days * (double)CALENDAR_US_PER_DAY);
    walk(m, sliding->args[0]);
    add_shifted(m, instants_of(m, sliding->args[0]),
                sliding->function == CALL_DAYS_SINCE ? us : -us, 3);
    return true;
}

// now ± length beside a time; now - x beside a length.
static bool meet_time(Moments *m, NodeId sliding_id, NodeId other_id) {
    const Plan *plan = m->b->plan;
    const Node *node = &plan->nodes[bare(plan, sliding_id)];
    const Node *other = &plan->nodes[other_id];
    int64_t us;
    if (is_shifted_now(plan, sliding_id, &us)) {
        add_shifted(m, instants_of(m, other_id), -us, 1);
        return true;
    }
    if (node->kind != NODE_SUBTRACT || node->type != VALUE_DURATION || other->kind != NODE_CONST ||
        other->value.is_null || other->value.duration.months != 0 ||
        llabs(other->value.duration.us) > SHIFT_US_MAX) {
        return false;
    }
    bool is_first = is_shifted_now(plan, node->args[0], &us);
    if (!is_first && !is_shifted_now(plan, node->args[1], &us)) {
        return false;
    }
    NodeId point = node->args[is_first ? 1 : 0];
    int64_t length_us = other->value.duration.us;
    if (is_sliding(plan, point)) {
        return false;
    }
    walk(m, point);
    add_shifted(m, instants_of(m, point), is_first ? length_us - us : -length_us - us, 1);
    return true;
}

static void walk_comparison(Moments *m, const Node *node) {
    const Plan *plan = m->b->plan;
    int32_t sliding = -1, count = 0;
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (is_sliding(plan, node->args[i])) {
            sliding = i;
            count++;
        } else {
            walk(m, node->args[i]);
        }
    }
    // `a in (…)` and `a between …` compare the first with each of the others.
    for (int32_t i = 0; count > 0 && i < node->arg_count; i++) {
        if (i == sliding || (sliding > 0 && i > 0)) {
            continue;
        }
        const Node *at = &plan->nodes[bare(plan, node->args[sliding])];
        bool is_fine = count == 1 && (meet_days(m, at, &plan->nodes[node->args[i]]) ||
                                      meet_time(m, node->args[sliding], node->args[i]));
        if (!is_fine) {
            fail(m, "a comparison of what moves with now");
            return;
        }
    }
}

// ---- the walk ----

static void walk_window(Moments *m, const Window *window) {
    switch (window->kind) {
    case WINDOW_LAST:
    case WINDOW_MORE_THAN:
        add_window_start(m, EVENTS, window->unit, window->n);
        break;
    case WINDOW_AGO:
        add_window_start(m, EVENTS, window->unit, window->n);
        add_window_start(m, EVENTS, window->to_unit, window->to_n);
        break;
    case WINDOW_LAST_FULL:
    case WINDOW_PERIOD:
        if (window->unit < UNIT_DAY) {
            fail(m, "a window of full hours, minutes or seconds");
        } else {
            add_days(m, 0);
        }
        break;
    default:
        break;
    }
    if (window->from != NODE_NONE) {
        walk(m, window->from);
    }
    if (window->to != NODE_NONE) {
        walk(m, window->to);
    }
}

static void walk_sequence(Moments *m, const Sequence *sequence) {
    walk_window(m, &sequence->window);
    for (int32_t i = sequence->step_count; i-- > 0 && sequence->steps[i].is_negated;) {
        if (sequence->steps[i].within_n > 0) {
            add_moved(m, EVENTS, sequence->steps[i].within_unit, sequence->steps[i].within_n);
        }
    }
}

static void walk_within(Moments *m, const Node *node) {
    NodeId point = node->args[0];
    CalendarUnit unit = node->within.unit;
    int64_t us = 0, n = node->within.is_next ? -node->within.amount : node->within.amount;
    walk(m, point);
    if (lang_sql_unit_is_exact(unit) && !exact_us(unit, n, &us)) {
        fail(m, "a length of centuries");
    } else if (m->b->plan->nodes[point].type == VALUE_DATE) {
        add_days(m, 0);
        if (us != 0) {
            add_days(m, us);
        }
    } else {
        Str points = instants_of(m, point);
        add_shifted(m, points, 0, 1);
        if (us != 0) {
            add_shifted(m, points, us, 1);
        } else if (node->within.is_next) {
            fail(m, "within next of months or years");
        } else {
            add_window_start(m, points, unit, n);
        }
    }
}

static void walk_completed(Moments *m, const Node *node) {
    const Value *length = &m->b->plan->nodes[node->args[1]].value;
    int64_t months = length->duration.months;
    walk(m, node->args[0]);
    Str points = instants_of(m, node->args[0]);
    if (months != 0) {
        add_moved(m, points, UNIT_MONTH, months);
    } else {
        add_moved(m, points, UNIT_SECOND, length->duration.us / CALENDAR_US_PER_SECOND);
    }
}

static void walk_args(Moments *m, const Node *node) {
    for (int32_t i = 0; i < node->arg_count; i++) {
        walk(m, node->args[i]);
    }
}

static void walk_call(Moments *m, const Node *node) {
    bool is_of_now = m->b->plan->nodes[node->args[0]].kind == NODE_NOW;
    switch (node->function) {
    case CALL_COMPLETED:
        walk_completed(m, node);
        break;
    case CALL_CALENDAR_DAYS_SINCE:
    case CALL_AGE:
    case CALL_ANNIVERSARY:
        add_days(m, 0);
        walk_args(m, node);
        break;
    case CALL_WEEKDAY:
    case CALL_DAY:
    case CALL_MONTH:
    case CALL_YEAR:
        if (is_of_now) {
            add_days(m, 0);
        } else {
            walk_args(m, node);
        }
        break;
    default:
        walk_args(m, node);
        break;
    }
}

static void walk_was(Moments *m, const Node *node) {
    int64_t us;
    if (!is_sliding(m->b->plan, node->args[0])) {
        walk(m, node->args[0]);
    } else if (is_shifted_now(m->b->plan, node->args[0], &us)) {
        add_shifted(m, EVENTS, -us, 0);
    } else {
        fail(m, "was() at an instant that is reckoned from now");
    }
}

// What a null depends on; a time that moves is null where the time it moves from is.
static void walk_is_null(Moments *m, NodeId id) {
    const Node *node = &m->b->plan->nodes[bare(m->b->plan, id)];
    if (node->kind == NODE_NOW || !is_sliding(m->b->plan, id)) {
        if (node->kind != NODE_NOW) {
            walk(m, id);
        }
        return;
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        walk_is_null(m, node->args[i]);
    }
}

static void walk_fit(Moments *m, const Fit *fit) {
    if (is_sliding(m->b->plan, fit->x)) {
        fail(m, "ntile, percentile or top of what moves with now");
        return;
    }
    walk(m, fit->x);
    if (fit->where != NODE_NONE && fit->kind == FIT_TOP) {
        walk(m, fit->where);
    }
}

static void walk(Moments *m, NodeId id) {
    const Plan *plan = m->b->plan;
    const Node *node = &plan->nodes[id];
    if (m->seen[id] || m->b->code != 0) {
        return;
    }
    m->seen[id] = true;
    switch (node->kind) {
    case NODE_NOW:
        fail(m, "now outside of a comparison");
        break;
    case NODE_COMPARE:
    case NODE_IN:
    case NODE_BETWEEN:
        walk_comparison(m, node);
        break;
    case NODE_IS_NULL:
        walk_is_null(m, node->args[0]);
        break;
    case NODE_HOLIDAY:
        if (plan->nodes[node->args[0]].kind == NODE_NOW) {
            add_days(m, 0);
        } else {
            walk(m, node->args[0]);
        }
        break;
    case NODE_WITHIN:
        walk_within(m, node);
        break;
    case NODE_CALL:
        if (is_sliding(plan, id)) {
            fail(m, "days_since or days_until outside of a comparison with a number");
        } else {
            walk_call(m, node);
        }
        break;
    case NODE_AGGREGATE:
        walk_window(m, &plan->aggregates[node->index].window);
        break;
    case NODE_SEQUENCE:
        walk_sequence(m, &plan->sequences[node->index]);
        break;
    case NODE_FIT:
        walk_fit(m, &plan->fits[node->index]);
        break;
    case NODE_WAS:
        walk_was(m, node);
        break;
    case NODE_CHANGED:
        walk_window(m, &plan->changes[node->index].window);
        break;
    default:
        walk_args(m, node);
        break;
    }
}

Str lang_sql_moments_cte(SqlBuilder *b, NodeId id, const Window *window, Str span) {
    Moments m = {.b = b, .window = window, .span = span};
    m.seen = base_arena_alloc_array(b->arena, (size_t)b->plan->node_count + 1, sizeof(bool));
    add_select(&m, STR("select customer, time_us as at_us from events"));
    walk(&m, id);
    Str name = lang_sql_name(b, "instants", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    base_text_printf(
        out,
        "  select distinct s.customer, t.at_us from %.*s s join (\n%.*s\n  ) t"
        " on t.customer = s.customer and t.at_us > s.after_us and t.at_us <= s.until_us",
        STR_ARG(span), STR_ARG(base_text_str(&m.selects)));
    lang_sql_cte_end(b);
    base_text_done(&m.selects);
    return name;
}
