// A random plan over random customers, for tests of the lanes: nodes of every kind that a frame
// computes, whose leaves are traits, and the reference evaluator's work for each customer.
#ifndef KRETS_ENGINE_LANES_FIXTURE_H
#define KRETS_ENGINE_LANES_FIXTURE_H

#include "data/block.h"
#include "engine/engine_private.h"
#include "engine/lanes.h"

enum {
    LANES_NODES_MAX = 400,
    LANES_FITS_MAX = 16,
    LANES_BOUNDS_MAX = 80,
    LANES_TRAITS_MAX = 20,
    LANES_ARGS_MAX = 24
};

typedef struct Chance {
    uint64_t state;
} Chance;

uint64_t lanes_chance_next(Chance *chance);
size_t lanes_chance_below(Chance *chance, size_t count);
bool lanes_chance_percent(Chance *chance, size_t percent);
#define CHANCE_PICK(chance, items)                                                                 \
    (items)[lanes_chance_below(chance, sizeof(items) / sizeof(items)[0])]

typedef struct LaneWorld {
    Arena *arena;
    Chance chance;
    Plan plan;
    Node nodes[LANES_NODES_MAX];
    Fit fits[LANES_FITS_MAX];
    FitBounds bounds[LANES_FITS_MAX];
    FitSet fit_set;
    PlanTrait traits[LANES_TRAITS_MAX];
    PlanColumn columns[LANES_TRAITS_MAX];
    TableColumn values[LANES_TRAITS_MAX];
    PlanEvent event;
    EventTable table;
    int64_t now_us;
    Ready *ready;
    Work *works[LANE_COUNT_MAX];   // the reference
    Work *helpers[LANE_COUNT_MAX]; // of boxed nodes: they know only what lanes know
} LaneWorld;

// The same for the same seed.
LaneWorld *lanes_world_new(uint64_t seed);
void lanes_world_free(LaneWorld *world);

#endif
