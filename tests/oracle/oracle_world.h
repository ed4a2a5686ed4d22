// A small world of events that the evaluator and the SQL both answer questions about.
#ifndef KRETS_TESTS_ORACLE_WORLD_H
#define KRETS_TESTS_ORACLE_WORLD_H

#include "data/catalog.h"
#include "data/table.h"
#include "db/duck.h"
#include "engine/fit.h"
#include "lang/model.h"
#include "lang/plan.h"

typedef struct WorldColumn {
    Str name;
    ValueType type;
} WorldColumn;

typedef struct WorldEvent {
    Str customer, event;
    int64_t time_us, arrival;
    const Value *values; // one a column
} WorldEvent;

typedef struct World {
    const Catalog *catalog;
    Model model; // its metrics come after the questions
    const WorldColumn *columns;
    size_t column_count;
    const WorldEvent *events; // in any order
    size_t event_count;
    int64_t now_us;
} World;

// One value a customer and a question, customers in order of their ids' bytes.
typedef struct WorldAnswers {
    size_t customer_count, question_count;
    Str *customers;
    Value *values; // [customer * question_count + question]
} WorldAnswers;

// The expressions as metrics q0, q1, ... of one plan. On failure returns its code, with the
// diagnostics as the message.
int world_compile(Arena *arena, const World *world, const Str *expressions, size_t count,
                  const Plan **ret_plan, KretsError *error);
// The events as a table with the plan's columns, and what the plan's ntile and percentile need of
// it (NULL where it has none), at the world's now.
const EventTable *world_table(Arena *arena, const World *world, const Plan *plan);
int world_fits(Arena *arena, const World *world, const Plan *plan, const EventTable *table,
               const FitSet **ret_fits, KretsError *error);
// Answers by the evaluator and by one SQL statement, for all metrics of the plan.
int world_evaluate(Arena *arena, const World *world, const Plan *plan, WorldAnswers *ret_answers,
                   KretsError *error);
// Every node's value for the table's first customer; false where it is not in the population.
bool world_trace(Arena *arena, const World *world, const Plan *plan, const Value **ret_nodes);
int world_query(Arena *arena, const World *world, const Plan *plan, Duck *duck,
                WorldAnswers *ret_answers, KretsError *error);
// Puts the events into the table `world_events` of the database.
int world_load(Arena *arena, const World *world, Duck *duck, KretsError *error);

// Equal as answers: numbers to the bit, or within a part in 10^12 where functions of the C library
// decide (lang_plan_is_inexact).
bool world_value_equal(Value a, Value b, bool is_tolerant);
void world_value_print(Text *out, Value value);

#endif
