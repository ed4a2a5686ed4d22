// What the two files that write random expressions share. Only they include it.
#ifndef KRETS_TESTS_ORACLE_GRAMMAR_H
#define KRETS_TESTS_ORACLE_GRAMMAR_H

#include "oracle_random.h"

#define SCOPE_MAX    16
#define NAMES_MAX    ((size_t)SCOPE_MAX * 8)
#define ANY_NUMERIC  (1u << VALUE_INTEGER | 1u << VALUE_DECIMAL | 1u << VALUE_NUMBER)
#define ANY_CALENDAR (1u << VALUE_TIME | 1u << VALUE_DATE)

typedef struct Grammar {
    Arena *arena;
    Random *random;
    const World *world;
    const CatalogEvent *scope[SCOPE_MAX]; // of `where` and `value`
    size_t scope_count;
    bool is_event;
    int budget; // of nodes; at 0 only leaves come
} Grammar;

#define SAY(...)    base_arena_printf(g->arena, __VA_ARGS__)
#define PICK(texts) RANDOM_PICK(g->random, texts)

static inline size_t below(Grammar *g, size_t count) {
    return random_below(g->random, count);
}
static inline bool chance(Grammar *g, size_t percent) {
    return random_chance(g->random, percent);
}

// oracle_grammar.c
Str grammar_boolean(Grammar *g);
Str grammar_numeric(Grammar *g);
Str grammar_calendar(Grammar *g, ValueType type);

// oracle_aggregate.c
Str grammar_quoted(Grammar *g, Str value);
Str grammar_amount(Grammar *g);
// A property's or a trait's name of one of the types; false where there is none.
bool grammar_name_of(Grammar *g, unsigned types, Str *ret_name);
Str grammar_anchor(Grammar *g); // an aggregate that yields a time
Str grammar_value_aggregate(Grammar *g, unsigned types, const char *const *names, size_t count);
Str grammar_event_aggregate(Grammar *g, const char *const *names, size_t count);
Str grammar_grouped(Grammar *g, unsigned types);
Str grammar_sequence(Grammar *g);
Str grammar_chain(Grammar *g); // a sequence of many steps over few events, with exact limits
bool grammar_was(Grammar *g, unsigned types, Str *ret_text);
Str grammar_changed(Grammar *g);
Str grammar_history(Grammar *g); // of the segments active, regulars and listed

#endif
