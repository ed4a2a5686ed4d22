// All metrics, segments and the value of a model, each once, in the order in which they need one
// another.

#include <assert.h>

#include "lang/check_private.h"
#include "lang/parse.h"

static Checker checker_of(Compiler *compiler, Str expression, Place place, const SourceText *text) {
    return (Checker){.compiler = compiler,
                     .build = &compiler->build,
                     .arena = compiler->arena,
                     .text = text,
                     .place = place,
                     .expression = expression};
}

static NodeId compile_expression(Checker *checker) {
    const Syntax *syntax;
    const SyntaxProblem *problems;
    int rc = lang_parse(checker->arena, checker->expression, &syntax, &problems);
    for (const SyntaxProblem *problem = problems; problem != NULL; problem = problem->next)
        lang_check_report(checker, problem->span, false, "%.*s", STR_ARG(problem->message));
    if (rc != 0)
        return NODE_NONE;
    NodeId id = lang_check_expression(checker, syntax);
    if (!checker->build->is_full)
        return id;
    return lang_check_error(checker, syntax->span,
                            "the model needs more than %d different steps; split it",
                            LANG_PLAN_NODES_MAX);
}

// The place and text for messages: those of the model file where there is one.
static Checker model_checker(Compiler *compiler, Str expression, Place place, Str what) {
    const Model *model = compiler->model;
    if (model->text != NULL)
        return checker_of(compiler, expression, place, model->text);
    SourceText *text = base_arena_alloc(compiler->arena, sizeof *text);
    *text = (SourceText){.path = what, .text = expression};
    return checker_of(compiler, expression, (Place){0}, text);
}

static SyntaxSpan whole(const Checker *checker) {
    return (SyntaxSpan){0, checker->expression.size_bytes};
}

static NodeId compile_metric_expression(Compiler *compiler, size_t index) {
    const MetricSource *metric = &compiler->model->metrics[index];
    Checker checker = model_checker(compiler, metric->expression, metric->place, metric->name);
    NodeId id = compile_expression(&checker);
    if (id != NODE_NONE && lang_check_type(&checker, id) == VALUE_DURATION)
        return lang_check_error(&checker, whole(&checker),
                                "a metric cannot be a length of time; write days_between(a, b) or "
                                "days_since(t) for a number of days");
    return id;
}

static NodeId compile_list(Compiler *compiler, const SegmentSource *segment) {
    PlanList list = {.key = segment->key};
    KretsError error = {0};
    int rc = lang_list_read(compiler->arena, compiler->model->directory, segment->list, &list.ids,
                            &list.count, &error);
    if (rc == 0)
        return lang_build_list(&compiler->build, &list);
    lang_diagnostic_add(compiler->diagnostics,
                        model_checker(compiler, segment->list, segment->place, segment->key).text,
                        segment->place, 1, false, "the list of segment %.*s: %s",
                        STR_ARG(segment->key), error.text);
    return NODE_NONE;
}

static NodeId compile_segment_expression(Compiler *compiler, size_t index) {
    const SegmentSource *segment = &compiler->model->segments[index];
    if (segment->list.size_bytes > 0)
        return compile_list(compiler, segment);
    Checker checker = model_checker(compiler, segment->expression, segment->place, segment->key);
    NodeId id = compile_expression(&checker);
    if (id == NODE_NONE || lang_check_is(&checker, id, TYPE_BIT(VALUE_BOOLEAN)))
        return id;
    Str slice = lang_check_slice(&checker, whole(&checker));
    bool is_number = lang_check_is(&checker, id, TYPES_NUMERIC);
    return lang_check_error(&checker, whole(&checker),
                            "a segment is a condition that is true or false, but this is %s; "
                            "compare it, as in %.*s%s",
                            data_value_type_name(lang_check_type(&checker, id)), STR_ARG(slice),
                            is_number ? " >= 1" : " is not null");
}

// ---- references between them ----

static NodeId fail_cycle(const Checker *checker, const Reference *reference, SyntaxSpan span) {
    const Compiler *compiler = checker->compiler;
    BASE_TEXT_SCOPED chain = {0};
    bool is_in = false;
    for (int32_t i = 0; i < compiler->open_count; i++) {
        is_in |= compiler->open_names[i] == &reference->name;
        if (is_in)
            base_text_printf(&chain, "%.*s → ", STR_ARG(*compiler->open_names[i]));
    }
    base_text_append(&chain, reference->name);
    Str text = base_text_str(&chain);
    return lang_check_error(checker, span, "this goes in a circle: %.*s", STR_ARG(text));
}

typedef NodeId (*CompileOne)(Compiler *compiler, size_t index);

// Compiles the expression once. `checker` and `span` say who asks; NULL: the model itself.
static NodeId resolve(Compiler *compiler, Reference *list, size_t index, CompileOne compile_one,
                      const Checker *checker, SyntaxSpan span) {
    Reference *reference = &list[index];
    if (reference->state == REFERENCE_DONE)
        return reference->node;
    // The model asks when nothing is being compiled: whatever is open was named by an expression.
    assert(checker != NULL || (compiler->open_count == 0 && reference->state != REFERENCE_OPEN));
    if (reference->state == REFERENCE_OPEN)
        return fail_cycle(checker, reference, span);
    if (compiler->open_count > LANG_REFERENCE_DEPTH_MAX)
        return lang_check_error(checker, span,
                                "metrics and segments name one another more than %d deep",
                                LANG_REFERENCE_DEPTH_MAX);
    reference->state = REFERENCE_OPEN;
    compiler->open_names[compiler->open_count++] = &reference->name;
    reference->node = compile_one(compiler, index);
    compiler->open_count--;
    reference->state = REFERENCE_DONE;
    return reference->node;
}

NodeId lang_compile_metric(Checker *checker, size_t metric, SyntaxSpan span) {
    Compiler *compiler = checker->compiler;
    NodeId id =
        resolve(compiler, compiler->metrics, metric, compile_metric_expression, checker, span);
    if (id == NODE_NONE)
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_METRIC,
                                                   .type = lang_check_type(checker, id),
                                                   .index = (int32_t)metric,
                                                   .args = &id,
                                                   .arg_count = 1});
}

NodeId lang_compile_segment(Checker *checker, size_t segment, SyntaxSpan span) {
    Compiler *compiler = checker->compiler;
    NodeId id =
        resolve(compiler, compiler->segments, segment, compile_segment_expression, checker, span);
    if (id == NODE_NONE)
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_SEGMENT,
                                                   .type = VALUE_BOOLEAN,
                                                   .index = (int32_t)segment,
                                                   .args = &id,
                                                   .arg_count = 1});
}

// ---- the whole model ----

static void init_compiler(Compiler *compiler, Arena *arena, const Model *model,
                          const Catalog *catalog, Diagnostics *diagnostics) {
    *compiler =
        (Compiler){.arena = arena, .model = model, .catalog = catalog, .diagnostics = diagnostics};
    lang_build_init(&compiler->build, arena, catalog);
    compiler->metrics = base_arena_alloc_array(arena, model->metric_count + 1, sizeof(Reference));
    compiler->segments = base_arena_alloc_array(arena, model->segment_count + 1, sizeof(Reference));
    for (size_t i = 0; i < model->metric_count; i++)
        compiler->metrics[i] = (Reference){.name = model->metrics[i].name, .node = NODE_NONE};
    for (size_t i = 0; i < model->segment_count; i++)
        compiler->segments[i] = (Reference){.name = model->segments[i].key, .node = NODE_NONE};
}

static void compile_all(Compiler *compiler, Plan *plan) {
    const Model *model = compiler->model;
    PlanMetric *metrics =
        base_arena_alloc_array(compiler->arena, model->metric_count + 1, sizeof *metrics);
    PlanSegment *segments =
        base_arena_alloc_array(compiler->arena, model->segment_count + 1, sizeof *segments);
    SyntaxSpan nowhere = {0, 0};
    for (size_t i = 0; i < model->metric_count; i++) {
        metrics[i].name = model->metrics[i].name;
        metrics[i].node =
            resolve(compiler, compiler->metrics, i, compile_metric_expression, NULL, nowhere);
    }
    for (size_t i = 0; i < model->segment_count; i++) {
        segments[i].key = model->segments[i].key;
        segments[i].name = model->segments[i].name;
        segments[i].node =
            resolve(compiler, compiler->segments, i, compile_segment_expression, NULL, nowhere);
    }
    plan->metrics = metrics;
    plan->metric_count = (int32_t)model->metric_count;
    plan->segments = segments;
    plan->segment_count = (int32_t)model->segment_count;
    plan->value = NODE_NONE;
    if (model->value.size_bytes == 0)
        return;
    Checker checker = model_checker(compiler, model->value, model->value_place, STR("value"));
    plan->value = compile_expression(&checker);
    if (plan->value != NODE_NONE && !lang_check_is(&checker, plan->value, TYPES_NUMERIC))
        lang_check_report(&checker, whole(&checker), false,
                          "the value of a customer is a number, but this is %s; as in "
                          "sum(order.amount)",
                          data_value_type_name(lang_check_type(&checker, plan->value)));
}

// The trait of the customer's own zone or country, where the catalog has it as text.
static int32_t text_trait(Compiler *compiler, Str name) {
    const CatalogProperty *trait = data_catalog_trait(compiler->catalog, name);
    return trait == NULL || trait->type != VALUE_TEXT ? -1
                                                      : lang_build_trait(&compiler->build, trait);
}

static int finish(Compiler *compiler, Plan *plan, size_t errors_before, KretsError *error) {
    const Model *model = compiler->model;
    plan->zone = model->zone;
    plan->country = model->country;
    plan->zone_trait = text_trait(compiler, STR("timezone"));
    plan->country_trait = text_trait(compiler, STR("country"));
    lang_build_finish(&compiler->build, plan);
    lang_build_done(&compiler->build);
    lang_diagnostics_sort(compiler->diagnostics);
    size_t errors = compiler->diagnostics->error_count - errors_before;
    if (errors > 0)
        return base_error_set(error, BASE_E_USAGE, "%.*s: %zu error%s in its expressions",
                              STR_ARG(model->path), errors, errors == 1 ? "" : "s");
    return 0;
}

int lang_plan_compile(Arena *arena, const Model *model, const Catalog *catalog,
                      Diagnostics *diagnostics, const Plan **ret_plan, KretsError *error) {
    return lang_plan_compile_text(arena, model, catalog, (Str){0}, (Str){0}, diagnostics, ret_plan,
                                  NULL, error);
}

int lang_plan_compile_text(Arena *arena, const Model *model, const Catalog *catalog, Str what,
                           Str expression, Diagnostics *diagnostics, const Plan **ret_plan,
                           NodeId *ret_node, KretsError *error) {
    Compiler compiler;
    size_t errors_before = diagnostics->error_count;
    NodeId node = NODE_NONE;
    init_compiler(&compiler, arena, model, catalog, diagnostics);
    Plan *plan = base_arena_alloc(arena, sizeof *plan);
    compile_all(&compiler, plan);
    SourceText *text = base_arena_alloc(arena, sizeof *text);
    *text = (SourceText){.path = what, .text = expression};
    if (ret_node != NULL) {
        Checker checker = checker_of(&compiler, expression, (Place){0}, text);
        node = compile_expression(&checker);
    }
    int rc = finish(&compiler, plan, errors_before, error);
    if (rc != 0)
        return rc;
    *ret_plan = plan;
    if (ret_node != NULL)
        *ret_node = node;
    return 0;
}
