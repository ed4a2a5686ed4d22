// An expression as written: a tree of syntax, not yet resolved against a catalog.
#ifndef KRETS_LANG_SYNTAX_H
#define KRETS_LANG_SYNTAX_H

#include "lang/plan.h"

// Limits of one expression. Above them the parser reports an error and stops.
#define LANG_EXPRESSION_BYTES_MAX ((size_t)64 * 1024)
#define LANG_EXPRESSION_DEPTH_MAX 200   // levels of the syntax tree; a long `a + b + …` nests too
#define LANG_LITERAL_LIST_MAX     10000 // values of one `in (…)`, arguments of one call
#define LANG_SEQUENCE_STEPS_MAX   50
#define LANG_AMOUNT_YEARS_MAX     10000 // the longest `n unit`
#define LANG_TOP_MAX              1000000000

typedef enum SyntaxKind {
    SYNTAX_LITERAL, // value
    SYNTAX_NOW,
    SYNTAX_NAME,       // name (parts joined by "."), is_quoted
    SYNTAX_NEGATE,     // args[0]
    SYNTAX_ARITHMETIC, // node: NODE_ADD, NODE_SUBTRACT, NODE_MULTIPLY or NODE_DIVIDE
    SYNTAX_COMPARE,    // compare
    SYNTAX_AND,
    SYNTAX_OR, // two or more args
    SYNTAX_NOT,
    SYNTAX_IN, // args[0] in the literals args[1..]
    SYNTAX_BETWEEN,
    SYNTAX_IS_NULL,
    SYNTAX_MATCH,   // match, escape; args[1] the pattern
    SYNTAX_HOLIDAY, // holiday
    SYNTAX_WITHIN,  // within, is_next
    SYNTAX_CALL,    // name: a function, lower case; is resolved by the checker
    SYNTAX_SEGMENT, // name
    SYNTAX_FIT, // fit; args[0] x; tiles (of top: customers); args[1] the condition, if there is one
    SYNTAX_AGGREGATE,  // aggregate
    SYNTAX_SEQUENCE,   // sequence
    SYNTAX_WAS,        // name: the trait; args[0] the instant
    SYNTAX_CHANGED,    // name: the trait; change
    SYNTAX_HISTORY,    // name: the segment; history
    SYNTAX_UNAVAILABLE // already reported
} SyntaxKind;

typedef struct Syntax Syntax;

// Bytes [begin, end) of the expression.
typedef struct SyntaxSpan {
    size_t begin, end;
} SyntaxSpan;

typedef struct SyntaxAmount { // "n unit"
    int64_t n;
    CalendarUnit unit;
    SyntaxSpan span;
} SyntaxAmount;

typedef struct SyntaxEvent {
    Str name; // "order", "order[products]"
    SyntaxSpan span;
} SyntaxEvent;

typedef struct SyntaxEvents {
    const SyntaxEvent *items;
    size_t count;
    bool is_any;
    SyntaxSpan span;
} SyntaxEvents;

typedef struct SyntaxWindow {
    WindowKind kind;
    SyntaxAmount amount, to_amount;
    int32_t shift;
    const Syntax *from, *to; // points, or NULL
    SyntaxSpan span;
} SyntaxWindow;

typedef struct SyntaxAggregate {
    AggregateFunction function;
    SyntaxSpan name_span;
    SyntaxEvents events;
    const Syntax *value; // or NULL
    bool has_n;
    int64_t n;
    SyntaxSpan n_span;
    const Syntax *where; // or NULL
    SyntaxWindow window;
    GroupPick pick;
    const Syntax *by; // SYNTAX_NAME, or NULL
} SyntaxAggregate;

typedef struct SyntaxStep {
    bool is_negated;
    SyntaxEvents events;
    const Syntax *where;
    bool has_within;
    SyntaxAmount within;
    SyntaxSpan span;
} SyntaxStep;

typedef struct SyntaxSequence {
    SyntaxStep *steps;
    size_t step_count;
    bool has_all_within;
    SyntaxAmount all_within;
    const Syntax *by; // SYNTAX_NAME, or NULL
    SyntaxWindow window;
} SyntaxSequence;

typedef struct SyntaxChange {
    const Syntax *from, *to; // plain values, or NULL
    SyntaxWindow window;
} SyntaxChange;

typedef struct SyntaxHistory {
    HistoryKind kind;
    SyntaxWindow window;
} SyntaxHistory;

struct Syntax {
    SyntaxKind kind;
    SyntaxSpan span;
    int32_t depth;
    bool is_quoted;
    bool is_negated;
    bool is_next;
    char escape;
    NodeKind node;
    CompareOp compare;
    MatchOp match;
    FitKind fit;
    int64_t tiles;
    SyntaxAmount within;
    HolidayTest holiday;
    Str name;
    SyntaxSpan name_span;
    Value value;
    const Syntax **args;
    size_t arg_count;
    const SyntaxAggregate *aggregate;
    const SyntaxSequence *sequence;
    const SyntaxChange *change;
    const SyntaxHistory *history;
};

// What is wrong with an expression, where.
typedef struct SyntaxProblem {
    SyntaxSpan span;
    Str message;
    struct SyntaxProblem *next;
} SyntaxProblem;

// "second", …, "year"; the names of units in the singular.
const char *lang_unit_name(CalendarUnit unit);
// Reads "day", "days", "Days"; false when it is no unit.
bool lang_unit_parse(Str text, CalendarUnit *ret_unit);
// "count", "sum", …: as written in an expression.
const char *lang_aggregate_name(AggregateFunction function);
bool lang_aggregate_parse(Str text, AggregateFunction *ret_function);
const char *lang_call_name(CallFunction function);
bool lang_call_parse(Str text, CallFunction *ret_function);

#endif
