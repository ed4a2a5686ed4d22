// What the parts of the SQL generator share. Only sql*.c include it.
//
// Inside the statement a time is BIGINT microseconds (columns `time_us`), a decimal DECIMAL(18,4),
// everything else its DuckDB type. Aliases: `e` a row of events, `c` a row of customers, `z` a row
// of zones, `w` a row of a window.
#ifndef KRETS_LANG_SQL_PRIVATE_H
#define KRETS_LANG_SQL_PRIVATE_H

#include "base/calendar.h"
#include "base/map.h"
#include "lang/sql.h"

// The bounds of a window, as conditions on `e`.
typedef struct SqlWindow {
    const Window *window;
    Str name;          // of its CTE, "" when the bounds are constants
    Str join;          // clauses after `from ... e` that bring what the condition needs
    Str condition;     // "" none
    Str customers;     // the customers for whom the aggregate is not null: `customers`, or the CTE
    bool has_customer; // `c` is joined
} SqlWindow;

typedef struct SqlHoliday {
    Str name, country;
    bool is_observed;
    Str column; // of `customers`: the days as a list, null where unknown
    Str table;
    Str on; // the country looked up
} SqlHoliday;

typedef struct SqlBuilder {
    Arena *arena;
    const Plan *plan;
    const SqlOptions *options;
    KretsError *error;
    int code; // first failure; texts made after it mean nothing
    Text ctes;
    Map *names;
    Str now; // microseconds, as SQL
    // Of the statement inside another one that asks for many instants at once: the statement around
    // it, and the CTE of (key, person, now_us) there. Then `customer` is the key of one customer
    // at one instant, `c` also has `person` and `now_us`, and `now` is `c.now_us`.
    struct SqlBuilder *outer;
    Str moments;
    // Names of the CTEs made so far, empty when not yet made.
    Str *metrics, *segments, *aggregates, *sequences, *selections, *fits, *fit_values, *lists;
    Str *histories; // of NODE_WAS, NODE_CHANGED and NODE_HISTORY, by node
    bool *columns;  // that `events` must hold
    Str *traits;    // columns of `customers`
    bool needs_place, needs_first_any;
    bool is_never_null; // the result is a segment: null becomes false
    SqlWindow *windows;
    size_t window_count;
    SqlHoliday *holidays;
    size_t holiday_count;
} SqlBuilder;

// Where an expression stands.
typedef struct SqlScope {
    const EventSet *events; // of the rows `e`; NULL: one row a customer
    bool needs_customer;    // uses `c` (event scope; always there in customer scope)
    Text joins;             // customer scope: the CTEs it reads
} SqlScope;

#define SQL_SCOPE_SCOPED __attribute__((cleanup(lang_sql_scope_done))) SqlScope
void lang_sql_scope_done(SqlScope *scope);

// All return texts in the builder's arena.
Str lang_sql_node_text(SqlBuilder *b, SqlScope *scope, NodeId id);
Str lang_sql_const(SqlBuilder *b, const Node *node);
Str lang_sql_node_as(SqlBuilder *b, SqlScope *scope, NodeId id, ValueType type);
Str lang_sql_call(SqlBuilder *b, SqlScope *scope, const Node *node);
Str lang_sql_match(SqlBuilder *b, SqlScope *scope, const Node *node);
Str lang_sql_holiday(SqlBuilder *b, SqlScope *scope, const Node *node);
Str lang_sql_arithmetic(SqlBuilder *b, SqlScope *scope, const Node *node);
// Null unless finite.
Str lang_sql_finite(SqlBuilder *b, Str number);
// An exact HUGEINT or DECIMAL(38,4) as an integer or a decimal, null out of range.
Str lang_sql_in_range(SqlBuilder *b, Str exact, ValueType type);
// As a BIGINT instant: a date stands for its first local instant.
Str lang_sql_instant_of(SqlBuilder *b, SqlScope *scope, NodeId id);
Str lang_sql_person(SqlBuilder *b, SqlScope *scope);              // the customer's id
Str lang_sql_date_of(SqlBuilder *b, SqlScope *scope, NodeId id);  // the local date
Str lang_sql_local_of(SqlBuilder *b, SqlScope *scope, NodeId id); // the local TIMESTAMP

// sql_time.c
Str lang_sql_time(SqlBuilder *b, int64_t time_us);
Str lang_sql_zone(SqlBuilder *b, const char *alias); // an expression for the zone of that row
Str lang_sql_model_zone(SqlBuilder *b);
Str lang_sql_local(SqlBuilder *b, Str zone, Str time_us);
Str lang_sql_instant(SqlBuilder *b, Str zone, Str local);
Str lang_sql_midnight(SqlBuilder *b, Str zone, Str date);
Str lang_sql_add(SqlBuilder *b, Str zone, Str time_us, CalendarUnit unit, int64_t n);
Str lang_sql_in_calendar(SqlBuilder *b, Str time_us); // null outside of it
Str lang_sql_period(SqlBuilder *b, Str zone, Str today, CalendarUnit unit, int64_t shift);
Str lang_sql_start(SqlBuilder *b, Str zone, Str today, CalendarUnit unit, int64_t n);
bool lang_sql_unit_is_exact(CalendarUnit unit);
int64_t lang_sql_unit_us(CalendarUnit unit); // of an exact unit
int64_t lang_sql_unit_months(CalendarUnit unit);
const char *lang_sql_unit_name(CalendarUnit unit);

// CTEs: each is written once and known by its name afterwards.
Str lang_sql_aggregate_cte(SqlBuilder *b, NodeId id);
Str lang_sql_sequence_cte(SqlBuilder *b, NodeId id);
Str lang_sql_fit_cte(SqlBuilder *b, NodeId id);
Str lang_sql_was_cte(SqlBuilder *b, NodeId id);
Str lang_sql_changed_cte(SqlBuilder *b, NodeId id);
Str lang_sql_history_cte(SqlBuilder *b, NodeId id);
Str lang_sql_selection_cte(SqlBuilder *b, int32_t selection);
SqlWindow lang_sql_window_cte(SqlBuilder *b, const Window *window);
// (customer, after_us, until_us): the window as instants (after_us, until_us], none before the
// calendar's beginning or after now; for the customers that have its anchors.
Str lang_sql_span_cte(SqlBuilder *b, const Window *window);
// (customer, at_us): instants among which are all at which the node may change within a span; the
// reason when they cannot be listed is the builder's failure.
Str lang_sql_moments_cte(SqlBuilder *b, NodeId id, const Window *window, Str span);
// The rows that a fit is made from, at the statement's own now.
Str lang_sql_fit_values_cte(SqlBuilder *b, int32_t fit);
Str lang_sql_trait_column(SqlBuilder *b, int32_t trait);
Str lang_sql_holiday_column(SqlBuilder *b, const HolidayTest *test);
bool lang_sql_aggregate_is_row(const Aggregate *aggregate); // its time belongs to one event

// Appends `-- the node's canonical text` (unless NODE_NONE) and `name as (`; the caller appends the
// select and calls _end. What the select reads must have been made before.
Text *lang_sql_cte_begin(SqlBuilder *b, Str name, NodeId id);
void lang_sql_cte_end(SqlBuilder *b);
Str lang_sql_name(SqlBuilder *b, const char *prefix, Str text); // a new CTE name from any text
Str lang_sql_canonical(SqlBuilder *b, NodeId id);
Str lang_sql_quote(SqlBuilder *b, Str text);
Str lang_sql_column(SqlBuilder *b, int32_t column); // "name" as `events` has it
Str lang_sql_event_filter(SqlBuilder *b, const EventSet *events);
void lang_sql_builder_begin(SqlBuilder *b);              // the tables of what is made once
void lang_sql_population_text(SqlBuilder *b, Text *out); // `with history as ... customers as (...)`
void lang_sql_join(SqlScope *scope, Str cte);
Str lang_sql_fail(SqlBuilder *b, const char *what);

#endif
