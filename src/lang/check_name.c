// Names: metrics, traits, segments, events and their properties; what was meant where one is wrong.

#include <assert.h>
#include <stdlib.h>

#include "lang/check_private.h"
#include "lang/token.h"

#define NAMES_SHOWN_MAX 8

typedef struct NameList {
    Str *items;
    size_t count, capacity;
} NameList;

static void add_name(Checker *checker, NameList *list, Str name) {
    if (list->count == list->capacity) {
        size_t wider = list->capacity == 0 ? 16 : list->capacity * 2;
        list->items = base_arena_grow(checker->arena, list->items, list->count, wider, sizeof(Str));
        list->capacity = wider;
    }
    list->items[list->count++] = name;
}

static Str suggest(Checker *checker, Str name, const NameList *list) {
    return lang_suggest(checker->arena, name, list->items, list->count);
}

static const Reference *find_reference(const Reference *list, size_t count, Str name,
                                       size_t *ret_index) {
    for (size_t i = 0; i < count; i++) {
        if (base_str_equal(list[i].name, name)) {
            *ret_index = i;
            return &list[i];
        }
    }
    return NULL;
}

// ---- names of a customer: metric, else trait ----

// The first event in which a property of that name was seen with a value, or NULL.
static const CatalogEvent *find_owner(const Catalog *catalog, Str name) {
    for (size_t i = 0; i < catalog->event_count; i++) {
        const CatalogProperty *property = data_catalog_property(&catalog->events[i], name);
        if (property != NULL && property->type != VALUE_NULL)
            return &catalog->events[i];
    }
    return NULL;
}

// A name that is nothing a customer has: what it may have been.
static NodeId fail_customer_name(Checker *checker, const Syntax *syntax) {
    const Compiler *compiler = checker->compiler;
    Str name = syntax->name;
    size_t index;
    if (find_reference(compiler->segments, compiler->model->segment_count, name, &index) != NULL)
        return lang_check_error(checker, syntax->span, "%.*s is a segment; write segment(%.*s)",
                                STR_ARG(name), STR_ARG(name));
    if (data_catalog_event(compiler->catalog, name) != NULL)
        return lang_check_error(checker, syntax->span,
                                "%.*s is an event; write count(%.*s), last(%.*s) or another "
                                "aggregate",
                                STR_ARG(name), STR_ARG(name), STR_ARG(name));
    for (size_t i = 0; i < compiler->catalog->event_count; i++) {
        const CatalogEvent *event = &compiler->catalog->events[i];
        Str start = base_arena_printf(checker->arena, "%.*s.", STR_ARG(event->name));
        if (base_str_starts(name, start))
            return lang_check_error(checker, syntax->span,
                                    "%.*s is a property of events; say which ones count, as in "
                                    "sum(%.*s last 90 days) or last(%.*s)",
                                    STR_ARG(name), STR_ARG(name), STR_ARG(name));
    }
    if (!syntax->is_quoted && lang_token_word_equal(name, "time"))
        return lang_check_error(checker, syntax->span,
                                "time is the time of one event, known inside where; of a customer "
                                "write last(any) or now");
    NameList known = {0};
    for (size_t i = 0; i < compiler->model->metric_count; i++)
        add_name(checker, &known, compiler->model->metrics[i].name);
    const CatalogEvent *identify =
        data_catalog_event(compiler->catalog, STR(CATALOG_EVENT_IDENTIFY));
    for (size_t i = 0; identify != NULL && i < identify->property_count; i++)
        add_name(checker, &known, identify->properties[i].name);
    Str near = suggest(checker, name, &known);
    if (near.size_bytes > 0)
        return lang_check_error(checker, syntax->span,
                                "there is no metric or trait %.*s; did you mean %.*s?",
                                STR_ARG(name), STR_ARG(near));
    NameList others = {0};
    for (size_t i = 0; i < compiler->model->segment_count; i++)
        add_name(checker, &others, compiler->model->segments[i].key);
    near = suggest(checker, name, &others);
    if (near.size_bytes > 0)
        return lang_check_error(checker, syntax->span,
                                "there is no metric or trait %.*s; did you mean segment(%.*s)?",
                                STR_ARG(name), STR_ARG(near));
    NameList events = {0};
    for (size_t i = 0; i < compiler->catalog->event_count; i++)
        add_name(checker, &events, compiler->catalog->events[i].name);
    near = suggest(checker, name, &events);
    if (near.size_bytes > 0)
        return lang_check_error(checker, syntax->span,
                                "there is no metric or trait %.*s; did you mean count(%.*s)?",
                                STR_ARG(name), STR_ARG(near));
    const CatalogEvent *owner = find_owner(compiler->catalog, name);
    if (owner != NULL)
        return lang_check_error(checker, syntax->span,
                                "there is no metric or trait %.*s; of events say which ones count, "
                                "as in last(%.*s.%.*s) or count(%.*s where %.*s …)",
                                STR_ARG(name), STR_ARG(owner->name), STR_ARG(name),
                                STR_ARG(owner->name), STR_ARG(name));
    return lang_check_error(checker, syntax->span,
                            "there is no metric or trait %.*s; texts stand in single quotes",
                            STR_ARG(name));
}

static NodeId trait_node(Checker *checker, const CatalogProperty *trait) {
    int32_t index = lang_build_trait(checker->build, trait);
    return lang_build_node(checker->build,
                           &(Node){.kind = NODE_TRAIT, .type = trait->type, .index = index});
}

const CatalogProperty *lang_check_trait(Checker *checker, const Syntax *syntax, const char *what) {
    const Catalog *catalog = checker->compiler->catalog;
    const CatalogProperty *trait = data_catalog_trait(catalog, syntax->name);
    if (trait != NULL) {
        if (trait->type == VALUE_NULL)
            lang_check_report(
                checker, syntax->name_span, true,
                "the trait %.*s was never seen with a value; it is null for everybody",
                STR_ARG(syntax->name));
        return trait;
    }
    NameList known = {0};
    const CatalogEvent *identify = data_catalog_event(catalog, STR(CATALOG_EVENT_IDENTIFY));
    for (size_t i = 0; identify != NULL && i < identify->property_count; i++)
        add_name(checker, &known, identify->properties[i].name);
    Str near = suggest(checker, syntax->name, &known);
    if (near.size_bytes > 0)
        lang_check_error(checker, syntax->name_span, "there is no trait %.*s; did you mean %.*s?",
                         STR_ARG(syntax->name), STR_ARG(near));
    else
        lang_check_error(checker, syntax->name_span,
                         "there is no trait %.*s; %s looks at the history of a customer's trait",
                         STR_ARG(syntax->name), what);
    return NULL;
}

static NodeId customer_name(Checker *checker, const Syntax *syntax) {
    Compiler *compiler = checker->compiler;
    size_t index;
    if (find_reference(compiler->metrics, compiler->model->metric_count, syntax->name, &index))
        return lang_compile_metric(checker, index, syntax->span);
    const CatalogProperty *trait = data_catalog_trait(compiler->catalog, syntax->name);
    if (trait == NULL)
        return fail_customer_name(checker, syntax);
    if (trait->type == VALUE_NULL)
        lang_check_report(checker, syntax->span, true,
                          "the trait %.*s was never seen with a value; it is null for everybody",
                          STR_ARG(syntax->name));
    return trait_node(checker, trait);
}

NodeId lang_check_segment(Checker *checker, const Syntax *syntax) {
    Compiler *compiler = checker->compiler;
    size_t index;
    if (checker->scope != NULL)
        return lang_check_error(
            checker, syntax->span,
            "segment() speaks of the customer and cannot stand inside %s; write "
            "it beside the aggregate: count(…) > 0 and segment(%.*s)",
            checker->clause, STR_ARG(syntax->name));
    if (find_reference(compiler->segments, compiler->model->segment_count, syntax->name, &index))
        return lang_compile_segment(checker, index, syntax->span);
    NameList known = {0};
    for (size_t i = 0; i < compiler->model->segment_count; i++)
        add_name(checker, &known, compiler->model->segments[i].key);
    Str near = suggest(checker, syntax->name, &known);
    if (near.size_bytes > 0)
        return lang_check_error(checker, syntax->name_span,
                                "there is no segment %.*s; did you mean %.*s?",
                                STR_ARG(syntax->name), STR_ARG(near));
    return lang_check_error(checker, syntax->name_span, "there is no segment %.*s",
                            STR_ARG(syntax->name));
}

// ---- events ----

static int compare_ids(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

static void warn_unseen(Checker *checker, const SyntaxEvent *event) {
    const Catalog *catalog = checker->compiler->catalog;
    NameList known = {0};
    for (size_t i = 0; i < catalog->event_count; i++)
        add_name(checker, &known, catalog->events[i].name);
    Str near = suggest(checker, event->name, &known);
    if (near.size_bytes > 0)
        lang_check_report(checker, event->span, true,
                          "no event %.*s was ever seen, so there are none to count; did you mean "
                          "%.*s?",
                          STR_ARG(event->name), STR_ARG(near));
    else
        lang_check_report(checker, event->span, true,
                          "no event %.*s was ever seen, so there are none to count",
                          STR_ARG(event->name));
}

bool lang_check_events(Checker *checker, const SyntaxEvents *events, EventSet *ret_set) {
    EventSet set = {.is_any = events->is_any};
    int32_t *ids = base_arena_alloc_array(checker->arena, events->count + 1, sizeof *ids);
    for (size_t i = 0; i < events->count; i++) {
        if (data_catalog_event(checker->compiler->catalog, events->items[i].name) == NULL)
            warn_unseen(checker, &events->items[i]);
        ids[i] = lang_build_event(checker->build, events->items[i].name);
    }
    qsort(ids, events->count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < events->count; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            ids[set.count++] = ids[i];
    }
    set.events = ids;
    *ret_set = set;
    return true;
}

// ---- properties ----

// The catalog's entries of the events in scope.
static size_t scope_events(Checker *checker, const CatalogEvent ***ret_events) {
    const Catalog *catalog = checker->compiler->catalog;
    const EventSet *scope = checker->scope;
    const CatalogEvent **events =
        base_arena_alloc_array(checker->arena, catalog->event_count + 1, sizeof *events);
    size_t count = 0;
    for (size_t i = 0; scope->is_any && i < catalog->event_count; i++) {
        if (catalog->events[i].is_any)
            events[count++] = &catalog->events[i];
    }
    for (int32_t i = 0; i < scope->count; i++) {
        const PlanEvent *event = (const PlanEvent *)checker->build->events.items + scope->events[i];
        const CatalogEvent *seen = data_catalog_event(catalog, event->name);
        if (seen != NULL && count < catalog->event_count)
            events[count++] = seen;
    }
    *ret_events = (const CatalogEvent **)events;
    return count;
}

static NodeId fail_property(Checker *checker, const Syntax *syntax, const CatalogEvent **events,
                            size_t count) {
    Compiler *compiler = checker->compiler;
    Str name = syntax->name;
    Str owner = lang_check_slice(checker, checker->scope_names->span);
    size_t index;
    NameList known = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < events[i]->property_count; j++)
            add_name(checker, &known, events[i]->properties[j].name);
    }
    bool is_metric =
        find_reference(compiler->metrics, compiler->model->metric_count, name, &index) != NULL;
    if (is_metric || data_catalog_trait(compiler->catalog, name) != NULL)
        return lang_check_error(checker, syntax->span,
                                "%.*s is a %s of the customer and cannot stand inside %s, where "
                                "only properties of %.*s and time are known; compare it beside the "
                                "aggregate, or use a window",
                                STR_ARG(name), is_metric ? "metric" : "trait", checker->clause,
                                STR_ARG(owner));
    Str near = suggest(checker, name, &known);
    if (near.size_bytes > 0)
        return lang_check_error(checker, syntax->span,
                                "%.*s has no property %.*s; did you mean %.*s?", STR_ARG(owner),
                                STR_ARG(name), STR_ARG(near));
    Str start = base_arena_printf(checker->arena, "%.*s.", STR_ARG(owner));
    if (base_str_starts(name, start))
        return lang_check_error(checker, syntax->span,
                                "inside %s a property is named alone: write %.*s", checker->clause,
                                (int)(name.size_bytes - start.size_bytes),
                                name.data + start.size_bytes);
    BASE_TEXT_SCOPED list = {0};
    for (size_t i = 0; i < known.count && i < NAMES_SHOWN_MAX; i++)
        base_text_printf(&list, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(known.items[i]));
    if (known.count > NAMES_SHOWN_MAX)
        base_text_append(&list, STR(", …"));
    return lang_check_error(checker, syntax->span, "%.*s has no property %.*s (it has %.*s)",
                            STR_ARG(owner), STR_ARG(name),
                            STR_ARG(known.count > 0 ? base_text_str(&list) : STR("none")));
}

typedef struct Slot {
    int32_t event, column;
} Slot;

static int compare_slots(const void *a, const void *b) {
    return compare_ids(a, b);
}

static NodeId property_of(Checker *checker, const Syntax *syntax, const CatalogEvent **events,
                          size_t count, ValueType type) {
    Slot *slots = base_arena_alloc_array(checker->arena, count + 1, sizeof *slots);
    int32_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const CatalogProperty *property = data_catalog_property(events[i], syntax->name);
        bool has_values = property != NULL && property->type != VALUE_NULL;
        if (property == NULL && checker->scope->is_any)
            continue;
        slots[used].event = lang_build_event(checker->build, events[i]->name);
        slots[used++].column =
            has_values ? lang_build_column(checker->build, property->column, property->type) : -1;
    }
    qsort(slots, (size_t)used, sizeof *slots, compare_slots);
    int32_t *ids = base_arena_alloc_array(checker->arena, 2 * (size_t)used + 1, sizeof *ids);
    for (int32_t i = 0; i < used; i++) {
        ids[i] = slots[i].event;
        ids[used + i] = slots[i].column;
    }
    return lang_build_property(checker->build, &(PlanProperty){.name = syntax->name,
                                                               .type = type,
                                                               .events = ids,
                                                               .columns = ids + used,
                                                               .count = used});
}

bool lang_check_property(Checker *checker, const Syntax *syntax) {
    const CatalogEvent **events;
    size_t count = scope_events(checker, &events);
    for (size_t i = 0; i < count; i++) {
        if (data_catalog_property(events[i], syntax->name) != NULL)
            return true;
    }
    if (count > 0)
        fail_property(checker, syntax, events, count);
    return count == 0;
}

static NodeId event_name(Checker *checker, const Syntax *syntax) {
    const CatalogEvent **events;
    if (!lang_check_property(checker, syntax))
        return NODE_NONE;
    size_t count = scope_events(checker, &events);
    ValueType type = VALUE_NULL;
    const CatalogEvent *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const CatalogProperty *property = data_catalog_property(events[i], syntax->name);
        if (property == NULL)
            continue;
        ValueType both = lang_check_unify(type, property->type);
        if (both == VALUE_TYPE_COUNT) {
            assert(first != NULL); // what unifies with nothing has met a type before
            return lang_check_error(checker, syntax->span,
                                    "%.*s is %s in %.*s but %s in %.*s; name only events in which "
                                    "it has one type",
                                    STR_ARG(syntax->name), data_value_type_name(type),
                                    STR_ARG(first->name), data_value_type_name(property->type),
                                    STR_ARG(events[i]->name));
        }
        if (type == VALUE_NULL)
            first = events[i];
        type = both;
    }
    if (count > 0 && type == VALUE_NULL)
        lang_check_report(checker, syntax->span, true,
                          "%.*s was never seen with a value; it is always null",
                          STR_ARG(syntax->name));
    return property_of(checker, syntax, events, count, type);
}

NodeId lang_check_name(Checker *checker, const Syntax *syntax) {
    if (checker->scope == NULL)
        return customer_name(checker, syntax);
    if (!syntax->is_quoted && lang_token_word_equal(syntax->name, "time"))
        return lang_build_node(
            checker->build,
            &(Node){.kind = NODE_EVENT_TIME, .type = VALUE_TIME, .is_event_scope = true});
    return event_name(checker, syntax);
}
