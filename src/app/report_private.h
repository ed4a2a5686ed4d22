// The parts of the report's document; each follows its part of spec/report.schema.json.
#ifndef KRETS_APP_REPORT_PRIVATE_H
#define KRETS_APP_REPORT_PRIVATE_H

#include <jansson.h>

#include "app/run.h"

typedef struct Report {
    Project *project;
    const Answers *answers;
    const RunResult *result;
    const PopulationHistory *history;
    const __int128 *money; // by customer
} Report;

json_t *app_report_text(Str text);
json_t *app_report_number(double number);                       // 4 decimals; null where not finite
json_t *app_report_ratio(double ratio);                         // 6 decimals
json_t *app_report_money(const Report *report, __int128 money); // null without a model value
json_t *app_report_instant(const Project *project, int64_t time_us);
json_t *app_report_month(const Project *project, int64_t time_us);

// From the answers.
json_t *app_report_segments(const Report *report);
json_t *app_report_history(const Report *report);
json_t *app_report_overlap(const Report *report);
json_t *app_report_rfm(const Report *report);
json_t *app_report_metrics(const Report *report);
json_t *app_report_concentration(const Report *report);

// From the history, by SQL. A database error is fatal.
int app_report_activity(const Report *report, json_t **ret_data, KretsError *error);
// `data` is what app_report_activity() gave: it knows the event types.
int app_report_cohorts(const Report *report, const json_t *data, json_t **ret_cohorts,
                       KretsError *error);

#endif
