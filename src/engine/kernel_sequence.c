// Sequences of all customers of the blocks at hand: one loop over the matches of the steps in the
// order of time.
//
// After each positive step a customer has chains that wait in a gap for the next one. `within` and
// the negative steps let the older chains end first, or all; the limit on the whole asks for the
// chain that began last. A chain that has come so far later also began no earlier, so the newest is
// as good as all others and the only one to be kept. But where `not b within d` stands in the gap,
// b ends the newer chains and leaves the older ones: there they lie on a stack. At the end of the
// sequence it is the other way round: the negative steps never undo an older chain and leave a
// newer one, and the oldest is complete first.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/kernel_private.h"

// --- the plan ---

static bool is_exact(CalendarUnit unit) {
    return unit <= UNIT_WEEK;
}

static bool is_exact_step(const SequenceStep *step) {
    return step->within_n == 0 || is_exact(step->within_unit);
}

// The length of n units; 0 units: no limit, which is the length of the calendar.
static int64_t length_us(CalendarUnit unit, int64_t n) {
    if (n == 0)
        return CALENDAR_TIME_MAX - CALENDAR_TIME_MIN;
    return base_zone_add(NULL, CALENDAR_TIME_MIN, unit, n) - CALENDAR_TIME_MIN;
}

// Whether one loop can answer it. In a gap with `not b within d` a b ends the newer chains and
// leaves the older: they are stacked. Among chains that went through such a gap the newest need not
// be the one that began last, which only a limit on the whole asks for, and only at a later step.
static bool is_fast_form(const Sequence *sequence) {
    bool is_all_limited = sequence->all_within_n != 0;
    bool is_stacked = false, was_stacked = false;
    if (sequence->by != NODE_NONE || (is_all_limited && !is_exact(sequence->all_within_unit)))
        return false;
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        if (!is_exact_step(step))
            return false;
        if (step->is_negated) {
            is_stacked |= step->within_n != 0;
            continue;
        }
        if (is_all_limited && was_stacked)
            return false;
        was_stacked |= is_stacked;
    }
    return true;
}

// Of the negative steps of a gap, those with a limit or those without.
static int32_t add_bars(Kernel *kernel, const Sequence *sequence, const int32_t *gaps, int32_t gap,
                        bool is_limited, KernelSequence *made, SequenceAct *acts) {
    int32_t count = 0;
    bool is_end = gap == made->gap_count - 1;
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        if (!step->is_negated || gaps[i] != gap || (step->within_n != 0) != is_limited)
            continue;
        int64_t within_us = length_us(step->within_unit, step->within_n);
        acts[count++] =
            (SequenceAct){.kind = is_end ? ACT_END : ACT_BAR,
                          .selection = engine_kernel_selection_of(kernel, step->selection),
                          .gap = gap,
                          .within_us = within_us};
        if (is_end && is_limited && within_us > made->wait_us)
            made->wait_us = within_us;
    }
    return count;
}

// An event acts on later gaps first, so that it is one step of a chain only. `not b within d` ends
// chains before b itself may be the next step, `not b` after.
static void add_acts(Kernel *kernel, const Sequence *sequence, const int32_t *gaps,
                     KernelSequence *made) {
    SequenceAct *acts =
        base_arena_alloc_array(kernel->arena, (size_t)sequence->step_count, sizeof(*acts));
    bool *is_stacked = base_arena_alloc(kernel->arena, (size_t)made->gap_count);
    int32_t count = 0;
    for (int32_t gap = made->gap_count; gap-- > 0;) {
        int32_t limited = add_bars(kernel, sequence, gaps, gap, true, made, acts + count);
        is_stacked[gap] = limited > 0 && gap < made->gap_count - 1;
        count += limited;
        for (int32_t i = 1; i < sequence->step_count; i++) {
            const SequenceStep *step = &sequence->steps[i];
            if (!step->is_negated && gaps[i] == gap + 1)
                acts[count++] =
                    (SequenceAct){.kind = ACT_NEXT,
                                  .selection = engine_kernel_selection_of(kernel, step->selection),
                                  .gap = gap,
                                  .within_us = length_us(step->within_unit, step->within_n)};
        }
        count += add_bars(kernel, sequence, gaps, gap, false, made, acts + count);
    }
    acts[count++] = (SequenceAct){
        .kind = ACT_FIRST,
        .selection = engine_kernel_selection_of(kernel, sequence->steps[0].selection)};
    assert(count == sequence->step_count);
    made->acts = acts;
    made->act_count = count;
    made->is_stacked = is_stacked;
}

static bool has_fast_parts(Kernel *kernel, const Sequence *sequence, int32_t window) {
    for (int32_t i = 0; i < sequence->step_count; i++) {
        int32_t selection = engine_kernel_selection_of(kernel, sequence->steps[i].selection);
        if (!kernel->selections[selection].is_fast)
            return false;
    }
    return kernel->windows[window].kind != BOUNDS_LANES ||
           (engine_kernel_is_fast_point(kernel, sequence->window.from) &&
            engine_kernel_is_fast_point(kernel, sequence->window.to));
}

void engine_kernel_add_sequence(Kernel *kernel, NodeId id) {
    const Sequence *sequence = &kernel->plan->sequences[kernel->plan->nodes[id].index];
    KernelSequence made = {.node = id};
    if (is_fast_form(sequence))
        made.window = engine_kernel_window_of(kernel, &sequence->window);
    if (!is_fast_form(sequence) || !has_fast_parts(kernel, sequence, made.window)) {
        engine_kernel_add_slow(kernel, id);
        return;
    }
    int32_t *gaps =
        base_arena_alloc_array(kernel->arena, (size_t)sequence->step_count, sizeof(*gaps));
    for (int32_t i = 0; i < sequence->step_count; i++) {
        made.gap_count += !sequence->steps[i].is_negated;
        gaps[i] = made.gap_count - 1;
    }
    made.all_within_us = length_us(sequence->all_within_unit, sequence->all_within_n);
    add_acts(kernel, sequence, gaps, &made);
    for (int32_t i = 0; i < made.act_count; i++) {
        KernelSelection *selection = &kernel->selections[made.acts[i].selection];
        if (selection->slot == 0)
            selection->slot = ++kernel->slot_count;
    }
    kernel->node_sequences[id] = kernel->sequence_count;
    kernel->sequences[kernel->sequence_count++] = made;
}

// --- room ---

#define NO_TIME INT64_MIN // earlier than any event by more than any length

// A chain: when its newest step and its first step were.
typedef struct Chain {
    int64_t us, first_us;
} Chain;

// Matches [at, end) of a step in one stream.
typedef struct List {
    const SequenceAct *act;
    const BlockStream *stream;
    const uint32_t *rows; // NULL: row i is i
    const uint8_t *lanes;
    uint32_t at, end;
} List;

typedef struct Head {
    int64_t us; // of its list's next event
    uint32_t list;
} Head;

// An event among others of the same instant.
typedef struct Tied {
    uint64_t order;
    uint32_t list, at;
} Tied;

struct SequenceRoom {
    Chain *newest; // [gap * BLOCK_CUSTOMER_MAX + lane]
    // Below the newest of a stacked gap: stack[gap][bottom[i] .. bottom[i] + depth[i]), i as above.
    Chain **stack;
    size_t *stack_room; // by gap
    uint32_t *bottom, *depth;
    int32_t gap_max;
    int64_t oldest_us[BLOCK_CUSTOMER_MAX]; // of the whole chains
    List *lists;
    Head *heads;
    Tied *tied;
    size_t tied_room;
};

SequenceRoom *engine_kernel_sequence_room(const KernelBinding *binding) {
    const Kernel *kernel = binding->kernel;
    size_t acts = 0, gaps = 0;
    if (kernel->sequence_count == 0)
        return NULL;
    for (int32_t i = 0; i < kernel->sequence_count; i++) {
        const KernelSequence *sequence = &kernel->sequences[i];
        acts = (size_t)sequence->act_count > acts ? (size_t)sequence->act_count : acts;
        gaps = (size_t)sequence->gap_count > gaps ? (size_t)sequence->gap_count : gaps;
    }
    SequenceRoom *room = calloc(1, sizeof(*room));
    if (room == NULL)
        abort();
    size_t places = gaps * BLOCK_CUSTOMER_MAX, lists = acts * binding->source->stream_count + 1;
    room->gap_max = (int32_t)gaps;
    room->newest = calloc(places, sizeof(*room->newest));
    room->stack = calloc(gaps, sizeof(*room->stack));
    room->stack_room = calloc(gaps, sizeof(*room->stack_room));
    room->bottom = calloc(places, sizeof(*room->bottom));
    room->depth = calloc(places, sizeof(*room->depth));
    room->lists = calloc(lists, sizeof(*room->lists));
    room->heads = calloc(lists, sizeof(*room->heads));
    if (!room->newest || !room->stack || !room->stack_room || !room->bottom || !room->depth ||
        !room->lists || !room->heads)
        abort();
    return room;
}

void engine_kernel_sequence_done(SequenceRoom *room) {
    if (room == NULL)
        return;
    for (int32_t gap = 0; gap < room->gap_max; gap++)
        free(room->stack[gap]);
    free(room->newest);
    free(room->stack);
    free(room->stack_room);
    free(room->bottom);
    free(room->depth);
    free(room->lists);
    free(room->heads);
    free(room->tied);
    free(room);
}

// --- chains of one customer ---

// A sequence in one block.
typedef struct Run {
    KernelWork *work;
    const KernelSequence *sequence;
    SequenceRoom *room;
    const Block *block;
    uint32_t first_lane;
    uint32_t list_count;
    bool has_ties; // a customer may have events of two streams at one time
} Run;

static void reach(const Run *run, int32_t gap, uint32_t lane, Chain chain) {
    SequenceRoom *room = run->room;
    if (gap == run->sequence->gap_count - 1) {
        if (room->oldest_us[lane] == NO_TIME)
            room->oldest_us[lane] = chain.us;
        return;
    }
    size_t place = (size_t)gap * BLOCK_CUSTOMER_MAX + lane;
    Chain *newest = &room->newest[place];
    if (run->sequence->is_stacked[gap] && newest->us != NO_TIME)
        room->stack[gap][room->bottom[place] + room->depth[place]++] = *newest;
    *newest = chain;
}

// Ends the chains that wait in the gap since `from_us` or later.
static void bar(const Run *run, int32_t gap, uint32_t lane, int64_t from_us) {
    SequenceRoom *room = run->room;
    size_t place = (size_t)gap * BLOCK_CUSTOMER_MAX + lane;
    Chain *newest = &room->newest[place];
    while (newest->us >= from_us) {
        bool is_last = !run->sequence->is_stacked[gap] || room->depth[place] == 0;
        *newest = is_last ? (Chain){.us = NO_TIME}
                          : room->stack[gap][room->bottom[place] + --room->depth[place]];
    }
}

static bool is_in_window(const Run *run, uint32_t lane, int64_t us, const List *list,
                         uint32_t row) {
    const LaneBound *low = &run->work->lane_from[run->first_lane + lane];
    const LaneBound *high = &run->work->lane_to[run->first_lane + lane];
    if (us > low->us && us < high->us)
        return true;
    if (us < low->us || us > high->us)
        return false;
    uint64_t order = engine_kernel_order(list->stream, row);
    return (us > low->us || order > low->order) && (us < high->us || order <= high->order);
}

static uint32_t row_of(const List *list, uint32_t at) {
    return list->rows == NULL ? at : list->rows[at];
}

static void act(const Run *run, const List *list, uint32_t at, int64_t us) {
    const SequenceAct *act = list->act;
    uint32_t lane = list->lanes[at];
    switch (act->kind) {
    case ACT_FIRST:
        if (is_in_window(run, lane, us, list, row_of(list, at)))
            reach(run, 0, lane, (Chain){.us = us, .first_us = us});
        break;
    case ACT_NEXT: {
        const Chain *chain = &run->room->newest[(size_t)act->gap * BLOCK_CUSTOMER_MAX + lane];
        if (chain->us >= us - act->within_us &&
            chain->first_us >= us - run->sequence->all_within_us)
            reach(run, act->gap + 1, lane, (Chain){.us = us, .first_us = chain->first_us});
        break;
    }
    case ACT_BAR:
        bar(run, act->gap, lane, us - act->within_us);
        break;
    case ACT_END:
        if (run->room->oldest_us[lane] >= us - act->within_us)
            run->room->oldest_us[lane] = NO_TIME;
        break;
    }
}

// --- events of the steps in their order ---

static int64_t us_of(const Run *run, const List *list) {
    return data_block_time(run->block->time, list->stream, row_of(list, list->at));
}

// Lists stand in the order of acts, so the acts of one event come in theirs. Rows of two streams at
// one time are of two customers, where there are no ties.
static bool is_before(const SequenceRoom *room, const Head *a, const Head *b) {
    if (a->us != b->us)
        return a->us < b->us;
    const List *x = &room->lists[a->list], *y = &room->lists[b->list];
    uint32_t x_row = row_of(x, x->at), y_row = row_of(y, y->at);
    return x_row != y_row ? x_row < y_row : a->list < b->list;
}

// Puts the head where it belongs in the heap from `at` downwards.
static void sift(const SequenceRoom *room, uint32_t count, uint32_t at, Head head) {
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && is_before(room, &room->heads[child + 1], &room->heads[child]);
        if (!is_before(room, &room->heads[child], &head))
            break;
        room->heads[at] = room->heads[child];
    }
    room->heads[at] = head;
}

static void make_heap(const Run *run) {
    SequenceRoom *room = run->room;
    for (uint32_t i = 0; i < run->list_count; i++)
        room->heads[i] = (Head){.us = us_of(run, &room->lists[i]), .list = i};
    for (uint32_t i = run->list_count / 2; i-- > 0;)
        sift(room, run->list_count, i, room->heads[i]);
}

// Takes the first event from the heap.
static void advance(const Run *run, uint32_t *count) {
    SequenceRoom *room = run->room;
    Head head = room->heads[0];
    List *list = &room->lists[head.list];
    if (++list->at < list->end)
        head.us = us_of(run, list);
    else
        head = room->heads[--*count];
    if (*count > 0)
        sift(room, *count, 0, head);
}

static void merge(const Run *run) {
    SequenceRoom *room = run->room;
    uint32_t count = run->list_count;
    make_heap(run);
    while (count > 0) {
        const List *list = &room->lists[room->heads[0].list];
        act(run, list, list->at, room->heads[0].us);
        advance(run, &count);
    }
}

static int compare_tied(const void *a, const void *b) {
    const Tied *x = a, *y = b;
    if (x->order != y->order)
        return (x->order > y->order) - (x->order < y->order);
    return (x->list > y->list) - (x->list < y->list);
}

static void add_tied(SequenceRoom *room, size_t count, Tied tied) {
    if (count == room->tied_room) {
        room->tied_room = 2 * count + 64;
        room->tied = realloc(room->tied, room->tied_room * sizeof(*room->tied));
        if (room->tied == NULL)
            abort();
    }
    room->tied[count] = tied;
}

// Ties tell the order of a customer's events at one time, which a stream's rows are not sorted by:
// all events of an instant are sorted.
static void merge_tied(const Run *run) {
    SequenceRoom *room = run->room;
    uint32_t count = run->list_count;
    make_heap(run);
    while (count > 0) {
        int64_t us = room->heads[0].us;
        size_t tied = 0;
        while (count > 0 && room->heads[0].us == us) {
            uint32_t list = room->heads[0].list, at = room->lists[list].at;
            uint64_t order =
                engine_kernel_order(room->lists[list].stream, row_of(&room->lists[list], at));
            add_tied(room, tied++, (Tied){.order = order, .list = list, .at = at});
            advance(run, &count);
        }
        if (tied > 1)
            qsort(room->tied, tied, sizeof(*room->tied), compare_tied);
        for (size_t i = 0; i < tied; i++)
            act(run, &room->lists[room->tied[i].list], room->tied[i].at, us);
    }
}

// --- a block ---

// The first of the matches whose row is not below.
static uint32_t match_from(const Matches *matches, uint32_t row) {
    if (matches->rows == NULL)
        return row;
    uint32_t low = 0, high = matches->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (matches->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Lists of the act's matches from an instant to now; false when there is none.
static bool add_lists(Run *run, const SequenceAct *act, int64_t from_us) {
    KernelWork *work = run->work;
    int32_t count;
    const Matches *matches = engine_kernel_matches(work, act->selection, &count);
    uint32_t before = run->list_count;
    for (int32_t s = 0; s < count; s++) {
        if (matches[s].block != run->block || matches[s].count == 0)
            continue;
        const BlockStream *stream = &run->block->streams[matches[s].stream];
        const BlockTime *time = run->block->time;
        uint32_t from =
            from_us <= CALENDAR_TIME_MIN ? 0 : engine_kernel_rows_until(time, stream, from_us - 1);
        uint32_t to = engine_kernel_rows_until(time, stream, work->now_us);
        List list = {.act = act,
                     .stream = stream,
                     .rows = matches[s].rows,
                     .lanes = matches[s].lanes,
                     .at = match_from(&matches[s], from),
                     .end = match_from(&matches[s], to)};
        if (list.at >= list.end) // the window may begin after now
            continue;
        run->has_ties |= stream->tie != NULL;
        run->room->lists[run->list_count++] = list;
    }
    return run->list_count > before;
}

// From the earliest first step that may be in a window on, lists of all acts; false when some
// positive step has no events.
static bool make_lists(Run *run) {
    const KernelSequence *sequence = run->sequence;
    int64_t from_us = INT64_MAX, first_us = INT64_MAX;
    for (uint32_t lane = 0; lane < run->block->customer_count; lane++) {
        if (!BIT_GET(run->work->population, run->first_lane + lane))
            continue;
        int64_t us = run->work->lane_from[run->first_lane + lane].us;
        from_us = us < from_us ? us : from_us;
    }
    if (from_us == INT64_MAX || !add_lists(run, &sequence->acts[sequence->act_count - 1], from_us))
        return false;
    for (uint32_t i = 0; i < run->list_count; i++) {
        int64_t us = us_of(run, &run->room->lists[i]);
        first_us = us < first_us ? us : first_us;
    }
    run->list_count = 0;
    for (int32_t i = 0; i < sequence->act_count; i++) {
        const SequenceAct *act = &sequence->acts[i];
        if (!add_lists(run, act, first_us) && (act->kind == ACT_NEXT || act->kind == ACT_FIRST))
            return false;
    }
    return true;
}

// Room for as many chains of each customer as the gap can get.
static void make_stack(Run *run, int32_t gap) {
    SequenceRoom *room = run->room;
    uint32_t *bottom = room->bottom + (size_t)gap * BLOCK_CUSTOMER_MAX;
    memset(bottom, 0, BLOCK_CUSTOMER_MAX * sizeof(*bottom));
    for (uint32_t i = 0; i < run->list_count; i++) {
        const List *list = &room->lists[i];
        bool is_into = gap == 0 ? list->act->kind == ACT_FIRST
                                : list->act->kind == ACT_NEXT && list->act->gap == gap - 1;
        for (uint32_t at = list->at; is_into && at < list->end; at++)
            bottom[list->lanes[at]]++;
    }
    size_t total = 0;
    for (uint32_t lane = 0; lane < BLOCK_CUSTOMER_MAX; lane++) {
        uint32_t count = bottom[lane];
        bottom[lane] = (uint32_t)total;
        total += count;
    }
    if (total > room->stack_room[gap]) {
        room->stack_room[gap] = total + total / 2;
        free(room->stack[gap]);
        room->stack[gap] = malloc(room->stack_room[gap] * sizeof(Chain));
        if (room->stack[gap] == NULL)
            abort();
    }
}

static void begin_chains(Run *run) {
    const KernelSequence *sequence = run->sequence;
    SequenceRoom *room = run->room;
    size_t places = (size_t)sequence->gap_count * BLOCK_CUSTOMER_MAX;
    for (size_t i = 0; i < places; i++)
        room->newest[i] = (Chain){.us = NO_TIME};
    for (uint32_t lane = 0; lane < BLOCK_CUSTOMER_MAX; lane++)
        room->oldest_us[lane] = NO_TIME;
    memset(room->depth, 0, places * sizeof(*room->depth));
    for (int32_t gap = 0; gap < sequence->gap_count; gap++) {
        if (sequence->is_stacked[gap])
            make_stack(run, gap);
    }
}

static bool is_whole(const Run *run, uint32_t lane) {
    int64_t us = run->room->oldest_us[lane];
    if (us == NO_TIME)
        return false;
    int64_t end_us = us + run->sequence->wait_us;
    return run->work->now_us >= (end_us < CALENDAR_TIME_MAX ? end_us : CALENDAR_TIME_MAX);
}

void engine_kernel_sequence(KernelWork *work, const KernelSequence *sequence, Lanes *ret_lanes) {
    // First, as points of a window may read other sequences.
    engine_kernel_bound_lanes(work, sequence->window, ret_lanes->valid);
    memset(ret_lanes->bits, 0, LANE_WORDS * sizeof(uint64_t));
    for (uint32_t b = 0; b < work->block_count; b++) {
        Run run = {.work = work,
                   .sequence = sequence,
                   .room = work->sequence,
                   .block = &work->blocks[b],
                   .first_lane = b * BLOCK_CUSTOMER_MAX};
        if (!make_lists(&run))
            continue;
        begin_chains(&run);
        if (run.has_ties)
            merge_tied(&run);
        else
            merge(&run);
        for (uint32_t lane = 0; lane < run.block->customer_count; lane++) {
            uint32_t at = run.first_lane + lane;
            if (BIT_GET(ret_lanes->valid, at) && is_whole(&run, lane))
                BIT_SET(ret_lanes->bits, at);
        }
    }
}
