// Values for people.
#ifndef KRETS_LANG_WORDS_H
#define KRETS_LANG_WORDS_H

#include "lang/plan.h"

// A node's value as people write it: "90.5 days" for what counts days, "31 January 2026 12:00" in
// the plan's zone, yes and no, "nothing" for null; numbers rounded to two decimals. `node` may be
// NODE_NONE when the value's own type says enough.
void lang_words_value(Text *out, const Plan *plan, NodeId node, Value value);

// What one more event of the set is: "another order comes", "they add to cart again".
void lang_words_another(Text *out, const Plan *plan, EventSet events);

#endif
