// `krets members`.
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "app/members.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"

static size_t shown_count(const Arguments *arguments, const MembersResult *result) {
    uint64_t count = roaring_bitmap_get_cardinality(result->members);
    if (arguments->limit > 0 && (uint64_t)arguments->limit < count)
        count = (uint64_t)arguments->limit;
    return (size_t)count;
}

static json_t *member_json(const Project *project, const Answers *answers, size_t customer) {
    json_t *metrics = json_object();
    assert(answers->customer_ids != NULL && customer < answers->customer_count);
    for (size_t m = 0; m < answers->metric_count; m++)
        json_object_set_new(
            metrics, project->plan->metrics[m].name.data,
            cli_command_json_value(data_table_value(&answers->metrics[m], customer)));
    return json_pack("{s:o, s:o}", "customer",
                     cli_command_json_text(answers->customer_ids[customer]), "metrics", metrics);
}

static int print_json(const Arguments *arguments, const Project *project,
                      const MembersResult *result, KretsError *error) {
    json_t *members = json_array();
    size_t left = shown_count(arguments, result);
    roaring_uint32_iterator_t *at = roaring_create_iterator(result->members);
    for (; at->has_value && left > 0; left--, roaring_advance_uint32_iterator(at))
        json_array_append_new(members, member_json(project, &result->answers, at->current_value));
    roaring_free_uint32_iterator(at);
    return cli_command_json(
        json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "segment",
                  cli_command_json_text(result->segment), "name",
                  cli_command_json_text(result->name), "words",
                  cli_command_json_text(result->words), "now",
                  cli_command_json_time(result->now_us), "customers",
                  (json_int_t)roaring_bitmap_get_cardinality(result->members), "population",
                  (json_int_t)result->population, "fit",
                  result->fit_version ? json_integer(result->fit_version) : json_null(), "members",
                  members),
        error);
}

static void print_list(const Arguments *arguments, const MembersResult *result) {
    size_t left = shown_count(arguments, result);
    roaring_uint32_iterator_t *at = roaring_create_iterator(result->members);
    for (; at->has_value && left > 0; left--, roaring_advance_uint32_iterator(at)) {
        assert(result->answers.customer_ids != NULL);
        Str id = result->answers.customer_ids[at->current_value];
        printf("%.*s\n", STR_ARG(id));
    }
    roaring_free_uint32_iterator(at);
}

static int members(const Arguments *arguments, Project *project, MembersResult *result,
                   KretsError *error) {
    if (arguments->is_json)
        return print_json(arguments, project, result, error);
    print_list(arguments, result);
    fflush(stdout);
    char count[32], population[32];
    fprintf(stderr, "%.*s of %.*s customers: %.*s, as of %.*s",
            STR_ARG(cli_listing_count(count, roaring_bitmap_get_cardinality(result->members))),
            STR_ARG(cli_listing_count(population, result->population)), STR_ARG(result->words),
            STR_ARG(app_project_time(project, result->now_us)));
    if (result->fit_version)
        fprintf(stderr, ", fit %lld", (long long)result->fit_version);
    fputc('\n', stderr);
    return 0;
}

int cli_members_run(const Arguments *arguments, Project *project, KretsError *error) {
    MembersResult result = {0};
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_members(project, base_str_from(arguments->operands[0]), &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    r = members(arguments, project, &result, error);
    data_answers_done(&result.answers);
    return r;
}
