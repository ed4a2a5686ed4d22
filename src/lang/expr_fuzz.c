// Any bytes as an expression: no crash; errors have a place inside the text; a plan that comes out
// is in order, and its canonical text compiles to the same text again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/expression_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true, const char *what, Str text) {
    if (is_true)
        return;
    fprintf(stderr, "%s: %.*s\n", what, STR_ARG(text));
    abort();
}

static ExpressionLook look_at(Arena *arena, Str expression) {
    Str copy = base_arena_str(arena, expression); // a NUL inside ends it, as in the fixture
    return expression_fixture_compile(arena, expression_fixture_model(arena),
                                      expression_fixture_catalog(arena), copy.data);
}

static void check_plan(Arena *arena, const ExpressionLook *look) {
    BASE_TEXT_SCOPED once = {0};
    BASE_TEXT_SCOPED twice = {0};
    const Plan *plan = look->plan;
    for (NodeId id = 0; id < plan->node_count; id++) {
        for (int32_t i = 0; i < plan->nodes[id].arg_count; i++)
            require(plan->nodes[id].args[i] < id, "a node before its operand", STR(""));
    }
    lang_canonical_node(&once, plan, look->node);
    ExpressionLook again = look_at(arena, base_text_str(&once));
    // The canonical text spells out what was short, so it may exceed the limits that its source
    // kept.
    if (once.size_bytes > (size_t)16 * 1024)
        return;
    require(again.plan != NULL, "canonical text does not compile", base_text_str(&once));
    lang_canonical_node(&twice, again.plan, again.node);
    require(base_str_equal(base_text_str(&once), base_text_str(&twice)),
            "canonical text is not stable", base_text_str(&once));
    require(plan->nodes[look->node].type == again.plan->nodes[again.node].type,
            "canonical text changes the type", base_text_str(&once));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    ExpressionLook look = look_at(arena, (Str){(const char *)data, size});
    if (look.plan != NULL)
        check_plan(arena, &look);
    else
        require(look.diagnostics.error_count > 0, "no plan and no error", STR(""));
    for (size_t i = 0; i < look.diagnostics.count; i++)
        require(look.diagnostics.items[i].place.line > 0, "no place",
                look.diagnostics.items[i].message);
    return 0;
}
