// Random events cut at random into an index, a tail in several pieces and folds: at any time every
// customer must read as the list of events says.
//
// KRETS_SEED=n repeats the world that failed, KRETS_BATCHES=n says how many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/calendar.h"
#include "index/tail_fixture.h"

enum { SNAPSHOTS = 6, BATCHES = 60 };

// --- lives of a world ---

typedef struct Taken {
    IndexSnapshot *snapshot;
    uint32_t end;
} Taken;

// Who has been given which ordinal must keep it.
static void compare_ordinals(TailWorld *world, const IndexSnapshot *snapshot, Map *ordinals,
                             uint32_t end) {
    uint32_t found, seen = 0;
    for (uint32_t c = 0; c < world->customer_count; c++) {
        uint64_t before;
        if (!index_snapshot_find(snapshot, world->ids[c], &found))
            continue;
        seen++;
        const BlockSource *source = index_snapshot_source(snapshot);
        assert_true(found < source->customer_count);
        assert_true(base_str_equal(source->customer_id(source->context, found), world->ids[c]));
        if (base_map_get(ordinals, world->ids[c], &before))
            assert_int_equal(before, found);
        (void)base_map_put(ordinals, world->ids[c], found);
    }
    bool *is_there = calloc(world->customer_count, 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        count += !is_there[world->events[i].customer];
        is_there[world->events[i].customer] = true;
    }
    free(is_there);
    assert_int_equal(seen, count);
    assert_int_equal(seen, index_snapshot_source(snapshot)->customer_count);
    assert_false(index_snapshot_find(snapshot, STR("nobody"), &found));
}

static void check_sorted(const Index *index) {
    const uint32_t *sorted = index_customers_sorted(index);
    uint32_t found;
    for (uint32_t i = 0; i < index_source(index)->customer_count; i++) {
        Str id = index_customer_id(index, sorted[i]);
        assert_true(i == 0 || base_str_compare(index_customer_id(index, sorted[i - 1]), id) < 0);
        assert_true(index_customer_find(index, id, &found) && found == sorted[i]);
    }
}

static uint32_t remove_folder(const char *path) {
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command, "rm -rf '%s'", path);
    return (uint32_t)system(command.data);
}

// More events come while the snapshot is folded. Returns how many there are then.
static uint32_t fold_and_go_on(TailWorld *world, const IndexSnapshot *snapshot, uint32_t at,
                               Index **index, IndexTail **tail) {
    TailAsked all = tail_world_ask(world, true);
    TailWorld before = *world;
    uint32_t more = (uint32_t)tail_world_below(world, (world->event_count - at) / 2 + 1);
    tail_world_append(world, *tail, at, at + more);
    memcpy(world->has_type, before.has_type, sizeof before.has_type);
    memcpy(world->has_column, before.has_column, sizeof before.has_column);
    Index *folded = NULL;
    IndexTail *next = NULL;
    KretsError error = {0};
    assert_int_equal(index_fold(snapshot, STR("folded"), &folded, &error), 0);
    tail_world_note_fold(world);
    check_sorted(folded);
    tail_world_compare(world, at, index_source(folded), &all);
    assert_int_equal(index_tail_rebase(*tail, snapshot, folded, &next, &error), 0);
    assert_int_equal(index_tail_event_count(next), more);
    tail_world_note_again(world, at, at + more);
    index_close(*index);
    index_tail_free(*tail);
    *index = folded;
    *tail = next;
    return at + more;
}

static void live(uint64_t seed) {
    TailWorld world;
    tail_world_make(&world, seed, seed % 5 == 0 ? 600 : 30, seed % 5 == 0 ? 3000 : 400);
    char folder[] = "/tmp/krets-tail-XXXXXX";
    bool has_files = seed % 3 == 0;
    assert_non_null(mkdtemp(folder));
    BASE_MAP_SCOPED ordinals = base_map_new();
    Taken taken[SNAPSHOTS];
    uint32_t taken_count = 0, at = (uint32_t)tail_world_below(&world, world.event_count + 1);
    TailAsked all = tail_world_ask(&world, true);
    Index *index = tail_world_build(&world, at, has_files ? base_str_from(folder) : STR(""));
    IndexTail *tail = index_tail_new(index);
    for (uint32_t round = 0; round < SNAPSHOTS; round++) {
        bool is_last = round + 1 == SNAPSHOTS;
        uint32_t left = world.event_count - at;
        uint32_t end =
            is_last ? world.event_count : at + (uint32_t)tail_world_below(&world, left + 1);
        tail_world_append(&world, tail, at, end);
        at = end;
        IndexSnapshot *snapshot = index_snapshot_new(tail);
        taken[taken_count++] = (Taken){snapshot, at};
        compare_ordinals(&world, snapshot, ordinals, at);
        if (tail_world_below(&world, 2) == 0) // else it is first read after more was appended
            tail_world_compare(&world, at, index_snapshot_source(snapshot), &all);
        if (tail_world_below(&world, 3) == 0)
            at = fold_and_go_on(&world, snapshot, at, &index, &tail);
    }
    for (uint32_t i = 0; i < taken_count; i++) {
        const BlockSource *source = index_snapshot_source(taken[i].snapshot);
        TailAsked some = tail_world_ask(&world, false);
        tail_world_compare(&world, taken[i].end, source, &some);
        tail_world_compare(&world, taken[i].end, source, &all);
        tail_world_compare_texts(source);
    }
    if (has_files) {
        INDEX_SCOPED opened = NULL;
        KretsError error = {0};
        assert_int_equal(index_open(base_str_from(folder), STR(""), true, &opened, NULL, &error),
                         0);
        assert_int_equal(index_source(opened)->customer_count, index_source(index)->customer_count);
    }
    index_tail_free(tail);
    index_close(index);
    for (uint32_t i = 0; i < taken_count; i++)
        index_snapshot_free(taken[i].snapshot);
    remove_folder(folder);
    base_arena_free(world.arena);
}

static uint64_t seed_at_hand;

static void snapshots_read_as_the_events_say(void **state) {
    (void)state;
    const char *wanted = getenv("KRETS_SEED"), *batches = getenv("KRETS_BATCHES");
    uint64_t first = wanted == NULL ? 1 : strtoull(wanted, NULL, 10);
    uint64_t count = batches != NULL ? strtoull(batches, NULL, 10) : wanted == NULL ? BATCHES : 1;
    for (seed_at_hand = first; seed_at_hand < first + count; seed_at_hand++)
        live(seed_at_hand);
}

// --- readers beside an appender and a fold ---

// What a snapshot says of everybody, as one text.
static void read_all(const BlockSource *source, const BlockNeeds *needs, Text *out) {
    KretsError error = {0};
    BlockScratch *scratch = source->scratch_new(source->context);
    for (uint32_t b = 0; b < source->block_count; b++) {
        Block block;
        assert_int_equal(source->block(source->context, scratch, b, needs, &block, &error), 0);
        for (uint32_t lane = 0; lane < block.customer_count; lane += 7) {
            Str id = source->customer_id(source->context, block.first_ordinal + lane);
            base_text_append(out, id);
            tail_world_read(source, &block, lane, out);
        }
    }
    source->scratch_free(scratch);
}

typedef struct Shared {
    TailWorld world;
    _Atomic(IndexSnapshot *) newest;
    atomic_bool is_done;
    atomic_uint reads, failures;
} Shared;

static void *read_newest(void *context) {
    Shared *shared = context;
    TailAsked asked;
    memset(&asked, 1, sizeof asked);
    do {
        IndexSnapshot *snapshot = atomic_load(&shared->newest);
        const BlockSource *source = index_snapshot_source(snapshot);
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        BlockNeeds needs = tail_world_needs(&shared->world, source, &asked, arena);
        BASE_TEXT_SCOPED first = {0};
        BASE_TEXT_SCOPED again = {0};
        read_all(source, &needs, &first);
        read_all(source, &needs, &again);
        uint32_t found;
        bool is_fine = strcmp(first.data, again.data) == 0;
        for (uint32_t c = 0; c < shared->world.customer_count; c += 3) {
            if (index_snapshot_find(snapshot, shared->world.ids[c], &found))
                is_fine &= found < source->customer_count;
        }
        atomic_fetch_add(&shared->failures, !is_fine);
        atomic_fetch_add(&shared->reads, 1);
    } while (!atomic_load(&shared->is_done));
    return NULL;
}

static void *fold_newest(void *context) {
    Shared *shared = context;
    Index *folded = NULL;
    KretsError error = {0};
    IndexSnapshot *snapshot = atomic_load(&shared->newest);
    if (index_fold(snapshot, STR(""), &folded, &error) < 0 ||
        index_source(folded)->customer_count != index_snapshot_source(snapshot)->customer_count)
        atomic_fetch_add(&shared->failures, 1);
    index_close(folded);
    return NULL;
}

static void readers_and_a_fold_go_on_beside_appending(void **state) {
    (void)state;
    enum { READERS = 2, TAKEN = 12 };
    Shared *shared = calloc(1, sizeof *shared);
    IndexSnapshot *taken[TAKEN];
    uint32_t ends[TAKEN];
    assert_non_null(shared);
    TailWorld *world = &shared->world;
    tail_world_make(world, 77, 600, 1);
    world->customer_count = 500;
    world->event_count = 6000;
    for (uint32_t i = 0; i < world->customer_count; i++)
        world->ids[i] = base_arena_printf(world->arena, "customer %u", i);
    world->events = base_arena_alloc_array(world->arena, world->event_count, sizeof(WorldEvent));
    for (uint32_t i = 0; i < world->event_count; i++)
        tail_world_event(world, &world->events[i]);
    uint32_t at = world->event_count / 20, step = (world->event_count - at) / TAKEN;
    Index *index = tail_world_build(world, at, STR(""));
    IndexTail *tail = index_tail_new(index);
    pthread_t readers[READERS], folder;
    for (int i = 0; i < TAKEN; i++) {
        tail_world_append(world, tail, at, at + step);
        at += step;
        ends[i] = at;
        taken[i] = index_snapshot_new(tail);
        atomic_store(&shared->newest, taken[i]);
        for (int k = 0; i == 0 && k < READERS; k++)
            assert_int_equal(pthread_create(&readers[k], NULL, read_newest, shared), 0);
        if (i == TAKEN / 2)
            assert_int_equal(pthread_create(&folder, NULL, fold_newest, shared), 0);
        // Readers are to meet an appender at work, however fast it is.
        unsigned reads = atomic_load(&shared->reads);
        for (int waits = 0; waits < 1000 && atomic_load(&shared->reads) == reads; waits++)
            usleep(1000);
    }
    atomic_store(&shared->is_done, true);
    for (int k = 0; k < READERS; k++)
        pthread_join(readers[k], NULL);
    pthread_join(folder, NULL);
    assert_int_equal(atomic_load(&shared->failures), 0);
    assert_true(atomic_load(&shared->reads) > 0);
    index_tail_free(tail);
    index_close(index);
    TailAsked all = tail_world_ask(world, true);
    for (int i = 0; i < TAKEN; i++) {
        tail_world_compare(world, ends[i], index_snapshot_source(taken[i]), &all);
        index_snapshot_free(taken[i]);
    }
    base_arena_free(world->arena);
    free(shared);
}

// --- refusals ---

static void a_time_outside_of_the_calendar_is_refused(void **state) {
    (void)state;
    TailWorld world;
    tail_world_make(&world, 5, 10, 50);
    Index *index = tail_world_build(&world, world.event_count, STR(""));
    IndexTail *tail = index_tail_new(index);
    IndexEvent events[] = {
        {.customer = STR("a"), .event = STR("type 1"), .is_any = true, .time_us = 5},
        {.customer = STR("b"), .event = STR("type 1"), .time_us = CALENDAR_TIME_MAX + 1},
    };
    KretsError error = {0};
    assert_int_equal(index_tail_append(tail, events, 2, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "customer \"b\""));
    assert_int_equal(index_tail_event_count(tail), 0);
    IndexSnapshot *snapshot = index_snapshot_new(tail);
    uint32_t found;
    assert_false(index_snapshot_find(snapshot, STR("a"), &found));
    index_snapshot_free(snapshot);
    size_t before = index_tail_bytes(tail);
    assert_int_equal(index_tail_append(tail, events, 1, &error), 0);
    assert_true(index_tail_bytes(tail) > before);
    index_tail_free(tail);
    index_close(index);
    base_arena_free(world.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_read_as_the_events_say),
        cmocka_unit_test(readers_and_a_fold_go_on_beside_appending),
        cmocka_unit_test(a_time_outside_of_the_calendar_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed != 0)
        fprintf(stderr, "KRETS_SEED=%llu\n", (unsigned long long)seed_at_hand);
    return failed;
}
