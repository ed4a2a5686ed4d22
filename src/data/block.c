#include "data/block.h"

#include "base/calendar.h"

int64_t data_block_time(const BlockTime *time, const BlockStream *stream, size_t row) {
    assert(row < stream->count);
    uint32_t tick = stream->tick[row];
    if (tick == 0)
        return CALENDAR_TIME_MIN;
    return (int64_t)((uint64_t)time->base_us + tick * (uint64_t)time->tick_us +
                     data_block_rest(stream, row));
}

uint32_t data_block_row(const BlockTime *time, const BlockStream *stream, int64_t time_us,
                        bool is_after) {
    uint32_t low = 0, high = stream->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int64_t at_us = data_block_time(time, stream, middle);
        if (at_us < time_us || (is_after && at_us == time_us))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Value data_block_whole_value(const BlockCoding *coding, uint64_t code) {
    Value value = {.type = coding->type};
    int64_t whole = data_block_whole(coding, code);
    if (coding->type == VALUE_BOOLEAN)
        value.boolean = whole != 0;
    else if (coding->type == VALUE_DATE)
        value.date = (int32_t)whole;
    else
        value.integer = whole; // decimal and time lie at the same place
    return value;
}
