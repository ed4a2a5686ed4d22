#include "cli/listing.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

struct Listing {
    const ListingColumn *columns;
    size_t column_count;
    Arena *arena;
    Str *cells;
    size_t cell_count, capacity;
};

Listing *cli_listing_new(const ListingColumn *columns, size_t column_count) {
    assert(column_count > 0 && column_count <= LISTING_COLUMN_MAX);
    Arena *arena = base_arena_new(SIZE_MAX);
    Listing *listing = base_arena_alloc(arena, sizeof *listing);
    *listing = (Listing){.columns = columns, .column_count = column_count, .arena = arena};
    return listing;
}

void cli_listing_free(Listing *listing) {
    if (listing)
        base_arena_free(listing->arena);
}

// At most `width_max` terminal columns; control characters become spaces.
static Str cut(Arena *arena, Str text, size_t width_max) {
    BASE_TEXT_SCOPED out = {0};
    size_t width = 0;
    for (size_t at = 0; at < text.size_bytes;) {
        size_t begin = at;
        uint32_t code_point = base_utf8_next(text, &at);
        Str letter = {text.data + begin, at - begin};
        if (code_point < 0x20 || code_point == 0x7f)
            letter = STR(" ");
        size_t letter_width = base_utf8_width(letter);
        if (width_max && width + letter_width > width_max - 1 && at < text.size_bytes) {
            base_text_append(&out, STR("…"));
            break;
        }
        base_text_append(&out, letter);
        width += letter_width;
    }
    return base_arena_str(arena, base_text_str(&out));
}

void cli_listing_cell(Listing *listing, Str text) {
    if (listing->cell_count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 64;
        listing->cells = base_arena_grow(listing->arena, listing->cells, listing->cell_count,
                                         capacity, sizeof *listing->cells);
        listing->capacity = capacity;
    }
    const ListingColumn *column = &listing->columns[listing->cell_count % listing->column_count];
    listing->cells[listing->cell_count++] = cut(listing->arena, text, column->width_max);
}

void cli_listing_cellf(Listing *listing, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_listing_cell(listing, base_str_from(text));
}

static void print_cell(FILE *out, Str text, size_t width, bool is_right, bool is_last) {
    size_t own = base_utf8_width(text);
    int padding = own < width ? (int)(width - own) : 0;
    if (is_right)
        fprintf(out, "%*s", padding, "");
    fwrite(text.data, 1, text.size_bytes, out);
    if (!is_right && !is_last)
        fprintf(out, "%*s", padding, "");
    fputs(is_last ? "\n" : "  ", out);
}

void cli_listing_print(const Listing *listing, FILE *out, bool is_colour) {
    size_t widths[LISTING_COLUMN_MAX];
    assert(listing->column_count > 0 && listing->column_count <= LISTING_COLUMN_MAX);
    for (size_t c = 0; c < listing->column_count; c++)
        widths[c] = base_utf8_width(base_str_from(listing->columns[c].title));
    for (size_t i = 0; i < listing->cell_count; i++) {
        size_t width = base_utf8_width(listing->cells[i]);
        size_t column = i % listing->column_count;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    if (is_colour)
        fputs("\033[1m", out);
    for (size_t c = 0; c < listing->column_count; c++)
        print_cell(out, base_str_from(listing->columns[c].title), widths[c],
                   listing->columns[c].is_right, c + 1 == listing->column_count);
    if (is_colour)
        fputs("\033[0m", out);
    for (size_t i = 0; i < listing->cell_count; i++) {
        size_t column = i % listing->column_count;
        print_cell(out, listing->cells[i], widths[column], listing->columns[column].is_right,
                   column + 1 == listing->column_count);
    }
}

Str cli_listing_count(char buffer[static 32], uint64_t count) {
    size_t at = 32;
    int digits = 0;
    do {
        if (digits && digits % 3 == 0)
            buffer[--at] = ',';
        buffer[--at] = (char)('0' + count % 10);
        count /= 10;
        digits++;
    } while (count);
    return (Str){buffer + at, 32 - at};
}
