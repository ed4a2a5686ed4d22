// A plan while it is made: tables that grow, in which equal entries are one.
#ifndef KRETS_LANG_BUILD_PRIVATE_H
#define KRETS_LANG_BUILD_PRIVATE_H

#include "base/map.h"
#include "lang/plan.h"

#define LANG_PLAN_NODES_MAX 1000000

// One growing table of the plan.
typedef struct BuildTable {
    void *items;
    int32_t count, capacity;
} BuildTable;

typedef struct Build {
    Arena *arena;
    const Catalog *catalog;
    Map *seen; // serialised entry -> its index
    BuildTable nodes, levels, aggregates, sequences, selections, fits, changes, histories, events,
        columns, properties, traits, lists;
    bool is_full; // more than LANG_PLAN_NODES_MAX nodes
} Build;

void lang_build_init(Build *build, Arena *arena, const Catalog *catalog);
void lang_build_done(Build *build);

const Node *lang_build_at(const Build *build, NodeId id);
// The fit level that the node needs: 0 none, else 1 + the highest level of the fits it reads.
int32_t lang_build_level(const Build *build, NodeId id);

// Every function gives the index of an equal entry where there is one. `node->args` may be
// transient. The flags of the args are added to those of the node.
NodeId lang_build_node(Build *build, const Node *node);
NodeId lang_build_const(Build *build, Value value);
// The flags of an aggregate or a sequence: `flags` holds those of its window.
NodeId lang_build_aggregate(Build *build, const Aggregate *aggregate, const Node *flags);
NodeId lang_build_sequence(Build *build, const Sequence *sequence, const Node *flags);
NodeId lang_build_changed(Build *build, const TraitChange *change, const Node *flags);
// `segment` is the NODE_SEGMENT.
NodeId lang_build_history(Build *build, const SegmentHistory *history, NodeId segment,
                          const Node *flags);
NodeId lang_build_fit(Build *build, FitKind kind, int64_t tiles, NodeId x, NodeId where);
int32_t lang_build_selection(Build *build, EventSet events, NodeId where);
int32_t lang_build_event(Build *build, Str name);
int32_t lang_build_column(Build *build, Str column, ValueType type);
NodeId lang_build_property(Build *build, const PlanProperty *property);
int32_t lang_build_trait(Build *build, const CatalogProperty *trait);
NodeId lang_build_list(Build *build, const PlanList *list);

// Copies the tables into a plan. The metrics, segments, value and zone are the caller's to set.
void lang_build_finish(Build *build, Plan *plan);

// The name of a fit's artifact: its text with metrics and segments expanded; a very long one is cut
// and ends with a digest of the whole.
Str lang_fit_key(const Build *build, const Fit *fit);

#endif
