// The population evaluated: answers at one instant, sizes and values at many.
#ifndef KRETS_APP_POPULATION_H
#define KRETS_APP_POPULATION_H

#include "app/project.h"
#include "data/answers.h"
#include "engine/fit.h"

// Fits every ntile, percentile and top of the plan at `now_us`. The set lives in the project's
// arena.
int app_population_fit(Project *project, int64_t now_us, const FitSet **ret_fits,
                       KretsError *error);

// The newest fit of the store, or the one of --fit. NULL set when the plan needs none. BASE_E_USAGE
// when it needs one and none is stored. `ret_version` (may be NULL) gets its number, 0 without one.
int app_population_stored_fit(Project *project, const FitSet **ret_fits, int64_t *ret_version,
                              KretsError *error);

// Answers of the whole population at one instant, by the kernel; in `arena`, but the ids lie in the
// project's index. `segment`: only that one of the plan (NULL: all). Free with data_answers_done().
int app_population_answers(Project *project, Arena *arena, int64_t now_us, const int32_t *segment,
                           const FitSet *fits, Answers *ret_answers, KretsError *error);

// The same by the reference evaluator over the store, all in `arena`; fits, too.
int app_population_reference(Project *project, Arena *arena, int64_t now_us, const FitSet *fits,
                             Answers *ret_answers, KretsError *error);
int app_population_reference_fit(Project *project, int64_t now_us, const FitSet **ret_fits,
                                 KretsError *error);

// Size and money of segments at several instants (ascending). Money in 1/10000 of the currency.
typedef struct PopulationHistory {
    size_t now_count;
    const int64_t *nows_us;
    size_t segment_count;
    const uint64_t *customers;     // [now]: population
    const __int128 *money;         // [now]
    const uint64_t *sizes;         // [now * segment_count + segment]
    const __int128 *segment_money; // likewise
} PopulationHistory;
int app_population_history(Project *project, Arena *arena, const int64_t *nows_us, size_t now_count,
                           const FitSet *fits, PopulationHistory *ret_history, KretsError *error);

// A value as money: 1/10000 of the currency, numbers rounded half away from zero; null is 0. Sums
// of money are exact, so they do not depend on order or threads. What is beyond the bound (so that
// sums over all customers stay within 128 bits) counts as the bound, and is no money.
#define POPULATION_MONEY_MAX 1e28
bool app_population_is_money(Value value);
__int128 app_population_money(Value value);

// The value with its texts copied to the arena.
Value app_population_keep(Arena *arena, Value value);

#endif
