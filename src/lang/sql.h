// The SQL oracle: one DuckDB statement per segment or metric, made from the logical plan alone.
//
// It shares no code with the evaluator, so that two readings of the language meet in `krets
// verify`. A statement stands on its own in any DuckDB 1.5 with ICU; analysts read it (`krets
// sql`).
#ifndef KRETS_LANG_SQL_H
#define KRETS_LANG_SQL_H

#include "base/arena.h"
#include "base/error.h"
#include "lang/plan.h"

typedef struct SqlOptions {
    // An SQL select that gives the history: customer VARCHAR, time TIMESTAMPTZ, arrival BIGINT,
    // event VARCHAR, message_id VARCHAR and one column for each PlanColumn.column, of the DuckDB
    // type of its ValueType: BOOLEAN BIGINT DECIMAL(18,4) DOUBLE VARCHAR TIMESTAMPTZ DATE
    // VARCHAR[]. Traits without a time have the time 0001-01-01 00:00:00 UTC.
    Str history;
    int64_t now_us;
} SqlOptions;

// Appends a statement `select customer, value ... order by customer`: one row for each customer of
// the population at now, value null where it is null. Times come as TIMESTAMPTZ, decimals as
// DECIMAL(18,4). `node` has customer scope. Texts in between live in `arena`. On error (a holiday
// that cannot be listed, an expression without an SQL form) nothing is appended.
int lang_sql_node(Arena *arena, Text *out, const Plan *plan, NodeId node, const SqlOptions *options,
                  KretsError *error);
// The same for a segment (null counts as false: the value is never null) and for a metric, by their
// index in the plan.
int lang_sql_segment(Arena *arena, Text *out, const Plan *plan, int32_t segment,
                     const SqlOptions *options, KretsError *error);
int lang_sql_metric(Arena *arena, Text *out, const Plan *plan, int32_t metric,
                    const SqlOptions *options, KretsError *error);
// Several nodes in one statement, sharing what they have in common: columns customer, value_0,
// value_1, ... in the order of `nodes`.
int lang_sql_nodes(Arena *arena, Text *out, const Plan *plan, const NodeId *nodes, size_t count,
                   const SqlOptions *options, KretsError *error);
// `select customer ... order by customer`: the population at now.
int lang_sql_population(Arena *arena, Text *out, const Plan *plan, const SqlOptions *options,
                        KretsError *error);

// 'it''s' and "quo""ted" (a text may not hold NUL).
void lang_sql_literal(Text *out, Str text);
void lang_sql_identifier(Text *out, Str name);

#endif
