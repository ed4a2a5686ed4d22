// A small shop for the tests of the language: a catalog and a model.
#ifndef KRETS_LANG_SHOP_FIXTURE_H
#define KRETS_LANG_SHOP_FIXTURE_H

#include "lang/model.h"

Catalog shop_catalog(void);
// The model that the tests' expressions stand in; aborts when it has an error.
const Model *shop_model(Arena *arena);

#endif
