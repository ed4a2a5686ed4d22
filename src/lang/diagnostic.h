// Errors and warnings about a text that a person wrote: the model file, an expression.
#ifndef KRETS_LANG_DIAGNOSTIC_H
#define KRETS_LANG_DIAGNOSTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

// So many are kept and rendered; further ones are only counted.
#define LANG_DIAGNOSTIC_MAX 1000

// A place in a text; 1-based, columns in code points. line 0: nowhere.
typedef struct Place {
    int32_t line;
    int32_t column;
} Place;

// A text as its author wrote it, and the name it goes by in messages. Where the text of a model
// file holds ${VAR}, diagnostics show just that, never the value.
typedef struct SourceText {
    Str path;
    Str text;
} SourceText;

// Text for people: file:line:column, the line, a caret, a sentence, a suggestion.
typedef struct Diagnostic {
    bool is_warning;
    Place place;
    Str message;  // one sentence, or two with what to do
    Str rendered; // the whole, several lines, no trailing newline
} Diagnostic;

// Owned by `arena`. Not thread-safe.
typedef struct Diagnostics {
    Arena *arena;
    Diagnostic *items;
    size_t count, capacity;
    size_t error_count;   // errors, kept or not
    size_t dropped_count; // above LANG_DIAGNOSTIC_MAX
} Diagnostics;

// An empty list whose texts live in `arena`.
void lang_diagnostics_init(Diagnostics *diagnostics, Arena *arena);

// Adds one. `length` is that of the marked run in code points (at least 1 is drawn; it never runs
// over the end of its line). A place with line 0 renders without a line. The text is untrusted:
// control characters are not passed on to a terminal.
void lang_diagnostic_add(Diagnostics *diagnostics, const SourceText *text, Place place,
                         int32_t length, bool is_warning, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

// Sorts by place, keeping the order of those at one place.
void lang_diagnostics_sort(Diagnostics *diagnostics);

// The best match for a misspelt name: small Damerau-Levenshtein distance (a third of its length),
// whatever the case; the empty text when nothing is near.
Str lang_suggest(Arena *arena, Str name, const Str *known, size_t count);

// The place of a byte of a text that begins at 1:1.
Place lang_place_of(Str text, size_t byte_offset);

#endif
