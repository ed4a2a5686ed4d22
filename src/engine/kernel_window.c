// Windows at now: shared instants become runs of rows, a customer's own bounds become lists of
// rows.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/kernel_private.h"

// --- zones ---

void engine_kernel_all_lanes(const KernelWork *work, uint64_t *ret_lanes) {
    for (uint32_t w = 0; w < LANE_WORDS; w++) {
        uint32_t first = w * 64;
        uint32_t lanes = work->lane_count > first ? work->lane_count - first : 0;
        ret_lanes[w] = lanes >= 64 ? UINT64_MAX : (UINT64_C(1) << lanes) - 1;
    }
}

static int32_t zone_group(KernelWork *work, const Zone *zone) {
    for (int32_t i = 0; i < work->zone_count; i++) {
        if (work->zones[i].zone == zone)
            return i;
    }
    assert(work->zone_count < LANE_COUNT_MAX + 1);
    work->zones[work->zone_count] = (ZoneGroup){.zone = zone};
    return work->zone_count++;
}

static void settle_countries(KernelWork *work) {
    const Plan *plan = work->kernel->plan;
    for (uint32_t lane = 0; lane < work->lane_count; lane++)
        work->countries[lane] = plan->country;
    if (plan->country_trait < 0 || plan->traits[plan->country_trait].type != VALUE_TEXT)
        return;
    Lanes lanes = {.type = VALUE_TEXT, .texts = work->trait_texts};
    engine_kernel_trait(work, plan->country_trait, &lanes);
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        if (BIT_GET(lanes.valid, lane))
            work->countries[lane] = lanes.texts[lane];
    }
}

void engine_kernel_zones(KernelWork *work) {
    const Plan *plan = work->kernel->plan;
    work->zone_count = 0;
    memset(work->invalid_zone, 0, sizeof(work->invalid_zone));
    settle_countries(work);
    if (plan->zone_trait < 0) {
        int32_t only = zone_group(work, plan->zone);
        engine_kernel_all_lanes(work, work->zones[only].lanes);
        memset(work->lane_zones, 0, sizeof(work->lane_zones));
        return;
    }
    const PlanTrait *trait = &plan->traits[plan->zone_trait];
    Lanes lanes = {.type = trait->type};
    if (trait->type == VALUE_TEXT) {
        lanes.texts = work->trait_texts;
        engine_kernel_trait(work, plan->zone_trait, &lanes);
    }
    Str last = {0};
    const Zone *last_zone = NULL;
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        const Zone *zone = plan->zone;
        if (trait->type == VALUE_TEXT && BIT_GET(lanes.valid, lane)) {
            if (last_zone == NULL || !base_str_equal(last, lanes.texts[lane]))
                last_zone = base_zone_find(lanes.texts[lane]);
            last = lanes.texts[lane];
            if (last_zone == NULL)
                BIT_SET(work->invalid_zone, lane);
            else
                zone = last_zone;
        }
        int32_t group = zone_group(work, zone);
        BIT_SET(work->zones[group].lanes, lane);
        work->lane_zones[lane] = (uint16_t)group;
    }
}

// --- bounds that customers share ---

static int64_t constant_instant(const Plan *plan, NodeId id) {
    Value value = plan->nodes[id].value;
    assert(!value.is_null);
    return value.type == VALUE_DATE ? base_zone_midnight(plan->zone, value.date) : value.time_us;
}

static Bounds bounds_at(const Plan *plan, const Window *window, const Zone *zone, int64_t now_us) {
    Bounds bounds = {.from_us = INT64_MIN, .to_us = now_us};
    switch (window->kind) {
    case WINDOW_ALL:
        break;
    case WINDOW_LAST:
        bounds.from_us = base_zone_window_start(zone, now_us, window->unit, window->n);
        break;
    case WINDOW_LAST_FULL:
        bounds.from_us = base_zone_period(zone, now_us, window->unit, -window->n) - 1;
        bounds.to_us = base_zone_period(zone, now_us, window->unit, 0) - 1;
        break;
    case WINDOW_AGO:
        bounds.from_us = base_zone_window_start(zone, now_us, window->unit, window->n);
        bounds.to_us = base_zone_window_start(zone, now_us, window->to_unit, window->to_n);
        break;
    case WINDOW_MORE_THAN:
        bounds.to_us = base_zone_window_start(zone, now_us, window->unit, window->n);
        break;
    case WINDOW_PERIOD:
        bounds.from_us = base_zone_period(zone, now_us, window->unit, window->shift) - 1;
        bounds.to_us = base_zone_period(zone, now_us, window->unit, window->shift + 1) - 1;
        break;
    case WINDOW_SINCE:
        bounds.from_us = constant_instant(plan, window->from) - 1;
        break;
    case WINDOW_BEFORE:
        bounds.to_us = constant_instant(plan, window->to) - 1;
        break;
    case WINDOW_FROM_TO:
        bounds.from_us = constant_instant(plan, window->from) - 1;
        bounds.to_us = constant_instant(plan, window->to) - 1;
        break;
    default:
        assert(false && "a window of each customer's own");
    }
    if (bounds.to_us > now_us)
        bounds.to_us = now_us;
    return bounds;
}

// Features of a pass by where their windows begin, latest first.
static void sort_features(const Kernel *kernel, const Pass *pass, BoundsEntry *entry) {
    int32_t *order = entry->order + pass->first_feature;
    for (int32_t i = 0; i < pass->feature_count; i++) {
        int64_t from_us = entry->bounds[kernel->features[pass->features[i]].window].from_us;
        int32_t at = i;
        while (at > 0 && entry->bounds[kernel->features[order[at - 1]].window].from_us < from_us) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = pass->features[i];
    }
}

static void make_bounds(KernelWork *work, BoundsEntry *entry) {
    const Kernel *kernel = work->kernel;
    if (entry->bounds == NULL) {
        entry->bounds = calloc((size_t)kernel->window_count + 1, sizeof(Bounds));
        entry->order = calloc((size_t)kernel->pass_feature_count + 1, sizeof(int32_t));
        if (entry->bounds == NULL || entry->order == NULL)
            abort();
    }
    for (int32_t i = 0; i < kernel->window_count; i++) {
        if (kernel->windows[i].kind != BOUNDS_LANES)
            entry->bounds[i] =
                bounds_at(kernel->plan, &kernel->windows[i].window, entry->zone, entry->now_us);
    }
    for (int32_t i = 0; i < kernel->pass_count; i++) {
        if (kernel->passes[i].bounds != BOUNDS_LANES)
            sort_features(kernel, &kernel->passes[i], entry);
    }
}

// Kept by now and zone, as most blocks share both.
const BoundsEntry *engine_kernel_bounds(KernelWork *work, int32_t group) {
    const Zone *zone = work->zones[group].zone;
    uint64_t hash = ((uint64_t)work->now_us * UINT64_C(0x9e3779b97f4a7c15)) ^
                    ((uint64_t)(uintptr_t)zone * UINT64_C(0xc2b2ae3d27d4eb4f));
    BoundsEntry *entry = &work->bounds[hash >> (64 - KERNEL_BOUNDS_BITS)];
    if (entry->zone != zone || entry->now_us != work->now_us) {
        entry->zone = zone;
        entry->now_us = work->now_us;
        make_bounds(work, entry);
    }
    return entry;
}

uint32_t engine_kernel_tick(const BlockTime *time, int64_t us) {
    if (us <= time->base_us + time->tick_us)
        return 1;
    int64_t tick = (us - time->base_us + time->tick_us - 1) / time->tick_us;
    return tick > UINT32_MAX ? UINT32_MAX : (uint32_t)tick;
}

uint32_t engine_kernel_rows_until(const BlockTime *time, const BlockStream *stream, int64_t us) {
    if (us < CALENDAR_TIME_MIN || stream->count == 0)
        return 0;
    if (stream->rest != NULL)
        return data_block_row(time, stream, us, true);
    int64_t ticks = us - time->base_us < time->tick_us ? 0 : (us - time->base_us) / time->tick_us;
    if (ticks >= UINT32_MAX)
        return stream->count;
    uint32_t bound = (uint32_t)ticks, length = stream->count;
    const uint32_t *first = stream->tick;
    while (length > 1) { // the first tick above the bound is in [first, first + length]
        uint32_t half = length / 2;
        first += first[half - 1] <= bound ? half : 0;
        length -= half;
    }
    return (uint32_t)(first - stream->tick) + (*first <= bound);
}

void engine_kernel_positions(KernelWork *work, const Bounds *bounds, int32_t window,
                             const Matches *matches, uint32_t *ret_from, uint32_t *ret_to) {
    const Block *block = matches->block;
    size_t row = (size_t)window * work->binding->source->stream_count + (size_t)matches->stream;
    size_t place = row * KERNEL_BLOCKS_MAX + matches->first_lane / BLOCK_CUSTOMER_MAX;
    Positions *at = &work->positions[place];
    if (at->stamp != work->position_stamp) {
        const BlockStream *rows = &block->streams[matches->stream];
        at->stamp = work->position_stamp;
        at->from = engine_kernel_rows_until(block->time, rows, bounds[window].from_us);
        at->to = engine_kernel_rows_until(block->time, rows, bounds[window].to_us);
    }
    *ret_from = at->from;
    *ret_to = at->to;
}

// --- bounds of each customer's own ---

// A point of a window: by lane an instant, or the place of an event.
typedef struct Point {
    bool is_constant, is_event;
    int64_t constant_us;
    const int64_t *us;
    const uint64_t *order;
    const uint64_t *valid; // NULL: all
} Point;

static Point point_of(KernelWork *work, NodeId id) {
    const Kernel *kernel = work->kernel;
    const Plan *plan = kernel->plan;
    while (plan->nodes[id].kind == NODE_METRIC)
        id = plan->nodes[id].args[0];
    const Node *node = &plan->nodes[id];
    if (node->kind == NODE_CONST)
        return (Point){.is_constant = true, .constant_us = constant_instant(plan, id)};
    int32_t feature = kernel->node_features[id];
    if (feature >= 0 && kernel->features[feature].is_anchor) {
        const Places *places = &work->anchors[kernel->features[feature].anchor];
        return (Point){
            .is_event = true, .us = places->us, .order = places->order, .valid = places->valid};
    }
    const Lanes *lanes = NULL;
    int code = engine_lanes_node(work->frame, id, &lanes);
    if (code < 0) {
        static const uint64_t none[LANE_WORDS];
        static const int64_t zero[LANE_COUNT_MAX];
        engine_kernel_fail(work, code);
        return (Point){.us = zero, .valid = none};
    }
    assert(lanes->type == VALUE_TIME);
    return (Point){.us = lanes->integers, .valid = lanes->valid};
}

static bool point_is_null(const Point *point, uint32_t lane) {
    return point->valid != NULL && !BIT_GET(point->valid, lane);
}

static int64_t point_us(const Point *point, uint32_t lane) {
    return point->is_constant ? point->constant_us : point->us[lane];
}

static LaneBound just_before(const Point *point, uint32_t lane) {
    int64_t us = point_us(point, lane);
    if (point->is_event && point->order[lane] > 0)
        return (LaneBound){.us = us, .order = point->order[lane] - 1};
    return (LaneBound){.us = us - 1, .order = UINT64_MAX};
}

static LaneBound just_after(const Point *point, uint32_t lane) {
    int64_t us = point_us(point, lane);
    if (point->is_constant)
        return (LaneBound){.us = us - 1, .order = UINT64_MAX};
    return (LaneBound){.us = us, .order = point->is_event ? point->order[lane] : UINT64_MAX};
}

// Rows strictly after `from` and up to `to`; false without an anchor.
static bool bound_lane(const KernelWork *work, const Window *window, const Point *from,
                       const Point *to, uint32_t lane, LaneBound *ret_from, LaneBound *ret_to) {
    const Zone *zone = work->zones[work->lane_zones[lane]].zone;
    *ret_from = (LaneBound){.us = INT64_MIN, .order = UINT64_MAX};
    *ret_to = (LaneBound){.us = work->now_us, .order = UINT64_MAX};
    if (window->kind == WINDOW_FIRST) {
        int64_t first_us =
            work->blocks[lane / BLOCK_CUSTOMER_MAX].first_any_us[lane % BLOCK_CUSTOMER_MAX];
        if (first_us > work->now_us)
            return false;
        ret_from->us = first_us - 1;
        ret_to->us = base_zone_add(zone, first_us, window->unit, window->n) - 1;
        return true;
    }
    if (point_is_null(from, lane) || point_is_null(to, lane))
        return false;
    switch (window->kind) {
    case WINDOW_SINCE:
        *ret_from = just_after(from, lane);
        break;
    case WINDOW_BEFORE:
        *ret_to = just_before(to, lane);
        break;
    case WINDOW_FROM_TO:
        *ret_from = just_before(from, lane);
        *ret_to = just_before(to, lane);
        break;
    case WINDOW_AFTER:
        *ret_from = just_after(from, lane);
        ret_to->us = base_zone_add(zone, point_us(from, lane), window->unit, window->n);
        break;
    case WINDOW_PRIOR:
        ret_from->us = base_zone_add(zone, point_us(from, lane), window->unit, -window->n) - 1;
        *ret_to = just_before(from, lane);
        break;
    default:
        assert(false && "a window that customers share");
    }
    return true;
}

// The bounds of all lanes of a zone.
static void bound_group(KernelWork *work, const uint64_t *lanes, Bounds bounds) {
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        if (!BIT_GET(lanes, lane))
            continue;
        work->lane_from[lane] = (LaneBound){.us = bounds.from_us, .order = UINT64_MAX};
        work->lane_to[lane] = (LaneBound){.us = bounds.to_us, .order = UINT64_MAX};
    }
}

static void bound_own(KernelWork *work, const Window *window, uint64_t *ret_valid) {
    Point from = {.is_constant = true}, to = {.is_constant = true};
    if (window->from != NODE_NONE)
        from = point_of(work, window->from);
    if (window->to != NODE_NONE)
        to = point_of(work, window->to);
    memset(ret_valid, 0, LANE_WORDS * sizeof(uint64_t));
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        LaneBound *low = &work->lane_from[lane], *high = &work->lane_to[lane];
        if (!BIT_GET(work->population, lane) ||
            !bound_lane(work, window, &from, &to, lane, low, high)) {
            *low = (LaneBound){.us = INT64_MAX};
            *high = (LaneBound){.us = INT64_MIN};
            continue;
        }
        BIT_SET(ret_valid, lane);
        if (high->us > work->now_us)
            *high = (LaneBound){.us = work->now_us, .order = UINT64_MAX};
    }
}

void engine_kernel_bound_lanes(KernelWork *work, int32_t window, uint64_t *ret_valid) {
    const KernelWindow *of = &work->kernel->windows[window];
    if (of->kind == BOUNDS_LANES) {
        bound_own(work, &of->window, ret_valid);
        return;
    }
    memcpy(ret_valid, work->population, LANE_WORDS * sizeof(uint64_t));
    if (of->kind == BOUNDS_SHARED) {
        bound_group(work, work->population, engine_kernel_bounds(work, 0)->bounds[window]);
        return;
    }
    for (int32_t group = 0; group < work->zone_count; group++)
        bound_group(work, work->zones[group].lanes,
                    engine_kernel_bounds(work, group)->bounds[window]);
}

uint64_t engine_kernel_order(const BlockStream *stream, uint32_t row) {
    return ((uint64_t)data_block_tie(stream, row) << 32) | row;
}

const Matches *engine_kernel_lane_matches(KernelWork *work, int32_t selection, int32_t window,
                                          int32_t *ret_count, uint64_t *ret_valid) {
    engine_kernel_bound_lanes(work, window, ret_valid);
    const Matches *matches = engine_kernel_matches(work, selection, ret_count);
    for (int32_t s = 0; s < *ret_count; s++) {
        Matches *inside = &work->lane_matches[s];
        const BlockStream *stream = &matches[s].block->streams[matches[s].stream];
        engine_kernel_matches_room(inside, matches[s].count);
        uint32_t count = 0;
        for (uint32_t i = 0; i < matches[s].count; i++) {
            uint32_t row = matches[s].rows == NULL ? i : matches[s].rows[i];
            uint32_t lane = matches[s].first_lane + matches[s].lanes[i];
            int64_t us = data_block_time(matches[s].block->time, stream, row);
            const LaneBound *low = &work->lane_from[lane], *high = &work->lane_to[lane];
            uint64_t order = engine_kernel_order(stream, row);
            bool is_in = (us > low->us || (us == low->us && order > low->order)) &&
                         (us < high->us || (us == high->us && order <= high->order));
            inside->row_room[count] = row;
            inside->lane_room[count] = matches[s].lanes[i];
            count += is_in;
        }
        inside->block = matches[s].block;
        inside->first_lane = matches[s].first_lane;
        inside->stream = matches[s].stream;
        inside->rows = inside->row_room;
        inside->lanes = inside->lane_room;
        inside->count = count;
    }
    return work->lane_matches;
}
