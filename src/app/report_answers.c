// The parts of the report that come from the answers.
#include <math.h>

#include "app/report_private.h"
#include "lang/canonical.h"
#include "measure/concentration.h"
#include "measure/distribution.h"
#include "measure/overlap.h"
#include "measure/rfm.h"

static json_t *words_of(const Report *report, NodeId node) {
    BASE_TEXT_SCOPED text = {0};
    lang_words_node(&text, report->project->plan, node);
    return app_report_text(base_text_str(&text));
}

static void set_review(const Report *report, const SegmentSource *source, json_t *segment) {
    if (!source->has_review)
        return;
    int32_t today = base_zone_day(report->project->model->zone, report->result->now_us);
    json_object_set_new(
        segment, "review",
        app_report_text(base_calendar_format_date(report->project->arena, source->review)));
    json_object_set_new(segment, "review_overdue", json_boolean(source->review < today));
}

static json_t *segment_json(const Report *report, size_t index) {
    const SegmentSource *source = &report->project->model->segments[index];
    const SegmentRow *row = &report->result->segments[index];
    bool has_value = report->result->has_value;
    bool is_list = source->list.size_bytes > 0;
    json_t *segment = json_pack(
        "{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "key",
        app_report_text(source->key), "name", app_report_text(row->name), "kind",
        is_list ? "list" : "expression", "size", (json_int_t)row->customers, "share",
        app_report_ratio(isfinite(row->share) ? row->share : 0), "value",
        app_report_money(report, row->money), "value_share",
        app_report_ratio(has_value ? row->value_share : NAN), "mean",
        app_report_number(has_value ? row->mean_value : NAN), "goal", app_report_text(source->goal),
        "owner", app_report_text(source->owner), "polarity", app_report_text(source->polarity),
        "words", words_of(report, report->project->plan->segments[index].node), "source",
        app_report_text(is_list ? source->list : source->expression), "line",
        (int)source->place.line);
    set_review(report, source, segment);
    return segment;
}

json_t *app_report_segments(const Report *report) {
    json_t *segments = json_array();
    for (size_t s = 0; s < report->result->segment_count; s++)
        json_array_append_new(segments, segment_json(report, s));
    return segments;
}

static json_t *series_json(const Report *report, size_t segment) {
    const PopulationHistory *history = report->history;
    json_t *sizes = json_array(), *values = report->result->has_value ? json_array() : json_null();
    for (size_t n = 0; n < history->now_count; n++) {
        size_t cell = n * history->segment_count + segment;
        json_array_append_new(sizes, json_integer((json_int_t)history->sizes[cell]));
        if (report->result->has_value)
            json_array_append_new(values, app_report_money(report, history->segment_money[cell]));
    }
    return json_pack("{s:o, s:o, s:o}", "key",
                     app_report_text(report->project->plan->segments[segment].key), "sizes", sizes,
                     "values", values);
}

json_t *app_report_history(const Report *report) {
    const PopulationHistory *history = report->history;
    json_t *instants = json_array(), *customers = json_array(), *series = json_array();
    json_t *values = report->result->has_value ? json_array() : json_null();
    for (size_t n = 0; n < history->now_count; n++) {
        json_array_append_new(
            instants, json_pack("{s:o, s:o, s:b}", "at",
                                app_report_instant(report->project, history->nows_us[n]), "month",
                                app_report_month(report->project, history->nows_us[n]), "is_now",
                                n + 1 == history->now_count));
        json_array_append_new(customers, json_integer((json_int_t)history->customers[n]));
        if (report->result->has_value)
            json_array_append_new(values, app_report_money(report, history->money[n]));
    }
    for (size_t s = 0; s < history->segment_count; s++)
        json_array_append_new(series, series_json(report, s));
    return json_pack("{s:o, s:o, s:o, s:o}", "instants", instants, "customers", customers, "values",
                     values, "series", series);
}

json_t *app_report_overlap(const Report *report) {
    if (report->answers->segment_count == 0)
        return json_null();
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Overlap overlap;
    measure_overlap(arena, report->answers, &overlap);
    json_t *keys = json_array(), *counts = json_array();
    for (size_t i = 0; i < overlap.count; i++) {
        json_array_append_new(
            keys, app_report_text(report->project->plan->segments[overlap.chosen[i]].key));
        json_t *row = json_array();
        for (size_t j = 0; j <= i; j++)
            json_array_append_new(row,
                                  json_integer((json_int_t)overlap.counts[i * (i + 1) / 2 + j]));
        json_array_append_new(counts, row);
    }
    return json_pack("{s:o, s:o}", "keys", keys, "counts", counts);
}

static const TableColumn *numeric_metric(const Report *report, Str name) {
    const Plan *plan = report->project->plan;
    for (int32_t m = 0; m < plan->metric_count; m++) {
        ValueType type = plan->nodes[plan->metrics[m].node].type;
        bool is_numeric = type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER;
        if (is_numeric && base_str_equal(plan->metrics[m].name, name))
            return &report->answers->metrics[m];
    }
    return NULL;
}

static json_t *axis_json(const char *metric, const double *bounds, double min, double max) {
    json_t *items = json_array();
    for (int k = 0; k < MEASURE_RFM_TILES - 1; k++)
        json_array_append_new(items, app_report_number(bounds[k]));
    return json_pack("{s:s, s:o, s:o, s:o}", "metric", metric, "bounds", items, "min",
                     app_report_number(min), "max", app_report_number(max));
}

// From the metrics that are called recency and frequency; without them there is no grid.
json_t *app_report_rfm(const Report *report) {
    const TableColumn *recency = numeric_metric(report, STR("recency"));
    const TableColumn *frequency = numeric_metric(report, STR("frequency"));
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Rfm rfm;
    if (!recency || !frequency ||
        !measure_rfm(arena, recency, frequency, report->money, report->answers->customer_count,
                     &rfm))
        return json_null();
    json_t *cells = json_array();
    for (int r = 0; r < MEASURE_RFM_TILES; r++)
        for (int f = 0; f < MEASURE_RFM_TILES; f++) {
            const RfmCell *cell = &rfm.cells[r][f];
            if (cell->customers == 0)
                continue;
            double mean = (double)cell->money / VALUE_DECIMAL_ONE / (double)cell->customers;
            json_array_append_new(
                cells,
                json_pack("{s:i, s:i, s:I, s:o, s:o}", "recency", r + 1, "frequency", f + 1,
                          "customers", (json_int_t)cell->customers, "value",
                          app_report_money(report, cell->money), "mean",
                          report->result->has_value ? app_report_number(mean) : json_null()));
        }
    return json_pack(
        "{s:i, s:o, s:o, s:I, s:o}", "tiles", (int)MEASURE_RFM_TILES, "recency",
        axis_json("recency", rfm.recency_bounds, rfm.recency_min, rfm.recency_max), "frequency",
        axis_json("frequency", rfm.frequency_bounds, rfm.frequency_min, rfm.frequency_max),
        "customers", (json_int_t)rfm.customers, "cells", cells);
}

// A figure of a distribution in the metric's own type: dates and times as text.
static json_t *figure(const Report *report, ValueType type, double number) {
    if (type == VALUE_TIME)
        return app_report_instant(report->project, (int64_t)number);
    if (type == VALUE_DATE)
        return app_report_text(base_calendar_format_date(report->project->arena, (int32_t)number));
    return app_report_number(number);
}

static void set_numbers(const Report *report, ValueType type, const Distribution *distribution,
                        json_t *metric) {
    bool has_mean = type != VALUE_TIME && type != VALUE_DATE;
    json_t *quantiles = json_array(), *bins = json_array();
    for (int q = 0; q < MEASURE_DISTRIBUTION_QUANTILE_COUNT; q++)
        json_array_append_new(quantiles,
                              json_pack("{s:f, s:o}", "p", measure_distribution_shares[q], "value",
                                        figure(report, type, distribution->quantiles[q])));
    for (size_t b = 0; b < distribution->bin_count; b++)
        json_array_append_new(bins, json_pack("{s:o, s:o, s:I}", "from",
                                              figure(report, type, distribution->bins[b].from),
                                              "to", figure(report, type, distribution->bins[b].to),
                                              "count", (json_int_t)distribution->bins[b].count));
    json_object_set_new(metric, "min", figure(report, type, distribution->min));
    json_object_set_new(metric, "max", figure(report, type, distribution->max));
    json_object_set_new(metric, "mean",
                        has_mean ? app_report_number(distribution->mean) : json_null());
    json_object_set_new(metric, "quantiles", quantiles);
    json_object_set_new(metric, "histogram", bins);
}

// The aggregate that a metric or the model's value is, through metrics that only name it.
static const Aggregate *bare_aggregate(const Plan *plan, NodeId node) {
    while (node != NODE_NONE && plan->nodes[node].kind == NODE_METRIC)
        node = plan->nodes[node].args[0];
    if (node == NODE_NONE || plan->nodes[node].kind != NODE_AGGREGATE)
        return NULL;
    return &plan->aggregates[plan->nodes[node].index];
}

// Sums, averages and extremes of what the model's value sums are money, too.
static bool is_money(const Plan *plan, NodeId node) {
    const Aggregate *value = bare_aggregate(plan, plan->value);
    const Aggregate *metric = bare_aggregate(plan, node);
    if (!value || !metric || value->function != AGGREGATE_SUM || metric->value != value->value)
        return false;
    return metric->function == AGGREGATE_SUM || metric->function == AGGREGATE_AVG ||
           metric->function == AGGREGATE_MIN || metric->function == AGGREGATE_MAX;
}

static json_t *metric_json(const Report *report, size_t index) {
    const PlanMetric *metric = &report->project->plan->metrics[index];
    const TableColumn *column = &report->answers->metrics[index];
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Distribution distribution;
    measure_distribution(arena, column, report->answers->customer_count, &distribution);
    json_t *document = json_pack(
        "{s:o, s:o, s:o, s:s, s:b, s:I, s:I, s:I}", "name", app_report_text(metric->name), "source",
        app_report_text(report->project->model->metrics[index].expression), "words",
        words_of(report, metric->node), "type", data_value_type_name(column->type), "is_money",
        (int)is_money(report->project->plan, metric->node), "count", (json_int_t)distribution.count,
        "nulls", (json_int_t)distribution.nulls, "distinct", (json_int_t)distribution.distinct);
    if (distribution.is_numeric && distribution.count > 0)
        set_numbers(report, column->type, &distribution, document);
    json_t *top = json_array();
    for (size_t i = 0; i < distribution.top_count; i++)
        json_array_append_new(top, json_pack("{s:o, s:I}", "value",
                                             app_report_text(distribution.top[i].value), "count",
                                             (json_int_t)distribution.top[i].count));
    json_object_set_new(document, "top", top);
    return document;
}

json_t *app_report_metrics(const Report *report) {
    json_t *metrics = json_array();
    for (size_t m = 0; m < report->answers->metric_count; m++)
        json_array_append_new(metrics, metric_json(report, m));
    return metrics;
}

json_t *app_report_concentration(const Report *report) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    size_t count = report->answers->customer_count;
    __int128 *money = base_arena_alloc_array(arena, count + 1, sizeof *money);
    for (size_t i = 0; i < count; i++)
        money[i] = report->money[i];
    Concentration curve;
    if (!report->result->has_value || !measure_concentration(arena, money, count, &curve))
        return json_null();
    json_t *points = json_array(), *top = json_array();
    for (size_t i = 0; i < curve.point_count; i++)
        json_array_append_new(points, json_pack("{s:o, s:o}", "customers",
                                                app_report_ratio(curve.points[i].customers),
                                                "value", app_report_ratio(curve.points[i].value)));
    for (size_t i = 0; i < MEASURE_CONCENTRATION_TOP_COUNT; i++)
        json_array_append_new(top,
                              json_pack("{s:f, s:I, s:o, s:o}", "share", curve.top[i].share,
                                        "customers", (json_int_t)curve.top[i].customers, "value",
                                        app_report_money(report, curve.top[i].money), "value_share",
                                        app_report_ratio(curve.top[i].value_share)));
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "points", points, "top", top, "half",
                     app_report_ratio(curve.half), "gini", app_report_ratio(curve.gini),
                     "without_value", (json_int_t)curve.without_value);
}
