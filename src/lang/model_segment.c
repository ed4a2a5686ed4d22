// Reading the metrics and segments of the model file.
#include <stddef.h>

#include "lang/model_private.h"

void lang_model_read_metrics(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    (void)key;
    Model *target = model;
    if (value->kind != YAML_MAPPING) {
        lang_model_error(reader, value,
                         "“metrics” must be a mapping: a name and an expression each.");
        return;
    }
    if (value->count > LANG_MODEL_METRICS_MAX) {
        lang_model_error(reader, value, "The model has %zu metrics; at most %d are read.",
                         value->count, LANG_MODEL_METRICS_MAX);
        return;
    }
    MetricSource *metrics =
        base_arena_alloc_array(reader->arena, value->count + 1, sizeof *metrics);
    size_t count = 0;
    for (size_t i = 0; i < value->count; i++) {
        const YamlPair *pair = &value->pairs[i];
        MetricSource metric = {.name = pair->key->text, .place = pair->value->place};
        if (!lang_model_is_split(reader, value, i) && lang_model_column_check(reader, value, i) &&
            lang_model_expression(reader, pair->key->text, pair->value, &metric.expression)) {
            metrics[count++] = metric;
        }
    }
    target->metrics = metrics;
    target->metric_count = count;
}

static void read_when(ModelReader *reader, Str key, const YamlNode *value, void *object) {
    SegmentSource *segment = object;
    if (lang_model_expression(reader, key, value, &segment->expression)) {
        segment->place = value->place;
    }
}

static void read_review(ModelReader *reader, Str key, const YamlNode *value, void *object) {
    SegmentSource *segment = object;
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (!base_calendar_parse_date(text, &segment->review)) {
        lang_model_error(reader, value, "“review” is a date like 2027-01-31.");
        return;
    }
    segment->has_review = true;
}

static void read_polarity(ModelReader *reader, Str key, const YamlNode *value, void *object) {
    SegmentSource *segment = object;
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    if (!base_str_equal(text, STR("positive")) && !base_str_equal(text, STR("negative")) &&
        !base_str_equal(text, STR("neutral"))) {
        lang_model_error(reader, value,
                         "“polarity” is positive (growth is good news), negative or neutral.");
        return;
    }
    segment->polarity = text;
}

static const ModelKey segment_keys[] = {
    {"name", lang_model_read_text, offsetof(SegmentSource, name)},
    {"when", read_when, 0},
    {"list", lang_model_read_text, offsetof(SegmentSource, list)},
    {"goal", lang_model_read_text, offsetof(SegmentSource, goal)},
    {"owner", lang_model_read_text, offsetof(SegmentSource, owner)},
    {"review", read_review, 0},
    {"polarity", read_polarity, 0},
};

static void read_segment(ModelReader *reader, const YamlNode *mapping, size_t place,
                         SegmentSource *segment) {
    const YamlPair *pair = &mapping->pairs[place];
    *segment = (SegmentSource){.key = pair->key->text, .name = pair->key->text};
    segment->place = pair->value->place;
    if (!lang_model_column_check(reader, mapping, place)) {
        return;
    }
    if (pair->value->kind == YAML_SCALAR) {
        lang_model_expression(reader, pair->key->text, pair->value, &segment->expression);
        return;
    }
    Str what = base_arena_printf(reader->arena, "The segment “%.*s”", STR_ARG(segment->key));
    size_t errors = reader->diagnostics->error_count;
    lang_model_read_keys(reader, pair->value, what, segment, segment_keys,
                         sizeof segment_keys / sizeof *segment_keys);
    if (reader->diagnostics->error_count > errors) {
        return; // what seems missing may be misspelt
    }
    bool has_when = lang_model_find(pair->value, "when") != NULL;
    bool has_list = lang_model_find(pair->value, "list") != NULL;
    if (!has_when && !has_list) {
        lang_model_error(reader, pair->key,
                         "%.*s does not say who belongs: give “when” (an expression) or “list” (a "
                         "file of customer ids).",
                         STR_ARG(what));
    } else if (has_when && has_list) {
        lang_model_error(reader, lang_model_find(pair->value, "list"),
                         "%.*s has “when” and “list”: keep one of them.", STR_ARG(what));
    }
}

void lang_model_read_segments(ModelReader *reader, Str key, const YamlNode *value, void *model) {
    (void)key;
    Model *target = model;
    if (value->kind != YAML_MAPPING) {
        lang_model_error(reader, value,
                         "“segments” must be a mapping: a name and an expression each.");
        return;
    }
    if (value->count > LANG_MODEL_SEGMENTS_MAX) {
        lang_model_error(reader, value, "The model has %zu segments; at most %d are read.",
                         value->count, LANG_MODEL_SEGMENTS_MAX);
        return;
    }
    SegmentSource *segments =
        base_arena_alloc_array(reader->arena, value->count + 1, sizeof *segments);
    size_t count = 0;
    for (size_t i = 0; i < value->count; i++) {
        if (!lang_model_is_split(reader, value, i)) {
            read_segment(reader, value, i, &segments[count++]);
        }
    }
    target->segments = segments;
    target->segment_count = count;
}
