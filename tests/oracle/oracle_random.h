// Random worlds and random expressions, the same for the same seed.
#ifndef KRETS_TESTS_ORACLE_RANDOM_H
#define KRETS_TESTS_ORACLE_RANDOM_H

#include "oracle_world.h"

typedef struct Random {
    uint64_t state;
} Random;

uint64_t random_next(Random *random);
size_t random_below(Random *random, size_t count); // count > 0
bool random_chance(Random *random, size_t percent);
Str random_pick(Random *random, const char *const *texts, size_t count);
#define RANDOM_PICK(random, texts) random_pick(random, texts, sizeof(texts) / sizeof(texts)[0])

// Events with ties in time, at the edges of windows, days and changes of the clock, in the future;
// nulls, odd texts, extreme numbers; customers known by traits alone, with zones of their own.
void random_world(Arena *arena, Random *random, World *ret_world);
// An expression of the grammar over that world's catalog, customer scope, any type but list and
// length. Now and then one that the check refuses.
Str random_expression(Arena *arena, Random *random, const World *world);
Str random_sequence(Arena *arena, Random *random, const World *world);

#endif
