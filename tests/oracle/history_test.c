// entered, exited and in … for against brute force: membership at every hour and a microsecond
// around it, where everything in the world happens on the hour. The evaluator goes from flip to
// flip, the SQL lists instants; both must find what is found by looking everywhere.
//
// KRETS_SEED=n repeats the run that printed it, KRETS_BATCHES=n says how many worlds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "engine/evaluate.h"
#include "lang/sql.h"
#include "oracle_random.h"

enum { BATCHES = 60, QUESTIONS = 4, GRID_DAYS = 45, EVENTS_MOST = 24 };

#define HOUR_US INT64_C(3600000000)
#define PROBE   STR("krets.probe")

typedef enum Column { AMOUNT, SHIPPED, PLAN, BIRTH, TIMEZONE, COLUMN_COUNT } Column;
static const WorldColumn columns[COLUMN_COUNT] = {[AMOUNT] = {STR("amount"), VALUE_DECIMAL},
                                                  [SHIPPED] = {STR("shipped_at"), VALUE_TIME},
                                                  [PLAN] = {STR("plan"), VALUE_TEXT},
                                                  [BIRTH] = {STR("birth"), VALUE_DATE},
                                                  [TIMEZONE] = {STR("timezone"), VALUE_TEXT}};
static CatalogProperty traits[] = {{STR("birth"), STR("birth"), VALUE_DATE},
                                   {STR("plan"), STR("plan"), VALUE_TEXT},
                                   {STR("timezone"), STR("timezone"), VALUE_TEXT}};
static CatalogProperty order[] = {{STR("amount"), STR("amount"), VALUE_DECIMAL},
                                  {STR("shipped_at"), STR("shipped_at"), VALUE_TIME}};
static CatalogEvent kinds[] = {{STR("identify"), traits, 3, false},
                               {PROBE, NULL, 0, false},
                               {STR("order"), order, 2, true},
                               {STR("visit"), NULL, 0, true}};
static const Catalog catalog = {.events = kinds, .event_count = 4};
static const char *const zones[] = {"UTC", "Europe/London", "America/New_York", "Asia/Tokyo",
                                    "America/Sao_Paulo"};

static Duck *duck;
static uint64_t seed = 20261124;
static size_t batch_count = BATCHES;

typedef struct Count {
    size_t cases, answers, trues, nulls, unlisted;
} Count;

// ---- worlds ----

static Value *no_values(Arena *arena) {
    Value *values = base_arena_alloc_array(arena, COLUMN_COUNT, sizeof *values);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        values[i] = data_value_null(columns[i].type);
    }
    return values;
}

static int64_t random_hour(Random *random, const World *world, size_t hours) {
    return world->now_us - (int64_t)random_below(random, hours) * HOUR_US;
}

static void make_event(Arena *arena, Random *random, const World *world, bool is_timeless,
                       WorldEvent *event) {
    static const char *const plans[] = {"free", "gold", "basic"};
    Value *values = no_values(arena);
    event->time_us = random_hour(random, world, (size_t)20 * 24);
    switch (random_below(random, 5)) {
    case 0:
        event->event = STR("identify");
        if (random_chance(random, 70)) {
            values[PLAN] = (Value){.type = VALUE_TEXT, .text = RANDOM_PICK(random, plans)};
        }
        if (random_chance(random, 30)) {
            values[TIMEZONE] = (Value){.type = VALUE_TEXT, .text = RANDOM_PICK(random, zones)};
        }
        if (random_chance(random, 40)) {
            int32_t years = 17 + (int32_t)random_below(random, 3);
            int32_t today = base_zone_day(world->model.zone, world->now_us);
            Date date = base_calendar_date(today - (int32_t)random_below(random, 30));
            date.year -= years;
            date.day = date.day > 28 ? 28 : date.day;
            values[BIRTH] = (Value){.type = VALUE_DATE, .date = base_calendar_day(date)};
        }
        event->time_us =
            is_timeless && random_chance(random, 60) ? CALENDAR_TIME_MIN : event->time_us;
        break;
    case 1:
        event->event = STR("visit");
        break;
    default:
        event->event = STR("order");
        values[AMOUNT] =
            (Value){.type = VALUE_DECIMAL, .decimal = (int64_t)random_below(random, 9) * 50000};
        if (random_chance(random, 60)) {
            values[SHIPPED] =
                (Value){.type = VALUE_TIME,
                        .time_us = event->time_us + (int64_t)random_below(random, 100) * HOUR_US};
        }
    }
    event->values = values;
}

static void make_world(Arena *arena, Random *random, bool is_timeless, World *world) {
    static const char *const ids[] = {"a", "b", "c"};
    static const char *const nows[] = {"2026-03-30T10:00", "2026-11-02T15:00", "2024-03-01T00:00",
                                       "2026-10-26T01:00", "2025-12-31T23:00", "2026-06-15T12:00",
                                       "2018-11-05T12:00"};
    int64_t now_us;
    bool has_offset;
    int32_t offset_s;
    *world = (World){.catalog = &catalog, .columns = columns, .column_count = COLUMN_COUNT};
    assert_true(
        base_calendar_parse_time(RANDOM_PICK(random, nows), &now_us, &has_offset, &offset_s));
    world->now_us = now_us;
    world->model.path = STR("krets.yaml");
    world->model.timezone = RANDOM_PICK(random, zones);
    world->model.zone = base_zone_find(world->model.timezone);
    assert_non_null(world->model.zone);
    WorldEvent *events = base_arena_alloc_array(arena, EVENTS_MOST, sizeof *events);
    world->event_count = 6 + random_below(random, EVENTS_MOST - 6);
    for (size_t i = 0; i < world->event_count; i++) {
        events[i] = (WorldEvent){.customer = base_str_from(ids[random_below(random, 3)]),
                                 .arrival = (int64_t)(i * 7919 % 1009)};
        make_event(arena, random, world, is_timeless, &events[i]);
        if (i > 0 && random_chance(random, 15) && events[i - 1].time_us != CALENDAR_TIME_MIN) {
            events[i].time_us = events[i - 1].time_us;
        }
    }
    world->events = events;
}

// ---- expressions ----

#define SAY(...) base_arena_printf(arena, __VA_ARGS__)

static Str length(Arena *arena, Random *random) {
    switch (random_below(random, 4)) {
    case 0:
        return SAY("%zu hours", 1 + random_below(random, 60));
    case 1:
        return SAY("1 month");
    default:
        return SAY("%zu days", 1 + random_below(random, 9));
    }
}

static Str exact_length(Arena *arena, Random *random) {
    return random_chance(random, 40) ? SAY("%zu hours", 1 + random_below(random, 60))
                                     : SAY("%zu days", 1 + random_below(random, 9));
}

static const char *const signs[] = {">", ">=", "<", "<=", "=", "!="};

static Str counted(Arena *arena, Random *random) {
    static const char *const periods[] = {
        "today",        "yesterday",         "this week",
        "this month",   "previous week",     "last 2 full days",
        "first 3 days", "since last(visit)", "more than 2 days ago"};
    static const char *const what[] = {"count(order", "count(any", "sum(order.amount",
                                       "count(order where amount > 10", "distinct(order.amount"};
    Str sign = RANDOM_PICK(random, signs), n = length(arena, random);
    Str window = random_chance(random, 50) ? SAY("last %.*s", STR_ARG(n))
                 : random_chance(random, 20)
                     ? SAY("from %zu days ago to %zu hours ago", 3 + random_below(random, 4),
                           1 + random_below(random, 70))
                     : RANDOM_PICK(random, periods);
    Str head = RANDOM_PICK(random, what);
    return SAY("%.*s %.*s) %.*s %zu", STR_ARG(head), STR_ARG(window), STR_ARG(sign),
               random_below(random, 4));
}

static Str slid(Arena *arena, Random *random) {
    static const char *const days[] = {"0.5", "1", "2", "3.25", "7"};
    static const char *const of[] = {
        "days_since(last(order))",          "recency",
        "days_since(first(visit))",         "days_until(max(order.shipped_at))",
        "calendar_days_since(last(order))", "age(birth)",
        "days_until(anniversary(birth))"};
    Str sign = RANDOM_PICK(random, signs), n = exact_length(arena, random);
    switch (random_below(random, 8)) {
    case 0:
        return SAY("last(order) within last %.*s", STR_ARG(n));
    case 1:
        return SAY("max(order.shipped_at) within next %.*s", STR_ARG(n));
    case 2:
        return SAY("now - last(order) %.*s %.*s", STR_ARG(sign), STR_ARG(n));
    case 3:
        return SAY("max(order.shipped_at) %.*s now - %.*s", STR_ARG(sign), STR_ARG(n));
    case 4:
        return SAY("days_since(last(order)) between 1 and 2.5");
    default: {
        Str x = RANDOM_PICK(random, of), k = RANDOM_PICK(random, days);
        return base_str_starts(x, STR("age"))
                   ? SAY("%.*s >= 18", STR_ARG(x))
                   : SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(sign), STR_ARG(k));
    }
    }
}

static Str other(Arena *arena, Random *random) {
    static const char *const plain[] = {"plan = 'gold'",
                                        "plan is null",
                                        "segment(base)",
                                        "weekday(now) in (1, 3)",
                                        "sequence(visit then order)",
                                        "ntile(count(order), 2) = 2",
                                        "top(sum(order.amount), 1)",
                                        "birth within last 6630 days",
                                        "bucket('x', 2) = 1",
                                        "days_since(last(order)) > gap(order)",
                                        "hour(now) >= 12",
                                        "mode(order.amount) = 10 or now > time '2026-03-29T12:00'"};
    Str n = exact_length(arena, random), m = length(arena, random);
    switch (random_below(random, 9)) {
    case 0:
        return SAY("was(plan, now - %.*s) = 'gold'", STR_ARG(n));
    case 1:
        return SAY("changed(plan last %.*s)", STR_ARG(m));
    case 2:
        return SAY("sequence(order then not visit within %.*s)", STR_ARG(m));
    case 3:
        return SAY("sequence(order then order within %.*s last %.*s)", STR_ARG(n), STR_ARG(m));
    case 4:
        return SAY("completed(first(order), %.*s)", STR_ARG(m));
    default:
        return RANDOM_PICK(random, plain);
    }
}

static Str condition(Arena *arena, Random *random) {
    size_t kind = random_below(random, 8);
    if (kind < 2) {
        Str x = condition(arena, random), y = condition(arena, random);
        return SAY("(%.*s %s %.*s)", STR_ARG(x), kind == 0 ? "and" : "or", STR_ARG(y));
    }
    if (kind == 2) {
        Str x = condition(arena, random);
        return SAY("not (%.*s)", STR_ARG(x));
    }
    return kind < 5   ? counted(arena, random)
           : kind < 7 ? slid(arena, random)
                      : other(arena, random);
}

// `is_before`: a probe at the time of the window's anchor must come before it, else after it.
static Str window(Arena *arena, Random *random, const World *world, bool is_timeless,
                  bool *ret_is_before) {
    static const char *const periods[] = {"today",         "yesterday",        "this week",
                                          "previous week", "last 3 full days", "first 4 days"};
    Str n = length(arena, random);
    *ret_is_before = true;
    switch (random_below(random, is_timeless ? 8 : 11)) {
    case 0: {
        Str day = base_calendar_format_date(
            arena, base_zone_day(world->model.zone, random_hour(random, world, 300)));
        return SAY("since date '%.*s'", STR_ARG(day));
    }
    case 1:
        return SAY("from %zu days ago to %zu days ago", 6 + random_below(random, 9),
                   random_below(random, 5));
    case 2:
        return SAY("since last(order)");
    case 3:
        return SAY("within %.*s after first(order)", STR_ARG(n));
    case 4:
        return RANDOM_PICK(random, periods);
    case 8:
        *ret_is_before = false;
        return SAY("before last(order)");
    case 9:
        *ret_is_before = false;
        return SAY("from first(order) to last(visit)");
    case 10:
        return SAY("more than %.*s ago", STR_ARG(n));
    default:
        return SAY("last %.*s", STR_ARG(n));
    }
}

// ---- brute force ----

// The customers' membership in the segment `target` at every sample: [customer * samples + i].
typedef struct Samples {
    const EventTable *table;
    int64_t *at_us;
    size_t count;
    bool *is_member;
} Samples;

static int take_member(void *context, unsigned thread, const Answer *answer) {
    Samples *samples = context;
    (void)thread;
    samples->is_member[answer->customer * samples->count + answer->now_index] = answer->segments[1];
    return 0;
}

static void sample(Arena *arena, const World *world, const Plan *plan, Samples *samples) {
    KretsError error;
    const FitSet *fits = NULL;
    samples->table = world_table(arena, world, plan);
    samples->count = 3 * ((size_t)GRID_DAYS * 24 + 1);
    samples->at_us = base_arena_alloc_array(arena, samples->count, sizeof(int64_t));
    samples->is_member =
        base_arena_alloc_array(arena, samples->count * samples->table->customer_count + 1, 1);
    for (size_t i = 0; i < samples->count; i++) {
        samples->at_us[i] = world->now_us - ((int64_t)GRID_DAYS * 24 - (int64_t)(i / 3)) * HOUR_US +
                            (int64_t)(i % 3) - 1;
    }
    samples->count--; // a microsecond after now
    assert_int_equal(world_fits(arena, world, plan, samples->table, &fits, &error), 0);
    EvaluateJob job = {.plan = plan,
                       .table = samples->table,
                       .fits = fits,
                       .nows_us = samples->at_us,
                       .now_count = samples->count,
                       .threads = 1,
                       .memory_bytes = (size_t)256 << 20,
                       .sink = take_member,
                       .context = samples};
    if (engine_evaluate(&job, &error) < 0) {
        fail_msg("%s", error.text);
    }
}

// Marks instants by events that count for nothing, so that windows can be asked about them.
static void add_probe(Arena *arena, World *marked, Str customer, int64_t at_us, bool is_before) {
    WorldEvent *events = (WorldEvent *)marked->events;
    events[marked->event_count++] = (WorldEvent){.customer = customer,
                                                 .event = PROBE,
                                                 .time_us = at_us,
                                                 .arrival = is_before ? -1 : 100000,
                                                 .values = no_values(arena)};
}

static World with_probes(Arena *arena, const World *world, const Samples *samples, HistoryKind kind,
                         bool is_before) {
    World marked = *world;
    WorldEvent *events = base_arena_alloc_array(
        arena, world->event_count + 2 * samples->count * samples->table->customer_count,
        sizeof *events);
    memcpy(events, world->events, world->event_count * sizeof *events);
    marked.events = events;
    for (size_t c = 0; c < samples->table->customer_count; c++) {
        const bool *is_member = samples->is_member + c * samples->count;
        Str customer = samples->table->customer_ids[c];
        for (size_t i = 0; i < samples->count; i++) {
            int64_t at_us = samples->at_us[i];
            bool is_change = i > 0 && is_member[i] != is_member[i - 1] &&
                             is_member[i] == (kind == HISTORY_ENTERED);
            // The window of `in … for` is open at its start: what is missing there shows behind.
            if (kind != HISTORY_STAYED ? is_change : !is_member[i] && at_us == world->now_us) {
                add_probe(arena, &marked, customer, at_us, is_before);
            }
            if (kind == HISTORY_STAYED && !is_member[i] && at_us < world->now_us) {
                add_probe(arena, &marked, customer, at_us + 1, is_before);
            }
        }
    }
    return marked;
}

// ---- one question ----

typedef struct Question {
    HistoryKind kind;
    bool is_before;
    Str expression, probe;
} Question;

static Question make_question(Arena *arena, Random *random, const World *world, bool is_timeless) {
    Question question = {.kind = (HistoryKind)random_below(random, 3)};
    if (question.kind == HISTORY_STAYED) {
        Str n = length(arena, random);
        question.expression = SAY("in(target) for %.*s", STR_ARG(n));
        question.probe = SAY("not did(\"krets.probe\" last %.*s)", STR_ARG(n));
    } else {
        Str when = window(arena, random, world, is_timeless, &question.is_before);
        question.expression =
            SAY("%s(target %.*s)", question.kind == HISTORY_ENTERED ? "entered" : "exited",
                STR_ARG(when));
        question.probe = SAY("did(\"krets.probe\" %.*s)", STR_ARG(when));
    }
    return question;
}

static Value answer_of(const WorldAnswers *answers, Str customer) {
    for (size_t i = 0; i < answers->customer_count; i++) {
        if (base_str_equal(answers->customers[i], customer)) {
            return answers->values[i * answers->question_count];
        }
    }
    return data_value_null(VALUE_TYPE_COUNT);
}

static void print_world(const World *world) {
    BASE_TEXT_SCOPED out = {0};
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_printf(&out, "zone %.*s, now %.*sZ\n", STR_ARG(world->model.timezone),
                     STR_ARG(base_calendar_format_local(arena, world->now_us)));
    for (size_t i = 0; i < world->event_count; i++) {
        const WorldEvent *event = &world->events[i];
        base_text_printf(
            &out, "  %.*s %.*s %.*sZ #%lld", STR_ARG(event->customer), STR_ARG(event->event),
            STR_ARG(base_calendar_format_local(arena, event->time_us)), (long long)event->arrival);
        for (size_t j = 0; j < world->column_count; j++) {
            if (!event->values[j].is_null) {
                base_text_printf(&out, " %.*s=", STR_ARG(world->columns[j].name));
                world_value_print(&out, event->values[j]);
            }
        }
        base_text_append(&out, STR("\n"));
    }
    fprintf(stderr, "%s", out.data);
}

// Whether each customer of the evaluator has the other's answer.
static bool is_same(const WorldAnswers *a, const WorldAnswers *b, const char *name, Text *out) {
    for (size_t i = 0; i < a->customer_count; i++) {
        Value x = a->values[i * a->question_count], y = answer_of(b, a->customers[i]);
        if (!world_value_equal(x, y, false)) {
            base_text_printf(out, "customer %.*s: the evaluator says ", STR_ARG(a->customers[i]));
            world_value_print(out, x);
            base_text_printf(out, ", %s ", name);
            world_value_print(out, y);
            base_text_append(out, STR("\n"));
            return false;
        }
    }
    return true;
}

static bool is_unlisted(const KretsError *error) {
    return strstr(error->text, "cannot be listed") != NULL;
}

static void ask(Arena *arena, const World *world, const Samples *samples, const Question *question,
                Text *out, Count *count) {
    KretsError error;
    const Plan *plan, *probes;
    WorldAnswers seen, looked, listed;
    World marked = with_probes(arena, world, samples, question->kind, question->is_before);
    if (world_compile(arena, world, &question->expression, 1, &plan, &error) < 0 ||
        world_compile(arena, &marked, &question->probe, 1, &probes, &error) < 0 ||
        world_evaluate(arena, world, plan, &seen, &error) < 0 ||
        world_evaluate(arena, &marked, probes, &looked, &error) < 0) {
        base_text_printf(out, "%s\n", error.text);
        return;
    }
    is_same(&seen, &looked, "brute force", out);
    int r = world_query(arena, world, plan, duck, &listed, &error);
    if (r < 0 && is_unlisted(&error)) {
        count->unlisted++;
    } else if (r < 0) {
        base_text_printf(out, "%s\n", error.text);
    } else {
        is_same(&seen, &listed, "the SQL", out);
    }
    count->cases++;
    for (size_t i = 0; i < seen.customer_count; i++) {
        Value value = seen.values[i * seen.question_count];
        count->answers++;
        count->trues += !value.is_null && value.boolean;
        count->nulls += value.is_null;
    }
}

static void run_batch(size_t batch, Count *count) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Random random = {.state = seed + batch * UINT64_C(0x632be59bd9b4e019)};
    World world;
    KretsError error;
    const Plan *plan;
    Samples samples = {0};
    bool is_timeless = random_chance(&random, 40);
    make_world(arena, &random, is_timeless, &world);
    static const MetricSource metrics[] = {
        {.name = STR("recency"), .expression = STR("days_since(last(order))")}};
    SegmentSource segments[] = {{.key = STR("base"), .expression = condition(arena, &random)},
                                {.key = STR("target"), .expression = condition(arena, &random)}};
    while (base_str_contains(segments[0].expression, STR("segment(base)"))) {
        segments[0].expression = condition(arena, &random);
    }
    world.model.metrics = metrics;
    world.model.metric_count = 1;
    world.model.segments = segments;
    world.model.segment_count = 2;
    if (world_compile(arena, &world, NULL, 0, &plan, &error) < 0 ||
        world_load(arena, &world, duck, &error) < 0) {
        fail_msg("KRETS_SEED=%llu, world %zu: %s", (unsigned long long)seed, batch, error.text);
    }
    sample(arena, &world, plan, &samples);
    for (int i = 0; i < QUESTIONS; i++) {
        BASE_TEXT_SCOPED text = {0};
        Question question = make_question(arena, &random, &world, is_timeless);
        ask(arena, &world, &samples, &question, &text, count);
        if (text.size_bytes > 0) {
            print_world(&world);
            fail_msg("KRETS_SEED=%llu, world %zu: %.*s\nbase: %.*s\ntarget: %.*s\n%s",
                     (unsigned long long)seed, batch, STR_ARG(question.expression),
                     STR_ARG(segments[0].expression), STR_ARG(segments[1].expression), text.data);
        }
    }
}

static void the_past_is_what_was_at_every_instant(void **state) {
    (void)state;
    Count count = {0};
    for (size_t batch = 0; batch < batch_count; batch++) {
        run_batch(batch, &count);
    }
    fprintf(stderr,
            "KRETS_SEED=%llu: %zu questions, %zu answers (%zu true, %zu null), %zu without SQL\n",
            (unsigned long long)seed, count.cases, count.answers, count.trues, count.nulls,
            count.unlisted);
    assert_true(count.trues > count.answers / 20 && count.nulls > 0);
    assert_true(count.unlisted < count.cases / 2);
}

static int set_up(void **state) {
    (void)state;
    KretsError error;
    const char *wanted = getenv("KRETS_SEED");
    const char *batches = getenv("KRETS_BATCHES");
    seed = wanted != NULL ? strtoull(wanted, NULL, 10) : seed;
    batch_count = batches != NULL ? strtoull(batches, NULL, 10) : batch_count;
    DuckOptions options = {.threads = 1, .memory_bytes = (size_t)1 << 30};
    return db_duck_open(&options, &duck, &error);
}

static int tear_down(void **state) {
    (void)state;
    db_duck_close(duck);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_past_is_what_was_at_every_instant),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
