#include "app/outlook.h"

#include <assert.h>

#include "lang/words.h"

// ---- what would prevent a change ----

enum { OUTLOOK_EVENT_MAX = 3 }; // more event types than this are no simple sentence

// The event types behind the conditions that change between two instants.
typedef struct Causes {
    const Plan *plan;
    const Value *now, *then; // values of the nodes
    int32_t events[OUTLOOK_EVENT_MAX];
    int32_t event_count;
    bool is_simple; // nothing else takes part
} Causes;

static bool holds(Value value) {
    return !value.is_null && value.type == VALUE_BOOLEAN && value.boolean;
}

static void add_events(Causes *causes, const EventSet *set) {
    causes->is_simple &= !set->is_any;
    for (int32_t i = 0; causes->is_simple && i < set->count; i++) {
        int32_t at = 0; // sets of events are sorted
        while (at < causes->event_count && causes->events[at] < set->events[i])
            at++;
        if (at < causes->event_count && causes->events[at] == set->events[i])
            continue;
        causes->is_simple = causes->event_count < OUTLOOK_EVENT_MAX;
        if (!causes->is_simple)
            return;
        for (int32_t k = causes->event_count++; k > at; k--)
            causes->events[k] = causes->events[k - 1];
        causes->events[at] = set->events[i];
    }
}

// Every event type that a value depends on; not simple where it depends on more than events.
static void add_value(Causes *causes, NodeId id) {
    if (id == NODE_NONE || !causes->is_simple)
        return;
    const Node *node = &causes->plan->nodes[id];
    switch (node->kind) {
    case NODE_TRAIT:
    case NODE_SEQUENCE:
    case NODE_FIT:
    case NODE_WAS:
    case NODE_CHANGED:
    case NODE_HISTORY:
    case NODE_LIST:
        causes->is_simple = false;
        return;
    case NODE_AGGREGATE: {
        const Aggregate *aggregate = &causes->plan->aggregates[node->index];
        add_events(causes, &aggregate->events);
        add_value(causes, aggregate->window.from);
        add_value(causes, aggregate->window.to);
        return;
    }
    default:
        for (int32_t i = 0; i < node->arg_count; i++)
            add_value(causes, node->args[i]);
    }
}

// Down to the conditions that hold at one instant and not at the other.
static void add_condition(Causes *causes, NodeId id) {
    const Node *node = &causes->plan->nodes[id];
    if (holds(causes->now[id]) == holds(causes->then[id]))
        return;
    switch (node->kind) {
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_METRIC:
    case NODE_SEGMENT:
        for (int32_t i = 0; i < node->arg_count; i++)
            add_condition(causes, node->args[i]);
        return;
    default:
        add_value(causes, id);
    }
}

static bool has_event_until(const OutlookJob *job, int64_t until_us) {
    const EventTable *table = job->table;
    uint64_t end = table->first_row[job->customer + 1];
    for (uint64_t row = table->first_row[job->customer]; row < end; row++)
        if (table->time_us[row] > job->now_us && table->time_us[row] <= until_us)
            return true;
    return false;
}

// "another order comes", or "something happens" where that is not all there is to it.
static int append_unless(Text *out, const OutlookJob *job, int32_t segment, int64_t until_us,
                         KretsError *error) {
    if (has_event_until(job, until_us)) {
        base_text_append(out, STR("something else happens"));
        return 0;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(job->project->options.memory_bytes / 10);
    const Plan *plan = job->project->plan;
    const Trace *then = NULL;
    int r = engine_trace(arena, plan, job->table, job->customer, job->fits, until_us, &then, error);
    if (r < 0)
        return r;
    Causes causes = {
        .plan = plan, .now = job->trace->nodes, .then = then->nodes, .is_simple = true};
    add_condition(&causes, plan->segments[segment].node);
    if (!causes.is_simple || causes.event_count == 0) {
        base_text_append(out, STR("something happens"));
        return 0;
    }
    lang_words_another(out, plan, (EventSet){.events = causes.events, .count = causes.event_count});
    return 0;
}

// ---- the sentence ----

// "3 March 2026 09:12" in the customer's zone; without the year where that is now's.
static void append_instant(Text *out, const OutlookJob *job, int64_t time_us, bool is_with_year) {
    const Zone *zone = job->trace->zone;
    int32_t day = base_zone_day(zone, time_us);
    Value date = {.type = VALUE_DATE, .date = day};
    lang_words_value(out, job->project->plan, NODE_NONE, date);
    int32_t year = base_calendar_date(day).year;
    if (!is_with_year && year >= 1000 &&
        year == base_calendar_date(base_zone_day(zone, job->now_us)).year) {
        assert(out->size_bytes > sizeof " 2026" - 1);
        out->size_bytes -= sizeof " 2026" - 1;
    }
    int64_t of_day = base_zone_local(zone, time_us) - (int64_t)day * CALENDAR_US_PER_DAY;
    int minute = (int)(of_day / CALENDAR_US_PER_SECOND / 60);
    base_text_printf(out, " %02d:%02d", minute / 60, minute % 60);
}

static void append_since(Text *out, const OutlookJob *job, const FlipSpan *span) {
    if (span->since_us <= CALENDAR_TIME_MIN) {
        base_text_append(out, span->is_member ? STR("in from the beginning") : STR("never in yet"));
        return;
    }
    base_text_append(out, span->is_member ? STR("in since ") : STR("not in since "));
    append_instant(out, job, span->since_us, true);
}

static int append_until(Text *out, const OutlookJob *job, int32_t segment, const FlipSpan *span,
                        bool is_brief, KretsError *error) {
    bool is_member = span->is_member;
    if (span->until_us == FLIP_NEVER) {
        base_text_append(out, is_member ? STR("; stays in unless something happens")
                                        : STR("; enters only if something happens"));
        return 0;
    }
    base_text_append(out, is_member ? STR("; leaves on ") : STR("; would enter on "));
    append_instant(out, job, span->until_us, false);
    if (!is_member)
        base_text_append(out, STR(" if nothing happens"));
    if (is_brief || !is_member)
        return 0;
    base_text_append(out, STR(" unless "));
    return append_unless(out, job, segment, span->until_us, error);
}

int app_outlook(const OutlookJob *job, int32_t segment, bool is_brief, Outlook *ret_outlook,
                KretsError *error) {
    Outlook outlook = {0};
    int r = engine_flip_span(job->flips, job->customer, segment, job->now_us, &outlook.span, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED words = {0};
    append_since(&words, job, &outlook.span);
    r = append_until(&words, job, segment, &outlook.span, is_brief, error);
    if (r < 0)
        return r;
    if (job->trace->zone != job->project->model->zone)
        base_text_printf(&words, " (%.*s)", STR_ARG(base_zone_name(job->trace->zone)));
    outlook.words = base_arena_str(job->project->arena, base_text_str(&words));
    *ret_outlook = outlook;
    return 0;
}
