#include "lang/diagnostic.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

// A longer line is shown in part: so many code points before the mark and in all.
enum { BEFORE_MARK_MAX = 70, LINE_SHOWN_MAX = 140 };

void lang_diagnostics_init(Diagnostics *diagnostics, Arena *arena) {
    *diagnostics = (Diagnostics){.arena = arena};
}

// The 1-based line without its end; empty when there is no such line.
static Str find_line(Str text, int32_t line) {
    size_t begin = 0;
    for (int32_t at = 1; at < line; at++) {
        const char *end = begin < text.size_bytes
                              ? memchr(text.data + begin, '\n', text.size_bytes - begin)
                              : NULL;
        if (end == NULL) {
            return (Str){NULL, 0};
        }
        begin = (size_t)(end - text.data) + 1;
    }
    if (begin >= text.size_bytes) {
        return (Str){NULL, 0};
    }
    const char *end = memchr(text.data + begin, '\n', text.size_bytes - begin);
    size_t size = (end == NULL ? text.size_bytes : (size_t)(end - text.data)) - begin;
    if (size > 0 && text.data[begin + size - 1] == '\r') {
        size--;
    }
    return (Str){text.data + begin, size};
}

static bool is_control(uint32_t c) {
    bool is_ascii = (c < 0x20 && c != '\t') || (c >= 0x7F && c < 0xA0);
    bool is_direction = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    return is_ascii || is_direction || c == 0x2028 || c == 0x2029;
}

static void append_shown(Text *out, Str line, size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {
        uint32_t c = base_utf8_next(line, &at);
        base_utf8_append(out, is_control(c) ? 0xFFFD : c);
    }
}

// Blanks as wide as the text, with its tabs, so that what follows stands under what follows it.
static void append_blank(Text *out, Str line, size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {
        size_t from = at;
        uint32_t c = base_utf8_next(line, &at);
        if (c == '\t') {
            base_text_append_char(out, '\t');
            continue;
        }
        size_t width = is_control(c) ? 1 : base_utf8_width((Str){line.data + from, at - from});
        base_text_printf(out, "%*s", (int)width, "");
    }
}

static size_t offset_of_column(Str line, int32_t column) {
    size_t at = 0;
    for (int32_t i = 1; i < column && at < line.size_bytes; i++) {
        base_utf8_next(line, &at);
    }
    return at;
}

static void append_marks(Text *out, Str line, size_t begin, size_t end) {
    size_t width = begin == end ? 0 : base_utf8_width((Str){line.data + begin, end - begin});
    for (size_t i = 0; i < (width == 0 ? 1 : width); i++) {
        base_text_append_char(out, '^');
    }
}

static void append_excerpt(Text *out, Str text, Place place, int32_t length) {
    Str line = find_line(text, place.line);
    int32_t shown_from = place.column > BEFORE_MARK_MAX ? place.column - BEFORE_MARK_MAX : 1;
    bool is_cut = base_utf8_count(line) > LINE_SHOWN_MAX;
    size_t begin = is_cut ? offset_of_column(line, shown_from) : 0;
    size_t end = is_cut ? offset_of_column(line, shown_from + LINE_SHOWN_MAX) : line.size_bytes;
    size_t mark = offset_of_column(line, place.column);
    size_t mark_end = offset_of_column(line, place.column + (length < 1 ? 1 : length));
    if (mark_end > end) {
        mark_end = end;
    }
    int digits = snprintf(NULL, 0, "%d", place.line);
    base_text_printf(out, "\n %d | %s", place.line, begin > 0 ? "…" : "");
    append_shown(out, line, begin, end);
    base_text_printf(out, "%s\n %*s | %s", end < line.size_bytes ? "…" : "", digits, "",
                     begin > 0 ? " " : "");
    append_blank(out, line, begin, mark);
    append_marks(out, line, mark, mark_end);
}

static Str format_message(Arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0) {
        return STR("(a message that cannot be shown)");
    }
    char *data = base_arena_alloc(arena, (size_t)size + 1);
    if (data == NULL) {
        return (Str){NULL, 0};
    }
    vsnprintf(data, (size_t)size + 1, format, arguments);
    BASE_TEXT_SCOPED clean = {0};
    append_shown(&clean, (Str){data, (size_t)size}, 0, (size_t)size);
    return base_arena_str(arena, base_text_str(&clean));
}

static Str render(Arena *arena, const SourceText *text, const Diagnostic *diagnostic,
                  int32_t length) {
    BASE_TEXT_SCOPED out = {0};
    append_shown(&out, text->path, 0, text->path.size_bytes);
    if (diagnostic->place.line > 0) {
        base_text_printf(&out, ":%d:%d", diagnostic->place.line, diagnostic->place.column);
    }
    base_text_printf(&out, ": %s: ", diagnostic->is_warning ? "warning" : "error");
    base_text_append(&out, diagnostic->message);
    if (diagnostic->place.line > 0) {
        append_excerpt(&out, text->text, diagnostic->place, length);
    }
    return base_arena_str(arena, base_text_str(&out));
}

void lang_diagnostic_add(Diagnostics *diagnostics, const SourceText *text, Place place,
                         int32_t length, bool is_warning, const char *format, ...) {
    assert(diagnostics->arena != NULL);
    diagnostics->error_count += is_warning ? 0 : 1;
    if (diagnostics->count >= LANG_DIAGNOSTIC_MAX) {
        diagnostics->dropped_count++;
        return;
    }
    if (diagnostics->count == diagnostics->capacity) {
        size_t capacity = diagnostics->capacity == 0 ? 8 : diagnostics->capacity * 2;
        Diagnostic *items = base_arena_grow(diagnostics->arena, diagnostics->items,
                                            diagnostics->count, capacity, sizeof *items);
        if (items == NULL) {
            diagnostics->dropped_count++;
            return;
        }
        diagnostics->items = items;
        diagnostics->capacity = capacity;
    }
    Diagnostic *item = &diagnostics->items[diagnostics->count++];
    *item = (Diagnostic){.is_warning = is_warning, .place = place};
    va_list arguments;
    va_start(arguments, format);
    item->message = format_message(diagnostics->arena, format, arguments);
    va_end(arguments);
    item->rendered = render(diagnostics->arena, text, item, length);
}

// Merge sort: stable, and few items are out of order.
static bool is_before(const Diagnostic *a, const Diagnostic *b) {
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line;
    }
    return a->place.column < b->place.column;
}

static void merge_sort(Diagnostic *items, Diagnostic *room, size_t count) {
    if (count < 2) {
        return;
    }
    size_t half = count / 2;
    merge_sort(items, room, half);
    merge_sort(items + half, room, count - half);
    memcpy(room, items, count * sizeof *items);
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; i < count; i++) {
        bool takes_right = left == half || (right < count && is_before(&room[right], &room[left]));
        items[i] = takes_right ? room[right++] : room[left++];
    }
}

void lang_diagnostics_sort(Diagnostics *diagnostics) {
    if (diagnostics->count < 2) {
        return;
    }
    Diagnostic *room = calloc(diagnostics->count, sizeof *room);
    if (room == NULL) {
        abort();
    }
    merge_sort(diagnostics->items, room, diagnostics->count);
    free(room);
}

Str lang_suggest(Arena *arena, Str name, const Str *known, size_t count) {
    size_t length = base_utf8_count(name);
    size_t most = length < 3 ? 1 : (length + 2) / 3;
    Str lower = base_utf8_lower(arena, name);
    Str best = {NULL, 0};
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        // Case counts only between names that are equally near.
        size_t distance = 2 * base_utf8_distance(lower, base_utf8_lower(arena, known[i]), most);
        if (distance > 2 * most || distance / 2 >= length) {
            continue;
        }
        distance += base_utf8_distance(name, known[i], most) * 2 > distance ? 1 : 0;
        if (distance < best_distance && !base_str_equal(name, known[i])) {
            best = known[i];
            best_distance = distance;
        }
    }
    return best;
}

Place lang_place_of(Str text, size_t byte_offset) {
    Place place = {1, 1};
    for (size_t at = 0; at < byte_offset && at < text.size_bytes;) {
        bool is_line_end = text.data[at] == '\n';
        base_utf8_next(text, &at);
        place.column = is_line_end ? 1 : place.column + 1;
        place.line += is_line_end ? 1 : 0;
    }
    return place;
}
