// A plan's names meet a source's streams and columns; clauses become sets of codes.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

// A clause is asked of so many codes at a time.
enum { CODES_A_CHUNK = 4096 };

// --- names ---

static int32_t find_event(const Plan *plan, Str name) {
    for (int32_t i = 0; i < plan->event_count; i++) {
        if (base_str_equal(plan->events[i].name, name))
            return i;
    }
    return -1;
}

static int32_t find_column(const BlockStreamInfo *stream, const PlanColumn *column) {
    for (uint32_t i = 0; i < stream->column_count; i++) {
        if (base_str_equal(stream->columns[i].column, column->column) &&
            stream->columns[i].type == column->type)
            return (int32_t)i;
    }
    return -1;
}

static void bind_streams(KernelBinding *binding) {
    const Plan *plan = binding->kernel->plan;
    const BlockSource *source = binding->source;
    Arena *arena = binding->arena;
    binding->streams =
        base_arena_alloc_array(arena, source->stream_count + 1, sizeof(*binding->streams));
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStreamInfo *stream = &source->streams[s];
        int32_t *columns =
            base_arena_alloc_array(arena, (size_t)plan->column_count + 1, sizeof(*columns));
        for (int32_t c = 0; c < plan->column_count; c++)
            columns[c] = find_column(stream, &plan->columns[c]);
        binding->streams[s] =
            (StreamBinding){.event = find_event(plan, stream->event), .columns = columns};
    }
}

static bool is_in_set(const KernelBinding *binding, const EventSet *set, uint32_t stream) {
    if (set->is_any)
        return binding->source->streams[stream].is_any;
    for (int32_t i = 0; i < set->count; i++) {
        if (set->events[i] == binding->streams[stream].event)
            return true;
    }
    return false;
}

static void bind_selections(KernelBinding *binding) {
    const Kernel *kernel = binding->kernel;
    binding->selections = base_arena_alloc_array(
        binding->arena, (size_t)kernel->selection_count + 1, sizeof(*binding->selections));
    for (int32_t i = 0; i < kernel->selection_count; i++) {
        const Selection *selection = &kernel->plan->selections[kernel->selections[i].selection];
        int32_t *streams = base_arena_alloc_array(binding->arena, binding->source->stream_count + 1,
                                                  sizeof(*streams));
        int32_t count = 0;
        for (uint32_t s = 0; s < binding->source->stream_count; s++) {
            if (is_in_set(binding, &selection->events, s))
                streams[count++] = (int32_t)s;
        }
        binding->selections[i] = (SelectionBinding){.streams = streams, .stream_count = count};
    }
}

// --- what will be read ---

static void need_set(const KernelBinding *binding, KernelNeeds *needs, const EventSet *set) {
    needs->has_any |= set->is_any;
    for (uint32_t s = 0; s < binding->source->stream_count; s++)
        needs->streams[s] |= is_in_set(binding, set, s);
}

static void need_column(const KernelBinding *binding, KernelNeeds *needs, uint32_t stream,
                        int32_t column) {
    int32_t place = column < 0 ? -1 : binding->streams[stream].columns[column];
    if (place >= 0)
        needs->columns[stream][place] = 1;
}

static void need_properties(const KernelBinding *binding, KernelNeeds *needs, NodeId id,
                            const EventSet *set) {
    if (id == NODE_NONE)
        return;
    const Kernel *kernel = binding->kernel;
    const Node *node = &kernel->plan->nodes[id];
    for (int32_t i = 0; i < node->arg_count; i++)
        need_properties(binding, needs, node->args[i], set);
    if (node->kind != NODE_PROPERTY)
        return;
    for (uint32_t s = 0; s < binding->source->stream_count; s++) {
        int32_t event = binding->streams[s].event;
        if (event >= 0 && is_in_set(binding, set, s))
            need_column(binding, needs, s,
                        kernel->ready->property_columns[(size_t)node->index *
                                                            (size_t)kernel->plan->event_count +
                                                        (size_t)event]);
    }
}

static void need_selection(const KernelBinding *binding, KernelNeeds *needs, int32_t index) {
    const Selection *selection = &binding->kernel->plan->selections[index];
    need_set(binding, needs, &selection->events);
    need_properties(binding, needs, selection->where, &selection->events);
}

static void need_trait(const KernelBinding *binding, KernelNeeds *needs, int32_t trait) {
    if (trait < 0)
        return;
    for (int32_t i = 0; i < binding->identify_count; i++) {
        uint32_t stream = (uint32_t)binding->identify_streams[i];
        needs->streams[stream] = 1;
        need_column(binding, needs, stream, binding->kernel->plan->traits[trait].column);
    }
}

// Whatever reads history through other nodes (segments in the past) reads all of the plan.
static bool reads_everything(const Kernel *kernel) {
    for (int32_t i = 0; i < kernel->slow_count; i++) {
        NodeKind kind = kernel->plan->nodes[kernel->slow_nodes[i]].kind;
        if (kind != NODE_AGGREGATE && kind != NODE_SEQUENCE && kind != NODE_TRAIT &&
            kind != NODE_LIST && kind != NODE_WAS && kind != NODE_CHANGED)
            return true;
    }
    return false;
}

static void need_aggregate(const KernelBinding *binding, KernelNeeds *needs,
                           const Aggregate *aggregate) {
    need_selection(binding, needs, aggregate->selection);
    need_properties(binding, needs, aggregate->value, &aggregate->events);
    need_properties(binding, needs, aggregate->by, &aggregate->events);
}

static void need_node(const KernelBinding *binding, KernelNeeds *needs, const Node *node) {
    const Plan *plan = binding->kernel->plan;
    if (node->kind == NODE_AGGREGATE)
        need_aggregate(binding, needs, &plan->aggregates[node->index]);
    if (node->kind == NODE_SEQUENCE) {
        const Sequence *sequence = &plan->sequences[node->index];
        for (int32_t s = 0; s < sequence->step_count; s++) {
            int32_t selection = sequence->steps[s].selection;
            need_selection(binding, needs, selection);
            need_properties(binding, needs, sequence->by, &plan->selections[selection].events);
        }
    }
    if (node->kind == NODE_TRAIT || node->kind == NODE_WAS)
        need_trait(binding, needs, node->index);
    if (node->kind == NODE_CHANGED)
        need_trait(binding, needs, plan->changes[node->index].trait);
}

static KernelNeeds needs_new(const KernelBinding *binding) {
    const BlockSource *source = binding->source;
    KernelNeeds needs = {.streams = base_arena_alloc(binding->arena, source->stream_count + 1),
                         .columns = base_arena_alloc_array(binding->arena, source->stream_count + 1,
                                                           sizeof(*needs.columns))};
    for (uint32_t s = 0; s < source->stream_count; s++)
        needs.columns[s] = base_arena_alloc(binding->arena, source->streams[s].column_count + 1);
    return needs;
}

// What the nodes read of a block; the zone and the country are always read.
static KernelNeeds needs_of(const KernelBinding *binding, const bool *nodes) {
    const Plan *plan = binding->kernel->plan;
    KernelNeeds needs = needs_new(binding);
    bool is_all = reads_everything(binding->kernel);
    need_trait(binding, &needs, plan->zone_trait);
    need_trait(binding, &needs, plan->country_trait);
    for (int32_t i = 0; i < plan->node_count; i++) {
        if (is_all || nodes[i])
            need_node(binding, &needs, &plan->nodes[i]);
    }
    for (int32_t i = 0; is_all && i < plan->trait_count; i++)
        need_trait(binding, &needs, i);
    return needs;
}

static void bind_needs(KernelBinding *binding) {
    binding->all_needs = needs_of(binding, binding->kernel->is_needed);
    binding->slow_needs = needs_of(binding, binding->kernel->is_slow);
    binding->needs = (BlockNeeds){.streams = binding->all_needs.streams,
                                  .columns = (const uint8_t *const *)binding->all_needs.columns};
}

// --- clauses ---

// One customer's rows, one for each value to be asked about.
typedef struct Trial {
    Work *work;
    EventTable table;
    TableColumn *columns;
    uint64_t first_row[2];
    uint16_t *events;
    int64_t *times;
    uint8_t *is_any;
    uint8_t *valid;
    void *values;
    Str id;
} Trial;

static int trial_init(Trial *trial, const Kernel *kernel, int32_t event, int32_t column,
                      size_t row_count, KretsError *error) {
    const Plan *plan = kernel->plan;
    *trial = (Trial){
        .columns = calloc((size_t)plan->column_count + 1, sizeof(*trial->columns)),
        .events = calloc(row_count, sizeof(uint16_t)),
        .times = calloc(row_count, sizeof(int64_t)),
        .is_any = calloc(row_count, 1),
        .valid = calloc(row_count, 1),
        .values = calloc(row_count, sizeof(Value)),
        .first_row = {0, row_count},
    };
    if (trial->columns == NULL || trial->events == NULL || trial->times == NULL ||
        trial->is_any == NULL || trial->valid == NULL || trial->values == NULL)
        abort();
    for (size_t i = 0; i < row_count; i++)
        trial->events[i] = event < 0 ? TABLE_EVENT_UNKNOWN : (uint16_t)event;
    if (column >= 0)
        trial->columns[column] = (TableColumn){
            .type = plan->columns[column].type, .values = trial->values, .valid = trial->valid};
    trial->table = (EventTable){.customer_count = 1,
                                .customer_ids = &trial->id,
                                .first_row = trial->first_row,
                                .row_count = row_count,
                                .time_us = trial->times,
                                .event = trial->events,
                                .is_any = trial->is_any,
                                .columns = trial->columns,
                                .column_count = (size_t)plan->column_count};
    trial->work = engine_work_new(kernel->ready, &trial->table, NULL, (size_t)64 << 20, error);
    if (trial->work == NULL)
        return BASE_E_RESOURCES;
    engine_work_customer(trial->work, 0);
    trial->work->stamp++; // constants are values of the customer: none is known yet
    return BASE_OK;
}

static void trial_done(Trial *trial) {
    engine_work_free(trial->work);
    free(trial->columns);
    free(trial->events);
    free(trial->times);
    free(trial->is_any);
    free(trial->valid);
    free(trial->values);
}

static bool trial_holds(const Trial *trial, NodeId id, size_t row) {
    Value value = engine_node_value(trial->work, id, row);
    return !value.is_null && value.boolean;
}

static void trial_put(Trial *trial, const BlockSource *source, uint32_t partition,
                      const BlockCoding *coding, size_t row, uint64_t code, Arena *arena) {
    Value value = engine_kernel_code_value(source, partition, coding, code, arena);
    trial->valid[row] = !value.is_null;
    if (!value.is_null)
        data_table_put(trial->values, row, value);
}

static bool clause_of_null(const Kernel *kernel, const Clause *clause, KretsError *error,
                           int *code) {
    Trial trial;
    bool holds = false;
    *code = trial_init(&trial, kernel, -1, -1, 1, error);
    if (*code == BASE_OK)
        holds = trial_holds(&trial, clause->node, 0);
    trial_done(&trial);
    return holds;
}

// --- filters: the codes for which a clause holds ---

// A comparison with a constant holds on one side of it: found by halving.
static bool is_monotone(const Plan *plan, NodeId id, const BlockCoding *coding) {
    const Node *node = &plan->nodes[id];
    return coding->kind == BLOCK_CODE_LINEAR && node->kind == NODE_COMPARE &&
           (node->compare == COMPARE_LT || node->compare == COMPARE_LE ||
            node->compare == COMPARE_GT || node->compare == COMPARE_GE) &&
           plan->nodes[node->args[0]].kind == NODE_PROPERTY &&
           plan->nodes[node->args[1]].kind == NODE_CONST;
}

// Codes that are bits of doubles, or too many, are not listed: each row is asked.
enum { CODES_LISTED_MAX = 1 << 22 };

bool engine_kernel_is_listed(const Kernel *kernel, int32_t clause, const BlockCoding *coding) {
    if (coding->kind == BLOCK_CODE_DOUBLE)
        return false;
    return coding->code_count <= CODES_LISTED_MAX ||
           is_monotone(kernel->plan, kernel->clauses[clause].node, coding);
}

typedef struct FilterAsk {
    const KernelBinding *binding;
    const Clause *clause;
    uint32_t partition;
    const BlockCoding *coding;
    Trial trial;
    Arena *scratch;
} FilterAsk;

static bool ask_code(FilterAsk *ask, uint64_t code) {
    trial_put(&ask->trial, ask->binding->source, ask->partition, ask->coding, 0, code,
              ask->scratch);
    return trial_holds(&ask->trial, ask->clause->node, 0);
}

static Filter *filter_by_halving(FilterAsk *ask, Arena *arena) {
    Filter *filter = base_arena_alloc(arena, sizeof(*filter));
    uint64_t first = 1, end = ask->coding->code_count; // codes [first, end)
    filter->low = 1;
    filter->high = 0;
    if (first >= end)
        return filter;
    bool at_first = ask_code(ask, first);
    uint64_t low = first, high = end; // the first code that answers otherwise is in (low, high]
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (ask_code(ask, middle) == at_first)
            low = middle;
        else
            high = middle;
    }
    filter->low = at_first ? first : high;
    filter->high = (at_first ? high : end) - 1;
    return filter;
}

static uint8_t *ask_all(FilterAsk *ask, Arena *arena) {
    uint64_t count = ask->coding->code_count;
    uint8_t *table = base_arena_alloc(arena, (size_t)count + 1);
    for (uint64_t begin = 0; begin < count; begin += CODES_A_CHUNK) {
        uint64_t end = begin + CODES_A_CHUNK < count ? begin + CODES_A_CHUNK : count;
        base_arena_reset(ask->scratch);
        for (uint64_t code = begin; code < end; code++)
            trial_put(&ask->trial, ask->binding->source, ask->partition, ask->coding,
                      (size_t)(code - begin), code, ask->scratch);
        for (uint64_t code = begin; code < end; code++)
            table[code] = trial_holds(&ask->trial, ask->clause->node, (size_t)(code - begin));
    }
    return table;
}

// One run of codes (the commonest: equality) is compared faster than it is looked up.
static Filter *filter_of_table(const uint8_t *table, uint64_t count, bool is_null_in,
                               Arena *arena) {
    Filter *filter = base_arena_alloc(arena, sizeof(*filter));
    uint64_t low = 1;
    while (low < count && !table[low])
        low++;
    uint64_t high = low;
    while (high < count && table[high])
        high++;
    uint64_t rest = high;
    while (rest < count && !table[rest])
        rest++;
    *filter = (Filter){.kind = FILTER_TABLE, .table = table};
    if (rest == count && (!is_null_in || low == 1)) {
        uint64_t first = is_null_in ? 0 : low;
        *filter = (Filter){.kind = FILTER_RANGE, .low = first, .high = high - 1};
        if (high == low && !is_null_in)
            *filter = (Filter){.kind = FILTER_RANGE, .low = 1, .high = 0};
    }
    return filter;
}

static Filter *make_filter(KernelBinding *binding, int32_t clause, int32_t event,
                           uint32_t partition, const BlockCoding *coding) {
    const Kernel *kernel = binding->kernel;
    FilterAsk ask = {.binding = binding,
                     .clause = &kernel->clauses[clause],
                     .partition = partition,
                     .coding = coding,
                     .scratch = base_arena_new(SIZE_MAX)};
    int32_t column = kernel->ready->property_columns[(size_t)kernel->clauses[clause].property *
                                                         (size_t)kernel->plan->event_count +
                                                     (size_t)event];
    KretsError error;
    if (trial_init(&ask.trial, kernel, event, column, CODES_A_CHUNK, &error) < 0)
        abort(); // a fixed small budget
    bool is_null_in = binding->clause_nulls[clause];
    Filter *filter;
    if (is_monotone(kernel->plan, ask.clause->node, coding)) {
        filter = filter_by_halving(&ask, binding->arena);
    } else {
        uint8_t *table = ask_all(&ask, binding->arena);
        filter = filter_of_table(table, coding->code_count, is_null_in, binding->arena);
    }
    trial_done(&ask.trial);
    base_arena_free(ask.scratch);
    return filter;
}

const Filter *engine_kernel_filter(const KernelBinding *binding, int32_t clause, int32_t event,
                                   uint32_t partition, const BlockCoding *coding) {
    KernelBinding *shared = (KernelBinding *)binding; // its tables fill as blocks come
    Filter **slot = &shared->filters[(size_t)clause * binding->source->coding_count + coding->id];
    assert(coding->id < binding->source->coding_count && event >= 0);
    Filter *filter = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (filter != NULL)
        return filter;
    pthread_mutex_lock(&shared->lock);
    filter = *slot;
    if (filter == NULL) {
        filter = make_filter(shared, clause, event, partition, coding);
        __atomic_store_n(slot, filter, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&shared->lock);
    return filter;
}

void engine_kernel_ask(const KernelBinding *binding, int32_t clause, int32_t event,
                       uint32_t partition, const BlockColumn *column, uint32_t count, uint8_t *keep,
                       bool is_first) {
    const Kernel *kernel = binding->kernel;
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    const Clause *asked = &kernel->clauses[clause];
    Trial trial;
    KretsError error;
    int32_t at =
        kernel->ready
            ->property_columns[(size_t)asked->property * (size_t)kernel->plan->event_count +
                               (size_t)event];
    if (trial_init(&trial, kernel, event, at, count, &error) < 0)
        abort(); // a fixed small budget
    for (uint32_t i = 0; i < count; i++) {
        uint64_t code = data_block_code(column->coding, column->codes, i);
        trial_put(&trial, binding->source, partition, column->coding, i, code, scratch);
        keep[i] = trial_holds(&trial, asked->node, i) && (is_first || keep[i]);
    }
    trial_done(&trial);
}

// --- the binding ---

static int bind_clauses(KernelBinding *binding, KretsError *error) {
    const Kernel *kernel = binding->kernel;
    bool *nulls = base_arena_alloc(binding->arena, (size_t)kernel->clause_count + 1);
    int code = BASE_OK;
    for (int32_t i = 0; code == BASE_OK && i < kernel->clause_count; i++)
        nulls[i] = clause_of_null(kernel, &kernel->clauses[i], error, &code);
    binding->clause_nulls = nulls;
    binding->filters = base_arena_alloc_array(
        binding->arena, (size_t)kernel->clause_count * binding->source->coding_count + 1,
        sizeof(Filter *));
    return code;
}

static void bind_identify(KernelBinding *binding) {
    int32_t identify = binding->kernel->ready->identify;
    binding->identify_streams =
        base_arena_alloc_array(binding->arena, binding->source->stream_count + 1, sizeof(int32_t));
    for (uint32_t s = 0; identify >= 0 && s < binding->source->stream_count; s++) {
        if (binding->streams[s].event == identify)
            binding->identify_streams[binding->identify_count++] = (int32_t)s;
    }
}

int engine_kernel_bind(const Kernel *kernel, const BlockSource *source, const FitSet *fits,
                       KernelBinding **ret_binding, KretsError *error) {
    if (kernel->plan->fit_count > 0 && fits == NULL)
        return base_error_set(error, BASE_E_USAGE,
                              "the model uses ntile or percentile, which are fitted over the whole "
                              "population first: run krets fit");
    Arena *arena = base_arena_new(SIZE_MAX);
    KernelBinding *binding = base_arena_alloc(arena, sizeof(*binding));
    *binding = (KernelBinding){.arena = arena, .kernel = kernel, .source = source, .fits = fits};
    pthread_mutex_init(&binding->lock, NULL);
    bind_streams(binding);
    bind_identify(binding);
    bind_selections(binding);
    bind_needs(binding);
    int code = bind_clauses(binding, error);
    if (code < 0) {
        engine_kernel_unbind(binding);
        return code;
    }
    *ret_binding = binding;
    return BASE_OK;
}

void engine_kernel_unbind(KernelBinding *binding) {
    if (binding == NULL)
        return;
    pthread_mutex_destroy(&binding->lock);
    base_arena_free(binding->arena);
}

const BlockNeeds *engine_kernel_needs(const KernelBinding *binding) {
    return &binding->needs;
}
