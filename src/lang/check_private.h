// Resolving and typing one expression while its plan is built.
//
// Functions that yield a node return NODE_NONE after an error was reported; the operands beside it
// are still checked, so that one look shows many errors.
#ifndef KRETS_LANG_CHECK_PRIVATE_H
#define KRETS_LANG_CHECK_PRIVATE_H

#include "lang/build_private.h"
#include "lang/model.h"
#include "lang/syntax.h"

#define LANG_REFERENCE_DEPTH_MAX 50 // metrics and segments that name one another, in a chain

typedef enum ReferenceState {
    REFERENCE_NEW,
    REFERENCE_OPEN, // being compiled: to meet it again is a cycle
    REFERENCE_DONE
} ReferenceState;

// A metric or a segment of the model and what became of it.
typedef struct Reference {
    Str name;
    ReferenceState state;
    NodeId node; // NODE_NONE when it has errors
} Reference;

// What all expressions of a model share.
typedef struct Compiler {
    Build build;
    Arena *arena;
    const Model *model;
    const Catalog *catalog;
    Diagnostics *diagnostics;
    Reference *metrics, *segments;
    const Str *open_names[LANG_REFERENCE_DEPTH_MAX + 1]; // the chain of names being compiled
    int32_t open_count;
} Compiler;

typedef struct Checker {
    Compiler *compiler;
    Build *build;
    Arena *arena;
    const SourceText *text;
    Place place; // of the expression in the model file; line 0: `text` is the expression
    Str expression;
    // Event scope, inside where, a value or by; NULL: customer scope.
    const EventSet *scope;
    const SyntaxEvents *scope_names;
    const char *clause; // "where", "a value", "by"
} Checker;

#define TYPE_BIT(type) (1u << (type))
#define TYPES_NUMERIC  (TYPE_BIT(VALUE_INTEGER) | TYPE_BIT(VALUE_DECIMAL) | TYPE_BIT(VALUE_NUMBER))
#define TYPES_CALENDAR (TYPE_BIT(VALUE_TIME) | TYPE_BIT(VALUE_DATE))

// check.c
void lang_check_report(const Checker *checker, SyntaxSpan span, bool is_warning, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));
// The same as an error; returns NODE_NONE.
NodeId lang_check_error(const Checker *checker, SyntaxSpan span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
Str lang_check_slice(const Checker *checker, SyntaxSpan span); // source text for messages
NodeId lang_check_expression(Checker *checker, const Syntax *syntax);
// The node if it is a condition (or always null), else an error that says what needs one.
NodeId lang_check_condition(Checker *checker, const Syntax *syntax, const char *what);
ValueType lang_check_type(const Checker *checker, NodeId id);
bool lang_check_is(const Checker *checker, NodeId id, unsigned types); // VALUE_NULL always is
bool lang_check_is_constant(const Checker *checker, NodeId id);
// A numeric constant as the wider type; a constant date as its first instant in the model's zone.
NodeId lang_check_widen(Checker *checker, NodeId id, ValueType type);
// The type that holds both: VALUE_TYPE_COUNT when there is none.
ValueType lang_check_unify(ValueType a, ValueType b);

// check_compare.c
NodeId lang_check_compare(Checker *checker, const Syntax *syntax);
NodeId lang_check_in(Checker *checker, const Syntax *syntax);
NodeId lang_check_between(Checker *checker, const Syntax *syntax);
NodeId lang_check_match(Checker *checker, const Syntax *syntax);
NodeId lang_check_holiday(Checker *checker, const Syntax *syntax);
NodeId lang_check_within(Checker *checker, const Syntax *syntax);

// check_call.c
NodeId lang_check_call(Checker *checker, const Syntax *syntax);

// check_name.c
NodeId lang_check_name(Checker *checker, const Syntax *syntax);
NodeId lang_check_segment(Checker *checker, const Syntax *syntax);
// The trait of that name, NULL after an error was reported. `what` says who asks.
const CatalogProperty *lang_check_trait(Checker *checker, const Syntax *syntax, const char *what);
// Whether an event in scope has a property of that name, or none was ever seen; else an error.
bool lang_check_property(Checker *checker, const Syntax *syntax);
bool lang_check_events(Checker *checker, const SyntaxEvents *events, EventSet *ret_set);

// check_aggregate.c
NodeId lang_check_aggregate(Checker *checker, const Syntax *syntax);
NodeId lang_check_sequence(Checker *checker, const Syntax *syntax);
// Sets the flags of what the window needs. False after an error was reported.
bool lang_check_window(Checker *checker, const SyntaxWindow *syntax, Window *ret_window,
                       Node *flags);

// check_history.c
NodeId lang_check_was(Checker *checker, const Syntax *syntax);
NodeId lang_check_changed(Checker *checker, const Syntax *syntax);
NodeId lang_check_history(Checker *checker, const Syntax *syntax);

// compile.c
NodeId lang_compile_metric(Checker *checker, size_t metric, SyntaxSpan span);
NodeId lang_compile_segment(Checker *checker, size_t segment, SyntaxSpan span);

// list.c: the ids of a static list, one a line, trimmed, sorted by bytes, each once. 0, or a
// negative code with the reason.
int lang_list_read(Arena *arena, Str directory, Str file, const Str **ret_ids, size_t *ret_count,
                   KretsError *error);

#endif
