// Fits as JSON: {"krets_fit": 1, "now_us": …, "fits": [{"key", "kind", "customers", "bounds", …}]}.
#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "engine/fit.h"

enum { ARTIFACT_VERSION = 1 };

static json_t *text_of(Str text) {
    json_t *json = json_stringn(text.data == NULL ? "" : text.data, text.size_bytes);
    assert(json != NULL); // texts are UTF-8
    return json;
}

static json_t *fit_json(const Fit *fit, const FitBounds *bounds) {
    json_t *json = json_object(), *list = json_array();
    assert(fit->kind == bounds->kind);
    json_object_set_new(json, "key", text_of(fit->key));
    json_object_set_new(json, "kind", json_string(lang_fit_name(fit->kind)));
    if (fit->kind != FIT_PERCENTILE) {
        json_object_set_new(json, fit->kind == FIT_NTILE ? "tiles" : "top",
                            json_integer(fit->tiles));
    }
    json_object_set_new(json, "customers", json_integer((json_int_t)bounds->customer_count));
    for (size_t i = 0; i < bounds->bound_count; i++) {
        assert(isfinite(bounds->bounds[i]));
        json_array_append_new(list, json_real(bounds->bounds[i]));
    }
    json_object_set_new(json, "bounds", list);
    if (fit->kind == FIT_PERCENTILE) {
        list = json_array();
        for (size_t i = 0; i < bounds->bound_count; i++) {
            json_array_append_new(list, json_integer((json_int_t)bounds->cumulative[i]));
        }
        json_object_set_new(json, "cumulative", list);
    }
    return json;
}

static int append_text(const char *data, size_t size_bytes, void *context) {
    base_text_append(context, (Str){data, size_bytes});
    return 0;
}

void engine_fit_write(Text *out, const Plan *plan, const FitSet *fits) {
    json_t *json = json_object(), *list = json_array();
    assert(fits->count == (size_t)plan->fit_count);
    json_object_set_new(json, "krets_fit", json_integer(ARTIFACT_VERSION));
    json_object_set_new(json, "now_us", json_integer(fits->now_us));
    for (int32_t i = 0; i < plan->fit_count; i++) {
        json_array_append_new(list, fit_json(&plan->fits[i], &fits->fits[i]));
    }
    json_object_set_new(json, "fits", list);
    int failed =
        json_dump_callback(json, append_text, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    assert(failed == 0);
    (void)failed;
    json_decref(json);
}

static int malformed(Str key, const char *what, KretsError *error) {
    return base_error_set(error, BASE_E_STORE,
                          "the stored fit of %.*s is damaged (%s): run krets fit again",
                          STR_ARG(key), what);
}

// Bounds ascend (tiles may repeat one), shares end with the number of customers, and the top has
// one bound unless there were too few customers.
static const char *check_bounds(const FitBounds *bounds, int64_t tiles) {
    uint64_t total = bounds->customer_count;
    if (bounds->kind == FIT_TOP) {
        return bounds->bound_count == (total < (uint64_t)tiles ? 0 : 1)
                   ? NULL
                   : "its bound does not fit its number of customers";
    }
    bool is_tiles = bounds->kind == FIT_NTILE;
    for (size_t i = 1; i < bounds->bound_count; i++) {
        if (is_tiles ? bounds->bounds[i] < bounds->bounds[i - 1]
                     : bounds->bounds[i] <= bounds->bounds[i - 1] ||
                           bounds->cumulative[i] <= bounds->cumulative[i - 1]) {
            return "its bounds do not ascend";
        }
    }
    if (is_tiles && bounds->bound_count != (total == 0 ? 0 : (size_t)tiles - 1)) {
        return "its number of bounds does not fit its number of tiles";
    }
    if (!is_tiles &&
        total != (bounds->bound_count == 0 ? 0 : bounds->cumulative[bounds->bound_count - 1])) {
        return "its counts do not add up to its customers";
    }
    return NULL;
}

static int read_bounds(Arena *arena, const Fit *fit, const json_t *json, FitBounds *bounds,
                       KretsError *error) {
    const json_t *list = json_object_get(json, "bounds");
    const json_t *counts = json_object_get(json, "cumulative");
    const json_t *customers = json_object_get(json, "customers");
    const char *kind = json_string_value(json_object_get(json, "kind"));
    bool is_shares = fit->kind == FIT_PERCENTILE;
    size_t count = json_array_size(list);
    if (kind == NULL || strcmp(kind, lang_fit_name(fit->kind)) != 0 || !json_is_array(list) ||
        !json_is_integer(customers) || json_integer_value(customers) < 0 ||
        (is_shares && json_array_size(counts) != count)) {
        return malformed(fit->key, "a field is missing or of the wrong kind", error);
    }
    *bounds = (FitBounds){.kind = fit->kind,
                          .bound_count = count,
                          .customer_count = (uint64_t)json_integer_value(customers)};
    bounds->bounds = base_arena_alloc_array(arena, count + 1, sizeof(double));
    bounds->cumulative = base_arena_alloc_array(arena, count + 1, sizeof(uint64_t));
    if (bounds->bounds == NULL || bounds->cumulative == NULL) {
        return base_error_set(error, BASE_E_RESOURCES, "no memory left for the stored fits");
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *bound = json_array_get(list, i), *share = json_array_get(counts, i);
        if (!json_is_number(bound) ||
            (is_shares && (!json_is_integer(share) || json_integer_value(share) < 1))) {
            return malformed(fit->key, "a bound is not a number", error);
        }
        bounds->bounds[i] = json_number_value(bound);
        bounds->cumulative[i] = is_shares ? (uint64_t)json_integer_value(share) : 0;
    }
    const char *fault = check_bounds(bounds, fit->tiles);
    return fault == NULL ? BASE_OK : malformed(fit->key, fault, error);
}

static const json_t *find_key(const json_t *list, Str key) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *name = json_object_get(item, "key");
        Str text = {json_string_value(name), json_string_length(name)};
        if (json_is_string(name) && base_str_equal(text, key)) {
            return item;
        }
    }
    return NULL;
}

static int read_fits(Arena *arena, const Plan *plan, const json_t *json, const FitSet **ret_fits,
                     KretsError *error) {
    const json_t *list = json_object_get(json, "fits"), *now = json_object_get(json, "now_us");
    if (json_integer_value(json_object_get(json, "krets_fit")) != ARTIFACT_VERSION ||
        !json_is_array(list) || !json_is_integer(now)) {
        return base_error_set(error, BASE_E_STORE,
                              "the stored fits are not in a form that this version reads: run "
                              "krets fit again");
    }
    FitSet *set = base_arena_alloc(arena, sizeof(FitSet));
    FitBounds *bounds =
        base_arena_alloc_array(arena, (size_t)plan->fit_count + 1, sizeof(FitBounds));
    if (set == NULL || bounds == NULL) {
        return base_error_set(error, BASE_E_RESOURCES, "no memory left for the stored fits");
    }
    *set = (FitSet){
        .fits = bounds, .count = (size_t)plan->fit_count, .now_us = json_integer_value(now)};
    for (int32_t i = 0; i < plan->fit_count; i++) {
        const json_t *item = find_key(list, plan->fits[i].key);
        if (item == NULL) {
            return base_error_set(error, BASE_E_USAGE,
                                  "the stored fits do not hold %.*s (the model has changed since): "
                                  "run krets fit",
                                  STR_ARG(plan->fits[i].key));
        }
        int code = read_bounds(arena, &plan->fits[i], item, &bounds[i], error);
        if (code < 0) {
            return code;
        }
    }
    *ret_fits = set;
    return BASE_OK;
}

int engine_fit_read(Arena *arena, const Plan *plan, Str text, const FitSet **ret_fits,
                    KretsError *error) {
    json_error_t where;
    json_t *json = json_loadb(text.data == NULL ? "" : text.data, text.size_bytes,
                              JSON_REJECT_DUPLICATES, &where);
    if (json == NULL) {
        return base_error_set(error, BASE_E_STORE,
                              "the stored fits are damaged at line %d: %s; run krets fit again",
                              where.line, where.text);
    }
    int code = read_fits(arena, plan, json, ret_fits, error);
    json_decref(json);
    return code;
}
