// `krets members`.
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/members.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/terminal.h"

// What was asked for, and what was found.
typedef struct Members {
    const Arguments *arguments;
    const Project *project;
    MembersResult result;
    bool has_since, has_until; // --with
} Members;

static bool has_since(const FlipSpan *span) {
    assert(span != NULL);
    return span->since_us > CALENDAR_TIME_MIN;
}

static bool has_until(const FlipSpan *span) {
    assert(span != NULL);
    return span->until_us != FLIP_NEVER;
}

static size_t shown_count(const Members *members) {
    uint64_t count = roaring_bitmap_get_cardinality(members->result.members);
    int64_t limit = members->arguments->limit;
    return (size_t)(limit > 0 && (uint64_t)limit < count ? (uint64_t)limit : count);
}

static json_t *member_json(const Members *members, size_t customer) {
    const Answers *answers = &members->result.answers;
    json_t *metrics = json_object();
    assert(answers->customer_ids != NULL && customer < answers->customer_count);
    for (size_t m = 0; m < answers->metric_count; m++)
        json_object_set_new(
            metrics, members->project->plan->metrics[m].name.data,
            cli_command_json_value(data_table_value(&answers->metrics[m], customer)));
    json_t *member =
        json_pack("{s:o}", "customer", cli_command_json_text(answers->customer_ids[customer]));
    const FlipSpan *span = members->result.spans ? &members->result.spans[customer] : NULL;
    if (members->has_since)
        json_object_set_new(member, "since",
                            has_since(span) ? cli_command_json_time(span->since_us) : json_null());
    if (members->has_until)
        json_object_set_new(member, "until",
                            has_until(span) ? cli_command_json_time(span->until_us) : json_null());
    json_object_set_new(member, "metrics", metrics);
    return member;
}

static int print_json(const Members *members, KretsError *error) {
    const MembersResult *result = &members->result;
    json_t *list = json_array();
    size_t left = shown_count(members);
    roaring_uint32_iterator_t *at = roaring_create_iterator(result->members);
    for (; at->has_value && left > 0; left--, roaring_advance_uint32_iterator(at))
        json_array_append_new(list, member_json(members, at->current_value));
    roaring_free_uint32_iterator(at);
    return cli_command_json(
        json_pack(
            "{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "segment",
            cli_command_json_text(result->segment), "name", cli_command_json_text(result->name),
            "words", cli_command_json_text(result->words), "now",
            cli_command_json_time(result->now_us), "customers",
            (json_int_t)roaring_bitmap_get_cardinality(result->members), "population",
            (json_int_t)result->population, "fit",
            result->fit_version ? json_integer(result->fit_version) : json_null(), "members", list),
        error);
}

static void print_row(const Members *members, Text *line, size_t customer) {
    const MembersResult *result = &members->result;
    const FlipSpan *span = result->spans ? &result->spans[customer] : NULL;
    base_text_clear(line);
    cli_output_csv(line, result->answers.customer_ids[customer]);
    if (members->has_since)
        base_text_append_char(line, ',');
    if (members->has_since && has_since(span))
        cli_output_time(line, span->since_us);
    if (members->has_until)
        base_text_append_char(line, ',');
    if (members->has_until && has_until(span))
        cli_output_time(line, span->until_us);
    base_text_append_char(line, '\n');
    fwrite(line->data, 1, line->size_bytes, stdout);
}

// Ids alone, a line each; with columns beside them, or as --format says, a table for programs.
static int print_list(const Members *members, KretsError *error) {
    BASE_TEXT_SCOPED line = {0};
    const MembersResult *result = &members->result;
    bool is_lines = members->arguments->format == FORMAT_NDJSON;
    bool is_csv = !is_lines && (members->arguments->format == FORMAT_CSV || result->spans);
    if (is_csv)
        printf("customer%s%s\n", members->has_since ? ",since" : "",
               members->has_until ? ",until" : "");
    size_t left = shown_count(members);
    int r = 0;
    roaring_uint32_iterator_t *at = roaring_create_iterator(result->members);
    for (; at->has_value && left > 0 && r == 0; left--, roaring_advance_uint32_iterator(at)) {
        assert(result->answers.customer_ids != NULL);
        if (is_lines) {
            r = cli_output_json(member_json(members, at->current_value), error);
        } else if (is_csv) {
            print_row(members, &line, at->current_value);
        } else {
            printf("%.*s\n", STR_ARG(result->answers.customer_ids[at->current_value]));
        }
    }
    roaring_free_uint32_iterator(at);
    return r;
}

static int print_members(const Members *members, KretsError *error) {
    const MembersResult *result = &members->result;
    if (members->arguments->is_json)
        return print_json(members, error);
    int r = print_list(members, error);
    fflush(stdout);
    char count[32], population[32];
    fprintf(stderr, "%.*s of %.*s customers: %.*s, as of %.*s",
            STR_ARG(cli_listing_count(count, roaring_bitmap_get_cardinality(result->members))),
            STR_ARG(cli_listing_count(population, result->population)), STR_ARG(result->words),
            STR_ARG(app_project_time(members->project, result->now_us)));
    if (result->fit_version)
        fprintf(stderr, ", fit %lld", (long long)result->fit_version);
    fputc('\n', stderr);
    return r;
}

// "since", "until", or both with a comma.
static int read_with(Members *members, KretsError *error) {
    const char *with = members->arguments->with;
    for (Str left = base_str_from(with); with;) {
        const char *comma = memchr(left.data, ',', left.size_bytes);
        Str item = {left.data, comma ? (size_t)(comma - left.data) : left.size_bytes};
        bool is_since = base_str_equal(base_str_trim(item), STR("since"));
        bool is_until = base_str_equal(base_str_trim(item), STR("until"));
        if (!is_since && !is_until)
            return base_error_set(error, BASE_E_USAGE,
                                  "--with: members has since and until, not `%.*s`; write "
                                  "--with since,until",
                                  STR_ARG(item));
        members->has_since |= is_since;
        members->has_until |= is_until;
        if (!comma)
            break;
        left = (Str){comma + 1, left.size_bytes - item.size_bytes - 1};
    }
    return 0;
}

int cli_members_run(const Arguments *arguments, Project *project, KretsError *error) {
    Members members = {.arguments = arguments, .project = project};
    int r = cli_command_format(arguments, "members", FORMAT_CSV, FORMAT_NDJSON, error);
    if (r == 0)
        r = read_with(&members, error);
    if (r == 0)
        r = app_project_check_now(project, error);
    if (r == 0)
        r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_members(project, base_str_from(arguments->operands[0]), &members.result, error);
    if (r < 0)
        return r;
    if (members.has_since || members.has_until)
        r = app_members_spans(project, &members.result, error);
    cli_terminal_clear();
    if (r == 0)
        r = print_members(&members, error);
    data_answers_done(&members.result.answers);
    return r;
}
