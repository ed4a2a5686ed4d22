// From a byte of a scalar's value back to its place in the file; and hiding values of the
// environment.
//
// libfyaml says where a scalar begins and ends, not where each of its bytes came from. The value
// and the raw text hold the same characters in the same order; they differ only in white space
// (folding, indentation, quotes, line continuations) and in escapes. So both are walked together.
#include <string.h>

#include "base/utf8.h"
#include "lang/model.h"

typedef struct Walk {
    Str raw; // up to the scalar's end
    size_t at;
    ScalarStyle style;
} Walk;

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(Walk *walk) {
    while (walk->at < walk->raw.size_bytes && is_space(walk->raw.data[walk->at])) {
        walk->at++;
    }
}

// Bytes of the escape at `at`, which is a backslash.
static size_t escape_size(const Walk *walk) {
    size_t left = walk->raw.size_bytes - walk->at;
    if (left < 2) {
        return left;
    }
    char c = walk->raw.data[walk->at + 1];
    size_t size = c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
    return size < left ? size : left;
}

static bool is_line_join(const Walk *walk) {
    size_t left = walk->raw.size_bytes - walk->at;
    return left >= 2 && walk->raw.data[walk->at] == '\\' &&
           (walk->raw.data[walk->at + 1] == '\n' || walk->raw.data[walk->at + 1] == '\r');
}

// Moves over white space and backslashes that only join lines.
static void skip_layout(Walk *walk) {
    skip_space(walk);
    while (walk->style == SCALAR_DOUBLE_QUOTED && is_line_join(walk)) {
        walk->at++;
        skip_space(walk);
    }
}

static size_t code_point_size(Str text, size_t at) {
    size_t next = at;
    base_utf8_next(text, &next);
    return next - at;
}

// Moves over what one code point of the value was written as.
static void step(Walk *walk, Str value, size_t value_at) {
    bool is_escape = walk->style == SCALAR_DOUBLE_QUOTED && walk->at < walk->raw.size_bytes &&
                     walk->raw.data[walk->at] == '\\' && !is_line_join(walk);
    if (is_escape) {
        walk->at += escape_size(walk);
    } else if (is_space(value.data[value_at])) {
        bool is_written = walk->at < walk->raw.size_bytes && is_space(walk->raw.data[walk->at]);
        walk->at += is_written ? 1 : 0;
    } else if (walk->at < walk->raw.size_bytes) {
        bool is_doubled = walk->style == SCALAR_SINGLE_QUOTED && walk->raw.data[walk->at] == '\'';
        walk->at += is_doubled ? 2 : code_point_size(walk->raw, walk->at);
    }
    if (walk->at > walk->raw.size_bytes) {
        walk->at = walk->raw.size_bytes;
    }
}

// Whether the next code point of the value stands after the layout in the raw text.
static bool is_after_layout(const Walk *walk, Str value, size_t value_at) {
    if (!is_space(value.data[value_at])) {
        return true;
    }
    // A written escape such as \n after a line's end.
    Walk ahead = *walk;
    skip_layout(&ahead);
    bool is_last_space = value_at + 1 == value.size_bytes || !is_space(value.data[value_at + 1]);
    return walk->style == SCALAR_DOUBLE_QUOTED && is_line_join(walk) && is_last_space &&
           ahead.at < ahead.raw.size_bytes && ahead.raw.data[ahead.at] == '\\';
}

static size_t raw_offset(Str file, const ModelScalar *scalar, Str value, size_t byte_offset) {
    Walk walk = {{file.data, scalar->end}, scalar->begin, scalar->style};
    if (scalar->style == SCALAR_SINGLE_QUOTED || scalar->style == SCALAR_DOUBLE_QUOTED) {
        // Marks of quoted scalars may stand on the quote or behind it.
        char quote = scalar->style == SCALAR_SINGLE_QUOTED ? '\'' : '"';
        bool is_inside = scalar->begin > 0 && file.data[scalar->begin - 1] == quote;
        walk.at += is_inside ? 0 : 1;
    }
    size_t at = 0;
    while (at < value.size_bytes) {
        if (is_after_layout(&walk, value, at)) {
            skip_layout(&walk);
        }
        size_t size = code_point_size(value, at);
        if (byte_offset < at + size) {
            return walk.at;
        }
        step(&walk, value, at);
        at += size;
    }
    return walk.at;
}

static const ModelScalar *find_scalar(const Model *model, Place place) {
    size_t low = 0;
    size_t high = model->scalar_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        Place at = model->scalars[middle].place;
        if (at.line == place.line && at.column == place.column) {
            return &model->scalars[middle];
        }
        bool is_less = at.line < place.line || (at.line == place.line && at.column < place.column);
        low = is_less ? middle + 1 : low;
        high = is_less ? high : middle;
    }
    return NULL;
}

Place lang_model_place(const Model *model, Place expression_place, Str expression,
                       size_t byte_offset) {
    const ModelScalar *scalar = find_scalar(model, expression_place);
    if (scalar == NULL) {
        return expression_place;
    }
    Str file = model->text->text;
    size_t target = raw_offset(file, scalar, expression, byte_offset);
    // From the scalar's own place on, not from the beginning of the file.
    Place place = expression_place;
    for (size_t at = scalar->begin; at < target;) {
        bool is_line_end = file.data[at] == '\n';
        base_utf8_next(file, &at);
        place.column = is_line_end ? 1 : place.column + 1;
        place.line += is_line_end ? 1 : 0;
    }
    return place;
}

// The longest secret that stands at `at`, or 0.
static size_t secret_at(const Model *model, Str message, size_t at) {
    size_t longest = 0;
    Str rest = {message.data + at, message.size_bytes - at};
    for (size_t i = 0; i < model->secret_count; i++) {
        Str secret = model->secrets[i];
        if (secret.size_bytes > longest && base_str_starts(rest, secret)) {
            longest = secret.size_bytes;
        }
    }
    return longest;
}

void lang_model_redact(Text *out, const Model *model, Str message) {
    for (size_t at = 0; at < message.size_bytes;) {
        size_t size = secret_at(model, message, at);
        if (size > 0) {
            base_text_append(out, STR("***"));
            at += size;
        } else {
            base_text_append_char(out, message.data[at++]);
        }
    }
}
