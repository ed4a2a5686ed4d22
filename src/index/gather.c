// Tables of customers turned into streams of blocks.
//
// A block's rows lie customer by customer in the table. They are sorted by time all at once and
// then dealt out to their streams; what a column holds is collected stream by stream, while the
// block's part of the table is still in the cache.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/index_private.h"

// --- making ---

static bool find_table_column(const IndexBuild *build, const IndexColumn *wanted,
                              uint32_t *ret_column) {
    for (size_t i = 0; i < build->column_count; i++) {
        if (build->types[i] == wanted->type && base_str_equal(build->columns[i], wanted->column)) {
            *ret_column = (uint32_t)i;
            return true;
        }
    }
    return false;
}

static int check_wanted(const Gather *gather, KretsError *error) {
    for (uint32_t i = gather->first_wanted; i < gather->roster->wanted_count; i++) {
        const IndexColumn *wanted = &gather->roster->wanted[i];
        uint32_t column;
        if (wanted->type == VALUE_DURATION || wanted->type >= VALUE_TYPE_COUNT ||
            (wanted->type != VALUE_NULL && !find_table_column(gather->build, wanted, &column)))
            return base_error_set(error, BASE_E_USAGE,
                                  "the index is to hold the column \"%.*s\" as %s, but the tables "
                                  "have none",
                                  STR_ARG(wanted->column), data_value_type_name(wanted->type));
    }
    return 0;
}

int index_gather_new(const IndexBuild *build, const Roster *roster, uint32_t first_wanted,
                     IndexMemory *memory, Gather **ret_gather, KretsError *error) {
    assert(build->event_count < INDEX_STREAM_NONE / 2);
    Gather *gather = calloc(1, sizeof *gather);
    if (gather == NULL)
        abort();
    gather->build = build;
    gather->roster = roster;
    gather->first_wanted = first_wanted;
    gather->memory = memory;
    gather->arena = base_arena_new(SIZE_MAX);
    gather->carry = index_carry_new(memory, build);
    gather->stream_of =
        base_arena_alloc_array(gather->arena, build->event_count + 1, sizeof *gather->stream_of);
    for (size_t i = 0; i <= build->event_count; i++)
        gather->stream_of[i][0] = gather->stream_of[i][1] = INDEX_STREAM_NONE;
    gather->is_event_known = base_arena_alloc(gather->arena, build->event_count + 1);
    for (size_t i = 0; i < build->event_count; i++)
        gather->is_event_known[i] =
            index_roster_event(roster, build->events[i]) < roster->event_count;
    gather->seen = base_arena_alloc_array(gather->arena, GATHER_SEEN_COUNT, sizeof *gather->seen);
    int r = check_wanted(gather, error);
    if (r < 0)
        index_gather_free(gather);
    else
        *ret_gather = gather;
    return r;
}

static void stream_done(IndexMemory *memory, GatherStream *stream) {
    index_buffer_done(memory, &stream->lane);
    index_buffer_done(memory, &stream->time_us);
    index_buffer_done(memory, &stream->tie);
    index_buffer_done(memory, &stream->tie_row);
    index_buffer_done(memory, &stream->block_row);
    for (uint32_t i = 0; i < stream->column_count; i++) {
        index_buffer_done(memory, &stream->columns[i].values);
        index_buffer_done(memory, &stream->columns[i].valid);
    }
}

void index_gather_free(Gather *gather) {
    if (gather == NULL)
        return;
    IndexBuffer *buffers[] = {
        &gather->ids,        &gather->id_offsets, &gather->first_us, &gather->first_any_us,
        &gather->row_stream, &gather->row_lane,   &gather->row_tie,  &gather->order,
        &gather->order_swap, &gather->place,      &gather->items,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        index_buffer_done(gather->memory, buffers[i]);
    for (uint32_t i = 0; i < gather->stream_count; i++)
        stream_done(gather->memory, &gather->streams[i]);
    index_pool_done(gather->memory, &gather->texts);
    index_pool_done(gather->memory, &gather->lists);
    index_carry_free(gather->carry);
    base_arena_free(gather->arena);
    free(gather);
}

// --- streams ---

static void add_columns(Gather *gather, GatherStream *stream) {
    const Roster *roster = gather->roster;
    if (stream->event == roster->event_count)
        return;
    stream->columns =
        base_arena_alloc_array(gather->arena, roster->wanted_count + 1, sizeof *stream->columns);
    for (uint32_t i = gather->first_wanted; i < roster->wanted_count; i++) {
        const IndexColumn *wanted = &roster->wanted[i];
        uint32_t column;
        if (base_str_equal(wanted->event, roster->events[stream->event]) &&
            wanted->type != VALUE_NULL && find_table_column(gather->build, wanted, &column))
            stream->columns[stream->column_count++] =
                (GatherColumn){.wanted = i, .table_column = column, .type = wanted->type};
    }
}

// A stream seen for the first time; it had no rows in the blocks so far.
static bool add_stream(Gather *gather, size_t event, bool is_any) {
    gather->streams = base_arena_grow(gather->arena, gather->streams, gather->stream_count,
                                      gather->stream_count + (size_t)1, sizeof *gather->streams);
    GatherStream *stream = &gather->streams[gather->stream_count];
    stream->is_any = is_any;
    stream->event = event == gather->build->event_count
                        ? gather->roster->event_count
                        : index_roster_event(gather->roster, gather->build->events[event]);
    gather->stream_of[event][is_any] = (uint16_t)gather->stream_count++;
    add_columns(gather, stream);
    size_t size = (gather->block_count + (size_t)1) * sizeof(uint64_t);
    void *rows = index_buffer_reserve(gather->memory, &stream->block_row, size);
    if (rows == NULL)
        return false;
    memset(rows, 0, size);
    stream->block_row.size_bytes = size;
    return true;
}

// --- rows of a block, customer by customer ---

typedef struct BlockRows {
    const EventTable *table;
    size_t first_customer;
    uint32_t customer_count;
    uint64_t first_row;
    uint32_t count;         // rows of the table
    uint32_t kept;          // that are part of a stream
    int64_t min_us, max_us; // of the kept rows with a time
    uint64_t max_key;
} BlockRows;

static int check_customer(const Gather *gather, Str id, KretsError *error) {
    const uint32_t *ends = (const uint32_t *)(const void *)gather->id_offsets.data;
    size_t count = gather->id_offsets.size_bytes / sizeof *ends;
    if (count == 0)
        return 0;
    uint32_t begin = count == 1 ? 0 : ends[count - 2];
    Str before = {gather->ids.data + begin, ends[count - 1] - begin};
    if (gather->is_unordered || base_str_compare(before, id) < 0)
        return 0;
    return base_error_set(error, BASE_E_STORE,
                          "the customers \"%.*s\" and \"%.*s\" come in the wrong order: the "
                          "history is damaged; import the sources again",
                          STR_ARG(before), STR_ARG(id));
}

static bool add_customer(Gather *gather, Str id, int64_t first_us, int64_t first_any_us) {
    uint32_t end = (uint32_t)(gather->ids.size_bytes + id.size_bytes);
    return index_buffer_append(gather->memory, &gather->ids, id.data, id.size_bytes) &&
           index_buffer_append(gather->memory, &gather->id_offsets, &end, sizeof end) &&
           index_buffer_append(gather->memory, &gather->first_us, &first_us, sizeof first_us) &&
           index_buffer_append(gather->memory, &gather->first_any_us, &first_any_us,
                               sizeof first_any_us);
}

// Rows [begin, end) of one customer have one time: numbers them when they are of several streams.
static void number_ties(Gather *gather, uint32_t begin, uint32_t end) {
    const uint16_t *stream = (const uint16_t *)(const void *)gather->row_stream.data;
    uint32_t *tie = (uint32_t *)(void *)gather->row_tie.data;
    uint32_t first = begin;
    while (first < end && stream[first] == INDEX_STREAM_NONE)
        first++;
    bool is_shared = false;
    for (uint32_t i = first; i < end; i++)
        is_shared |= stream[i] != INDEX_STREAM_NONE && stream[i] != stream[first];
    uint32_t next = 0;
    for (uint32_t i = first; is_shared && i < end; i++) {
        if (stream[i] != INDEX_STREAM_NONE)
            tie[i] = next++;
    }
    gather->has_ties |= is_shared;
}

// The row's stream, INDEX_STREAM_NONE when it is of none; false: no memory.
static inline bool stream_of_row(Gather *gather, const EventTable *table, uint64_t row,
                                 uint16_t *ret_stream) {
    bool is_any = table->is_any[row] != 0;
    size_t event = table->event[row];
    if (event == TABLE_EVENT_UNKNOWN || !gather->is_event_known[event]) {
        if (!is_any) {
            *ret_stream = INDEX_STREAM_NONE;
            return true;
        }
        event = gather->build->event_count;
    }
    assert(event <= gather->build->event_count);
    uint16_t stream = gather->stream_of[event][is_any];
    if (stream == INDEX_STREAM_NONE) {
        if (!add_stream(gather, event, is_any))
            return false;
        stream = gather->stream_of[event][is_any];
    }
    *ret_stream = stream;
    return true;
}

static bool note_customer(Gather *gather, BlockRows *rows, uint32_t lane) {
    const EventTable *table = rows->table;
    size_t customer = rows->first_customer + lane;
    uint32_t begin = (uint32_t)(table->first_row[customer] - rows->first_row);
    uint32_t end = (uint32_t)(table->first_row[customer + 1] - rows->first_row);
    const int64_t *times = table->time_us + rows->first_row;
    uint16_t *streams = (uint16_t *)(void *)gather->row_stream.data;
    uint8_t *lanes = (uint8_t *)gather->row_lane.data;
    int64_t first_any_us = INT64_MAX;
    uint32_t group = begin; // first row of the same time
    for (uint32_t row = begin; row < end; row++) {
        uint16_t stream;
        if (!stream_of_row(gather, table, rows->first_row + row, &stream))
            return false;
        streams[row] = stream;
        lanes[row] = (uint8_t)lane;
        assert(row == begin || times[row - 1] <= times[row]);
        if (first_any_us == INT64_MAX && table->is_any[rows->first_row + row] != 0)
            first_any_us = times[row];
        if (row > group && times[row] != times[group]) {
            if (row - group > 1)
                number_ties(gather, group, row);
            group = row;
        }
    }
    if (end - group > 1)
        number_ties(gather, group, end);
    return add_customer(gather, table->customer_ids[customer],
                        end > begin ? times[begin] : INT64_MAX, first_any_us);
}

static bool reserve_rows(Gather *gather, uint32_t count) {
    IndexMemory *memory = gather->memory;
    size_t n = (size_t)count + 1;
    bool is_fine = index_buffer_reserve(memory, &gather->row_stream, n * sizeof(uint16_t)) &&
                   index_buffer_reserve(memory, &gather->row_lane, n) &&
                   index_buffer_reserve(memory, &gather->row_tie, n * sizeof(uint32_t)) &&
                   index_buffer_reserve(memory, &gather->order, n * 2 * sizeof(uint64_t)) &&
                   index_buffer_reserve(memory, &gather->order_swap, n * sizeof(uint64_t)) &&
                   index_buffer_reserve(memory, &gather->place, n * sizeof(uint32_t));
    if (is_fine)
        memset(gather->row_tie.data, 0, count * sizeof(uint32_t));
    gather->has_ties = false;
    return is_fine;
}

static int note_customers(Gather *gather, BlockRows *rows, KretsError *error) {
    for (uint32_t i = 0; i < gather->stream_count; i++) {
        uint64_t row = gather->streams[i].row_count;
        if (!index_buffer_append(gather->memory, &gather->streams[i].block_row, &row, sizeof row))
            return index_memory_fail(gather->memory, error);
    }
    if (!reserve_rows(gather, rows->count))
        return index_memory_fail(gather->memory, error);
    for (uint32_t lane = 0; lane < rows->customer_count; lane++) {
        int r =
            check_customer(gather, rows->table->customer_ids[rows->first_customer + lane], error);
        if (r < 0)
            return r;
        if (!note_customer(gather, rows, lane))
            return index_memory_fail(gather->memory, error);
        if (gather->ids.size_bytes > UINT32_MAX)
            return base_error_set(error, BASE_E_RESOURCES,
                                  "the ids of one part of the customers take more than 4 GiB");
    }
    return 0;
}

// --- times ---

static inline void note_time(Gather *gather, int64_t time_us) {
    if (!gather->has_time) {
        gather->has_time = true;
        gather->time_first_us = gather->time_min_us = gather->time_max_us = time_us;
    }
    uint64_t distance = (uint64_t)llabs(time_us - gather->time_first_us);
    if (gather->time_divisor.value == 0) {
        if (distance != 0)
            gather->time_divisor = index_divisor(distance);
    } else if (gather->time_divisor.value != 1 && !index_divides(&gather->time_divisor, distance)) {
        index_divisor_narrow(&gather->time_divisor, distance);
    }
}

static int note_times(Gather *gather, BlockRows *rows, KretsError *error) {
    const int64_t *times = rows->table->time_us + rows->first_row;
    const uint16_t *streams = (const uint16_t *)(const void *)gather->row_stream.data;
    rows->min_us = INT64_MAX;
    rows->max_us = INT64_MIN;
    for (uint32_t row = 0; row < rows->count; row++) {
        if (streams[row] == INDEX_STREAM_NONE)
            continue;
        rows->kept++;
        if (times[row] == CALENDAR_TIME_MIN)
            continue;
        if (times[row] < CALENDAR_TIME_MIN || times[row] > CALENDAR_TIME_MAX)
            return base_error_set(error, BASE_E_STORE,
                                  "an event has a time outside of the years 1 to 9999: the "
                                  "history is damaged; import the sources again");
        rows->min_us = times[row] < rows->min_us ? times[row] : rows->min_us;
        rows->max_us = times[row] > rows->max_us ? times[row] : rows->max_us;
        note_time(gather, times[row]);
    }
    if (rows->min_us <= rows->max_us) {
        gather->time_min_us =
            rows->min_us < gather->time_min_us ? rows->min_us : gather->time_min_us;
        gather->time_max_us =
            rows->max_us > gather->time_max_us ? rows->max_us : gather->time_max_us;
    }
    return 0;
}

static inline uint64_t time_key(const Gather *gather, const BlockRows *rows, int64_t time_us) {
    if (time_us == CALENDAR_TIME_MIN)
        return 0;
    uint64_t distance = (uint64_t)(time_us - rows->min_us);
    return distance == 0 ? 1 : index_divide(&gather->time_divisor, distance) + 1;
}

// --- order ---

typedef struct KeyedRow {
    uint64_t key, row;
} KeyedRow;

static int compare_keyed(const void *a, const void *b) {
    const KeyedRow *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static unsigned bit_count(uint64_t number) {
    return number == 0 ? 0 : 64 - (unsigned)__builtin_clzll(number);
}

// Rows in order of time when times are too far apart for one word with the row.
static uint64_t *order_wide(Gather *gather, const BlockRows *rows) {
    KeyedRow *keyed = (KeyedRow *)(void *)gather->order.data;
    const int64_t *times = rows->table->time_us + rows->first_row;
    const uint16_t *streams = (const uint16_t *)(const void *)gather->row_stream.data;
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows->count; row++) {
        if (streams[row] != INDEX_STREAM_NONE)
            keyed[count++] = (KeyedRow){time_key(gather, rows, times[row]), row};
    }
    qsort(keyed, count, sizeof *keyed, compare_keyed);
    uint64_t *order = (uint64_t *)(void *)gather->order_swap.data;
    for (uint32_t i = 0; i < count; i++)
        order[i] = keyed[i].row;
    return order;
}

// The kept rows in order of (time, row): the low `*ret_row_bits` bits of each item are a row.
static const uint64_t *order_rows(Gather *gather, const BlockRows *rows, unsigned *ret_row_bits) {
    uint64_t max_key = rows->max_us >= rows->min_us ? time_key(gather, rows, rows->max_us) : 0;
    unsigned key_bits = bit_count(max_key), row_bits = bit_count(rows->count);
    *ret_row_bits = row_bits;
    if (key_bits + row_bits > 64)
        return order_wide(gather, rows);
    uint64_t *items = (uint64_t *)(void *)gather->order.data;
    const int64_t *times = rows->table->time_us + rows->first_row;
    const uint16_t *streams = (const uint16_t *)(const void *)gather->row_stream.data;
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows->count; row++) {
        if (streams[row] != INDEX_STREAM_NONE)
            items[count++] = time_key(gather, rows, times[row]) << row_bits | row;
    }
    assert(count == rows->kept);
    return index_sort(items, (uint64_t *)(void *)gather->order_swap.data, count, row_bits,
                      key_bits);
}

// --- dealing rows out to their streams ---

static void deal_rows(Gather *gather, const BlockRows *rows) {
    const uint16_t *streams = (const uint16_t *)(const void *)gather->row_stream.data;
    for (uint32_t i = 0; i < gather->stream_count; i++)
        gather->streams[i].count = 0;
    for (uint32_t row = 0; row < rows->count; row++) {
        if (streams[row] != INDEX_STREAM_NONE)
            gather->streams[streams[row]].count++;
    }
    uint32_t begin = 0;
    for (uint32_t i = 0; i < gather->stream_count; i++) {
        gather->streams[i].begin = begin;
        begin += gather->streams[i].count;
        gather->streams[i].count = 0;
    }
    unsigned row_bits;
    const uint64_t *order = order_rows(gather, rows, &row_bits);
    uint32_t *place = (uint32_t *)(void *)gather->place.data;
    uint64_t mask = ((uint64_t)1 << row_bits) - 1;
    for (uint32_t i = 0; i < rows->kept; i++) {
        uint32_t row = (uint32_t)(order[i] & mask);
        GatherStream *stream = &gather->streams[streams[row]];
        place[stream->begin + stream->count++] = row;
    }
    assert(begin == rows->kept);
}

// Notes where the ties of the block at hand begin; of blocks before without any, that they have
// none.
static bool note_tie_row(Gather *gather, GatherStream *stream, uint64_t first) {
    size_t known = stream->tie_row.size_bytes / sizeof first;
    uint64_t none = INDEX_TIE_NONE;
    for (; known < gather->block_count; known++) {
        if (!index_buffer_append(gather->memory, &stream->tie_row, &none, sizeof none))
            return false;
    }
    return index_buffer_append(gather->memory, &stream->tie_row, &first, sizeof first);
}

static bool append_ties(Gather *gather, GatherStream *stream, const uint32_t *places) {
    const uint32_t *ties = (const uint32_t *)(const void *)gather->row_tie.data;
    uint32_t max = 0;
    for (uint32_t i = 0; gather->has_ties && i < stream->count; i++)
        max = ties[places[i]] > max ? ties[places[i]] : max;
    if (max == 0)
        return true;
    if (!note_tie_row(gather, stream, stream->tie.size_bytes / sizeof *ties))
        return false;
    size_t size = stream->count * sizeof *ties;
    uint32_t *to = index_buffer_reserve(gather->memory, &stream->tie, size);
    if (to == NULL)
        return false;
    for (uint32_t i = 0; i < stream->count; i++)
        to[i] = ties[places[i]];
    stream->tie.size_bytes += size;
    stream->tie_max = max > stream->tie_max ? max : stream->tie_max;
    return true;
}

static bool append_stream(Gather *gather, GatherStream *stream, const BlockRows *rows) {
    const uint32_t *places = (const uint32_t *)(const void *)gather->place.data + stream->begin;
    const uint8_t *lanes = (const uint8_t *)gather->row_lane.data;
    const int64_t *times = rows->table->time_us + rows->first_row;
    uint32_t count = stream->count;
    uint8_t *lane = index_buffer_reserve(gather->memory, &stream->lane, count);
    int64_t *time = index_buffer_reserve(gather->memory, &stream->time_us, count * sizeof *time);
    if (lane == NULL || time == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        lane[i] = lanes[places[i]];
        time[i] = times[places[i]];
    }
    stream->lane.size_bytes += count;
    stream->time_us.size_bytes += count * sizeof *time;
    if (!append_ties(gather, stream, places))
        return false;
    stream->row_count += count;
    return index_gather_columns(gather, stream, rows->table, rows->first_row);
}

// Up to 256 customers of the table as the next block.
static int gather_block(Gather *gather, const EventTable *table, size_t first_customer,
                        size_t customer_count, KretsError *error) {
    assert(customer_count > 0 && customer_count <= BLOCK_CUSTOMER_MAX);
    uint64_t first = table->first_row[first_customer];
    uint64_t count = table->first_row[first_customer + customer_count] - first;
    if (count >= UINT32_MAX)
        return base_error_set(error, BASE_E_RESOURCES,
                              "%zu customers have more than 4 billion events", customer_count);
    BlockRows rows = {.table = table,
                      .first_customer = first_customer,
                      .customer_count = (uint32_t)customer_count,
                      .first_row = first,
                      .count = (uint32_t)count};
    int r = note_customers(gather, &rows, error);
    if (r == 0)
        r = note_times(gather, &rows, error);
    if (r < 0)
        return r;
    deal_rows(gather, &rows);
    for (uint32_t i = 0; i < gather->stream_count; i++) {
        if (gather->streams[i].count > 0 && !append_stream(gather, &gather->streams[i], &rows))
            return index_memory_fail(gather->memory, error);
    }
    gather->customer_count += (uint32_t)customer_count;
    gather->row_count += rows.kept;
    gather->block_count++;
    return 0;
}

// --- tables ---

static int gather_carried(Gather *gather, KretsError *error) {
    size_t count = index_carry_count(gather->carry);
    const EventTable *table = index_carry_table(gather->carry);
    if (table == NULL)
        return index_memory_fail(gather->memory, error);
    gather->epoch++; // texts lie elsewhere now
    int r = count == 0 ? 0 : gather_block(gather, table, 0, count, error);
    index_carry_clear(gather->carry);
    gather->epoch++;
    return r;
}

int index_gather_add(Gather *gather, const EventTable *table, KretsError *error) {
    if (table->customer_count > UINT32_MAX - gather->customer_count - BLOCK_CUSTOMER_MAX)
        return base_error_set(error, BASE_E_RESOURCES, "there are more than 4 billion customers");
    gather->epoch++;
    size_t next = 0;
    size_t waiting = index_carry_count(gather->carry);
    if (waiting > 0) {
        size_t missing = BLOCK_CUSTOMER_MAX - waiting;
        next = missing < table->customer_count ? missing : table->customer_count;
        if (!index_carry_add(gather->carry, table, 0, next))
            return index_memory_fail(gather->memory, error);
        if (next < missing)
            return 0;
        int r = gather_carried(gather, error);
        if (r < 0)
            return r;
    }
    for (; table->customer_count - next >= BLOCK_CUSTOMER_MAX; next += BLOCK_CUSTOMER_MAX) {
        int r = gather_block(gather, table, next, BLOCK_CUSTOMER_MAX, error);
        if (r < 0)
            return r;
    }
    if (next < table->customer_count &&
        !index_carry_add(gather->carry, table, next, table->customer_count))
        return index_memory_fail(gather->memory, error);
    return 0;
}

static bool end_tie_rows(Gather *gather, GatherStream *stream) {
    size_t size = gather->block_count * sizeof(uint64_t);
    if (stream->tie_max == 0 || stream->tie_row.size_bytes == size)
        return true;
    gather->block_count--; // the last block has none either
    bool is_fine = note_tie_row(gather, stream, INDEX_TIE_NONE);
    gather->block_count++;
    return is_fine;
}

int index_gather_end(Gather *gather, KretsError *error) {
    int r = gather_carried(gather, error);
    for (uint32_t i = 0; r == 0 && i < gather->stream_count; i++) {
        GatherStream *stream = &gather->streams[i];
        if (!index_buffer_append(gather->memory, &stream->block_row, &stream->row_count,
                                 sizeof stream->row_count) ||
            !end_tie_rows(gather, stream))
            r = index_memory_fail(gather->memory, error);
    }
    return r;
}
