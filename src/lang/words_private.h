// What the files that put a plan into English share.
#ifndef KRETS_LANG_WORDS_PRIVATE_H
#define KRETS_LANG_WORDS_PRIVATE_H

#include "lang/plan.h"

// An event's name as people say it.
typedef struct WordsEvent {
    bool is_verb;  // add_to_cart: "add to cart", "added to cart"
    Str one, many; // "order", "orders"; "“order completed” event"
    Str past;      // "added to cart"; "" for nouns
    Str plain;     // "add to cart"; "" for nouns
} WordsEvent;

// "add_to_cart", "addToCart", "Add To Cart" -> "add to cart".
Str words_human(Arena *arena, Str name);
// "order" -> "orders", "activity" -> "activities".
Str words_plural(Arena *arena, Str noun);
WordsEvent words_event(Arena *arena, const Plan *plan, EventSet events);
const char *words_article(Str noun); // "a" or "an"

void words_amount(Text *out, int64_t n, CalendarUnit unit);   // "1 hour", "90 days"
void words_number(Text *out, double number, bool is_rounded); // "90.5"
void words_const(Text *out, const Plan *plan, Value value);
void words_window(Text *out, const Plan *plan,
                  const Window *window);                     // " in the last 90 days" or ""
void words_where(Text *out, const Plan *plan, NodeId where); // " where …" or ""
// Window and condition of an aggregate.
void words_scope(Text *out, const Plan *plan, const Aggregate *aggregate);

// "the total order amount in the last 90 days".
void words_aggregate(Text *out, const Plan *plan, const Aggregate *aggregate);
// A value as a noun phrase: "the number of orders in the last 90 days".
void words_noun(Text *out, const Plan *plan, NodeId node);
// The same without a leading "the ".
void words_noun_bare(Text *out, const Plan *plan, NodeId node);
// A condition: "at least 3 orders in the last 90 days", "the city is ‘London’".
void words_phrase(Text *out, const Plan *plan, NodeId node, bool is_negated);
void words_comparison(Text *out, const Plan *plan, NodeId node, bool is_negated);
// "among the 100 customers with the highest total order amount".
void words_top(Text *out, const Plan *plan, const Fit *fit, bool is_negated);
void words_sequence(Text *out, const Plan *plan, const Sequence *sequence);
// "is", or "are" after a name in the plural.
const char *words_is(const Plan *plan, NodeId node);
// "more than 500", "500 or more".
void words_bound(Text *out, CompareOp op, Str value);
CompareOp words_inverse(CompareOp op);

#endif
