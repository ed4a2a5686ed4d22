// Unicode by code point. All functions take valid UTF-8 unless said otherwise.
#ifndef KRETS_BASE_UTF8_H
#define KRETS_BASE_UTF8_H

#include "base/arena.h"
#include "base/str.h"

// Offset of the first byte that is not valid UTF-8, or text.size_bytes when all is valid.
size_t base_utf8_invalid(Str text);
// Decodes the code point at *offset and moves past it; an invalid byte yields U+FFFD and moves one.
uint32_t base_utf8_next(Str text, size_t *offset);
void base_utf8_append(Text *text, uint32_t code_point);
size_t base_utf8_count(Str text); // code points
size_t base_utf8_width(Str text); // terminal columns (wide = 2, combining = 0)
// Simple lower case, code point by code point (the same mapping as DuckDB's lower()).
Str base_utf8_lower(Arena *arena, Str text);
bool base_utf8_is_letter(uint32_t code_point);
// Damerau-Levenshtein distance over code points, at most `most` + 1.
size_t base_utf8_distance(Str a, Str b, size_t most);

#endif
