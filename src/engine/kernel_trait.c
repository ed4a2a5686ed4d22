// Traits: the latest value that is not null, of events visible at now.
#include <assert.h>

#include "engine/kernel_private.h"

static void read_block(KernelWork *work, const PlanTrait *trait, const Block *block,
                       uint32_t first_lane, Lanes *ret_lanes) {
    const KernelBinding *binding = work->binding;
    int64_t us[BLOCK_CUSTOMER_MAX];
    uint64_t order[BLOCK_CUSTOMER_MAX], found[BLOCK_WORDS] = {0};
    for (int32_t i = 0; i < binding->identify_count; i++) {
        int32_t s = binding->identify_streams[i];
        const BlockStream *stream = &block->streams[s];
        int32_t place = binding->streams[s].columns[trait->column];
        if (place < 0 || stream->count == 0 || stream->columns[place].coding == NULL)
            continue;
        const BlockColumn *column = &stream->columns[place];
        uint32_t end = data_block_row(block->time, stream, work->now_us, true);
        for (uint32_t row = end; row-- > 0;) {
            uint32_t customer = stream->customer[row], lane = first_lane + customer;
            uint64_t code = data_block_code(column->coding, column->codes, row);
            bool is_found = BIT_GET(found, customer);
            if (code == 0 || (i == 0 && is_found))
                continue;
            int64_t at_us = data_block_time(block->time, stream, row);
            uint64_t at = engine_kernel_order(stream, row);
            if (is_found &&
                (at_us < us[customer] || (at_us == us[customer] && at < order[customer])))
                continue;
            us[customer] = at_us;
            order[customer] = at;
            BIT_SET(found, customer);
            ret_lanes->valid[lane / 64] &= ~(UINT64_C(1) << (lane % 64));
            Value value = engine_kernel_code_value(binding->source, block->partition,
                                                   column->coding, code, work->table_arena);
            engine_lanes_set(ret_lanes, lane, engine_value_widen(value, trait->type));
        }
    }
}

void engine_kernel_trait(KernelWork *work, int32_t trait, Lanes *ret_lanes) {
    const PlanTrait *plan_trait = &work->kernel->plan->traits[trait];
    for (uint32_t b = 0; plan_trait->column >= 0 && b < work->block_count; b++)
        read_block(work, plan_trait, &work->blocks[b], b * BLOCK_CUSTOMER_MAX, ret_lanes);
}
