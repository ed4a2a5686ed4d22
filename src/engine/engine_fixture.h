// Test data for the evaluator: events written as lines, a model of one expression at a time.
#ifndef KRETS_ENGINE_ENGINE_FIXTURE_H
#define KRETS_ENGINE_ENGINE_FIXTURE_H

#include "engine/evaluate.h"
#include "lang/model.h"

// A property of the catalog: "order.amount" decimal. Types by their names in the language.
typedef struct FixtureProperty {
    const char *event, *name, *type;
} FixtureProperty;

typedef struct FixtureRow {
    Str customer, event;
    int64_t time_us;
    size_t arrival; // the line's place
    Str fields;     // "amount=1.5 product=tea"
} FixtureRow;

typedef struct Fixture {
    Arena *arena;
    Model model;
    Catalog catalog;
    FixtureRow *rows; // sorted by customer, time, arrival (the order of the lines)
    size_t row_count;
} Fixture;

// Lines: "customer time event [name=value ...]": the time as in the language with its offset or Z,
// or `always` for a trait without a time. A value holds no space; lists are separated by commas.
// The zone and country are the model's. Fails the test on a malformed line.
void engine_fixture_init(Fixture *fixture, const char *zone, const char *country,
                         const FixtureProperty *properties, const char *const *lines);
void engine_fixture_done(Fixture *fixture);

// Compiles an expression; fails the test with the compiler's words when it does not.
const Plan *engine_fixture_plan(Fixture *fixture, const char *expression, NodeId *ret_node);
// The events as the plan reads them.
const EventTable *engine_fixture_table(Fixture *fixture, const Plan *plan);
size_t engine_fixture_customer(const EventTable *table, const char *id);
// "2026-03-31T12:00Z" to microseconds.
int64_t engine_fixture_time(const char *text);
// Fits of a plan at now, all levels; NULL when it has none.
const FitSet *engine_fixture_fit(Fixture *fixture, const Plan *plan, const EventTable *table,
                                 int64_t now_us, unsigned threads);
// The value of an expression for one customer at now, as text: "null", "out" when the customer is
// not in the population, else data_value_format().
Str engine_fixture_value(Fixture *fixture, const char *customer, const char *now,
                         const char *expression);

#endif
