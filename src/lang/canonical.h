// The plan as text that can be written into a model again.
#ifndef KRETS_LANG_CANONICAL_H
#define KRETS_LANG_CANONICAL_H

#include "lang/model.h"

// A name as an expression spells it: in double quotes where it has to be.
void lang_canonical_name(Text *out, Str name);
void lang_canonical_window(Text *out, const Plan *plan,
                           const Window *window); // " last 90 days", ""
void lang_canonical_selection(Text *out, const Plan *plan, EventSet events, NodeId where);

// The metrics and segments of a model as YAML with each expression in its one spelling (`krets
// check
// --print`). The plan is that of the model.
void lang_canonical_model(Text *out, const Model *model, const Plan *plan);

#endif
