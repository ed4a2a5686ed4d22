// A small shop for the tests of expressions: its catalog, its model, and one look at an expression.
#ifndef KRETS_LANG_EXPRESSION_FIXTURE_H
#define KRETS_LANG_EXPRESSION_FIXTURE_H

#include "lang/model.h"

// Events: order (amount decimal, quantity integer, price number, coupon and sku and country text,
// gift boolean, shipped_at time, due date, tags list, empty never seen, "Unit Price" decimal),
// order[products] (price decimal, quantity integer, parent.amount decimal), refund (amount integer,
// country integer, quantity integer), mail, view (amount number), identify (city text, timezone
// text, birth_date date, lat and lon number, is_vip boolean, interests list, credit decimal, visits
// integer, signup_at time).
const Catalog *expression_fixture_catalog(Arena *arena);

// Metrics recency, frequency, monetary; segments big, small; no sources.
const Model *expression_fixture_model(Arena *arena);

typedef struct ExpressionLook {
    const Plan *plan; // NULL when there were errors
    NodeId node;
    Diagnostics diagnostics;
} ExpressionLook;

ExpressionLook expression_fixture_compile(Arena *arena, const Model *model, const Catalog *catalog,
                                          const char *expression);

#endif
