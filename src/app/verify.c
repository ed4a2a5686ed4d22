#include "app/verify.h"

#include <time.h>

#include "app/history_index.h"
#include "app/results.h"
#include "lang/sql.h"

// select customer, answer, proof where they differ; both sides as text for people.
static void difference_sql(Text *out, const Plan *plan, NodeId node, Str answers, Str column,
                           Str proof) {
    BASE_TEXT_SCOPED name = {0};
    db_sql_identifier(&name, column);
    base_text_printf(out,
                     "with proof as materialized (\n%.*s\n), answer as (select customer, %s as "
                     "value, true as is_there from %.*s) "
                     "select coalesce(a.customer, p.customer), "
                     "case when a.is_there is null then '(absent)' else "
                     "coalesce(cast(a.value as varchar), 'null') end, "
                     "case when p.is_there is null then '(absent)' else "
                     "coalesce(cast(p.value as varchar), 'null') end, count(*) over () "
                     "from answer a full join (select *, true as is_there from proof) p "
                     "on a.customer = p.customer "
                     "where a.is_there is null or p.is_there is null or "
                     "(a.value is distinct from p.value",
                     STR_ARG(proof), name.data, STR_ARG(answers));
    if (lang_plan_is_inexact(plan, node))
        base_text_append(out, STR(" and not coalesce(abs(a.value - p.value) <= 1e-9 * "
                                  "greatest(abs(a.value), abs(p.value)), false)"));
    base_text_printf(out, ") order by 1 limit %d", VERIFY_EXAMPLE_MAX);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(Project *project, NodeId node, Str answers, Str column, Str proof,
                   VerifyRow *row, KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    difference_sql(&sql, project->plan, node, answers, column, proof);
    double begin = seconds();
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(store_duck(project->store), base_text_str(&sql), &result, error);
    if (r < 0)
        return base_error_prefix(error, r, "proving %.*s", STR_ARG(column));
    while ((r = db_duck_next(result, error)) > 0) {
        Arena *arena = project->arena;
        row->difference_count = (uint64_t)db_duck_value(result, 3).integer;
        row->differences[row->shown_count++] =
            (VerifyDifference){.customer = base_arena_str(arena, db_duck_value(result, 0).text),
                               .answer = base_arena_str(arena, db_duck_value(result, 1).text),
                               .proof = base_arena_str(arena, db_duck_value(result, 2).text)};
    }
    row->seconds = seconds() - begin;
    return r;
}

// The SQL runs once per metric or segment, into a table that both comparisons read. Positive: there
// is no SQL for it, for the reason that the error holds.
static int prove(Project *project, int64_t now_us, bool is_segment, int32_t index,
                 KretsError *error) {
    BASE_TEXT_SCOPED history = {0};
    int r = store_history_sql(project->store, project->arena, &history, error);
    if (r < 0)
        return r;
    SqlOptions options = {.history = base_text_str(&history), .now_us = now_us};
    BASE_TEXT_SCOPED sql = {0};
    r = (is_segment ? lang_sql_segment : lang_sql_metric)(project->arena, &sql, project->plan,
                                                          index, &options, error);
    if (r < 0)
        return 1;
    return db_duck_run(store_duck(project->store), error,
                       "create or replace temp table krets_proof as %s", sql.data);
}

static int load_stored(Project *project, const StoreRun *run, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    db_sql_literal(&path, run->answers_path);
    return db_duck_run(store_duck(project->store), error,
                       "create or replace temp view krets_stored as select * from "
                       "read_parquet(%s)",
                       path.data);
}

// Which instant to prove, and whether the stored answers are of that instant and this model.
static int choose_instant(Project *project, VerifyResult *result, KretsError *error) {
    StoreRun run;
    int known = store_run_get(project->store, project->arena, &run, error);
    if (known < 0)
        return known;
    bool is_given = project->options.now.size_bytes > 0;
    if (known == 0 && !is_given) {
        result->now_us = run.now_us;
    } else {
        int r = app_project_now(project, &result->now_us, error);
        if (r < 0)
            return r;
    }
    if (known > 0) {
        result->stored_note = STR("there was no run yet, so there are no stored answers");
        return 0;
    }
    if (run.now_us != result->now_us) {
        result->stored_note = STR("the last run was at another instant");
        return 0;
    }
    Str hash;
    int r = app_project_hash(project, &hash, error);
    if (r < 0)
        return r;
    if (!base_str_equal(hash, run.model_hash)) {
        result->stored_note = STR("the model or the data changed since the last run; run "
                                  "`krets run` to renew the stored answers");
        return 0;
    }
    result->has_stored = true;
    return load_stored(project, &run, error);
}

static int verify_versions(Project *project, VerifyResult *result, KretsError *error) {
    DB_DUCK_RESULT_SCOPED answer = NULL;
    int r = db_duck_query(store_duck(project->store), STR("select version()"), &answer, error);
    if (r < 0)
        return r;
    if (db_duck_next(answer, error) > 0)
        result->duckdb_version = base_arena_str(project->arena, db_duck_value(answer, 0).text);
    result->tz_version = base_zone_version();
    return 0;
}

static int evaluate(Project *project, int64_t now_us, Answers *answers, KretsError *error) {
    const FitSet *fits = NULL;
    // A damaged index would be found wrong; it is made anew instead.
    int r = app_history_index_open(project, true, error);
    if (r == 0)
        r = app_population_fit(project, now_us, &fits, error);
    if (r == 0)
        r = app_population_answers(project, project->arena, now_us, NULL, fits, answers, error);
    return r;
}

static int evaluate_reference(Project *project, int64_t now_us, Answers *answers,
                              KretsError *error) {
    const FitSet *fits = NULL;
    int r = app_population_reference_fit(project, now_us, &fits, error);
    if (r == 0)
        r = app_population_reference(project, project->arena, now_us, fits, answers, error);
    return r;
}

static int fresh_answers(Project *project, VerifyResult *result, KretsError *error) {
    Answers answers = {0};
    int r = (result->is_reference ? evaluate_reference : evaluate)(project, result->now_us,
                                                                   &answers, error);
    if (r < 0)
        return r;
    result->customer_count = answers.customer_count;
    r = app_results_table(project, &answers, NULL, STR("krets_fresh"), error);
    data_answers_done(&answers);
    return r;
}

// Answers of the evaluator that is not being proved, made when first wanted.
static int other_answers(Project *project, VerifyResult *result, KretsError *error) {
    Answers answers = {0};
    if (result->unproved_count > 0)
        return 0;
    int r = (result->is_reference ? evaluate : evaluate_reference)(project, result->now_us,
                                                                   &answers, error);
    if (r < 0)
        return r;
    r = app_results_table(project, &answers, NULL, STR("krets_other"), error);
    data_answers_done(&answers);
    return r;
}

// The select that says what is right; its reason in `ret_unproved` where that is not SQL.
static int find_proof(Project *project, bool is_segment, int32_t index, Str column,
                      VerifyResult *result, Str *ret_proof, Str *ret_unproved, KretsError *error) {
    KretsError reason = {0};
    int r = prove(project, result->now_us, is_segment, index, &reason);
    if (r < 0)
        return base_error_set(error, r, "%s", reason.text);
    *ret_proof = STR("select * from krets_proof");
    if (r == 0)
        return 0;
    r = other_answers(project, result, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED name = {0};
    db_sql_identifier(&name, column);
    result->unproved_count++;
    *ret_unproved = base_arena_str(project->arena, base_str_from(reason.text));
    *ret_proof = base_arena_printf(project->arena, "select customer, %s as value from krets_other",
                                   name.data);
    return 0;
}

static int verify_one(Project *project, bool is_segment, int32_t index, VerifyResult *result,
                      KretsError *error) {
    static const char *const tables[] = {"krets_fresh", "krets_stored"};
    const Plan *plan = project->plan;
    Str name = is_segment ? plan->segments[index].key : plan->metrics[index].name;
    NodeId node = is_segment ? plan->segments[index].node : plan->metrics[index].node;
    Str proof, unproved = STR("");
    Str column = base_arena_printf(project->arena, "%s:%.*s", is_segment ? "segment" : "metric",
                                   STR_ARG(name));
    int r = find_proof(project, is_segment, index, column, result, &proof, &unproved, error);
    if (r < 0)
        return base_error_prefix(error, r, "proving %.*s", STR_ARG(name));
    for (int side = 0; side < (result->has_stored ? 2 : 1); side++) {
        VerifyRow *row = &result->rows[result->row_count++];
        *row = (VerifyRow){
            .is_segment = is_segment, .is_stored = side == 1, .name = name, .unproved = unproved};
        r = compare(project, node, base_str_from(tables[side]), column, proof, row, error);
        if (r < 0)
            return r;
        result->difference_count += row->difference_count;
    }
    app_progress_step(project->progress, "verify",
                      (double)result->row_count / (double)(result->has_stored ? 2 : 1) /
                          (double)(plan->metric_count + plan->segment_count),
                      result->row_count, "proofs");
    return 0;
}

int app_verify(Project *project, bool is_reference, VerifyResult *ret_result, KretsError *error) {
    const Plan *plan = project->plan;
    VerifyResult result = {.is_reference = is_reference};
    size_t count = 2 * (size_t)(plan->metric_count + plan->segment_count) + 1;
    result.rows = base_arena_alloc_array(project->arena, count, sizeof *result.rows);
    // Both sides read the same files: a changed one would agree with itself.
    int r = app_project_check_store(project, error);
    if (r == 0)
        r = choose_instant(project, &result, error);
    if (r == 0)
        r = verify_versions(project, &result, error);
    if (r == 0)
        r = fresh_answers(project, &result, error);
    for (int32_t m = 0; r == 0 && m < plan->metric_count; m++)
        r = verify_one(project, false, m, &result, error);
    for (int32_t s = 0; r == 0 && s < plan->segment_count; s++)
        r = verify_one(project, true, s, &result, error);
    if (r == 0)
        *ret_result = result;
    return r;
}
