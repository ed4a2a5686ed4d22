#include "app/report.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "app/quality.h"
#include "app/report_private.h"
#include "base/file.h"

// The built page, put into the program by page.S.
extern const char app_page_begin[], app_page_end[];

// Where the page wants the document; see web/src/lib/embed.ts.
#define DATA_MARKER "{\"krets\":\"data\"}"

json_t *app_report_text(Str text) {
    return json_stringn(text.data ? text.data : "", text.size_bytes);
}

static json_t *rounded(double number, double unit) {
    if (!isfinite(number))
        return json_null();
    if (fabs(number) > 1e11)
        return json_real(number);
    double scaled = round(number * unit) / unit;
    return json_real(scaled == 0 ? 0 : scaled);
}

json_t *app_report_number(double number) {
    return rounded(number, 1e4);
}
json_t *app_report_ratio(double ratio) {
    return rounded(ratio, 1e6);
}

json_t *app_report_money(const Report *report, __int128 money) {
    return report->result->has_value ? app_report_number((double)money / VALUE_DECIMAL_ONE)
                                     : json_null();
}

json_t *app_report_instant(const Project *project, int64_t time_us) {
    int32_t offset_s = base_zone_offset(project->model->zone, time_us);
    Str local =
        base_calendar_format_local(project->arena, base_zone_local(project->model->zone, time_us));
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    return json_sprintf("%.*s%c%02d:%02d", STR_ARG(local), offset_s < 0 ? '-' : '+', minutes / 60,
                        minutes % 60);
}

json_t *app_report_month(const Project *project, int64_t time_us) {
    Date date = base_calendar_date(base_zone_day(project->model->zone, time_us));
    return json_sprintf("%04d-%02d", date.year, date.month);
}

static json_t *meta(const Report *report) {
    static const char *const kinds[] = {[MODEL_NOW_WALL] = "wall clock",
                                        [MODEL_NOW_TIME] = "time",
                                        [MODEL_NOW_LAST_EVENT] = "last event"};
    const Model *model = report->project->model;
    int64_t fit = report->result->fit_version;
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "name",
                     app_report_text(model->name), "now",
                     app_report_instant(report->project, report->result->now_us), "now_kind",
                     report->project->options.now.size_bytes ? "time" : kinds[model->now_kind],
                     "timezone", app_report_text(model->timezone), "country",
                     app_report_text(model->country), "currency", app_report_text(model->currency),
                     "generated_at", app_report_instant(report->project, app_project_wall_clock()),
                     "version", KRETS_VERSION, "tz_version", app_report_text(base_zone_version()),
                     "fit_version", fit ? json_integer(fit) : json_null());
}

static int build_document(const Report *report, json_t **ret_document, KretsError *error) {
    json_t *data = NULL, *cohorts = NULL, *quality = NULL;
    int r = app_report_activity(report, &data, error);
    if (r == 0)
        r = app_report_cohorts(report, data, &cohorts, error);
    if (r == 0)
        r = app_quality_report(report->project, &quality, error);
    if (r < 0) {
        json_decref(data);
        json_decref(cohorts);
        return r;
    }
    json_t *document = json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "krets_report", 1, "meta",
        meta(report), "data", data, "segments", app_report_segments(report), "history",
        app_report_history(report), "overlap", app_report_overlap(report), "rfm",
        app_report_rfm(report), "cohorts", cohorts, "metrics", app_report_metrics(report),
        "concentration", app_report_concentration(report), "quality", quality);
    if (!document)
        return base_error_set(error, BASE_E_STORE,
                              "the report's data hold text that is not UTF-8; run `krets doctor` "
                              "or import again");
    *ret_document = document;
    return 0;
}

// The document inside a script element: '<' only occurs inside strings, where \u003c is the same.
static void append_escaped(Text *page, const char *json) {
    for (const char *rest = json; *rest;) {
        size_t plain = strcspn(rest, "<");
        base_text_append(page, (Str){rest, plain});
        rest += plain;
        if (*rest == '<') {
            base_text_append(page, STR("\\u003c"));
            rest++;
        }
    }
}

static int embed(const json_t *document, Text *page, KretsError *error) {
    Str whole = {app_page_begin, (size_t)(app_page_end - app_page_begin)};
    const char *marker = memmem(whole.data, whole.size_bytes, DATA_MARKER, strlen(DATA_MARKER));
    if (!marker)
        return base_error_set(error, BASE_E_STORE,
                              "the page in this program is broken: build again");
    char *json = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));
    size_t before = (size_t)(marker - whole.data), after = before + strlen(DATA_MARKER);
    base_text_append(page, (Str){whole.data, before});
    append_escaped(page, json);
    base_text_append(page, (Str){whole.data + after, whole.size_bytes - after});
    free(json);
    return 0;
}

static const __int128 *customer_money(Arena *arena, const Answers *answers) {
    __int128 *money = base_arena_alloc_array(arena, answers->customer_count + 1, sizeof *money);
    if (answers->value.type != VALUE_NULL)
        for (size_t i = 0; i < answers->customer_count; i++)
            money[i] = app_population_money(data_table_value(&answers->value, i));
    return money;
}

int app_report_write(Project *project, const Answers *answers, RunResult *result,
                     const PopulationHistory *history, KretsError *error) {
    Report report = {.project = project,
                     .answers = answers,
                     .result = result,
                     .history = history,
                     .money = customer_money(project->arena, answers)};
    json_t *document = NULL;
    int r = build_document(&report, &document, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED page = {0};
    r = embed(document, &page, error);
    json_decref(document);
    if (r < 0)
        return r;
    result->report_path = app_project_path(project, project->options.out, STR("report.html"));
    return base_file_write(result->report_path.data, base_text_str(&page), error);
}
