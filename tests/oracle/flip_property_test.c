// Random conditions over random worlds: nothing may change before the next flip.
//
// Every condition is evaluated at the instants where something could happen (and a microsecond to
// both sides), at random ones, and at all changes that the flips found. KRETS_SEED=n repeats the
// run that printed it, KRETS_BATCHES=n says how many worlds, KRETS_FLIP_ONLY=n runs one of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "engine/evaluate.h"
#include "engine/flip.h"
#include "oracle_random.h"

enum {
    QUESTIONS = 24,
    GIVEN = 3,
    NEAR = 24,
    BATCHES = 140,
    TRIES_MOST = 400,
    INSTANTS_MOST = 700,
    REPORTS_MOST = 5
};

#define DAY CALENDAR_US_PER_DAY

static uint64_t seed = 20261025;
static size_t batch_count = BATCHES;
static char list_path[] = "/tmp/krets-flip-XXXXXX";

typedef struct Count {
    size_t worlds, cases, instants, changes, wakes, idle, refused, flickers, failures;
} Count;

// One customer at one now, all questions.
typedef struct Case {
    Arena *arena;
    const World *world;
    const Plan *plan;
    EventTable table; // of the one customer
    const FitSet *fits;
    Flips *flips;
    int64_t now_us, end_us;
    int64_t *instants_us; // ascending
    size_t instant_count;
    bool *truths; // [instant * segment_count + segment]
    int64_t flips_us[QUESTIONS + GIVEN];
    const FlipChange *changes[QUESTIONS + GIVEN];
    size_t change_counts[QUESTIONS + GIVEN];
} Case;

// ---- questions that move ----

#define SAY(...)    base_arena_printf(arena, __VA_ARGS__)
#define PICK(texts) RANDOM_PICK(random, texts)

static const char *const OPS[] = {">", ">=", "<", "<=", "=", "!="};

static Str length(Arena *arena, Random *random) {
    static const char *const units[] = {"second", "minute", "hour",    "day",
                                        "week",   "month",  "quarter", "year"};
    static const unsigned most[] = {9000, 4000, 100, 400, 60, 26, 8, 3};
    size_t unit = random_below(random, 8);
    return SAY("%zu %ss", 2 + random_below(random, most[unit]), units[unit]);
}

static Str moving_window(Arena *arena, Random *random) {
    static const char *const periods[] = {
        "today",        "yesterday",        "this week",          "previous month",
        "this quarter", "last 3 full days", "last 2 full months", "last 30 full hours",
        "this year",    "last 5 full weeks"};
    Str n = length(arena, random);
    switch (random_below(random, 6)) {
    case 0:
        return PICK(periods);
    case 1:
        return SAY("more than %.*s ago", STR_ARG(n));
    case 2: {
        size_t days = random_below(random, 90);
        return SAY("from %zu days ago to %zu days ago", days + 1 + random_below(random, 90), days);
    }
    default:
        return SAY("last %.*s", STR_ARG(n));
    }
}

static Str moving_number(Arena *arena, Random *random) {
    static const char *const counts[] = {"count", "days", "weeks", "months"};
    static const char *const sums[] = {"sum", "avg", "min", "max", "last", "first", "mode"};
    static const char *const events[] = {"order", "any", "mail", "(mail or refund)"};
    static const char *const since[] = {"days_since", "days_until", "calendar_days_since"};
    static const char *const times[] = {"last(order)",   "first(any)",    "joined", "nth(any, -2)",
                                        "max(order.at)", "now - 3 weeks", "birth"};
    static const char *const parts[] = {"weekday", "day", "month", "year", "hour"};
    Str window = moving_window(arena, random), event = PICK(events), name;
    switch (random_below(random, 10)) {
    case 0:
    case 1:
        name = PICK(counts);
        return SAY("%.*s(%.*s %.*s)", STR_ARG(name), STR_ARG(event), STR_ARG(window));
    case 2:
        name = PICK(sums);
        return SAY("%.*s(order.%s %.*s)", STR_ARG(name),
                   random_chance(random, 50) ? "qty" : "price", STR_ARG(window));
    case 3:
        return SAY("distinct(order.label %.*s)", STR_ARG(window));
    case 4:
        return SAY("age(%s)", random_chance(random, 60) ? "birth" : "joined");
    case 5:
        name = PICK(parts);
        return SAY("%.*s(now)", STR_ARG(name));
    case 6: {
        Str n = length(arena, random);
        name = PICK(since);
        return SAY("%.*s(last(%.*s) + %.*s)", STR_ARG(name), STR_ARG(event), STR_ARG(n));
    }
    case 7:
        return SAY("nth(order.qty, -2 %.*s)", STR_ARG(window));
    default: {
        Str time = PICK(times);
        name = PICK(since);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(time));
    }
    }
}

// Numbers compared with what they are soon for some customer, so that something happens.
typedef struct Near {
    Str items[NEAR];
    size_t count;
} Near;

static void find_near(Arena *arena, Random *random, const World *world, Near *ret_near) {
    Str numbers[NEAR];
    const Plan *plan;
    KretsError error;
    WorldAnswers answers;
    World later = *world;
    later.now_us += (int64_t)random_below(random, random_chance(random, 50) ? 3 * DAY : 60 * DAY);
    *ret_near = (Near){0};
    for (size_t i = 0; i < NEAR; i++) {
        Str x = moving_number(arena, random), y = moving_number(arena, random);
        static const char *const signs[] = {"+", "-", "*", "/"};
        Str sign = PICK(signs);
        numbers[i] = random_chance(random, 50)
                         ? x
                         : SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(sign), STR_ARG(y));
        if (world_compile(arena, world, &numbers[i], 1, &plan, &error) < 0) {
            numbers[i] = STR("hour(now)");
        }
    }
    if (world_compile(arena, &later, numbers, NEAR, &plan, &error) < 0 ||
        world_evaluate(arena, &later, plan, &answers, &error) < 0) {
        fail_msg("%s", error.text);
    }
    for (size_t i = 0; i < NEAR && answers.customer_count > 0; i++) {
        size_t customer = random_below(random, answers.customer_count);
        Value value = answers.values[customer * answers.question_count + i];
        if (!value.is_null && value.type != VALUE_NUMBER) {
            value = (Value){.type = VALUE_NUMBER,
                            .number = value.type == VALUE_INTEGER
                                          ? (double)value.integer
                                          : data_value_decimal_number(value.decimal)};
        }
        if (!value.is_null && value.number > -1e12 && value.number < 1e12) {
            Str op = PICK(OPS);
            ret_near->items[ret_near->count++] =
                SAY("%.*s %.*s %.*f", STR_ARG(numbers[i]), STR_ARG(op),
                    random_chance(random, 50) ? 0 : 4, value.number);
        }
    }
}

static Str moving_condition(Arena *arena, Random *random, const Near *near) {
    static const char *const signs[] = {"+", "-", "*", "/"};
    static const char *const times[] = {"last(order)", "first(any)",         "joined",
                                        "birth",       "anniversary(birth)", "last(any)"};
    Str op = PICK(OPS), x = moving_number(arena, random), y = moving_number(arena, random);
    Str n = length(arena, random), time = PICK(times), sign = PICK(signs);
    unsigned k = (unsigned)random_below(random, random_chance(random, 50) ? 5 : 400);
    if (near->count > 0 && random_chance(random, 40)) {
        return near->items[random_below(random, near->count)];
    }
    switch (random_below(random, 16)) {
    case 0:
        return SAY("%.*s %.*s %.*s %.*s %u", STR_ARG(x), STR_ARG(sign), STR_ARG(y), STR_ARG(op), k);
    case 1:
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    case 2:
        return SAY("%.*s between %u and %u", STR_ARG(x), k, k + (unsigned)random_below(random, 9));
    case 3:
        return SAY("%.*s in (%u, %u, 3)", STR_ARG(x), k, k / 2);
    case 4:
        return SAY("%.*s within %s %.*s", STR_ARG(time),
                   random_chance(random, 50) ? "last" : "next", STR_ARG(n));
    case 5:
        return SAY("%.*s %.*s now %s %.*s", STR_ARG(time), STR_ARG(op),
                   random_chance(random, 50) ? "-" : "+", STR_ARG(n));
    case 6: {
        Str within = length(arena, random), window = moving_window(arena, random);
        return SAY("sequence(any then not order within %.*s %.*s)", STR_ARG(within),
                   STR_ARG(window));
    }
    case 7:
        return SAY("completed(%.*s, %.*s)", STR_ARG(time), STR_ARG(n));
    case 8:
        return SAY("coalesce(%.*s, 7) %.*s %u", STR_ARG(x), STR_ARG(op), k);
    case 9:
        return SAY("now within %u days %s holiday('%s')", 1 + k % 60,
                   random_chance(random, 50) ? "before" : "after",
                   random_chance(random, 50) ? "Christmas Day" : "Good Friday");
    case 10:
        return SAY("was(city, now - %.*s) = 'new'", STR_ARG(n));
    case 11: {
        Str window = moving_window(arena, random);
        return SAY("changed(city %.*s)", STR_ARG(window));
    }
    case 12: {
        Str window = moving_window(arena, random);
        return SAY("%s(%s %.*s)", random_chance(random, 50) ? "entered" : "exited",
                   random_chance(random, 50) ? "regulars" : "active", STR_ARG(window));
    }
    case 13:
        return SAY("in(active) for %.*s", STR_ARG(n));
    default:
        return SAY("%.*s %.*s %u", STR_ARG(x), STR_ARG(op), k);
    }
}

static Str question(Arena *arena, Random *random, const World *world, const Near *near) {
    if (random_chance(random, 35)) {
        return random_expression(arena, random, world);
    }
    Str x = moving_condition(arena, random, near);
    switch (random_below(random, 6)) {
    case 0: {
        Str y = moving_condition(arena, random, near);
        return SAY("(%.*s) %s (%.*s)", STR_ARG(x), random_chance(random, 50) ? "and" : "or",
                   STR_ARG(y));
    }
    case 1:
        return SAY("not (%.*s)", STR_ARG(x));
    case 2: {
        Str y = moving_number(arena, random), z = moving_number(arena, random);
        return SAY("if(%.*s, %.*s, %.*s) > %zu", STR_ARG(x), STR_ARG(y), STR_ARG(z),
                   random_below(random, 40));
    }
    default:
        return x;
    }
}

// A segment for each question that compiles to a condition.
static size_t write_questions(Arena *arena, Random *random, World *world, SegmentSource *segments,
                              Count *count) {
    size_t base = world->model.segment_count, made = 0;
    Near near;
    find_near(arena, random, world, &near);
    for (size_t tries = 0; tries < TRIES_MOST && made < QUESTIONS; tries++) {
        const Plan *plan;
        KretsError error;
        Str text = question(arena, random, world, &near);
        segments[base + made] = (SegmentSource){.key = SAY("s%zu", made), .expression = text};
        world->model.segment_count = base + made + 1;
        if (world_compile(arena, world, NULL, 0, &plan, &error) == 0) {
            made++;
        } else {
            count->refused++;
            if (getenv("KRETS_ORACLE_REFUSED") != NULL) {
                fprintf(stderr, "refused: %.*s\n   %s\n", STR_ARG(text), error.text);
            }
        }
    }
    world->model.segment_count = base + made;
    return made;
}

// ---- instants at which something could happen ----

static void add_instant(Case *test, int64_t time_us) {
    if (time_us == FLIP_NEVER) {
        return;
    }
    for (int64_t d = -1; d <= 1; d++) {
        if (time_us + d > test->now_us && time_us + d <= test->end_us &&
            test->instant_count < INSTANTS_MOST) {
            test->instants_us[test->instant_count++] = time_us + d;
        }
    }
}

static void add_window(Case *test, const Zone *zone, int64_t time_us, const Window *window) {
    add_instant(test, base_zone_add(zone, time_us, window->unit, window->n));
    add_instant(test, base_zone_add(zone, time_us, window->to_unit, window->to_n));
}

// Of one event: when it comes, and when some window of the plan may lose it.
static void add_event(Case *test, Random *random, const Zone *zone, int64_t time_us) {
    const Plan *plan = test->plan;
    if (time_us == CALENDAR_TIME_MIN) {
        return;
    }
    add_instant(test, time_us);
    for (int i = 0; i < 4 && plan->aggregate_count > 0; i++) {
        size_t index = random_below(random, (size_t)plan->aggregate_count);
        add_window(test, zone, time_us, &plan->aggregates[index].window);
    }
    for (int i = 0; i < 3 && plan->sequence_count > 0; i++) {
        const Sequence *sequence =
            &plan->sequences[random_below(random, (size_t)plan->sequence_count)];
        const SequenceStep *step =
            &sequence->steps[random_below(random, (size_t)sequence->step_count)];
        add_window(test, zone, time_us, &sequence->window);
        add_instant(test, base_zone_add(zone, time_us, step->within_unit, step->within_n));
    }
    for (int i = 0; i < 4; i++) { // days_since reaches a constant
        const Node *node = &plan->nodes[random_below(random, (size_t)plan->node_count)];
        if (node->kind == NODE_CONST && node->type == VALUE_INTEGER && !node->value.is_null &&
            node->value.integer > 0 && node->value.integer < 1000) {
            add_instant(test, time_us + node->value.integer * DAY);
        }
    }
}

static int compare_instants(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void find_instants(Case *test, Random *random) {
    static const char *const zones[] = {"UTC", "Europe/London", "Australia/Lord_Howe",
                                        "America/Sao_Paulo", "Pacific/Apia"};
    const EventTable *table = &test->table;
    const Zone *zone = random_chance(random, 60) ? test->world->model.zone
                                                 : base_zone_find(RANDOM_PICK(random, zones));
    int64_t span_us = test->end_us - test->now_us;
    for (uint64_t row = table->first_row[0]; row < table->first_row[1]; row++) {
        add_event(test, random, zone, table->time_us[row]);
    }
    int64_t change_us = base_zone_next_change(zone, test->now_us);
    for (int i = 0; i < 4 && change_us < test->end_us; i++) {
        for (int64_t half = -2; half <= 2; half++) {
            add_instant(test, change_us + half * (DAY / 48));
        }
        change_us = base_zone_next_change(zone, change_us);
    }
    int32_t today = base_zone_day(zone, test->now_us);
    int32_t days = (int32_t)(span_us / DAY) + 1;
    for (int i = 0; i < 12; i++) {
        int32_t day = today + 1 + (int32_t)random_below(random, (size_t)(i < 4 ? 3 : days));
        add_instant(test, base_zone_midnight(zone, day) +
                              (int64_t)random_below(random, i < 8 ? 1 : 25) * (DAY / 24));
        add_instant(test, base_zone_period(zone, test->now_us, UNIT_MONTH, 1 + i));
    }
    for (int i = 0; i < 60; i++) { // near and far alike
        int64_t reach_us = span_us >> random_below(random, 40);
        add_instant(test, test->now_us + 1 + (int64_t)random_below(random, (size_t)reach_us + 1));
    }
}

// ---- evaluating ----

static int take_answer(void *context, unsigned thread, const Answer *answer) {
    (void)thread;
    Case *test = context;
    size_t segment_count = (size_t)test->plan->segment_count;
    memcpy(test->truths + answer->now_index * segment_count, answer->segments,
           segment_count * sizeof(bool));
    return 0;
}

// The truth of every segment at every instant; outside the population all are false.
static void evaluate(Case *test) {
    KretsError error = {0};
    test->truths = base_arena_alloc_array(
        test->arena, (test->instant_count + 1) * (size_t)test->plan->segment_count, sizeof(bool));
    EvaluateJob job = {.plan = test->plan,
                       .table = &test->table,
                       .fits = test->fits,
                       .nows_us = test->instants_us,
                       .now_count = test->instant_count,
                       .threads = 1,
                       .memory_bytes = (size_t)256 << 20,
                       .sink = take_answer,
                       .context = test};
    if (engine_evaluate(&job, &error) < 0) {
        fail_msg("%s", error.text);
    }
}

static void show_time(Text *out, int64_t time_us) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    if (time_us >= CALENDAR_TIME_MAX) {
        base_text_append(out, STR("never"));
    } else {
        Str text = base_calendar_format_local(arena, time_us);
        base_text_printf(out, "%.*sZ", STR_ARG(text));
    }
}

static void report(const Case *test, size_t batch, int32_t segment, const char *what,
                   int64_t at_us) {
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "KRETS_SEED=%llu KRETS_FLIP_ONLY=%zu: %s at ", (unsigned long long)seed,
                     batch, what);
    show_time(&text, at_us);
    base_text_append(&text, STR("\n  now "));
    show_time(&text, test->now_us);
    base_text_append(&text, STR(", flip "));
    show_time(&text, test->flips_us[segment]);
    base_text_printf(&text, ", zone %.*s, customer %.*s\n  ", STR_ARG(test->world->model.timezone),
                     STR_ARG(test->table.customer_ids[0]));
    lang_canonical_node(&text, test->plan, test->plan->segments[segment].node);
    base_text_append(&text, STR("\n  events"));
    for (uint64_t row = test->table.first_row[0]; row < test->table.first_row[1]; row++) {
        uint16_t event = test->table.event[row];
        base_text_append(&text, STR(" "));
        show_time(&text, test->table.time_us[row]);
        if (event != TABLE_EVENT_UNKNOWN) {
            base_text_printf(&text, " %.*s", STR_ARG(test->plan->events[event].name));
        }
    }
    fprintf(stderr, "%s\n", text.data);
}

// ---- one case ----

static void find_flips(Case *test, Count *count) {
    KretsError error = {0};
    for (int32_t i = 0; i < test->plan->segment_count; i++) {
        if (engine_flip_next(test->flips, 0, test->now_us, &i, 1, &test->flips_us[i], &error) < 0 ||
            engine_flip_changes(test->flips, test->arena, 0, i, test->now_us, test->end_us,
                                &test->changes[i], &test->change_counts[i], &error) < 0) {
            fail_msg("%s", error.text);
        }
        add_instant(test, test->flips_us[i]);
        size_t step = test->change_counts[i] / 8 + 1;
        for (size_t c = 0; c < test->change_counts[i]; c += step) {
            add_instant(test, test->changes[i][c].at_us);
        }
        count->changes += test->change_counts[i];
    }
}

// Whether the segment goes to and fro with every few microseconds: two values that keep their
// distance, told apart by rounding only. That is noticed once a minute.
static bool is_flicker(const Case *test, int32_t segment, int64_t at_us) {
    enum { AROUND = 200 };
    Case close = *test;
    int64_t instants_us[2 * AROUND + 1];
    int turns = 0;
    for (int i = 0; i <= 2 * AROUND; i++) {
        instants_us[i] = at_us - AROUND + i;
    }
    close.instants_us = instants_us;
    close.instant_count = 2 * AROUND + 1;
    evaluate(&close);
    for (size_t i = 1; i < close.instant_count; i++) {
        size_t place = i * (size_t)test->plan->segment_count + (size_t)segment;
        turns += close.truths[place] != close.truths[place - (size_t)test->plan->segment_count];
    }
    return turns > 4;
}

// Whether what the flips say about one segment holds at every instant.
static bool check_segment(const Case *test, size_t batch, int32_t segment, Count *count) {
    size_t segment_count = (size_t)test->plan->segment_count, next = 0;
    bool start = test->truths[segment], expected = start, is_idle = true;
    int64_t flip_us = test->flips_us[segment];
    for (size_t i = 0; i < test->instant_count; i++) {
        int64_t at_us = test->instants_us[i];
        bool truth = test->truths[i * segment_count + (size_t)segment];
        for (; next < test->change_counts[segment] && test->changes[segment][next].at_us <= at_us;
             next++) {
            expected = test->changes[segment][next].is_entry;
        }
        if (truth != expected && is_flicker(test, segment, at_us)) {
            count->flickers++;
            return true;
        }
        if (at_us < flip_us && truth != start) {
            report(test, batch, segment, "late", at_us);
            return false;
        }
        if (truth != expected) {
            report(test, batch, segment, "a change unseen or not there", at_us);
            return false;
        }
        is_idle = is_idle && (at_us != flip_us || truth == start);
    }
    if (flip_us <= test->end_us) {
        count->wakes++;
        count->idle += is_idle;
        if (is_idle && getenv("KRETS_FLIP_EARLY") != NULL) {
            report(test, batch, segment, "early", flip_us);
        }
    }
    return true;
}

static void run_case(Case *test, Random *random, size_t batch, Count *count) {
    KretsError error = {0};
    test->instants_us =
        base_arena_alloc_array(test->arena, INSTANTS_MOST + 1, sizeof *test->instants_us);
    test->instants_us[test->instant_count++] = test->now_us;
    if (engine_flips_new(test->plan, &test->table, test->fits, (size_t)64 << 20, &test->flips,
                         &error) < 0) {
        fail_msg("%s", error.text);
    }
    find_flips(test, count);
    find_instants(test, random);
    qsort(test->instants_us, test->instant_count, sizeof *test->instants_us, compare_instants);
    evaluate(test);
    for (int32_t i = 0; i < test->plan->segment_count; i++) {
        count->failures += !check_segment(test, batch, i, count);
    }
    count->cases += (size_t)test->plan->segment_count;
    count->instants += test->instant_count * (size_t)test->plan->segment_count;
    engine_flips_free(test->flips);
}

static void run_batch(size_t batch, Count *count) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Random random = {.state = seed + batch * UINT64_C(0x632be59bd9b4e019)};
    World world;
    KretsError error = {0};
    const Plan *plan;
    const FitSet *fits = NULL;
    random_world(arena, &random, &world);
    static const MetricSource metrics[] = {
        {.name = STR("spending"), .expression = STR("sum(order.amount)")}};
    SegmentSource segments[QUESTIONS + GIVEN] = {
        {.key = STR("regulars"), .expression = STR("count(order) >= 3 or spending > 100")},
        {.key = STR("listed"), .list = base_str_from(list_path)},
        {.key = STR("active"), .expression = STR("count(any last 20 days) >= 2")}};
    world.model.metrics = metrics;
    world.model.metric_count = 1;
    world.model.segments = segments;
    world.model.segment_count = GIVEN;
    (void)write_questions(arena, &random, &world, segments, count);
    if (world_compile(arena, &world, NULL, 0, &plan, &error) < 0) {
        fail_msg("KRETS_SEED=%llu, world %zu: %s", (unsigned long long)seed, batch, error.text);
    }
    const EventTable *table = world_table(arena, &world, plan);
    if (world_fits(arena, &world, plan, table, &fits, &error) < 0) {
        fail_msg("%s", error.text);
    }
    for (size_t customer = 0; customer < table->customer_count; customer++) {
        static const int64_t spans[] = {2, 10, 40, 40, 400};
        Case *test = base_arena_alloc(arena, sizeof *test);
        *test = (Case){.arena = arena,
                       .world = &world,
                       .plan = plan,
                       .table = *table,
                       .fits = fits,
                       .now_us = world.now_us};
        test->table.customer_count = 1;
        test->table.customer_ids = &table->customer_ids[customer];
        test->table.first_row = &table->first_row[customer];
        if (random_chance(&random, 30)) { // amidst the history, or before it
            test->now_us -= (int64_t)random_below(&random, (size_t)(600 * DAY));
        }
        test->end_us = test->now_us + spans[random_below(&random, 5)] * DAY;
        run_case(test, &random, batch, count);
    }
    count->worlds++;
}

static void nothing_changes_before_the_flip(void **state) {
    (void)state;
    Count count = {0};
    const char *only = getenv("KRETS_FLIP_ONLY");
    for (size_t batch = 0; batch < batch_count && count.failures < REPORTS_MOST; batch++) {
        if (only == NULL || strtoull(only, NULL, 10) == batch) {
            run_batch(batch, &count);
        }
    }
    fprintf(stderr,
            "KRETS_SEED=%llu: %zu worlds, %zu cases, %zu answers, %zu changes, %zu flips of which "
            "%zu early, %zu refused, %zu told apart by rounding only\n",
            (unsigned long long)seed, count.worlds, count.cases, count.instants, count.changes,
            count.wakes, count.idle, count.refused, count.flickers);
    assert_int_equal(count.failures, 0);
    assert_true(count.changes > count.cases / 10);
    assert_true(count.flickers < count.cases / 200 + 8);
}

static int set_up(void **state) {
    (void)state;
    const char *wanted = getenv("KRETS_SEED"), *batches = getenv("KRETS_BATCHES");
    seed = wanted != NULL ? strtoull(wanted, NULL, 10) : seed;
    batch_count = batches != NULL ? strtoull(batches, NULL, 10) : batch_count;
    int file = mkstemp(list_path);
    static const char ids[] = "B\n17850\n";
    if (file < 0 || write(file, ids, sizeof ids - 1) != (ssize_t)sizeof ids - 1) {
        return -1;
    }
    close(file);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(list_path);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_changes_before_the_flip)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
