// What the random cases have exercised; what they have not is a fault of the test.
#ifndef KRETS_TESTS_ORACLE_COVER_H
#define KRETS_TESTS_ORACLE_COVER_H

#include "lang/plan.h"

// Counts everything in the plan. `nodes` (may be NULL) are values by node, to count the nulls.
void cover_plan(const Plan *plan, const Value *nodes);
// Prints what was never exercised to `out`, one a line; returns their number.
size_t cover_missing(Text *out);

#endif
