// `krets explain`.
#include <stdio.h>
#include <unistd.h>

#include "app/explain.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"

static json_t *event_json(const ExplainEvent *event) {
    return json_pack("{s:o, s:o, s:o}", "time", cli_command_json_time(event->time_us), "event",
                     cli_command_json_text(event->event), "details",
                     cli_command_json_text(event->details));
}

static json_t *node_json(const ExplainNode *node) {
    json_t *events = json_array();
    for (size_t i = 0; i < node->event_count; i++)
        json_array_append_new(events, event_json(&node->events[i]));
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:b, s:I, s:o}", "depth", (int)node->depth,
                     "expression", cli_command_json_text(node->source), "words",
                     cli_command_json_text(node->words), "value", cli_command_json_value(node->raw),
                     "said", cli_command_json_text(node->value), "decides", (int)node->is_decisive,
                     "event_count", (json_int_t)node->event_total, "events", events);
}

static json_t *segment_json(const ExplainSegment *segment) {
    json_t *nodes = json_array();
    for (size_t i = 0; i < segment->node_count; i++)
        json_array_append_new(nodes, node_json(&segment->nodes[i]));
    const FlipSpan *span = &segment->outlook.span;
    json_t *since =
        span->since_us > CALENDAR_TIME_MIN ? cli_command_json_time(span->since_us) : json_null();
    json_t *until =
        span->until_us != FLIP_NEVER ? cli_command_json_time(span->until_us) : json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "segment",
        cli_command_json_text(segment->key), "name", cli_command_json_text(segment->name), "words",
        cli_command_json_text(segment->words), "member", (int)segment->is_member, "since", since,
        "until", until, "outlook", cli_command_json_text(segment->outlook.words), "because",
        cli_command_json_text(segment->because), "nodes", nodes);
}

static int print_json(const ExplainResult *result, KretsError *error) {
    json_t *metrics = json_object(), *segments = json_array();
    for (size_t m = 0; m < result->metric_count; m++)
        json_object_set_new(metrics, result->metrics[m].name.data,
                            cli_command_json_value(result->metrics[m].raw));
    for (size_t s = 0; s < result->segment_count; s++)
        json_array_append_new(segments, segment_json(&result->segments[s]));
    return cli_command_json(
        json_pack("{s:o, s:o, s:b, s:I, s:o, s:o, s:o}", "customer",
                  cli_command_json_text(result->customer), "now",
                  cli_command_json_time(result->now_us), "in_population",
                  (int)result->is_in_population, "events", (json_int_t)result->event_count, "fit",
                  result->fit_version ? json_integer(result->fit_version) : json_null(), "metrics",
                  metrics, "segments", segments),
        error);
}

static void print_node(const Project *project, const ExplainNode *node) {
    const char *mark = !node->is_decisive ? " " : "*";
    printf("%*s%s %.*s = %.*s\n", 2 + 2 * node->depth, "", mark, STR_ARG(node->source),
           STR_ARG(node->value));
    int indent = 6 + 2 * node->depth;
    if (node->event_total > node->event_count)
        printf("%*s%llu events, the newest %zu:\n", indent, "",
               (unsigned long long)node->event_total, node->event_count);
    for (size_t i = 0; i < node->event_count; i++) {
        const ExplainEvent *event = &node->events[i];
        printf("%*s%.*s  %.*s%s%.*s\n", indent, "",
               STR_ARG(app_project_time(project, event->time_us)), STR_ARG(event->event),
               event->details.size_bytes > 0 ? ": " : "", STR_ARG(event->details));
    }
}

static void print_segment(const Project *project, const ExplainSegment *segment) {
    bool is_colour = cli_terminal_is_colour(STDOUT_FILENO);
    printf("%s%s %.*s%s (%.*s): %.*s\n", is_colour ? "\033[1m" : "",
           segment->is_member ? "in    " : "not in", STR_ARG(segment->name),
           is_colour ? "\033[0m" : "", STR_ARG(segment->key), STR_ARG(segment->words));
    if (segment->node_count > 0 || segment->is_member ||
        segment->outlook.span.until_us != FLIP_NEVER)
        printf("  %s%.*s\n", segment->node_count > 0 ? "" : "     ",
               STR_ARG(segment->outlook.words));
    if (segment->node_count == 0)
        return;
    printf("  because %.*s\n\n", STR_ARG(segment->because));
    for (size_t i = 0; i < segment->node_count; i++)
        print_node(project, &segment->nodes[i]);
    printf("\n  * marks the parts that decide\n");
}

static void print_result(const Project *project, const ExplainResult *result) {
    printf("customer %.*s as of %.*s", STR_ARG(result->customer),
           STR_ARG(app_project_time(project, result->now_us)));
    if (result->fit_version)
        printf(", fit %lld", (long long)result->fit_version);
    putchar('\n');
    if (!result->is_in_population) {
        printf("not a customer yet at that time: no event is visible\n");
        return;
    }
    for (size_t m = 0; m < result->metric_count; m++)
        printf("  %.*s = %.*s\n", STR_ARG(result->metrics[m].name),
               STR_ARG(result->metrics[m].value));
    putchar('\n');
    for (size_t s = 0; s < result->segment_count; s++)
        print_segment(project, &result->segments[s]);
}

int cli_explain_run(const Arguments *arguments, Project *project, KretsError *error) {
    ExplainResult result = {0};
    Str segment = base_str_from(arguments->operand_count > 1 ? arguments->operands[1] : NULL);
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_explain(project, base_str_from(arguments->operands[0]), segment, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        return print_json(&result, error);
    print_result(project, &result);
    return 0;
}
