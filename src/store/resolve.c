// From the properties of all imports to one column and one type for each (event, property).

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "store/store_private.h"

// Columns are told apart without regard to ASCII case, as DuckDB does.
static void fold_case(Text *out, Str name) {
    base_text_clear(out);
    for (size_t i = 0; i < name.size_bytes; i++) {
        char c = name.data[i];
        base_text_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    base_text_append(out, STR(""));
}

Str store_column_name(Arena *arena, Map *used, Str name) {
    BASE_TEXT_SCOPED folded = {0};
    Str stem = name.size_bytes > 0 ? name : STR("_");
    for (unsigned suffix = 1;; suffix++) {
        Str column = suffix == 1 ? base_arena_str(arena, stem)
                                 : base_arena_printf(arena, "%.*s~%u", STR_ARG(stem), suffix);
        fold_case(&folded, column);
        if (store_column_is_core(column) ||
            base_map_get(used, base_text_str(&folded), &(uint64_t){0}))
            continue;
        base_map_put(used, base_text_str(&folded), 1);
        return column;
    }
}

void store_column_use(Map *used, Str column) {
    BASE_TEXT_SCOPED folded = {0};
    fold_case(&folded, column);
    base_map_put(used, base_text_str(&folded), 1);
}

static int compare_pair(const void *a, const void *b) {
    const StoredProperty *pa = *(const StoredProperty *const *)a;
    const StoredProperty *pb = *(const StoredProperty *const *)b;
    int order = base_str_compare(pa->event, pb->event);
    if (order == 0)
        order = base_str_compare(pa->name, pb->name);
    if (order == 0)
        order = (pa->generation > pb->generation) - (pa->generation < pb->generation);
    return order;
}

static bool is_same_pair(const StoredProperty *a, const StoredProperty *b) {
    return base_str_equal(a->event, b->event) && base_str_equal(a->name, b->name);
}

static Str type_key(Text *out, Str name, ValueType type) {
    base_text_clear(out);
    base_text_printf(out, "%d ", (int)type);
    base_text_append(out, name);
    return base_text_str(out);
}

// The state while the columns of a manifest are resolved.
typedef struct Resolver {
    Arena *arena;
    Manifest *manifest;
    Map *used;     // folded column names
    Map *real;     // (type, name) -> 1 + index of a property stored so
    Map *resolved; // (type, name) -> index of the resolved column
} Resolver;

static ResolvedColumn *find_column(Resolver *resolver, Str name, ValueType type) {
    BASE_TEXT_SCOPED key = {0};
    uint64_t index = 0;
    type_key(&key, name, type);
    Manifest *manifest = resolver->manifest;
    if (base_map_get(resolver->resolved, base_text_str(&key), &index))
        return &manifest->columns[index];
    index = manifest->column_count++;
    base_map_put(resolver->resolved, base_text_str(&key), index);
    ResolvedColumn *column = &manifest->columns[index];
    column->type = type;
    uint64_t property = 0;
    if (base_map_get(resolver->real, base_text_str(&key), &property))
        column->column = manifest->properties[property].column;
    else
        column->column = store_column_name(resolver->arena, resolver->used, name);
    return column;
}

static void add_source(Resolver *resolver, ResolvedColumn *column, const StoredProperty *property) {
    for (size_t i = 0; i < column->source_count; i++) {
        if (base_str_equal(column->sources[i]->column, property->column))
            return;
    }
    column->sources = base_arena_grow(resolver->arena, column->sources, column->source_count,
                                      column->source_count + 1, sizeof(StoredProperty *));
    column->sources[column->source_count++] = property;
}

// All properties of one (event, name): widens their types, notes the column.
static void resolve_pair(Resolver *resolver, const StoredProperty **pairs, size_t count) {
    ValueType type = VALUE_NULL;
    for (size_t i = 0; i < count; i++)
        type = store_type_widen(type, pairs[i]->type);
    ResolvedProperty *resolved =
        &resolver->manifest->resolved[resolver->manifest->resolved_count++];
    *resolved = (ResolvedProperty){pairs[0]->event, pairs[0]->name, STR(""), type};
    if (type == VALUE_NULL)
        return;
    ResolvedColumn *column = find_column(resolver, pairs[0]->name, type);
    resolved->column = column->column;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i]->type != VALUE_NULL)
            add_source(resolver, column, pairs[i]);
    }
}

void store_manifest_resolve(Arena *arena, Manifest *manifest) {
    size_t count = manifest->property_count;
    BASE_MAP_SCOPED used = base_map_new();
    BASE_MAP_SCOPED real = base_map_new();
    BASE_MAP_SCOPED resolved = base_map_new();
    Resolver resolver = {arena, manifest, used, real, resolved};
    manifest->columns = base_arena_alloc_array(arena, count + 1, sizeof(*manifest->columns));
    manifest->resolved = base_arena_alloc_array(arena, count + 1, sizeof(*manifest->resolved));
    const StoredProperty **pairs = base_arena_alloc_array(arena, count + 1, sizeof(*pairs));
    BASE_TEXT_SCOPED key = {0};
    for (size_t i = 0; i < count; i++) {
        pairs[i] = &manifest->properties[i];
        if (pairs[i]->type == VALUE_NULL)
            continue;
        store_column_use(used, pairs[i]->column);
        base_map_put(real, type_key(&key, pairs[i]->name, pairs[i]->type), i);
    }
    qsort(pairs, count, sizeof(*pairs), compare_pair);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && is_same_pair(pairs[begin], pairs[end]); end++)
            continue;
        resolve_pair(&resolver, pairs + begin, end - begin);
    }
}

// --- catalog ---

static int compare_names(const void *a, const void *b) {
    return base_str_compare(*(const Str *)a, *(const Str *)b);
}

static void fill_event(Arena *arena, const Manifest *manifest, CatalogEvent *event) {
    event->is_any = data_catalog_is_any(event->name);
    size_t first = 0, count = 0;
    for (size_t i = 0; i < manifest->resolved_count; i++) {
        if (base_str_equal(manifest->resolved[i].event, event->name))
            first = count++ == 0 ? i : first;
    }
    event->property_count = count;
    event->properties = base_arena_alloc_array(arena, count, sizeof(*event->properties));
    for (size_t i = 0; i < count; i++) {
        const ResolvedProperty *resolved = &manifest->resolved[first + i];
        event->properties[i] = (CatalogProperty){
            .name = base_arena_str(arena, resolved->name),
            .column = base_arena_str(arena, resolved->column),
            .type = resolved->type,
        };
    }
}

int store_catalog(Store *store, Arena *arena, const Catalog **ret_catalog, KretsError *error) {
    (void)error;
    const Manifest *manifest = store->manifest;
    Catalog *catalog = base_arena_alloc(arena, sizeof(*catalog));
    Str *names = base_arena_alloc_array(arena, manifest->event_count + 1, sizeof(*names));
    for (size_t i = 0; i < manifest->event_count; i++)
        names[i] = manifest->events[i].name;
    qsort(names, manifest->event_count, sizeof(*names), compare_names);
    catalog->events =
        base_arena_alloc_array(arena, manifest->event_count + 1, sizeof(*catalog->events));
    for (size_t i = 0; i < manifest->event_count; i++) {
        if (i > 0 && base_str_equal(names[i], names[i - 1]))
            continue;
        CatalogEvent *event = &catalog->events[catalog->event_count++];
        event->name = base_arena_str(arena, names[i]);
        fill_event(arena, manifest, event);
    }
    *ret_catalog = catalog;
    return 0;
}
