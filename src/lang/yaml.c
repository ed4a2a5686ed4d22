#include <assert.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/utf8.h"
#include "lang/yaml_private.h"

// A collection that is still open.
typedef struct Frame {
    YamlNode *node;
    Str anchor;
    YamlPair *pairs; // or of a sequence: keys are the items
    size_t count, capacity;
    const YamlNode *key; // waits for its value
    Map *keys;           // to the line of the first; once there are many
} Frame;

typedef struct Builder {
    Arena *arena;
    const SourceText *text;
    Diagnostics *diagnostics;
    Frame frames[LANG_YAML_DEPTH_MAX];
    size_t depth;
    Map *anchors; // name to YamlNode *
    const YamlNode *root;
    bool is_stopped; // after an error that makes the rest meaningless
    size_t node_count;
} Builder;

bool lang_yaml_is_null(const YamlNode *node) {
    if (node->kind != YAML_SCALAR || node->style != SCALAR_PLAIN) {
        return false;
    }
    return node->text.size_bytes == 0 || base_str_equal(node->text, STR("~")) ||
           base_str_equal(node->text, STR("null"));
}

int32_t lang_yaml_length(const SourceText *text, const YamlNode *node) {
    if (node->kind != YAML_SCALAR || node->end <= node->begin) {
        return 1;
    }
    Str raw = {text->text.data + node->begin, node->end - node->begin};
    const char *line_end = memchr(raw.data, '\n', raw.size_bytes);
    if (line_end != NULL) {
        raw.size_bytes = (size_t)(line_end - raw.data);
    }
    return (int32_t)base_utf8_count(raw);
}

static void stop(Builder *builder, Place place, const char *message) {
    lang_diagnostic_add(builder->diagnostics, builder->text, place, 1, false, "%s", message);
    builder->is_stopped = true;
}

static Place place_of_mark(const struct fy_mark *mark) {
    return mark == NULL ? (Place){0, 0} : (Place){mark->line + 1, mark->column + 1};
}

static void check_duplicate(Builder *builder, Frame *frame, const YamlNode *key) {
    uint64_t line;
    if (base_map_get(frame->keys, key->text, &line)) {
        lang_diagnostic_add(builder->diagnostics, builder->text, key->place,
                            lang_yaml_length(builder->text, key), false,
                            "“%.*s” was already given in line %d: keep one of the two.",
                            STR_ARG(key->text), (int)line);
        return;
    }
    base_map_put(frame->keys, key->text, (uint64_t)key->place.line);
}

static void append_pair(Builder *builder, Frame *frame, YamlPair pair) {
    if (frame->count == frame->capacity) {
        size_t capacity = frame->capacity == 0 ? 8 : frame->capacity * 2;
        frame->pairs = base_arena_grow(builder->arena, frame->pairs, frame->count, capacity,
                                       sizeof *frame->pairs);
        frame->capacity = capacity;
    }
    frame->pairs[frame->count++] = pair;
}

// Puts a finished node into the collection that is open, as an item, a key or a value. `added` is
// how many nodes have not been counted yet.
static void put_node(Builder *builder, const YamlNode *node, size_t added) {
    builder->node_count += added;
    if (builder->node_count > LANG_YAML_NODES_MAX) {
        stop(builder, node->place,
             "The file has too many values (at most 500,000, each alias counted as often as it is "
             "used). Split the model or write fewer aliases.");
        return;
    }
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    Frame *frame = &builder->frames[builder->depth - 1];
    if (frame->node->kind == YAML_SEQUENCE) {
        append_pair(builder, frame, (YamlPair){.key = node});
    } else if (frame->key == NULL) {
        if (node->kind != YAML_SCALAR) {
            stop(builder, node->place,
                 "A name is expected before the colon, not a list or a mapping. Text that begins "
                 "with { or [ needs quotes.");
            return;
        }
        frame->key = node;
    } else {
        check_duplicate(builder, frame, frame->key);
        append_pair(builder, frame, (YamlPair){frame->key, node});
        frame->key = NULL;
    }
}

static Str token_text(Arena *arena, struct fy_token *token) {
    size_t size = 0;
    const char *data = token == NULL ? NULL : fy_token_get_text(token, &size);
    return data == NULL ? (Str){NULL, 0} : base_arena_str(arena, (Str){data, size});
}

static void refuse_tag(Builder *builder, struct fy_token *tag) {
    if (tag != NULL) {
        lang_diagnostic_add(builder->diagnostics, builder->text,
                            place_of_mark(fy_token_start_mark(tag)), 1, false,
                            "YAML tags (!…) are not used in a model: leave it out.");
    }
}

static void open_collection(Builder *builder, struct fy_event *event, YamlKind kind) {
    bool is_mapping = kind == YAML_MAPPING;
    struct fy_token *start =
        is_mapping ? event->mapping_start.mapping_start : event->sequence_start.sequence_start;
    Place place = place_of_mark(fy_event_start_mark(event));
    refuse_tag(builder, is_mapping ? event->mapping_start.tag : event->sequence_start.tag);
    if (builder->depth == LANG_YAML_DEPTH_MAX) {
        stop(builder, place, "The file nests deeper than 20 levels, which no model needs.");
        return;
    }
    const struct fy_mark *mark = fy_event_start_mark(event);
    const char *at = mark == NULL ? "" : builder->text->text.data + mark->input_pos;
    bool is_inside = mark != NULL && mark->input_pos < builder->text->text.size_bytes;
    YamlNode *node = base_arena_alloc(builder->arena, sizeof *node);
    *node = (YamlNode){.kind = kind, .place = place, .weight = 1};
    node->is_flow = start != NULL && is_inside && (*at == '{' || *at == '[');
    Frame *frame = &builder->frames[builder->depth++];
    struct fy_token *anchor =
        is_mapping ? event->mapping_start.anchor : event->sequence_start.anchor;
    *frame = (Frame){.node = node, .anchor = token_text(builder->arena, anchor)};
    frame->keys = is_mapping ? base_map_new() : NULL;
}

static void close_collection(Builder *builder) {
    assert(builder->depth > 0);
    Frame *frame = &builder->frames[--builder->depth];
    YamlNode *node = frame->node;
    assert(node != NULL);
    node->count = frame->count;
    for (size_t i = 0; i < frame->count; i++) {
        node->weight += frame->pairs[i].key->weight;
        node->weight += frame->pairs[i].value == NULL ? 0 : frame->pairs[i].value->weight;
    }
    if (node->kind == YAML_MAPPING) {
        node->pairs = frame->pairs;
    } else {
        const YamlNode **items =
            base_arena_alloc_array(builder->arena, frame->count + 1, sizeof *items);
        for (size_t i = 0; i < frame->count; i++) {
            items[i] = frame->pairs[i].key;
        }
        node->items = items;
    }
    base_map_free(frame->keys);
    frame->keys = NULL;
    if (frame->anchor.size_bytes > 0) {
        base_map_put(builder->anchors, frame->anchor, (uint64_t)(uintptr_t)node);
    }
    put_node(builder, node, 1); // its parts were counted as they came
}

static ScalarStyle style_of(enum fy_scalar_style style) {
    switch (style) {
    case FYSS_SINGLE_QUOTED:
        return SCALAR_SINGLE_QUOTED;
    case FYSS_DOUBLE_QUOTED:
        return SCALAR_DOUBLE_QUOTED;
    case FYSS_LITERAL:
        return SCALAR_LITERAL;
    case FYSS_FOLDED:
        return SCALAR_FOLDED;
    default:
        return SCALAR_PLAIN;
    }
}

// A value that is not there stands where its key ends.
static Place place_after_key(const Builder *builder) {
    if (builder->depth == 0 || builder->frames[builder->depth - 1].key == NULL) {
        return (Place){1, 1};
    }
    return builder->frames[builder->depth - 1].key->place;
}

static void put_scalar(Builder *builder, struct fy_event *event) {
    YamlNode *node = base_arena_alloc(builder->arena, sizeof *node);
    *node = (YamlNode){.kind = YAML_SCALAR, .weight = 1};
    struct fy_token *token = event->scalar.value;
    refuse_tag(builder, event->scalar.tag);
    node->text = token_text(builder->arena, token);
    node->style = token == NULL ? SCALAR_PLAIN : style_of(fy_token_scalar_style(token));
    const struct fy_mark *begin = fy_event_start_mark(event);
    const struct fy_mark *end = fy_event_end_mark(event);
    if (begin != NULL && end != NULL) {
        Str text = builder->text->text;
        node->place = place_of_mark(begin);
        node->begin = begin->input_pos;
        node->end = end->input_pos < text.size_bytes ? end->input_pos : text.size_bytes;
        bool is_block = node->style == SCALAR_LITERAL || node->style == SCALAR_FOLDED;
        while (is_block && node->begin < node->end && text.data[node->begin] == ' ') {
            node->begin++;
            node->place.column++;
        }
    } else {
        node->place = place_after_key(builder);
    }
    if (event->scalar.anchor != NULL) {
        base_map_put(builder->anchors, token_text(builder->arena, event->scalar.anchor),
                     (uint64_t)(uintptr_t)node);
    }
    put_node(builder, node, 1);
}

static void put_alias(Builder *builder, struct fy_event *event) {
    Str name = token_text(builder->arena, event->alias.anchor);
    uint64_t node;
    if (!base_map_get(builder->anchors, name, &node)) {
        lang_diagnostic_add(
            builder->diagnostics, builder->text, place_of_mark(fy_event_start_mark(event)),
            (int32_t)base_utf8_count(name), false, "The alias *%.*s has no anchor &%.*s before it.",
            STR_ARG(name), STR_ARG(name));
        builder->is_stopped = true;
        return;
    }
    const YamlNode *target = (const YamlNode *)(uintptr_t)node;
    put_node(builder, target, target->weight);
}

static void take_event(Builder *builder, struct fy_event *event) {
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (builder->root != NULL) {
            stop(builder, place_of_mark(fy_event_start_mark(event)),
                 "A model is one YAML document: leave out the line --- and what follows.");
        }
        break;
    case FYET_MAPPING_START:
        open_collection(builder, event, YAML_MAPPING);
        break;
    case FYET_SEQUENCE_START:
        open_collection(builder, event, YAML_SEQUENCE);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        close_collection(builder);
        break;
    case FYET_SCALAR:
        put_scalar(builder, event);
        break;
    case FYET_ALIAS:
        put_alias(builder, event);
        break;
    default:
        break;
    }
}

static Str line_at(Str text, int32_t line) {
    size_t begin = 0;
    for (int32_t i = 1; i < line && begin < text.size_bytes; i++) {
        const char *end = memchr(text.data + begin, '\n', text.size_bytes - begin);
        begin = end == NULL ? text.size_bytes : (size_t)(end - text.data) + 1;
    }
    Str rest = {text.data + begin, text.size_bytes - begin};
    const char *end = rest.size_bytes == 0 ? NULL : memchr(rest.data, '\n', rest.size_bytes);
    return end == NULL ? rest : (Str){rest.data, (size_t)(end - rest.data)};
}

static bool is_indented_by_tab(Str line) {
    size_t blank = 0;
    while (blank < line.size_bytes && line.data[blank] == ' ') {
        blank++;
    }
    return blank < line.size_bytes && line.data[blank] == '\t';
}

// What a person most likely did, judged by the line where YAML stopped.
static const char *guess_cause(Str text, int32_t line) {
    Str row = line_at(text, line);
    if (is_indented_by_tab(row) || is_indented_by_tab(line_at(text, line + 1))) {
        return "YAML does not allow tabs for indentation: use spaces.";
    }
    if (base_str_contains(row, STR("{")) || base_str_contains(row, STR("}"))) {
        return "Between { and }, a comma, # or [ splits a text: put each expression in quotes.";
    }
    if (base_str_contains(row, STR(": \"")) || base_str_contains(row, STR(": '"))) {
        return "Put the whole expression in quotes, or write >- and the expression in the next "
               "line.";
    }
    return "Look at the indentation, quotes and colons here and in the line before.";
}

static void report_syntax_error(Builder *builder, struct fy_diag *diag) {
    void *at = NULL;
    const struct fy_diag_error *first = fy_diag_errors_iterate(diag, &at);
    if (first == NULL) {
        return;
    }
    Place place = {first->line < 1 ? 1 : first->line, first->column < 1 ? 1 : first->column};
    lang_diagnostic_add(builder->diagnostics, builder->text, place, 1, false,
                        "This is not valid YAML: %s. %s",
                        first->msg == NULL ? "syntax error" : first->msg,
                        guess_cause(builder->text->text, place.line));
}

// Closes what a syntax error left open, so that errors before it are reported as well.
static void close_all(Builder *builder) {
    while (builder->depth > 0) {
        Frame *frame = &builder->frames[builder->depth - 1];
        frame->key = NULL;
        close_collection(builder);
    }
}

static void run_parser(Builder *builder, struct fy_parser *parser, struct fy_diag *diag) {
    Str text = builder->text->text;
    if (fy_parser_set_string(parser, text.size_bytes == 0 ? "" : text.data, text.size_bytes) != 0) {
        stop(builder, (Place){0, 0}, "The YAML parser could not start.");
        return;
    }
    struct fy_event *event;
    while (!builder->is_stopped && (event = fy_parser_parse(parser)) != NULL) {
        take_event(builder, event);
        fy_parser_event_free(parser, event);
    }
    if (!builder->is_stopped) {
        report_syntax_error(builder, diag);
    }
    close_all(builder);
}

const YamlNode *lang_yaml_parse(Arena *arena, const SourceText *text, Diagnostics *diagnostics) {
    BASE_MAP_SCOPED anchors = base_map_new();
    Builder builder = {
        .arena = arena, .text = text, .diagnostics = diagnostics, .anchors = anchors};
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (diag == NULL) {
        abort();
    }
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    if (parser == NULL) {
        abort();
    }
    run_parser(&builder, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return builder.root;
}
