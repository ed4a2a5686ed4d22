#include "oracle_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/map.h"

typedef struct Source {
    BlockSource source;
    const Plan *plan;
    const EventTable *table;
    uint32_t customers_a_block;
    Block *blocks;
    Str *texts;
    uint32_t text_count;
    Map *numbers;
    uint32_t coding_count;
    Arena *arena;
} Source;

// One row of a block.
typedef struct Row {
    uint64_t row;
    int64_t us;
    uint32_t lane, tie;
} Row;

static int compare_rows(const void *a, const void *b) {
    const Row *x = a, *y = b;
    if (x->us != y->us)
        return (x->us > y->us) - (x->us < y->us);
    return (x->row > y->row) - (x->row < y->row);
}

static uint32_t text_number(Source *source, Str text) {
    uint64_t number;
    if (base_map_get(source->numbers, text, &number))
        return (uint32_t)number;
    source->texts[source->text_count] = text;
    (void)base_map_put(source->numbers, text, source->text_count);
    return source->text_count++;
}

static int64_t linear_value(Value value) {
    return value.type == VALUE_BOOLEAN ? value.boolean
           : value.type == VALUE_DATE  ? value.date
                                       : value.integer;
}

static BlockCodeKind kind_of(ValueType type) {
    switch (type) {
    case VALUE_NUMBER:
        return BLOCK_CODE_NUMBER;
    case VALUE_TEXT:
        return BLOCK_CODE_TEXT;
    case VALUE_LIST:
        return BLOCK_CODE_LIST;
    default:
        return BLOCK_CODE_LINEAR;
    }
}

// Where the line of a column's numbers begins and ends, and how many items its lists have.
static size_t measure(BlockCoding *coding, const TableColumn *column, const Row *rows,
                      uint32_t count) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    size_t item_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        Value value = data_table_value(column, rows[i].row);
        if (value.is_null)
            continue;
        if (coding->kind == BLOCK_CODE_LINEAR) {
            least = linear_value(value) < least ? linear_value(value) : least;
            most = linear_value(value) > most ? linear_value(value) : most;
        }
        item_count += coding->kind == BLOCK_CODE_LIST ? value.list.count : 0;
    }
    if (coding->kind != BLOCK_CODE_LINEAR)
        return item_count;
    bool is_empty = least > most;
    coding->base = is_empty ? 0 : least;
    if (!is_empty && (uint64_t)most - (uint64_t)least > UINT64_MAX - 2)
        coding->kind = BLOCK_CODE_WHOLE;
    else
        coding->code_count = is_empty ? 1 : (uint64_t)most - (uint64_t)least + 2;
    return item_count;
}

// What a column's codes stand for, while it is made.
typedef struct Making {
    double *numbers;
    uint32_t *texts, *items;
    uint64_t *first_item;
    int64_t *integers;
    uint64_t item_count;
} Making;

// Each row its own code, but for what must be in line, and for texts, where equal ones share it.
static uint64_t make_code(Source *source, const BlockCoding *coding, Making *making, Value value,
                          uint32_t i) {
    uint64_t code = i + 1;
    switch (coding->kind) {
    case BLOCK_CODE_LINEAR:
        code = (uint64_t)linear_value(value) - (uint64_t)coding->base + 1;
        break;
    case BLOCK_CODE_WHOLE:
        making->integers[i + 1] = linear_value(value);
        break;
    case BLOCK_CODE_TEXT:
        making->texts[i + 1] = text_number(source, value.text);
        for (code = 1; code <= i && making->texts[code] != making->texts[i + 1];)
            code++;
        break;
    case BLOCK_CODE_LIST:
        for (size_t k = 0; k < value.list.count; k++)
            making->items[making->item_count++] = value.list.items[k].data == NULL
                                                      ? BLOCK_TEXT_NULL
                                                      : text_number(source, value.list.items[k]);
        break;
    default:
        making->numbers[i + 1] = value.number;
    }
    return code;
}

static BlockColumn make_column(Source *source, const TableColumn *column, const Row *rows,
                               uint32_t count) {
    Arena *arena = source->arena;
    BlockCoding *coding = base_arena_alloc(arena, sizeof *coding);
    uint64_t *codes = base_arena_alloc_array(arena, count + 1, sizeof *codes);
    *coding = (BlockCoding){.id = source->coding_count++,
                            .kind = kind_of(column->type),
                            .type = column->type,
                            .width = 8,
                            .has_null = true,
                            .code_count = count + 1,
                            .scale = 1};
    size_t item_count = measure(coding, column, rows, count);
    Making making = {.numbers = base_arena_alloc_array(arena, count + 2, sizeof *making.numbers),
                     .texts = base_arena_alloc_array(arena, count + 2, sizeof *making.texts),
                     .items = base_arena_alloc_array(arena, item_count + 1, sizeof *making.items),
                     .first_item =
                         base_arena_alloc_array(arena, count + 3, sizeof *making.first_item),
                     .integers = base_arena_alloc_array(arena, count + 2, sizeof *making.integers)};
    for (uint32_t i = 0; i < count; i++) {
        Value value = data_table_value(column, rows[i].row);
        making.first_item[i + 1] = making.item_count;
        codes[i] = value.is_null ? 0 : make_code(source, coding, &making, value, i);
        making.first_item[i + 2] = making.item_count;
    }
    coding->numbers = making.numbers;
    coding->texts = making.texts;
    coding->items = making.items;
    coding->first_item = making.first_item;
    coding->integers = making.integers;
    return (BlockColumn){.coding = coding, .codes = codes};
}

static bool is_of_stream(const Source *source, uint64_t row, uint32_t stream) {
    const BlockStreamInfo *info = &source->source.streams[stream];
    uint16_t event = source->table->event[row];
    if (info->is_any != (source->table->is_any[row] != 0))
        return false;
    return event == TABLE_EVENT_UNKNOWN
               ? info->event.size_bytes == 0
               : base_str_equal(info->event, source->plan->events[event].name);
}

static BlockStream make_stream(Source *source, const BlockTime *time, const Row *all,
                               uint32_t total, uint32_t stream) {
    Arena *arena = source->arena;
    Row *rows = base_arena_alloc_array(arena, total + 1, sizeof *rows);
    uint32_t count = 0;
    for (uint32_t i = 0; i < total; i++) {
        if (is_of_stream(source, all[i].row, stream))
            rows[count++] = all[i];
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    uint8_t *lanes = base_arena_alloc(arena, count + 1);
    uint32_t *ticks = base_arena_alloc_array(arena, count + 1, sizeof *ticks);
    uint32_t *rests = base_arena_alloc_array(arena, count + 1, sizeof *rests);
    uint32_t *ties = base_arena_alloc_array(arena, count + 1, sizeof *ties);
    for (uint32_t i = 0; i < count; i++) {
        int64_t since = rows[i].us - time->base_us;
        lanes[i] = (uint8_t)rows[i].lane;
        ties[i] = rows[i].tie;
        if (rows[i].us != CALENDAR_TIME_MIN) {
            ticks[i] = (uint32_t)(since / time->tick_us);
            rests[i] = (uint32_t)(since % time->tick_us);
        }
    }
    BlockColumn *columns =
        base_arena_alloc_array(arena, (size_t)source->plan->column_count + 1, sizeof *columns);
    for (int32_t c = 0; c < source->plan->column_count; c++)
        columns[c] = make_column(source, &source->table->columns[c], rows, count);
    return (BlockStream){.count = count,
                         .rest_width = 4,
                         .tie_width = 4,
                         .customer = lanes,
                         .tick = ticks,
                         .rest = time->tick_us == 1 ? NULL : rests,
                         .tie = ties,
                         .columns = columns};
}

static BlockTime make_time(const Row *rows, uint32_t count) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].us == CALENDAR_TIME_MIN)
            continue;
        least = rows[i].us < least ? rows[i].us : least;
        most = rows[i].us > most ? rows[i].us : most;
    }
    int64_t tick_us = 1;
    while (least < most && (most - least) / tick_us > (int64_t)UINT32_MAX - 4)
        tick_us *= 10;
    return (BlockTime){.base_us = least == INT64_MAX ? 0 : least - tick_us, .tick_us = tick_us};
}

static void make_block(Source *source, uint32_t number) {
    Arena *arena = source->arena;
    const EventTable *table = source->table;
    uint32_t first = number * source->customers_a_block;
    uint32_t lanes = (uint32_t)table->customer_count - first;
    lanes = lanes > source->customers_a_block ? source->customers_a_block : lanes;
    uint32_t count = (uint32_t)(table->first_row[first + lanes] - table->first_row[first]);
    Row *rows = base_arena_alloc_array(arena, count + 1, sizeof *rows);
    int64_t *first_us = base_arena_alloc_array(arena, lanes, sizeof *first_us);
    int64_t *first_any_us = base_arena_alloc_array(arena, lanes, sizeof *first_any_us);
    uint32_t at = 0;
    for (uint32_t lane = 0; lane < lanes; lane++) {
        first_us[lane] = first_any_us[lane] = INT64_MAX;
        for (uint64_t row = table->first_row[first + lane];
             row < table->first_row[first + lane + 1]; row++) {
            int64_t us = table->time_us[row];
            bool is_tied = at > 0 && rows[at - 1].lane == lane && rows[at - 1].us == us;
            rows[at] = (Row){
                .row = row, .us = us, .lane = lane, .tie = is_tied ? rows[at - 1].tie + 1 : 0};
            at++;
            first_us[lane] = us < first_us[lane] ? us : first_us[lane];
            if (table->is_any[row] && us < first_any_us[lane])
                first_any_us[lane] = us;
        }
    }
    BlockTime *time = base_arena_alloc(arena, sizeof *time);
    *time = make_time(rows, count);
    BlockStream *streams =
        base_arena_alloc_array(arena, source->source.stream_count + 1, sizeof *streams);
    for (uint32_t s = 0; s < source->source.stream_count; s++)
        streams[s] = make_stream(source, time, rows, count, s);
    source->blocks[number] = (Block){.number = number,
                                     .first_ordinal = first,
                                     .customer_count = lanes,
                                     .time = time,
                                     .first_us = first_us,
                                     .first_any_us = first_any_us,
                                     .streams = streams,
                                     .partition = 0};
}

static int get_block(void *context, BlockScratch *scratch, uint32_t number, const BlockNeeds *needs,
                     Block *ret_block, KretsError *error) {
    (void)scratch;
    (void)needs;
    (void)error;
    *ret_block = ((Source *)context)->blocks[number];
    return 0;
}

static BlockScratch *scratch_new(void *context) {
    (void)context;
    return NULL;
}

static void scratch_free(BlockScratch *scratch) {
    (void)scratch;
}

static Str customer_id(void *context, uint32_t ordinal) {
    return ((Source *)context)->table->customer_ids[ordinal];
}

static Str get_text(void *context, uint32_t partition, uint32_t number) {
    (void)partition;
    return ((Source *)context)->texts[number];
}

static uint32_t text_count(void *context, uint32_t partition) {
    (void)partition;
    return ((Source *)context)->text_count;
}

static void make_streams(Source *source) {
    const Plan *plan = source->plan;
    uint32_t count = ((uint32_t)plan->event_count + 1) * 2;
    BlockStreamInfo *streams = base_arena_alloc_array(source->arena, count, sizeof *streams);
    BlockColumnInfo *columns =
        base_arena_alloc_array(source->arena, (size_t)plan->column_count + 1, sizeof *columns);
    for (int32_t c = 0; c < plan->column_count; c++)
        columns[c] =
            (BlockColumnInfo){.column = plan->columns[c].column, .type = plan->columns[c].type};
    for (uint32_t s = 0; s < count; s++)
        streams[s] = (BlockStreamInfo){
            .event = s / 2 < (uint32_t)plan->event_count ? plan->events[s / 2].name : (Str){0},
            .is_any = s % 2 == 1,
            .columns = columns,
            .column_count = (uint32_t)plan->column_count};
    source->source.streams = streams;
    source->source.stream_count = count;
}

static size_t count_texts(const EventTable *table) {
    size_t count = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        for (size_t row = 0; row < table->row_count; row++) {
            Value value = data_table_value(&table->columns[c], row);
            if (value.is_null)
                continue;
            count += value.type == VALUE_TEXT ? 1 : value.type == VALUE_LIST ? value.list.count : 0;
        }
    }
    return count;
}

const BlockSource *oracle_blocks(Arena *arena, const Plan *plan, const EventTable *table,
                                 uint32_t customers_a_block) {
    Source *source = base_arena_alloc(arena, sizeof *source);
    uint32_t customers = (uint32_t)table->customer_count;
    uint32_t blocks = (customers + customers_a_block - 1) / customers_a_block;
    *source = (Source){.plan = plan,
                       .table = table,
                       .customers_a_block = customers_a_block,
                       .blocks = base_arena_alloc_array(arena, blocks + 1, sizeof(Block)),
                       .texts = base_arena_alloc_array(arena, count_texts(table) + 1, sizeof(Str)),
                       .numbers = base_map_new(),
                       .arena = arena};
    make_streams(source);
    for (uint32_t i = 0; i < blocks; i++)
        make_block(source, i);
    base_map_free(source->numbers);
    source->source.context = source;
    source->source.customer_count = customers;
    source->source.block_count = blocks;
    source->source.partition_count = 1;
    source->source.coding_count = source->coding_count;
    source->source.scratch_new = scratch_new;
    source->source.scratch_free = scratch_free;
    source->source.block = get_block;
    source->source.customer_id = customer_id;
    source->source.text = get_text;
    source->source.text_count = text_count;
    return &source->source;
}
