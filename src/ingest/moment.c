// Local times without an offset, turned into instants inside SQL.
#include <inttypes.h>

#include "ingest/ingest_private.h"

// Beyond these years the database's rules are endless; times there use the last known offset.
#define MOMENT_LEAST INT64_C(-4733510400000000) // 1820
#define MOMENT_MOST  INT64_C(7258118400000000)  // 2200

typedef struct Change {
    int64_t until;              // local times before this use `offset_s`
    int64_t odd_begin, odd_end; // local times that do not exist, or exist twice
    int32_t offset_s;
    bool is_gap;
} Change;

typedef struct Changes {
    Change *items;
    size_t count, capacity;
} Changes;

static int64_t clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

static void find_changes(Stage *stage, const Zone *zone, int64_t least, int64_t most,
                         Changes *changes, int32_t *ret_last_s) {
    int64_t at = clamp(least, MOMENT_LEAST, MOMENT_MOST) - 2 * CALENDAR_US_PER_DAY;
    int64_t end = clamp(most, MOMENT_LEAST, MOMENT_MOST) + 2 * CALENDAR_US_PER_DAY;
    int32_t offset_s = base_zone_offset(zone, at);
    for (;;) {
        int64_t change = base_zone_next_change(zone, at);
        if (change == INT64_MAX || change > end)
            break;
        int32_t next_s = base_zone_offset(zone, change);
        if (changes->count == changes->capacity) {
            size_t wider = changes->capacity == 0 ? 64 : changes->capacity * 2;
            changes->items = base_arena_grow(stage->arena, changes->items, changes->count, wider,
                                             sizeof(Change));
            changes->capacity = wider;
        }
        int64_t before = change + offset_s * CALENDAR_US_PER_SECOND;
        int64_t after = change + next_s * CALENDAR_US_PER_SECOND;
        // The old offset holds to the end of a gap (so that it shifts forward) and to the end of
        // an overlap (so that the first instant is taken).
        if (next_s != offset_s)
            changes->items[changes->count++] = (Change){
                .until = before > after ? before : after,
                .odd_begin = before < after ? before : after,
                .odd_end = before > after ? before : after,
                .offset_s = offset_s,
                .is_gap = after > before,
            };
        offset_s = next_s;
        at = change;
    }
    *ret_last_s = offset_s;
}

static void append_offset(Text *sql, const char *naive, const Changes *changes, size_t begin,
                          size_t end, int32_t last_s) {
    if (begin == end) {
        int32_t offset_s = begin < changes->count ? changes->items[begin].offset_s : last_s;
        base_text_printf(sql, "%" PRId64, offset_s * CALENDAR_US_PER_SECOND);
        return;
    }
    size_t middle = begin + (end - begin) / 2;
    base_text_printf(sql, "case when %s < %" PRId64 " then ", naive, changes->items[middle].until);
    append_offset(sql, naive, changes, begin, middle, last_s);
    base_text_append(sql, STR(" else "));
    append_offset(sql, naive, changes, middle + 1, end, last_s);
    base_text_append(sql, STR(" end"));
}

static void append_fold(Text *sql, const char *naive, const Changes *changes, size_t begin,
                        size_t end) {
    if (end - begin == 1) {
        const Change *change = &changes->items[begin];
        base_text_printf(sql, "case when %s >= %" PRId64 " and %s < %" PRId64 " then %d else 0 end",
                         naive, change->odd_begin, naive, change->odd_end, change->is_gap ? 1 : 2);
        return;
    }
    size_t middle = begin + (end - begin) / 2;
    base_text_printf(sql, "case when %s < %" PRId64 " then ", naive,
                     changes->items[middle - 1].until);
    append_fold(sql, naive, changes, begin, middle);
    base_text_append(sql, STR(" else "));
    append_fold(sql, naive, changes, middle, end);
    base_text_append(sql, STR(" end"));
}

Moment moment_local(Stage *stage, const Zone *zone, Str naive, int64_t least, int64_t most) {
    Changes changes = {0};
    int32_t last_s = 0;
    find_changes(stage, zone, least, most, &changes, &last_s);
    BASE_TEXT_SCOPED value = {0};
    BASE_TEXT_SCOPED fold = {0};
    base_text_printf(&value, "(%s - (", naive.data);
    append_offset(&value, naive.data, &changes, 0, changes.count, last_s);
    base_text_append(&value, STR("))"));
    if (changes.count > 0)
        append_fold(&fold, naive.data, &changes, 0, changes.count);
    return (Moment){.value = stage_text(stage, &value), .fold = stage_text(stage, &fold)};
}
