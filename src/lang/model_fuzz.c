// Any bytes as a model file: no crash; errors have a place inside the file; a model that comes out
// has the place of every byte of its expressions, in order and at the same letter.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "lang/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true, const char *what) {
    if (!is_true) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_diagnostics(const Diagnostics *diagnostics) {
    for (size_t i = 0; i < diagnostics->count; i++) {
        const Diagnostic *item = &diagnostics->items[i];
        require(item->message.size_bytes > 0, "an error without words");
        require(base_utf8_invalid(item->message) == item->message.size_bytes,
                "a message that is not UTF-8");
        require(item->place.line == 0 || item->place.column > 0, "an error without a column");
        bool is_in_order = i == 0 || item[-1].place.line <= item->place.line;
        require(is_in_order, "errors out of order");
    }
}

static bool is_before(Place a, Place b) {
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static void check_places(const Model *model, Place begin, Str expression) {
    Place before = begin;
    for (size_t at = 0; at < expression.size_bytes; base_utf8_next(expression, &at)) {
        Place place = lang_model_place(model, begin, expression, at);
        require(!is_before(place, before), "places go back");
        before = place;
        if (at > 2000) {
            return; // the rest would take long and shows nothing new
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Diagnostics diagnostics = {0};
    const Model *model = NULL;
    KretsError error = {0};
    int result = lang_model_parse(arena, STR("fuzz.yaml"), (Str){(const char *)data, size},
                                  &diagnostics, &model, &error);
    require((result == 0) == (model != NULL), "a model in spite of errors, or none without");
    require((result == 0) == (diagnostics.error_count == 0), "errors without the result");
    check_diagnostics(&diagnostics);
    for (size_t i = 0; model != NULL && i < model->metric_count; i++) {
        check_places(model, model->metrics[i].place, model->metrics[i].expression);
    }
    for (size_t i = 0; model != NULL && i < model->segment_count; i++) {
        check_places(model, model->segments[i].place, model->segments[i].expression);
    }
    return 0;
}
