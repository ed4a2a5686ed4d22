#include "oracle_tail.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants these first
#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "data/catalog.h"
#include "index/index.h"

enum { PIECES_MOST = 5, PARTITIONS_MOST = 3 };

struct OracleTail {
    Arena *arena;
    Index *index;
    IndexTail *tail;
    IndexSnapshot *snapshot; // the last one
};

static int compare_arrivals(const void *a, const void *b) {
    const WorldEvent *x = a, *y = b;
    int order = (x->arrival > y->arrival) - (x->arrival < y->arrival);
    return order != 0 ? order : base_str_compare(x->customer, y->customer);
}

static IndexBuild describe(Arena *arena, const Plan *plan) {
    size_t events = (size_t)plan->event_count, columns = (size_t)plan->column_count;
    Str *event_names = base_arena_alloc_array(arena, events + 1, sizeof *event_names);
    Str *names = base_arena_alloc_array(arena, columns + 1, sizeof *names);
    ValueType *types = base_arena_alloc_array(arena, columns + 1, sizeof *types);
    IndexColumn *wanted = base_arena_alloc_array(arena, events * columns + 1, sizeof *wanted);
    for (size_t e = 0; e < events; e++)
        event_names[e] = plan->events[e].name;
    for (size_t c = 0; c < columns; c++) {
        names[c] = plan->columns[c].column;
        types[c] = plan->columns[c].type;
        for (size_t e = 0; e < events; e++)
            wanted[c * events + e] = (IndexColumn){event_names[e], names[c], types[c]};
    }
    return (IndexBuild){.events = event_names,
                        .event_count = events,
                        .columns = names,
                        .types = types,
                        .column_count = columns,
                        .wanted = wanted,
                        .wanted_count = events * columns};
}

static uint32_t partition_of(Str customer, uint32_t count) {
    return (uint32_t)(base_str_hash(customer) % count);
}

static Index *build(Arena *arena, const World *world, const Plan *plan, size_t end,
                    uint32_t partition_count) {
    KretsError error = {0};
    IndexBuild spec = describe(arena, plan);
    spec.partition_count = partition_count;
    IndexBuilder *builder = NULL;
    assert_int_equal(index_build_begin(&spec, &builder, &error), 0);
    for (uint32_t p = 0; p < partition_count; p++) {
        World part = *world;
        WorldEvent *events = base_arena_alloc_array(arena, end + 1, sizeof *events);
        part.events = events;
        part.event_count = 0;
        for (size_t i = 0; i < end; i++) {
            if (partition_of(world->events[i].customer, partition_count) == p)
                events[part.event_count++] = world->events[i];
        }
        const EventTable *table = world_table(arena, &part, plan);
        assert_int_equal(index_build_add(builder, p, table, &error), 0);
    }
    Index *index = NULL;
    assert_int_equal(index_build_end(builder, &index, &error), 0);
    return index;
}

static void append(OracleTail *tail, const World *world, size_t begin, size_t end) {
    KretsError error = {0};
    IndexValue *values =
        base_arena_alloc_array(tail->arena, world->column_count + 1, sizeof *values);
    for (size_t i = begin; i < end; i++) {
        const WorldEvent *event = &world->events[i];
        for (size_t c = 0; c < world->column_count; c++)
            values[c] = (IndexValue){world->columns[c].name, event->values[c]};
        IndexEvent appended = {.customer = event->customer,
                               .event = event->event,
                               .is_any = data_catalog_is_any(event->event),
                               .time_us = event->time_us,
                               .values = values,
                               .value_count = world->column_count};
        assert_int_equal(index_tail_append(tail->tail, &appended, 1, &error), 0);
    }
}

static void fold(OracleTail *tail) {
    KretsError error = {0};
    Index *folded = NULL;
    assert_int_equal(index_fold(tail->snapshot, STR(""), &folded, &error), 0);
    index_tail_free(tail->tail);
    index_close(tail->index);
    tail->index = folded;
    tail->tail = index_tail_new(folded);
}

OracleTail *oracle_tail_new(const World *from, const Plan *plan, Random *random) {
    OracleTail *tail = calloc(1, sizeof *tail);
    assert_non_null(tail);
    tail->arena = base_arena_new(SIZE_MAX);
    World world = *from;
    size_t count = world.event_count, at = random_below(random, count + 1);
    WorldEvent *events = base_arena_alloc_array(tail->arena, count + 1, sizeof *events);
    if (count > 0)
        memcpy(events, from->events, count * sizeof *events);
    qsort(events, count, sizeof *events, compare_arrivals);
    world.events = events;
    if (random_chance(random, 30)) // little is new, as in life
        at = count - random_below(random, count / 50 + 2) % (count + 1);
    uint32_t partitions = 1 + (uint32_t)random_below(random, PARTITIONS_MOST);
    tail->index = build(tail->arena, &world, plan, at, partitions);
    tail->tail = index_tail_new(tail->index);
    size_t pieces = 1 + random_below(random, PIECES_MOST);
    for (size_t i = 0; i < pieces; i++) {
        size_t end = i + 1 == pieces ? count : at + random_below(random, count - at + 1);
        append(tail, &world, at, end);
        at = end;
        index_snapshot_free(tail->snapshot);
        tail->snapshot = index_snapshot_new(tail->tail);
        if (i + 1 < pieces && random_chance(random, 25))
            fold(tail);
    }
    return tail;
}

void oracle_tail_free(OracleTail *tail) {
    index_tail_free(tail->tail);
    index_snapshot_free(tail->snapshot);
    index_close(tail->index);
    base_arena_free(tail->arena);
    free(tail);
}

const BlockSource *oracle_tail_source(const OracleTail *tail) {
    return index_snapshot_source(tail->snapshot);
}
