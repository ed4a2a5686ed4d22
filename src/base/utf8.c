#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

#define REPLACEMENT UINT32_C(0xFFFD)

// The length of the valid sequence at the start of the bytes and its code point; 0 if invalid.
static size_t decode_one(const unsigned char *bytes, size_t size, uint32_t *ret_code_point) {
    unsigned char lead = bytes[0];
    if (lead < 0x80) {
        *ret_code_point = lead;
        return 1;
    }
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || need > size) {
        return 0;
    }
    uint32_t code_point = lead & (0xFFu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code_point = code_point << 6 | (bytes[i] & 0x3Fu);
    }
    bool overlong = (need == 3 && code_point < 0x800) || (need == 4 && code_point < 0x10000);
    bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (overlong || surrogate || code_point > 0x10FFFF) {
        return 0;
    }
    *ret_code_point = code_point;
    return need;
}

size_t base_utf8_invalid(Str text) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t at = 0;
    while (at < text.size_bytes) {
        uint32_t code_point;
        size_t length = decode_one(bytes + at, text.size_bytes - at, &code_point);
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return at;
}

uint32_t base_utf8_next(Str text, size_t *offset) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint32_t code_point = REPLACEMENT;
    size_t length = decode_one(bytes + *offset, text.size_bytes - *offset, &code_point);
    *offset += length == 0 ? 1 : length;
    return code_point;
}

void base_utf8_append(Text *text, uint32_t code_point) {
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        code_point = REPLACEMENT;
    }
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t length = utf8proc_encode_char((utf8proc_int32_t)code_point, bytes);
    base_text_append(text, (Str){(const char *)bytes, (size_t)length});
}

size_t base_utf8_count(Str text) {
    size_t count = 0;
    for (size_t at = 0; at < text.size_bytes; count++) {
        base_utf8_next(text, &at);
    }
    return count;
}

size_t base_utf8_width(Str text) {
    size_t width = 0;
    for (size_t at = 0; at < text.size_bytes;) {
        int columns = utf8proc_charwidth((utf8proc_int32_t)base_utf8_next(text, &at));
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}

Str base_utf8_lower(Arena *arena, Str text) {
    BASE_TEXT_SCOPED lower = {0};
    for (size_t at = 0; at < text.size_bytes;) {
        uint32_t code_point = base_utf8_next(text, &at);
        base_utf8_append(&lower, (uint32_t)utf8proc_tolower((utf8proc_int32_t)code_point));
    }
    return base_arena_str(arena, base_text_str(&lower));
}

bool base_utf8_is_letter(uint32_t code_point) {
    if (code_point > 0x10FFFF) {
        return false;
    }
    switch (utf8proc_category((utf8proc_int32_t)code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return true;
    default:
        return false;
    }
}

static uint32_t *decode_all(Str text, size_t count) {
    uint32_t *points = calloc(count + 1, sizeof *points);
    if (points == NULL) {
        abort();
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        points[i] = base_utf8_next(text, &at);
    }
    return points;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

// One row of the optimal string alignment: `before` and `last` are the two rows above.
static size_t fill_row(const uint32_t *a, size_t i, const uint32_t *b, size_t b_count,
                       const size_t *before, const size_t *last, size_t *row) {
    row[0] = i;
    size_t smallest = i;
    for (size_t j = 1; j <= b_count; j++) {
        size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
        row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
            row[j] = least(row[j], before[j - 2] + 1);
        }
        smallest = least(smallest, row[j]);
    }
    return smallest;
}

size_t base_utf8_distance(Str a, Str b, size_t most) {
    size_t a_count = base_utf8_count(a);
    size_t b_count = base_utf8_count(b);
    if ((a_count > b_count ? a_count - b_count : b_count - a_count) > most) {
        return most + 1;
    }
    uint32_t *a_points = decode_all(a, a_count);
    uint32_t *b_points = decode_all(b, b_count);
    size_t *rows = calloc(3 * (b_count + 1), sizeof *rows);
    if (rows == NULL) {
        abort();
    }
    size_t *before = rows;
    size_t *last = rows + b_count + 1;
    size_t *row = rows + 2 * (b_count + 1);
    for (size_t j = 0; j <= b_count; j++) {
        last[j] = j;
        before[j] = j;
    }
    size_t smallest_before = 0;
    for (size_t i = 1; i <= a_count; i++) {
        size_t smallest = fill_row(a_points, i, b_points, b_count, before, last, row);
        if (smallest > most && smallest_before > most) {
            break; // two rows above the bound: nothing later can come back under it
        }
        smallest_before = smallest;
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    size_t distance = least(last[b_count], most + 1);
    free(rows);
    free(a_points);
    free(b_points);
    return distance;
}
