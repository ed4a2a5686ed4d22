// Builds an EventTable from sorted chunks of rows.
#ifndef KRETS_STORE_BUILDER_PRIVATE_H
#define KRETS_STORE_BUILDER_PRIVATE_H

#include "store/store_private.h"

typedef struct Builder Builder;

// The columns of every result: customer, time, arrival, event, then the plan's columns in order.
enum { BUILDER_TABLE_ROWS = 1 << 17 };

enum { BUILDER_CUSTOMER, BUILDER_TIME, BUILDER_ARRIVAL, BUILDER_EVENT, BUILDER_FIRST_COLUMN };

// `row_room` rows are the most that may be kept. The table is made in `arena`; its budget is
// checked: BASE_E_RESOURCES with the figure.
int store_builder_new(Arena *arena, const Plan *plan, uint64_t row_room, bool keeps_all,
                      Builder **ret_builder, KretsError *error);
// From now on the builder gives whole customers away as tables of at least BUILDER_TABLE_ROWS rows;
// texts lie in an arena of their own, of the same budget. `row_room` grows when it must.
void store_builder_stream(Builder *builder, size_t memory_bytes, StoreSink sink, void *context);
void store_builder_free(Builder *builder);
static inline void store_builder_freep(Builder **builder) {
    store_builder_free(*builder);
}
#define STORE_BUILDER_SCOPED __attribute__((cleanup(store_builder_freep))) Builder *

// Appends rows [begin, end) of the result's current chunk, which follow all rows so far in
// (customer, time, arrival).
int store_builder_append(Builder *builder, const DuckResult *chunk, size_t begin, size_t end,
                         KretsError *error);
int store_builder_finish(Builder *builder, const EventTable **ret_table, KretsError *error);
// The last table of a stream, when there is one.
int store_builder_flush(Builder *builder, KretsError *error);

// Whether rows of this event type are all kept.
bool store_plan_keeps(const Plan *plan, Str event);

#endif
